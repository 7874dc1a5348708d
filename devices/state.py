"""State topics: one entity, one topic, one word. ESPHome, Home Assistant's MQTT Statestream, Tasmota.

- ESPHome: ``PREFIX/binary_sensor/OBJECT/state`` (ON, OFF), ``PREFIX/sensor/OBJECT/state``, ``PREFIX/status``. The
  device's address is PREFIX, without ``esphome/`` before it.
- Statestream: ``homeassistant/binary_sensor/OBJECT/state`` and ``…/sensor/…``, also below a base that ends in
  ``statestream``. The device's address is OBJECT without the part that says what it means:
  ``bathroom_radar_fall_detected`` belongs to ``bathroom_radar``.
- Tasmota: ``stat/DEVICE/RESULT``, ``stat/DEVICE/POWER``, ``tele/DEVICE/LWT`` and the rest of ``tele``. The device's
  address is DEVICE.

What a name means stands in devices.state_words; what is not there gives nothing. A switch is a call for help only
where its name or the centre's model says so (devices.roles).
"""

from typing import Any

from devices import door, plain, roles
from devices.errors import UnreadableError, Why
from devices.model import Bed, Fall, Frame, Help, Motion, Reading, Room, Status, Vitals
from devices.refusals import shown
from devices.state_words import BINARY, FALL_SENSORS, FALL_TEXTS, NUMBERS, PRESSED_ACTIONS, Means

ALARM_TOPICS = ("esphome/+/binary_sensor/+/state", "homeassistant/binary_sensor/+/state", "stat/+/+")
TELEMETRY_TOPICS = ("esphome/+/sensor/+/state", "homeassistant/sensor/+/state", "esphome/+/status", "tele/+/+")
TEXT_TOPICS = (*ALARM_TOPICS, *TELEMETRY_TOPICS)
"""Topics whose payload is plain text, or (Tasmota) may be. ESPHome's own default prefix is the device's name, which
no filter can tell from other senders': set ``topic_prefix: esphome/NAME``, or name the topics in the settings."""

DOMAINS = frozenset({"binary_sensor", "sensor"})
STATESTREAM = ("homeassistant", "statestream")
"""Last level of the base topics that are Home Assistant's."""

