"""Zigbee2MQTT: topics ``zigbee2mqtt/NAME`` and ``zigbee2mqtt/NAME/availability``.

The device's address is NAME, the friendly name, which may contain slashes; of a second network, whose base topic
must begin with ``zigbee2mqtt`` too, it is ``BASE/NAME``. What is below ``zigbee2mqtt/bridge`` is
the bridge's own, and what ends in ``/set`` or ``/get`` is a command to a device: neither is read. The words are in
devices.zigbee2mqtt_words.

A message is the device's *state*: Zigbee2MQTT repeats what it remembers with every report, so a radar says
``fall_alarm`` again and again. Each is given as it comes (there is no id to tell them apart), and repeats count on
the open incident.

``action: "fall"`` is the sensor's own drop. It is taken for a person's fall only beside a property that no dropped
sensor has (presence, heart rate and the like), and none that only a sensor on a thing has: so a real fall that some
new pendant would report in that way is not missed, and a P100 that came off its door wakes nobody.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from devices import door, plain, rescue, roles, values
from devices.errors import UnreadableError, Why
from devices.model import Bed, Frame, Motion, Reading, Room, Status, Vitals
from devices.refusals import shown
from devices.zigbee2mqtt_alarms import alarms
from devices.zigbee2mqtt_words import (
    BATTERY_STATES,
    BED_COMPANY,
    BED_PROPERTIES,
    MOTION_STATES,
    MOVEMENT_EVENTS,
    NO_BED,
    POSTURE_SETTINGS,
    PRESENCE_EVENTS,
    REGION_EVENTS,
    STATUS_POSTURES,
)

BASE = "zigbee2mqtt"
TELEMETRY_TOPICS: tuple[str, ...] = ()
ALARM_TOPICS = (f"{BASE}/#",)
"""One topic carries everything that a device says, so all of it goes through the alarm lane. ``#`` and not ``+``,
because a friendly name with a slash must not silence an SOS."""

_NOT_DEVICES = frozenset({"set", "get"})
_AVAILABILITY = "availability"
_BRIDGE = "bridge"
_TRUTHS = {"true": True, "ON": True, "false": False, "OFF": False}
_BEDS = frozenset(BED_PROPERTIES)
_PLACES = frozenset(
    {*BED_PROPERTIES, *BED_COMPANY, "presence", "occupancy", "motion", "moving", "status", "presence_event",
     "motion_state", "presence_state", "contact"}
)  # fmt: skip
_RATES = frozenset({"heart_rate", "breathing_rate", "respiratory_rate"})
_STATUS_FIELDS = (("battery_low", "low_battery"), ("tamper", "tamper"), ("charging", "charging"))
_TOPICS_KEPT = 4096
"""Topics whose parts are remembered: more devices than a house has."""


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a message, alarms first; a bare Status (a sign of life) when it says nothing else of use.

    ``model`` (``vendor/MODEL``) may say that a plain button is a call button (``ikea/call-button``) or that a contact
    or an occupancy is that of a bed (``tuya/TS0601_bed_presence_sensor``), see devices.roles.

    Raises UnreadableError; never for a message in which a call for help or a fall can be read.
    """
    kind, device = _parts(frame.topic)
    if kind == _BRIDGE:
        return ()
    if device is None:
        raise UnreadableError(Why.WRONG_TOPIC, f"{shown(frame.topic)}; expected {BASE}/NAME")
    if kind == _AVAILABILITY:
        return (Status(device=device, online=_online(frame.payload)),)
    if "/" in device and frame.payload.lstrip()[:1] not in (b"{", b"["):
        name, _, last = device.rpartition("/")
        return _attribute(name, last, frame.payload, model)
    try:
        message = door.untyped(frame.payload)
        return _readings(device, message, _time(message), model)
    except UnreadableError as error:
        told = roles.of_model(model)
        saved = rescue.save_alarms(frame.payload, lambda loose: alarms(device, loose, _time_or_none(loose), told))
        if not saved:
            raise error from None
        return saved


