"""State topics: one entity, one topic, one word. ESPHome, Home Assistant's MQTT Statestream, Tasmota.

- ESPHome: ``PREFIX/binary_sensor/OBJECT/state`` (ON, OFF), ``PREFIX/sensor/OBJECT/state``, ``PREFIX/status``. The
  device's address is PREFIX, without ``esphome/`` before it.
- Statestream: ``homeassistant/binary_sensor/OBJECT/state`` and ``…/sensor/…``, also below a base that ends in
  ``statestream``. The device's address is OBJECT without the part that says what it means:
  ``bathroom_radar_fall_detected`` belongs to ``bathroom_radar``.
- Tasmota: ``stat/DEVICE/RESULT``, ``stat/DEVICE/POWER``, ``tele/DEVICE/LWT`` and the rest of ``tele``. The device's
  address is DEVICE. See devices.state_tasmota.

What a name means stands in devices.state_words: its end counts, and a fall wherever it stands in the name. What is
not there gives nothing. A switch is a call for help only where its name or the centre's model says so (devices.roles).
"""

from functools import lru_cache
from typing import Any

from devices import plain, roles, state_tasmota
from devices.errors import UnreadableError, Why
from devices.model import Bed, Fall, Frame, Help, Motion, Reading, Room, Status, Vitals
from devices.refusals import shown
from devices.state_words import (
    BINARY,
    CALL_TEXTS,
    FALL_NAMES,
    FALL_SENSORS,
    FALL_TEXTS,
    NO_ALARM_WORDS,
    NUMBERS,
    Means,
)

ALARM_TOPICS = ("esphome/+/binary_sensor/+/state", "homeassistant/binary_sensor/+/state", "stat/+/+")
TELEMETRY_TOPICS = ("esphome/+/sensor/+/state", "homeassistant/sensor/+/state", "esphome/+/status", "tele/+/+")
TEXT_TOPICS = (*ALARM_TOPICS, *TELEMETRY_TOPICS)
"""Topics whose payload is plain text, or (Tasmota) may be. ESPHome's own default prefix is the device's name, which
no filter can tell from other senders': set ``topic_prefix: esphome/NAME``, or name the topics in the settings."""

DOMAINS = frozenset({"binary_sensor", "sensor"})
STATESTREAM = ("homeassistant", "statestream")
"""Last level of the base topics that are Home Assistant's."""

_MEANINGS = frozenset({*BINARY, *NUMBERS, *FALL_SENSORS})
_BINARY_NAMES, _NUMBER_NAMES = frozenset(BINARY), frozenset(NUMBERS)
_TOPICS_KEPT = 4096
"""Topics and names whose parts are remembered: more than a house has."""

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
        return state_tasmota.decode(device, levels[2], frame.payload, model)
    text = plain.read(frame.payload)
    if levels[-1] == "status":
        return (Status(device=device, online=plain.online(text, "status")),)
    domain, name = levels[-3], _plain(levels[-2])
    if text.lower() == _GONE:
        return (Status(device=device, online=False),)
    if domain == "sensor":
        return _sensor(device, name, text)
    return () if text.lower() in plain.UNKNOWN else _binary(device, name, text, model)


@lru_cache(maxsize=_TOPICS_KEPT)
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


@lru_cache(maxsize=_TOPICS_KEPT)
def _plain(name: str) -> str:
    """A name in small letters with ``_`` between its words; as long as it was."""
    return "".join("_" if letter in "- ." else letter.lower()[:1] for letter in name)


def _without_meaning(name: str) -> str:
    plain_name = _plain(name)
    ending = _ending(plain_name, _MEANINGS)
    if not ending:
        return _around(name, plain_name)
    meaning, found, number = name.rpartition("_")
    if not (found and number.isdigit()):
        return name[: -len(ending)].rstrip("_- .") or name
    # the number stays: two radars of one kit must not become one device
    return (meaning[: -len(ending)].rstrip("_- .") or meaning) + f"_{number}"


def _around(name: str, plain_name: str) -> str:
    """A name without the fall in its middle or at its begin: ``fall_detected_bathroom`` is of ``bathroom``."""
    phrase = _fall_in(plain_name)
    if phrase is None:
        return name
    start = f"_{plain_name}_".index(f"_{phrase}_")
    return (name[:start] + name[start + len(phrase) :].lstrip("_- .")).strip("_- .") or name


@lru_cache(maxsize=_TOPICS_KEPT)
def _ending(name: str, known: frozenset[str]) -> str | None:
    """The longest known name that this one ends in, whole words only."""
    words = name.split("_")
    if len(words) > 1 and words[-1].isdigit():
        words = words[:-1]  # Home Assistant's own number for a second entity of that name
    return next((end for start in range(len(words)) if (end := "_".join(words[start:])) in known), None)


def _fall_in(name: str) -> str | None:
    """The longest name of a fall within this one, wherever it stands, whole words only.

    A name that also says what else it is (``fall_detection_enabled``, ``fall_lights``) is none.
    """
    if "fall" not in name or not NO_ALARM_WORDS.isdisjoint(name.split("_")):
        return None
    return next((phrase for phrase in FALL_NAMES if f"_{phrase}_" in f"_{name}_"), None)


def _binary(device: str, name: str, text: str, model: str | None) -> tuple[Reading, ...]:
    ending = _ending(name, _BINARY_NAMES) or _fall_in(name)
    if ending is not None:
        return (_meaning(device, BINARY.get(ending, Means.FALL), plain.on_off(text, name)),)
    if not _is_call(name, model):
        return ()
    # off is a button that came back up, not a cancel
    return (Help(device=device, phase="pressed"),) if plain.on_off(text, name) else (Status(device=device),)


def _is_call(name: str, model: str | None) -> bool:
    told = roles.of_model(model)
    return roles.is_call_name(name) if told is None else told.is_call(state_tasmota.number(name))


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
    ending = _ending(name, _NUMBER_NAMES)
    if ending is None and (_ending(name, FALL_SENSORS) or _fall_in(name)):
        return _fall_text(device, name, text)
    if text.lower() in plain.UNKNOWN:
        return ()
    if ending is not None:
        return (_measured(device, NUMBERS[ending], plain.number(text, name)),)
    return _call_text(device, name, text) if roles.is_call_name(name) else ()


def _measured(device: str, known: tuple[str, float, float], number: float) -> Reading:
    field, low, high = known
    value = plain.plausible(number, low, high)
    if value is None:
        return Status(device=device)
    if field == "battery_percent":
        return Status(device=device, battery_percent=value)
    if field == "steps":
        return Motion(device=device, steps=int(value))
    fields: dict[str, Any] = {field: value}
    return Vitals(device=device, **fields)


def _fall_text(device: str, name: str, text: str) -> tuple[Reading, ...]:
    word = text.lower().replace(" ", "_")
    if word not in FALL_TEXTS:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(text)}; expected one of {', '.join(FALL_TEXTS)}", name)
    phase = FALL_TEXTS[word]
    return () if phase is None else (Fall(device=device, phase=phase),)


def _call_text(device: str, name: str, text: str) -> tuple[Reading, ...]:
    """A text sensor whose name calls for help."""
    is_press = CALL_TEXTS.get(text.lower().replace(" ", "_"))
    if is_press is None:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(text)}; expected one of {', '.join(CALL_TEXTS)}", name)
    return (Help(device=device, phase="pressed") if is_press else Status(device=device),)
