"""What was heard of a probe (``telecare probe``): when, and how long its last round trip took by its own clock."""

import sqlite3
from datetime import datetime
from typing import Annotated, Final

import msgspec

from gateway.clock import from_ms

LONGEST_MS: Final = 600_000.0
"""Ten minutes: no probe waits longer for its answer (gateway.settings.probe)."""

_RETAINED: Final = 2
"""Bit of journal.flags: the broker had kept the message; it tells of some time ago."""
_NEWEST: Final = 8
"""So many of the newest messages are looked at; a retained one among them does not count."""


class Heard(msgspec.Struct, frozen=True):
    """A probe's message: when it came (UTC-aware), and the round trip of the one before it in milliseconds, as the
    probe measured it; None: it has none yet."""

    at: datetime
    round_trip_ms: float | None = None


class _Said(msgspec.Struct):
    round_trip_ms: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_MS)] | None = None


_SAID: Final = msgspec.json.Decoder(_Said)


def round_trip_of(payload: bytes) -> float | None:
    """The round trip (milliseconds) that a probe's message tells of; None: none, or none that can be read."""
    try:
        return _SAID.decode(payload).round_trip_ms
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def last(db: sqlite3.Connection, address: str) -> Heard | None:
    """The newest message of a probe, by its address in native topics; None: there is none (any more).

    Found by the ids of its events, which are indexed by device: some 10 ms for a month of one a minute.
    """
    frames = db.execute(
        "SELECT frame FROM event_ids WHERE device = ? ORDER BY frame DESC LIMIT ?", (f"native:{address}", _NEWEST)
    ).fetchall()
    for (frame,) in frames:
        row = db.execute("SELECT received_at, payload, flags FROM journal WHERE seq = ?", (frame,)).fetchone()
        if row is not None and not row[2] & _RETAINED:
            return Heard(from_ms(row[0]), round_trip_of(row[1]))
    return None
