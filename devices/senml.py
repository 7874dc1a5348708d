"""SenML (RFC 8428, JSON): packs of records, mapped by a profile like any other JSON.

A pack comes on ``senml/{vendor}/{model}/{device}``, or on a profile's own topics. Its records are resolved (base
name, base time, base unit, base value, section 4.6) and grouped: all records of one device and time are one document
``{"<measurement>": value, …}``, which the profile's pointers look into; what is said twice begins a second document.
The measurement is what follows the last ``:`` or ``/`` of a record's name, or all of it; what stands before that is
the device, if the topic names none. Values with a unit of the registries (RFC 8428 section 12.1, RFC 8798) are
converted to the unit that the readings have: kelvin to °C, ratios to percent and so on.

An alarm in a pack is told whatever is wrong with the rest of it.
"""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from devices import door, values
from devices.errors import UnreadableError, Why
from devices.model import Fall, Frame, Help, Reading
from devices.profile import address, device_in, which
from devices.refusals import is_big_integer, is_broken_text, shown

ALARM_TOPICS = ("senml/+/+/+",)
TELEMETRY_TOPICS: tuple[str, ...] = ()

VERSION = 10
"""The version that RFC 8428 describes; a higher one must be refused (section 4.4)."""
ABSOLUTE_S = 2**28
"""Times below are relative to now (section 4.5.3)."""
UNITS: dict[str, tuple[float, float]] = {
    "K": (1, -273.15), "/": (100, 0), "/100": (1, 0), "/1000": (0.1, 0), "km/h": (1 / 3.6, 0), "km": (1000, 0),
    "cm": (0.01, 0), "mm": (0.001, 0), "rad": (57.29577951308232, 0), "ms": (0.001, 0), "min": (60, 0),
    "h": (3600, 0), "mV": (0.001, 0), "Hz": (60, 0), "beats": (1, 0),
}  # fmt: skip
"""Unit → (factor, offset) to °C, percent, m/s, metres, degrees, seconds, volts or 1/min. Other units stay."""


class Record(msgspec.Struct, gc=False):
    """One record as it stands in a pack."""

    bn: str = ""
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bver: int | None = None
    n: str = ""
    u: str | None = None
    t: float = 0.0
    v: float | int | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: str | None = None
    s: float | None = None


_DECODER = msgspec.json.Decoder(list[Record])


class Pack:
    """A resolved pack: documents by device part and time, and the first thing that was wrong with it."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, datetime | None], list[dict[str, Any]]] = {}
        self.absolute: set[datetime] = set()
        """Times that the pack itself gives, not those relative to now."""
        self.base_names: set[str] = set()
        self.error: UnreadableError | None = None
        self._said: Counter[tuple[str, datetime | None, str]] = Counter()

    def put(self, part: str, at: datetime | None, measurement: str, value: Any) -> None:
        """Into that device's and time's first document without the measurement.

        So nothing that was said is overwritten: a press is not undone by another record of its second.
        """
        place = self._said[part, at, measurement]
        self._said[part, at, measurement] += 1
        documents = self.documents.setdefault((part, at), [])
        if place == len(documents):
            documents.append({})
        documents[place][measurement] = value

    def in_order(self, now: datetime) -> Iterator[tuple[str, datetime | None, str | None, dict[str, Any]]]:
        """Device part, time, id and content of each document, the oldest first."""
        for part, at in sorted(self.documents, key=lambda key: key[1] or now):
            event_id = str(values.to_ms(at)) if at is not None and at in self.absolute else None
            for number, document in enumerate(self.documents[part, at]):
                yield part, at, f"{event_id}/{number}" if event_id and number else event_id, document


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a pack, the oldest time first; ``model`` is ``vendor/model`` and beats what the topic says.

    Without a device in the topic a pack may tell of several, each by its base name. Where the topic names the device,
    a pack of several base names is refused. Raises UnreadableError: UNKNOWN_MODEL, UNSUPPORTED_VERSION, or whatever
    is wrong with the pack; apart from these two never for a pack in which an alarm can be read.
    """
    error: UnreadableError | None = None
    try:
        records = _read(frame.payload)
    except UnreadableError as bad:
        records, error = _whole_records(frame.payload), bad
        if not records:
            raise
    profile, device = which(frame.topic, model, "senml")
    pack = _resolved(records, frame.received_at, device)
    error = error or pack.error
    named = device or next((part for part, _ in pack.documents if part), None)
    is_whole = error is None
    found: list[Reading] = []
    for part, at, event_id, document in pack.in_order(frame.received_at):
        sender = device or part or named
        try:
            sender = sender or device_in(profile, document)
            if is_whole:
                found += profile.readings(document, sender, at, event_id)
                continue
        except UnreadableError as bad:
            error = error or bad
        if sender:
            found += profile.saved_alarms(document, sender, at, event_id)
    if error is not None and not any(isinstance(reading, Help | Fall) for reading in found):
        raise error
    return tuple(found)


