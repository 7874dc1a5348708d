import math
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from rules.errors import BadZoneError
from rules.geojson import MOST_BENDS
from rules.geometry import ZoneShape, signed_distances

GEOD = Geod(ellps="WGS84")


def ring(lon: float, lat: float, radius_m: float, corners: int = 8, *, clockwise: bool = False) -> list[list[float]]:
    """A regular polygon around a place, with geodesics."""
    steps = range(corners, -1, -1) if clockwise else range(corners + 1)
    return [list(GEOD.fwd(lon, lat, 360 * step / corners, radius_m)[:2]) for step in steps]


def polygon(*rings: list[list[float]]) -> ZoneShape:
    return ZoneShape.from_geojson("z", "Zone", {"type": "Polygon", "coordinates": list(rings)})


def circle(lon: float, lat: float, radius_m: Any) -> ZoneShape:
    return ZoneShape.from_geojson("z", "Zone", {"type": "Point", "coordinates": [lon, lat]}, radius_m)


def geodesic_to_border(corners: list[list[float]], lon: float, lat: float) -> float:
    """Metres to the nearest of points set along the border, straight in degrees as GeoJSON has it. Ground truth."""
    dense = [
        (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part)
        for a, b in pairwise(corners)
        for part in np.linspace(0, 1, 500)
    ]
    lons, lats = map(np.array, zip(*dense, strict=True))
    return float(GEOD.inv(np.full(len(lons), lon), np.full(len(lats), lat), lons, lats)[2].min())


@pytest.mark.parametrize("lat", [-54.8, 0.0, 35.9, 69.6, 80.0])
@pytest.mark.parametrize("size_m", [30.0, 1_000.0, 25_000.0])
def test_distances_are_right_to_a_thousandth_within_50_km(lat: float, size_m: float) -> None:
    corners = ring(14.5, lat, size_m, 5)
    zone = polygon(corners)
    for bearing in (77, 200):
        for far in (size_m / 3, size_m * 1.5, 50_000.0):
            lon_, lat_, _ = GEOD.fwd(14.5, lat, bearing, far)
            truth = geodesic_to_border(corners, lon_, lat_)
            sign = -1 if far < size_m * 0.8 else 1
            assert zone.signed_distance(lon_, lat_) == pytest.approx(sign * truth, rel=1e-3, abs=0.02)


@given(st.floats(-179, 179), st.floats(-85, 85), st.floats(5, 50_000), st.floats(0, 360), st.floats(0, 50_000))
def test_a_circle_is_the_geodesic(lon: float, lat: float, radius: float, bearing: float, far: float) -> None:
    lon_, lat_, _ = GEOD.fwd(lon, lat, bearing, far)
    assert circle(lon, lat, radius).signed_distance(lon_, lat_) == pytest.approx(far - radius, abs=1e-3)


def test_holes_are_outside() -> None:
    zone = polygon(ring(14.5, 35.9, 500), ring(14.5, 35.9, 100, clockwise=True))
    distances = [zone.signed_distance(*GEOD.fwd(14.5, 35.9, 10, far)[:2]) for far in (0, 50, 300, 700)]
    assert [distance > 0 for distance in distances] == [True, True, False, True]
    assert distances[0] == pytest.approx(100 * math.cos(math.pi / 8), abs=0.1)


def test_a_multipolygon_is_all_its_parts() -> None:
    parts = [[ring(14.5, 35.9, 100)], [ring(14.51, 35.9, 100)]]
    zone = ZoneShape.from_geojson("z", "Zone", {"type": "MultiPolygon", "coordinates": parts})
    inside = [zone.signed_distance(lon, 35.9) < 0 for lon in (14.5, 14.505, 14.51)]
    assert inside == [True, False, True]


def test_long_edges_are_straight_in_degrees() -> None:
    # between two corners on 60° north the border follows the parallel; the geodesic between them lies 400 m north of it
    zone = polygon([[10, 59], [12, 59], [12, 60], [10, 60], [10, 59]])
    assert zone.signed_distance(11, 59.999) == pytest.approx(-111.4, abs=1)
    assert zone.signed_distance(11, 60.001) == pytest.approx(111.4, abs=1)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)), max_size=24))
def test_a_batch_gives_what_single_ones_give(pairs: list[tuple[int, float, float]]) -> None:
    shapes = [MIXED[number] for number, _, _ in pairs]
    lons, lats = [14.5 + east for _, east, _ in pairs], [35.9 + north for _, _, north in pairs]
    single = [zone.signed_distance(lon, lat) for zone, lon, lat in zip(shapes, lons, lats, strict=True)]
    assert signed_distances(shapes, lons, lats) == pytest.approx(single, abs=1e-6)


MIXED = [
    circle(14.5, 35.9, 400),
    polygon(ring(14.5, 35.9, 900)),
    polygon(ring(14.51, 35.9, 900), ring(14.51, 35.9, 300, clockwise=True)),
    circle(14.49, 35.91, 50),
]


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError):
        signed_distances(MIXED[:2], [14.5], [35.9, 35.9])
    with pytest.raises(ValueError):
        signed_distances(MIXED, [14.5], [35.9] * 4)


def test_a_circle_over_the_180_degree_meridian_works() -> None:
    zone = circle(179.999, -17.0, 1000)
    assert zone.signed_distance(-179.999, -17.0) == pytest.approx(212.9 - 1000, abs=1)


