"""Zones in words: what one is, whose plans use it, and what is wrong with it."""

from typing import Any, Final

from gateway import words
from gateway.centre.index import HOUSE, CentreIndex
from gateway.centre.model import Zone
from gateway.console import zone_form, zone_model
from gateway.console.guards import Visitor
from gateway.console.pages import Tongue
from gateway.console.zone_model import Checked, Fault
from gateway.words import N_

KINDS: Final = {
    "circle": N_("Circle"),
    "polygon": N_("Area"),
    "corridor": N_("Way"),
    "indoor": N_("Rooms only"),
}


def described(checked: Checked, tongue: Tongue) -> list[str]:
    """What a zone that holds is, in sentences: its size, and what to look at again."""
    if checked.square_m is None or checked.deepest_m is None:
        return [tongue("This can be used: rooms only, no place on the map.")]
    lines = [tongue("This can be used. Size: {area}.", area=area(checked.square_m))]
    if checked.deepest_m < zone_model.USUAL_ACCURACY_M:
        lines.append(shallow_said(checked.deepest_m, tongue))
    return lines


def shallow_said(deepest_m: float, tongue: Tongue) -> str:
    """That a zone is too narrow for usual positions."""
    return tongue(zone_model.SHALLOW, distance=words.distance(deepest_m, tongue.language))


def area(square_m: float) -> str:
    """An area as people say it; no unit of it has to be translated."""
    if square_m >= 1e6:
        return f"{square_m / 1e6:,.1f} km²".replace(",", " ")
    return f"{round(square_m):,} m²".replace(",", " ")


def users_named(index: CentreIndex, visitor: Visitor, zone: str, tongue: Tongue) -> list[str]:
    """Whose plans name a zone: room and name; those of other wards are counted."""
    found = []
    mine = zone_model.users_for(index, visitor, [zone])[zone]
    for one in mine:
        resident = index.residents.get(one)
        house = tongue("the house") if one == HOUSE else one
        found.append(house if resident is None else f"{resident.room} {resident.name}")
    others = len(zone_model.users_of(index).get(zone, [])) - len(mine)
    return [*found, elsewhere(others, tongue)] if others else found


def elsewhere(number: int, tongue: Tongue) -> str:
    """Residents who are none of the reader's business, counted."""
    return tongue.many("{n} resident of another ward", "{n} residents of other wards", number)


def checked_of(zone: dict[str, Any], tongue: Tongue) -> Checked:
    """Whether a drawn zone holds, in the reader's language."""
    found = zone_model.check(zone)
    return Checked(
        faults=[said(one, tongue) for one in found.faults],
        kind=found.kind,
        square_m=found.square_m,
        length_m=found.length_m,
        deepest_m=found.deepest_m,
    )


def said(fault: Fault, tongue: Tongue) -> Fault:
    """A fault in the reader's language; one of a number field of a corner names the corner, as the form counts them."""
    text = tongue(fault.text)
    match fault.field.split("."):
        case ["p", "0", corner, _]:
            text = tongue(zone_form.AT_CORNER, n=int(corner) + 1, what=text)
        case ["p", part, corner, _]:
            text = tongue(zone_form.AT_PART, part=int(part) + 1, n=int(corner) + 1, what=text)
    return Fault(field=fault.field, text=text, lon=fault.lon, lat=fault.lat)


def row(zone: Zone, users: list[str], tongue: Tongue) -> dict[str, object]:
    """A zone of the list."""
    shape = zone.shape
    shallow = shape.has_ground and shape.deepest_m < zone_model.USUAL_ACCURACY_M
    return {
        "id": zone.id,
        "name": zone.name,
        "kind": tongue(KINDS[shape.kind]),
        "size": area(shape.square_m) if shape.has_ground else ", ".join(sorted(shape.rooms)),
        "users": len(users),
        "look": shallow_said(shape.deepest_m, tongue) if shallow else "",
    }


def done_said(done: str, names: dict[str, str], tongue: Tongue) -> str | None:
    """What became of a change: ``saved-garden`` or ``gone-garden``."""
    what, _, zone = done.partition("-")
    name = names.get(zone, zone)
    if what == "saved":
        return tongue("{zone} is saved, and in force from now on.", zone=name)
    return tongue("{zone} is deleted.", zone=name) if what == "gone" else None
