"""What the devices of a person sent: when each was theirs, and what of that time goes with them.

A device belongs to the house and is handed on. What an assignment says of a time may be changed by a later version of
the centre (its end is written, it is corrected, it goes), so the newest version that says whose a device was at a time
is believed; what no version ends ended when the version that said it was replaced. What a device sent after that,
until somebody else had it, may still tell of the person, and goes too.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from devices import registry
from gateway.clock import to_ms
from gateway.store.history import first_frame, first_received
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.retention_rows import LOOKED_AT, ROWS, Piece, take_readings
from gateway.store.writer import Tx

_ALWAYS: Final = 2**62
"""An end that is not known (epoch ms)."""


class Span(NamedTuple):
    """A device in a time (epoch ms, ``until`` exclusive; None: until now) in which it was the person's; one for each
    format and address that it had."""

    device: str
    format: str | None
    address: str
    since: int
    until: int | None


class _Claim(NamedTuple):
    """A version says that the device was somebody's, from ``since`` until before ``until`` (epoch ms)."""

    resident: str
    since: int
    until: int


class Worn:
    """When which device was a person's: tell it of every version, the oldest first, then ask.

    Args:
        resident: the person's id.
    """

    def __init__(self, resident: str) -> None:
        self._resident = resident
        self._claims: dict[str, list[tuple[int, tuple[_Claim, ...]]]] = {}
        self._known_as: dict[str, dict[tuple[str | None, str], None]] = {}
        self._last: tuple[Any, Any] = ((), ())

    def add(self, applied_at: int, document: dict[str, Any]) -> None:
        """The next version: when it was applied (epoch ms), and what it holds."""
        assignments, devices = document.get("assignments", ()), document.get("devices", ())
        if self._last == (assignments, devices):
            return
        self._last = assignments, devices
        for one in assignments:
            if one["resident"] == self._resident:
                self._claims.setdefault(one["device"], [])
        now: dict[str, list[_Claim]] = {device: [] for device in self._claims}
        for one in assignments:
            if one["device"] in now:
                until = _ALWAYS if one.get("to") is None else _ms(one["to"])
                now[one["device"]].append(_Claim(one["resident"], _ms(one["from"]), until))
        for device, claims in now.items():
            told = self._claims[device]
            if not told or told[-1][1] != tuple(claims):
                told.append((applied_at, tuple(claims)))
        for entry in devices:
            if entry["id"] in now:
                known = self._known_as.setdefault(entry["id"], {})
                known[entry.get("format"), entry.get("address") or entry["id"]] = None

    def spans(self) -> Iterator[Span]:
        """Each device in each time in which it was theirs, and in nobody else's."""
        for device, told in self._claims.items():
            for since, until in _times(told, self._resident):
                for form, address in self._known_as.get(device, {(None, device): None}):
                    yield Span(device, form, address, since, None if until == _ALWAYS else until)


