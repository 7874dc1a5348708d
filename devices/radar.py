"""Radar sensors on wall or ceiling: life cycles of a fall, presence and bed exits.

Three kinds of sender, told apart by what their message holds:

- Vayyar Care and what is built like it: ``{"type": 5, "payload": {"status": "fall_detected", …}}``. ``type`` is read
  as a hint only: 4, 5, 8 and 10 are presence, fall, sensitive fall and bed exit today, older ones wrote 0 and 1, so
  what the payload holds decides;
- sensors with a number for the fall: ``fall_status`` or ``fallStatus`` (FALL_NUMBERS), or a word of FLAG_WORDS;
- Milesight VS373 in plain JSON (devices.milesight_json).

A fall and its taking back are life-safety: they are told as long as device and status can be read, whatever else is
bad in the message.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from devices import bed, door, milesight_json
from devices.errors import UnreadableError, Why
from devices.model import Bed, Fall, Frame, Motion, Reading, Room, Vitals
from devices.refusals import is_broken_text, shown

ALARM_TOPICS = ("/devices/+/events", "radar/+/events", "radar/+/fall")
TELEMETRY_TOPICS = ("radar/+/state",)

Phase: TypeAlias = Literal["suspected", "detected", "confirmed", "cancelled", "ended"]

PHASES: dict[str, Phase] = {
    "fall_suspected": "suspected",  # the "sensitive fall" of little certainty
    "fall_detected": "detected",
    "fall_confirmed": "confirmed",  # the person lies there still after the sensor's own waiting time
    "calling": "confirmed",  # the sensor calls for help: nobody took it back
    "on_call": "confirmed",  # a call is no end: somebody talks with the person, nobody is there yet
    "finished": "ended",  # the life cycle is over; it does not say that somebody came
    "fall_exit": "ended",  # the person left the place of the fall, mostly by getting up
    "canceled": "cancelled",  # the person or a helper said that it is none
    "cancelled": "cancelled",
}
"""``status`` of a fall. A space stands for ``_`` in older ones."""

FALL_NUMBERS: dict[int, Phase] = {0: "ended", 1: "detected"}
"""``fall_status`` as most sensors number it (DFRobot C1001, Seeed MR60FDA1): 0 is no fall, 1 a fall."""
FALL_NUMBERS_OF: dict[str, dict[int, Phase]] = {"seeed/mr24fdb1": {0: "suspected", 1: "detected", 2: "ended"}}
"""Models that number otherwise: this one's 0 is a suspicion and its 2 is "no fall"."""

NUMBER_WORDS = ("fall_status", "fallStatus")
FLAG_WORDS = ("fall", "fall_detected", "fallDetected", "fallen")
"""A fall as true or false, or a number of FALL_NUMBERS; also one of the words of PHASES."""
PRESENCE_WORDS = ("presenceDetected", "roomPresenceDetected", "presence")
BED_EXIT_TYPE = 10

