"""Reading the audit: newest first, a page at a time."""

import json
import sqlite3
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from gateway.clock import from_ms


class AuditLine(msgspec.Struct, frozen=True):
    """A row of the audit; ``at`` in UTC. ``who`` None: the gateway itself."""

    seq: int
    at: datetime
    who: str | None
    action: str
    target: str
    detail: dict[str, Any]


AT_ONCE: Final = 100_000
"""Rows that one question looks through, so that none takes long however seldom it finds something."""


class Found(NamedTuple):
    """Rows, the newest first, and where to go on; ``before`` None: there is nothing older."""

    lines: list[AuditLine]
    before: int | None


def lines(
    db: sqlite3.Connection,
    *,
    before: int | None = None,
    limit: int,
    who: str = "",
    target: str = "",
    looks: bool = True,
) -> Found:
    """Rows before a number, the newest first.

    Args:
        db: reads the database.
        before: only rows with a smaller number; None: from the newest on.
        limit: at most so many.
        who: only what this person did; empty: everybody.
        target: only what was done to this, such as ``alert/12``; or to all of a kind, such as ``alert``.
        looks: whether looks are among them.
    """
    newest = db.execute("SELECT coalesce(max(seq), 0) FROM audit").fetchone()[0] + 1
    begin = newest if before is None else min(before, newest)
    where, values = ["seq < ?", "seq >= ?"], [begin, begin - AT_ONCE]
    more: list[object] = []
    if who:
        where.append("who = ?")
        more.append(who)
    if target:
        where.append("(object = ? OR (object >= ? AND object < ?))")
        more += [target, f"{target}/", f"{target}0"]  # "0" follows "/" in ASCII
    if not looks:
        where.append("action != 'look'")
    rows = db.execute(
        f"SELECT * FROM audit WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?",  # noqa: S608 - our own words
        (*values, *more, limit),
    )
    found = [
        AuditLine(row["seq"], from_ms(row["at"]), row["who"], row["action"], row["object"], json.loads(row["detail"]))
        for row in rows
    ]
    goes_on = found[-1].seq if len(found) == limit else begin - AT_ONCE
    return Found(found, goes_on if goes_on > 1 else None)
