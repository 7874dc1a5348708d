"""``telecare run | check | demo``: the daemon, its settings, the whole thing for a look."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from gateway.app.contacts import leading_nowhere
from gateway.centre.hints import hints
from gateway.centre.load import load_centre
from gateway.centre.model import Centre
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    as_given,
    complain,
    complain_of_system,
    is_full,
    settings_and_database,
)
from gateway.cli.logs import to_stderr
from gateway.codecs import Codecs
from gateway.errors import CentreError, GatewayError, ListenError, Problem, SettingsError
from gateway.settings import Settings, load_settings
from gateway.settings.profiles import library_of
from gateway.store import centres
from gateway.store.database import FILE, reader

T = TypeVar("T")


def run(*, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the gateway until it is told to stop (SIGTERM, Ctrl-C)."""
    from gateway.app.gateway import Gateway

    settings, _ = settings_and_database(config)
    to_stderr()
    gateway = Gateway(settings, on_ready=lambda ready: ERR.print(f"The page is at {ready.console}", markup=False))
    until_stopped(gateway.run())


def check(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    centre: Annotated[Path | None, typer.Option("--centre", help="Check this centre file as well.")] = None,
    broker: Annotated[
        bool, typer.Option("--broker", help="Ask the broker, too, whether it would lose messages.")
    ] = False,
) -> None:
    """Check the settings, and the care centre in force or a centre file, and say everything that is wrong.

    Changes nothing, and needs neither broker nor database, unless --broker asks for the first. What may be meant as
    it is (a contact that leads nowhere, a hub whose silence nobody is told, a resident whose devices can't do what the
    rules count on, a certificate that ends soon, a broker that would lose messages) is a warning, and no error.
    """
    problems: list[Problem] = []
    soon: list[Problem] = []
    settings = _checked(lambda: as_given(load_settings, config), problems)
    if settings is not None:
        problems += _profile_problems(settings)
        expired, soon = _certificates(settings, config.name)
        problems += expired
    version, found = _checked(lambda: _centre(centre, settings), problems) or (None, None)
    if problems:
        for problem in problems:
            ERR.print(str(problem), style="red", markup=False)
        raise typer.Exit(2)
    for problem in soon:
        ERR.print(f"Warning: {problem}", style="yellow", markup=False)
    if settings is not None and found is not None:
        for problem in (*leading_nowhere(found, settings), *hints(found, CLOCK.now())):
            ERR.print(f"Warning: {problem}", style="yellow", markup=False)
    if broker and settings is not None:
        _ask_broker(settings, found.centre.id if found else "check")
    stored = f" Centre version {version} is in force." if version else ""
    OUT.print(f"{config}: no errors.{stored}", markup=False)


def _checked(load: Callable[[], T], problems: list[Problem]) -> T | None:
    try:
        return load()
    except (SettingsError, CentreError) as error:
        problems += error.problems
        return None


def _centre(file: Path | None, settings: Settings | None) -> tuple[int | None, Centre | None]:
    """The centre file, or else the centre in force with its version, if there is a database."""
    if file is not None:
        return None, as_given(load_centre, file)
    path = settings.gateway.data / FILE if settings else None
    if path is None or not path.exists():
        return None, None
    with closing(reader(path)) as db:
        found = centres.latest(db)
    return (found.version, found.centre) if found else (None, None)


def _certificates(settings: Settings, file: str) -> tuple[list[Problem], list[Problem]]:
    """Certificates that nobody will accept, or that can't be used; and those whose time is nearly over.

    Of authorities there may be several in a file, of which another one counts: these are in the second list.
    """
    from gateway.app.parts import certificate_files
    from gateway.console.certificates import SOON, certificates
    from gateway.ingest.http_certificate import HttpCertificate

    wrong: list[Problem] = []
    soon: list[Problem] = []
    now, files = CLOCK.now(), certificate_files(settings)
    for one in certificates(files):
        at = str(files[one.name])
        if one.until is None:
            wrong.append(Problem(file, one.name, at, f"expected a PEM certificate: {one.problem}"))
        elif one.until <= now:
            problem = Problem(file, one.name, at, f"expected a certificate that is good; its time {_over(one.until)}")
            (soon if one.name == "broker.tls.ca" else wrong).append(problem)
        elif one.until - now < SOON:
            problem = Problem(file, one.name, at, f"expected one that was renewed; its time {_over(one.until)}")
            soon.append(problem)
    http = settings.http
    if http.cert is not None and not any(problem.key == "http.cert" for problem in wrong):
        try:
            HttpCertificate(http.cert, http.key)
        except ListenError as error:
            wrong.append(Problem(file, "http.key", str(http.key), f"expected the key of http.cert; {error}"))
    return wrong, soon


def _over(until: datetime) -> str:
    return f"ends at {until:%Y-%m-%d %H:%M} UTC"


def _ask_broker(settings: Settings, site: str) -> None:
    from gateway.app.parts import broker_options
    from gateway.ingest.durability import check_durability

    with ERR.status("Asking the broker ..."):
        findings = asyncio.run(check_durability(broker_options(settings, site), CLOCK))
    for finding in findings:
        ERR.print(f"Warning: {finding.risk.value}: {finding.words} {finding.advice}", style="yellow", markup=False)
    if not findings:
        OUT.print("The broker keeps what it accepts, as far as a client can see.", markup=False)


def _profile_problems(settings: Settings) -> list[Problem]:
    """What is wrong with the care centre's own device profiles and codecs."""
    problems: list[Problem] = []
    _checked(lambda: library_of(settings), problems)
    codecs = _checked(lambda: Codecs.load(settings.devices.codecs), problems)
    if codecs is not None:
        codecs.close()
    return problems


def demo(
    *,
    seconds: Annotated[
        float | None, typer.Option("--for", min=1, help="End by itself after so many seconds.", show_default="never")
    ] = None,
    speed: Annotated[float, typer.Option("--speed", min=1, max=600, help="Simulated seconds in a real one.")] = 60,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0: any free one.")] = 0,
    carers: Annotated[
        bool, typer.Option("--carers/--no-carers", help="Let simulated carers answer, or leave that to you.")
    ] = True,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Keep the demo's data here.", show_default="a temporary folder")
    ] = None,
) -> None:
    """Show the whole thing: broker, demo care centre, gateway, simulated residents and page, with alerts as they come.

    Needs nothing installed and no account; listens on this machine only.
    """
    from gateway.app.demo import Demo

    to_stderr(quiet=True)
    until_stopped(Demo(speed=speed, port=port, folder=folder, answers=carers, out=OUT).run(seconds))


def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run it until it ends or SIGINT or SIGTERM comes; then it is cancelled, and cleans up.

    Ends the process with 1 when it breaks, with every cause in words.
    """
    try:
        asyncio.run(_with_signals(work))
    except BaseExceptionGroup as group:
        code = 1
        for error in _leaves(group):
            if isinstance(error, GatewayError):
                code = max(code, complain(error))
            elif isinstance(error, OSError) and is_full(error):
                complain_of_system(error)
            else:
                ERR.print_exception() if not isinstance(error, asyncio.CancelledError) else None
        raise typer.Exit(1) from None


async def _with_signals(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
