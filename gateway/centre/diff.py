"""What differs between two versions of a centre, entry by entry; and one version's change taken back."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
from pydantic import ValidationError

from gateway.centre import sheets
from gateway.centre.draft import TABLES
from gateway.centre.model import Consents, Site

Document: TypeAlias = sheets.Document
SITE: Final = sheets.SITE

SERVES: Final = "serves_house"
"""The field of a policy, in what differs, that says which one serves the house; it stands in no file."""

What: TypeAlias = Literal["added", "changed", "removed"]


_NOTHING_AGREED: Final = Consents().model_dump(mode="json")


class FieldChange(msgspec.Struct, frozen=True):
    """A field of an entry, before and after; None: it was not, or is not, written there."""

    field: str
    before: Any = None
    after: Any = None


class EntryChange(msgspec.Struct, frozen=True):
    """What happened to one entry. ``key`` is as :func:`key_of` gives it; ``name`` is what people call it."""

    table: str
    key: str
    what: What
    name: str
    fields: tuple[FieldChange, ...] = ()


class Reverted(NamedTuple):
    """What became of taking a change back: the entries that stand otherwise by now (nothing is changed then)."""

    document: Document
    undone: list[EntryChange]
    in_the_way: list[EntryChange]


def key_of(table: str, entry: Mapping[str, Any]) -> str:
    """What tells an entry of a table from the others: its id, its resident, or for assignments all three words."""
    match table:
        case "care_plans":
            return str(entry.get("resident", ""))
        case "house_plans":
            return "house"
        case "assignments":
            return "/".join(str(entry.get(field, "")) for field in ("device", "resident", "from"))
        case _:
            return str(entry.get("id", ""))


def entries(document: Mapping[str, Any], table: str) -> dict[str, Mapping[str, Any]]:
    """The entries of a table by key, in the order of the document; ``centre`` is a table of one entry."""
    if table == SITE:
        return {SITE: document.get(SITE, {})}
    return {key_of(table, entry): entry for entry in document.get(table, ())}


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[EntryChange]:
    """Every entry that was added, changed or removed, table by table.

    The order of entries means nothing, but for the policies: the first one serves the house. Another first one is a
    change of it, with the field SERVES: which policy did before, and which does after.
    """
    return [*_entries_changed(before, after), *_served(before, after)]


def first_policy(document: Mapping[str, Any]) -> str | None:
    """Id of the first policy; None: there is none."""
    return next((str(one.get("id")) for one in document.get("policies", ())), None)


def _served(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[EntryChange]:
    old, new = first_policy(before), first_policy(after)
    if old is None or new is None or old == new:
        return []
    return [EntryChange("policies", new, "changed", new, (FieldChange(SERVES, old, new),))]


def _entries_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[EntryChange]:
    return [change for table in (SITE, *TABLES) for change in _of_table(table, before, after)]


def revert(present: Document, before: Document, after: Document) -> Reverted:
    """Take back, in ``present``, what changed from ``before`` to ``after``; what came later stays.

    Args:
        present: the newest version; it is not touched.
        before: the version before the change.
        after: the version that made the change.
    """
    undone = _entries_changed(before, after)
    blocking = []
    for change in undone:
        now, then = (entries(one, change.table).get(change.key) for one in (present, after))
        if not _same(change.table, now, then):
            blocking += diff_of_entry(change.table, change.key, then, now)
    document: Document = {**present, **{table: list(present.get(table, ())) for table in TABLES}}
    served = _served(before, after)
    if served:
        blocking += _served(after, present)
    if not blocking:
        for change in undone:
            _put_back(document, change, before)
        if served:  # the sort is stable: the others stay as they are
            document["policies"].sort(key=lambda one: str(one.get("id")) != first_policy(before))
    return Reverted(document, [*undone, *served], blocking)


def diff_of_entry(
    table: str, key: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[EntryChange]:
    """What happened to one entry; None: it is not there. Empty: nothing.

    One that was added has no fields; a care plan those consents with which somebody comes.
    """
    if before is None and after is None:
        return []
    if before is None or after is None:
        there = before or after or {}
        what: What = "added" if before is None else "removed"
        brought = _brought(after) if table == "care_plans" and after is not None else ()
        return [EntryChange(table, key, what, _name(table, key, there), brought)]
    if _same(table, before, after):
        return []
    old, new = _plain(table, before), _plain(table, after)
    fields = tuple(
        FieldChange(field, old.get(field), new.get(field))
        for field in dict.fromkeys((*old, *new))
        if old.get(field) != new.get(field)
    )
    return [EntryChange(table, key, "changed", _name(table, key, after), fields)]


def _brought(plan: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    consents = _plain("care_plans", plan).get("consents")
    return () if consents in (None, _NOTHING_AGREED) else (FieldChange("consents", None, consents),)


def _of_table(table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[EntryChange]:
    old, new = entries(before, table), entries(after, table)
    for key in dict.fromkeys((*old, *new)):
        was, now = old.get(key), new.get(key)
        if was is not now and was != now:
            yield from diff_of_entry(table, key, was, now)


def _same(table: str, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or _plain(table, one) == _plain(table, other)


def _plain(table: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry with every default written out: a version stored by an older gateway lacks the newer fields."""
    model = Site if table == SITE else TABLES[table]
    try:
        return model.model_validate(entry).model_dump(mode="json", by_alias=True, exclude_none=True)
    except ValidationError:
        return entry


def _name(table: str, key: str, entry: Mapping[str, Any]) -> str:
    if table == "assignments":
        return f"{entry.get('device', '')} → {entry.get('resident', '')}"
    return str(entry.get("name") or key)


def _put_back(document: Document, change: EntryChange, before: Document) -> None:
    if change.table == SITE:
        document[SITE] = before[SITE]
        return
    listed = document[change.table]
    places = [number for number, entry in enumerate(listed) if key_of(change.table, entry) == change.key]
    old = entries(before, change.table).get(change.key)
    match change.what:
        case "added":
            del listed[places[0]]
        case "changed":
            listed[places[0]] = old
        case "removed":
            where = list(entries(before, change.table)).index(change.key)
            listed.insert(min(where, len(listed)), old)
