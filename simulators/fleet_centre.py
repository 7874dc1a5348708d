"""A care centre that fits a fleet: one resident, one tracker and one round zone each, as the gateway reads it."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

ZONE_RADIUS_M = 100.0
GRID_DEG = 0.02
"""About 2 km between homes: zones never overlap."""

WEST, SOUTH = 8.0, 48.0

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Home(msgspec.Struct, frozen=True):
    """Where a tracker's wearer lives, degrees."""

    lon: float
    lat: float


def homes(trackers: int) -> list[Home]:
    """The homes of so many trackers, on a square grid."""
    side = math.ceil(math.sqrt(trackers))
    return [
        Home(round(WEST + GRID_DEG * (number % side), 7), round(SOUTH + GRID_DEG * (number // side), 7))
        for number in range(trackers)
    ]


def write_fleet_centre(folder: Path, *, site: str = "fleet", trackers: int = 1000) -> Path:
    """Write centre.toml and zones.geojson for a fleet of that site and number; returns the centre file.

    Every resident has the rules ``zone_exit`` and ``help``; one carer is told on the log.
    """
    names = [f"{site}-{number + 1:05d}" for number in range(trackers)]
    centre: dict[str, Any] = {
        "centre": {
            "id": site,
            "name": "Fleet",
            "timezone": "Europe/Berlin",
            "language": "en",
            "zones": "zones.geojson",
        },
        "residents": [{"id": f"r-{name}", "name": name, "room": name} for name in names],
        "devices": [{"id": name, "type": "tracker", "format": "native"} for name in names],
        "assignments": [{"device": name, "resident": f"r-{name}", "from": _LONG_AGO} for name in names],
        "carers": [
            {
                "id": "desk",
                "name": "Desk",
                "language": "en",
                "role": "carer",
                "contacts": [{"channel": "log", "address": "desk"}],
            }
        ],
        "policies": [{"id": "desk", "failsafe": ["desk"], "steps": [{"to": ["desk"], "wait_s": 300}]}],
        "care_plans": [
            {
                "resident": f"r-{name}",
                "policy": "desk",
                "consents": {"location": "always", "sleep": True, "continence": True},
                "rules": [{"rule": "help"}, {"rule": "zone_exit", "zone": f"z-{name}"}],
            }
            for name in names
        ],
    }
    zones = [
        {
            "type": "Feature",
            "properties": {"id": f"z-{name}", "name": name, "radius_m": ZONE_RADIUS_M},
            "geometry": {"type": "Point", "coordinates": [home.lon, home.lat]},
        }
        for name, home in zip(names, homes(trackers), strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": zones}), "utf-8")
    path = folder / "centre.toml"
    path.write_bytes(tomli_w.dumps(centre).encode())
    return path
