"""``telecare simulate``: residents and devices without hardware."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live

from gateway.cli import people
from gateway.cli.common import ERR, OUT, JsonOption, fail, print_json
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from simulators.life import Life


app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
app.command("provider")(people.provider)
app.command("carers")(people.carers)


@app.callback()
def simulate(
    context: typer.Context,
    *,
    centre: Annotated[Path | None, typer.Option("--centre", help="Play this centre file's residents.")] = None,
    fleet: Annotated[int, typer.Option("--fleet", min=0, help="Instead: so many devices, for load.")] = 0,
    host: Annotated[str, typer.Option("--host", help="The broker.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The broker's port.")] = 1883,
    username: Annotated[str | None, typer.Option("--username", help="User name at the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option("--password-file", help="File that holds the password.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same day.")] = 1,
    start: Annotated[
        str | None, typer.Option("--start", help="Simulated start (RFC 3339).", show_default="now")
    ] = None,
    speed: Annotated[float, typer.Option("--speed", help="Simulated seconds in a real one.")] = 1.0,
    duration: Annotated[float | None, typer.Option("--for", help="Simulated seconds; a fleet's are real ones.")] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", help='Something sure to happen, e.g. "20s sos r03".')
    ] = None,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Fleet: messages a second; 0: as fast as it goes.")] = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Fleet: messages in all.")] = 10_000,
    weeks: Annotated[
        float | None, typer.Option("--weeks", help="Play so many weeks, in which habits change: see --habits.")
    ] = None,
    habits: Annotated[
        str, typer.Option("--habits", help="What may come over people for some days: all, or words with commas.")
    ] = "all",
    faults: Annotated[
        str, typer.Option("--faults", help="With --out: faults of radio, clock and satellites: all, or words.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write a recording for telecare replay; no broker is needed.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Play residents with their devices, or a fleet for load, as MQTT devices; prints a summary at the end."""
    if context.invoked_subcommand is not None:
        return
    from simulators.errors import LinkError, SimulatorError
    from simulators.fleet import FleetOptions, run_fleet
    from simulators.link import Broker
    from simulators.run import Progress, SimulateOptions, Summary, run_centre
    from simulators.script import Scripted

    if (centre is None) == (fleet == 0):
        raise fail("Expected either --centre FILE or --fleet N.")
    broker = Broker(host=host, port=port, username=username, password=_password(password_file))
    began = _time(start) if start else None
    life = _life(habits) if weeks is not None else None
    duration = duration if weeks is None else weeks * 7 * 86_400
    if out is not None:
        _record(centre, out, seed=seed, start=began, duration_s=duration, faults=faults, life=life, json=json)
        return
    if faults:
        raise fail("--faults: expected --out with it: over a real broker, the network makes its own.")

    async def play() -> Summary:
        if centre is None:
            options = FleetOptions(
                broker=broker, trackers=fleet, rate=rate or None, count=count, duration_real_s=duration
            )
            return await run_fleet(options)
        script = tuple(Scripted.parse(text) for text in event or ())
        with Live("", console=ERR, transient=True, refresh_per_second=4) as live:

            def show(progress: Progress) -> None:
                live.update(f"{progress.at:%a %H:%M:%S} {progress.text or ''}")
                if progress.text and not json:
                    OUT.print(f"{progress.at:%H:%M:%S} {progress.text}", markup=False)

            options_of = SimulateOptions(
                broker=broker,
                centre=centre,
                seed=seed,
                start=began,
                speed=speed,
                duration_s=duration,
                script=script,
                life=life,
            )
            return await run_centre(options_of, progress=show)

    try:
        summary = asyncio.run(play())
    except SimulatorError as error:
        raise fail(str(error), code=1 if isinstance(error, LinkError) else 2) from error
    except KeyboardInterrupt:
        raise typer.Exit(1) from None
    if json:
        print_json(summary)
    else:
        OUT.print(
            f"{summary.sent} messages of {summary.devices} devices in {summary.seconds:.1f} s, {summary.acked} taken "
            f"by the broker; {summary.alarms} alarms, {summary.alarms_unacknowledged} of them not acknowledged.",
            markup=False,
        )
    if summary.sent and not summary.acked:
        raise fail(f"The broker at {host}:{port} took none of {summary.sent} messages: is it there?", code=1)


def _record(
    centre: Path | None,
    out: Path,
    *,
    seed: int,
    start: datetime | None,
    duration_s: float | None,
    faults: str,
    life: "Life | None",
    json: bool,
) -> None:
    """Write what would be heard into a file, as fast as it can be drawn."""
    from simulators.errors import SimulatorError
    from simulators.pace import wall_now
    from simulators.recording import Fault, layers, signals, write_recording
    from simulators.scene import read_scene

    if centre is None or duration_s is None:
        raise fail("--out: expected --centre FILE with it, and --weeks N or --for SECONDS.")
    began = start or wall_now()
    if began.tzinfo is None:
        raise fail(f"--start: {began}: expected a time with a time zone, such as 2026-05-01T20:00:00Z")
    wanted = frozenset(map(Fault, _words("--faults", faults, [fault.value for fault in Fault])))
    try:
        scene = read_scene(centre, at=began)
        heard = signals(scene, seed=seed, start=began, duration_s=duration_s, life=life, faults=layers(seed, wanted))
        count = write_recording(out, scene.site, heard)
    except SimulatorError as error:
        raise fail(str(error)) from error
    if json:
        print_json({"messages": count, "file": str(out)})
    else:
        OUT.print(f"{count} messages: telecare replay {out} --centre {centre}", markup=False, soft_wrap=True)


def _life(habits: str) -> "Life":
    from simulators.life import Life, Trait

    return Life(traits=frozenset(map(Trait, _words("--habits", habits, [trait.value for trait in Trait]))))


def _words(option: str, text: str, known: list[str]) -> list[str]:
    """The words of an option: all of them, none, or those between the commas."""
    if text == "all":
        return known
    words = [word.strip() for word in text.split(",") if word.strip()]
    wrong = [word for word in words if word not in known]
    if wrong:
        raise fail(f"{option}: {wrong[0]}: expected all, or some of {', '.join(known)}")
    return words


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise fail(f"--password-file: {file}: {error.strerror}") from error


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise GatewayError(f"--start: {text!r}: expected a time such as 2026-05-01T20:00:00Z") from error
