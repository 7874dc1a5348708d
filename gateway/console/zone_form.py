"""The form of the zone editor: number fields that work without scripts, and the zone that they say.

A drawing is a list of *paths*: an outer border, holes of the border before, or lines. Each has points with fields
``p.0.role``, ``p.0.3.lon``, ``p.0.3.lat``; an emptied point is taken out.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.centre.model import Zone
from gateway.console.zone_model import Fault
from gateway.words import N_

_POINT: Final = re.compile(r"p\.([0-9]{1,9})\.([0-9]{1,9})\.(lon|lat)")
_ROLE: Final = re.compile(r"p\.([0-9]{1,9})\.role")
_NUMBER: Final = re.compile(r"[+-]?(\d{1,6}([.,]\d{0,15})?|[.,]\d{1,15})")
LONGEST_WHY: Final = 300
RESERVED: Final = frozenset({"new", "trials", "check"})
"""Short names that are addresses of pages."""
ROLES: Final = ("outer", "hole", "line")
SHAPES: Final = {
    "circle": N_("Circle"),
    "polygon": N_("Area with corners"),
    "corridor": N_("Way (corridor)"),
    "indoor": N_("Rooms only"),
}
NOT_A_NUMBER: Final = N_("Please write a number in degrees, such as 14.40012.")
NOT_METRES: Final = N_("Please write a number of metres, such as 80.")
BAD_ID: Final = N_("Please give a short name of letters, digits and hyphens, such as rose-garden.")
NO_NAME: Final = N_("Please give the place a name.")
AT_CORNER: Final = N_("Corner {n}: {what}")
AT_PART: Final = N_("Part {part}, corner {n}: {what}")
NO_CENTRE: Final = N_("Please say where its middle is: tap the map, or write both numbers.")
NO_ROOMS: Final = N_("Please name one room or beacon at least.")
FEW_CORNERS: Final = N_("An area needs three corners at least.")
FEW_POINTS: Final = N_("A way needs two points at least.")
LONE_HOLE: Final = N_("A hole must come after the border that it is in.")


class Path(msgspec.Struct, kw_only=True):
    """A ring or a line as it was typed: role, and (lon, lat) as text."""

    role: str = "outer"
    points: list[tuple[str, str]] = msgspec.field(default_factory=list)


class Form(msgspec.Struct, kw_only=True):
    """What stands in the fields."""

    id: str = ""
    name: str = ""
    shape: str = "circle"
    lon: str = ""
    lat: str = ""
    radius_m: str = ""
    width_m: str = ""
    rooms: str = ""
    beacons: str = ""
    why: str = ""
    paths: list[Path] = msgspec.field(default_factory=list)


def form_of(zone: Zone) -> Form:
    """A zone as the fields show it."""
    form = Form(
        id=zone.id,
        name=zone.name,
        shape=zone.shape.kind,
        radius_m="" if zone.radius_m is None else f"{zone.radius_m:g}",
        width_m="" if zone.width_m is None else f"{zone.width_m:g}",
        rooms="\n".join(zone.rooms),
        beacons="\n".join(zone.beacons),
    )
    geometry = zone.geometry or {}
    found = geometry.get("coordinates", [])
    match geometry.get("type"):
        case "Point":
            form.lon, form.lat = (_written(number) for number in found[:2])
        case "Polygon":
            form.paths = _rings(found)
        case "MultiPolygon":
            form.paths = [path for part in found for path in _rings(part)]
        case "LineString":
            form.paths = [_path("line", found)]
        case "MultiLineString":
            form.paths = [_path("line", line) for line in found]
    return form


def read(data: Mapping[str, str]) -> Form:
    """The fields of a form that was sent."""
    form = Form()
    for name in ("id", "name", "lon", "lat", "radius_m", "width_m", "rooms", "beacons"):
        setattr(form, name, str(data.get(name, "")).strip())
    form.why = str(data.get("why", "")).strip()[:LONGEST_WHY]
    form.shape = data.get("shape", "") if data.get("shape", "") in SHAPES else "circle"
    roles: dict[int, str] = {}
    typed: dict[int, dict[int, dict[str, str]]] = {}
    for name, value in data.items():
        if (role := _ROLE.fullmatch(name)) is not None:
            roles[int(role[1])] = value if value in ROLES else "outer"
        elif (point := _POINT.fullmatch(name)) is not None and value.strip():
            typed.setdefault(int(point[1]), {}).setdefault(int(point[2]), {})[point[3]] = value.strip()
    for number in sorted(typed):
        points = [(one.get("lon", ""), one.get("lat", "")) for _, one in sorted(typed[number].items())]
        form.paths.append(Path(role=roles.get(number, "outer"), points=points))
    return form


def fields_of(form: Form) -> list[tuple[str, str]]:
    """The fields of a form with their values, for a page that hands it on."""
    found = [
        (name, getattr(form, name))
        for name in ("id", "name", "shape", "lon", "lat", "radius_m", "width_m", "rooms", "beacons", "why")
    ]
    for number_, path in enumerate(form.paths):
        found.append((f"p.{number_}.role", path.role))
        for place, (lon, lat) in enumerate(path.points):
            found += [(f"p.{number_}.{place}.lon", lon), (f"p.{number_}.{place}.lat", lat)]
    return found


def zone_of(form: Form) -> tuple[dict[str, Any], list[Fault]]:
    """The zone as a centre's document holds it, and what can't be read in the fields; texts are msgids.

    A corner that can't be read is a fault of its own and is never left out: a zone without it is another zone.
    """
    faults: list[Fault] = []
    if form.id in RESERVED or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", form.id):
        faults.append(Fault(field="id", text=BAD_ID))
    if not form.name:
        faults.append(Fault(field="name", text=NO_NAME))
    zone: dict[str, Any] = {"id": form.id, "name": form.name}
    for field in ("rooms", "beacons"):
        names = [line.strip() for line in getattr(form, field).splitlines() if line.strip()]
        if names:
            zone[field] = names
    match form.shape:
        case "circle":
            lon, lat = number(form.lon), number(form.lat)
            if lon is None or lat is None:
                faults.append(Fault(field="lon" if lon is None else "lat", text=NO_CENTRE))
            zone["geometry"] = {"type": "Point", "coordinates": [lon, lat]}
            zone["radius_m"] = _metres(form.radius_m, "radius_m", faults)
        case "polygon":
            zone["geometry"] = _areas(form, faults)
        case "corridor":
            zone["geometry"] = _ways(form, faults)
            zone["width_m"] = _metres(form.width_m, "width_m", faults)
        case _:
            if "rooms" not in zone and "beacons" not in zone:
                faults.append(Fault(field="rooms", text=NO_ROOMS))
    return zone, faults


def number(text: str) -> float | None:
    """A decimal number with a point or a comma; None: it is none."""
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text.strip()) else None


def _areas(form: Form, faults: list[Fault]) -> dict[str, Any]:
    parts: list[list[list[list[float]]]] = []
    for at, path in enumerate(form.paths):
        ring = _points(path, at, faults)
        if len(ring) > 1 and ring[0] == ring[-1]:
            ring.pop()
        if len(ring) < 3 and not _unread(at, faults):
            faults.append(Fault(field=f"p.{at}", text=FEW_CORNERS))
        ring += ring[:1]
        if path.role != "hole":
            parts.append([ring])
        elif parts:
            parts[-1].append(ring)
        else:
            faults.append(Fault(field=f"p.{at}", text=LONE_HOLE))
    if not form.paths:
        faults.append(Fault(field="p.0", text=FEW_CORNERS))
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _ways(form: Form, faults: list[Fault]) -> dict[str, Any]:
    lines = []
    for at, path in enumerate(form.paths):
        lines.append(_points(path, at, faults))
        if len(lines[-1]) < 2 and not _unread(at, faults):
            faults.append(Fault(field=f"p.{at}", text=FEW_POINTS))
    if not lines:
        faults.append(Fault(field="p.0", text=FEW_POINTS))
    if len(lines) == 1:
        return {"type": "LineString", "coordinates": lines[0]}
    return {"type": "MultiLineString", "coordinates": lines}


def _points(path: Path, at: int, faults: list[Fault]) -> list[list[float]]:
    found = []
    for place, typed in enumerate(path.points):
        pair = [number(text) for text in typed]
        for field, value in zip(("lon", "lat"), pair, strict=True):
            if value is None:
                faults.append(Fault(field=f"p.{at}.{place}.{field}", text=NOT_A_NUMBER))
        if pair[0] is not None and pair[1] is not None:
            found.append([pair[0], pair[1]])
    return found


def _unread(at: int, faults: list[Fault]) -> bool:
    """Whether a corner of that path is a fault already: it may be the one that lacks."""
    return any(fault.field.startswith(f"p.{at}.") for fault in faults)


def _metres(text: str, field: str, faults: list[Fault]) -> float | None:
    value = number(text)
    if value is None or value <= 0:
        faults.append(Fault(field=field, text=NOT_METRES))
    return value


def _rings(rings: list[Any]) -> list[Path]:
    return [_path("outer" if place == 0 else "hole", ring[:-1]) for place, ring in enumerate(rings)]


def _path(role: str, points: list[Any]) -> Path:
    return Path(role=role, points=[(_written(point[0]), _written(point[1])) for point in points])


def _written(value: float) -> str:
    """Seven decimals are a centimetre."""
    return f"{value:.7f}".rstrip("0").rstrip(".")
