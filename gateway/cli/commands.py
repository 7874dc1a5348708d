"""``telecare command | commands``: tell a device what to do, and see what became of it."""

import sqlite3
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.app.parts import command_options
from gateway.centre.index import CentreIndex
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    fail,
    operator,
    print_json,
    printable,
    settings_and_database,
)
from gateway.commands import queue
from gateway.commands.api import shown
from gateway.commands.queue import Command, Wanted
from gateway.commands.table import State
from gateway.errors import CommandError, StoreError
from gateway.store import centres
from gateway.store.database import reader
from gateway.store.writer import Tx, write_now

LOOK_EVERY_S = 0.2
"""How often --wait looks; nobody sees the difference to an answer at once."""

_WORDS = {
    State.QUEUED: "is queued; the running gateway sends it",
    State.SENT: "was sent",
    State.CONFIRMED: "was confirmed by the device",
    State.EXPIRED: "has expired",
    State.FAILED: "has failed",
    State.REFUSED: "was refused",
}
_BAD = frozenset({State.EXPIRED, State.FAILED, State.REFUSED})


class What(StrEnum):
    """What a device can be told."""

    RING = "ring"
    FIND = "find"
    LIGHT_ON = "light-on"
    LIGHT_OFF = "light-off"
    LIGHT_DAY = "light-day"
    LIGHT_EVENING = "light-evening"
    LIGHT_NIGHT = "light-night"
    LOCATE = "locate"


def command(
    device: Annotated[str, typer.Argument(help="The device's id in the centre file.", metavar="DEVICE")],
    what: Annotated[What, typer.Argument(help="What it should do.", metavar="COMMAND")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    why: Annotated[str, typer.Option("--why", help="A few words for the audit.")] = "asked at the command line",
    within: Annotated[
        float | None,
        typer.Option("--within", min=1, help="Seconds until it is of no use any more.", show_default="settings"),
    ] = None,
    who: Annotated[
        str | None, typer.Option("--as", help="Carer id in whose name you ask.", show_default="you, as cli:<user>")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is confirmed, or can't be any more.")] = False,
    json: JsonOption = False,
) -> None:
    """Tell a device what to do: ring, find, locate, or switch a light.

    Ends with 1 when it was refused, and with --wait also when it has expired or failed.
    """
    settings, path = settings_and_database(config)
    reader(path).close()  # says so when there is no database yet, instead of making an empty one
    options = command_options(settings)

    def work(tx: Tx) -> Command:
        index = _index(tx.db)
        if who is not None and who not in index.carers:
            raise CommandError(f"--as: {who!r}: expected a carer of the centre: {', '.join(index.carers)}")
        wanted = Wanted(device=device, command=what.value, who=who or operator(), why=why, expires_s=within)
        return queue.request(tx, index, options, wanted)

    made = write_now(path, work, clock=CLOCK)
    if wait:
        import asyncio

        made = asyncio.run(_settled(path, made))
    if json:
        print_json(shown(made))
    else:
        detail = f": {printable(made.detail)}" if made.detail else ""
        OUT.print(f"Command {made.id} {_WORDS[made.state]}{detail}.")
    if made.state in _BAD:
        raise typer.Exit(1)
    if wait and not made.settled:
        raise fail(f"Command {made.id} is not settled: does the gateway run?", code=1)


def commands(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Settled ones too, the newest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at the most.")] = 200,
) -> None:
    """List the commands to devices that are under way, the newest first."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = queue.commands(db, waiting=not everything, limit=limit)
    if json:
        for one in found:
            print_json(shown(one))
        return
    if not found:
        OUT.print("No commands." if everything else "No commands under way.")
        return
    table = Table("asked", "device", "what", "state", "who", "why", "", box=None)
    for one in found:
        table.add_row(
            one.created_at.isoformat(timespec="seconds"),
            one.device,
            one.command,
            one.state.value,
            one.who,
            printable(one.why),
            printable(one.detail or ""),
        )
    OUT.print(table)


async def _settled(path: Path, asked: Command) -> Command:
    """The command once it is settled; as it is when its time was over and nobody settled it."""
    with closing(reader(path)) as db:
        while True:
            found = queue.command(db, asked.id)
            # a moment more than it has, so that the gateway can say that it has expired
            if found.settled or (CLOCK.now() - found.expires_at).total_seconds() > 3:
                return found
            await CLOCK.sleep(LOOK_EVERY_S)


def _index(db: sqlite3.Connection) -> CentreIndex:
    found = centres.latest(db)
    if found is None:
        raise StoreError("No care centre was applied yet: run `telecare centre apply FILE`.")
    return CentreIndex(found.centre)
