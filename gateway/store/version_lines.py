"""The versions of the centre as lines of a list: who applied which, when and why."""

import sqlite3
from datetime import datetime
from typing import Final

import msgspec

from gateway.centre.write import MadeFrom
from gateway.clock import from_ms, to_ms

_BY_FILE: Final = "coalesce(applied_by, '') || ':' GLOB 'cli:*' AND undoes IS NULL AND why IS NULL"
"""A file, applied as a whole. At the command line a zone that is set has a reason, and an undo names what it undoes."""


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
    return [_line(row) for row in rows]


def digest_of(db: sqlite3.Connection, version: int) -> str:
    """The digest of what a version holds; empty: there is no such version."""
    row = db.execute("SELECT digest FROM centre_versions WHERE version = ?", (version,)).fetchone()
    return "" if row is None else str(row["digest"])


def not_by_file(db: sqlite3.Connection, made: MadeFrom | None) -> list[VersionLine]:
    """The versions that were not made by a file at the command line and that a file knows nothing of, the newest first.

    Args:
        db: reads the database.
        made: what the file was written from; None, or a version that is not in this database: it counts as the last
            one that was applied as a file.
    """
    if made is None or not digest_of(db, made.version).startswith(made.digest):
        query = f"SELECT coalesce(max(version), 0) FROM centre_versions WHERE {_BY_FILE}"  # noqa: S608 - our words
        since = int(db.execute(query).fetchone()[0])
    else:
        since = made.version
    rows = db.execute(
        "SELECT version, applied_at, applied_by, why, undoes FROM centre_versions"  # noqa: S608 - our own words
        f" WHERE version > ? AND NOT ({_BY_FILE}) ORDER BY version DESC",
        (since,),
    )
    return [_line(row) for row in rows]


def _line(row: sqlite3.Row) -> VersionLine:
    return VersionLine(
        version=row["version"],
        applied_at=from_ms(row["applied_at"]),
        applied_by=row["applied_by"],
        why=row["why"],
        undoes=row["undoes"],
    )


def number_at(db: sqlite3.Connection, at: datetime) -> int:
    """Number of the version that was in force at that time (UTC-aware); 0: none was."""
    query = "SELECT coalesce(max(version), 0) FROM centre_versions WHERE applied_at <= ?"
    return int(db.execute(query, (to_ms(at),)).fetchone()[0])


def numbers(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """The numbers of all versions and when each was applied (epoch ms), the oldest first."""
    return [tuple(row) for row in db.execute("SELECT version, applied_at FROM centre_versions ORDER BY version")]
