"""SenML (RFC 8428, JSON): packs of records, mapped by a profile like any other JSON.

A pack comes on ``senml/{vendor}/{model}/{device}``, or on a profile's own topics. Its records are resolved (base
name, base time, base unit, base value, section 4.6) and grouped: all records of one time are one document
``{"<measurement>": value, …}``, which the profile's pointers look into. The measurement is what of a record's name
follows the pack's device: after its last ``:`` or ``/``, or all of it. Values with a unit of the registries (RFC 8428
section 12.1, RFC 8798) are converted to the unit that the readings have: kelvin to °C, ratios to percent and so on.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from devices import door, values
from devices.errors import UnreadableError, Why
from devices.model import Frame, Reading
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
    bt: float = 0.0
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


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a pack, the oldest time first; ``model`` is ``vendor/model`` and beats what the topic says.

    Raises UnreadableError: UNKNOWN_MODEL, UNSUPPORTED_VERSION, or whatever is wrong with the pack.
    """
    records = _read(frame.payload)
    profile, device = which(frame.topic, model, "senml")
    packs, absolute, name = _resolved(records, frame.received_at)
    if device is None:
        device = _last_part(name)[0] or device_in(profile, name)
    found: list[Reading] = []
    error: UnreadableError | None = None
    for at in sorted(packs, key=lambda time: time or frame.received_at):
        event_id = None if at is None or at not in absolute else str(values.to_ms(at))
        try:
            found += profile.readings(packs[at], device, at, event_id)
        except UnreadableError as bad:
            error = error or bad
            found += profile.saved_alarms(packs[at], device, at, event_id)
    if error is not None and not any(reading.__struct_config__.tag in ("help", "fall") for reading in found):
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


def _resolved(records: list[Record], now: datetime) -> tuple[dict[datetime | None, dict[str, Any]], set[datetime], str]:
    """Time → measurement → value, the times that the pack itself gives, and the first full name."""
    base, first = Record(), ""
    absolute: set[datetime] = set()
    packs: dict[datetime | None, dict[str, Any]] = {}
    for index, record in enumerate(records):
        if record.bver is not None and record.bver > VERSION:
            detail = f"{record.bver}; expected version {VERSION} or below"
            raise UnreadableError(Why.UNSUPPORTED_VERSION, detail, f"[{index}].bver")
        base = Record(
            bn=record.bn or base.bn, bt=record.bt or base.bt, bu=record.bu or base.bu,
            bv=base.bv if record.bv is None else record.bv,
        )  # fmt: skip
        name, unit = base.bn + record.n, record.u or base.bu
        if not name or is_broken_text(name):
            raise UnreadableError(
                Why.MISSING_FIELD, "is missing; expected a name, here or as base name", f"[{index}].n"
            )
        first = first or name
        value = _value(record, base.bv, unit, index)
        if value is not None:
            seconds = base.bt + record.t
            at = _time(seconds, now, index) if seconds else None  # no time: now, as the gateway knows itself
            if at is not None and seconds >= ABSOLUTE_S:
                absolute.add(at)
            packs.setdefault(at, {})[_last_part(name)[1]] = value
    return packs, absolute, first


def _value(record: Record, base: float | None, unit: str | None, index: int) -> Any:
    if record.v is not None or (base is not None and record.vs is None and record.vb is None and record.vd is None):
        value = (record.v or 0) + (base or 0)
        if is_big_integer(value):
            detail = f"{shown(value)}; expected an integer of at most 63 bits"
            raise UnreadableError(Why.BIG_INTEGER, detail, f"[{index}].v")
        factor, offset = UNITS.get(unit or "", (1, 0))
        return value if (factor, offset) == (1, 0) else value * factor + offset
    if record.vb is not None:
        return record.vb
    return record.vs


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
    return (name[:cut], name[cut + 1 :]) if cut > 0 else ("", name)
