"""What is said of a zone that can't be used: in the words of the page, not in those of the file."""

from typing import Any

import pytest

from gateway.console.zone_model import check

RING = [[14.5, 35.9], [14.51, 35.9], [14.51, 35.91], [14.5, 35.9]]


@pytest.mark.parametrize(
    ("zone", "field", "said"),
    [
        ({"geometry": {"type": "Point", "coordinates": [1, 1]}, "radius_m": -5}, "radius_m", "The radius must"),
        ({"geometry": {"type": "Point", "coordinates": [1, 1]}}, "radius_m", "The radius must"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING]}, "radius_m": 5}, "radius_m", "Only a circle"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING]}, "width_m": 5}, "width_m", "Only a way"),
        ({"geometry": {"type": "LineString", "coordinates": RING[:2]}}, "width_m", "The width must"),
        ({"geometry": {"type": "LineString", "coordinates": [[-9, 1], [9, 1]]}, "width_m": 5}, "geometry", "It rea"),
        ({"geometry": {"type": "GeometryCollection", "geometries": []}}, "geometry", "A place on the map"),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, "geometry", "Nothing is drawn"),
        ({"geometry": {"type": "Point", "coordinates": [0, 90]}, "radius_m": 500}, "geometry", "It reaches a pole"),
        ({"geometry": {"type": "Point", "coordinates": [True, False]}, "radius_m": 50}, "geometry", "These points"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[True, 1], *RING]]}}, "geometry", "These points"),
        ({"geometry": {"type": "Point", "coordinates": [10**400, 1]}, "radius_m": 50}, "geometry", "These points"),
        ({"geometry": {"type": "Point", "coordinates": [1, 1]}, "radius_m": 10**400}, "radius_m", ""),
    ],
)  # fmt: skip
def test_a_zone_that_is_wrong_is_told_without_names_of_fields(zone: dict[str, Any], field: str, said: str) -> None:
    [fault] = check({"id": "z", "name": "Garden", **zone}).faults
    assert fault.field == field
    assert fault.text.startswith(said)
    assert "_m" not in fault.text
    assert "?." not in fault.text
