"""A care centre for a load: one tracker, one resident and one safe zone for each device of the generator."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

ALERT_TOPIC = "alerts/{device}"
"""The generator listens on ``alerts/dev<n>``; devices carry its own names."""


def write_centre(folder: Path, zones: Sequence[Mapping[str, Any]], *, contact: Mapping[str, str] | None = None) -> Path:
    """Write centre.toml and zones.geojson for the generator's zones (``n, device, lat, lon, radius_m``).

    One fix outside raises at once (``confirmations = 1``), and one inside takes it back however soon it comes again
    (``wavering_s = 0``): the generator expects one alert for each crossing, stays outside for as little as one reading,
    and hours of walks pass within seconds. By default the third walk of a few minutes would be the same alert, which
    still stands. Nothing is reminded of: a benchmark has nobody to answer.

    Args:
        folder: where to write.
        zones: what ``loadgen.py zones`` prints.
        contact: where the one carer is told; default: published on the broker.

    Returns:
        The path of centre.toml.
    """
    folder.mkdir(parents=True, exist_ok=True)
    features = [
        {
            "type": "Feature",
            "properties": {"id": f"zone{z['n']}", "name": f"Home {z['n']}", "radius_m": z["radius_m"]},
            "geometry": {"type": "Point", "coordinates": [z["lon"], z["lat"]]},
        }
        for z in zones
    ]
    (folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    day = 24 * 3600
    document: dict[str, Any] = {
        "centre": {"id": "bench", "name": "Bench", "timezone": "UTC", "language": "en", "zones": "zones.geojson"},
        "residents": [{"id": f"r{z['n']}", "name": f"Resident {z['n']}", "room": str(z["n"])} for z in zones],
        "devices": [
            {"id": z["device"], "type": "tracker", "format": "owntracks", "address": f"site/{z['device']}"}
            for z in zones
        ],
        "assignments": [{"device": z["device"], "resident": f"r{z['n']}", "from": _long_ago()} for z in zones],
        "carers": [
            {
                "id": "carer",
                "name": "Carer",
                "language": "en",
                "role": "carer",
                "contacts": [dict(contact or {"channel": "mqtt", "address": "carer"})],
            }
        ],
        "policies": [{"id": "only", "failsafe": ["carer"], "steps": [{"to": ["carer"], "wait_s": day}]}],
        "care_plans": [
            {
                "resident": f"r{z['n']}",
                "policy": "only",
                "consents": {"location": "always"},
                "rules": [
                    {"rule": "zone_exit", "zone": f"zone{z['n']}", "confirmations": 1, "wavering_s": 0},
                    {"rule": "silent", "after_s": day},
                    {"rule": "low_battery", "low_percent": 5, "critical_percent": 2},
                    {"rule": "help"},
                    {"rule": "fall"},
                ],
            }
            for z in zones
        ],
    }
    path = folder / "centre.toml"
    path.write_text(tomli_w.dumps(document))
    return path


def _long_ago() -> Any:
    from datetime import UTC, datetime

    return datetime(2020, 1, 1, tzinfo=UTC)
