"""One ``[[readings]]`` table of a profile compiled to a function that makes readings."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from devices import values
from devices.errors import UnreadableError, Why
from devices.model import ALARM_KINDS, Position, Reading
from devices.profiles.conditions import compile_conditions
from devices.profiles.flaws import Flaws
from devices.profiles.pointers import BadPointerError, Each, compile_each
from devices.profiles.reader import Read, compile_field
from devices.profiles.units import FIELDS, TYPES, Field

Make: TypeAlias = Callable[[Any, str, datetime | None, str | None], list[Reading]]
"""``make(document, device, at, event_id)``: no, one or several readings. Raises UnreadableError."""

One: TypeAlias = Callable[[Any, Any, str, datetime | None, str | None], Reading | None]
"""``one(item, document, device, at, event_id)``."""

OWN_KEYS = ("kind", "each", "when", "observed_at", "note")
_TIME = Field("time")


def compile_mapping(spec: Any, key: str, flaws: Flaws) -> tuple[bool, Make] | None:
    """Whether it makes alarms, and the function; None when it has flaws."""
    if not isinstance(spec, dict):
        flaws.add(key, spec, "a table")
        return None
    before = len(flaws.found)
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in FIELDS:
        flaws.add(f"{key}.kind", kind, f"one of {', '.join(FIELDS)}")
        return None
    fields = FIELDS[kind]
    flaws.table(spec, key, (*OWN_KEYS, *fields))
    reads = {
        name: compile_field(name, spec[name], field, f"{key}.{name}", flaws)
        for name, field in fields.items()
        if name in spec
    }
    for name, field in fields.items():
        if field.required and name not in spec:
            flaws.missing(f"{key}.{name}", f"it, because a {kind} is nothing without")
    if not reads and kind != "status":  # a status of which nothing is said is a sign of life
        flaws.missing(f"{key}.{next(iter(fields))}", f"at least one of {', '.join(fields)}")
    time = None
    if "observed_at" in spec:
        time = compile_field("observed_at", spec["observed_at"], _TIME, f"{key}.observed_at", flaws)
    holds = compile_conditions(spec.get("when", []), f"{key}.when", flaws)
    each = _each(spec["each"], f"{key}.each", flaws) if "each" in spec else None
    if len(flaws.found) > before:
        return None
    checked = tuple((name, read) for name, read in reads.items() if read is not None)
    required = frozenset(name for name, field in fields.items() if field.required)
    constants = frozenset(name for name in reads if not isinstance(spec[name], dict))
    # Conditions that hold say that there is an alarm: then its phase is not passed over in silence.
    strict = kind in ALARM_KINDS and bool(holds)
    one = (
        _position_maker(checked, time)
        if kind == "position"
        else _maker(kind, checked, required, constants, time, strict)
    )

    def make(document: Any, device: str, at: datetime | None, event_id: str | None) -> list[Reading]:
        found: list[Reading] = []
        items = (document,) if each is None else each(document)
        for item in items:
            for hold in holds:
                if not hold(item, document):
                    break
            else:
                reading = one(item, document, device, at, event_id)
                if reading is not None:
                    found.append(reading)
        return found

    return kind in ALARM_KINDS, make


def _each(spec: Any, key: str, flaws: Flaws) -> Each | None:
    if not isinstance(spec, str):
        flaws.add(key, spec, 'a JSON Pointer to the items of a list, such as "/events/*"')
        return None
    try:
        return compile_each(spec)
    except BadPointerError as error:
        flaws.add(key, spec, str(error))
        return None


def _maker(
    kind: str,
    reads: tuple[tuple[str, Read], ...],
    required: frozenset[str],
    constants: frozenset[str],
    time: Read | None,
    strict: bool,
) -> One:
    """The function for one item. A reading of which nothing was said is none."""
    build: Callable[..., Any] = TYPES[kind]
    only_constants = len(constants) == len(reads)

    def one(item: Any, document: Any, device: str, at: datetime | None, event_id: str | None) -> Reading | None:
        fields: dict[str, Any] = {}
        said = only_constants
        for name, read in reads:
            value = read(item, document, at)
            if value is not None:
                fields[name] = value
                said = said or name not in constants
            elif name in required:
                if strict:
                    raise UnreadableError(Why.MISSING_FIELD, f"is missing; expected the {name} of the {kind}", name)
                return None
        if not said:
            return None
        if time is not None:
            at = _own_time(time, item, document, at, alarm=kind in ALARM_KINDS)
        reading: Reading = build(device=device, observed_at=at, event_id=event_id, **fields)
        return reading

    return one


def _position_maker(reads: tuple[tuple[str, Read], ...], time: Read | None) -> One:
    """The function for one item, if it is a position: 0/0 is none, half a place is an error."""

    def position(item: Any, document: Any, device: str, at: datetime | None, event_id: str | None) -> Reading | None:
        fields: dict[str, Any] = {}
        for name, read in reads:
            value = read(item, document, at)
            if value is not None:
                fields[name] = value
        lon, lat = fields.get("lon"), fields.get("lat")
        if lon is None and lat is None:
            return None
        if lon is None or lat is None:
            name = "lon" if lon is None else "lat"
            raise UnreadableError(Why.MISSING_FIELD, "is missing; expected longitude and latitude together", name)
        if values.is_no_place(lon, lat):
            return None
        if fields.get("accuracy_m") == 0:  # 0 is how devices say that they don't know
            del fields["accuracy_m"]
        if time is not None:
            at = _own_time(time, item, document, at, alarm=False)
        return Position(device=device, observed_at=at, event_id=event_id, **fields)

    return position


def _own_time(time: Read, item: Any, document: Any, at: datetime | None, *, alarm: bool) -> datetime | None:
    """The time that the item itself gives; an alarm with a bad one keeps the message's."""
    try:
        own: datetime | None = time(item, document, at)
    except UnreadableError:
        if not alarm:
            raise
        own = None
    return own or at
