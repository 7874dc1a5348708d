"""``telecare test-contact``: does a way to reach a carer work? A real message, marked as a test, and its record."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.alerts import contact_tests
from gateway.centre.index import CentreIndex
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    as_given,
    fail,
    local,
    operator,
    print_json,
    printable,
    settings_and_database,
)
from gateway.cli.logs import to_stderr
from gateway.notify.contact_test import Tested, try_contact
from gateway.settings import Settings, load_settings
from gateway.store import centres
from gateway.store.database import reader
from gateway.store.writer import Tx, write_now


def contact_test(
    carer: Annotated[
        str | None, typer.Argument(help="Carer id.", metavar="CARER", show_default="with --list all")
    ] = None,
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    contact: Annotated[
        int | None, typer.Option("--contact", min=1, help="Which contact, from 1.", show_default="all of them")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Only show the record, the newest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many of the record at the most.")] = 50,
    json: JsonOption = False,
) -> None:
    """Send a carer a test message by the real channels, and keep what became of it.

    Ends with 1 when a message could not be handed over. The carer confirms with the link in the message.
    """
    settings, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
    index = CentreIndex(found.centre) if found else None
    if listing:
        _show(path, index, carer, limit, json=json)
        return
    if index is None:
        raise fail("No care centre was applied yet: run `telecare centre apply FILE`.")
    if carer is None or carer not in index.carers:
        raise fail(f"CARER: {carer!r}: expected a carer of the centre: {', '.join(index.carers)}")
    ways = index.carers[carer].contacts
    if contact is not None and contact > len(ways):
        raise fail(f"--contact: {contact}: expected 1 to {len(ways)}, the contacts of {carer}")
    chosen = range(len(ways)) if contact is None else [contact - 1]
    if not chosen:
        raise fail(f"{carer} has no contacts in the centre file.", code=1)
    to_stderr(quiet=True)
    results = asyncio.run(_test(settings, path, index, carer, list(chosen)))
    for one in results:
        if json:
            print_json(one)
        else:
            OUT.print(
                f"{one.contact + 1} {one.channel}: {'sent' if one.ok else 'failed: ' + printable(one.detail or '')}"
            )
    if not all(one.ok for one in results):
        raise typer.Exit(1)


async def _test(settings: Settings, path: Path, index: CentreIndex, carer: str, contacts: list[int]) -> list[Tested]:
    from gateway.app.channels import make_channels
    from gateway.app.parts import broker_options
    from gateway.ingest.publisher import Publisher
    from gateway.links import Links, secret_in
    from gateway.notify.channels.log import LogChannel

    async def write(work: Callable[[Tx], int]) -> int:
        return write_now(path, work, clock=CLOCK)

    links = Links(settings.console.base_url, secret_in(settings.secret_file), CLOCK)
    publisher = Publisher(broker_options(settings, index.site.id), name="test-contact")
    channels = make_channels(settings, publisher, links=links, log=LogChannel(), clock=CLOCK, database=path)
    ways = index.carers[carer].contacts
    try:
        if any(ways[contact].channel == "mqtt" for contact in contacts):
            await publisher.start()
        return [
            await try_contact(
                index.carers[carer], contact, channels=channels, index=index, links=links, clock=CLOCK, write=write,
                by=operator(),
            )
            for contact in contacts
        ]  # fmt: skip
    finally:
        await publisher.close()
        for channel in channels.values():
            await channel.close()


def push_keys(*, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Make the key for messages to browsers (Web Push), once, at the place that gateway.toml names."""
    from gateway.notify.channels.webpush import public_key, write_key

    settings = as_given(load_settings, config)
    if settings.channels.webpush is None:
        raise fail('[channels.webpush] is not in gateway.toml: write it with subject = "mailto:…", then come again.')
    file = settings.channels.webpush.key_file
    try:
        key = write_key(file)
    except FileExistsError:
        raise fail(
            f"{file} is there already: with a new key every browser must be allowed anew. Delete it first."
        ) from None
    OUT.print(f"{file}: made. The public half, which browsers get by themselves: {public_key(key)}")


def _show(path: Path, index: CentreIndex | None, carer: str | None, limit: int, *, json: bool) -> None:
    with closing(reader(path)) as db:
        tests = contact_tests.newest(db, limit=limit, carer=carer)
    if json:
        for one in tests:
            print_json(one)
        return
    if not tests:
        OUT.print("No contact was tested yet.")
        return
    table = Table("at", "carer", "contact", "result", "confirmed", "by", box=None)
    for one in tests:
        zone = index.timezone if index else one.at.tzinfo
        assert zone is not None, "times of the record are UTC-aware"
        table.add_row(
            local(one.at, zone),
            one.carer,
            f"{one.contact + 1} {one.channel}",
            "sent" if one.ok else printable(one.detail or "failed"),
            local(one.confirmed_at, zone) if one.confirmed_at else "-",
            one.by,
        )
    OUT.print(table)
