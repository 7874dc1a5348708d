"""A profile's own cases: ``[[cases]]`` in its file, or lines of a JSONL file. Payload → readings, or → the error."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from devices.errors import UnreadableError, Why
from devices.model import Reading
from devices.profiles.flaws import Flaws

KEYS = ("name", "topic", "payload", "readings", "error")
DEVICE = "device"
"""The address that a case's device has where no topic or pointer tells another."""
MESSAGE_AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
"""When the message of a case came, for fields such as the age of a fix."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One payload and what must come of it: readings as JSON objects without device, or a named reason."""

    name: str
    payload: Any
    topic: str | None = None
    readings: tuple[dict[str, Any], ...] | None = None
    error: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case."""

    case: Case
    readings: tuple[dict[str, Any], ...]
    error: str | None
    detail: str | None

    @property
    def passed(self) -> bool:
        """Whether it is what the case says."""
        if self.error is not None or self.case.error is not None:
            return self.error == self.case.error
        return bool(rounded(self.readings) == rounded(self.case.readings))


def compile_cases(spec: Any, flaws: Flaws) -> tuple[Case, ...]:
    """The cases of a file. A payload is a table, or JSON as text where TOML can't say it."""
    if not isinstance(spec, list):
        flaws.add("cases", spec, "[[cases]] tables")
        return ()
    found = [_case(entry, f"cases[{index}]", flaws) for index, entry in enumerate(spec)]
    return tuple(case for case in found if case is not None)


def _case(spec: Any, key: str, flaws: Flaws) -> Case | None:
    before = len(flaws.found)
    if not flaws.table(spec, key, KEYS):
        return None
    name = flaws.text(spec, "name", f"{key}.")
    topic = flaws.text(spec, "topic", f"{key}.", required=False) or None
    payload = spec.get("payload")
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            flaws.add(f"{key}.payload", payload, "JSON")
    elif payload is None:
        flaws.missing(f"{key}.payload", "a table, or JSON as text")
    readings, error = spec.get("readings"), spec.get("error")
    if (readings is None) == (error is None):
        flaws.missing(f"{key}.readings", "either readings or error")
    elif error is not None and error not in set(Why):
        flaws.add(f"{key}.error", error, f"one of {', '.join(Why)}")
    elif readings is not None and not (isinstance(readings, list) and all(isinstance(row, dict) for row in readings)):
        flaws.add(f"{key}.readings", readings, "a list of tables")
    if len(flaws.found) > before:
        return None
    rows = None if readings is None else tuple(json.loads(msgspec.json.encode(row)) for row in readings)
    return Case(name=name, payload=payload, topic=topic, readings=rows, error=error)


def run(case: Case, decode: Callable[[Case], tuple[Reading, ...]]) -> Outcome:
    """What ``decode`` makes of a case, beside what the case says."""
    try:
        readings = decode(case)
    except UnreadableError as error:
        return Outcome(case=case, readings=(), error=error.why.value, detail=str(error))
    return Outcome(case=case, readings=tuple(map(plain, readings)), error=None, detail=None)


def rounded(value: Any) -> Any:
    """The same with numbers cut to nine decimals: what a calculation adds beyond is no difference."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list | tuple) else value


def plain(reading: Reading) -> dict[str, Any]:
    """A reading as JSON data without its device, and without what the device did not say."""
    data: dict[str, Any] = json.loads(msgspec.json.encode(reading))
    return {key: value for key, value in data.items() if value is not None and key not in ("device", "event_id")}
