"""GeoJSON geometries, checked, as Shapely's in continuous longitudes.

A zone may lie across the 180° meridian. GeoJSON splits it there (RFC 7946, 3.1.9); others write longitudes that run on
past 180, or jump from 179 to -179. All three mean the same, and become one geometry whose longitudes go on without a
jump, such as 179 to 181. That is never ambiguous for what is narrower than ``WIDEST_DEG``, and wider is refused.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeGuard

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError
from shapely.geometry import MultiLineString, MultiPolygon, shape

from rules.errors import BadZoneError

HIGHEST_LAT: Final = 89.0
"""Nearer to a pole than this, a line between two corners is no longer what the map shows."""

WIDEST_DEG: Final = 90.0
"""A step of more than this between two corners could as well go the other way round the Earth."""

MOST_PARTS: Final = 200
"""Polygons or lines of one zone. To find whether they touch takes time that grows with their square."""

MOST_CORNERS: Final = 5_000
"""Corners of one zone: the border of a town, at some metres. More is below what a position tells apart."""

MOST_BENDS: Final = 100
"""Corners of a corridor's line, all its parts together. One that crosses itself everywhere takes 0.2 seconds
to be measured; the time grows with the cube, so with 300 it is seconds, and with 5,000 all memory."""

_SAID: Final = {
    "LineString": "a line is a list of at least two [lon, lat]",
    "MultiLineString": "a line is a list of at least two [lon, lat]",
    "Point": "a point is [lon, lat]",
}
_RING: Final = "a ring is a list of at least four [lon, lat], the last like the first"
_WHERE: Final = re.compile(r"^(?P<what>[^\[]+)\[(?P<lon>\S+) (?P<lat>\S+)\]$")


def parsed(zone: str, geometry: dict[str, Any]) -> Any:
    """Shapely's geometry: two-dimensional, on Earth, away from the poles, valid, its longitudes without a jump.

    Args:
        zone: its id, for the error.
        geometry: a GeoJSON geometry of a type that zones may have.

    Raises:
        BadZoneError: it can't be used; the text says where and what to do.
    """
    kind = geometry["type"]
    _check_size(zone, kind, geometry.get("coordinates"))
    try:
        with np.errstate(invalid="ignore"):  # a NaN is told below, in words
            found = shapely.force_2d(shape(geometry))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise BadZoneError(
            f"zone {zone}: its coordinates don't make a {kind} ({error}); {_SAID.get(kind, _RING)}"
        ) from error
    if found.is_empty:
        raise BadZoneError(f"zone {zone}: its coordinates are empty")
    corners = shapely.get_coordinates(found)
    _check_range(zone, corners)
    if kind == "Point":
        return found
    if np.abs(corners[:, 1]).max() > HIGHEST_LAT:
        raise BadZoneError(f"zone {zone}: reaches a pole; zones end at {HIGHEST_LAT}° north and south")
    lons = corners[:, 0]
    if lons.max() - lons.min() > WIDEST_DEG or np.abs(lons).max() > 180:
        found = _continuous(zone, found)
    elif not shapely.is_valid(found):
        raise _invalid(zone, found)
    return found


def _check_size(zone: str, kind: str, coordinates: object) -> None:
    """Before anything is computed: what is too large can't be told quickly to be wrong."""
    if not isinstance(coordinates, list | tuple):
        return  # told below, in words
    if kind.startswith("Multi") and len(coordinates) > MOST_PARTS:
        raise BadZoneError(
            f"zone {zone}: it has {len(coordinates)} parts, and at most {MOST_PARTS} are possible; make several zones"
        )
    most = MOST_BENDS if kind.endswith("LineString") else MOST_CORNERS
    corners = 0
    level: list[object] = [coordinates]
    while level:
        deeper: list[object] = []
        for one in level:
            if not isinstance(one, list | tuple):
                continue
            if any(isinstance(part, bool) for part in one):
                raise BadZoneError(f"zone {zone}: true and false are no numbers; a point is [lon, lat] in degrees")
            if any(isinstance(part, list | tuple) for part in one):
                deeper.extend(one)
            else:
                corners += 1
            if corners + len(deeper) > 2 * most:
                break
        if max(corners, len(deeper)) > most:
            raise BadZoneError(f"zone {zone}: it has more than {most} corners; draw it simpler, or make several zones")
        level = deeper


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that can be reckoned with, and not true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def _continuous(zone: str, found: Any) -> Any:
    """The geometry with all longitudes beside each other, or an error where that is not clear."""
    lons = shapely.get_coordinates(found)[:, 0]
    if lons.min() > 180 or lons.max() < -180:
        raise _out_of_range(zone, *shapely.get_coordinates(found)[0].tolist())
    origin = float(lons[0])
    origin -= 360 * round(origin / 360)

    def beside(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        lons = np.unwrap(degrees[:, 0], period=360)
        if (degrees[0] == degrees[-1]).all():
            if not math.isclose(lons[0], lons[-1], abs_tol=1e-9):
                raise BadZoneError(f"zone {zone}: goes round a pole; zones end at {HIGHEST_LAT}° north and south")
            lons[-1] = lons[0]  # exactly, or the ring would not be closed
        return np.column_stack([lons - 360 * np.round((lons.mean() - origin) / 360), degrees[:, 1]])

    parts = [_rebuilt(part, beside) for part in shapely.get_parts(found)]
    for part in parts:
        if not shapely.is_valid(part):
            raise _invalid(zone, part)
    west, _, east, _ = shapely.total_bounds(parts)
    if east - west > WIDEST_DEG:
        for lon, lat in shapely.get_coordinates(found).tolist():
            if abs(lon) > 180:
                raise _out_of_range(zone, lon, lat)
        raise BadZoneError(
            f"zone {zone}: reaches over {east - west:.0f} degrees of longitude, also when counted across the 180° "
            f"meridian; at most {WIDEST_DEG:.0f} are clear"
        )
    if len(parts) == 1:
        return parts[0]
    if parts[0].geom_type == "LineString":
        return MultiLineString(parts)
    # the halves of a zone that was split at the meridian are one: no border between them
    crosses = west < -180 < east or west < 180 < east
    whole = shapely.union_all(parts) if crosses else MultiPolygon(parts)
    if not shapely.is_valid(whole):
        raise _invalid(zone, whole)
    return whole


def _rebuilt(part: Any, beside: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Any:
    if part.geom_type == "LineString":
        return shapely.LineString(beside(shapely.get_coordinates(part)))
    shell, *holes = (beside(shapely.get_coordinates(ring)) for ring in (part.exterior, *part.interiors))
    return shapely.Polygon(shell, holes)


def _check_range(zone: str, corners: NDArray[np.float64]) -> None:
    """Degrees must be on Earth; longitudes may run on past 180 once."""
    if np.abs(corners[:, 0]).max() <= 180 and np.abs(corners[:, 1]).max() <= 90:
        return
    alone = len(corners) == 1
    for lon, lat in corners.tolist():
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise BadZoneError(f"zone {zone}: [{lon}, {lat}] is not a place; give finite degrees")
        if abs(lon) <= (180 if alone else 360) and abs(lat) <= 90:
            continue
        raise _out_of_range(zone, lon, lat)


def _out_of_range(zone: str, lon: float, lat: float) -> BadZoneError:
    swapped = " (GeoJSON has the longitude first: are they swapped?)" if abs(lon) <= 90 and abs(lat) <= 180 else ""
    return BadZoneError(
        f"zone {zone}: [{lon}, {lat}] is out of range{swapped}; longitude is -180 to 180, latitude -90 to 90"
    )


def _invalid(zone: str, found: Any) -> BadZoneError:
    reason = shapely.is_valid_reason(found)
    place = _WHERE.match(reason)
    at = None if place is None else ((float(place["lon"]) + 180) % 360 - 180, float(place["lat"]))
    return BadZoneError(f"zone {zone}: {_why_invalid(reason)}", at=at)


def _why_invalid(reason: str) -> str:
    """GEOS' reason in words, with the place."""
    found = _WHERE.match(reason)
    if found is None:
        return reason
    lon, lat = float(found["lon"]), float(found["lat"])
    what, where = found["what"], f"near longitude {round((lon + 180) % 360 - 180, 6)}, latitude {round(lat, 6)}"
    if "Too few points" in what:
        return f"two of its corners are too few, or the same, {where}; draw that part again"
    if "Self-intersection" in what:
        return f"its border crosses or touches itself {where}; move the corner there"
    return f"{what[0].lower()}{what[1:]} {where}; draw that part again"
