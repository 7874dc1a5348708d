"""Entries and cases -> rows."""

import sqlite3
from datetime import datetime

import msgspec

from devices.model import Reading
from gateway.clock import to_ms
from gateway.pipeline.intake import Entry, event_key, sender
from gateway.pipeline.judge import Case

_ENCODE = msgspec.json.Encoder().encode


def insert(db: sqlite3.Connection, entries: list[Entry], fresh: list[tuple[Entry, Reading]], cases: list[Case]) -> None:
    """Add a batch in the caller's transaction: frames, readings, event ids, what could not be read."""
    ms = _Milliseconds()
    db.executemany(
        "INSERT INTO journal (seq, format, topic, payload, received_at, flags) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (e.seq, e.receipt.format, (f := e.receipt.frame).topic, f.payload, ms.of(f.received_at), e.flags)
            for e in entries
        ],
    )
    encode = _ENCODE
    db.executemany(
        "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                c.seq,
                (h := c.heard).frame,
                h.device,
                c.resident,
                h.kind,
                None if (observed := h.reading.observed_at) is None else to_ms(observed),
                ms.of(h.received_at),
                encode(h.reading).decode(),
            )
            for c in cases
            if not c.extra
        ],
    )
    db.executemany(
        "INSERT OR REPLACE INTO event_ids (device, event_id, frame) VALUES (?, ?, ?)",
        [
            (sender(entry.receipt.format, reading.device), event_key(reading), entry.seq)
            for entry, reading in fresh
            if reading.event_id is not None
        ],
    )
    db.executemany(
        "INSERT INTO quarantine (frame, why, field, detail) VALUES (?, ?, ?, ?)",
        [
            (e.seq, e.unreadable.why.value, e.unreadable.field, e.unreadable.detail)
            for e in entries
            if e.unreadable is not None
        ],
    )


def seen_before(db: sqlite3.Connection, case: Case) -> bool:
    """Was this very reading stored before? A kept message comes again at every connect."""
    row = db.execute(
        "SELECT 1 FROM readings WHERE resident IS ? AND kind = ? AND kind IN ('help', 'fall')"  # the index's own words
        " AND device = ? AND fields = ? LIMIT 1",
        (case.resident, case.heard.kind, case.heard.device, _ENCODE(case.heard.reading).decode()),
    ).fetchone()
    return row is not None


class _Milliseconds:
    """to_ms for times that come in runs: all frames of one read share theirs."""

    __slots__ = ("_at", "_ms")

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._ms = 0

    def of(self, at: datetime) -> int:
        if at is not self._at:
            self._at, self._ms = at, to_ms(at)
        return self._ms
