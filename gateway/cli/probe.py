"""``telecare probe``: from outside, and by its own way: does the gateway still hear?"""

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.app.shout import Tried, Words, tell_failsafe
from gateway.centre.index import CentreIndex
from gateway.centre.load import load_centre
from gateway.centre.model import Carer, Contact, Device
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    as_given,
    fail,
    print_json,
    settings_and_database,
)
from gateway.cli.daemon import until_stopped
from gateway.cli.logs import to_stderr
from gateway.errors import GatewayError, Problem, SettingsError, StoreError
from gateway.notify.channel import Channel
from gateway.settings import Settings
from gateway.store import centres
from gateway.store.database import reader
from simulators.link import Broker
from simulators.prober import Outcome, Probed, ask

WORDS = {
    Outcome.ACKNOWLEDGED: "acknowledged",
    Outcome.NO_BROKER: "the broker can't be reached from here",
    Outcome.REFUSED: "the broker does not let the probe in, or not listen: user name, password, access list",
    Outcome.NOT_TAKEN: "the broker did not confirm the message",
    Outcome.NOT_ACKNOWLEDGED: "the broker has the message, and the gateway did not acknowledge it",
}


def probe(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    centre: Annotated[
        Path | None,
        typer.Option("--centre", help="The centre file, where there is no database here.", show_default="the database"),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Ask once; ends with 1 when there was no answer.")] = False,
    every: Annotated[
        float | None,
        typer.Option("--every", min=5, max=3600, help="Seconds between two.", show_default="the settings', 60"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Send test messages, and wait for the gateway's own acknowledgement; tell people when it stays away.

    Runs until it is stopped, best on another machine; docs/probe.md tells how.
    """
    settings, path = settings_and_database(config)
    index = _index(path, centre)
    device = _device(settings, index)
    to_stderr(quiet=once)
    if once:
        _once(settings, index, device, json=json)
        return
    until_stopped(_run(settings, path, centre, index, device, every or settings.probe.every_s))


def _once(settings: Settings, index: CentreIndex, device: Device, *, json: bool) -> None:
    probed = asyncio.run(_ask(settings, index, device, CLOCK.now(), None))
    if json:
        print_json(probed)
    elif probed.round_trip_ms is not None:
        OUT.print(f"{WORDS[probed.outcome]} after {probed.round_trip_ms:.1f} ms")
    else:
        ERR.print(f"Not acknowledged: {WORDS[probed.outcome]}.", style="red")
    if probed.outcome is not Outcome.ACKNOWLEDGED:
        raise typer.Exit(1)


async def _run(
    settings: Settings, path: Path, centre: Path | None, index: CentreIndex, device: Device, every_s: float
) -> None:
    from gateway.app.prober import Prober
    from gateway.notify.http import OpenHttp

    options = settings.probe
    known = index
    url = options.ping.url.get_secret_value() if options.ping and options.ping.url else None
    http = OpenHttp(timeout_s=options.ping.timeout_s) if options.ping else None

    async def question(at: datetime, before_ms: float | None) -> Probed:
        return await _ask(settings, known, device, at, before_ms)

    async def tell(words: Words) -> list[Tried]:
        nonlocal known
        try:
            known = _index(path, centre)
        except (GatewayError, sqlite3.Error, OSError) as error:
            # the outage may be the database's: whom it named last is told
            ERR.print(str(error), style="yellow")
        return await _tell(settings, path, known, words)

    async def ping() -> None:
        assert http is not None
        assert url is not None
        (await http.send("GET", url, headers={}, content=None, now=CLOCK.now())).expect_taken()

    prober = Prober(
        ask=question,
        tell=tell,
        ping=ping if url is not None else None,
        clock=CLOCK,
        every_s=every_s,
        enough=options.failures,
        folder=settings.gateway.data,
    )
    async with _channels(settings, path, index) as channels:
        _can_tell(index, channels)  # now, and not when it is needed
    try:
        await prober.run()
    finally:
        if http is not None:
            await http.close()


def _index(path: Path, centre: Path | None) -> CentreIndex:
    """The centre of the file, or else of the database."""
    if centre is not None:
        return CentreIndex(as_given(load_centre, centre))
    with closing(reader(path)) as db:
        found = centres.latest(db)
    if found is None:
        raise StoreError("No care centre was applied yet: run `telecare centre apply FILE`.")
    return CentreIndex(found.centre)


def _failsafe(index: CentreIndex) -> list[tuple[Carer, Contact]]:
    """Each way to each of the people who are told."""
    carers = [index.carers[name] for name in index.policy_of(None).failsafe if name in index.carers]
    return [(carer, contact) for carer in carers for contact in carer.contacts]


def _can_tell(index: CentreIndex, channels: Collection[str]) -> None:
    """Warn of what does not lead to anybody.

    Raises:
        SettingsError: nothing does.
    """
    ways = _failsafe(index)
    missing = sorted({contact.channel for _, contact in ways if contact.channel not in channels})
    if len(missing) == len({contact.channel for _, contact in ways}):
        expected = "expected a channel by which the failsafe people of the first policy have a contact"
        raise SettingsError([Problem("gateway.toml", "channels", ", ".join(missing) or "(none)", expected)])
    for channel in missing:
        ERR.print(f"Warning: [channels.{channel}] is not set up here: contacts by it are not told.", style="yellow")
    if {contact.channel for _, contact in ways} - set(missing) == {"log"}:
        ERR.print("Warning: people would be told in this log only, which wakes nobody.", style="yellow")


def _device(settings: Settings, index: CentreIndex) -> Device:
    """The probe device that the settings name, or the only one."""
    probes = {device.id: device for device in index.probes}
    wanted = settings.probe.device
    if wanted is not None and wanted in probes:
        return probes[wanted]
    if wanted is None and len(probes) == 1:
        return next(iter(probes.values()))
    if not probes:
        raise fail('The centre has no probe: add a device of type "probe" (id, type, format = "native"), apply it.')
    expected = f"expected one of {', '.join(probes)}"
    raise fail(f"probe.device: {wanted or '(missing)'}: {expected}")


async def _ask(settings: Settings, index: CentreIndex, device: Device, at: datetime, before_ms: float | None) -> Probed:
    broker, own = settings.broker, settings.probe
    username, password = (own.username, own.password) if own.username else (broker.username, broker.password)
    return await ask(
        Broker(
            host=broker.host,
            port=broker.port,
            username=username,
            password=password.get_secret_value() if password else None,
            tls=broker.tls.enabled,
            ca_file=broker.tls.ca,
            cert_file=broker.tls.cert,
            key_file=broker.tls.key,
        ),
        site=index.site.id,
        device=device.address,
        at=at,
        within_s=own.within_s,
        before_ms=before_ms,
    )


async def _tell(settings: Settings, path: Path, index: CentreIndex, words: Words) -> list[Tried]:
    async with _channels(settings, path, index) as channels:
        return await tell_failsafe(channels, index, CLOCK, settings.console.base_url, words)


@asynccontextmanager
async def _channels(settings: Settings, path: Path, index: CentreIndex) -> AsyncIterator[dict[str, Channel]]:
    """The channels of the settings, without the gateway: each connection is made for this, and ends with it."""
    from gateway.app.channels import make_channels
    from gateway.app.parts import broker_options
    from gateway.ingest.publisher import Publisher
    from gateway.ingest.trouble import LinkError
    from gateway.links import Links
    from gateway.notify.channels.log import LogChannel

    # The key of the gateway's own links stays with the gateway: these messages ask for no answer.
    links = Links(settings.console.base_url, secrets.token_urlsafe(32), CLOCK)
    publisher = Publisher(broker_options(settings, index.site.id), name="probe")
    channels = make_channels(settings, publisher, log=LogChannel(), links=links, clock=CLOCK, database=path)
    try:
        if any(contact.channel == "mqtt" for _, contact in _failsafe(index)):
            with suppress(LinkError):  # a bad TLS file; the other channels are tried all the same
                await publisher.start()
        yield channels
    finally:
        await publisher.close()
        for channel in channels.values():
            await channel.close()
