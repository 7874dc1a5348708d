"""Zones as the console handles them: who uses which, and whether a drawn one holds."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
from pydantic import ValidationError

from gateway.centre.index import HOUSE, CentreIndex, zones_of
from gateway.centre.model import Zone
from gateway.console.guards import Visitor, concerns
from gateway.problems import problems_of, schema_of
from gateway.words import N_
from rules.errors import BadZoneError

USUAL_ACCURACY_M: Final = 30.0
"""What zone rules assume of a position that gives no accuracy; see docs/rules.md."""

_CROSSES: Final = N_("The border crosses or touches itself at the place that is marked. Move the corner there.")
_BROKEN: Final = N_("Something is wrong at the place that is marked. Draw that part again.")
_SAID: Final = (
    ("radius_m is for", N_("Only a circle has a radius. Leave it out here.")),
    ("radius_m is", N_("The radius must be more than 0 and at most 300,000 metres.")),
    ("width_m is for", N_("Only a way has a width. Leave it out here.")),
    ("width_m is", N_("The width must be more than 0 and at most 10,000 metres.")),
    ("geometry.type is", N_("A place on the map is an area, a circle or a way. This shape is none of them.")),
    ("from its centre", N_("It reaches more than 300 km from its middle. Draw it smaller.")),
    ("a pole;", N_("It reaches a pole. Places end at 89° north and south.")),
    ("coordinates are empty", N_("Nothing is drawn yet.")),
    ("coordinates don't make", N_("These points don’t make a place that can be used. Draw it again.")),
    ("true and false", N_("These points don’t make a place that can be used. Draw it again.")),
    ("neither a geometry", N_("Give it a place on the map, or rooms.")),
    ("are possible; make", N_("It has too many corners or parts. Draw it simpler, or make several places.")),
    ("draw it simpler", N_("It has too many corners or parts. Draw it simpler, or make several places.")),
)
"""What the geometry says of a zone, in the words of the page: a part of it, and the sentence."""

SHALLOW: Final = N_(
    "It is nowhere deeper than {distance}. A position that is less exact than that is never certainly inside."
)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a zone: the field (a key of the zone, or of the form), a sentence, and where on the map
    (degrees), when it is at one place."""

    field: str
    text: str
    lon: float | None = None
    lat: float | None = None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a zone holds (no faults), and what it is then: kind, square metres, metres round its border (of a
    corridor, along its line), and how deep inside its deepest place is."""

    faults: list[Fault]
    kind: str | None = None
    square_m: float | None = None
    length_m: float | None = None
    deepest_m: float | None = None

    @property
    def good(self) -> bool:
        """Whether it can be used."""
        return not self.faults


def check(document: Mapping[str, Any]) -> Checked:
    """Whether a zone, as a centre's document holds it, can be used by itself."""
    try:
        zone = Zone.model_validate(document)
    except ValidationError as error:
        found = problems_of(error, file="zone", data=document, schema=schema_of(Zone))
        return Checked(faults=[Fault(field=one.key, text=one.expected) for one in found])
    try:
        shape = zone.shape
    except BadZoneError as error:
        return Checked(faults=[_fault(error, zone)])
    return Checked(
        faults=[],
        kind=shape.kind,
        square_m=round(shape.square_m, 1) if shape.has_ground else None,
        length_m=round(shape.length_m, 1) if shape.has_ground else None,
        deepest_m=round(shape.deepest_m, 1) if shape.has_ground else None,
    )


def _fault(error: BadZoneError, zone: Zone) -> Fault:
    text = str(error).removeprefix(f"zone {zone.id}: ")
    if error.at is not None:
        lon, lat = error.at
        return Fault(field="geometry", text=_CROSSES if "crosses" in text else _BROKEN, lon=lon, lat=lat)
    field = next((name for name in ("radius_m", "width_m") if text.startswith(name)), "geometry")
    said = next((words for part, words in _SAID if part in text), None)
    end = "" if text.endswith((".", "?", "!")) else "."
    return Fault(field=field, text=said or f"{text[:1].upper()}{text[1:]}{end}")


_users: WeakKeyDictionary[CentreIndex, dict[str, list[str]]] = WeakKeyDictionary()


def users_of(index: CentreIndex) -> dict[str, list[str]]:
    """The residents (and HOUSE) whose rules name a zone, by zone; looked up once for each version."""
    known = _users.get(index)
    if known is None:
        known = _users[index] = _find_users(index)
    return known


def _find_users(index: CentreIndex) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for plan in index.centre.care_plans:
        for zone in zones_of(plan.rules):
            found.setdefault(zone, []).append(plan.resident)
    for house in index.centre.house_plans:
        for zone in zones_of(house.rules):
            found.setdefault(zone, []).append(HOUSE)
    return found


def users_for(index: CentreIndex, visitor: Visitor, zones: Iterable[str]) -> dict[str, list[str]]:
    """The same for these zones, as far as they are the visitor's business: who lives in another ward is not named."""
    users = users_of(index)
    return {
        zone: [one for one in users.get(zone, ()) if one == HOUSE or concerns(index, visitor, one)] for zone in zones
    }


def zones_for(index: CentreIndex, visitor: Visitor) -> list[Zone]:
    """The zones that a visitor may see: staff all of them; a relative those of their own person's plan."""
    if visitor.sees_everyone:
        return list(index.centre.zones)
    mine = [
        plan.rules
        for plan in index.centre.care_plans
        if (resident := index.residents.get(plan.resident)) is not None and visitor.sees(resident)
    ]
    named = {zone for rules in mine for zone in zones_of(rules)}
    return [zone for zone in index.centre.zones if zone.id in named]
