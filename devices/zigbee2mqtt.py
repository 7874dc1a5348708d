"""Zigbee2MQTT: topics ``zigbee2mqtt/NAME`` and ``zigbee2mqtt/NAME/availability``.

The device's address is NAME, the friendly name, which may contain slashes; of a second network, whose base topic
must begin with ``zigbee2mqtt`` too, it is ``BASE/NAME``. What is below ``zigbee2mqtt/bridge`` is
the bridge's own, and what ends in ``/set`` or ``/get`` is a command to a device: neither is read. The words are in
devices.zigbee2mqtt_words.

A message is the device's *state*: Zigbee2MQTT repeats what it remembers with every report, so a radar says
``fall_alarm`` again and again. Each is given as it comes (there is no id to tell them apart), and repeats count on
the open incident.

``action: "fall"`` is the sensor's own drop. It is taken for a person's fall only beside a property that no dropped
sensor has (presence, heart rate and the like): so a real fall that some new pendant would report in that way is not
missed, and a P100 that came off its door wakes nobody.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from devices import door, plain, rescue, roles, values
from devices.errors import UnreadableError, Why
from devices.model import Bed, Fall, Frame, Help, Motion, Reading, Room, Status, Vitals
from devices.refusals import shown
from devices.zigbee2mqtt_words import (
    BATTERY_STATES,
    BED_COMPANY,
    BED_PROPERTIES,
    DROPPED_ACTIONS,
    FALL_ACTIONS,
    FALL_WORDS,
    HELP_ACTIONS,
    HELP_PROPERTIES,
    MOTION_STATES,
    MOVEMENT_EVENTS,
    NO_BED,
    PERSON_PROPERTIES,
    POSTURE_SETTINGS,
    PRESENCE_EVENTS,
    PRESS_ACTIONS,
    REGION_EVENTS,
    STATUS_FALLS,
    STATUS_POSTURES,
    FallPhase,
)

BASE = "zigbee2mqtt"
TELEMETRY_TOPICS: tuple[str, ...] = ()
ALARM_TOPICS = (f"{BASE}/#",)
"""One topic carries everything that a device says, so all of it goes through the alarm lane. ``#`` and not ``+``,
because a friendly name with a slash must not silence an SOS."""

_NOT_DEVICES = frozenset({"set", "get"})
_AVAILABILITY = "availability"
_HELP_PROPERTIES = frozenset(HELP_PROPERTIES)
_BED_PROPERTIES = frozenset(BED_PROPERTIES)
_WORST_FIRST: tuple[FallPhase, ...] = ("detected", "suspected", "ended")
_TRUTHS = {"true": True, "ON": True, "false": False, "OFF": False}


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a message, alarms first; a bare Status (a sign of life) when it says nothing else of use.

    ``model`` (``vendor/MODEL``) may say that a plain button is a call button (``ikea/call-button``) or that a contact
    or an occupancy is that of a bed (``tuya/TS0601_bed_presence_sensor``), see devices.roles.

    Raises UnreadableError; never for a message in which a call for help or a fall can be read.
    """
    topic = frame.topic
    if topic.partition("/")[2].startswith("bridge/") or _is_command(topic):
        return ()
    device = address_of(topic)
    if device is None:
        raise UnreadableError(Why.WRONG_TOPIC, f"{shown(topic)}; expected {BASE}/NAME")
    name, _, last = device.rpartition("/")
    if topic.endswith(f"/{_AVAILABILITY}"):
        return (Status(device=device, online=_online(frame.payload)),)
    if name and frame.payload.lstrip()[:1] not in (b"{", b"["):
        return _attribute(name, last, frame.payload, model)
    try:
        message = door.untyped(frame.payload)
        return _readings(device, message, _time(message), model)
    except UnreadableError as error:
        saved = _save_alarms(device, frame.payload, model)
        if not saved:
            raise error from None
        return saved


def address_of(topic: str) -> str | None:
    """The friendly name in a device's topic; None for the bridge, for commands and for any other topic."""
    base, _, name = topic.partition("/")
    name = name.removesuffix(f"/{_AVAILABILITY}")
    if not base.startswith(BASE) or not all(name.split("/")) or name.split("/")[0] == "bridge" or _is_command(topic):
        return None
    return name if base == BASE else f"{base}/{name}"