def address_of(topic: str) -> str | None:
    """The device in the topic, if it has the form of this format or fits a template that names one."""
    return address("senml", topic)


def _read(payload: bytes) -> list[Record]:
    try:
        return door.read(_DECODER, payload)
    except UnreadableError as error:
        if error.field is None and error.why is Why.NOT_AN_OBJECT:
            raise UnreadableError(error.why, error.detail.replace("an object", "a list of SenML records")) from None
        raise


def _whole_records(payload: bytes) -> list[Record]:
    """The records that can be read of a pack in which others can't."""
    try:
        loose = door.read_loosely(payload)
    except UnreadableError:
        return []
    records = []
    for item in loose if isinstance(loose, list) else ():
        try:
            record = msgspec.convert(item, Record)
        except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for half a surrogate pair
            continue
        numbers = (record.bt, record.bv, record.t, record.v)
        if all(number is None or (not is_big_integer(number) and math.isfinite(number)) for number in numbers):
            records.append(record)
    return records


def _resolved(records: list[Record], now: datetime, device: str | None) -> Pack:
    """The records with all that the base fields say. Raises UnreadableError (UNSUPPORTED_VERSION).

    A record without a readable value is left out, one without a readable time is now; either is the pack's error.
    """
    pack, base = Pack(), Record()
    for index, record in enumerate(records):
        if record.bver is not None and record.bver > VERSION:
            detail = f"{record.bver}; expected version {VERSION} or below"
            raise UnreadableError(Why.UNSUPPORTED_VERSION, detail, f"[{index}].bver")
        base = Record(
            bn=record.bn or base.bn, bt=base.bt if record.bt is None else record.bt, bu=record.bu or base.bu,
            bv=base.bv if record.bv is None else record.bv,
        )  # fmt: skip
        try:
            value = _value(record, base, index)
        except UnreadableError as bad:
            pack.error = pack.error or bad
            continue
        if value is None:
            continue
        part, measurement = _last_part(base.bn + record.n)
        at = None
        try:
            if device is not None:
                part = ""
                _refuse_others(base.bn, pack.base_names, device, index)
            seconds = (base.bt or 0) + record.t
            if seconds:  # no time: now, as the gateway knows itself
                at = _time(seconds, now, index)
                if seconds >= ABSOLUTE_S:
                    pack.absolute.add(at)
        except UnreadableError as bad:
            pack.error = pack.error or bad
        pack.put(part, at, measurement, value)
    return pack


def _refuse_others(base_name: str, known: set[str], device: str, index: int) -> None:
    """Refuse a second base name in a pack of one device, unless both hold that device's name."""
    if base_name and device not in base_name:
        known.add(base_name)
        if len(known) > 1:
            detail = f"{shown(base_name)} is a second device; expected those of {shown(device)}, as the topic says"
            raise UnreadableError(Why.OUT_OF_RANGE, detail, f"[{index}].bn")


def _value(record: Record, base: Record, index: int) -> Any:
    """The value with its base and in the readings' unit; None for a record that only sets base fields or has a sum."""
    if record.v is None and record.vs is None and record.vb is None and record.vd is None:
        if record.s is not None or (not record.n and base.bv is None):
            return None
        if base.bv is None:
            raise UnreadableError(Why.MISSING_FIELD, "is missing; expected a value", f"[{index}].v")
    name = base.bn + record.n
    if not name or is_broken_text(name):
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected a name, here or as base name", f"[{index}].n")
    if record.vb is not None:
        return record.vb
    if record.vs is not None or record.vd is not None:
        return record.vs
    value = (record.v or 0) + (base.bv or 0)
    if is_big_integer(value):
        detail = f"{shown(value)}; expected an integer of at most 63 bits"
        raise UnreadableError(Why.BIG_INTEGER, detail, f"[{index}].v")
    factor, offset = UNITS.get(record.u or base.bu or "", (1, 0))
    return value if (factor, offset) == (1, 0) else value * factor + offset


def _time(seconds: float, now: datetime, index: int) -> datetime:
    """Absolute, or before or after now. Raises UnreadableError (BAD_TIME)."""
    try:
        at = now + timedelta(seconds=seconds) if seconds < ABSOLUTE_S else values.epoch_seconds(seconds, f"[{index}].t")
    except OverflowError:
        at = None
    if at is None or at < values.EPOCH:
        detail = f"{shown(seconds)}; expected seconds since 1970, or relative to now"
        raise UnreadableError(Why.BAD_TIME, detail, f"[{index}].t")
    return at


def _last_part(name: str) -> tuple[str, str]:
    """Device and measurement of a full name: ``urn:dev:ow:10e2073a:temp`` is ``urn:dev:ow:10e2073a`` and ``temp``."""
    cut = max(name.rfind(":"), name.rfind("/"))
    return (name[:cut], name[cut + 1 :]) if cut >= 0 else ("", name)
