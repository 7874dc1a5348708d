"""A resident's readings, found without looking through everybody's.

An index that is kept with each message costs 7 µs of some 60 on the hot path. So the places are noted afterwards, in
pieces (:func:`note_places`), and what came since then is looked for in the readings themselves: the answer is complete
at any time, and quick when the notes are up to date. Readings are numbered as they came (gateway.store.history).
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from devices.model import Reading
from gateway.clock import from_ms, to_ms
from gateway.store.history import first_received
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.writer import Tx
from rules.timing import lost

PIECE: Final = 500
"""Readings whose places are noted in one transaction: some 5 ms in which nobody else writes."""

SLACK: Final = 20_000
"""Messages that may wait to be noted: a page looks through so many in some 3 ms."""

_READING: Final = msgspec.json.Decoder(Reading)


class Found(NamedTuple):
    """A resident's reading. ``at`` is when it happened as far as is known, ``received_at`` when it came (UTC)."""

    seq: int
    at: datetime
    received_at: datetime
    device: str
    kind: str
    reading: Reading


def note_places(tx: Tx, most: int = PIECE) -> int:
    """Note where the next readings are, in the caller's transaction; returns how many were looked at (0: all known)."""
    until = noted_until(tx.db)
    last, looked_at = tx.db.execute(
        "SELECT max(seq), count(*) FROM (SELECT seq FROM readings WHERE seq >= ? ORDER BY seq LIMIT ?)", (until, most)
    ).fetchone()
    if not looked_at:
        return 0
    tx.db.execute(
        "INSERT OR IGNORE INTO reading_places (resident, kind, seq) SELECT resident, kind, seq FROM readings"
        " WHERE seq >= ? AND seq <= ? AND resident IS NOT NULL ORDER BY resident, kind, seq",
        (until, last),
    )
    tx.db.execute("UPDATE reading_places_until SET seq = ? WHERE one = 1", (last + 1,))
    return int(looked_at)


def waiting(db: sqlite3.Connection) -> int:
    """How many messages came since the last one whose readings are noted."""
    last = db.execute("SELECT coalesce(max(seq), 0) FROM readings").fetchone()[0]
    return max(0, (int(last) - noted_until(db)) // READINGS_PER_FRAME)


def places(
    db: sqlite3.Connection, resident: str, kinds: Sequence[str], since: datetime, until: datetime, most: int
) -> list[int]:
    """The numbers of the newest ``most`` readings of these kinds that came in that time (UTC, ``until`` exclusive),
    in the order in which they came."""
    first, last = first_received(db, to_ms(since)), first_received(db, to_ms(until))
    noted = noted_until(db)
    found: list[int] = []
    for kind in kinds:
        found += _column(
            db,
            "SELECT seq FROM reading_places WHERE resident = ? AND kind = ? AND seq >= ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?",
            (resident, kind, first, min(last, noted), most),
        )
    if last > noted:
        found += _column(
            db,
            "SELECT seq FROM readings WHERE seq >= ? AND seq < ? AND resident = ?"
            " AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT ?",
            (max(first, noted), last, resident, _json(kinds), most),
        )
    return sorted(found)[-most:]


def read(db: sqlite3.Connection, numbers: Iterable[int]) -> Iterator[Found]:
    """The readings of these numbers, in their order; one that is past its retention, or can't be read, is left out."""
    rows = db.execute(
        "SELECT readings.seq, device, kind, observed_at, received_at, fields"
        " FROM json_each(?) AS wanted JOIN readings ON readings.seq = wanted.value ORDER BY readings.seq",
        (_json(list(numbers)),),
    )
    for seq, device, kind, observed_at, received_at, fields in rows:
        received = from_ms(received_at)
        at = received if observed_at is None else min(from_ms(observed_at), received)
        try:
            reading = _READING.decode(fields)
        except msgspec.DecodeError:
            continue
        yield Found(seq, received if lost(at, received) else at, received, device, kind, reading)


def readings(
    db: sqlite3.Connection,
    resident: str,
    kinds: Sequence[str],
    since: datetime,
    until: datetime,
    *,
    most: int,
    every: bool = True,
) -> list[Found]:
    """The readings of a resident that came in that time (UTC), in the order in which they came.

    Args:
        db: reads the database.
        resident: whose.
        kinds: words of devices.model.KINDS.
        since: from then on.
        until: until before then.
        most: never more than so many.
        every: True: the newest ones where there are more; False: evenly picked ones, for a chart.
    """
    found = places(db, resident, kinds, since, until, most if every else most * 50)
    step = 1 if every else -(-len(found) // most) or 1
    return list(read(db, found[::step]))


def noted_until(db: sqlite3.Connection) -> int:
    """The number before which all readings are noted; the later ones are looked for in the readings themselves."""
    row = db.execute("SELECT seq FROM reading_places_until").fetchone()
    return 0 if row is None else int(row[0])


def _column(db: sqlite3.Connection, query: str, values: tuple[object, ...]) -> list[int]:
    return [row[0] for row in db.execute(query, values)]


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()
