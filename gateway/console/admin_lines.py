"""The lines of the administration's lists. A large house has tens of thousands: they are written beside the event
loop, once for each version, and found again for the next piece or search."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from gateway.centre.diff import key_of
from gateway.console.deps import Console
from gateway.console.form_fields import said
from gateway.console.guards import Visitor
from gateway.console.pages import Tongue
from gateway.console.warded import bounded, seen

KEPT: Final = 2
"""Lists that are kept at a time: one of 30,000 lines takes some 10 MB."""


class Line(NamedTuple):
    """An entry in a list: its key, what it is called, and what else is told of it."""

    key: str
    title: str
    more: str


class Lines:
    """Lists that were written, by version, table and language; what was asked for last is kept."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, str, str, frozenset[str]], Sequence[Line]] = OrderedDict()
        self.written = 0
        """How many lists were written so far."""

    def of(
        self, version: int, document: Mapping[str, Any], table: str, tongue: Tongue, visitor: Visitor
    ) -> Sequence[Line]:
        """All lines of a table that the visitor sees, by title."""
        wards = frozenset(visitor.carer.wards) if bounded(visitor) else frozenset[str]()
        key = (version, table, tongue.language, wards)
        found = self._known.get(key)
        if found is None:
            self.written += 1
            found = self._known[key] = _written(seen(visitor, document), table, tongue)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return found


_lists: WeakKeyDictionary[Console, Lines] = WeakKeyDictionary()


def lists_of(console: Console) -> Lines:
    """The lists that a console keeps."""
    return _lists.setdefault(console, Lines())


async def lines(
    console: Console,
    version: int,
    document: Mapping[str, Any],
    table: str,
    asked: str,
    tongue: Tongue,
    visitor: Visitor,
) -> Sequence[Line]:
    """The lines of a table of the centre that the visitor sees, by title; ``asked``: only those in which that stands,
    "" all."""
    return await asyncio.to_thread(
        _found, lists_of(console), version, document, table, asked.casefold(), tongue, visitor
    )


def _found(
    lists: Lines,
    version: int,
    document: Mapping[str, Any],
    table: str,
    asked: str,
    tongue: Tongue,
    visitor: Visitor,
) -> Sequence[Line]:
    every = lists.of(version, document, table, tongue, visitor)
    return [one for one in every if asked in f"{one.title} {one.more} {one.key}".casefold()] if asked else every


def _written(document: Mapping[str, Any], table: str, tongue: Tongue) -> Sequence[Line]:
    names = {one["id"]: f"{one['name']}, {one['room']}" for one in document.get("residents", ())}
    worn = {one["device"]: one["resident"] for one in document.get("assignments", ()) if one.get("to") is None}
    found = [_line(table, entry, names, worn, tongue) for entry in document.get(table, ())]
    found.sort(key=lambda one: one.title.casefold())
    return found


def _line(
    table: str, entry: Mapping[str, Any], names: Mapping[str, str], worn: Mapping[str, str], tongue: Tongue
) -> Line:
    key = key_of(table, entry)
    title, more = str(entry.get("name") or key), ""
    match table:
        case "residents":
            more = ", ".join(part for part in (entry["room"], entry.get("ward")) if part)
        case "devices":
            title = f"{said(entry['type'], tongue)} {key}"
            holder = names.get(worn.get(key, ""), "")
            more = ", ".join(part for part in (holder, entry.get("room"), entry.get("model")) if part)
        case "assignments":
            title = f"{entry['device']} → {names.get(entry['resident'], entry['resident'])}"
            more = f"{entry['from'][:10]} – {(entry.get('to') or '')[:10]}"
        case "carers":
            more = f"{said(entry.get('role', 'carer'), tongue)}, {key}"
        case "care_plans":
            title = names.get(key, key)
            more = tongue.many("{n} rule", "{n} rules", len(entry.get("rules", ()))) + f", {entry['policy']}"
        case "policies":
            more = tongue.many("{n} step", "{n} steps", len(entry.get("steps", ())))
    return Line(key, title, more)
