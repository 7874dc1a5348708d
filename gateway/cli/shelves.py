"""``telecare shelve | shelves | unshelve``: a rule that rings nobody for a while, with a reason and an end."""

import re
from collections.abc import Collection
from contextlib import closing
from datetime import timedelta
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from gateway.alerts import shelving
from gateway.alerts.shelving import Shelf
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
from gateway.store.database import reader
from gateway.store.writer import Tx, write_now
from gateway.words import rule_title

_LASTING = re.compile(r"(\d+)\s*(min|m|h|d)")
_UNITS = {"min": timedelta(minutes=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST = 10_000
"""Of any unit; the care plan's own limits are far below, and larger numbers can't be counted."""

AsOption = Annotated[
    str | None, typer.Option("--as", help="Carer id in whose name you do it.", show_default="you, as cli:<user>")
]


def shelve(
    resident: Annotated[str, typer.Argument(help="The resident's id, or house for the rules of the house.")],
    rule: Annotated[str, typer.Argument(help="The rule, such as bed_exit or zone_exit:garden.")],
    *,
    lasting: Annotated[str, typer.Option("--for", help="For how long: 30min, 2h, 1d.")],
    why: Annotated[str, typer.Option("--why", help="A few words: others will read them.")],
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Shelve a rule of a resident: what it raises is shown and counted, and rings nobody until the shelf ends."""
    _, path = settings_and_database(config)
    reader(path).close()  # says so when there is no database yet, instead of making an empty one
    time = lasting_of(lasting)

    def work(tx: Tx) -> Shelf:
        index = centre_of(tx.db)
        check_carer(who, index.carers)
        whose = None if resident == "house" and resident not in index.residents else resident
        return shelving.shelve(tx, index, resident=whose, rule_key=rule, lasting=time, why=why, who=who or operator())

    shelf = write_now(path, work, clock=CLOCK)
    with closing(reader(path)) as db:
        timezone = centre_of(db).timezone
    if json:
        print_json(msgspec.to_builtins(shelf))
    else:
        OUT.print(
            f"Shelf {shelf.id}: {shelf.rule_key} rings nobody until {local(shelf.until, timezone)}.", markup=False
        )


def unshelve(
    number: Annotated[int, typer.Argument(min=1, help="The shelf's number.", metavar="ID")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    who: AsOption = None,
    json: JsonOption = False,
) -> None:
    """End a shelf before its time; what still stands is told at once."""
    _, path = settings_and_database(config)
    reader(path).close()

    def work(tx: Tx) -> Shelf:
        index = centre_of(tx.db)
        check_carer(who, index.carers)
        return shelving.unshelve(tx, index, number, who=who or operator())

    shelf = write_now(path, work, clock=CLOCK)
    if json:
        print_json(msgspec.to_builtins(shelf))
    else:
        OUT.print(f"Shelf {shelf.id} is ended: {shelf.rule_key} is told again.", markup=False)


def shelves(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too, the newest first.")] = False,
) -> None:
    """List the shelved rules: until when, why, by whom, and what they kept quiet."""
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        index = centre_of(db)
        found = shelving.shelves(db, everything=everything)
    if json:
        for shelf in found:
            print_json(msgspec.to_builtins(shelf))
        return
    if not found:
        OUT.print("Nothing is shelved." if not everything else "Nothing was ever shelved.")
        return
    table = Table("id", "room", "rule", "until", "held", "standing", "by", "why", box=None)
    for shelf in found:
        table.add_row(
            str(shelf.id),
            index.public_name(shelf.resident) if shelf.resident else "house",
            f"{index.own_title(shelf.resident, shelf.rule_key) or rule_title(shelf.rule, 'en')} ({shelf.rule_key})",
            local(shelf.ended_at or shelf.until, index.timezone),
            str(shelf.held),
            str(shelf.standing),
            shelf.who,
            printable(shelf.why),
        )
    OUT.print(table)


def lasting_of(text: str) -> timedelta:
    """A time such as 30min, 2h or 1d.

    Raises:
        BadAnswerError: it is none.
    """
    found = _LASTING.fullmatch(text.strip())
    if found is None or int(found[1]) > _LONGEST:
        raise BadAnswerError(f"--for: {text!r}: expected a time such as 30min, 2h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def check_carer(who: str | None, carers: Collection[str]) -> None:
    """Refuse a name that is no carer of the centre.

    Raises:
        BadAnswerError: it is none.
    """
    if who is not None and who not in carers:
        raise BadAnswerError(f"--as: {who!r}: expected a carer of the centre: {', '.join(carers)}")
