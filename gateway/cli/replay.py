"""``telecare replay``: recorded messages through the same code, on their own time."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from gateway.app import replay as replaying
from gateway.centre.load import load_centre
from gateway.cli.common import ERR, as_given, fail, print_json
from gateway.errors import GatewayError


def replay(
    messages: Annotated[Path, typer.Argument(help="JSON lines: received_at, topic, payload or payload_base64.")],
    centre: Annotated[Path, typer.Option("--centre", help="The centre file to judge by.")],
    until: Annotated[
        str | None, typer.Option("--until", help="Let time go on after the last message, to this (RFC 3339).")
    ] = None,
) -> None:
    """Print every alert that recorded messages raise, one JSON object a line, the same each time.

    Time is that of the messages. After the last one it stands still: what would only be decided later
    ("out of bed for 20 minutes") needs a later message, or --until.
    """
    end = _time(until) if until else None
    try:
        with messages.open(encoding="utf-8") as lines:
            recorded = replaying.read_messages(lines, file=messages.name)
    except OSError as error:
        raise fail(f"{messages}: {error.strerror}: name a file that can be read") from error
    except UnicodeDecodeError as error:
        raise fail(
            f"{messages}: not UTF-8 at byte {error.start}: a payload that is no text goes into payload_base64"
        ) from error
    loaded = as_given(load_centre, centre)
    # not into a file or a pipe: there a progress bar is only a stray line
    with Progress(console=ERR, transient=True, disable=not ERR.is_terminal) as progress:
        task = progress.add_task("Replaying", total=len(recorded))
        for alert in replaying.replay(loaded, recorded, until=end, progress=lambda: progress.advance(task)):
            print_json(alert)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise GatewayError(f"--until: {text!r}: expected a time such as 2026-01-31T07:00:00Z") from error
    if at.tzinfo is None:
        raise GatewayError(f"--until: {text!r}: expected a time zone, such as the Z in 2026-01-31T07:00:00Z")
    if at.year not in replaying.YEARS:
        raise GatewayError(f"--until: {text!r}: expected a time from 2000 to 2199")
    return at
