"""What erasing a person takes along, and what stays although it tells of them: by name, before anything is done."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.centre.diff import SITE, key_of
from gateway.centre.without import needs, texts_of, without
from gateway.store import centres, version_lines

NAMED_BY: Final = 5
"""Entries that are told of as needing a relative."""


class Goes(msgspec.Struct, frozen=True):
    """An entry that goes with the person: ``entry`` such as ``zones/flat``, and what people call it."""

    entry: str
    name: str


class Stays(msgspec.Struct, frozen=True):
    """A relative or a place of the person that stays; ``because``: the first entries that need it, such as
    ``devices/gps-luca``; empty: an earlier version of the house needed it."""

    entry: str
    name: str
    because: list[str]


class ErasureLook(msgspec.Struct, frozen=True):
    """What goes with a person who is erased, and what of theirs stays, and why."""

    goes: list[Goes]
    stays: list[Stays]


def look(db: sqlite3.Connection, resident: str) -> ErasureLook:
    """Look through all versions; changes nothing. Takes a moment in a large house."""
    names: dict[str, str] = {}
    theirs: set[str] = set()
    shared: set[str] = set()
    named: set[str] = set()
    document: Mapping[str, Any] = {}
    for version, _ in version_lines.numbers(db):
        document = centres.shared_document_of(db, version) or {}
        found = without(dict(document), resident, only_look=True)
        theirs |= set(found.theirs)
        shared |= set(found.shared)
        known = set(needs(document, resident))
        for table in ("carers", "zones", "calendars"):
            for one in document.get(table, ()):
                entry = f"{table}/{one['id']}"
                names[entry] = str(one.get("name") or one["id"])
                if one["id"] in known and (table != "carers" or one.get("role") == "relative"):
                    named.add(entry)
    present = {f"{table}/{one['id']}" for table in ("carers", "zones", "calendars") for one in document.get(table, ())}
    last = without(dict(document), resident, theirs=frozenset(theirs), stay=frozenset(shared), only_look=True)
    gone = {*last.theirs, *(theirs - shared - present)}
    return ErasureLook(
        goes=[Goes(one, names[one]) for one in sorted(gone)],
        stays=[
            Stays(one, names[one], list(_because(document, one, resident))) for one in sorted(named & present - gone)
        ],
    )


def _because(document: Mapping[str, Any], entry: str, resident: str) -> Iterator[str]:
    """Which entries of others name an entry."""
    table, _, wanted = entry.partition("/")
    left = NAMED_BY
    for name, listed in document.items():
        for one in listed if isinstance(listed, list) and name != table else ():
            whose = one.get("id") if name == "residents" else one.get("resident")
            if left and whose != resident and wanted in texts_of(one):
                left -= 1
                yield f"{name}/{key_of(name, one)}"
    if left and wanted in texts_of(document.get(SITE, {})):
        yield SITE
