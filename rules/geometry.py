"""Zones on the ground: from GeoJSON to signed distances in metres.

Coordinates are lon, lat in degrees WGS 84, as GeoJSON has them. Distances are metres, negative inside.

A position is put into metres around the zone's centre by the geodesic from the centre (azimuth and length): that
*is* the azimuthal equidistant projection, and one vectorised call of ``pyproj.Geod`` does it for a whole batch of
different centres, where a ``pyproj.Proj`` per zone costs a call each. Distances from the centre are exact; across
them the projection stretches by ``1 + (d/R)**2 / 6`` (Snyder, Map Projections, USGS PP 1395, p. 195): 0.001 % at
50 km, 0.04 % at 300 km.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeGuard

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.errors import ShapelyError
from shapely.geometry import shape

from rules.errors import BadZoneError

LARGEST_M: Final = 300_000.0
"""No zone reaches farther than this from its centre; beyond, the projection is off by more than 0.04 %."""

HIGHEST_LAT: Final = 89.0
"""Nearer to a pole than this, a line between two corners is no longer what the map shows."""

_EDGE_DEG: Final = 0.01
"""Long edges get corners at least this often before they are projected, because GeoJSON means them straight in
degrees (RFC 7946, 3.1.1). At 60° north an edge of 0.01° is then off by less than a centimetre."""

_ALONE: Final = 2
"""Up to so many pairs, one by one is quicker than numpy (measured: 9 to 13 µs each against 33 µs a call)."""

_WHERE: Final = re.compile(r"^(?P<what>[^\[]+)\[(?P<lon>\S+) (?P<lat>\S+)\]$")
_GEOD: Final = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, eq=False)
class ZoneShape:
    """A zone ready for measuring; make it with ``from_geojson``.

    ``lon`` and ``lat`` are its centre in degrees. A circle has ``radius_m``; a polygon has ``area`` and ``border``
    (Shapely, metres east and north of the centre) instead.
    """

    id: str
    name: str
    lon: float
    lat: float
    radius_m: float | None = None
    area: Any = None
    border: Any = None

    @classmethod
    def from_geojson(cls, zone: str, name: str, geometry: dict[str, Any], radius_m: float | None = None) -> Self:
        """The zone of a GeoJSON geometry: Polygon or MultiPolygon (holes allowed), or a Point with ``radius_m``.

        Raises:
            BadZoneError: the geometry can't be used; the text says where and what to do.
        """
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        if kind == "Point":
            return cls._circle(zone, name, geometry, radius_m)
        if kind not in {"Polygon", "MultiPolygon"}:
            raise BadZoneError(f"zone {zone}: geometry.type is {kind!r}; give a Polygon, a MultiPolygon or a Point")
        if radius_m is not None:
            raise BadZoneError(f"zone {zone}: radius_m is for a Point; leave it out of a {kind}")
        return cls._polygon(zone, name, _parsed(zone, geometry))

    @classmethod
    def _circle(cls, zone: str, name: str, geometry: dict[str, Any], radius_m: float | None) -> Self:
        if not _is_number(radius_m) or not 0 < radius_m <= LARGEST_M:
            raise BadZoneError(
                f"zone {zone}: radius_m is {radius_m!r}; a Point needs one in metres, 0 to {LARGEST_M:.0f}"
            )
        point = _parsed(zone, geometry)
        _check_range(zone, shapely.get_coordinates(point))
        if abs(point.y) + radius_m / 111_000 > HIGHEST_LAT:  # a degree of latitude is 110.6 to 111.7 km
            raise BadZoneError(f"zone {zone}: reaches a pole; zones end at {HIGHEST_LAT}° north and south")
        return cls(zone, name, point.x, point.y, radius_m=float(radius_m))

    @classmethod
    def _polygon(cls, zone: str, name: str, geometry: Any) -> Self:
        corners = shapely.get_coordinates(geometry)
        _check_range(zone, corners)
        west, south, east, north = geometry.bounds
        if east - west > 180:
            raise BadZoneError(
                f"zone {zone}: reaches from longitude {west} to {east}, so it seems to cross the 180° meridian; "
                "make one zone for each side"
            )
        if max(abs(south), abs(north)) > HIGHEST_LAT:
            raise BadZoneError(f"zone {zone}: reaches a pole; zones end at {HIGHEST_LAT}° north and south")
        if not shapely.is_valid(geometry):
            raise BadZoneError(f"zone {zone}: {_why_invalid(shapely.is_valid_reason(geometry))}")
        lon, lat = (west + east) / 2, (south + north) / 2

        def to_metres(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
            count = len(degrees)
            return np.column_stack(_metres(np.full(count, lon), np.full(count, lat), degrees[:, 0], degrees[:, 1])[:2])

        if np.hypot(*to_metres(corners).T).max() > LARGEST_M:
            raise BadZoneError(
                f"zone {zone}: reaches more than {LARGEST_M / 1000:.0f} km from its centre; is that meant?"
            )
        area = shapely.transform(shapely.segmentize(geometry, _EDGE_DEG), to_metres)
        border = area.boundary
        shapely.prepare(area)
        return cls(zone, name, lon, lat, area=area, border=border)

    def signed_distance(self, lon: float, lat: float) -> float:
        """Metres from the border to a place in degrees; negative inside."""
        azimuth, _, metres = _GEOD.inv(self.lon, self.lat, lon, lat)
        if self.radius_m is not None:
            return float(metres - self.radius_m)
        angle = math.radians(azimuth)
        point = shapely.Point(metres * math.sin(angle), metres * math.cos(angle))
        # outside, the distance to the area is the distance to its border: one call instead of two
        return float(shapely.distance(self.area, point)) or -float(shapely.distance(self.border, point))


def signed_distances(shapes: Sequence[ZoneShape], lons: Sequence[float], lats: Sequence[float]) -> list[float]:
    """Metres from the border of ``shapes[i]`` to the place ``lons[i], lats[i]`` (degrees); negative inside.

    Pairwise and vectorised: the three sequences have the same length n, and so has the result; ValueError otherwise.
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
    polygons = [number for number, zone in enumerate(shapes) if zone.radius_m is None]
    signed: NDArray[np.float64] = far - np.array([zone.radius_m or 0.0 for zone in shapes])
    if polygons:
        x, y = east[polygons], north[polygons]
        inside = shapely.contains_xy(np.array([shapes[number].area for number in polygons]), x, y)
        apart = shapely.distance(np.array([shapes[number].border for number in polygons]), shapely.points(x, y))
        signed[polygons] = np.where(inside, -apart, apart)
    distances: list[float] = signed.tolist()
    return distances


