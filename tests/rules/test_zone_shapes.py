"""Corridors, rooms, the date line, and that distances are right: against geodesics, from the equator to 85°."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from rules.errors import BadZoneError
from rules.geometry import ZoneShape, signed_distances

GEOD = Geod(ellps="WGS84")
Corners = list[tuple[float, float]]


def zone(kind: str, coordinates: Any, **more: Any) -> ZoneShape:
    return ZoneShape.from_geojson("z", "Zone", {"type": kind, "coordinates": coordinates}, **more)


def ring(lon: float, lat: float, radius_m: float, corners: int = 8) -> Corners:
    places = [GEOD.fwd(lon, lat, 360 * step / corners, radius_m)[:2] for step in range(corners)]
    return [(float(east), float(north)) for east, north in [*places, places[0]]]


def geodesic_to_line(corners: Corners, lon: float, lat: float) -> float:
    """Metres to a line that is straight in degrees, by geodesics: the nearest of many points, looked at twice."""
    best = np.inf
    for a, b in pairwise(corners):
        low, high = 0.0, 1.0
        for _ in range(3):
            parts = np.linspace(low, high, 200)
            lons, lats = a[0] + (b[0] - a[0]) * parts, a[1] + (b[1] - a[1]) * parts
            metres = GEOD.inv(np.full(200, lon), np.full(200, lat), lons, lats)[2]
            nearest = int(metres.argmin())
            low, high = parts[max(0, nearest - 1)], parts[min(199, nearest + 1)]
        best = min(best, float(metres.min()))
    return best


latitudes = st.one_of(st.floats(-85, 85), st.floats(60, 85))
bearings = st.floats(0, 360)


@settings(max_examples=60, deadline=None)
@given(st.floats(-180, 180), latitudes, st.floats(20, 50_000), bearings, st.floats(0, 50_000), st.integers(3, 9))
def test_distances_to_a_border_are_right_to_a_thousandth(
    lon: float, lat: float, size: float, bearing: float, far: float, sides: int
) -> None:
    corners = ring(lon, lat, size, sides)
    if max(abs(corner[1]) for corner in corners) > 89:
        return
    lon_, lat_, _ = GEOD.fwd(lon, lat, bearing, far)
    unwrapped = np.unwrap([corner[0] for corner in corners], period=360)
    straight = [(float(east), corner[1]) for east, corner in zip(unwrapped, corners, strict=True)]
    measured = zone("Polygon", [corners]).signed_distance(lon_, lat_)
    assert abs(measured) == pytest.approx(geodesic_to_line(straight, lon_, lat_), rel=1e-3, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-180, 180),
    latitudes,
    st.lists(st.tuples(bearings, st.floats(20, 15_000)), min_size=1, max_size=4),
    st.floats(2, 2_000),
    bearings,
    st.floats(0, 50_000),
)
def test_a_corridor_is_the_distance_to_its_line_less_half_its_width(
    lon: float, lat: float, steps: list[tuple[float, float]], width: float, bearing: float, far: float
) -> None:
    line = [(lon, lat)]
    for direction, metres in steps:
        east, north, _ = GEOD.fwd(*line[-1], direction, metres)
        line.append((east, north))
    if max(abs(corner[1]) for corner in line) > 88.9:
        return
    lon_, lat_, _ = GEOD.fwd(lon, lat, bearing, far)
    measured = zone("LineString", line, width_m=width).signed_distance(lon_, lat_)
    unwrapped = np.unwrap([corner[0] for corner in line], period=360)
    straight = [(float(east), corner[1]) for east, corner in zip(unwrapped, line, strict=True)]
    assert measured + width / 2 == pytest.approx(geodesic_to_line(straight, lon_, lat_), rel=1e-3, abs=0.02)


def test_corridors() -> None:
    path = zone("LineString", [[14.5, 35.9], [14.51, 35.9]], width_m=20)
    assert (path.kind, path.half_m, path.width_m, path.radius_m, path.has_ground) == ("corridor", 10, 20, None, True)
    assert path.signed_distance(14.505, 35.9) == pytest.approx(-10, abs=0.02)
    assert path.signed_distance(14.505, 35.9 + 15 / 110_960) == pytest.approx(5, abs=0.05)
    assert path.length_m == pytest.approx(902.6, rel=1e-3)
    assert path.square_m == pytest.approx(902.6 * 20 + np.pi * 100, rel=1e-3)
    both = zone("MultiLineString", [[[14.5, 35.9], [14.51, 35.9]], [[14.6, 35.9], [14.61, 35.9]]], width_m=20)
    assert both.signed_distance(14.605, 35.9) == pytest.approx(-10, abs=0.02)
    assert both.signed_distance(14.55, 35.9) > 3000


def test_rooms() -> None:
    lounge = ZoneShape.from_geojson("z", "Lounge", None, rooms=("lounge", "101", "lounge"))
    assert (lounge.kind, lounge.has_ground, lounge.rooms) == ("indoor", False, {"lounge", "101"})
    assert (lounge.square_m, lounge.length_m, lounge.radius_m, lounge.width_m) == (0, 0, None, None)
    house = zone("Polygon", [ring(14.5, 35.9, 30)], rooms=["lounge"])
    assert (house.has_ground, house.rooms) == (True, {"lounge"})
    assert house.signed_distance(14.5, 35.9) < 0


def test_what_has_no_ground_has_no_distance_and_disturbs_no_other() -> None:
    lounge = ZoneShape.from_geojson("z", "Lounge", None, rooms=["lounge"])
    house = zone("Polygon", [ring(14.5, 35.9, 30)])
    circle = zone("Point", [14.5, 35.9], radius_m=50)
    for shapes in ([lounge], [lounge, house, circle, lounge, house] * 4):
        found = signed_distances(shapes, [14.5] * len(shapes), [35.9] * len(shapes))
        for shape, distance in zip(shapes, found, strict=True):
            assert np.isnan(distance) if shape is lounge else distance < 0


def test_sizes() -> None:
    circle = zone("Point", [14.5, 35.9], radius_m=50)
    assert circle.square_m == pytest.approx(7854, rel=1e-3)
    assert circle.length_m == pytest.approx(314.16, rel=1e-3)
    hollow = zone("Polygon", [ring(14.5, 35.9, 500, 60), ring(14.5, 35.9, 100, 60)[::-1]])
    assert hollow.square_m == pytest.approx(np.pi * (500**2 - 100**2), rel=5e-3)
    assert hollow.reach_m == pytest.approx(500, rel=1e-3)


# A box of 0.2° by 0.1° across the 180° meridian at 17° south (Fiji), in each way in which it is written.
EAST_HALF = [[179.9, -17.0], [180.0, -17.0], [180.0, -16.9], [179.9, -16.9], [179.9, -17.0]]
WEST_HALF = [[-180.0, -17.0], [-179.9, -17.0], [-179.9, -16.9], [-180.0, -16.9], [-180.0, -17.0]]
ACROSS: dict[str, tuple[str, Any]] = {
    "split as RFC 7946 says": ("MultiPolygon", [[EAST_HALF], [WEST_HALF]]),
    "split, west first": ("MultiPolygon", [[WEST_HALF], [EAST_HALF]]),
    "running past 180": (
        "Polygon",
        [[[179.9, -17.0], [180.1, -17.0], [180.1, -16.9], [179.9, -16.9], [179.9, -17.0]]],
    ),
    "running past -180": (
        "Polygon",
        [[[-180.1, -17.0], [-179.9, -17.0], [-179.9, -16.9], [-180.1, -16.9], [-180.1, -17.0]]],
    ),
    "jumping from 179 to -179": (
        "Polygon",
        [[[179.9, -17.0], [-179.9, -17.0], [-179.9, -16.9], [179.9, -16.9], [179.9, -17.0]]],
    ),
}
PLAIN = zone("Polygon", [[[9.9, -17.0], [10.1, -17.0], [10.1, -16.9], [9.9, -16.9], [9.9, -17.0]]])


@pytest.mark.parametrize("name", ACROSS)
@pytest.mark.parametrize("east", [-0.3, -0.1, -0.05, 0.0, 0.02, 0.1, 0.25])
def test_across_the_date_line_all_is_as_elsewhere(name: str, east: float) -> None:
    across = zone(*ACROSS[name])
    truth = PLAIN.signed_distance(10 + east, -16.96)
    for lon in (180 + east, -180 + east):
        assert across.signed_distance(lon, -16.96) == pytest.approx(truth, abs=0.01)
        assert signed_distances([across] * 20, [lon] * 20, [-16.96] * 20) == pytest.approx([truth] * 20, abs=0.01)
    assert abs(across.lon) == pytest.approx(180, abs=1e-6)
    assert across.square_m == pytest.approx(PLAIN.square_m, rel=1e-6)


def test_holes_and_corridors_across_the_date_line() -> None:
    hole = [[-179.95, -16.97], [-179.93, -16.97], [-179.93, -16.95], [-179.95, -16.95], [-179.95, -16.97]]
    shell = ACROSS["jumping from 179 to -179"][1][0]
    hollow = zone("Polygon", [shell, hole])
    assert hollow.signed_distance(-179.94, -16.96) > 0
    assert hollow.signed_distance(179.94, -16.96) < 0
    for line in ([[179.99, 0], [-179.99, 0]], [[179.99, 0], [180.01, 0]]):
        path = zone("LineString", line, width_m=100)
        assert path.signed_distance(180, 0) == pytest.approx(-50, abs=0.01)
        assert path.signed_distance(-179.995, 0) == pytest.approx(-50, abs=0.01)
        assert path.length_m == pytest.approx(0.02 * 111_319.5, rel=1e-4)
    parts = zone("MultiLineString", [[[179.99, 0], [180, 0]], [[-180, 0], [-179.99, 0]]], width_m=100)
    assert parts.signed_distance(-179.995, 0) == pytest.approx(-50, abs=0.01)


SQUARE = [[14.5, 35.9], [14.51, 35.9], [14.51, 35.91], [14.5, 35.91], [14.5, 35.9]]
LINE = [[14.5, 35.9], [14.51, 35.9]]
REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "half way round the Earth": (("Polygon", [[[0, 0], [120, 0], [120, 1], [0, 1], [0, 0]]]), {}, "120 degrees"),
    "both ways the same": (("LineString", [[0, 0], [180, 0]]), {"width_m": 5}, "180 degrees of longitude"),
    "beyond the date line altogether": (("Polygon", [[[x + 200, y] for x, y in SQUARE]]), {}, "out of range"),
    "twice round": (("Polygon", [[[x + 400, y] for x, y in SQUARE]]), {}, "out of range"),
    "round the pole": (("Polygon", [[[x, 85] for x in (0, 90, 180, -90, 0)]]), {}, "round a pole"),
    "nearer than a degree to a pole": (("Polygon", [[[0, 88.9], [1, 88.9], [1, 89.1], [0, 88.9]]]), {}, "pole"),
    "a corridor near a pole": (("LineString", [[0, 88.9], [1, 88.999]]), {"width_m": 2000}, "pole"),
    "crossing itself across the date line": (
        ("Polygon", [[[179.9, 0], [-179.9, 1], [-179.9, 0], [179.9, 1], [179.9, 0]]]), {}, "crosses or touches itself",
    ),
    "a line without a width": (("LineString", LINE), {}, "width_m is None"),
    "no width": (("LineString", LINE), {"width_m": 0}, "width_m is 0"),
    "as wide as a town": (("LineString", LINE), {"width_m": 10_001}, "width_m is 10001"),
    "width not a number": (("LineString", LINE), {"width_m": "5"}, "width_m is '5'"),
    "a line with a radius": (("LineString", LINE), {"width_m": 5, "radius_m": 5}, "radius_m is for a Point"),
    "an area with a width": (("Polygon", [SQUARE]), {"width_m": 5}, "width_m is for a LineString"),
    "a circle with a width": (("Point", [14.5, 35.9]), {"radius_m": 5, "width_m": 5}, "width_m is for a LineString"),
    "a line of one place": (("LineString", [[14.5, 35.9], [14.5, 35.9]]), {"width_m": 5}, "too few, or the same"),
    "a line of one corner": (("LineString", [[14.5, 35.9]]), {"width_m": 5}, "at least two"),
    "a collection": (("GeometryCollection", []), {}, "geometry.type is 'GeometryCollection'"),
    "two points": (("MultiPoint", [[14.5, 35.9]]), {}, "geometry.type is 'MultiPoint'"),
    "parts that overlap": (("MultiPolygon", [[SQUARE], [SQUARE]]), {}, "zone z"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_a_zone(name: str) -> None:
    (kind, coordinates), more, said = REFUSED[name]
    with pytest.raises(BadZoneError, match=said):
        zone(kind, coordinates, **more)


def test_a_zone_of_nothing_is_refused() -> None:
    for more in ({}, {"width_m": 5.0}, {"radius_m": 5.0}):
        with pytest.raises(BadZoneError, match="zone z"):
            ZoneShape.from_geojson("z", "Zone", None, **more)
    with pytest.raises(BadZoneError, match="radius_m is for a Point; leave it out of a zone indoors"):
        ZoneShape.from_geojson("z", "Zone", None, 5.0, rooms=["101"])
