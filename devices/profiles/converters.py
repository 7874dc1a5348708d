"""Converters: a unit, a table of values, a threshold … as a function from what a document says to a field's value."""

import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

from devices import values
from devices.errors import UnreadableError, Why
from devices.profiles.flaws import Flaws
from devices.profiles.pointers import folded, word
from devices.profiles.units import CONVERSIONS, TIME_UNITS, Field
from devices.refusals import is_broken_text, shown

Convert: TypeAlias = Callable[[Any, datetime | None], Any]
"""``convert(value, at)``: the field's value; None if it says nothing. Raises UnreadableError."""

MAX_TEXT = 128
MAX_MANY = 64
_EXACT = 2**53
"""Integers below are the same as a float."""
_LEADING_NUMBER = re.compile(r"\s*([-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?)")
_RANGE = re.compile(r"\s*[\[(]\s*[^,\s]*\s*,\s*([-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?)?\s*[\])]\s*")
_PLACE = ("lon", "lat")
TEXTS = (True, False, "range")


def literal(spec: Any, field: Field, key: str, flaws: Flaws) -> Any:
    """A value of the field as the profile's author wrote it; None is a flaw."""
    match field.dimension:
        case "word":
            if isinstance(spec, str) and spec in field.words:
                return spec
            flaws.add(key, spec, f"one of {', '.join(field.words)}, or a table with at")
        case "truth":
            if isinstance(spec, bool):
                return spec
            flaws.add(key, spec, "true or false, or a table with at")
        case "text":
            if isinstance(spec, str) and 0 < len(spec) <= MAX_TEXT:
                return spec
            flaws.add(key, spec, f"a text of at most {MAX_TEXT} characters, or a table with at")
        case "time":
            flaws.add(key, spec, "a table with at")
        case _:
            if isinstance(spec, int | float) and not isinstance(spec, bool) and field.low <= spec <= field.high:
                return (float(spec),) if field.many else float(spec)
            flaws.add(key, spec, f"a number from {field.low:g} to {field.high:g}, or a table with at")
    return None


def converter(name: str, spec: dict[str, Any], field: Field, key: str, where: str, flaws: Flaws) -> Convert | None:
    """The function that turns what stands there into a value of the field; None when the specification has flaws.

    ``where`` names the place in a refusal.
    """
    if spec.get("text", False) not in TEXTS:
        flaws.add(f"{key}.text", spec["text"], 'true for a number at the start of a text, or "range" for "(250,500]"')
        return None
    for words, compiled in _BY_KEY:
        if any(word in spec for word in words):
            return compiled(spec, field, key, where, flaws)
    if field.dimension == "time":
        return _time(spec, key, where, flaws)
    if plain := _PLAIN.get(field.dimension):
        return plain(field, where)
    number = _number(name, spec, field, key, where, flaws)
    return _counted(number) if number is not None and field.dimension == "count" else number


def _counted(number: Convert) -> Convert:
    def count(value: Any, at: datetime | None) -> int | None:
        found = number(value, at)
        return None if found is None else int(found)

    return count


_PLAIN: dict[str, Callable[[Field, str], Convert]] = {
    "truth": lambda _field, where: lambda value, _at: _truth(value, where),
    "word": lambda field, where: lambda value, _at: _word(value, field.words, where),
    "text": lambda _field, where: lambda value, _at: _text(value, where),
}


def _mapped(spec: dict[str, Any], field: Field, key: str, where: str, flaws: Flaws) -> Convert | None:
    raw = spec["map"]
    if not isinstance(raw, dict) or not raw or field.dimension == "time":
        flaws.add(f"{key}.map", raw, "a table of values, such as {short = true}, for a field that is no time")
        return None
    mapping: dict[str, Any] = {}
    for said, meant in raw.items():
        value = literal(meant, field, f"{key}.map.{said}", flaws)
        if mapping.setdefault(folded(said), value) != value:
            flaws.add(f"{key}.map.{said}", meant, "one meaning: case, spaces, _ and - don't count in a word")
    otherwise = literal(spec["else"], field, f"{key}.else", flaws) if "else" in spec else None
    # The phase of an alarm is never guessed and never passed over; for other words the profile says so.
    strict = otherwise is None and (spec.get("strict") is True or (field.required and field.dimension == "word"))
    limit = _threshold(spec, field, key, where, flaws) if "above" in spec or "below" in spec else None
    known = dict(mapping)
    known.update({said: mapping[folded(said)] for said in raw})

    def convert(value: Any, at: datetime | None) -> Any:
        if type(value) is str and value in known:
            return known[value]
        found = mapping.get(folded(value))
        if found is not None:
            return found
        if limit is not None and type(value) in (int, float):
            return limit(value, at)
        if strict:
            expected = ", ".join(raw)
            raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {expected}", where)
        return otherwise

    return convert


