"""Which audit rows are looks at a person, noted beside them, so that "who looked at me" is a quick question."""

import sqlite3
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.clock import from_ms

EVERYBODY: Final = "*"
"""Stands for the residents of a list of the whole house."""

LISTS: Final = frozenset({"board", "rounds", "protection", "shelves", "searches", "map", "residents"})
"""Looks at lists on which any resident may stand; plans of shifts and key figures name no resident."""

_LOOKS: Final = frozenset({"look", "search.open", "person.export", "glass.break"})
"""Actions that are a look at somebody."""

MOST: Final = 500
"""Looks that are read at a time."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody saw something of a resident. ``who`` None: whoever had the link of a search. ``at`` is UTC-aware."""

    seq: int
    at: datetime
    who: str | None
    action: str
    target: str
    via: str | None
    why: str | None
    """The reason of a break-glass that was in force then."""


def note(db: sqlite3.Connection, seq: int, action: str, target: str) -> None:
    """Note an audit row as a look at whom it is about, in the caller's transaction; nothing when it is none."""
    if action not in _LOOKS:
        return
    resident = _whose(db, target)
    if resident is not None:
        db.execute("INSERT OR IGNORE INTO looks (resident, seq) VALUES (?, ?)", (resident, seq))


def looks_of(
    db: sqlite3.Connection, resident: str, *, before: int | None = None, limit: int = 100
) -> tuple[list[Look], int | None]:
    """The newest looks at a resident, and where the next older ones begin (None: there are no older ones).

    Args:
        db: reads the database.
        resident: the resident's id.
        before: only audit rows with a smaller number.
        limit: at most so many, up to MOST.
    """
    limit = min(limit, MOST)
    rows = db.execute(
        "SELECT a.seq, a.at, a.who, a.action, a.object, a.detail,"
        " (SELECT why FROM break_glass WHERE resident = l.resident AND carer = a.who AND since <= a.at"
        "  AND min(until, coalesce(ended_at, until)) > a.at LIMIT 1) AS why"
        " FROM looks l JOIN audit a ON a.seq = l.seq WHERE l.resident = ? AND l.seq < ? ORDER BY l.seq DESC LIMIT ?",
        (resident, 2**62 if before is None else before, limit + 1),
    ).fetchall()
    found = [_look(row) for row in rows[:limit]]
    return found, found[-1].seq if len(rows) > limit else None


def lists_since(db: sqlite3.Connection, seq: int) -> int:
    """How often lists of the whole house were looked at from that audit row on; counted up to 100,000."""
    query = "SELECT count(*) FROM (SELECT 1 FROM looks WHERE resident = ? AND seq >= ? LIMIT 100000)"
    return int(db.execute(query, (EVERYBODY, seq)).fetchone()[0])


def _whose(db: sqlite3.Connection, target: str) -> str | None:
    if target in LISTS:
        return EVERYBODY
    kind, _, rest = target.partition("/")
    name = rest.partition("/")[0]
    match kind:
        case "resident" | "sleep":
            return name or None
        case "alert" | "search" if name.isascii() and name.isdigit() and len(name) < 19:
            table = "alerts" if kind == "alert" else "searches"
            row = db.execute(f"SELECT resident FROM {table} WHERE id = ?", (int(name),)).fetchone()  # noqa: S608
            return None if row is None else row[0]
    return None


def _look(row: sqlite3.Row) -> Look:
    detail: dict[str, Any] = msgspec.json.decode(row["detail"])
    via = detail.get("via")
    return Look(
        seq=row["seq"],
        at=from_ms(row["at"]),
        who=row["who"],
        action=row["action"],
        target=row["object"],
        via=via if isinstance(via, str) else None,
        why=row["why"],
    )