def _times(told: Sequence[tuple[int, tuple[_Claim, ...]]], resident: str) -> list[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    theirs: list[tuple[int, int]] = []
    replaced_at = _ALWAYS
    for applied_at, claims in reversed(told):
        for claim in claims:
            free = _free(claim.since, min(claim.until, replaced_at), taken)
            taken += free
            if claim.resident == resident:
                theirs += free
        replaced_at = applied_at
    joined: list[tuple[int, int]] = []
    for since, until in sorted(theirs):
        # what came after the end, before anybody else had it, may still tell of them
        end = min((start for start, _ in taken if start >= until), default=_ALWAYS)
        if joined and since <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((since, end))
    return joined


def _free(since: int, until: int, taken: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of a time is not taken."""
    left = [(since, until)]
    for start, end in taken:
        left = [part for low, high in left for part in ((low, min(high, start)), (max(low, end), high))]
        left = [(low, high) for low, high in left if low < high]
    return [(low, high) for low, high in left if low < high]


class SpanReadings:
    """Readings of a device of the person that were noted as nobody's."""

    def __init__(self, resident: str, span: Span) -> None:
        self._resident = resident
        self._span = span
        self._next: int | None = None

    def __call__(self, tx: Tx) -> Piece:
        """The next piece."""
        if self._next is None:
            self._next = first_received(tx.db, self._span.since)
        last = first_received(tx.db, self._span.until or to_ms(tx.now) + 1)
        found = tx.db.execute(
            "SELECT seq, resident, kind, device FROM readings WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
            (self._next, last, LOOKED_AT),
        ).fetchall()
        own = {self._span.device, f"{self._span.format}:{self._span.address}"}
        mine = [row for row in found if row["device"] in own and row["resident"] in {None, self._resident}]
        take_readings(tx, mine)
        take_frames(tx, {row["seq"] // READINGS_PER_FRAME for row in mine})
        if found:
            self._next = found[-1]["seq"] + 1
        return Piece(len(mine), len(found) == LOOKED_AT)


class SpanFrames:
    """Raw messages of a device of the person: repetitions, and what could not be read, left no reading."""

    def __init__(self, resident: str, span: Span) -> None:
        self._resident = resident
        self._span = span
        self._next: int | None = None

    def __call__(self, tx: Tx) -> Piece:
        """The next piece."""
        span = self._span
        if self._next is None:
            self._next = first_frame(tx.db, span.since)
        found = tx.db.execute(
            "SELECT seq, format, topic, payload, received_at FROM journal WHERE seq >= ? ORDER BY seq LIMIT ?",
            (self._next, LOOKED_AT),
        ).fetchall()
        until = span.until or to_ms(tx.now) + 1
        mine = {row["seq"] for row in found if span.since <= row["received_at"] < until and _is_of(row, span)}
        mine -= _of_others(tx.db, mine, self._resident)
        take_frames(tx, mine)
        if found:
            self._next = found[-1]["seq"] + 1
        return Piece(len(mine), len(found) == LOOKED_AT)


class SpanEventIds:
    """Ids of what a device of the person told. Those of whoever wears it now stay: their help call that comes a second
    time is not to ring again."""

    def __init__(self, resident: str, span: Span) -> None:
        self._resident = resident
        self._span = span

    def __call__(self, tx: Tx) -> Piece:
        """The next piece."""
        span = self._span
        first, last = (_first_frame_at(tx.db, ms) for ms in (span.since, span.until or to_ms(tx.now) + 1))
        found = tx.db.execute(
            "SELECT device, event_id FROM event_ids e WHERE device IN (?, ?, ?) AND frame >= ? AND frame < ?"
            " AND NOT EXISTS (SELECT 1 FROM readings r WHERE r.seq >= e.frame * ? AND r.seq < (e.frame + 1) * ?"
            " AND r.resident != ?) LIMIT ?",
            (
                *(span.device, span.address, f"{span.format}:{span.address}"),
                *(first, last, READINGS_PER_FRAME, READINGS_PER_FRAME, self._resident, ROWS),
            ),
        ).fetchall()
        tx.db.executemany("DELETE FROM event_ids WHERE device = ? AND event_id = ?", [tuple(row) for row in found])
        return Piece(len(found), len(found) == ROWS)


def _first_frame_at(db: sqlite3.Connection, ms: int) -> int:
    """The first message received at or after that time, also when raw messages are not kept for so long any more:
    then the readings, which are kept longer, say it."""
    frame = first_frame(db, ms)
    oldest = db.execute("SELECT received_at FROM journal ORDER BY seq LIMIT 1").fetchone()
    if oldest is not None and oldest["received_at"] < ms:
        return frame
    return min(frame, -(-first_received(db, ms) // READINGS_PER_FRAME))


def _of_others(db: sqlite3.Connection, frames: Iterable[int], resident: str) -> set[int]:
    """Those of them that gave a reading of somebody else."""
    query = "SELECT 1 FROM readings WHERE seq >= ? AND seq < ? AND resident != ? LIMIT 1"
    return {
        frame
        for frame in frames
        if db.execute(query, (frame * READINGS_PER_FRAME, (frame + 1) * READINGS_PER_FRAME, resident)).fetchone()
    }


def _is_of(row: sqlite3.Row, span: Span) -> bool:
    if row["format"] != span.format:
        return False
    form = registry.find(row["format"])
    address = form.address_of(row["topic"])
    if address is not None:
        return address.casefold() == span.address.casefold() if form.any_case else address == span.address
    # many devices on one topic: the message names its own, as a whole word ("12" is not in "352012005712345")
    named = rb"(?<![\w-])" + re.escape(span.address.encode()) + rb"(?![\w-])"
    return re.search(named, bytes(row["payload"]), re.IGNORECASE if form.any_case else 0) is not None


def take_frames(tx: Tx, frames: set[int]) -> None:
    """Raw messages, and what is noted of them. The newest stays as an empty line: numbers go on from it."""
    [newest] = tx.db.execute("SELECT max(seq) FROM journal").fetchone()
    rows = [(frame,) for frame in frames]
    tx.db.executemany("DELETE FROM quarantine WHERE frame = ?", rows)
    tx.db.executemany("DELETE FROM journal WHERE seq = ?", [row for row in rows if row[0] != newest])
    if newest in frames:
        tx.db.execute("UPDATE journal SET topic = '', payload = x'' WHERE seq = ?", (newest,))


def _ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))
