"""The fields of readings that an own rule may ask about: what they are called, what they hold, in which unit.

Taken from devices.model, so that a new field can be asked about at once. Times and lists are left out: there is nothing
to compare them with.
"""

from difflib import get_close_matches
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UnsetType

from devices.model import READING_TYPES

_COMMON: Final = {"device", "observed_at", "event_id"}
_BOOL: Final = "true or false"
_NUMBER: Final = "a number"
_TEXT: Final = "a text"

_UNITS: Final[tuple[tuple[str, str], ...]] = (
    ("_bpm", " /min"),
    ("_percent", " %"),
    ("_mps", " m/s"),
    ("_deg", "°"),
    ("_c", " °C"),
    ("_m", " m"),
    ("_g", " g"),
)
"""What is written behind a number, by the end of its field's name."""

_RANGES: Final[tuple[tuple[str, float, float], ...]] = (
    ("_percent", 0, 100),
    ("_bpm", 0, 400),
    ("_deg", -360, 360),
    ("_c", -60, 120),
    ("_mps", 0, 1000),
    ("_m", -1000, 50_000),
    ("_g", 0, 1000),
    ("lon", -180, 180),
    ("lat", -90, 90),
    ("score", 0, 100),
    ("steps", 0, 10_000_000),
)
"""Between which numbers a limit makes sense, by the end of the field's name: one beyond is a typing error."""


class Field(msgspec.Struct, frozen=True):
    """A field of a kind of readings. ``holds`` is "a number", "true or false" or "a text"; ``words`` are the only
    texts that it can hold, empty where any may stand there; ``unit`` is written behind its numbers."""

    name: str
    holds: str
    words: tuple[str, ...] = ()
    unit: str = ""
    low: float = -1e9
    high: float = 1e9

    def complaint(self, value: bool | float | str) -> str:
        """Why a value can't be compared with this field; empty: it can."""
        right = {_BOOL: bool, _NUMBER: float, _TEXT: str}[self.holds]
        if not isinstance(value, right) or (right is float and isinstance(value, bool)):
            unit = f" ({self.unit.strip()})" if self.unit else ""
            return f"{self.name} is {self.holds}{unit}{' in quotes' if right is str else ', without quotes'}"
        if isinstance(value, float) and not self.low <= value <= self.high:
            return f"{self.name} is from {self.low:g} to {self.high:g}{self.unit}"
        if self.words and value not in self.words:
            return f"{self.name} is one of {', '.join(self.words)}{near(str(value), self.words)}"
        return ""

    @property
    def is_number(self) -> bool:
        """Whether it can be more or less."""
        return self.holds == _NUMBER


def near(word: str, known: tuple[str, ...]) -> str:
    """``; did you mean "saturation_percent"?``, or nothing."""
    found = get_close_matches(word, known, n=1)
    return f'; did you mean "{found[0]}"?' if found else ""


def _kinds_of(hint: Any) -> set[Any]:
    if get_origin(hint) in {Union, UnionType}:
        return {part for one in get_args(hint) for part in _kinds_of(one)}
    return set() if hint in {type(None), UnsetType} else {hint}


def _field(name: str, hint: Any) -> Field | None:
    kinds = _kinds_of(hint)
    if kinds == {bool}:
        return Field(name, _BOOL)
    if kinds and kinds <= {int, float}:
        unit = next((unit for end, unit in _UNITS if name.endswith(end)), "")
        low, high = next(((low, high) for end, low, high in _RANGES if name.endswith(end)), (-1e9, 1e9))
        return Field(name, _NUMBER, unit=unit, low=low, high=high)
    if kinds == {str}:
        return Field(name, _TEXT)
    words = tuple(str(word) for one in kinds if get_origin(one) is Literal for word in get_args(one))
    return Field(name, _TEXT, words) if words else None


def _fields(reading: type[Any]) -> dict[str, Field]:
    hints = get_type_hints(reading)
    found = (_field(name, hints[name]) for name in reading.__struct_fields__ if name not in _COMMON)
    return {field.name: field for field in found if field is not None}


FIELDS: Final[dict[str, dict[str, Field]]] = {
    str(reading.__struct_config__.tag): _fields(reading) for reading in READING_TYPES
}
"""The fields that can be asked about, by kind of reading and name."""
