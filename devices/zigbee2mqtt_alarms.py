"""The calls for help and falls in a message of Zigbee2MQTT, each property for itself.

One that can't be read never hides another, and never passes for a sign of life: it is refused, unless the message
holds an alarm that can be read.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from devices import roles, values
from devices.errors import UnreadableError, Why
from devices.model import Fall, Help, Reading
from devices.refusals import shown
from devices.zigbee2mqtt_words import (
    DROPPED_ACTIONS,
    FALL_ACTIONS,
    FALL_FLAGS,
    FALL_SETTING,
    FALL_WORDS,
    FLAG_FALLS,
    HELP_ACTIONS,
    HELP_PROPERTIES,
    NO_PRESS_WORDS,
    NO_WORDS,
    PERSON_PROPERTIES,
    QUIET_WORDS,
    STATUS_FALLS,
    THING_PROPERTIES,
    YES_WORDS,
    FallPhase,
)

_WORST_FIRST: tuple[FallPhase, ...] = ("detected", "suspected", "ended")
_ALARMING = re.compile("|".join(sorted({*HELP_ACTIONS, *DROPPED_ACTIONS})), re.IGNORECASE)
"""What an action or status about help or a fall holds somewhere: nearly all others are done after one look."""
_LETTERS = re.compile("[a-z]+")
_DIGITS = re.compile("[0-9]{1,6}")

Found: TypeAlias = tuple[bool | FallPhase | None, ...]
"""What one property tells: True is a call for help, a phase that of a fall."""


def alarms(device: str, message: dict[str, Any], at: datetime | None, told: roles.Told | None) -> list[Reading]:
    """Help first, then the worst of the falls; nothing when nothing is said about either.

    Raises UnreadableError when what is said about them can't be read, and no other property holds an alarm.
    """
    if not all(map(str.islower, message)):  # Zigbee2MQTT writes small letters, bridges between may not
        message = {**{name.lower(): value for name, value in message.items()}, **message}
    if _PROPERTIES.isdisjoint(message):
        return []
    found: set[bool | FallPhase | None] = set()
    refused: UnreadableError | None = None
    for field in _PROPERTIES.intersection(message):
        if message[field] is None:
            continue
        try:
            found.update(_READERS[field](message[field], field, message, told))
        except UnreadableError as error:
            refused = error if refused is None or (error.field or "") < (refused.field or "") else refused
    readings: list[Reading] = []
    if True in found:
        readings.append(Help(device=device, observed_at=at, phase="pressed"))
    phase = next((phase for phase in _WORST_FIRST if phase in found), None)
    if refused is not None and not readings and phase in (None, "ended"):
        raise refused
    if phase is not None:
        readings.append(Fall(device=device, observed_at=at, phase=phase))
    return readings


def _action(value: Any, field: str, message: dict[str, Any], told: roles.Told | None) -> Found:
    """An action, once for each press. Older versions send an empty one after it."""
    if not isinstance(value, str):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected text", field)
    is_call = told is not None and told.role is roles.Role.CALL
    if not is_call and _ALARMING.search(value) is None:
        return ()
    action = value.strip().lower()
    words = [word for word in _LETTERS.findall(action) if word != "l"]  # l1, l2 are endpoints
    is_help = not HELP_ACTIONS.isdisjoint(words) and QUIET_WORDS.isdisjoint(words)
    is_help = is_help or (action != "" and told is not None and is_call and _is_press(action, words, told))
    name = "_".join(words)
    if name == "fall":
        return is_help, "detected" if _is_persons(message) else None
    if name not in FALL_ACTIONS and name not in DROPPED_ACTIONS and _is_of_fall(words) and not is_help:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {', '.join(FALL_ACTIONS)}", field)
    return is_help, FALL_ACTIONS.get(name)


def _status(value: Any, field: str, _message: dict[str, Any], _told: roles.Told | None) -> Found:
    """``status`` is used for many things: ``emergency`` may be that of a lamp, and a number is none of a fall."""
    if not isinstance(value, str) or _ALARMING.search(value) is None:
        return ()
    status = value.strip().lower()
    words = _LETTERS.findall(status)
    is_help = ("sos" in words or "panic" in words) and QUIET_WORDS.isdisjoint(words)
    phase = STATUS_FALLS.get(status) or FALL_ACTIONS.get("_".join(words))
    if phase is None and _is_of_fall(words) and not is_help:
        expected = ", ".join((*STATUS_FALLS, *FALL_ACTIONS))
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {expected}", field)
    return is_help, phase


def _is_of_fall(words: list[str]) -> bool:
    return any(word.startswith("fall") for word in words) and QUIET_WORDS.isdisjoint(words)


def _is_persons(message: dict[str, Any]) -> bool:
    """Whether a fall beside these properties is a person's, and not the sensor's own."""
    return THING_PROPERTIES.isdisjoint(message) and any(
        message[field] is not None for field in message.keys() & PERSON_PROPERTIES
    )


def _is_press(action: str, words: list[str], told: roles.Told) -> bool:
    """Whether a call button was pressed, the right one of several (``2_single``, ``single_l2``)."""
    digits = _DIGITS.search(action)
    return NO_PRESS_WORDS.isdisjoint(words) and told.is_call(None if digits is None else int(digits[0]))


def _alarm(value: Any, field: str, _message: dict[str, Any], told: roles.Told | None) -> Found:
    """``alarm`` may be that of smoke, water or a siren: a call for help only of what the centre calls a call button, or
    where its word says so."""
    if isinstance(value, str) and _ALARMING.search(value) is not None:
        return _status(value, field, _message, told)
    return (_is_on(value, field),) if told is not None and told.role is roles.Role.CALL else ()


def _fall_word(value: Any, field: str, _message: dict[str, Any], _told: roles.Told | None) -> Found:
    words = FALL_WORDS[field]
    word = (values.text(value, field) or "").strip().lower()
    if not word:
        return ()
    if word not in words:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {', '.join(words)}", field)
    return (words[word],)


def _fall_flag(value: Any, field: str, _message: dict[str, Any], _told: roles.Told | None) -> Found:
    if isinstance(value, str):
        word = value.strip().lower()
        if not word or (field == FALL_SETTING and word in ("on", "off")):
            return ()
        if word in FLAG_FALLS:
            return (FLAG_FALLS[word],)
    return ("detected" if _is_on(value, field) else "ended",)


def _help_flag(value: Any, field: str, _message: dict[str, Any], _told: roles.Told | None) -> Found:
    return (_is_on(value, field),)


def _is_on(value: Any, field: str) -> bool:
    """True or false, in any of the ways in which devices write it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value >= 0:  # NaN is not
        return value > 0
    if isinstance(value, str):
        word = value.strip().lower()
        if word in YES_WORDS or word in NO_WORDS:
            return word in YES_WORDS
        raise UnreadableError(
            Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {', '.join(sorted(YES_WORDS))}", field
        )
    raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected true or false", field)


_READERS: dict[str, Callable[[Any, str, dict[str, Any], roles.Told | None], Found]] = {
    "action": _action,
    "click": _action,  # its name in versions of long ago
    "alarm": _alarm,
    "alert": _alarm,
    "status": _status,
    **dict.fromkeys(HELP_PROPERTIES, _help_flag),
    **dict.fromkeys(FALL_WORDS, _fall_word),
    **dict.fromkeys(FALL_FLAGS, _fall_flag),
}
_PROPERTIES = frozenset(_READERS)
