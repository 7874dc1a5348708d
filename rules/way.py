"""The straight way between two positions: did it lead through a zone, or out of it?

A tracker that reports every few minutes can be through a forbidden place and out again between two fixes. The way in
between is not known; the straight one is the shortest, and a fair witness for short gaps. Whoever asks decides how
long a gap may be. Pure; places are (lon, lat) in degrees, distances metres.
"""

import math
from typing import Final, TypeAlias

import numpy as np
import shapely

from rules.geometry import ZoneShape

Place: TypeAlias = tuple[float, float]
"""Longitude and latitude in degrees WGS 84."""

_STEPS: Final = 32
"""Parts into which the way inside a polygon is cut to find its deepest place; it is found to a few percent."""


def deepest(shape: ZoneShape, a: Place, b: Place) -> float:
    """Signed metres from the border of that place on the straight way from ``a`` to ``b`` that is deepest inside.

    Negative: the way led through the zone, so deep. Positive: it passed by, so near. For a far miss the value is a
    lower bound, which is quick to find. Infinite for a zone without ground.
    """
    if not shape.has_ground:
        return math.inf
    first, last = shape.metres(*a), shape.metres(*b)
    far = _from_centre(first, last)
    if shape.area is None or far > shape.reach_m:
        return far - (shape.half_m if shape.area is None else shape.reach_m)
    way = shapely.LineString([first, last])
    apart = float(shapely.distance(shape.area, way))
    if shape.half_m or apart:
        return apart - shape.half_m
    inside = shapely.intersection(shape.area, way)
    places = shapely.get_coordinates(shapely.segmentize(inside, max(inside.length / _STEPS, 1e-3)))
    ends = [place for place in (first, last) if shapely.intersects_xy(shape.area, *place)]
    places = np.concatenate([places, np.array(ends).reshape(-1, 2)])  # who stood still went no way, but was there
    return -float(shapely.distance(shape.border, shapely.points(places)).max(initial=0.0))


def crossed(shape: ZoneShape, a: Place, b: Place, *, deeper_than_m: float = 0.0) -> bool:
    """Whether the straight way from ``a`` to ``b`` led through the zone, deeper inside than that.

    An end that lies inside counts too, and where it only touches a polygon. False for a zone without ground.
    """
    if deeper_than_m > 0 or shape.area is None or shape.half_m:
        return deepest(shape, a, b) < -deeper_than_m
    first, last = shape.metres(*a), shape.metres(*b)
    if _from_centre(first, last) > shape.reach_m:
        return False
    # of a polygon, whether is much quicker to tell than how deep
    return bool(shapely.intersects(shape.area, shapely.LineString([first, last])))


def left(shape: ZoneShape, a: Place, b: Place) -> bool:
    """Whether a part of the straight way from ``a`` to ``b`` lies outside of the zone; False for one without ground.

    Where a zone bends, the way between two places inside may lead outside.
    """
    if not shape.has_ground:
        return False
    first, last = shape.metres(*a), shape.metres(*b)
    if shape.area is None:
        return max(math.hypot(*first), math.hypot(*last)) > shape.half_m
    way = shapely.LineString([first, last])
    area = shapely.buffer(shape.area, shape.half_m, quad_segs=64) if shape.half_m else shape.area
    return not bool(shapely.covers(area, way))


def _from_centre(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres from the zone's centre to the nearest place on the way between two places in metres."""
    east, north = b[0] - a[0], b[1] - a[1]
    length = east * east + north * north
    along = 0.0 if length == 0 else min(1.0, max(0.0, -(a[0] * east + a[1] * north) / length))
    return math.hypot(a[0] + along * east, a[1] + along * north)
