"""Break-glass: a carer opens what they may not see of a resident, for a stated reason and half an hour.

Somebody's life may hang on it, so it is never refused to staff; but it is written into the audit, the managers are
told, and the resident finds it on the page of who looked. It ends by itself. Relatives can't do it.
"""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.alerts import desk, permits
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError, NotAllowedError
from gateway.store import audit
from gateway.store.writer import Tx
from gateway.words import N_
from rules.model import Priority, Reason

RULE: Final = permits.BREAK_GLASS

LASTING: Final = timedelta(minutes=30)
"""Long enough to find somebody in a house and its garden; whoever needs longer gives a reason again."""

SHORTEST_WHY: Final = 5
LONGEST_WHY: Final = 500

_TOLD: Final = N_(
    "A carer opened what is not agreed to be seen of room {room}, until {until_at}. The reason is on file."
)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One break-glass. Times are UTC-aware; ``ended_at`` is the real end, by hand or by itself."""

    id: int
    resident: str
    carer: str
    why: str
    since: datetime
    until: datetime
    ended_at: datetime


def open_glass(tx: Tx, index: CentreIndex, *, resident: str, carer: str, why: str) -> Opened:
    """Open a resident's data to a carer, and tell the managers.

    One that is in force already is given back as it is; its time is not made longer.

    Raises:
        BadAnswerError: no such resident, or no reason.
        NotAllowedError: a relative, or nobody of the centre.
    """
    if resident not in index.residents:
        raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident of the centre")
    person = index.carers.get(carer)
    if person is None or person.role == "relative":
        raise NotAllowedError(N_("Only staff can open what was not agreed."))
    why = why.strip()
    if not SHORTEST_WHY <= len(why) <= LONGEST_WHY:
        raise BadAnswerError(f"why: expected the reason, in {SHORTEST_WHY} to {LONGEST_WHY} characters")
    known = in_force(tx.db, resident, carer, tx.now)
    if known is not None:
        return known
    until = tx.now + LASTING
    number = tx.db.execute(
        "INSERT INTO break_glass (resident, carer, why, since, until) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (resident, carer, why, to_ms(tx.now), to_ms(until)),
    ).fetchone()[0]
    # The reason stays out of the audit, where nothing can be erased; its number leads to it.
    audit.record(
        tx,
        who=carer,
        action="glass.break",
        target=f"resident/{resident}",
        detail={"number": number, "until": until.isoformat()},
    )
    # About nobody: an open alert about the resident would itself open their location to everybody.
    incident = Incident(
        rule=RULE,
        rule_key=RULE,
        subject=str(number),
        priority=Priority.LOW,
        reason=Reason(_TOLD, {"room": index.public_name(resident), "until_at": to_ms(until)}),
        happened_at=tx.now,
    )
    desk.raise_incident(tx, index, incident)
    return Opened(
        id=number, resident=resident, carer=carer, why=why, since=tx.now, until=from_ms(to_ms(until)), ended_at=until
    )


def close_glass(tx: Tx, *, resident: str, carer: str) -> bool:
    """End it before its time; False when none is in force."""
    now = to_ms(tx.now)
    ended = tx.db.execute(
        "UPDATE break_glass SET ended_at = ? WHERE carer = ? AND resident = ? AND until > ? AND ended_at IS NULL",
        (now, carer, resident, now),
    ).rowcount
    if ended:
        audit.record(tx, who=carer, action="glass.end", target=f"resident/{resident}")
    return ended > 0


def in_force(db: sqlite3.Connection, resident: str, carer: str, now: datetime) -> Opened | None:
    """The break-glass by which this carer may see that resident now; None: there is none."""
    row = db.execute(
        "SELECT * FROM break_glass WHERE carer = ? AND resident = ? AND since <= ? AND until > ?"
        " AND ended_at IS NULL ORDER BY id DESC LIMIT 1",
        (carer, resident, to_ms(now), to_ms(now)),
    ).fetchone()
    return None if row is None else _opened(row)


def all_in_force(db: sqlite3.Connection, carer: str, now: datetime) -> set[str]:
    """The residents whom this carer may see now by a break-glass."""
    rows = db.execute(
        "SELECT DISTINCT resident FROM break_glass WHERE carer = ? AND since <= ? AND until > ? AND ended_at IS NULL",
        (carer, to_ms(now), to_ms(now)),
    )
    return {row[0] for row in rows}


def opened_of(db: sqlite3.Connection, resident: str, *, limit: int = 100) -> list[Opened]:
    """Every break-glass about a resident, the newest first."""
    rows = db.execute("SELECT * FROM break_glass WHERE resident = ? ORDER BY since DESC LIMIT ?", (resident, limit))
    return [_opened(row) for row in rows]


def _opened(row: sqlite3.Row) -> Opened:
    return Opened(
        id=row["id"],
        resident=row["resident"],
        carer=row["carer"],
        why=row["why"],
        since=from_ms(row["since"]),
        until=from_ms(row["until"]),
        ended_at=from_ms(row["until"] if row["ended_at"] is None else row["ended_at"]),
    )
