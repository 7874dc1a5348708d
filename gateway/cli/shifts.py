"""``telecare shift``: who is on duty, and what is changed for a while."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from gateway.centre.index import CentreIndex
from gateway.centre.rota import Change
from gateway.cli.alerts import centre_of
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    local,
    operator,
    print_json,
    printable,
    settings_and_database,
)
from gateway.errors import BadAnswerError
from gateway.store import rotas, shift_ends
from gateway.store.database import reader
from gateway.store.rotas import Span
from gateway.store.writer import Tx, write_now
from rules.night import instant

app = typer.Typer(help="Who is on duty, and what is changed for a while.", no_args_is_help=True)

RoleArgument = Annotated[str, typer.Argument(help="A role of the shifts, such as nurse.")]
FromOption = Annotated[
    str, typer.Option("--from", help="From when, such as 2026-03-01T07:00: the centre's time unless it has an offset.")
]
ToOption = Annotated[str, typer.Option("--to", help="Until when.")]
WhyOption = Annotated[str, typer.Option("--why", help="A few words: others will read them.")]
AsOption = Annotated[
    str | None, typer.Option("--as", help="Carer id in whose name you do it.", show_default="you, as cli:<user>")
]
LONGEST_DAYS = 366


@app.command("list")
def listed(
    *,
    days: Annotated[int, typer.Option("--days", min=1, max=LONGEST_DAYS, help="How many days ahead.")] = 7,
    role: Annotated[str | None, typer.Option("--role", help="Only this role.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List who is on duty in the coming days, changes counted in; what goes on now is marked."""
    _, path = settings_and_database(config)
    now = CLOCK.now()
    with closing(reader(path)) as db:
        index = centre_of(db)
        roles = [one for one in index.rotas.roles if role in {None, one}]
        turns = [turn for one in roles for turn in rotas.turns(db, index, one, now, now + timedelta(days=days))]
    if json:
        for turn in sorted(turns):
            print_json(turn._asdict())
        return
    if not turns:
        OUT.print("Nobody is on duty by a shift." if roles else "The centre file has no such [[shifts]].")
        return
    table = Table("", "role", "from", "to", "who", "by", box=None)
    for turn in sorted(turns):
        begin, end = local(turn.start, index.timezone), local(turn.end, index.timezone)
        table.add_row("now" if turn.start <= now else "", turn.role, begin, end, turn.carer, turn.shift or "a change")
    OUT.print(table)


@app.command("changes")
def changes(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Past ones and those that were taken back too.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List overrides and swaps that are in force, now or later."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        index = centre_of(db)
        found = rotas.changes(db, begin=None if everything else CLOCK.now(), everything=everything)
    _show(found, index, json=json)


@app.command("override")
def override(
    role: RoleArgument,
    *,
    since: FromOption,
    until: ToOption,
    leaves: Annotated[str | None, typer.Option("--out", help="Carer who is not on duty then.")] = None,
    comes: Annotated[str | None, typer.Option("--in", help="Carer who is on duty then.")] = None,
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Change a shift for a while: somebody does not come, somebody else does, or both."""

    def work(tx: Tx, index: CentreIndex, name: str) -> list[Change]:
        span = _span(since, until, index.timezone, "--from", "--to")
        return [rotas.override(tx, index, role=role, span=span, leaves=leaves, comes=comes, why=why, who=name)]

    _write(work, config, who, json=json)


@app.command("swap")
def swap(
    role: RoleArgument,
    first: Annotated[str, typer.Argument(help="Carer who gives away the first time.")],
    second: Annotated[str, typer.Argument(help="Carer who takes it, and gives away the second time.")],
    *,
    since: FromOption,
    until: ToOption,
    back_since: Annotated[str, typer.Option("--back-from", help="From when the first one comes instead.")],
    back_until: Annotated[str, typer.Option("--back-to", help="Until when.")],
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Two carers take each other's turn."""

    def work(tx: Tx, index: CentreIndex, name: str) -> list[Change]:
        there = _span(since, until, index.timezone, "--from", "--to")
        back = _span(back_since, back_until, index.timezone, "--back-from", "--back-to")
        return list(rotas.swap(tx, index, role=role, first=(first, there), second=(second, back), why=why, who=name))

    _write(work, config, who, json=json)


@app.command("end")
def end(
    number: Annotated[int, typer.Argument(min=1, help="The change's number.", metavar="ID")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Take a change back; of a swap both halves."""
    _write(lambda tx, _, name: shift_ends.take_back(tx, number, who=name), config, who, json=json)


def _write(work: Callable[[Tx, CentreIndex, str], list[Change]], config: Path, who: str | None, *, json: bool) -> None:
    _, path = settings_and_database(config)
    reader(path).close()  # says so when there is no database yet, instead of making an empty one

    def write(tx: Tx) -> tuple[list[Change], CentreIndex]:
        index = centre_of(tx.db)
        if who is not None and who not in index.carers:
            raise BadAnswerError(f"--as: {who!r}: expected a carer of the centre: {', '.join(index.carers)}")
        return work(tx, index, who or operator()), index

    found, index = write_now(path, write, clock=CLOCK)
    _show(found, index, json=json)


def _show(found: list[Change], index: CentreIndex, *, json: bool) -> None:
    if json:
        for change in found:
            print_json(change)
        return
    if not found:
        OUT.print("No changes of shifts.")
        return
    table = Table("id", "role", "from", "to", "out", "in", "by", "why", "", box=None)
    for change in found:
        begin, end = local(change.since, index.timezone), local(change.until, index.timezone)
        state = "taken back" if change.ended_at else f"swap with {change.swap}" if change.swap else ""
        out, comes = change.leaves or "-", change.comes or "-"
        table.add_row(str(change.id), change.role, begin, end, out, comes, change.who, printable(change.why), state)
    OUT.print(table)


def _span(since: str, until: str, zone: ZoneInfo, first: str, last: str) -> Span:
    return Span(_time(since, zone, first, ends=False), _time(until, zone, last, ends=True))


def _time(text: str, zone: ZoneInfo, option: str, *, ends: bool) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or not 2000 <= at.year < 2200:
        raise BadAnswerError(f"{option}: {text!r}: expected a time such as 2026-03-01T07:00")
    return instant(at, zone, ends=ends) if at.tzinfo is None else instant(at.replace(tzinfo=None), at.tzinfo)
