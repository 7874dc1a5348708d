"""The straight way between two positions: through a zone, past it, out of it."""

import math
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from rules.geometry import ZoneShape
from rules.way import crossed, deepest, left

GEOD = Geod(ellps="WGS84")
LON, LAT = 14.5, 35.9


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """Metres from the centre of the test's world."""
    lon, lat, _ = GEOD.fwd(LON, LAT, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m))
    return lon, lat


def drawn(kind: str, places: Any, **more: Any) -> ZoneShape:
    return ZoneShape.from_geojson("z", "Zone", {"type": kind, "coordinates": places}, **more)


def box(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [place(*at) for at in ((west, south), (east, south), (east, north), (west, north), (west, south))]


POND = drawn("Polygon", [box(-50, -50, 50, 50)])
ISLAND = drawn("Polygon", [box(-100, -100, 100, 100), box(-50, -50, 50, 50)[::-1]])
ROUND = drawn("Point", place(0, 0), radius_m=50)
ROAD = drawn("LineString", [place(0, -500), place(0, 500)], width_m=20)
HORSESHOE = drawn(
    "Polygon",
    [
        [
            place(*at)
            for at in ((-60, 0), (60, 0), (60, 90), (30, 90), (30, 30), (-30, 30), (-30, 90), (-60, 90), (-60, 0))
        ]
    ],
)
ROOMS = ZoneShape.from_geojson("z", "Lounge", None, rooms=["lounge"])

WAYS: dict[str, tuple[ZoneShape, tuple[float, float], tuple[float, float], float]] = {
    "through a pond": (POND, (-100, 0), (100, 0), -50),
    "over its corner": (POND, (0, 90), (90, 0), -5),
    "past it": (POND, (-100, 60), (100, 60), 10),
    "into it": (POND, (-100, 0), (-20, 0), -30),
    "within it": (POND, (10, 10), (20, 10), -40),
    "standing in it": (POND, (10, 0), (10, 0), -40),
    "standing beside it": (POND, (60, 0), (60, 0), 10),
    "only in its hole": (ISLAND, (-40, 0), (40, 0), 10),
    "out of its hole": (ISLAND, (0, 0), (0, 200), -25),
    "through a circle": (ROUND, (-100, 30), (100, 30), -20),
    "past a circle": (ROUND, (-100, 80), (100, 80), 30),
    "short of a circle": (ROUND, (-100, 0), (-70, 0), 20),
    "over a road": (ROAD, (-40, 0), (40, 0), -10),
    "along a road": (ROAD, (5, -100), (5, 100), -5),
    "beside a road": (ROAD, (25, -100), (25, 100), 15),
    "between the ends of a horseshoe": (HORSESHOE, (-100, 60), (100, 60), -15),
}


@pytest.mark.parametrize("name", WAYS)
def test_how_deep_a_way_led(name: str) -> None:
    shape, a, b, truth = WAYS[name]
    assert deepest(shape, place(*a), place(*b)) == pytest.approx(truth, abs=1.0)
    assert deepest(shape, place(*b), place(*a)) == pytest.approx(truth, abs=1.0)
    assert crossed(shape, place(*a), place(*b)) == (truth < 0)
    assert not crossed(shape, place(*a), place(*b), deeper_than_m=-truth + 1.5)
    if truth < -3:
        assert crossed(shape, place(*a), place(*b), deeper_than_m=-truth - 1.5)


LEFT: dict[str, tuple[ZoneShape, tuple[float, float], tuple[float, float], bool]] = {
    "inside all the way": (POND, (-40, 0), (40, 0), False),
    "ends outside": (POND, (-40, 0), (60, 0), True),
    "across the horseshoe": (HORSESHOE, (-45, 80), (45, 80), True),
    "along the horseshoe": (HORSESHOE, (-50, 10), (50, 10), False),
    "across the hole": (ISLAND, (-75, 0), (75, 0), True),
    "in a circle": (ROUND, (-40, 0), (40, 0), False),
    "out of a circle": (ROUND, (-40, 0), (60, 0), True),
    "along a road": (ROAD, (5, -100), (5, 100), False),
    "off a road": (ROAD, (5, -100), (15, 100), True),
    "no ground to leave": (ROOMS, (0, 0), (500, 0), False),
}


@pytest.mark.parametrize("name", LEFT)
def test_whether_a_way_led_out(name: str) -> None:
    shape, a, b, truth = LEFT[name]
    assert left(shape, place(*a), place(*b)) is truth


def test_rooms_are_not_crossed() -> None:
    assert deepest(ROOMS, place(0, 0), place(1, 1)) == math.inf
    assert not crossed(ROOMS, place(0, 0), place(1, 1))


def test_over_the_date_line() -> None:
    strip = drawn("Polygon", [[[179.999, 0], [-179.999, 0], [-179.999, 1], [179.999, 1], [179.999, 0]]])
    assert crossed(strip, (179.99, 0.5), (-179.99, 0.5))
    assert deepest(strip, (179.99, 0.5), (-179.99, 0.5)) == pytest.approx(-111.3, abs=1)
    assert not crossed(strip, (179.99, 0.5), (179.995, 0.5))


offsets = st.floats(-300, 300)


@given(st.sampled_from([POND, ISLAND, ROUND, ROAD, HORSESHOE]), offsets, offsets, offsets, offsets, st.floats(0, 1))
def test_no_place_on_the_way_is_deeper(
    shape: ZoneShape, a_east: float, a_north: float, b_east: float, b_north: float, part: float
) -> None:
    a, b = place(a_east, a_north), place(b_east, b_north)
    on_the_way = place(a_east + (b_east - a_east) * part, a_north + (b_north - a_north) * part)
    depth, here = deepest(shape, a, b), shape.signed_distance(*on_the_way)
    # inside a polygon the way is looked at every 32nd of what lies inside of it
    length = math.hypot(b_east - a_east, b_north - a_north)
    assert depth <= here + 0.01 + (length / 32 if here < 0 else 0)
    assert depth <= min(shape.signed_distance(*a), shape.signed_distance(*b)) + 0.01 + length / 32
    if here < -0.01:
        assert crossed(shape, a, b)


def test_a_miss_is_quick() -> None:
    a, b = place(400, 400), place(500, 500)
    # two geodesics, some 3 µs; ten times that is for a busy machine
    assert min(timeit.repeat(lambda: crossed(POND, a, b), number=200, repeat=5)) / 200 < 30e-6