def _is_command(topic: str) -> bool:
    """``NAME/set``, ``NAME/get`` and ``NAME/set/PROPERTY``, where others send commands to the device."""
    levels = topic.split("/")
    return len(levels) > 2 and (levels[-1] in _NOT_DEVICES or (len(levels) > 3 and levels[-2] in _NOT_DEVICES))


def _online(payload: bytes) -> bool:
    """``online`` as text (Zigbee2MQTT 1) or ``{"state": "online"}`` (2, and 1 without its legacy payload)."""
    if payload.lstrip()[:1] != b"{":
        return plain.online(plain.read(payload), _AVAILABILITY)
    state = values.text(door.untyped(payload).get("state"), "state")
    if state is None:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected it to be there", "state")
    return plain.online(state, "state")


def _attribute(name: str, attribute: str, payload: bytes, model: str | None) -> tuple[Reading, ...]:
    """One property on a topic of its own, as with the setting ``output: attribute``."""
    text = plain.read(payload)
    value: Any = {"true": True, "false": False}.get(text, text)
    if isinstance(value, str):
        try:
            value = plain.number(text, attribute)
        except UnreadableError:
            value = text
    return _readings(name, {attribute: value}, None, model) if attribute != "last_seen" else ()


def _readings(device: str, message: dict[str, Any], at: datetime | None, model: str | None) -> tuple[Reading, ...]:
    told = roles.of_model(model)
    readings: list[Reading] = list(_alarms(device, message, at, told))
    readings += _persons(device, message, at, told)
    status = _status(message)
    if status or not readings:
        readings.append(Status(device=device, observed_at=at, **status))
    return tuple(readings)


def _alarms(device: str, message: dict[str, Any], at: datetime | None, told: roles.Told | None) -> Iterator[Reading]:
    """Help and falls. Raises OUT_OF_RANGE for a word that a fall property does not have."""
    action = _action(message)
    is_press = told is not None and told.is_call() and action in PRESS_ACTIONS
    if is_press or _without_endpoint(action) in HELP_ACTIONS or _is_asking(message):
        yield Help(device=device, observed_at=at, phase="pressed")
    phases = tuple(_falls(message, action))
    for phase in _WORST_FIRST:
        if phase in phases:
            yield Fall(device=device, observed_at=at, phase=phase)
            return


def _falls(message: dict[str, Any], action: str) -> Iterator[FallPhase | None]:
    for field, words in FALL_WORDS.items():
        word = values.text(message.get(field), field)
        if word is None or not word:
            continue
        if word not in words:
            raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(word)}; expected one of {', '.join(words)}", field)
        yield words[word]
    status = message.get("status")
    if isinstance(status, str):
        yield STATUS_FALLS.get(status)
    yield FALL_ACTIONS.get(_without_endpoint(action))
    if action in DROPPED_ACTIONS and not PERSON_PROPERTIES.isdisjoint(message):
        yield "detected"


def _is_asking(message: dict[str, Any]) -> bool:
    if _HELP_PROPERTIES.isdisjoint(message):
        return False
    for field in HELP_PROPERTIES:
        value = message.get(field)
        if value is True or value == 1 or (isinstance(value, str) and value.lower() in ("on", "true")):
            return True
        if not (value is None or isinstance(value, bool | int | str)):
            raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected true or false", field)
    return False


def _action(message: dict[str, Any]) -> str:
    """The action; empty for null and for the empty one that older versions send after every action."""
    return (values.text(message.get("action"), "action") or "").strip().lower()


def _without_endpoint(action: str) -> str:
    word, _, endpoint = action.rpartition("_")
    return word if word and endpoint.lstrip("l").isdigit() else action


def _persons(device: str, message: dict[str, Any], at: datetime | None, told: roles.Told | None) -> Iterator[Reading]:
    in_bed, present, moving = _whereabouts(message, told)
    if in_bed is not None:
        yield Bed(device=device, observed_at=at, in_bed=in_bed)
    if present is not None:
        yield Room(device=device, observed_at=at, present=present)
    region = _region(_action(message)) if "action" in message else None
    if region is not None:
        yield Room(device=device, observed_at=at, room=region[0], present=region[1])
    if moving is not None:
        yield Motion(device=device, observed_at=at, moving=moving)
    heart = plain.plausible(message.get("heart_rate"), 1, 300)  # 0: a radar that measures nobody
    breathing = plain.plausible(message.get("breathing_rate", message.get("respiratory_rate")), 1, 200)
    if heart is not None or breathing is not None:
        yield Vitals(device=device, observed_at=at, heart_rate_bpm=heart, respiratory_rate_bpm=breathing)