def _levels(spec: dict[str, Any], field: Field, key: str, where: str, flaws: Flaws) -> Convert | None:
    rows = spec["levels"]
    if not _is_rows(rows):
        flaws.add(f"{key}.levels", rows, 'rising pairs such as [[0, "dry"], [30, "some"]]')
        return None
    as_text = spec.get("text", False)
    bounds = [float(row[0]) for row in rows]
    results = [literal(row[1], field, f"{key}.levels[{index}]", flaws) for index, row in enumerate(rows)]

    def convert(value: Any, _at: datetime | None) -> Any:
        place = bisect_right(bounds, _plain_number(_of_text(value, as_text, where), where))
        return results[place - 1] if place else None

    return convert


def _threshold(spec: dict[str, Any], field: Field, key: str, where: str, flaws: Flaws) -> Convert | None:
    above, below = spec.get("above"), spec.get("below")
    bound = above if above is not None else below
    if (
        field.dimension != "truth"
        or (above is not None and below is not None)
        or bound is None
        or not _is_number(bound)
    ):
        flaws.add(
            f"{key}.{'above' if 'above' in spec else 'below'}",
            bound,
            "one number, as above or as below, for a field that is true or false",
        )
        return None
    as_text, is_above, limit = spec.get("text", False), above is not None, float(bound)

    def convert(value: Any, _at: datetime | None) -> bool:
        number = _plain_number(_of_text(value, as_text, where), where)
        return number > limit if is_above else number < limit

    return convert


_BY_KEY: tuple[tuple[tuple[str, ...], Callable[..., Convert | None]], ...] = (
    (("map",), _mapped),
    (("levels",), _levels),
    (("above", "below"), _threshold),
)
"""Keys of a field that say how it is converted, in this order."""


def _number(name: str, spec: dict[str, Any], field: Field, key: str, where: str, flaws: Flaws) -> Convert | None:
    units = CONVERSIONS[field.dimension]
    unit, rows = spec.get("unit"), spec.get("table")
    if rows is not None and not (_is_rows(rows) and all(_is_number(row[1]) for row in rows)):
        flaws.add(f"{key}.table", rows, "rising pairs of numbers such as [[2500, 0], [3000, 100]]")
        return None
    if unit is not None and unit not in units:
        flaws.add(f"{key}.unit", unit, f"one of {', '.join(units) or 'none, leave it out'}")
        return None
    scale, offset = spec.get("scale", 1), spec.get("offset", 0)
    if not _is_number(scale) or not _is_number(offset):
        flaws.add(f"{key}.scale", [scale, offset], "numbers")
        return None
    factor, shift = units.get(unit, (1.0, 0.0)) if unit is not None else (1.0, 0.0)
    factor, shift = factor * scale, factor * offset + shift
    as_text, strict, low, high = spec.get("text", False), spec.get("strict", True) is True, field.low, field.high
    bounds, percents = ([row[0] for row in rows], [row[1] for row in rows]) if rows is not None else ([], [])
    is_place = name in _PLACE
    plain = is_plain(spec, field)

    def one(value: Any) -> float | None:
        kind = type(value)
        if plain and (kind is float or kind is int) and low <= value <= high:
            return float(value)
        try:
            value = _of_text(value, as_text, where)
            if value is None:
                return None
            number = _plain_number(value, where)
        except UnreadableError:
            if strict:
                raise
            return None
        if bounds:
            number = _interpolated(number, bounds, percents)
        number = float(number * factor + shift)
        if not low <= number <= high:
            if not strict:
                return None
            why = Why.BAD_POSITION if is_place else Why.OUT_OF_RANGE
            raise UnreadableError(why, f"{shown(value)}; expected a number from {low:g} to {high:g}", where)
        return number

    if field.many:

        def several(value: Any, _at: datetime | None) -> tuple[float | None, ...] | None:
            if type(value) is not list or len(value) > MAX_MANY:
                detail = f"{shown(value)}; expected a list of at most {MAX_MANY} numbers"
                raise UnreadableError(Why.WRONG_TYPE, detail, where)
            numbers = [one(item) for item in value]
            return None if None in numbers else tuple(numbers)

        return several
    return lambda value, _at: one(value)


