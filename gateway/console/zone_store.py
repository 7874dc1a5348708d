"""Zones of the version in force, and changing them: each change is a new version of the centre."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from gateway.centre.index import zones_of
from gateway.centre.model import Zone
from gateway.console import editing
from gateway.console.deps import Console
from gateway.console.guards import Visitor
from gateway.console.pages import Tongue
from gateway.console.zone_trial import with_zone
from gateway.console.zone_words import elsewhere
from gateway.store import centres
from gateway.store.centres import Applied
from rules.registry import RULES

_NAMED = 5


class Zones(NamedTuple):
    """The zones of the newest version as stored, and its number; :func:`seen` makes zones of those that are shown."""

    version: int
    entries: Sequence[Mapping[str, Any]]


def in_force(console: Console) -> Zones:
    """The zones as stored, maybe a second before the running rules have them."""
    found = editing.in_force(console)
    return Zones(found.version, found.document.get("zones", ()))


def seen(console: Console, entries: Iterable[Mapping[str, Any]]) -> list[Zone]:
    """Stored zones as they are used. Shapes are made once: what is the same as in the running version is taken from
    there."""
    index = console.deps.index()
    return [_same(one, index.zones.get(one["id"])) for one in entries]


def zone_at(console: Console, name: str, *, version: int | None = None) -> Zone | None:
    """A zone of the newest version, or of an earlier one; None: it has none of that id."""
    if version is None:
        found = next((one for one in in_force(console).entries if one["id"] == name), None)
        return None if found is None else seen(console, [found])[0]
    document = centres.document_of(console.db(), version) or {}
    raw = next((one for one in document.get("zones", ()) if one.get("id") == name), None)
    try:
        return None if raw is None else Zone.model_validate(raw)
    except ValidationError:
        return None


async def store(console: Console, visitor: Visitor, zone: dict[str, Any], base: int, *, why: str = "") -> Applied:
    """Put a zone in place of the one of its id, or add it.

    Raises:
        VersionConflictError: ``base`` is not the newest version any more; nothing was changed.
        CentreError: the centre does not hold with it.
    """

    def edit(document: dict[str, Any]) -> None:
        document["zones"] = with_zone(document, zone)["zones"]

    return await editing.change(console, visitor, base, edit, why)


async def remove(console: Console, visitor: Visitor, name: str, base: int, *, why: str = "") -> Applied:
    """Take a zone out; the centre's checks refuse it while a plan names the zone.

    Raises:
        VersionConflictError: ``base`` is not the newest version any more; nothing was changed.
        CentreError: a plan names it.
    """

    def edit(document: dict[str, Any]) -> None:
        document["zones"] = [one for one in document.get("zones", ()) if one["id"] != name]

    return await editing.change(console, visitor, base, edit, why)


def users_said(console: Console, visitor: Visitor, name: str, tongue: Tongue) -> str | None:
    """Why a zone can't be deleted: the plans that name it; None: none does."""
    index = console.deps.index()
    titles = {rule.name: rule.title for rule in RULES}
    found, others = [], 0
    for plan in index.centre.care_plans:
        rules = [rule for rule in plan.rules if name in zones_of([rule])]
        if rules and not visitor.sees(resident := index.residents[plan.resident]):
            others += 1
        elif rules:
            named = ", ".join(tongue(titles.get(rule.name, rule.name)) for rule in rules)
            found.append(f"{resident.room} {resident.name} ({named})")
    if any(name in zones_of(house.rules) for house in index.centre.house_plans):
        found.append(tongue("the house"))
    if others:
        found.append(elsewhere(others, tongue))
    if not found:
        return None
    more = tongue(" and {n} more", n=len(found) - _NAMED) if len(found) > _NAMED else ""
    plans = "; ".join(found[:_NAMED]) + more
    return tongue("This place can’t be deleted: care plans use it. Change them first: {plans}.", plans=plans)


def _same(raw: Mapping[str, Any], known: Zone | None) -> Zone:
    zone = Zone.model_validate(raw)
    return known if known == zone else zone