_NAMES = ("status", *NUMBER_WORDS, *FLAG_WORDS)
_FOLDED = {name.replace("_", "").lower(): name for name in reversed(_NAMES)}
"""Names of these fields without capitals and ``_``, as they are read."""
_TAKEN_BACK = ("cancelled", "ended")
_WORST_FIRST: tuple[Phase, ...] = ("confirmed", "detected", "suspected", "cancelled", "ended")


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a radar's message, a fall first; ``model`` chooses how ``fall_status`` is numbered.

    A simulated fall (Vayyar's ``isSimulated``) is told as a real one: whoever tries the alarm wants to see all of it.
    One while the sensor still learns its room (``isLearning``) is only suspected. Raises UnreadableError.
    """
    address = address_of(frame.topic)
    try:
        return _readings(door.untyped(frame.payload), address, model)
    except UnreadableError as error:
        saved = _saved(frame.payload, address, model)
        if saved is None:
            raise error from None
        return (saved,)


def address_of(topic: str) -> str | None:
    """The sensor of ``/devices/SENSOR/events`` or ``radar/SENSOR/…``; None for any other topic."""
    parts = topic.removeprefix("/").split("/")
    if len(parts) != 3 or not parts[1]:
        return None
    vayyar = topic.startswith("/devices/")
    return parts[1] if vayyar or (parts[0] == "radar" and not topic.startswith("/")) else None


def _readings(message: dict[str, Any], address: str | None, model: str | None) -> tuple[Reading, ...]:
    if milesight_json.is_report(message):
        return milesight_json.decode(message, address)
    payload = _payload(message)
    device = _device(message, payload, address)
    found: list[Reading] = []
    fall = _fall(device, payload, model)
    if fall is not None:
        found.append(fall)
    at = _moment(payload, ("timestampMillis", "timestamp", *bed.TIME_WORDS))
    found += _presence(device, payload, at)
    if message.get("type") == BED_EXIT_TYPE:
        found.append(Bed(device=device, observed_at=at, in_bed=False))
    elif bed.first(payload, (*bed.OUT_OF_BED_WORDS, "in_bed", "inBed", "bed_presence"))[1] is not None:
        only_bed = {key: value for key, value in payload.items() if key not in PRESENCE_WORDS}
        found += [reading for reading in bed.readings(device, only_bed) if isinstance(reading, Bed)]
    heart, breath = bed.rate(payload, bed.HEART_WORDS), bed.rate(payload, bed.BREATH_WORDS)
    if heart is not None or breath is not None:
        found.append(Vitals(device=device, observed_at=at, heart_rate_bpm=heart, respiratory_rate_bpm=breath))
    if not found:
        raise UnreadableError(Why.UNKNOWN_KIND, f"{shown(sorted(payload))}; expected a fall, presence or a bed exit")
    return tuple(found)


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    inner = message.get("payload", message)
    if not isinstance(inner, dict):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(inner)}; expected an object", "payload")
    if inner is not message and any(word in message for word in _NAMES[1:]):  # a fall beside the payload is one too
        inner = {**{word: message[word] for word in (*NUMBER_WORDS, *FLAG_WORDS) if word in message}, **inner}
    strange = {
        _FOLDED[name]: inner[key]
        for key in inner
        if key not in _NAMES and ("fall" in key.lower() or "status" in key.lower())
        if (name := key.replace("_", "").replace("-", "").lower()) in _FOLDED
    }
    return {**strange, **inner} if strange else inner


def _device(message: dict[str, Any], payload: dict[str, Any], address: str | None) -> str:
    """The topic's sensor first: the address by which the gateway knows it also when the message can't be read."""
    if address:
        return address
    for holder in (payload, message):
        word, value = bed.first(holder, ("deviceId", "device_id", "device"))
        if value is not None:
            return bed.name(value, word)
    raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the sensor's name", "deviceId")


def _fall(device: str, payload: dict[str, Any], model: str | None) -> Fall | None:
    """The worst that status and numbers say of a fall; None when they say nothing of one.

    Each is read for itself. Raises UnreadableError if one can't be read, unless another tells of a fall.
    """
    falls: list[Fall] = []
    refused: UnreadableError | None = None
    for word in ("status", *NUMBER_WORDS, *FLAG_WORDS):
        value = payload.get(word)
        if word == "status" and ("status" not in payload or not _is_of_fall(payload)):
            continue
        if word != "status" and value is None:
            continue
        try:
            falls.append(
                _life_cycle(device, payload) if word == "status" else _numbered(device, value, word, payload, model)
            )
        except UnreadableError as error:
            refused = refused or error
    worst = min(falls, key=lambda fall: _WORST_FIRST.index(fall.phase), default=None)
    if refused is not None and (worst is None or worst.phase in _TAKEN_BACK):
        raise refused
    return worst


def _is_of_fall(payload: dict[str, Any]) -> bool:
    """Whether the status is about a fall. Beside presence one that we do not know may be about presence."""
    status = payload["status"]
    if _phase_of(status) is not None or not any(word in payload for word in PRESENCE_WORDS):
        return True
    if isinstance(status, str):
        return "fall" in status.lower() or "call" in status.lower()
    return isinstance(status, list | dict)


def _phase_of(status: object) -> Phase | None:
    return PHASES.get(status.strip().replace(" ", "_").replace("-", "_").lower()) if isinstance(status, str) else None


def _life_cycle(device: str, payload: dict[str, Any]) -> Fall:
    status = payload["status"]
    phase = _phase_of(status)
    if phase is None:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(status)}; expected one of {', '.join(PHASES)}", "status")
    begun = payload.get("timestamp")
    # The begin of the fall is the same in all messages of one life cycle: it is when it happened, and its name.
    key = str(begun) if isinstance(begun, int) and not isinstance(begun, bool) and begun > 0 else None
    if phase in _TAKEN_BACK:
        at = _moment(payload, ("endTimestamp", "statusUpdateTimestamp", "timestamp"))
    else:
        at = _moment(payload, ("timestamp", "statusUpdateTimestamp"))
        if payload.get("isLearning") is True:
            phase = "suspected"
    return Fall(device=device, observed_at=at, event_id=key, phase=phase)


def _numbered(device: str, number: Any, word: str, payload: dict[str, Any], model: str | None) -> Fall:
    phases = FALL_NUMBERS_OF.get((model or "").lower(), FALL_NUMBERS) if word in NUMBER_WORDS else FALL_NUMBERS
    phase: Phase | None
    if isinstance(number, bool):  # a binary sensor's word
        phase = "detected" if number else "ended"
    elif isinstance(number, str):
        phase = _phase_of(number) or _phase_of(f"fall_{number}")
    else:
        phase = phases.get(number) if isinstance(number, int) else None
    if phase is None:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(number)}; expected one of {sorted(phases)}", word)
    return Fall(device=device, observed_at=_moment(payload, ("timestamp", *bed.TIME_WORDS)), phase=phase)


def _presence(device: str, payload: dict[str, Any], at: datetime | None) -> list[Reading]:
    word, present = bed.first(payload, PRESENCE_WORDS)
    if present is None:
        return []
    if isinstance(present, int) and not isinstance(present, bool) and present in (0, 1):
        present = present == 1
    if not isinstance(present, bool):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(present)}; expected true or false", word)
    found: list[Reading] = [Room(device=device, observed_at=at, present=present)]
    if isinstance(payload.get("motion"), bool):
        found.append(Motion(device=device, observed_at=at, moving=payload["motion"]))
    return found


def _moment(payload: dict[str, Any], words: tuple[str, ...]) -> datetime | None:
    """The first time of these that is one; 0 is none."""
    for word in words:
        at: datetime | None = bed.moment(payload, (word,))
        if at is not None:
            return at
    return None


def _saved(payload: bytes, address: str | None, model: str | None) -> Fall | None:
    """The fall in a message whose other parts are bad: its device and its status are enough."""
    try:
        loose = door.read_loosely(payload)
        if not isinstance(loose, dict):
            return None
        if milesight_json.is_report(loose):
            found = milesight_json.decode(loose, address)[0]
            return found if isinstance(found, Fall) else None
        inner = _payload(loose)
        device = _device(loose, inner, address)
        kept = {
            key: inner[key]
            for key in ("status", "isLearning", *NUMBER_WORDS, *FLAG_WORDS, *PRESENCE_WORDS)
            if key in inner
        }
        fall = _fall(device, kept, model)
    except UnreadableError:
        return None
    return None if is_broken_text(device) else fall
