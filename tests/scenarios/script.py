"""A scenario file as data, and its times: see README.md beside this file."""

import re
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

KINDS = ("position", "help", "fall", "bed", "sleep", "vitals", "continence", "room", "motion", "status")


class ScenarioError(Exception):
    """The file can't be read as a scenario; the text says what is wrong."""


class At(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something happens: a device says something, or a person does something."""

    t: str
    name: str | None = None
    sender: str | None = msgspec.field(default=None, name="from")
    position: dict[str, Any] | None = None
    help: dict[str, Any] | None = None
    fall: dict[str, Any] | None = None
    bed: dict[str, Any] | None = None
    sleep: dict[str, Any] | None = None
    vitals: dict[str, Any] | None = None
    continence: dict[str, Any] | None = None
    room: dict[str, Any] | None = None
    motion: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    raw: str | None = None
    late: str = "0s"
    clock: str | None = None
    stamped: bool = True
    again: str | None = None
    every: str | None = None
    times: int = 1
    days: int = 1
    answer: str | None = None
    rule: str | None = None
    shelve: str | None = None
    lasting: str = "1h"
    restart: bool = False


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert, or a command to a device, that must come."""

    t: str
    within: str = "0s"
    rule: str | None = None
    of: str = "anna"
    priority: str | None = None
    words: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    repeats: int = 0
    cleared: str | None = None
    under: str | None = None
    command: str | None = None
    device: str | None = None
    refused: str | None = None


class ExpectNone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """Silence that the scenario is about: all silence is checked, this one is named with its reason."""

    rule: str
    why: str
    start: str | None = None
    until: str | None = None


class Unless(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"with_": "with"}):
    """What makes the silence a finding: with this changed, ``rule`` does speak."""

    rule: str
    without: tuple[str, ...] = ()
    """Names of entries that are left out."""
    says: dict[str, dict[str, Any]] = {}
    """By an entry's name, what it says in its place."""
    with_: dict[str, Any] = {}
    """Settings of the rule."""
    assignments: tuple[dict[str, Any], ...] | None = None
    """Who wears what, in the place of the scenario's."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file."""

    title: str
    start: str
    until: str | None = None
    timezone: str = "Europe/Malta"
    devices: dict[str, str | dict[str, Any]]
    assignments: tuple[dict[str, Any], ...] = ()
    zones: tuple[dict[str, Any], ...] = ()
    calendars: tuple[dict[str, Any], ...] = ()
    rules: tuple[dict[str, Any], ...] = ()
    consents: dict[str, Any] = {}
    at: tuple[At, ...] = ()
    expect: tuple[Expect, ...] = ()
    expect_none: tuple[ExpectNone, ...] = ()
    unless: Unless | None = None


def changed(scenario: Scenario, unless: Unless) -> Scenario:
    """The scenario as ``unless`` changes it.

    Raises:
        ScenarioError: no entry or rule has that name.
    """
    names = {entry.name for entry in scenario.at}
    unknown = {*unless.without, *unless.says} - names
    if unknown or (unless.with_ and all(row["rule"] != unless.rule for row in scenario.rules)):
        raise ScenarioError(f"unless: {', '.join(map(str, unknown)) or unless.rule}: nothing there has that name")
    entries = tuple(
        replace(entry, **unless.says.get(entry.name or "", {}))
        for entry in scenario.at
        if entry.name not in unless.without
    )
    rules = tuple({**row, **unless.with_} if row["rule"] == unless.rule else row for row in scenario.rules)
    worn = scenario.assignments if unless.assignments is None else unless.assignments
    return replace(scenario, at=entries, rules=rules, assignments=worn)


def read_scenario(path: Path) -> Scenario:
    """Read a file.

    Raises:
        ScenarioError: it is no scenario.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ScenarioError(f"{path.name}: {error}") from error


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"([+-]?)((?:\d+(?:\.\d+)?[smhd])+)")
_WALL = re.compile(r"(?:(\d{4}-\d\d-\d\d|day \d+) )?(\d\d:\d\d(?::\d\d)?)( again)?")


def span(text: str) -> timedelta:
    """``20m``, ``1h30m``, ``-2h``.

    Raises:
        ScenarioError: it reads otherwise.
    """
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ScenarioError(f"{text!r}: expected a time span such as 20m, 1h30m or -2h")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", match[2]))
    return timedelta(seconds=-seconds if match[1] == "-" else seconds)


class Times:
    """The words for times, read in the house's time zone. ``start`` is the first moment (UTC)."""

    def __init__(self, start: str, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self._first = date.fromisoformat(start[:10])
        self.start = self.at(start, datetime(2000, 1, 1, tzinfo=UTC))

    def at(self, text: str, before: datetime) -> datetime:
        """A time (UTC): ``+20m`` after ``before``; ``22:15`` the next one from ``before`` on; ``day 3 22:15``;
        ``2026-03-02 22:15``; with `` again`` the second one of a night that has it twice.

        Raises:
            ScenarioError: it reads otherwise.
        """
        if text.startswith("+"):
            return before + span(text)
        match = _WALL.fullmatch(text)
        if match is None:
            raise ScenarioError(f"{text!r}: expected a time such as 22:15, +20m, 'day 3 22:15' or '2026-03-02 22:15'")
        clock, fold = time.fromisoformat(match[2]), int(match[3] is not None)
        if match[1] is None:
            day = before.astimezone(self.zone).date()
            found = self._utc(day, clock, fold)
            return found if found >= before else self._utc(day + timedelta(days=1), clock, fold)
        if match[1].startswith("day "):
            return self._utc(self._first + timedelta(days=int(match[1][4:]) - 1), clock, fold)
        return self._utc(date.fromisoformat(match[1]), clock, fold)

    def later(self, at: datetime, days: int) -> datetime:
        """The same time on the wall so many days later."""
        local = at.astimezone(self.zone)
        return self._utc(local.date() + timedelta(days=days), local.time(), local.fold)

    def say(self, at: datetime) -> str:
        """A time for people: day of the scenario and wall clock."""
        local = at.astimezone(self.zone)
        return f"day {(local.date() - self._first).days + 1} {local:%H:%M:%S}{' again' if local.fold else ''}"

    def _utc(self, day: date, clock: time, fold: int) -> datetime:
        return datetime.combine(day, clock.replace(tzinfo=self.zone, fold=fold)).astimezone(UTC)
