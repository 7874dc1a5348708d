"""The ground a resident walks on: a zone in plain metres about the resident's home.

A flat plane is enough here: at 2 km from home it is off by less than a metre, far below a GPS receiver's noise.
The gateway measures with its own, exact geometry; the two share no code on purpose.
"""

import math
from collections.abc import Sequence

EARTH_M = 6_371_008.8
"""Mean radius of the earth, metres (IUGG)."""

CIRCLE_CORNERS = 48
"""A circle as a polygon: at 48 corners its border is at most 0.2 % of the radius off."""

Point = tuple[float, float]
"""East, north in metres from home; or lon, lat in degrees where a name says so."""


class Ground:
    """A zone around a home.

    Args:
        rings: closed or open rings in (lon, lat) degrees; a point is inside where an odd number of rings hold it,
            so that holes and several polygons need nothing special.

    The home is the point farthest from every border, as far as a grid of 25 x 25 points finds it.

    Raises:
        ValueError: no point of that grid is inside: the zone is empty or much too thin to live in.
    """

    def __init__(self, rings: Sequence[Sequence[Point]]) -> None:
        lons = [lon for ring in rings for lon, _ in ring]
        lats = [lat for ring in rings for _, lat in ring]
        self._lon, self._lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
        self._metres_per_lat = math.radians(1) * EARTH_M
        self._metres_per_lon = self._metres_per_lat * math.cos(math.radians(self._lat))
        self._rings = [[self.to_metres(*corner) for corner in ring] for ring in rings]
        self._edges = _edges_of(self._rings)
        home = max(self._grid(25), key=self.depth)
        if self.depth(home) < 0.5:  # metres: nobody stands on a line
            raise ValueError("nowhere to stand inside of the rings")
        self._lon, self._lat = self.to_degrees(home)
        self._rings = [[(x - home[0], y - home[1]) for x, y in ring] for ring in self._rings]
        self._edges = _edges_of(self._rings)
        self.home: Point = (0.0, 0.0)
        self.inner_m = self.depth(self.home)
        """Metres from home to the nearest border."""
        self.reach_m = max(math.hypot(x, y) for ring in self._rings for x, y in ring)
        """Metres from home to the farthest corner: beyond it everything is outside."""

    @classmethod
    def circle(cls, lon: float, lat: float, radius_m: float) -> "Ground":
        """A round zone; centre in degrees, radius in metres."""
        lat_m = math.radians(1) * EARTH_M
        lon_m = lat_m * math.cos(math.radians(lat))
        turns = [2 * math.pi * i / CIRCLE_CORNERS for i in range(CIRCLE_CORNERS)]
        return cls([[(lon + radius_m * math.cos(a) / lon_m, lat + radius_m * math.sin(a) / lat_m) for a in turns]])

    def to_metres(self, lon: float, lat: float) -> Point:
        """Degrees to metres from home."""
        return (lon - self._lon) * self._metres_per_lon, (lat - self._lat) * self._metres_per_lat

    def to_degrees(self, point: Point) -> Point:
        """Metres from home to (lon, lat) degrees."""
        return self._lon + point[0] / self._metres_per_lon, self._lat + point[1] / self._metres_per_lat

    def inside(self, point: Point) -> bool:
        """Whether the point is inside (even-odd rule)."""
        x, y = point
        odd = False
        for ax, ay, dx, dy, _ in self._edges:
            if (ay > y) != (ay + dy > y) and x < ax + (y - ay) * dx / dy:
                odd = not odd
        return odd

    def depth(self, point: Point) -> float:
        """Metres to the nearest border: positive inside, negative outside."""
        x, y = point
        nearest = math.inf
        for ax, ay, dx, dy, length in self._edges:
            east, north = x - ax, y - ay
            along = (east * dx + north * dy) / length
            if along >= 1.0:
                east, north = east - dx, north - dy
            elif along > 0.0:
                east, north = east - along * dx, north - along * dy
            square = east * east + north * north
            nearest = min(nearest, square)
        metres = math.sqrt(nearest)
        return metres if self.inside(point) else -metres

    def _grid(self, side: int) -> list[Point]:
        xs = [x for ring in self._rings for x, _ in ring]
        ys = [y for ring in self._rings for _, y in ring]
        return [
            (min(xs) + (max(xs) - min(xs)) * (i + 0.5) / side, min(ys) + (max(ys) - min(ys)) * (j + 0.5) / side)
            for i in range(side)
            for j in range(side)
        ]


def _edges_of(rings: Sequence[Sequence[Point]]) -> tuple[tuple[float, float, float, float, float], ...]:
    """Each edge ready for measuring: its begin, its direction, and the square of its length (never 0)."""
    return tuple(
        (ax, ay, bx - ax, by - ay, (bx - ax) ** 2 + (by - ay) ** 2)
        for ring in rings
        for (ax, ay), (bx, by) in zip(ring, [*ring[1:], *ring[:1]], strict=True)
        if (ax, ay) != (bx, by)
    )
