"""Which audit rows are looks at a person, noted beside them, so that "who looked at me" is a quick question."""

import sqlite3
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.clock import from_ms

EVERYBODY: Final = "*"
"""Stands for the residents of a list of the whole house."""

LISTS: Final = frozenset({"board", "rounds", "protection", "shelves", "searches", "map", "residents", "zones"})
"""Looks at lists on which any resident may stand; plans of shifts and key figures name no resident."""

_LOOKS: Final = frozenset({"look", "search.open", "person.export", "glass.break"})
"""Actions that are a look at somebody."""

MOST_NAMED: Final = 100
"""Residents whom one look names; with more of them it is a look at a list."""

_ABOUT_PEOPLE: Final = frozenset({"residents", "care_plans", "assignments"})
"""Tables of the centre whose entries are about residents; photos, notes and consents stand in them."""

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


def note(db: sqlite3.Connection, seq: int, action: str, target: str, about: Collection[str] = ()) -> None:
    """Note an audit row as a look at whom it is about, in the caller's transaction; nothing when it is none.

    ``about`` names the residents where the target does not tell; more than MOST_NAMED of them are a list.
    """
    if action not in _LOOKS:
        return
    if about:
        whose = set(about) if len(about) <= MOST_NAMED else {EVERYBODY}
    else:
        resident = _whose(db, target)
        whose = set() if resident is None else {resident}
    db.executemany("INSERT OR IGNORE INTO looks (resident, seq) VALUES (?, ?)", [(one, seq) for one in sorted(whose)])


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
        case "try":  # try/r01, try/*, or the time that was tried, of the whole house
            return EVERYBODY if name == "*" or ":" in name else name or None
        case "centre":  # centre/VERSION[/TABLE[/KEY]]
            return _of_centre(rest.partition("/")[2])
    return None


def _of_centre(rest: str) -> str | None:
    """Whom a part of the centre is about: TABLE/KEY, TABLE, or nothing for the whole."""
    table, _, key = rest.partition("/")
    if table and table not in _ABOUT_PEOPLE:
        return None
    resident = key.split("/")[1:2] if table == "assignments" else [key]
    return next((one for one in resident if one), EVERYBODY)


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
