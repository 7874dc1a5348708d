"""Traccar: what its position and event forwarding publish, and so every tracker that Traccar understands.

The same alarm may come twice: inside the position and as an event. Its ``event_id`` is made of what both messages
share, so that the two are one event (see _key). A position without a fix is left out, the rest of its message never:
an SOS often comes before the first fix.
"""

from datetime import datetime
from typing import Any

import msgspec

from devices import door, values
from devices.errors import UnreadableError, Why
from devices.model import Fall, Frame, Help, Motion, Position, Reading, Room, Status, Vitals
from devices.refusals import is_broken_text, shown
from devices.traccar_messages import Attributes, Forwarded, TraccarPosition
from devices.traccar_words import (
    FALL_SPELLINGS,
    FALL_WORD,
    HELP_SPELLINGS,
    HELP_WORD,
    LIFE_SAFETY_WORDS,
    ROOM_OF_EVENT,
    STATUS_OF_ALARM,
    STATUS_OF_EVENT,
)

TELEMETRY_TOPICS = ("traccar/positions",)
ALARM_TOPICS = ("traccar/events",)

KNOT = 1852 / 3600
"""Metres a second in a knot (a nautical mile is 1,852 m by definition)."""

_DECODER = msgspec.json.Decoder(Forwarded)
_NOT_A_NUMBER = frozenset({"NaN", "Infinity", "-Infinity"})


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a forwarded message, alarms first, the device's Status always last; ``model`` plays no part.

    Raises UnreadableError; never for a message in which an SOS or a fall of a named device can be read.
    """
    try:
        return _readings(door.read(_DECODER, frame.payload))
    except UnreadableError as error:
        saved = _save_alarms(frame.payload)
        if not saved:
            raise error from None
        return saved


def address_of(topic: str) -> str | None:
    """None: Traccar's topics don't name the device."""
    return None


def _readings(message: Forwarded) -> tuple[Reading, ...]:
    device = message.device.unique_id
    if not device:
        raise UnreadableError(Why.OUT_OF_RANGE, '""; expected the device\'s identifier', "device.uniqueId")
    if message.position is None and message.event is None:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected a position or an event", "position")
    position, event = message.position, message.event
    attributes = (position and position.attributes) or Attributes()
    words = _words(attributes.alarm, "position.attributes.alarm")
    if event is not None and event.attributes is not None:
        words = _words(event.attributes.alarm, "event.attributes.alarm") + words
    if event is not None and event.type.lower() == "alarm" and not words:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the alarm's word", "event.attributes.alarm")
    at = None
    if position is not None:
        at = values.moment(position.device_time, "position.deviceTime")
    if at is None and event is not None:
        at = values.moment(event.event_time, "event.eventTime")
    key = _key(
        device,
        position and position.server_time,
        position and position.device_time,
        position and position.id,
        event and event.id,
    )
    alarms = _alarms(device, words, at, key)
    rest = _rest(message, attributes, at, key)
    status = _status(message, attributes, words, at, key)
    return (*alarms, *rest, status)


def _key(device: str, server: Any, measured: Any, position_number: Any, event_number: Any) -> str | None:
    """What makes the message's moment unique, the same by both ways of forwarding; None when nothing does.

    Not the position's number: Traccar forwards a position before it has one (0), an event after. Both carry the
    position's serverTime, set once when it came in, and its deviceTime. Without these the numbers must do.
    """
    received, at = _first_time(server), _first_time(measured)
    if received is not None and at is not None:
        return f"{device}:{values.to_ms(received)}:{values.to_ms(at)}"
    for way, number in (("position", position_number), ("event", event_number)):
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            return f"{device}:{way}-{number}"
    return None


def _words(alarm: Any, field: str) -> tuple[str, ...]:
    """The alarm words: Traccar writes several as one text with commas, and may repeat one."""
    if alarm is None:
        return ()
    if isinstance(alarm, list) and all(isinstance(word, str) for word in alarm):
        alarm = ",".join(alarm)
    if not isinstance(alarm, str):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(alarm)}; expected words with commas between them", field)
    return tuple(dict.fromkeys(_spelt(word.strip()) for word in alarm.replace(";", ",").split(",") if word.strip()))


def _spelt(word: str) -> str:
    """A word about life and safety as Traccar spells it, any other as it is."""
    folded = word.replace("_", "").replace("-", "").replace(" ", "").lower()
    if folded in HELP_SPELLINGS:
        return HELP_WORD
    return FALL_WORD if folded in FALL_SPELLINGS else word


def _alarms(device: str, words: tuple[str, ...], at: datetime | None, key: str | None) -> tuple[Reading, ...]:
    readings: list[Reading] = []
    if HELP_WORD in words:
        event_id = None if key is None else f"{key}:{HELP_WORD}"
        readings.append(Help(device=device, observed_at=at, event_id=event_id, phase="pressed"))
    if FALL_WORD in words:
        event_id = None if key is None else f"{key}:{FALL_WORD}"
        readings.append(Fall(device=device, observed_at=at, event_id=event_id, phase="detected"))
    return tuple(readings)


def _rest(message: Forwarded, attributes: Attributes, at: datetime | None, key: str | None) -> tuple[Reading, ...]:
    device, position, event = message.device.unique_id, message.position, message.event
    readings: list[Reading] = []
    if position is not None:
        readings += _fix(device, position, at, key)
    if event is not None and event.type in ROOM_OF_EVENT:
        name = (message.geofence and message.geofence.name) or (str(event.geofence_id) if event.geofence_id else None)
        present = ROOM_OF_EVENT[event.type]
        # One position may enter two regions: told apart by the events' numbers.
        event_id = _key(device, None, None, None, event.id)
        readings.append(Room(device=device, observed_at=at, event_id=event_id, room=name, present=present))
    heart_rate = _plausible(attributes.heart_rate, 1, 500)
    if heart_rate is not None:
        readings.append(Vitals(device=device, observed_at=at, event_id=key, heart_rate_bpm=heart_rate))
    steps = _plausible(attributes.steps, 0, 1e9)
    if steps is not None:
        readings.append(Motion(device=device, observed_at=at, event_id=key, steps=int(steps)))
    return tuple(readings)


def _fix(device: str, position: TraccarPosition, at: datetime | None, key: str | None) -> tuple[Position, ...]:
    lon, lat = position.longitude, position.latitude
    values.place(lon, lat, "position")
    fixed_at = values.moment(position.fix_time, "position.fixTime")
    if not position.valid or values.is_no_place(lon, lat):
        return ()
    speed = _side(position.speed, "position.speed", 0, 2_000)
    course = _side(position.course, "position.course", 0, 360)
    return (
        Position(
            device=device,
            observed_at=at,
            event_id=key,
            lon=lon,
            lat=lat,
            accuracy_m=_side(position.accuracy, "position.accuracy", 0, 20_040_000) or None,
            altitude_m=_side(position.altitude, "position.altitude", -12_000, 100_000) or None,
            speed_mps=None if speed is None else speed * KNOT,
            course_deg=course if course or speed else None,  # 0 at rest is Traccar's default, not a heading
            fixed_at=fixed_at,
        ),
    )


def _status(
    message: Forwarded, attributes: Attributes, words: tuple[str, ...], at: datetime | None, key: str | None
) -> Status:
    fields: dict[str, Any] = {
        "battery_percent": _plausible(attributes.battery_level, 0, 100),
        "charging": attributes.charge if isinstance(attributes.charge, bool) else None,
        "firmware": str(attributes.version_fw)[:128] if isinstance(attributes.version_fw, str | int) else None,
    }
    for word in words:
        fields.update(STATUS_OF_ALARM.get(word, {}))
    if message.event is not None and message.event.type in STATUS_OF_EVENT:
        fields.update(STATUS_OF_EVENT[message.event.type])
        key = _key(message.device.unique_id, None, None, None, message.event.id)
    return Status(device=message.device.unique_id, observed_at=at, event_id=key, **fields)


def _side(value: float | str | None, field: str, low: float, high: float) -> float | None:
    """A number of the position itself; "NaN" is how Traccar writes one that it does not have."""
    if isinstance(value, str) and value in _NOT_A_NUMBER:
        return None
    return values.number(value, field, low, high)


def _plausible(value: Any, low: float, high: float) -> float | None:
    """A number out of the attributes if it can be one of these; 153 % of a battery says nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return float(value)


def _save_alarms(payload: bytes) -> tuple[Reading, ...]:
    """The SOS and falls of a message whose other parts are bad; nothing when there are none."""
    try:
        loose = door.read_loosely(payload)
    except UnreadableError:
        return ()
    device = _at(loose, "device", "uniqueId")
    if not isinstance(device, str) or not device or is_broken_text(device):
        return ()
    words: set[str] = set()
    for way in ("event", "position"):
        try:
            words.update(_words(_at(loose, way, "attributes", "alarm"), ""))
        except UnreadableError:
            continue
    measured = _at(loose, "position", "deviceTime")
    key = _key(
        device,
        _at(loose, "position", "serverTime"),
        measured,
        _at(loose, "position", "id"),
        _at(loose, "event", "id"),
    )
    at = _first_time(measured, _at(loose, "event", "eventTime"))
    return _alarms(device, tuple(words & LIFE_SAFETY_WORDS), at, key)


def _first_time(*candidates: Any) -> datetime | None:
    for candidate in candidates:
        try:
            at = values.moment(candidate, "")
        except UnreadableError:
            continue
        if at is not None:
            return at
    return None


def _at(value: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
