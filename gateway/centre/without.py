"""A centre without a person: the document of a version, and nothing in it that tells of them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gateway.centre.naming import ERASED, Names

__all__ = ["ERASED", "Without", "names_of_others", "needs", "texts_of", "without"]


class Without(NamedTuple):
    """The document without the person.

    ``theirs``: the entries that nobody else needs and that went too, such as ``carers/rita`` (relatives of theirs
    alone) or ``zones/flat``; ``words``: texts of theirs, by which it can be checked that nothing is left; ``known``:
    whether the person was in it at all; ``shared``: the places and calendars that something else needs.
    """

    document: dict[str, Any]
    theirs: tuple[str, ...]
    words: tuple[str, ...]
    known: bool
    shared: tuple[str, ...] = ()


def without(
    document: dict[str, Any],
    resident: str,
    names: tuple[str, ...] = (),
    theirs: frozenset[str] = frozenset(),
    *,
    stay: frozenset[str] = frozenset(),
    only_look: bool = False,
) -> Without:
    """Take a person out of a version's document (gateway.centre.load.to_document).

    Their entry, photo, assignments and care plan go; so do their relatives, zones and calendars that nobody else
    needs. Devices belong to the house, and stay. Where others' texts name the person, ``(erased)`` stands instead;
    other people's own names, ids, and whatever names an entry by its id stay as they are.

    Args:
        document: a stored version; it is not changed.
        resident: the person's id.
        names: names that the person had in other versions.
        theirs: entries that were theirs alone in other versions.
        stay: places and calendars that something else needed in any version: they are the house's, and stay.
        only_look: the document is not wanted, and is empty; a large house takes its time.
    """
    mine = [one for one in document.get("residents", ()) if one["id"] == resident]
    plans = [one for one in document.get("care_plans", ()) if one["resident"] == resident]
    worn = [one for one in document.get("assignments", ()) if one["resident"] == resident]
    left = dict(document)
    left["residents"] = [one for one in document.get("residents", ()) if one["id"] != resident]
    left["care_plans"] = [one for one in document.get("care_plans", ()) if one["resident"] != resident]
    left["assignments"] = [one for one in document.get("assignments", ()) if one["resident"] != resident]
    named = needs(document, resident)
    went: list[str] = []
    shared: list[str] = []
    gone: list[Any] = []
    for table in ("carers", "zones", "calendars"):
        others = set(_texts({key: value for key, value in left.items() if key != table}))
        only = {
            one["id"]
            for one in left.get(table, ())
            if (one["id"] in named or f"{table}/{one['id']}" in theirs)
            and one["id"] not in others
            and f"{table}/{one['id']}" not in stay
            and (table != "carers" or one.get("role") == "relative")
        }
        gone += [one for one in left.get(table, ()) if one["id"] in only]
        left[table] = [one for one in left.get(table, ()) if one["id"] not in only]
        went += sorted(f"{table}/{name}" for name in only)
        if table != "carers":
            shared += [f"{table}/{one['id']}" for one in left[table] if one["id"] in others]
    all_names = tuple({*names, *(one["name"] for one in mine)})
    return Without(
        document={} if only_look else _renamed(left, Names(all_names, names_of_others(left, resident))),
        theirs=tuple(went),
        words=tuple(_words(mine, [one for one in gone if "role" in one])),
        known=bool(mine or plans or worn),
        shared=tuple(shared),
    )


def _words(mine: list[Any], carers: list[Any]) -> Iterator[str]:
    for one in mine:
        yield one["name"]
        for key in ("note", "description"):
            if one.get(key):
                yield one[key]
        if one.get("photo"):
            yield one["photo"][40:200]
    for one in carers:
        yield one["name"]


def needs(document: Mapping[str, Any], resident: str) -> frozenset[str]:
    """All texts of a person's entry and care plan: the ids of what they name are among them."""
    mine = [one for one in document.get("residents", ()) if one["id"] == resident]
    return texts_of([*mine, *(one for one in document.get("care_plans", ()) if one["resident"] == resident)])


def texts_of(value: Any) -> frozenset[str]:
    """Every text in a value, keys too."""
    return frozenset(_texts(value))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield from _texts(key)
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)


def names_of_others(document: dict[str, Any], resident: str) -> frozenset[str]:
    """The names of everybody of a version but one resident."""
    people = [*document.get("residents", ()), *document.get("carers", ())]
    return frozenset(one["name"] for one in people if one["id"] != resident or "role" in one)


def _renamed(document: dict[str, Any], names: Names) -> dict[str, Any]:
    ids = {
        one["id"]
        for table in document.values()
        if isinstance(table, list)
        for one in table
        if isinstance(one.get("id"), str)
    }

    def out_of(value: Any) -> Any:
        match value:
            case str():
                return value if value in ids else names.out_of(value)
            case dict():
                return {key: out_of(one) for key, one in value.items()}
            case list() | tuple():
                return [out_of(one) for one in value]
        return value

    left: dict[str, Any] = out_of(document)
    for table in ("residents", "carers"):
        for entry, was in zip(left.get(table, ()), document.get(table, ()), strict=True):
            entry["name"] = was["name"]
    return left
