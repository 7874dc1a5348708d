"""The small house that every scenario shares: Anna and Ben, a garden with a pond, a club down the road, a kitchen."""

import math
from typing import Any

from gateway.centre.load import centre_from_document
from gateway.centre.model import Centre
from tests.scenarios.script import Scenario

LON, LAT = 14.5, 35.9
"""The middle of the garden."""
A_DEGREE_M = 111_194.9
"""Of a great circle on the mean Earth: right to 0.3 % over the few kilometres here."""

GARDEN_M = 100.0
LONG_AGO = "2026-01-01T00:00:00Z"

CARERS = {"nora": "carer", "sam": "manager", "son": "relative"}


def lon_lat(east: float, north: float) -> tuple[float, float]:
    """A place so many metres from the middle of the garden."""
    return LON + east / (A_DEGREE_M * math.cos(math.radians(LAT))), LAT + north / A_DEGREE_M


def square(zone: str, west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """A zone between these metres from the middle of the garden."""
    corners = [lon_lat(x, y) for x, y in ((west, south), (east, south), (east, north), (west, north), (west, south))]
    geometry = {"type": "Polygon", "coordinates": [[list(corner) for corner in corners]]}
    return {"id": zone, "name": zone.title(), "geometry": geometry}


def circle(zone: str, east: float, north: float, radius_m: float) -> dict[str, Any]:
    """A round zone."""
    geometry = {"type": "Point", "coordinates": list(lon_lat(east, north))}
    return {"id": zone, "name": zone.title(), "geometry": geometry, "radius_m": radius_m}


ZONES = (
    circle("garden", 0, 0, GARDEN_M),
    square("pond", 40, -20, 80, 20),
    circle("club", 600, 0, 60),
    {"id": "kitchen", "name": "Kitchen", "rooms": ["kitchen", "pantry"]},
)


def centre_of(scenario: Scenario) -> Centre:
    """The house with the scenario's devices and rules."""
    devices = [_device(name, words) for name, words in scenario.devices.items()]
    given = {str(row["device"]) for row in scenario.assignments}
    assignments = [
        {"device": device["id"], "resident": of, "from": LONG_AGO}
        for device, of in devices
        if of in ("anna", "ben") and device["id"] not in given
    ]
    document = {
        "centre": {"id": "house", "name": "The House", "timezone": scenario.timezone, "language": "en"},
        "residents": [{"id": "anna", "name": "Anna A.", "room": "1"}, {"id": "ben", "name": "Ben B.", "room": "2"}],
        "devices": [device for device, _ in devices],
        "assignments": [*assignments, *scenario.assignments],
        "carers": [
            {"id": name, "name": name.title(), "role": role, "contacts": [{"channel": "log"}]}
            for name, role in CARERS.items()
        ],
        "policies": [{"id": "usual", "failsafe": ["sam"], "steps": [{"to": ["nora"], "wait_s": 86400}]}],
        "care_plans": [_plan(scenario, who) for who in ("anna", "ben")],
        "house_plans": [{"policy": "usual", "rules": _rules(scenario, "house")}],
        "zones": [*ZONES, *scenario.zones],
        "calendars": list(scenario.calendars),
    }
    return centre_from_document(document)


def _device(name: str, words: str | dict[str, Any]) -> tuple[dict[str, Any], str]:
    fields = {"type": words} if isinstance(words, str) else dict(words)
    of = str(fields.pop("of", "anna"))
    if of in CARERS:
        fields["carer"] = of
    return {"id": name, "format": "native", **fields}, of


def _plan(scenario: Scenario, who: str) -> dict[str, Any]:
    consents = {"location": "alarm", "sleep": True, "continence": True, "activity": True, **scenario.consents}
    return {"resident": who, "policy": "usual", "consents": consents, "rules": _rules(scenario, who)}


def _rules(scenario: Scenario, who: str) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row.items() if key != "of"}
        for row in scenario.rules
        if row.get("of", "anna") == who
    ]
