"""A centre on its way in: every entry validated on its own, so that one wrong entry hides no other problem."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.centre.known import NOTHING, Known, stored_text, text_or_none
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
    """Everything that was found in a document, entry by entry, and the problems so far.

    Args:
        document: what was read.
        file: its name in problems.
        zone_places: where each zone stands; None: in the document.
        all_zones: False when zones could not be read.
        known: what is known from a centre before; None: this one is not to be known afterwards either. The document
            then must hold nothing but what JSON holds.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        file: str,
        zone_places: list[Place] | None = None,
        all_zones: bool = True,
        known: Known | None = None,
    ) -> None:
        self.file = file
        self._document = document
        self.all_zones = all_zones
        self.before: Known = known or NOTHING
        self.found: Known | None = None if known is None else Known({}, {})
        self.texts: dict[str, list[bytes]] = {}
        """How each entry is stored, by table; where ``known`` was given, and of entries without a problem."""
        self.problems: list[Problem] = []
        self.site: Site | None = None
        self._entries: dict[str, list[Entry[Any]]] = {}
        self._ids: dict[type[BaseModel], list[str]] = {}
        self._parsed: dict[type[BaseModel], tuple[Any, ...]] = {}
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
        known = self._parsed.get(model)
        if known is None:
            found = tuple([entry.parsed for entry in self.of(model) if entry.parsed is not None])
            known = self._parsed[model] = found
        return known

    def ids(self, model: type[BaseModel]) -> list[str]:
        """The ids that stand in the file, of good and bad entries: a bad entry is no unknown one."""
        known = self._ids.get(model)
        if known is None:
            known = self._ids[model] = [name for entry in self.of(model) if (name := entry.text("id")) is not None]
        return known

    def unchanged(self, *models: type[BaseModel]) -> bool:
        """Whether these tables hold the very same as in the centre that is known, which holds."""
        tables = [name for name, model in TABLES.items() if model in models]
        return self.found is not None and all(
            name in self.before.entries
            and self.texts.get(name, []) == list(self.before.entries[name])
            and len(self.texts.get(name, [])) == len(self._entries[name])
            for name in tables
        )

    def same_ids(self, model: type[BaseModel]) -> bool:
        """Whether a table has the same ids, in the same order, as in the centre that is known."""
        [table] = [name for name, one in TABLES.items() if one is model]
        before = self.before.entries.get(table)
        return before is not None and self.ids(model) == [getattr(one, "id", None) for one in before.values()]

    def told(self, problems: list[Problem]) -> list[Problem]:
        """The problems in the order of the file, each with a word on which entry it is in: nobody counts tables."""
        order = list(self._document)

        names = self._names({found["table"] for one in problems if (found := _ENTRY.match(one.key))})

        def position(problem: Problem) -> tuple[bool, int, int]:
            found = _ENTRY.match(problem.key)
            table = found["table"] if found else problem.key.partition(".")[0]
            place = order.index(table) if table in order else -1
            return problem.file != self.file, place, int(found["number"]) if found else -1

        return [self._named(problem, names) for problem in sorted(problems, key=position)]

    def _names(self, tables: Collection[str]) -> dict[tuple[str, str], str]:
        """What the entries of these tables are called, by file and key."""
        found: dict[tuple[str, str], str] = {}
        for table in (*tables, "zones"):
            for entry in self._entries.get(table, ()):
                name = entry.raw.get("id") or entry.raw.get("resident") or entry.raw.get("device")
                if isinstance(name, str):
                    found[entry.place.file, entry.place.key] = name
        return found

    @staticmethod
    def _named(problem: Problem, names: Mapping[tuple[str, str], str]) -> Problem:
        found = _ENTRY.match(problem.key)
        name = names.get((problem.file, found[0])) if found else None
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
        known: Mapping[bytes, Any] = self.before.entries.get(table, {})
        texts: list[bytes] | None = None
        found: dict[bytes, Any] = {}
        if self.found is not None:
            texts, self.found.entries[table] = self.texts.setdefault(table, []), found
        for number, item in enumerate(raw):
            place = places[number] if places and number < len(places) else Place(self.file, f"{table}[{number}]")
            if item.__class__ is not dict and not isinstance(item, Mapping):
                self.problems.append(Problem(place.file, place.key, shown(item), "expected a table with keys"))
                continue
            if texts is not None and (text := text_or_none(item)) is not None and text in known:
                same: M = known[text]
                texts.append(text)
                found[text] = same
                yield Entry(place, item, same)
                continue
            try:
                parsed = model.model_validate(item)
            except ValidationError as error:
                schema = schema or schema_of(model)
                for wrong in problems_of(error, file=place.file, data=item, schema=schema):
                    self.problems.append(Problem(wrong.file, place.of(wrong.key), wrong.value, wrong.expected))
                yield Entry(place, item, None)
                continue
            if texts is not None:
                text = stored_text(parsed)
                texts.append(text)
                found[text] = parsed
            yield Entry(place, item, parsed)

    def _add(self, key: str, value: object, expected: str) -> None:
        shown_value = "(missing)" if value is None else shown(value)
        self.problems.append(Problem(self.file, key, shown_value, f"expected {expected}"))
