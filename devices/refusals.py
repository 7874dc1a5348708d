"""Why a payload was refused, in words: the slow path behind devices.door.

msgspec says what it expected; this adds the named reason, the field's path and the value that stood there. It runs
only for messages that are refused anyway, so it may parse the payload a second time.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from devices.errors import UnreadableError, Why

MAX_INTEGER = 2**63 - 1
"""SQLite and most other stores keep 64-bit signed integers."""

PLACE_FIELDS = frozenset({"lon", "lat", "longitude", "latitude"})
TIME_FIELDS = frozenset({
    "t", "fixed_at", "start", "end", "tst", "fixTime", "deviceTime", "eventTime", "received_at", "time",
})  # fmt: skip
VERSION_FIELD = "v"

_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
_KEYS = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "datetime": "a time with its zone, like 2026-01-31T10:00:00Z",
}
_TIME_EXPECTED = (
    "a time with its zone, like 2026-01-31T10:00:00Z, or whole milliseconds since 1970, from 1970 to the year 9999"
)


def explain(payload: bytes, error: Exception | None) -> UnreadableError:
    """The refusal for a payload that passed devices.door.check and that a decoder then refused with ``error``."""
    try:
        value = loads(payload)
    except (ValueError, RecursionError):
        why = "it is empty" if not payload else "it is cut off or malformed"
        return UnreadableError(Why.NOT_JSON, f"{shown(payload[:40].decode(errors='replace'))}: {why}; expected JSON")
    if not isinstance(error, msgspec.ValidationError):
        return _strange(value) or UnreadableError(Why.NOT_JSON, f"{error}; expected JSON")
    message = str(error)
    match = _PATH.search(message)
    path = match["path"] if match else ""
    said = message[: match.start()] if match else message
    missing = _MISSING.search(said)
    if missing:
        field = f"{path}.{missing['name']}".lstrip(".")
        return UnreadableError(Why.MISSING_FIELD, "is missing; expected it to be there", field)
    keys = _keys(path)
    if keys is None:  # msgspec can't name the key inside a dict
        # A key may stand twice, and Python keep the good one.
        why = Why.NOT_FINITE if said.startswith("Number out of range") else Why.WRONG_TYPE
        strange = _strange(value)
        return strange or UnreadableError(why, f"{said}; expected {_expected('', said)}", field_name(path.lstrip(".")))
    value = _follow(value, keys)
    field = path.lstrip(".")
    if not field and not isinstance(value, dict):
        return UnreadableError(Why.NOT_AN_OBJECT, f"{shown(value)}; expected an object")
    return UnreadableError(
        _reason(field, value, said), f"{shown(value)}; expected {_expected(field, said)}", field_name(field)
    )


def loads(payload: bytes) -> Any:
    """JSON as Python's own parser reads it: NaN, Infinity and half surrogate pairs let through, bytes that are not
    UTF-8 replaced, long integers cut to 40 digits.

    40 digits are far beyond 63 bits already, and Python refuses to convert thousands. Raises ValueError.
    """
    return json.loads(payload.decode(errors="replace"), parse_int=lambda digits: int(digits[:40]))


def shown(value: Any) -> str:
    """A value shortened for a sentence: at most 40 characters of JSON, always plain ASCII."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:39]}..."


def field_name(path: str) -> str | None:
    """A path shortened for a report (its keys are the sender's); None for the whole payload."""
    return (path if len(path) <= 100 else f"{path[:97]}...") or None


def find(value: Any, wanted: Callable[[Any], bool], path: str = "") -> tuple[str, Any] | None:
    """Path and value of the first scalar or key for which ``wanted`` holds; None when there is none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if wanted(key):
                return path, key
            if found := find(inner, wanted, f"{path}.{key}".lstrip(".")):
                return found
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if found := find(inner, wanted, f"{path}[{index}]"):
                return found
    elif wanted(value):
        return path, value
    return None


def is_lone_surrogate(value: Any) -> bool:
    """Text with half a surrogate pair, which can't be written as UTF-8."""
    return isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value)


def is_broken_text(value: str) -> bool:
    """Text that was damaged on its way: half a surrogate pair, or bytes that were not UTF-8."""
    return is_lone_surrogate(value) or "\ufffd" in value


def is_big_integer(value: Any) -> bool:
    """An integer beyond 63 bits and a sign."""
    return isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER


def is_not_finite(value: Any) -> bool:
    """NaN or infinite, as 1e400 becomes."""
    return isinstance(value, float) and not math.isfinite(value)


def _strange(value: Any) -> UnreadableError | None:
    """What Python's parser lets through and JSON does not know."""
    if found := find(value, is_not_finite):
        return UnreadableError(Why.NOT_FINITE, f"{shown(found[1])}; expected a finite number", field_name(found[0]))
    if found := find(value, is_lone_surrogate):
        detail = f"{shown(found[1])} has half a surrogate pair; expected whole characters"
        return UnreadableError(Why.LONE_SURROGATE, detail, field_name(found[0]))
    return None


def _follow(value: Any, keys: list[str | int]) -> Any:
    """The value at the path; None where a key stands twice and Python kept another one than msgspec looked at."""
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _keys(path: str) -> list[str | int] | None:
    keys: list[str | int] = []
    end = 0
    for match in _KEYS.finditer(path):
        if match.start() != end:
            return None
        keys.append(match[1] if match[1] is not None else int(match[2]))
        end = match.end()
    return keys if end == len(path) else None


def _reason(field: str, value: Any, said: str) -> Why:
    leaf = field.rpartition(".")[2]
    if is_not_finite(value):
        return Why.NOT_FINITE
    if is_big_integer(value):
        return Why.BIG_INTEGER
    if leaf == VERSION_FIELD and "." not in field and isinstance(value, int) and not isinstance(value, bool):
        return Why.UNSUPPORTED_VERSION
    is_type = "got `" in said
    if leaf in TIME_FIELDS and (not is_type or isinstance(value, float)):
        return Why.BAD_TIME
    if is_type:
        return Why.WRONG_TYPE
    return Why.BAD_POSITION if leaf in PLACE_FIELDS else Why.OUT_OF_RANGE


def _expected(field: str, said: str) -> str:
    if field == VERSION_FIELD:
        return "version 1"
    if field.rpartition(".")[2] in TIME_FIELDS:
        return _TIME_EXPECTED
    said = said.partition(", got ")[0].removeprefix("Expected ")
    if said.startswith("Invalid enum value"):
        return "one of the words of the contract"
    if said.startswith("Number out of range"):
        return "a finite number"
    names = re.sub(r"`([^`]*)`", lambda match: _alternatives(match[1]), said)
    return names.replace(">=", "of at least").replace("<=", "of at most")


def _alternatives(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" | "))