_GONE = "unavailable"
"""Home Assistant's word for an entity that it can't reach."""


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a state; none for an entity that says nothing of a person.

    ``model`` (``VENDOR/call-button``) makes the device's switches and buttons calls for help, ``…/call-button-2`` the
    second one only.

    Raises UnreadableError: WRONG_TOPIC, or a state that its entity can't have.
    """
    levels = frame.topic.split("/")
    device = address_of(frame.topic)
    if device is None:
        raise UnreadableError(Why.WRONG_TOPIC, f"{shown(frame.topic)}; expected a state topic of a device")
    if levels[0] in ("stat", "tele") and len(levels) == 3:
        return _tasmota(device, levels[2], frame.payload, model)
    text = plain.read(frame.payload)
    if levels[-1] == "status":
        return (Status(device=device, online=plain.online(text, "status")),)
    domain, name = levels[-3], levels[-2].lower()
    if text.lower() == _GONE:
        return (Status(device=device, online=False),)
    if text.lower() in plain.UNKNOWN and not (domain == "sensor" and _ending(name, FALL_SENSORS)):
        return ()
    if domain == "binary_sensor":
        return _binary(device, name, text, model)
    return _sensor(device, name, text)


def address_of(topic: str) -> str | None:
    """The device of a state topic; None for any other topic."""
    levels = topic.split("/")
    if not all(levels):
        return None
    if levels[0] in ("stat", "tele") and len(levels) == 3:
        return levels[1]
    if len(levels) >= 4 and levels[-1] == "state" and levels[-3] in DOMAINS:
        if levels[-4].lower() in STATESTREAM:
            return _without_meaning(levels[-2])
        return _prefix(levels[:-3])
    return _prefix(levels[:-1]) if len(levels) >= 2 and levels[-1] == "status" else None


def _prefix(levels: list[str]) -> str | None:
    if len(levels) > 1 and levels[0] == "esphome":
        levels = levels[1:]
    return "/".join(levels)


def _without_meaning(name: str) -> str:
    ending = _ending(name.lower(), {*BINARY, *NUMBERS, *FALL_SENSORS})
    if not ending:
        return name
    meaning, found, number = name.rpartition("_")
    if not (found and number.isdigit()):
        return name[: -len(ending)].rstrip("_") or name
    # the number stays: two radars of one kit must not become one device
    return (meaning[: -len(ending)].rstrip("_") or meaning) + f"_{number}"


def _ending(name: str, known: Any) -> str | None:
    """The longest known name that this one ends in, whole words only."""
    words = name.split("_")
    if len(words) > 1 and words[-1].isdigit():
        words = words[:-1]  # Home Assistant's own number for a second entity of that name
    return next((end for start in range(len(words)) if (end := "_".join(words[start:])) in known), None)


def _binary(device: str, name: str, text: str, model: str | None) -> tuple[Reading, ...]:
    told = roles.of_model(model)
    ending = _ending(name, BINARY)
    if ending is None:
        is_call = told.is_call(_number(name)) if told is not None else roles.is_call_name(name)
        if not is_call:
            return ()
        # off is a button that came back up, not a cancel
        return (Help(device=device, phase="pressed"),) if plain.on_off(text, name) else (Status(device=device),)
    return (_meaning(device, BINARY[ending], plain.on_off(text, name)),)


def _meaning(device: str, means: Means, is_on: bool) -> Reading:
    match means:
        case Means.FALL:
            return Fall(device=device, phase="detected" if is_on else "ended")
        case Means.SUSPECTED:
            return Fall(device=device, phase="suspected" if is_on else "ended")
        case Means.PRESENT:
            return Room(device=device, present=is_on)
        case Means.MOVING:
            return Motion(device=device, moving=is_on)
        case Means.IN_BED:
            return Bed(device=device, in_bed=is_on)
        case _:
            fields: dict[str, Any] = {means.value: is_on}
            return Status(device=device, **fields)


def _sensor(device: str, name: str, text: str) -> tuple[Reading, ...]:
    if _ending(name, FALL_SENSORS):
        word = text.lower().replace(" ", "_")
        if word not in FALL_TEXTS:
            raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(text)}; expected one of {', '.join(FALL_TEXTS)}", name)
        phase = FALL_TEXTS[word]
        return () if phase is None else (Fall(device=device, phase=phase),)
    ending = _ending(name, NUMBERS)
    if ending is None:
        return ()
    field, low, high = NUMBERS[ending]
    value = plain.plausible(plain.number(text, name), low, high)
    if value is None:
        return (Status(device=device),)
    if field == "battery_percent":
        return (Status(device=device, battery_percent=value),)
    if field == "steps":
        return (Motion(device=device, steps=int(value)),)
    fields: dict[str, Any] = {field: value}
    return (Vitals(device=device, **fields),)


def _tasmota(device: str, what: str, payload: bytes, model: str | None) -> tuple[Reading, ...]:
    if what == "LWT":
        return (Status(device=device, online=plain.online(plain.read(payload), "LWT")),)
    if what.rstrip("0123456789") == "POWER":
        is_on = plain.on_off(plain.read(payload), what)
        is_call = _is_call(device, _number(what), model)
        return (Help(device=device, phase="pressed") if is_call and is_on else Status(device=device),)
    if what != "RESULT":
        if payload.lstrip()[:1] == b"{":
            door.untyped(payload)
        else:
            plain.read(payload)
        return (Status(device=device),)
    return _result(device, door.untyped(payload), model)


def _result(device: str, message: dict[str, Any], model: str | None) -> tuple[Reading, ...]:
    """``{"Switch1": {"Action": "ON"}}``, ``{"Button2": {"Action": "SINGLE"}}``; POWER comes on its own topic too."""
    for name, value in message.items():
        if not name.startswith(("Switch", "Button")) or not isinstance(value, dict):
            continue
        action = value.get("Action")
        if not _is_call(device, _number(name), model):
            continue
        if not isinstance(action, str):
            why = Why.MISSING_FIELD if action is None else Why.WRONG_TYPE
            raise UnreadableError(why, f"{shown(action)}; expected a word", f"{name[:64]}.Action")
        if action.upper() in PRESSED_ACTIONS:
            return (Help(device=device, phase="pressed"),)
    return (Status(device=device),)


def _is_call(device: str, number: int | None, model: str | None) -> bool:
    told = roles.of_model(model)
    return roles.is_call_name(device) if told is None else told.is_call(number)


def _number(name: str) -> int | None:
    """The number at the end of a name: 2 of ``POWER2``."""
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits[:6]) if digits else None
