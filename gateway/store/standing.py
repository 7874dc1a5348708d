"""How the store and the messages stand: sizes, ages and counts for the page of the system. Everything is bounded."""

import shutil
import sqlite3
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from gateway.clock import from_ms, to_ms
from gateway.store import waiting
from gateway.store.history import first_frame

RECENT: Final = timedelta(hours=24)
_AT_ONCE: Final = 50_000

TOO_LITTLE_SPACE: Final = 300 * 10**6
"""Bytes: a few days of a large house. When nothing is left, no alarm can be taken in."""


class ChannelStanding(msgspec.Struct, frozen=True):
    """One channel in the last 24 hours; times are UTC.

    ``oldest_waiting``: since when the oldest that is due waits, however often it was tried. ``problem``: why the newest
    attempt failed of those that are still to be sent, in a technician's words.
    """

    channel: str
    told: int
    failed: int
    waiting: int
    oldest_waiting: datetime | None
    last_told: datetime | None
    problem: str | None = None


class StoreStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes; ``last_message`` (UTC) is when the newest message came, None: there never was one."""

    database_bytes: int
    log_bytes: int
    free_bytes: int
    last_message: datetime | None
    """Of a device; a probe is none."""
    quarantined: int
    """Messages of the last 24 hours that could not be read."""


def store(db: sqlite3.Connection, path: Path, *, now: datetime, probes: Collection[str] = frozenset()) -> StoreStanding:
    """How the database stands; ``probes``: topics of test messages, which say nothing of the devices."""
    # read lazily: as a rule the newest one is it
    newest = db.execute("SELECT received_at, topic FROM journal ORDER BY seq DESC LIMIT ?", (_AT_ONCE,))
    last = next((row[0] for row in newest if row[1] not in probes), None)
    recent = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM quarantine WHERE frame >= ? LIMIT ?)",
        (first_frame(db, to_ms(now - RECENT)), _AT_ONCE),
    ).fetchone()[0]
    log = path.with_name(path.name + "-wal")
    return StoreStanding(
        database_bytes=path.stat().st_size,
        log_bytes=log.stat().st_size if log.exists() else 0,
        free_bytes=shutil.disk_usage(path.parent).free,
        last_message=None if last is None else from_ms(last),
        quarantined=recent,
    )


def channels(db: sqlite3.Connection, *, now: datetime) -> list[ChannelStanding]:
    """How each channel did in the last 24 hours, by name; one without messages is missing."""
    rows = db.execute(
        "SELECT channel, count(*) FILTER (WHERE state IN ('sent', 'delivered', 'read')) AS told,"  # noqa: S608 - ours
        " count(*) FILTER (WHERE state = 'failed_for_good') AS failed,"
        f" count(*) FILTER (WHERE {waiting.WAITS}) AS waiting,"
        f" min({waiting.SINCE}) FILTER (WHERE {waiting.WAITS} AND {waiting.SINCE} <= :now) AS oldest,"
        " max(CASE state WHEN 'failed_for_now' THEN id END) AS failing,"
        " max(settled_at) FILTER (WHERE state IN ('sent', 'delivered', 'read')) AS last"
        " FROM (SELECT * FROM notifications ORDER BY id DESC LIMIT :most)"
        " WHERE created_at >= :recent OR settled_at IS NULL GROUP BY channel ORDER BY channel",
        {**waiting.values(now), "most": _AT_ONCE, "recent": to_ms(now - RECENT)},
    ).fetchall()
    return [
        ChannelStanding(
            row["channel"],
            row["told"],
            row["failed"],
            row["waiting"],
            None if row["oldest"] is None else from_ms(row["oldest"]),
            None if row["last"] is None else from_ms(row["last"]),
            _problem(db, row["failing"]),
        )
        for row in rows
    ]


def _problem(db: sqlite3.Connection, number: int | None) -> str | None:
    """Why the last attempt of a message failed."""
    if number is None:
        return None
    found = db.execute("SELECT detail FROM notifications WHERE id = ?", (number,)).fetchone()
    return None if found is None else found["detail"]
