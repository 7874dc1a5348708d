"""Messages damaged in the ways of the field: for showing what holds of every format whatever comes in.

JSON is written here by hand, so that it can hold what Python's writer can't: 1e400, a key that stands twice, half a
surrogate pair, bytes that are not UTF-8.
"""

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from devices.registry import FORMATS
from tests.devices.cases import VECTORS, frame_of, load


class Raw(str):
    """JSON as it is to stand in the message."""


JUNK = [
    Raw("1e400"), Raw("-1e400"), Raw("NaN"), Raw("Infinity"), Raw('"\\ud800"'), Raw('"\udcff"'), Raw("9" * 40),
    Raw("1e-400"), Raw("[" * 20 + "]" * 20), Raw('{"a":' * 20 + "1" + "}" * 20), Raw("[" * 40 + "]" * 40),
    None, True, False, 0, -1, 2**63, -(2**63) - 1, 0.1, 1e300, "", "x" * 300, "\x00", "caf\u00e9", [], {},
    [None], [[[]]],
    {"a": [1, {"b": None}]}, [1, 2, 3], "true", "ON", "0", "2026-03-01T08:00:00Z", "9999-12-31T23:59:59Z",
    253402300799999, 4102444800000,
]  # fmt: skip
"""Values that no field expects, and values that some fields do."""

BESIDE = [junk for junk in JUNK if isinstance(junk, Raw)] + [[], {}, 2**64, "\x00", [[[None]]]]

ANY_JUNK = st.sampled_from(JUNK).map(deepcopy)
ANY_BESIDE = st.sampled_from(BESIDE).map(deepcopy)


def dump(value: Any) -> str:
    """The value as JSON; a dict may be a list of pairs, with keys that stand twice."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return dump(Pairs(value.items()))
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}:{dump(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(inner) for inner in value) + "]"
    return json.dumps(value)


class Pairs(list[tuple[str, Any]]):
    """An object of JSON as its pairs."""


def encoded(value: Any) -> bytes:
    """The value as the bytes of a message."""
    return dump(value).encode("utf-8", "surrogateescape")


def cases_of(name: str) -> list[dict[str, Any]]:
    """The cases of a format whose payload is JSON."""
    return [case for case in load(VECTORS / f"{name}.jsonl") if isinstance(case.get("payload"), dict | list)]


def texts_of(name: str) -> list[dict[str, Any]]:
    """The other cases of a format."""
    return [case for case in load(VECTORS / f"{name}.jsonl") if "raw" in case]


def places(value: Any) -> list[dict[str, Any] | list[Any]]:
    """Every object and list within a value, itself first."""
    found: list[dict[str, Any] | list[Any]] = []
    if isinstance(value, dict | list):
        found.append(value)
        for inner in value.values() if isinstance(value, dict) else value:
            found += places(inner)
    return found


def _twice(value: Any, target: Any, key: str, junk: Any) -> Any:
    if isinstance(value, dict):
        pairs = Pairs((name, _twice(inner, target, key, junk)) for name, inner in value.items())
        if value is target:
            pairs.append((key, junk))
        return pairs
    return [_twice(inner, target, key, junk) for inner in value] if isinstance(value, list) else value


@st.composite
def damaged(draw: st.DrawFn, case: dict[str, Any]) -> bytes:
    """The case's message with up to three of its values, keys or bytes changed."""
    message = json.loads(json.dumps(case["payload"]))
    for _ in range(draw(st.integers(1, 3))):
        target = draw(st.sampled_from(places(message)))
        if not target:
            continue
        how = draw(st.sampled_from(["value", "value", "drop", "upper", "lower", "list"]))
        at: Any = draw(st.sampled_from(sorted(target) if isinstance(target, dict) else range(len(target))))
        if how == "value":
            target[at] = draw(ANY_JUNK)
        elif how == "drop":
            del target[at]
        elif how == "list":
            target[at] = [target[at], draw(ANY_JUNK)]
        elif isinstance(target, dict):
            target[str.upper(at) if how == "upper" else str.lower(at)] = target.pop(at)
        elif isinstance(target[at], str) and not isinstance(target[at], Raw):
            target[at] = target[at].upper()
    objects = [place for place in places(message) if isinstance(place, dict) and place]
    if objects and draw(st.booleans()):
        target = draw(st.sampled_from(objects))
        message = _twice(message, target, draw(st.sampled_from(sorted(target))), draw(ANY_JUNK))
    payload = bytearray(encoded(message))
    if draw(st.integers(0, 4)) == 0:
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    return bytes(payload)


@st.composite
def in_company(draw: st.DrawFn, case: dict[str, Any]) -> bytes:
    """The case's message, all of it, with fields that nobody knows beside its own, wherever it holds an object."""
    message = json.loads(json.dumps(case["payload"]))
    for number in range(draw(st.integers(1, 3))):
        objects = [place for place in places(message) if isinstance(place, dict)]
        target = draw(st.sampled_from(objects))
        fields = list(target.items())
        fields.insert(draw(st.integers(0, len(fields))), (f"zz{number}", draw(ANY_BESIDE)))
        target.clear()
        target.update(fields)
    return encoded(message)


ALARMS = [
    (form, case)
    for form in FORMATS
    for case in cases_of(form.name)
    if any(
        reading["kind"] in ("help", "fall") and reading["phase"] not in ("ended", "cancelled")
        for reading in case.get("readings", ())
    )
]
"""Cases in which somebody asks for help or falls."""

__all__ = ["ALARMS", "cases_of", "damaged", "encoded", "frame_of", "in_company", "texts_of"]
