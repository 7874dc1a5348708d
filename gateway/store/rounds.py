"""Checking off the round list: what a carer did about a line, and when a line comes back.

A check-off may reach us long after the tap: a phone keeps it while there is no connection. It counts from the tap. Of
several about a line the one that was tapped last says how the line stands, in whichever order they come.
"""

import hashlib
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
    """Somebody dealt with a line of the list at ``at`` (UTC), which is when they said so, not when it reached us.
    ``what`` is what the line said then."""

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
    return [line for line in found if line.check is None or _still(line.due, line.check, now)]


def done(db: sqlite3.Connection, *, now: datetime) -> list[Check]:
    """What was checked off in the last DONE_SHOWN, the newest first."""
    query = "SELECT * FROM round_checks WHERE at > ? ORDER BY at DESC, id DESC LIMIT 200"
    return [_check(row) for row in db.execute(query, (to_ms(now - DONE_SHOWN),))]


def check_off(
    tx: Tx,
    index: CentreIndex,
    *,
    resident: str,
    since: datetime,
    result: Result,
    who: str,
    at: datetime | None = None,
    was: str | None = None,
    key: str | None = None,
) -> Check:
    """Note what was done about a line. The same again within COMES_BACK changes nothing.

    Args:
        tx: the transaction.
        index: the centre.
        resident: whose line.
        since: the line's own ``since`` (UTC): it tells one change from the next.
        result: what came of it.
        who: carer id or ``cli:<user>``.
        at: when they said so (UTC); None: now. A time before ``since`` or after now can only be a wrong clock, and is
            taken as the nearest that can be.
        was: what the line said, when it is sure that it was shown. Then DONE and NOT_NEEDED are also noted when the
            line has gone since: the sensor may be dry before the tap has reached us.
        key: of the tap; the same one from the same person again changes nothing, for KEEP_ANSWERS.

    Raises:
        BadAnswerError: there is no such line on the list (any more).
    """
    at = min(max(at or tx.now, since), tx.now)
    mark = None if key is None else _mark(who, f"{key}/{resident}/{to_ms(since)}/{result.value}")
    if mark is not None and tx.db.execute("SELECT 1 FROM answers WHERE key = ?", (mark,)).fetchone() is not None:
        return _taken(tx.db, resident, since, result, who) or Check(resident, was or "", since, result, at, who)
    line = next(
        (
            one
            for one in care.round_list(tx.db, index, now=tx.now, until=None)
            if (one.resident, to_ms(one.since)) == (resident, to_ms(since))
        ),
        None,
    )
    if line is None and (was is None or result is Result.LATER or not index.plan_of(resident).consents.continence):
        raise BadAnswerError(f"{resident}: this is not on the list any more. Please look at the list again.")
    if mark is not None:
        tx.db.execute("INSERT INTO answers (key, digest, at) VALUES (?, '', ?)", (mark, to_ms(tx.now)))
    known, what = _before(tx.db, resident, since, at), was or (line.what if line else "")
    same = known is not None and known.result is result and known.who == who and not _leaks_since(what, known)
    if known is not None and same and at - known.at < COMES_BACK:
        return known
    number = tx.db.execute(
        "INSERT INTO round_checks (resident, what, since, result, at, who) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (resident, what, to_ms(since), result.value, to_ms(at), who),
    ).fetchone()[0]
    late = {"said_at": at.isoformat()} if at != tx.now else {}
    detail = {"check": number, **late}  # what it was says something of a body, and the audit outlives the person
    audit.record(tx, who=who, action="round.check", target=f"resident/{resident}", detail=detail)
    return Check(resident, what, since, result, at, who)


def _still(due: DueChange, check: Check, now: datetime) -> bool:
    """Whether the line is on the list although somebody dealt with it."""
    return check.result is Result.LATER or _leaks_since(due.what, check) or now - check.at >= COMES_BACK


def _leaks_since(what: str, check: Check) -> bool:
    """A leak that whoever checked the line off did not know of."""
    return what == "leak" and check.what != "leak"


def _mark(who: str, tap: str) -> str:
    # beside the alerts' answers, which are kept for as long; "rounds" is no alert's number
    return f"{who}/rounds/{hashlib.sha256(tap.encode()).hexdigest()}"


def _before(db: sqlite3.Connection, resident: str, since: datetime, at: datetime) -> Check | None:
    """What had last been done about a line by then."""
    query = "SELECT * FROM round_checks WHERE resident = ? AND since = ? AND at <= ? ORDER BY at DESC, id DESC LIMIT 1"
    row = db.execute(query, (resident, to_ms(since), to_ms(at))).fetchone()
    return None if row is None else _check(row)


def _taken(db: sqlite3.Connection, resident: str, since: datetime, result: Result, who: str) -> Check | None:
    """The newest of somebody's about a line with that result."""
    query = (
        "SELECT * FROM round_checks WHERE resident = ? AND since = ? AND result = ? AND who = ?"
        " ORDER BY at DESC, id DESC LIMIT 1"
    )
    row = db.execute(query, (resident, to_ms(since), result.value, who)).fetchone()
    return None if row is None else _check(row)


def _last(db: sqlite3.Connection, now: datetime) -> dict[tuple[str, int], Check]:
    rows: Iterable[sqlite3.Row] = db.execute(
        "SELECT * FROM round_checks WHERE at > ? ORDER BY at, id", (to_ms(now - timedelta(days=2)),)
    )
    return {(check.resident, to_ms(check.since)): check for check in map(_check, rows)}


def _check(row: sqlite3.Row) -> Check:
    return Check(
        row["resident"], row["what"], from_ms(row["since"]), Result(row["result"]), from_ms(row["at"]), row["who"]
    )