def _time(spec: dict[str, Any], key: str, where: str, flaws: Flaws) -> Convert | None:
    match spec.get("unit", "iso"):
        case "iso":
            return lambda value, _at: values.moment(value if type(value) is str else _no_time(value, where), where)
        case "s":
            return lambda value, _at: values.epoch_seconds(value, where)
        case "ms":
            return lambda value, _at: values.utc(values.whole(value, where, 0, values.MAX_EPOCH_MS), where)
        case "s ago":
            return lambda value, at: None if at is None else at - timedelta(seconds=_age(value, where))
    flaws.add(f"{key}.unit", spec["unit"], f"one of {', '.join(TIME_UNITS)}")
    return None


def _no_time(value: Any, where: str) -> str:
    raise UnreadableError(Why.BAD_TIME, f"{shown(value)}; expected a time like 2026-01-31T10:00:00Z", where)


def _age(value: Any, where: str) -> float:
    # A year: no device keeps a fix longer.
    return values.number(value, where, 0, 366 * 86_400) or 0.0


def _truth(value: Any, where: str) -> bool:
    if value is True or value is False:
        return bool(value)
    if type(value) is int and value in (0, 1):
        return value == 1
    raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected true or false", where)


def _word(value: Any, words: tuple[str, ...], where: str) -> str:
    if isinstance(value, str):
        if value in words:
            return value
        if (plain := folded(value)) in words:
            return plain
    raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {', '.join(words)}", where)


def _text(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected text", where)
    text = word(value)[:MAX_TEXT]
    if is_broken_text(text):
        raise UnreadableError(Why.LONE_SURROGATE, f"{shown(text)}; expected whole characters", where)
    return text


def is_plain(spec: dict[str, Any], field: Field) -> bool:
    """Whether a field is a number that is taken as it stands."""
    if field.many or field.dimension in ("word", "truth", "text", "time", "count"):
        return False
    changes = ("map", "levels", "above", "below", "table", "scale", "offset", "text")
    if any(name in spec for name in changes):
        return False
    units = CONVERSIONS[field.dimension]
    return "unit" not in spec or units.get(spec["unit"]) == (1, 0)


def _of_text(value: Any, kind: Any, where: str) -> Any:
    """The number in a text, if there may be one: ``kind`` is what ``text`` of the profile says."""
    if kind is True:
        return _leading(value, where)
    return _upper(value, where) if kind == "range" else value


def _upper(value: Any, where: str) -> Any:
    """The upper bound of a text such as "(250,500]"; None of "(4000,)", which has none."""
    if not isinstance(value, str):
        return value
    if match := _RANGE.fullmatch(value):
        return None if match[1] is None else float(match[1])
    return _leading(value, where)


def _leading(value: Any, where: str) -> Any:
    """The number at the start of a text, such as 2.8 of "2.8(low battery)"."""
    if isinstance(value, str):
        if match := _LEADING_NUMBER.match(value):
            return float(match[1])
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected a text that begins with a number", where)
    return value


def _plain_number(value: Any, where: str) -> float:
    if type(value) is float and value - value == 0:  # finite: the usual case first
        return value
    if type(value) is int and -_EXACT < value < _EXACT:
        return float(value)
    if value is None:
        raise UnreadableError(Why.WRONG_TYPE, "null; expected a number", where)
    return values.number(value, where) or 0.0


def _interpolated(value: float, bounds: list[float], results: list[float]) -> float:
    """Piecewise linear, the ends kept."""
    place = bisect_right(bounds, value)
    if place == 0:
        return float(results[0])
    if place == len(bounds):
        return float(results[-1])
    part = (value - bounds[place - 1]) / (bounds[place] - bounds[place - 1])
    return results[place - 1] + part * (results[place] - results[place - 1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18


def _is_rows(rows: Any) -> bool:
    return (
        isinstance(rows, list)
        and len(rows) > 0
        and all(isinstance(row, list) and len(row) == 2 and _is_number(row[0]) for row in rows)
        and all(one[0] < other[0] for one, other in pairwise(rows))
    )
