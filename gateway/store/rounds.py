"""Checking off the round list: what a carer did about a line, and when a line comes back."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError
from gateway.store import audit, care
from gateway.store.care import DueChange
from gateway.store.writer import Tx
from gateway.words import N_

COMES_BACK: Final = timedelta(minutes=30)
"""A line that was checked off comes back when its sensor still says the same after so long: a fresh product is told by
its sensor within minutes, and a slip of the finger must not leave somebody wet until the morning."""

DONE_SHOWN: Final = timedelta(hours=12)
"""So long what was done is shown below the list: the length of a long shift."""


WHAT: Final[dict[str, str]] = {
    "leak": N_("Change needed now"),
    "overdue": N_("Change overdue"),
    "due": N_("Change due"),
    "not_changed": N_("Worn for long"),
    "sensor_off": N_("Sensor off"),
}
"""What the list calls each of its lines; msgids."""


class Result(StrEnum):
    """What came of a line."""

    DONE = "done"
    """Changed, or the sensor put right."""
    NOT_NEEDED = "not_needed"
    """Looked, and nothing was to be done."""
    LATER = "later"
    """The person sleeps or does not want to; the line stays."""


class Check(msgspec.Struct, frozen=True):
    """Somebody dealt with a line of the list at ``at`` (UTC)."""

    resident: str
    what: str
    since: datetime
    result: Result
    at: datetime
    who: str


class Line(msgspec.Struct, frozen=True):
    """A line of the list. ``check``: what was last done about it; it is still to be done all the same."""

    due: DueChange
    check: Check | None


def open_lines(
    db: sqlite3.Connection, index: CentreIndex, *, now: datetime, until: datetime | None = None
) -> list[Line]:
    """What is still to be done, by time and room; times are UTC.

    Args:
        db: reads the database.
        index: the centre.
        now: UTC.
        until: only what is due by then; None: all.
    """
    last = _last(db, now)
    found = [
        Line(due, last.get((due.resident, to_ms(due.since))))
        for due in care.round_list(db, index, now=now, until=until)
    ]
    return [line for line in found if line.check is None or _still(line.check, now)]


def done(db: sqlite3.Connection, *, now: datetime) -> list[Check]:
    """What was checked off in the last DONE_SHOWN, the newest first."""
    rows = db.execute("SELECT * FROM round_checks WHERE at > ? ORDER BY id DESC LIMIT 200", (to_ms(now - DONE_SHOWN),))
    return [_check(row) for row in rows]


def check_off(tx: Tx, index: CentreIndex, *, resident: str, since: datetime, result: Result, who: str) -> Check:
    """Note what was done about a line. The same again within COMES_BACK changes nothing.

    Args:
        tx: the transaction.
        index: the centre.
        resident: whose line.
        since: the line's own ``since`` (UTC): it tells one change from the next.
        result: what came of it.
        who: carer id or ``cli:<user>``.

    Raises:
        BadAnswerError: there is no such line on the list (any more).
    """
    line = next(
        (
            one
            for one in care.round_list(tx.db, index, now=tx.now, until=None)
            if (one.resident, to_ms(one.since)) == (resident, to_ms(since))
        ),
        None,
    )
    if line is None:
        raise BadAnswerError(f"{resident}: this is not on the list any more. Please look at the list again.")
    known = _last(tx.db, tx.now).get((resident, to_ms(since)))
    if known is not None and known.result is result and known.who == who and tx.now - known.at < COMES_BACK:
        return known
    tx.db.execute(
        "INSERT INTO round_checks (resident, what, since, result, at, who) VALUES (?, ?, ?, ?, ?, ?)",
        (resident, line.what, to_ms(since), result.value, to_ms(tx.now), who),
    )
    audit.record(
        tx, who=who, action="round.check", target=f"resident/{resident}", detail={"what": line.what, "result": result}
    )
    return Check(resident, line.what, since, result, tx.now, who)


def _still(check: Check, now: datetime) -> bool:
    """Whether the line is on the list although somebody dealt with it."""
    return check.result is Result.LATER or now - check.at >= COMES_BACK


def _last(db: sqlite3.Connection, now: datetime) -> dict[tuple[str, int], Check]:
    rows: Iterable[sqlite3.Row] = db.execute(
        "SELECT * FROM round_checks WHERE at > ? ORDER BY id", (to_ms(now - timedelta(days=2)),)
    )
    return {(check.resident, to_ms(check.since)): check for check in map(_check, rows)}


def _check(row: sqlite3.Row) -> Check:
    return Check(
        row["resident"], row["what"], from_ms(row["since"]), Result(row["result"]), from_ms(row["at"]), row["who"]
    )
