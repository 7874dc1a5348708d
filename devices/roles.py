"""What a button, switch or contact is for, as far as the centre says it.

A switch does not say what it is wired to, and a light switch must never be taken for a call for help. So it is one
only if the centre file says so in the device's model (``tasmota/call-button``), or if its name does
(``sos_room13``). Which words say so is in the tables here.
"""

import math
import re
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from devices.errors import UnreadableError, Why
from devices.refusals import shown

CALL_WORDS = frozenset({"sos", "panic", "nursecall", "helpcall"})
"""Words in a name or model that alone make it a call for help."""

CALL_PAIRS = frozenset({
    ("alarm", "button"), ("alarm", "cord"), ("call", "button"), ("call", "cord"), ("call", "point"),
    ("emergency", "button"), ("emergency", "call"), ("emergency", "cord"), ("help", "button"), ("help", "call"),
    ("nurse", "call"), ("pull", "cord"),
})  # fmt: skip
"""Words that do so side by side. ``emergency`` alone does not: there are emergency lights."""

OTHER_WORDS = frozenset({
    "battery", "lamp", "led", "light", "lights", "relay", "rssi", "signal", "siren", "test", "uptime", "voltage",
    "volume", "wifi",
})  # fmt: skip
"""Words after which a name is something else, however it goes on: ``sos_light``, ``panic_battery``."""

BED_WORDS = frozenset({"bed", "mattress"})
DOOR_WORDS = frozenset({"door", "gate"})

REST_WORDS = frozenset({"", "0", "false", "none", "off", "released", "release"})
"""A button that nobody presses, as text."""

_MODELS_KEPT = 1024
"""Models whose role is remembered: more than a centre names."""

_PARTS = re.compile(r"[a-z]+|\d+")


class Role(StrEnum):
    """What a device is for."""

    CALL = "call"  # a press is a call for help
    BED = "bed"  # occupied or closed means: in bed


class Told(msgspec.Struct, frozen=True, gc=False):
    """A role, and the number of the button or switch that has it; None: every one of the device."""

    role: Role
    number: int | None = None

    def is_call(self, number: int | None = None) -> bool:
        """Whether the button of that number (None: not numbered) calls for help."""
        return self.role is Role.CALL and (self.number is None or number is None or self.number == number)


@lru_cache(maxsize=_MODELS_KEPT)
def of_model(model: str | None) -> Told | None:
    """The role that ``vendor/model`` names: ``tasmota/call-button``, ``shelly/call-button-2``, ``tuya/bed-mat``."""
    if model is None:
        return None
    words = _words(model.rpartition("/")[2])
    if _calls(words):
        return Told(Role.CALL, int(words[-1][:6]) if words[-1].isdigit() else None)
    return Told(Role.BED) if BED_WORDS & set(words) else None


def is_press(value: Any, field: str) -> bool:
    """Whether a button's value is a press, as BTHome numbers them (0 is none) or in words.

    Raises UnreadableError (WRONG_TYPE) for what is neither.
    """
    if value is None:
        return False
    if isinstance(value, str):
        return value.strip().lower() not in REST_WORDS
    if isinstance(value, int | float) and not math.isnan(value):
        return value > 0
    raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected a kind of press", field)


def is_door(model: str | None) -> bool:
    """Whether ``vendor/model`` names a contact that watches a door: ``aqara/door-contact``. A contact may as well be at
    a window or a cupboard; only of a door does it say that somebody moves.
    """
    return model is not None and bool(DOOR_WORDS & set(_words(model.rpartition("/")[2])))


def is_call_name(name: str) -> bool:
    """Whether a name that people gave says that it is a call for help: ``sos_room13``, ``Call Button 2``."""
    return _calls(_words(name))


def _words(name: str) -> list[str]:
    return _PARTS.findall(name[:200].lower())


def _calls(words: list[str]) -> bool:
    said = set(words)
    if said & OTHER_WORDS:
        return False
    return bool(said & CALL_WORDS) or any(pair in CALL_PAIRS for pair in pairwise(words))