SQUARE = [[14.5, 35.9], [14.51, 35.9], [14.51, 35.91], [14.5, 35.91], [14.5, 35.9]]
BOW = [[14.0, 35.0], [14.2, 35.2], [14.2, 35.0], [14.0, 35.2], [14.0, 35.0]]
BAD: dict[str, tuple[Any, Any, str]] = {
    "crosses itself": ({"type": "Polygon", "coordinates": [BOW]}, None, "crosses.*longitude 14.1, latitude 35.1"),
    "hole outside": (
        {"type": "Polygon", "coordinates": [SQUARE, ring(15.5, 35.9, 100)]},
        None,
        "hole lies outside shell near longitude 15",
    ),
    "no coordinates": ({"type": "Polygon", "coordinates": []}, None, "empty"),
    "two corners": ({"type": "Polygon", "coordinates": [[[14, 35], [15, 36]]]}, None, "at least four"),
    "words": ({"type": "Polygon", "coordinates": [[["a", "b"]] * 4]}, None, "don't make a Polygon"),
    "no coordinates at all": ({"type": "Polygon"}, None, "don't make a Polygon"),
    "a list for a type": ({"type": [], "coordinates": [SQUARE]}, None, r"geometry.type is '\[\]'"),
    "null": ({"type": "Polygon", "coordinates": None}, None, "zone z"),
    "not a number": ({"type": "Point", "coordinates": [math.nan, 35.9]}, 50, "zone z"),
    "infinite": ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [math.inf, 35.91], SQUARE[0]]]}, None, "finite"),
    "out of range": (
        {"type": "Polygon", "coordinates": [[*SQUARE[:2], [214.5, 35.91], SQUARE[0]]]},
        None,
        r"\[214.5, 35.91\]",
    ),
    "swapped": ({"type": "Point", "coordinates": [35.9, 114.5]}, 50, "are they swapped"),
    "at a pole": ({"type": "Polygon", "coordinates": [[[0, 88], [10, 88], [10, 90], [0, 90], [0, 88]]]}, None, "pole"),
    "circle at a pole": ({"type": "Point", "coordinates": [0, 88.9]}, 50_000, "pole"),
    "too large": (
        {"type": "Polygon", "coordinates": [[[0, 40], [20, 40], [20, 50], [0, 50], [0, 40]]]},
        None,
        "300 km",
    ),
    "a point alone": ({"type": "Point", "coordinates": [14.5, 35.9]}, None, "radius_m is None"),
    "no radius": ({"type": "Point", "coordinates": [14.5, 35.9]}, 0, "radius_m is 0"),
    "radius not a number": ({"type": "Point", "coordinates": [14.5, 35.9]}, "50", "radius_m is '50'"),
    "radius true": ({"type": "Point", "coordinates": [14.5, 35.9]}, True, "radius_m is True"),
    "radius nan": ({"type": "Point", "coordinates": [14.5, 35.9]}, math.nan, "radius_m is nan"),
    "a polygon with a radius": ({"type": "Polygon", "coordinates": [SQUARE]}, 50, "leave it out of a Polygon"),
    "a line": ({"type": "LineString", "coordinates": SQUARE}, None, "width_m is None"),
    "no geometry": (None, None, "neither a geometry nor rooms"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_a_zone(name: str) -> None:
    geometry, radius_m, said = BAD[name]
    with pytest.raises(BadZoneError, match=said) as error:
        ZoneShape.from_geojson("z", "Zone", geometry, radius_m)
    assert str(error.value).startswith("zone z: ")


def test_heights_are_passed_over() -> None:
    zone = polygon([[*corner, 55.0] for corner in SQUARE])
    assert zone.signed_distance(14.505, 35.905) < 0


def test_many_are_cheap() -> None:
    shapes = [polygon(ring(14.3 + number * 0.001, 35.9, 90, 12)) for number in range(500)]
    lons, lats = [zone.lon + 0.0008 for zone in shapes], [zone.lat for zone in shapes]
    best = min(_seconds(lambda: signed_distances(shapes, lons, lats)) for _ in range(5))
    # about 2 µs a pair on a small machine; ten times that would be one by one again
    assert best / 500 < 20e-6


def _seconds(call: Any) -> float:
    """Of this process's own work: others may have the machine meanwhile."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def test_the_most_tangled_way_is_measured_at_once() -> None:
    star = [[14.5 + 0.01 * math.cos(49 * i * math.tau / 100.5), 35.9 + 0.01 * math.sin(49 * i * math.tau / 100.5)]
            for i in range(MOST_BENDS)]  # fmt: skip
    way = ZoneShape.from_geojson("z", "Z", {"type": "LineString", "coordinates": star}, width_m=20)
    assert not way.border.is_simple
    # some 0.3 s; the time grows with the cube of the bends, so three times as many would be over this
    assert _seconds(lambda: way.square_m) < 5.0


@pytest.mark.parametrize(
    ("kind", "coordinates", "said"),
    [
        ("MultiPolygon", [[[[0, 0], [1, 0], [1, 1], [0, 0]]]] * 201, "201 parts"),
        ("Polygon", [[[0, 0]] * 5_001], "more than 5000 corners"),
        ("LineString", [[0, 0]] * 101, "more than 100 corners"),
        ("MultiLineString", [[[0, 0]] * 60] * 2, "more than 100 corners"),
    ],
)
def test_what_would_take_too_long_is_refused_at_once(kind: str, coordinates: Any, said: str) -> None:
    width = 5.0 if "Line" in kind else None
    with pytest.raises(BadZoneError, match=said):
        ZoneShape.from_geojson("z", "Z", {"type": kind, "coordinates": coordinates}, width_m=width)
