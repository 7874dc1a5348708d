"""``when`` conditions compiled to functions. All conditions of a list must hold."""

from collections.abc import Callable
from typing import Any, TypeAlias

from devices.profiles.flaws import Flaws
from devices.profiles.pointers import BadPointerError, Get, compile_each, folded
from devices.profiles.reader import compile_get

Holds: TypeAlias = Callable[[Any, Any], bool]
"""``holds(item, document)``."""

TESTS = ("equals", "one_of", "not_one_of", "present", "above", "below", "contains", "none_of")
KEYS = ("at", "missing", "each", *TESTS)


def compile_conditions(spec: Any, key: str, flaws: Flaws) -> tuple[Holds, ...]:
    """The conditions of a mapping; each is a table with ``at`` and exactly one test."""
    if not isinstance(spec, list):
        flaws.add(key, spec, 'a list of conditions such as [{at = "/alarm", equals = "sos"}]')
        return ()
    found = [_condition(entry, f"{key}[{index}]", flaws) for index, entry in enumerate(spec)]
    return tuple(holds for holds in found if holds is not None)


def _condition(spec: Any, key: str, flaws: Flaws) -> Holds | None:
    if not flaws.table(spec, key, KEYS):
        return None
    if "at" not in spec:
        flaws.missing(f"{key}.at", 'a JSON Pointer such as "/data/alarm"')
        return None
    get = compile_get(spec["at"], f"{key}.at", flaws)
    tests = [name for name in TESTS if name in spec]
    if len(tests) != 1:
        flaws.add(key, ", ".join(tests), f"exactly one of {', '.join(TESTS)}")
        return None
    (test,) = tests
    wanted = spec[test]
    if (test == "none_of") != ("each" in spec):
        flaws.add(key, f"{test}, each", 'none_of together with each = "/events/*", or neither')
        return None
    if get is None:
        return None
    holds = _none_of(get, spec, wanted) if test == "none_of" else _holds(get, test, wanted, spec.get("missing"))
    if holds is None:
        flaws.add(f"{key}.{test}", wanted, _EXPECTED[test])
    return holds


def _holds(get: Get, test: str, wanted: Any, missing: Any) -> Holds | None:
    is_value = isinstance(wanted, str | int | float | bool)
    found: Holds | None = None
    match test:
        case "present" if isinstance(wanted, bool):
            found = lambda item, document: (get(item, document) is not None) is wanted  # noqa: E731
        case "above" | "below" if isinstance(wanted, int | float) and not isinstance(wanted, bool):
            found = _compared(get, missing, float(wanted), above=test == "above")
        case "equals" if is_value:
            found = _among(get, missing, [wanted], result=True)
        case "one_of" | "not_one_of" if _is_values(wanted):
            found = _among(get, missing, wanted, result=test == "one_of")
        case "contains" if is_value:
            found = _contains(get, folded(wanted))
    return found


def _none_of(get: Get, spec: dict[str, Any], wanted: Any) -> Holds | None:
    """No item of a list has one of these values; holds too where there is no list, or nothing in it."""
    try:
        items = compile_each(spec["each"]) if isinstance(spec["each"], str) else None
    except BadPointerError:
        items = None
    if items is None or not _is_values(wanted):
        return None
    every, among = items, _among(get, spec.get("missing"), wanted, result=True)
    return lambda _item, document: not any(among(item, document) for item in every(document))


_EXPECTED = {
    "present": "true or false",
    "above": "a number",
    "below": "a number",
    "equals": "a value",
    "contains": "a value",
    "one_of": "a list of values",
    "not_one_of": "a list of values",
    "none_of": 'a list of values, and each = "/events/*"',
}


def _is_values(wanted: Any) -> bool:
    return isinstance(wanted, list) and all(isinstance(item, str | int | float | bool) for item in wanted)


def _among(get: Get, missing: Any, wanted: list[Any], *, result: bool) -> Holds:
    """Whether the value is (not) one of these. What is absent is neither, if ``missing`` does not say what it is."""
    words = frozenset(folded(item) for item in wanted)
    known = words | {item for item in wanted if isinstance(item, str)}

    def holds(item: Any, document: Any) -> bool:
        value = get(item, document)
        if value is None:
            if missing is None:
                return False
            value = missing
        elif type(value) is str and value in known:
            return result
        return (folded(value) in words) is result

    return holds


def _compared(get: Get, missing: Any, bound: float, *, above: bool) -> Holds:
    def holds(item: Any, document: Any) -> bool:
        value = get(item, document)
        if value is None:
            value = missing
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return value > bound if above else value < bound

    return holds


def _contains(get: Get, wanted: str) -> Holds:
    """A list holds the value, or a text the words."""

    def holds(item: Any, document: Any) -> bool:
        value = get(item, document)
        if isinstance(value, str):
            return wanted in folded(value)
        return isinstance(value, list) and any(folded(entry) == wanted for entry in value)

    return holds
