"""Zones on the ground: from GeoJSON to signed distances in metres.

Coordinates are lon, lat in degrees WGS 84, as GeoJSON has them. Distances are metres, negative inside.

A position is put into metres around the zone's centre by the geodesic from the centre (azimuth and length): that
*is* the azimuthal equidistant projection, and one vectorised call of ``pyproj.Geod`` does it for a whole batch of
different centres, where a ``pyproj.Proj`` per zone costs a call each. Distances from the centre are exact; across
them the projection stretches by ``1 + (d/R)**2 / 6`` (Snyder, Map Projections, USGS PP 1395, p. 195): 0.001 % at
50 km, 0.04 % at 300 km. It knows no date line: the geodesic takes the short way.

How zones are made stands here and in rules.geojson; what happens between two positions in rules.way.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from rules.errors import BadZoneError
from rules.geojson import HIGHEST_LAT, is_number, parsed

LARGEST_M: Final = 300_000.0
"""No zone reaches farther than this from its centre; beyond, the projection is off by more than 0.04 %."""

WIDEST_M: Final = 10_000.0
"""A corridor is a way; one that is wider than this is an area, and better drawn as a polygon."""

_EDGE_DEG: Final = 0.01
"""Long edges get corners at least this often before they are projected, because GeoJSON means them straight in
degrees (RFC 7946, 3.1.1). An edge of 0.01° is then off by one or two centimetres at most."""

_ALONE: Final = 8
"""Up to so many pairs, one by one is quicker than numpy (measured: 7 µs each, against 45 µs a call and 2 µs each)."""

_AREAS: Final = frozenset({"Polygon", "MultiPolygon"})
_LINES: Final = frozenset({"LineString", "MultiLineString"})
_GEOD: Final = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, eq=False)
class ZoneShape:
    """A zone ready for measuring; make it with ``from_geojson``.

    ``lon`` and ``lat`` are its centre in degrees (NaN without ground), ``reach_m`` how far it goes from there. ``kind``
    is ``circle``, ``polygon``, ``corridor`` or ``indoor``. All but circles have ``area`` and ``border`` (Shapely,
    metres east and north of the centre); of a corridor both are its line, and ``half_m`` is half its width. A circle
    has ``half_m`` too: its radius. ``rooms`` are the names of rooms and beacons that belong to the zone, as Room
    readings give them.
    """

    id: str
    name: str
    lon: float
    lat: float
    kind: str = "circle"
    half_m: float = 0.0
    reach_m: float = 0.0
    area: Any = None
    border: Any = None
    rooms: frozenset[str] = frozenset()

    @property
    def has_ground(self) -> bool:
        """Whether it lies somewhere on the map; without, there are no distances, only rooms."""
        return self.kind != "indoor"

    @property
    def radius_m(self) -> float | None:
        """A circle's radius in metres; None: it is no circle."""
        return self.half_m if self.kind == "circle" else None

    @property
    def width_m(self) -> float | None:
        """A corridor's whole width in metres; None: it is no corridor."""
        return 2 * self.half_m if self.kind == "corridor" else None

    @property
    def square_m(self) -> float:
        """Its size on the ground in square metres, holes left out; 0 without ground.

        Of a corridor, the area within half its width of the line, where it overlaps itself counted once; to 0.1 %.
        """
        match self.kind:
            case "circle":
                return math.pi * self.half_m**2
            case "corridor":
                return float(shapely.buffer(self.border, self.half_m, quad_segs=64).area)
        return 0.0 if self.area is None else float(self.area.area)

    @property
    def length_m(self) -> float:
        """The length of its border in metres; of a corridor that of its line; 0 without ground."""
        return (
            2 * math.pi * self.half_m if self.kind == "circle" else 0.0 if self.border is None else self.border.length
        )

    @property
    def deepest_m(self) -> float:
        """How far from its border the place is that is deepest inside, in metres; to 1 %; 0 without ground.

        A position whose accuracy is no better is never certainly inside.
        """
        if self.kind != "polygon":
            return self.half_m
        return float(shapely.maximum_inscribed_circle(self.area, tolerance=self.reach_m / 1000).length)

    @classmethod
    def from_geojson(
        cls,
        zone: str,
        name: str,
        geometry: dict[str, Any] | None,
        radius_m: float | None = None,
        *,
        width_m: float | None = None,
        rooms: Iterable[str] = (),
    ) -> Self:
        """The zone of a GeoJSON geometry.

        Polygon or MultiPolygon (holes allowed); Point with ``radius_m``, a circle; LineString or MultiLineString with
        ``width_m``, a corridor of that whole width; or None with ``rooms``, a zone indoors. Any may have rooms.

        Raises:
            BadZoneError: the geometry can't be used; the text says where and what to do.
        """
        inside = frozenset(rooms)
        given = geometry.get("type") if isinstance(geometry, dict) else None
        kind = None if given is None else str(given)  # JSON may have a list there
        for field, value, kinds in (
            ("radius_m", radius_m, "a Point"),
            ("width_m", width_m, "a LineString"),
        ):
            if value is not None and kind not in ({"Point"} if field == "radius_m" else _LINES):
                raise BadZoneError(f"zone {zone}: {field} is for {kinds}; leave it out of a {kind or 'zone indoors'}")
        if geometry is None and inside:
            return cls(zone, name, math.nan, math.nan, "indoor", rooms=inside)
        if geometry is None:
            raise BadZoneError(f"zone {zone}: it has neither a geometry nor rooms; give one of them")
        if kind == "Point":
            return cls._circle(zone, name, geometry, radius_m, inside)
        if kind in _LINES and (not is_number(width_m) or not 0 < width_m <= WIDEST_M):
            raise BadZoneError(
                f"zone {zone}: width_m is {width_m!r}; a {kind} needs one in metres, 0 to {WIDEST_M:.0f}: the whole "
                "width of the way"
            )
        if kind not in _AREAS | _LINES:
            raise BadZoneError(
                f"zone {zone}: geometry.type is {kind!r}; give a Polygon, a MultiPolygon, a Point with radius_m, or a "
                "LineString with width_m"
            )
        return cls._drawn(zone, name, parsed(zone, geometry), (width_m or 0.0) / 2, inside)

    @classmethod
    def _circle(cls, zone: str, name: str, geometry: dict[str, Any], radius_m: float | None, rooms: Any) -> Self:
        if not is_number(radius_m) or not 0 < radius_m <= LARGEST_M:
            raise BadZoneError(
                f"zone {zone}: radius_m is {radius_m!r}; a Point needs one in metres, 0 to {LARGEST_M:.0f}"
            )
        point = parsed(zone, geometry)
        _check_pole(zone, point.y, radius_m)
        return cls(zone, name, point.x, point.y, half_m=float(radius_m), reach_m=float(radius_m), rooms=rooms)

    @classmethod
    def _drawn(cls, zone: str, name: str, geometry: Any, half_m: float, rooms: frozenset[str]) -> Self:
        west, south, east, north = geometry.bounds
        lon, lat = (west + east) / 2, (south + north) / 2
        if half_m:
            _check_pole(zone, max(abs(south), abs(north)), half_m)

        def to_metres(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
            count = len(degrees)
            return np.column_stack(_metres(np.full(count, lon), np.full(count, lat), degrees[:, 0], degrees[:, 1])[:2])

        area = shapely.transform(shapely.segmentize(geometry, _EDGE_DEG), to_metres)
        reach = float(np.hypot(*shapely.get_coordinates(area).T).max()) + half_m
        if reach > LARGEST_M:
            raise BadZoneError(
                f"zone {zone}: reaches more than {LARGEST_M / 1000:.0f} km from its centre; is that meant?"
            )
        corridor = geometry.geom_type in _LINES
        border = area if corridor else area.boundary
        shapely.prepare(area)
        lon = (lon + 180) % 360 - 180 if abs(lon) > 180 else lon
        return cls(zone, name, lon, lat, "corridor" if corridor else "polygon", half_m, reach, area, border, rooms)

    def metres(self, lon: float, lat: float) -> tuple[float, float]:
        """A place in degrees as metres east and north of the centre."""
        azimuth, _, far = _GEOD.inv(self.lon, self.lat, lon, lat)
        angle = math.radians(azimuth)
        return far * math.sin(angle), far * math.cos(angle)

    def signed_distance(self, lon: float, lat: float) -> float:
        """Metres from the border to a place in degrees; negative inside, NaN for a zone without ground."""
        azimuth, _, far = _GEOD.inv(self.lon, self.lat, lon, lat)
        if self.area is None:
            return float(far - self.half_m)
        angle = math.radians(azimuth)
        point = shapely.Point(far * math.sin(angle), far * math.cos(angle))
        apart = float(shapely.distance(self.area, point))
        if self.half_m:
            return apart - self.half_m
        # outside, the distance to the area is the distance to its border: one call instead of two
        return apart or -float(shapely.distance(self.border, point))


def signed_distances(shapes: Sequence[ZoneShape], lons: Sequence[float], lats: Sequence[float]) -> list[float]:
    """Metres from the border of ``shapes[i]`` to the place ``lons[i], lats[i]`` (degrees); negative inside.

    Pairwise and vectorised: the three sequences have the same length n, and so has the result; ValueError otherwise.
    A zone without ground gives NaN.
    """
    if not len(shapes) == len(lons) == len(lats):
        raise ValueError(f"{len(shapes)} zones, {len(lons)} longitudes and {len(lats)} latitudes are not pairs")
    if len(shapes) <= _ALONE:
        return [zone.signed_distance(lon, lat) for zone, lon, lat in zip(shapes, lons, lats, strict=True)]
    east, north, far = _metres(
        np.array([zone.lon for zone in shapes]),
        np.array([zone.lat for zone in shapes]),
        np.array(lons, dtype=np.float64),
        np.array(lats, dtype=np.float64),
    )
    drawn = [number for number, zone in enumerate(shapes) if zone.area is not None]
    if drawn:
        x, y = (east, north) if len(drawn) == len(shapes) else (east[drawn], north[drawn])
        inside = shapely.contains_xy(_objects([shapes[number].area for number in drawn]), x, y)
        apart = shapely.distance(_objects([shapes[number].border for number in drawn]), shapely.points(x, y))
        far[drawn] = np.where(inside, -apart, apart)
    signed: list[float] = (far - np.array([zone.half_m for zone in shapes])).tolist()
    return signed


def _objects(geometries: list[Any]) -> NDArray[np.object_]:
    """An array of them; ``np.array`` would first ask each whether it is an array itself, which takes twice as long."""
    found = np.empty(len(geometries), dtype=object)
    found[:] = geometries
    return found


def _metres(
    lon0: NDArray[np.float64], lat0: NDArray[np.float64], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Metres east, north and straight from each centre (degrees) to each place; arrays of one length."""
    azimuth, _, far = _GEOD.inv(lon0, lat0, lon, lat)
    angle = np.radians(azimuth)
    return far * np.sin(angle), far * np.cos(angle), far


def _check_pole(zone: str, lat: float, reach_m: float) -> None:
    if abs(lat) + reach_m / 111_000 > HIGHEST_LAT:  # a degree of latitude is 110.6 to 111.7 km
        raise BadZoneError(f"zone {zone}: reaches a pole; zones end at {HIGHEST_LAT}° north and south")
