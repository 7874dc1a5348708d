"""The versions of the centre as lines of a list: who applied which, when and why."""

import sqlite3
from datetime import datetime

import msgspec

from gateway.clock import from_ms, to_ms


class VersionLine(msgspec.Struct, frozen=True, kw_only=True):
    """Who applied a version, when (UTC-aware) and why; ``undoes``: the version whose change it takes back."""

    version: int
    applied_at: datetime
    applied_by: str | None
    why: str | None
    undoes: int | None


def lines(db: sqlite3.Connection, *, before: int | None = None, limit: int = 50) -> list[VersionLine]:
    """The versions, the newest first: at most ``limit``, and those before that number only."""
    rows = db.execute(
        "SELECT version, applied_at, applied_by, why, undoes FROM centre_versions"
        " WHERE version < ? ORDER BY version DESC LIMIT ?",
        (2**62 if before is None else before, limit),
    )
    return [
        VersionLine(
            version=row["version"],
            applied_at=from_ms(row["applied_at"]),
            applied_by=row["applied_by"],
            why=row["why"],
            undoes=row["undoes"],
        )
        for row in rows
    ]


def number_at(db: sqlite3.Connection, at: datetime) -> int:
    """Number of the version that was in force at that time (UTC-aware); 0: none was."""
    query = "SELECT coalesce(max(version), 0) FROM centre_versions WHERE applied_at <= ?"
    return int(db.execute(query, (to_ms(at),)).fetchone()[0])


def numbers(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """The numbers of all versions and when each was applied (epoch ms), the oldest first."""
    return [tuple(row) for row in db.execute("SELECT version, applied_at FROM centre_versions ORDER BY version")]