def _metres(
    lon0: NDArray[np.float64], lat0: NDArray[np.float64], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Metres east, north and straight from each centre (degrees) to each place; arrays of one length."""
    azimuth, _, far = _GEOD.inv(lon0, lat0, lon, lat)
    angle = np.radians(azimuth)
    return far * np.sin(angle), far * np.cos(angle), far


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _parsed(zone: str, geometry: dict[str, Any]) -> Any:
    """Shapely's geometry, two-dimensional and not empty."""
    try:
        parsed = shapely.force_2d(shape(geometry))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BadZoneError(
            f"zone {zone}: its coordinates don't make a {geometry['type']} ({error}); "
            "a ring is a list of at least four [lon, lat], the last like the first"
        ) from error
    if parsed.is_empty:
        raise BadZoneError(f"zone {zone}: its coordinates are empty")
    return parsed


def _check_range(zone: str, corners: NDArray[np.float64]) -> None:
    """Degrees must be on Earth."""
    for lon, lat in corners.tolist():
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise BadZoneError(f"zone {zone}: [{lon}, {lat}] is not a place; give finite degrees")
        if abs(lon) <= 180 and abs(lat) <= 90:
            continue
        swapped = " (GeoJSON has the longitude first: are they swapped?)" if abs(lon) <= 90 and abs(lat) <= 180 else ""
        raise BadZoneError(
            f"zone {zone}: [{lon}, {lat}] is out of range{swapped}; longitude is -180 to 180, latitude -90 to 90"
        )


def _why_invalid(reason: str) -> str:
    """GEOS' reason in words, with the place."""
    found = _WHERE.match(reason)
    if found is None:
        return reason
    what, where = (
        found["what"],
        f"near longitude {round(float(found['lon']), 6)}, latitude {round(float(found['lat']), 6)}",
    )
    if "Self-intersection" in what:
        return f"its border crosses or touches itself {where}; move the corner there"
    return f"{what[0].lower()}{what[1:]} {where}; draw that part again"
