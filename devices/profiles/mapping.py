"""One ``[[readings]]`` table of a profile compiled to a function that makes readings."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from devices.errors import UnreadableError, Why
from devices.model import ALARM_KINDS, Position, Reading
from devices.profiles.conditions import Holds, compile_conditions
from devices.profiles.flaws import Flaws
from devices.profiles.pointers import BadPointerError, Each, compile_each
from devices.profiles.reader import Read, compile_field
from devices.profiles.units import FIELDS, TYPES, Field

Make: TypeAlias = Callable[[Any, str, datetime | None, str | None, bool], list[Reading]]
"""``make(document, device, at, event_id, lenient)``: no, one or several readings. Raises UnreadableError, but not if
``lenient``: then it leaves out what can't be read, because something else in the message must be told."""

One: TypeAlias = Callable[[Any, Any, str, datetime | None, str | None, bool], Reading | None]
"""``one(item, document, device, at, event_id, lenient)``."""

OWN_KEYS = ("kind", "each", "when", "observed_at", "aside", "note")
NO_PLACE_DEG = 1e-5
"""Both within a metre of 0: no place, but a receiver without a fix. Some write 0/0, others every bit set, which is
-0.000001 in millionths of a degree."""
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
    if not isinstance(spec.get("aside", False), bool):
        flaws.add(f"{key}.aside", spec["aside"], "true or false")
    elif "aside" in spec and kind in ALARM_KINDS:
        flaws.add(f"{key}.aside", spec["aside"], "no such key here: an alarm never stands aside")
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

    if each is None:
        return kind in ALARM_KINDS, _make_one(one, holds)

    def make(
        document: Any, device: str, at: datetime | None, event_id: str | None, lenient: bool = False
    ) -> list[Reading]:
        found: list[Reading] = []
        items = each(document)
        for item in items:
            for hold in holds:
                if not hold(item, document):
                    break
            else:
                try:
                    reading = one(item, document, device, at, event_id, lenient)
                except UnreadableError:
                    if not lenient:
                        raise
                    continue
                if reading is not None:
                    found.append(reading)
        return found

    return kind in ALARM_KINDS, make


def _make_one(one: One, holds: tuple[Holds, ...]) -> Make:
    """The function for the document itself, as most mappings have it."""

    def make(
        document: Any, device: str, at: datetime | None, event_id: str | None, lenient: bool = False
    ) -> list[Reading]:
        for hold in holds:
            if not hold(document, document):
                return _NONE
        try:
            reading = one(document, document, device, at, event_id, lenient)
        except UnreadableError:
            if not lenient:
                raise
            return _NONE
        return _NONE if reading is None else [reading]

    return make


_NONE: list[Reading] = []
"""Nobody changes what a mapping gave."""


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

    def one(
        item: Any, document: Any, device: str, at: datetime | None, event_id: str | None, lenient: bool
    ) -> Reading | None:
        fields: dict[str, Any] = {}
        said = only_constants
        for name, read in reads:
            try:
                value = read(item, document, at)
            except UnreadableError:
                if not lenient or name in required:
                    raise
                continue
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
            at = _own_time(time, item, document, at, alarm=lenient or kind in ALARM_KINDS)
        reading: Reading = build(device=device, observed_at=at, event_id=event_id, **fields)
        return reading

    return one


def _position_maker(reads: tuple[tuple[str, Read], ...], time: Read | None) -> One:
    """The function for one item, if it is a position: 0/0 is none, half a place is an error."""

    def position(
        item: Any, document: Any, device: str, at: datetime | None, event_id: str | None, lenient: bool
    ) -> Reading | None:
        fields: dict[str, Any] = {}
        for name, read in reads:
            try:
                value = read(item, document, at)
            except UnreadableError:
                if not lenient or name in ("lon", "lat"):
                    raise
                continue
            if value is not None:
                fields[name] = value
        lon, lat = fields.get("lon"), fields.get("lat")
        if lon is None and lat is None:
            return None
        if lon is None or lat is None:
            name = "lon" if lon is None else "lat"
            raise UnreadableError(Why.MISSING_FIELD, "is missing; expected longitude and latitude together", name)
        if -NO_PLACE_DEG < lon < NO_PLACE_DEG and -NO_PLACE_DEG < lat < NO_PLACE_DEG:
            return None
        if fields.get("accuracy_m") == 0:  # 0 is how devices say that they don't know
            del fields["accuracy_m"]
        if time is not None:
            at = _own_time(time, item, document, at, alarm=lenient)
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
