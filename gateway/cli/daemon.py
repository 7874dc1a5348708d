"""``telecare run | check | demo``: the daemon, its settings, the whole thing for a look."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.centre.load import load_centre
from gateway.cli.common import DEFAULT_CONFIG, ERR, OUT, ConfigOption, complain, settings_and_database
from gateway.cli.logs import to_stderr
from gateway.codecs import Codecs
from gateway.errors import CentreError, GatewayError, Problem, SettingsError
from gateway.settings import Settings, load_settings
from gateway.settings.profiles import library_of
from gateway.store import centres
from gateway.store.database import reader


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
) -> None:
    """Check the settings, and the care centre in force or a centre file, and say everything that is wrong.

    Changes nothing, and needs neither broker nor database.
    """
    problems: list[Problem] = []
    stored = ""
    try:
        settings = load_settings(config)
    except SettingsError as error:
        problems += error.problems
    else:
        problems += _profile_problems(settings)
        path = settings.gateway.data / "gateway.db"
        if centre is None and path.exists():
            with closing(reader(path)) as db:
                try:
                    found = centres.latest(db)
                    stored = f" Centre version {found.version} is in force." if found else ""
                except CentreError as error:
                    problems += error.problems
    if centre is not None:
        try:
            load_centre(centre)
        except CentreError as error:
            problems += error.problems
    if problems:
        for problem in problems:
            ERR.print(str(problem), style="red", markup=False)
        raise typer.Exit(2)
    OUT.print(f"{config}: no errors.{stored}", markup=False)


def _profile_problems(settings: Settings) -> list[Problem]:
    """What is wrong with the care centre's own device profiles and codecs."""
    problems: list[Problem] = []
    try:
        library_of(settings)
    except SettingsError as error:
        problems += error.problems
    try:
        Codecs.load(settings.devices.codecs).close()
    except SettingsError as error:
        problems += error.problems
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
