"""Field specifications compiled to functions: from what stands in a document to a checked value of a reading."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from devices.errors import UnreadableError
from devices.profiles.converters import Convert, converter, is_plain, literal
from devices.profiles.flaws import Flaws
from devices.profiles.pointers import BadPointerError, Get, compile_pointer, folded, single_key
from devices.profiles.units import Field
from devices.refusals import field_name

Read: TypeAlias = Callable[[Any, Any, datetime | None], Any]
"""``read(item, document, at)``: the checked value, None when it is not said. Raises UnreadableError."""

KEYS = (
    "at", "unit", "scale", "offset", "map", "else", "missing", "unknown", "above", "below", "levels", "table", "text",
    "strict",
)  # fmt: skip


_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""For trying a default; no field depends on it but ages of a fix."""


def compile_get(spec: Any, key: str, flaws: Flaws) -> Get | None:
    """``at``: a pointer, or several of which the first that leads somewhere counts."""
    pointers = spec if isinstance(spec, list) else [spec]
    if not pointers:
        flaws.add(key, spec, 'a JSON Pointer such as "/data/alarm", or a list of at least one')
    gets: list[Get] = []
    for pointer in pointers:
        if not isinstance(pointer, str):
            flaws.add(key, pointer, 'a JSON Pointer such as "/data/alarm", or a list of them')
            continue
        try:
            gets.append(compile_pointer(pointer))
        except BadPointerError as error:
            flaws.add(key, pointer, str(error))
    if not gets or len(gets) != len(pointers):
        return None
    if len(gets) == 1:
        return gets[0]
    keys = [single_key(pointer) for pointer in pointers]
    if None not in keys:
        return _first_of_keys([key for key in keys if key is not None], gets)

    def first(item: Any, document: Any) -> Any:
        for get in gets:
            value = get(item, document)
            if value is not None:
                return value
        return None

    return first


def _first_of_keys(keys: list[str], gets: list[Get]) -> Get:
    """The first of several fields of the item itself."""

    def first(item: Any, document: Any) -> Any:
        if type(item) is dict:
            for key in keys:
                value = item.get(key)
                if value is not None:
                    return value
            return None
        return next((value for get in gets if (value := get(item, document)) is not None), None)

    return first


def compile_field(name: str, spec: Any, field: Field, key: str, flaws: Flaws) -> Read | None:
    """The function that reads one field of a reading; None when the specification has flaws.

    ``spec`` is a table with ``at``, or a constant.
    """
    if not isinstance(spec, dict):
        return _constant(spec, field, key, flaws)
    before = len(flaws.found)
    flaws.table(spec, key, KEYS)
    if "at" not in spec:
        flaws.missing(f"{key}.at", 'a JSON Pointer such as "/data/alarm"')
        return None
    get = compile_get(spec["at"], f"{key}.at", flaws)
    pointer = spec["at"][0] if isinstance(spec["at"], list) and spec["at"] else spec["at"]
    where = field_name(str(pointer).lstrip("^/").replace("/", ".")) or name
    convert = converter(name, spec, field, key, where, flaws)
    missing, unknown = spec.get("missing"), _words(spec.get("unknown", []), f"{key}.unknown", flaws)
    if convert is not None and missing is not None:
        try:
            convert(missing, _ANY_TIME)
        except UnreadableError as error:
            flaws.add(f"{key}.missing", missing, f"what the field can have: {error.detail}")
    if get is None or convert is None or len(flaws.found) > before:
        return None

    if missing is None and not unknown and (quick := _quick_number(spec, field, get, convert)) is not None:
        return quick

    def read(item: Any, document: Any, at: datetime | None) -> Any:
        value = get(item, document)
        if value is None:
            if missing is None:
                return None
            value = missing
        elif unknown and folded(value) in unknown:
            return None
        return convert(value, at)

    return read


def _quick_number(spec: dict[str, Any], field: Field, get: Get, convert: Convert) -> Read | None:
    """The same in one step for a number that needs no arithmetic and stands in the item itself: the most frequent."""
    key = single_key(spec["at"])
    if key is None or not is_plain(spec, field):
        return None
    low, high = field.low, field.high

    def read(item: Any, document: Any, at: datetime | None) -> Any:
        value = item.get(key) if type(item) is dict else get(item, document)
        if value is None:
            return None
        kind = type(value)
        if (kind is float or kind is int) and low <= value <= high:
            return float(value)
        return convert(value, at)

    return read


def _constant(spec: Any, field: Field, key: str, flaws: Flaws) -> Read | None:
    value = literal(spec, field, key, flaws)
    return None if value is None else lambda _item, _document, _at: value


def _words(spec: Any, key: str, flaws: Flaws) -> frozenset[str]:
    if isinstance(spec, list) and all(isinstance(item, str | int | float | bool) for item in spec):
        return frozenset(folded(item) for item in spec)
    flaws.add(key, spec, "a list of values")
    return frozenset()
