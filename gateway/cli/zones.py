"""``telecare centre zones`` and ``telecare centre where``: the places of a centre, and a position against them."""

import math
import re
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperCommand

from devices.model import Position
from gateway.centre.load import load_centre
from gateway.centre.model import Centre, Zone
from gateway.cli.common import (
    DEFAULT_CONFIG,
    OUT,
    ConfigOption,
    JsonOption,
    as_given,
    fail,
    print_json,
    settings_and_database,
)
from gateway.store import centres
from gateway.store.database import reader
from rules.geometry import ZoneShape, signed_distances
from rules.zone_fix import side_of

_NEGATIVE = re.compile(r"-[0-9.]")
_USUAL_ACCURACY_M = 30.0
"""What zone rules assume of a position that gives no accuracy; see docs/rules.md."""


class NegativeNumbers(TyperCommand):
    """A command that takes numbers below nought as arguments: -5.2 is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Hide the minus of numbers from the parser behind a space, which a number may have."""
        return super().parse_args(ctx, [f" {arg}" if _NEGATIVE.match(arg) else arg for arg in args])


def zones(
    file: Annotated[
        Path | None, typer.Argument(help="A centre file; by default the centre in force.", metavar="FILE")
    ] = None,
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List every zone: what it is, how large, where, who is watched by it, and what to look at again."""
    centre = _in_force(config) if file is None else as_given(load_centre, file)
    users = _users(centre)
    table = Table("zone", "name", "kind", "size", "lon, lat", "residents", "look at", box=None)
    for zone in centre.zones:
        shape, residents = zone.shape, users.get(zone.id, 0)
        look = _look_at(shape, residents)
        if json:
            ground = {"lon": round(shape.lon, 6), "lat": round(shape.lat, 6), "square_m": round(shape.square_m)}
            print_json(
                {"id": zone.id, "name": zone.name, "kind": shape.kind}
                | (ground if shape.has_ground else {})
                | {"rooms": sorted(shape.rooms), "residents": residents, "look_at": look}
            )
            continue
        place = f"{shape.lon:.6f}, {shape.lat:.6f}" if shape.has_ground else ""
        table.add_row(zone.id, zone.name, shape.kind, _size(shape), place, str(residents), "; ".join(look))
    if not json:
        OUT.print(table if centre.zones else "No zones.")


def where(
    file: Annotated[Path, typer.Argument(help="The centre file (TOML).", metavar="FILE")],
    lon: Annotated[
        float, typer.Argument(help="lon: longitude in degrees, west negative.", metavar="LON", min=-180, max=180)
    ],
    lat: Annotated[
        float, typer.Argument(help="lat: latitude in degrees, south negative.", metavar="LAT", min=-90, max=90)
    ],
    *,
    accuracy: Annotated[float, typer.Option(help="Accuracy of the position in metres.", min=0)] = 0.0,
    json: JsonOption = False,
) -> None:
    """Say of a place on the map whether it is inside or outside of each zone, and how far from the border.

    With an accuracy, a place whose disc touches the border is unknown, as it is for the rules.
    """
    if not math.isfinite(accuracy + lon + lat):
        raise fail("A longitude, a latitude and an accuracy are finite numbers.")
    centre = as_given(load_centre, file)
    found = _measured([zone for zone in centre.zones if zone.shape.has_ground], lon, lat)
    position = Position(device="where", lon=lon, lat=lat, accuracy_m=accuracy)
    table = Table("zone", "name", "where", "from the border", box=None)
    for zone, metres in found:
        side, _ = side_of(position, metres, accuracy)
        if json:
            print_json({"id": zone.id, "name": zone.name, "where": side, "border_m": round(metres, 1)})
        else:
            table.add_row(zone.id, zone.name, side, f"{abs(metres):,.1f} m {'inside' if metres < 0 else 'outside'}")
    if not json:
        OUT.print(table if found else "No zones on the map.")


def _measured(zones_: list[Zone], lon: float, lat: float) -> list[tuple[Zone, float]]:
    """The zones with the distance to their border, the nearest first."""
    metres = signed_distances([zone.shape for zone in zones_], [lon] * len(zones_), [lat] * len(zones_))
    return sorted(zip(zones_, metres, strict=True), key=lambda pair: pair[1])


def _in_force(config: Path) -> Centre:
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        found = centres.latest(db)
    if found is None:
        raise fail("No care centre was applied yet: run `telecare centre apply FILE`, or name a file.")
    return found.centre


def _users(centre: Centre) -> dict[str, int]:
    """How many residents have a rule that names the zone, by zone."""
    found: dict[str, int] = {}
    for plan in centre.care_plans:
        named = {zone for rule in plan.rules for zone in _zones_of(rule.model_dump())}
        for zone in named:
            found[zone] = found.get(zone, 0) + 1
    return found


def _zones_of(settings: dict[str, object]) -> list[str]:
    one, several = settings.get("zone"), settings.get("zones")
    return [
        *([one] if isinstance(one, str) else []),
        *(zone for zone in (several if isinstance(several, list | tuple) else []) if isinstance(zone, str)),
    ]


def _size(shape: ZoneShape) -> str:
    match shape.kind:
        case "indoor":
            return f"{len(shape.rooms)} rooms"
        case "corridor":
            size = f"{shape.length_m:,.0f} m long, {shape.width_m:,.0f} m wide"
        case "circle":
            size = f"{shape.square_m:,.0f} m², radius {shape.radius_m:,.0f} m"
        case _:
            size = f"{shape.square_m:,.0f} m²"
    return size + (f", {len(shape.rooms)} rooms" if shape.rooms else "")


def _look_at(shape: ZoneShape, residents: int) -> list[str]:
    """What is allowed, but may not be meant."""
    found = [] if residents else ["no rule names it"]
    if shape.has_ground and shape.deepest_m < _USUAL_ACCURACY_M:
        found.append(
            f"nowhere deeper than {shape.deepest_m:.0f} m: a position of {_USUAL_ACCURACY_M:.0f} m accuracy is never "
            "certainly inside"
        )
    return found
