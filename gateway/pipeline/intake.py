"""Frames -> entries: known redeliveries set aside, the rest decoded, or quarantined with a named reason."""

import sqlite3
from datetime import datetime, timedelta

import msgspec

from devices import registry
from devices.errors import UnreadableError
from devices.model import ALARM_KINDS, Fall, Frame, Help, Reading, kind_of
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.ingest.source import Receipt
from rules.timing import lost

DUP, RETAINED, RESUMED, REPEATED = 1, 2, 4, 8
"""Bits of journal.flags; REPEATED: every event in it was known by its id (a device that repeats until it hears)."""

ID_USED_AGAIN = timedelta(hours=24)
"""A call for help under an id that was first seen longer ago is a new one: a button whose counter begins anew after a
change of battery must be heard. A device that was not acknowledged repeats within minutes."""

_KNOWN = (
    "SELECT e.device, e.event_id FROM event_ids e JOIN journal j ON j.seq = e.frame"
    " WHERE (e.device, e.event_id) IN (VALUES @)"
    " AND (j.received_at >= ? OR e.event_id NOT GLOB 'help:*' AND e.event_id NOT GLOB 'fall:*')"
)

_CHUNK = 400
"""Pairs in one IN (VALUES …) query; SQLite takes 32,766 parameters, short statements stay cached."""


class Entry(msgspec.Struct, gc=False):
    """A frame on its way into the journal."""

    seq: int
    receipt: Receipt
    flags: int
    readings: tuple[Reading, ...] = ()
    unreadable: UnreadableError | None = None

    @property
    def frame(self) -> Frame:
        """The raw message."""
        return self.receipt.frame


def flags_of(frame: Frame) -> int:
    """journal.flags of a frame."""
    return (DUP if frame.dup else 0) | (RETAINED if frame.retained else 0) | (RESUMED if frame.resumed else 0)


def prepare(batch: list[Receipt], index: CentreIndex) -> list[Entry]:
    """Decode a batch. Pure, so that a lane can do it while the disk is busy with the batch before; without numbers."""
    entries = []
    for receipt in batch:
        entry = Entry(0, receipt, flags_of(receipt.frame))
        decode(entry, index)
        entries.append(entry)
    return entries


def decode(entry: Entry, index: CentreIndex) -> None:
    """Fill in the readings, or why there are none."""
    receipt = entry.receipt
    try:
        entry.readings = registry.decode(receipt.format, receipt.frame, _model_of(receipt, index))
    except UnreadableError as error:
        entry.unreadable = error


def _model_of(receipt: Receipt, index: CentreIndex) -> str | None:
    """The model that the centre gives for the device that the topic names; None: the message must tell by itself."""
    form = registry.find(receipt.format)
    if not form.by_model:
        return None
    address = form.address_of(receipt.frame.topic)
    device = index.device(form.name, address) if address is not None else None
    return device.model if device is not None else None


def sender(format_name: str, address: str) -> str:
    """Whose ids an event id is unique among: the device as its format names it."""
    return f"{format_name}:{address}"


def event_key(reading: Reading) -> str:
    """A reading's id within its device: one message may hold several kinds under one id, and a device may keep one
    id through the phases of a fall, of which none may be taken for a repetition of another. Nor may a call for help
    of another time: a device that uses an id twice breaks the contract, and must be heard all the same.
    """
    if not isinstance(reading, Help | Fall):
        return f"{kind_of(reading)}:{reading.event_id}"
    at = "" if reading.observed_at is None else f"@{to_ms(reading.observed_at)}"
    return f"{kind_of(reading)}:{reading.phase}:{reading.event_id}{at}"


def known_events(db: sqlite3.Connection, entries: list[Entry]) -> set[tuple[str, str]]:
    """Which of the batch's (sender, event key) are in the store already, as far as they still count."""
    keys = [
        (sender(entry.receipt.format, reading.device), event_key(reading))
        for entry in entries
        for reading in entry.readings
        if reading.event_id is not None
    ]
    if not keys:
        return set()
    oldest = to_ms(entries[0].frame.received_at - ID_USED_AGAIN)
    known: set[tuple[str, str]] = set()
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        values = [value for key in chunk for value in key]
        # only question marks are put into the text
        query = _KNOWN.replace("@", ",".join(["(?,?)"] * len(chunk)))
        known.update((row[0], row[1]) for row in db.execute(query, [*values, oldest]))
    return known


def happened_at(reading: Reading, received_at: datetime) -> datetime:
    """When it happened as far as can be known (UTC-aware).

    The device's own time, but never after the message came: a clock that is ahead must not make the
    next readings look late. And not a time so long ago that the clock must have lost it.
    """
    at = reading.observed_at
    return received_at if at is None or at > received_at or lost(at, received_at) else at


def is_alarm(reading: Reading) -> bool:
    """A life-safety reading: it passes no filter."""
    return kind_of(reading) in ALARM_KINDS
