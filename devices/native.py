"""The own contract: topic ``telecare/{site}/{device}/{kind}``, JSON as in devices.native_messages.

Position is the busiest kind by far and is built by hand; the others share one builder. An alarm is never lost
because another part of its message is bad: a help or fall whose version, id and phase can be read is told, without
the place or time that can't be.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET

from devices import door, values
from devices.errors import UnreadableError, Why
from devices.model import READING_TYPES, Fall, Frame, Help, Position, Reading
from devices.native_messages import MESSAGE_TYPES, AlarmMessage, FallMessage, HelpMessage, Message, PositionMessage
from devices.refusals import is_broken_text, shown

KINDS = ", ".join(MESSAGE_TYPES)
TELEMETRY_TOPICS = tuple(f"telecare/+/+/{kind}" for kind in MESSAGE_TYPES if kind not in ("help", "fall"))
ALARM_TOPICS = ("telecare/+/+/help", "telecare/+/+/fall")
_TIMES = ("fixed_at", "start", "end")

Builder: TypeAlias = Callable[[str, bytes], tuple[Reading, ...]]


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a native message; ``model`` plays no part.

    Raises UnreadableError: WRONG_TOPIC, UNKNOWN_KIND, UNSUPPORTED_VERSION or whatever is wrong with the JSON.
    """
    parts = frame.topic.split("/")
    if len(parts) != 4 or parts[0] != "telecare" or not parts[1] or not parts[2]:
        raise UnreadableError(Why.WRONG_TOPIC, f"{shown(frame.topic)}; expected telecare/SITE/DEVICE/KIND")
    build = _BUILDERS.get(parts[3])
    if build is None:
        raise UnreadableError(Why.UNKNOWN_KIND, f"topic ends in {shown(parts[3])}; expected one of {KINDS}")
    return build(parts[2], frame.payload)


def address_of(topic: str) -> str | None:
    """The device of a native topic; None for any other topic."""
    parts = topic.split("/")
    return parts[2] if len(parts) == 4 and parts[0] == "telecare" and parts[2] else None


def _position(device: str, payload: bytes) -> tuple[Reading, ...]:
    return (_fix(device, _read(_POSITION, payload)),)


def _fix(device: str, message: PositionMessage | AlarmMessage) -> Position:
    lon, lat = message.lon, message.lat
    if lon is None or lat is None:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected it to be there", "lon" if lon is None else "lat")
    if values.is_no_place(lon, lat):
        raise UnreadableError(Why.BAD_POSITION, "0/0 is what a receiver without a fix says; expected a fix", "lon")
    return Position(
        device=device,
        observed_at=values.utc(message.t, "t"),
        event_id=message.id,
        lon=lon,
        lat=lat,
        accuracy_m=message.accuracy_m or None,
        altitude_m=message.altitude_m,
        speed_mps=message.speed_mps,
        course_deg=message.course_deg,
        fixed_at=values.utc(message.fixed_at, "fixed_at"),
        source=message.source,
    )


def _help(device: str, payload: bytes) -> tuple[Reading, ...]:
    message = _read_alarm(_HELP, HelpMessage, payload)
    return (
        Help(device=device, observed_at=_time_or_none(message), event_id=message.id, phase=message.phase),
        *_fix_or_nothing(device, message),
    )


def _fall(device: str, payload: bytes) -> tuple[Reading, ...]:
    message = _read_alarm(_FALL, FallMessage, payload)
    return (
        Fall(
            device=device,
            observed_at=_time_or_none(message),
            event_id=message.id,
            phase=message.phase,
            impact_g=UNSET if message.impact_g is None else message.impact_g,
        ),
        *_fix_or_nothing(device, message),
    )


def _time_or_none(message: AlarmMessage) -> Any:
    try:
        return values.utc(message.t, "t")
    except UnreadableError:
        return None


def _fix_or_nothing(device: str, message: AlarmMessage) -> tuple[Position, ...]:
    try:
        return (_fix(device, message),)
    except UnreadableError:
        return ()


def _other(kind: str, reading_type: type[Reading]) -> Builder:
    decoder = msgspec.json.Decoder(MESSAGE_TYPES[kind])
    names = tuple(name for name in MESSAGE_TYPES[kind].__struct_fields__ if name not in Message.__struct_fields__)

    def build(device: str, payload: bytes) -> tuple[Reading, ...]:
        message = _read(decoder, payload)
        fields = {name: getattr(message, name) for name in names}
        if fields.get("posture", UNSET) is None:
            fields["posture"] = UNSET  # not shown where it is not said
        for name in _TIMES:
            if name in fields:
                fields[name] = values.utc(fields[name], name)
        return (reading_type(device=device, observed_at=values.utc(message.t, "t"), event_id=message.id, **fields),)

    return build


def _read(decoder: msgspec.json.Decoder[Any], payload: bytes) -> Any:
    try:
        return door.read(decoder, payload)
    except UnreadableError as error:
        raise _other_version(payload) or error from None


def _read_alarm(decoder: msgspec.json.Decoder[Any], message_type: type[AlarmMessage], payload: bytes) -> Any:
    """The message; without place and time if these can't be read but the alarm itself can."""
    try:
        return _read(decoder, payload)
    except UnreadableError as error:
        for kept in (("v", "id", "phase", "t"), ("v", "id", "phase")):
            try:
                loose = door.read_loosely(payload)
                message = msgspec.convert({key: loose[key] for key in kept if key in loose}, message_type)
            except (UnreadableError, msgspec.ValidationError, TypeError, UnicodeEncodeError):  # half letters
                continue
            if not is_broken_text(message.id):
                return message
        raise error from None


def _other_version(payload: bytes) -> UnreadableError | None:
    """A message of another version is refused as that, whatever else looks wrong to this version."""
    try:
        loose = door.read_loosely(payload)
    except UnreadableError:
        return None
    version = loose.get("v") if isinstance(loose, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version == 1:
        return None
    return UnreadableError(Why.UNSUPPORTED_VERSION, f"{shown(version)}; expected version 1", "v")


_POSITION = msgspec.json.Decoder(PositionMessage)
_HELP = msgspec.json.Decoder(HelpMessage)
_FALL = msgspec.json.Decoder(FallMessage)
_READINGS = {str(reading_type.__struct_config__.tag): reading_type for reading_type in READING_TYPES}
_BUILDERS: dict[str, Builder] = {kind: _other(kind, _READINGS[kind]) for kind in MESSAGE_TYPES}
_BUILDERS.update(position=_position, help=_help, fall=_fall)
