"""Payloads that are one word or number of plain text, as state topics carry them; the same checks at the door.

Every function raises UnreadableError with its named reason.
"""

import math

from devices import door
from devices.errors import UnreadableError, Why
from devices.refusals import shown

MAX_CHARACTERS = 255
"""Longest state of Home Assistant, and longer than any state that means something here."""

_ON = frozenset({"on", "true", "1", "yes"})
_OFF = frozenset({"off", "false", "0", "no"})
_ONLINE = {"online": True, "connected": True, "true": True, "offline": False, "disconnected": False, "false": False}
UNKNOWN = frozenset({"unknown", "none", "null", "nan"})
"""How Home Assistant and ESPHome write that there is no value."""


def read(payload: bytes) -> str:
    """The text without surrounding space.

    Raises NOT_JSON for an empty payload (so a broker is told to forget a retained message: it says nothing) and for
    control characters, TOO_LARGE, NOT_UTF8, TOO_DEEP.
    """
    door.check(payload)
    text = payload.decode().strip()
    if not text:
        raise UnreadableError(Why.NOT_JSON, '"": it is empty; expected a word or a number')
    if len(text) > MAX_CHARACTERS:
        raise UnreadableError(Why.TOO_LARGE, f"{len(text)} characters; expected a state of at most {MAX_CHARACTERS}")
    if not text.isprintable():
        raise UnreadableError(Why.NOT_JSON, f"{shown(text)} has control characters; expected a word or a number")
    return text


def on_off(text: str, field: str) -> bool:
    """ON or OFF, in any case, or the words that are used for them."""
    word = text.lower()
    if word in _ON:
        return True
    if word in _OFF:
        return False
    raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(text)}; expected ON or OFF", field)


def online(text: str, field: str) -> bool:
    """online or offline, and the words that are used for them."""
    known = _ONLINE.get(text.lower())
    if known is None:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(text)}; expected online or offline", field)
    return known


def number(text: str, field: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(text)}; expected a number", field) from None
    if not math.isfinite(value):
        raise UnreadableError(Why.NOT_FINITE, f"{shown(text)}; expected a finite number", field)
    return value


def plausible(value: object, low: float, high: float) -> float | None:
    """A number if it can be one of these; None for anything else: 255 % of a battery says nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return float(value)
