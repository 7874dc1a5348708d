"""The stored readings in the order in which they came, a piece at a time: nobody else has to wait for the reader."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from gateway.store.migrations import READINGS_PER_FRAME

FRAMES: Final = 20_000
"""Messages that are read at a time: some tenths of a second. While a read goes on, the WAL of the daemon can't be
emptied; between two it can."""

_RETAINED: Final = 2
"""Bit of journal.flags: the broker had kept the message."""


class Stored(NamedTuple):
    """A stored reading; times are epoch milliseconds, ``fields`` is JSON as devices.model writes it. ``kept``: the
    broker had kept its message, so it tells of some time ago."""

    frame: int
    device: str
    kind: str
    observed_at: int | None
    received_at: int
    fields: str
    kept: bool


def first_received(db: sqlite3.Connection, ms: int) -> int:
    """The number of the first reading that was received at or after that time; readings are numbered as they came.

    Found by halving: an index over the times of all readings would cost every message some of its time.
    """
    return _first(db, "readings", ms)


def first_frame(db: sqlite3.Connection, ms: int) -> int:
    """The number of the first raw message that was received at or after that time; found in the same way."""
    return _first(db, "journal", ms)


def _first(db: sqlite3.Connection, table: str, ms: int) -> int:
    low, high = 0, int(db.execute(f"SELECT coalesce(max(seq), -1) + 1 FROM {table}").fetchone()[0])  # noqa: S608
    query = f"SELECT seq, received_at FROM {table} WHERE seq >= ? ORDER BY seq LIMIT 1"  # noqa: S608 - our words
    while low < high:
        middle = (low + high) // 2
        row = db.execute(query, (middle,)).fetchone()
        if row is None or row["received_at"] >= ms:
            high = middle
        else:
            low = int(row["seq"]) + 1
    return low


def pieces(db: sqlite3.Connection, since: int, until: int, devices: Sequence[str]) -> Iterator[list[Stored]]:
    """The readings of these devices received from ``since`` until before ``until`` (epoch ms), in the order received.

    Each piece is one short read; a piece may be empty. ``db`` must not be in a transaction.
    """
    first, last = first_received(db, since), first_received(db, until)
    names = msgspec.json.encode(list(devices)).decode()
    step = FRAMES * READINGS_PER_FRAME
    for low in range(first, last, step):
        high = min(low + step, last)
        frames = (low // READINGS_PER_FRAME, -(-high // READINGS_PER_FRAME))
        kept = {
            row[0]
            for row in db.execute(
                "SELECT seq FROM journal WHERE seq >= ? AND seq < ? AND flags & ?", (*frames, _RETAINED)
            ).fetchall()
        }
        rows = db.execute(
            "SELECT frame, device, kind, observed_at, received_at, fields FROM readings"
            " WHERE seq >= ? AND seq < ? AND device IN (SELECT value FROM json_each(?)) ORDER BY seq",
            (low, high, names),
        ).fetchall()
        yield [
            Stored(frame, device, kind, observed_at, received_at, fields, frame in kept)
            for frame, device, kind, observed_at, received_at, fields in rows
        ]
