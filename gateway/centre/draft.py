"""A centre on its way in: every entry validated on its own, so that one wrong entry hides no other problem."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.centre.model import (
    Assignment,
    Calendar,
    CarePlan,
    Carer,
    Device,
    HousePlan,
    Policy,
    Resident,
    Shift,
    Site,
    Zone,
)
from gateway.errors import Problem
from gateway.problems import no_such, printable, problems_of, schema_of, shown

M = TypeVar("M", bound=BaseModel)

TABLES: dict[str, type[BaseModel]] = {
    "residents": Resident,
    "devices": Device,
    "assignments": Assignment,
    "carers": Carer,
    "shifts": Shift,
    "policies": Policy,
    "care_plans": CarePlan,
    "house_plans": HousePlan,
    "zones": Zone,
    "calendars": Calendar,
}
"""The lists of a centre, by the name of their table."""

_ENTRY = re.compile(r"^(?P<table>\w+)\[(?P<number>\d+)\]")
"""The beginning of a key that says which entry it is in: ``care_plans[3]``."""


class Place(NamedTuple):
    """Where an entry stands: the file, the key's beginning, and how a field of it is written there."""

    file: str
    key: str
    geojson: bool = False

    def of(self, field: str) -> str:
        """The whole key of a field of this entry."""
        if self.geojson and not field.startswith("geometry"):
            return f"{self.key}.properties.{field}"
        return f"{self.key}.{field}"


class Entry(NamedTuple, Generic[M]):
    """One entry: where it stands, what stands there, and what became of it (None: it has problems)."""

    place: Place
    raw: Mapping[str, Any]
    parsed: M | None

    def text(self, field: str) -> str | None:
        """A field's text as it stands there; None when there is none."""
        value = self.raw.get(field)
        return value if isinstance(value, str) else None

    def problem(self, field: str, value: object, expected: str) -> Problem:
        """A problem with a field of this entry."""
        return Problem(self.place.file, self.place.of(field), shown(value), f"expected {expected}")


class Draft:
    """Everything that was found in a document, entry by entry, and the problems so far."""

    def __init__(
        self, document: Mapping[str, Any], *, file: str, zone_places: list[Place] | None = None, all_zones: bool = True
    ) -> None:
        self.file = file
        self._document = document
        self.all_zones = all_zones
        self.problems: list[Problem] = []
        self.site: Site | None = None
        self._entries: dict[str, list[Entry[Any]]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._read_site(document)
        for table, model in TABLES.items():
            places = zone_places if table == "zones" else None
            self._entries[table] = list(self._read(table, model, document.get(table, []), places))
        for key in document.keys() - TABLES.keys() - {"centre"}:
            expected = no_such("table", key, ["centre", *TABLES])
            self.problems.append(Problem(file, printable(key), shown(document[key]), expected))

    def of(self, model: type[M]) -> list[Entry[M]]:
        """The entries of one kind."""
        table = next(name for name, known in TABLES.items() if known is model)
        return self._entries[table]

    def parsed(self, model: type[M]) -> tuple[M, ...]:
        """The entries of one kind that have no problem of their own."""
        return tuple(entry.parsed for entry in self.of(model) if entry.parsed is not None)

    def ids(self, model: type[BaseModel]) -> list[str]:
        """The ids that stand in the file, of good and bad entries: a bad entry is no unknown one."""
        return [name for entry in self.of(model) if (name := entry.text("id")) is not None]

    def told(self, problems: list[Problem]) -> list[Problem]:
        """The problems in the order of the file, each with a word on which entry it is in: nobody counts tables."""
        order = list(self._document)

        def position(problem: Problem) -> tuple[bool, int, int]:
            found = _ENTRY.match(problem.key)
            table = found["table"] if found else problem.key.partition(".")[0]
            place = order.index(table) if table in order else -1
            return problem.file != self.file, place, int(found["number"]) if found else -1

        return [self._named(problem) for problem in sorted(problems, key=position)]

    def _named(self, problem: Problem) -> Problem:
        found = _ENTRY.match(problem.key)
        name = self._names.get((problem.file, found[0])) if found else None
        if name is None or problem.value == shown(name):
            return problem
        return Problem(problem.file, problem.key, problem.value, f"{problem.expected} (in {shown(name)})")

    def _read_site(self, document: Mapping[str, Any]) -> None:
        raw = document.get("centre")
        if not isinstance(raw, Mapping):
            self._add("centre", raw if "centre" in document else None, "a table [centre] with id, name and timezone")
            return
        try:
            self.site = Site.model_validate(raw)
        except ValidationError as error:
            self.problems += problems_of(error, file=self.file, data=raw, schema=schema_of(Site), prefix="centre")

    def _read(self, table: str, model: type[M], raw: object, places: list[Place] | None) -> Iterator[Entry[M]]:
        if not isinstance(raw, list | tuple):
            self._add(table, raw, f"a list, written as [[{table}]] with two brackets")
            return
        schema: dict[str, Any] | None = None
        for number, item in enumerate(raw):
            place = places[number] if places and number < len(places) else Place(self.file, f"{table}[{number}]")
            if not isinstance(item, Mapping):
                self.problems.append(Problem(place.file, place.key, shown(item), "expected a table with keys"))
                continue
            name = item.get("id") or item.get("resident") or item.get("device")
            if isinstance(name, str):
                self._names[place.file, place.key] = name
            try:
                yield Entry(place, item, model.model_validate(item))
            except ValidationError as error:
                schema = schema or schema_of(model)
                for found in problems_of(error, file=place.file, data=item, schema=schema):
                    self.problems.append(Problem(found.file, place.of(found.key), found.value, found.expected))
                yield Entry(place, item, None)

    def _add(self, key: str, value: object, expected: str) -> None:
        shown_value = "(missing)" if value is None else shown(value)
        self.problems.append(Problem(self.file, key, shown_value, f"expected {expected}"))