def _whereabouts(message: dict[str, Any], told: roles.Told | None) -> tuple[bool | None, bool | None, bool | None]:
    """In bed, in the room, moving: each as far as the message says."""
    get = message.get
    in_bed = None
    if not _BED_PROPERTIES.isdisjoint(message):
        in_bed = next((message[field] for field in BED_PROPERTIES if isinstance(get(field), bool)), None)
    present, occupied, moving = _truth(get("presence")), _truth(get("occupancy")), _truth(get("motion"))
    if moving is None:
        moving = _truth(get("moving"))
    is_bed = told is not None and told.role is roles.Role.BED
    posture = STATUS_POSTURES.get(get("status", "")) if isinstance(get("status"), str) else None
    if posture is not None:
        present = posture[0]
        if posture[1] or is_bed or _knows_bed(message):
            in_bed = posture[1]
    event = get("presence_event")
    if isinstance(event, str):
        present = PRESENCE_EVENTS.get(event) if present is None else present
        moving = True if event in MOVEMENT_EVENTS and moving is None else moving
    if moving is None:
        state = get("motion_state", get("presence_state"))
        moving = MOTION_STATES.get(state) if isinstance(state, str) else None
    if posture is None and (is_bed or not BED_COMPANY.isdisjoint(message)):
        contact = _truth(get("contact"))
        in_bed = next(
            (known for known in (in_bed, occupied, present) if known is not None), contact if is_bed else None
        )
        present = occupied = None
    if present is None:
        present = occupied
    elif moving is None:
        moving = occupied  # a radar with both: occupancy is movement
    return in_bed, present, moving


def _knows_bed(message: dict[str, Any]) -> bool:
    """Whether somebody showed the radar where the bed is: the corner's X, the first of its settings."""
    settings = message.get(POSTURE_SETTINGS)
    return isinstance(settings, str) and settings.partition(",")[0].strip() not in ("", NO_BED)


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return _TRUTHS.get(value) if isinstance(value, str) else None


def _region(action: str) -> tuple[str, bool] | None:
    """``region_2_enter`` as the region's name and whether somebody is there."""
    region, _, word = action.rpartition("_")
    if not region.startswith("region_") or word not in REGION_EVENTS:
        return None
    return region[:128], REGION_EVENTS[word]


def _status(message: dict[str, Any]) -> dict[str, Any]:
    found = {
        "battery_percent": plain.plausible(message.get("battery"), 0, 100),
        "low_battery": _truth(message.get("battery_low")),
        "tamper": _truth(message.get("tamper")),
        "charging": _truth(message.get("charging")),
    }
    state = message.get("battery_state")
    if found["low_battery"] is None and isinstance(state, str):
        found["low_battery"] = BATTERY_STATES.get(state)
    return {name: value for name, value in found.items() if value is not None}


def _time(message: dict[str, Any]) -> datetime | None:
    """``last_seen`` in any of its forms: ISO 8601 in UTC or with an offset, milliseconds since 1970, or absent."""
    return values.moment(message.get("last_seen"), "last_seen")


def _save_alarms(device: str, payload: bytes, model: str | None) -> tuple[Reading, ...]:
    """The calls for help and falls of a message whose other parts are bad, one of each sort at most."""
    saved = rescue.save_alarms(payload, lambda loose: _alarms_by_property(device, loose, roles.of_model(model)))
    return tuple({type(alarm): alarm for alarm in reversed(saved)}.values())[::-1]


def _alarms_by_property(device: str, loose: dict[str, Any], told: roles.Told | None) -> Iterator[Reading]:
    """Each property for itself, so that a bad one hides no other."""
    try:
        at = _time(loose)
    except UnreadableError:
        at = None
    for field in ("action", "status", *HELP_PROPERTIES, *FALL_WORDS):
        company = PERSON_PROPERTIES & loose.keys() if field == "action" else ()
        with suppress(UnreadableError):
            yield from _alarms(device, {**dict.fromkeys(company), field: loose.get(field)}, at, told)