def address_of(topic: str) -> str | None:
    """The friendly name in a device's topic; None for the bridge, for commands and for any other topic."""
    return _parts(topic)[1]


@lru_cache(maxsize=_TOPICS_KEPT)
def _parts(topic: str) -> tuple[str, str | None]:
    """What a topic is about (the bridge and commands, availability, a device's state), and the device's address."""
    base, _, name = topic.partition("/")
    if name.startswith(f"{_BRIDGE}/") or _is_command(topic):
        return _BRIDGE, None
    kind = _AVAILABILITY if name.endswith(f"/{_AVAILABILITY}") else ""
    name = name.removesuffix(f"/{_AVAILABILITY}")
    if not base.startswith(BASE) or not all(name.split("/")) or name == _BRIDGE:
        return kind, None
    return kind, name if base == BASE else f"{base}/{name}"


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
    readings = alarms(device, message, at, told)
    if not _PLACES.isdisjoint(message):
        readings += _persons(device, message, at, told)
    closed = _truth(message.get("contact"))
    if closed is not None and roles.is_door(model):
        readings.append(Motion(device=device, observed_at=at, moving=not closed))
    action = message.get("action")
    if isinstance(action, str):
        region = _region(action)
        if region is not None:
            readings.append(Room(device=device, observed_at=at, room=region[0], present=region[1]))
    if not _RATES.isdisjoint(message):
        readings += _vitals(device, message, at)
    status = _status(message)
    if status or not readings:
        readings.append(Status(device=device, observed_at=at, **status))
    return tuple(readings)


def _persons(device: str, message: dict[str, Any], at: datetime | None, told: roles.Told | None) -> Iterator[Reading]:
    in_bed, present, moving = _whereabouts(message, told)
    if in_bed is not None:
        yield Bed(device=device, observed_at=at, in_bed=in_bed)
    if present is not None:
        yield Room(device=device, observed_at=at, present=present)
    if moving is not None:
        yield Motion(device=device, observed_at=at, moving=moving)


def _vitals(device: str, message: dict[str, Any], at: datetime | None) -> Iterator[Reading]:
    heart = plain.plausible(message.get("heart_rate"), 1, 300)  # 0: a radar that measures nobody
    breathing = plain.plausible(message.get("breathing_rate", message.get("respiratory_rate")), 1, 200)
    if heart is not None or breathing is not None:
        yield Vitals(device=device, observed_at=at, heart_rate_bpm=heart, respiratory_rate_bpm=breathing)


def _whereabouts(message: dict[str, Any], told: roles.Told | None) -> tuple[bool | None, bool | None, bool | None]:
    """In bed, in the room, moving: each as far as the message says."""
    get = message.get
    in_bed = None
    if not _BEDS.isdisjoint(message):
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
    if value is None or value is True or value is False:
        return value
    return _TRUTHS.get(value) if isinstance(value, str) else None


def _region(action: str) -> tuple[str, bool] | None:
    """``region_2_enter`` as the region's name and whether somebody is there."""
    if action[:7].lower() != "region_":
        return None
    region, _, word = action.strip().lower().rpartition("_")
    return (region[:128], REGION_EVENTS[word]) if word in REGION_EVENTS else None


def _status(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    percent = plain.plausible(message.get("battery"), 0, 100)
    if percent is not None:
        found["battery_percent"] = percent
    for field, name in _STATUS_FIELDS:
        if field in message:
            known = _truth(message[field])
            if known is not None:
                found[name] = known
    state = message.get("battery_state")
    if isinstance(state, str) and state in BATTERY_STATES:
        found.setdefault("low_battery", BATTERY_STATES[state])
    return found


def _time(message: dict[str, Any]) -> datetime | None:
    """``last_seen`` in any of its forms: ISO 8601 in UTC or with an offset, milliseconds since 1970, or absent."""
    return values.moment(message.get("last_seen"), "last_seen")


def _time_or_none(loose: dict[str, Any]) -> datetime | None:
    try:
        return _time(loose)
    except UnreadableError:
        return None
