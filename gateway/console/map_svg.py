"""The map as a drawing that needs neither scripts nor tiles: zones, positions and a track, in metres, north up."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from gateway.centre.model import Zone

WIDTH: Final = 600.0
_METRES_PER_DEGREE: Final = 111_320.0
_SCALES: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
_NEAR_M: Final = 3000.0
"""Zones whose centre is nearer than that to somebody are drawn; without positions all zones are."""
_LEAST_M: Final = 60.0
_WIDE: Final = 60.0
_TALL: Final = 18.0
"""A sign that is nearer than that to another one, to the side or up and down, lies on it: units of the drawing."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be drawn of a position: degrees, metres, classes and a short label."""

    lon: float
    lat: float
    accuracy_m: float | None = None
    look: str = "spot"
    label: str = ""
    """The room, or what else names it."""
    mark: str = ""
    """The mark of the most urgent open alert, such as "!!!"."""


class Disc(msgspec.Struct, frozen=True, kw_only=True):
    """A position on the drawing; ``r`` is the accuracy, 0 when it is not known."""

    x: float
    y: float
    r: float
    look: str
    label: str


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """A zone on the drawing: an SVG path, and for a corridor its width; or a circle, which has ``r``."""

    path: str
    name: str
    x: float
    y: float
    r: float = 0.0
    width: float = 0.0


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the template draws, in units of the drawing."""

    width: float
    height: float
    areas: list[Area]
    discs: list[Disc]
    tracks: list[str]
    bar: float
    bar_m: int


def draw(
    zones: Sequence[Zone], marks: Sequence[Mark], track: Iterable[Sequence[tuple[float, float]]] = ()
) -> Drawing | None:
    """The drawing; None: there is nothing to draw.

    Args:
        zones: the zones of the house.
        marks: positions.
        track: ways, each a list of (lon, lat).
    """
    ways = [list(way) for way in track]
    seen = [(mark.lon, mark.lat) for mark in marks] + [point for way in ways for point in way]
    grounds = [zone for zone in zones if zone.shape.has_ground]
    origin = seen[0] if seen else (grounds[0].shape.lon, grounds[0].shape.lat) if grounds else None
    if origin is None:
        return None
    plane = _Plane(*origin)
    flat = [plane(*point) for point in seen]
    drawn = [zone for zone in grounds if not flat or _near(plane(zone.shape.lon, zone.shape.lat), flat, zone)]
    edges = list(flat)
    for mark, (x, y) in zip(marks, flat, strict=False):
        reach = min(mark.accuracy_m or 0.0, 500.0)
        edges += [(x - reach, y - reach), (x + reach, y + reach)]
    for zone in drawn:
        x, y = plane(zone.shape.lon, zone.shape.lat)
        edges += [(x - zone.shape.reach_m, y - zone.shape.reach_m), (x + zone.shape.reach_m, y + zone.shape.reach_m)]
    view = _View(edges)
    bar_m = max((size for size in _SCALES if size * view.scale <= WIDTH / 4), default=_SCALES[0])
    return Drawing(
        width=WIDTH,
        height=view.height,
        areas=[_area(zone, plane, view) for zone in sorted(drawn, key=lambda one: -one.shape.reach_m)],
        discs=_discs(marks, [view(*plane(mark.lon, mark.lat)) for mark in marks], view.scale),
        tracks=[
            " ".join(f"{x},{y}" for x, y in (view(*plane(*point)) for point in way)) for way in ways if len(way) > 1
        ],
        bar=round(bar_m * view.scale, 1),
        bar_m=bar_m,
    )


def _discs(marks: Sequence[Mark], at: Sequence[tuple[float, float]], scale: float) -> list[Disc]:
    """A disc for each mark; where signs would lie on each other, one sign for all (as ``pins.js`` has it)."""
    groups: list[list[int]] = []
    for number, (x, y) in enumerate(at):
        here = next((one for one in groups if abs(at[one[0]][0] - x) < _WIDE and abs(at[one[0]][1] - y) < _TALL), None)
        if here is None:
            groups.append([number])
        else:
            here.append(number)
    signs = {group[0]: _sign([marks[number] for number in group]) for group in groups}
    return [
        Disc(x=x, y=y, r=round((mark.accuracy_m or 0) * scale, 1), look=mark.look, label=signs.get(number, ""))
        for number, (mark, (x, y)) in enumerate(zip(marks, at, strict=True))
    ]


def _sign(group: Sequence[Mark]) -> str:
    """ "!!! 102", "2 × !!! +9" or "101 +3": each mark with the room or how many, then how many have no alert."""
    said = []
    for mark in dict.fromkeys(one.mark for one in group if one.mark):
        these = [one for one in group if one.mark == mark]
        said.append(f"{len(these)} × {mark}" if len(these) > 1 else f"{mark} {these[0].label}")
    calm = [one for one in group if not one.mark]
    if not said:
        said.append(calm.pop(0).label)
    return " ".join([*said, *([f"+{len(calm)}"] if calm else [])])


class _Plane:
    """Degrees to metres east and south of an origin, good to a few parts in a thousand: a drawing needs no more."""

    def __init__(self, lon: float, lat: float) -> None:
        self._lon, self._lat, self._east = lon, lat, math.cos(math.radians(lat))

    def __call__(self, lon: float, lat: float) -> tuple[float, float]:
        away = (lon - self._lon + 180) % 360 - 180  # across the date line
        return away * _METRES_PER_DEGREE * self._east, (self._lat - lat) * _METRES_PER_DEGREE


class _View:
    """Metres to the drawing: everything in it, with a margin, not taller than wide."""

    def __init__(self, edges: Sequence[tuple[float, float]]) -> None:
        west, east = min(x for x, _ in edges), max(x for x, _ in edges)
        top, bottom = min(y for _, y in edges), max(y for _, y in edges)
        wide, tall = max(east - west, _LEAST_M), max(bottom - top, _LEAST_M)
        self.height = round(min(WIDTH, max(WIDTH * 0.55, WIDTH * tall / wide)), 1)
        self.scale = 0.88 * min(WIDTH / wide, self.height / tall)
        self._x, self._y = (west + east) / 2, (top + bottom) / 2

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        return (
            round(WIDTH / 2 + (x - self._x) * self.scale, 1),
            round(self.height / 2 + (y - self._y) * self.scale, 1),
        )


def _near(centre: tuple[float, float], points: Sequence[tuple[float, float]], zone: Zone) -> bool:
    return any(math.dist(centre, point) < _NEAR_M + zone.shape.reach_m for point in points)


def _area(zone: Zone, plane: _Plane, view: _View) -> Area:
    shape = zone.shape
    x, y = view(*plane(shape.lon, shape.lat))
    if shape.kind == "circle":
        return Area(path="", name=zone.name, x=x, y=y, r=round(shape.half_m * view.scale, 1))
    path = "".join(
        "M" + "L".join("{:g} {:g}".format(*view(*plane(lon, lat))) for lon, lat, *_ in line) + ("Z" if closed else "")
        for line, closed in _lines_of(zone.geometry or {})
    )
    return Area(path=path, name=zone.name, x=x, y=y, width=round((shape.width_m or 0) * view.scale, 1))


def _lines_of(geometry: dict[str, Any]) -> list[tuple[list[list[float]], bool]]:
    found = geometry.get("coordinates", [])
    match geometry.get("type"):
        case "Polygon":
            return [(ring, True) for ring in found]
        case "MultiPolygon":
            return [(ring, True) for part in found for ring in part]
        case "LineString":
            return [(found, False)]
        case "MultiLineString":
            return [(line, False) for line in found]
    return []
