"""The care centre as the simulators see it: who lives there, with which devices, and where it is safe.

Reads the same centre file (TOML) and zones (GeoJSON) as the gateway, but on its own: it takes what a simulation
needs, passes over what it does not know, and says clearly what it misses.
"""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from simulators.errors import SceneError
from simulators.ground import Ground

HOUSE_TYPES = ("motion_sensor", "room_sensor", "door_sensor")
"""Sensors of a person's rooms and way; they speak where weeks of life are played."""

DEVICE_TYPES = ("tracker", "fall_detector", "bed_sensor", "continence_sensor", "sos_button", "lamp", *HOUSE_TYPES)
"""What can be simulated; a centre may hold other devices, they stay silent."""


class Resident(msgspec.Struct, frozen=True, kw_only=True):
    """A resident with the native addresses of what is worn or near, by device type."""

    id: str
    devices: dict[str, str] = {}
    zone: str | None = None
    """Id of the zone of the care plan's zone rule, or the centre's first zone."""
    rules: tuple[str, ...] = ()
    """The words of the care plan's rules: a script picks people whose plan listens."""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What is played: the site's word in topics, its time zone, its people, the ground of each zone by id."""

    site: str
    timezone: ZoneInfo
    residents: tuple[Resident, ...]
    grounds: dict[str, Ground]
    silent: tuple[str, ...] = ()
    """Ids of devices that are not simulated: another format, another type, or worn by nobody."""

    def resident(self, resident_id: str) -> Resident:
        """The resident of that id.

        Raises:
            SceneError: there is none.
        """
        for resident in self.residents:
            if resident.id == resident_id:
                return resident
        known = ", ".join(r.id for r in self.residents)
        raise SceneError([f'resident: "{resident_id}": expected one of {known}'])


def read_scene(path: Path, *, at: datetime, residents: tuple[str, ...] = ()) -> Scene:
    """Read a centre file and its zones.

    Args:
        path: the centre file.
        at: UTC-aware; the assignments of that moment count.
        residents: ids of those to be played; empty: everybody.

    Raises:
        SceneError: a file can't be read, or what a simulation needs is missing; every problem at once.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SceneError([f"{path}: {error.strerror}: expected a centre file (TOML)"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SceneError([f"{path}: {error}: expected TOML"]) from error
    return _Reader(path, data).scene(at, residents)


class _Reader:
    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self._path = path
        self._data = data
        self._problems: list[str] = []

    def scene(self, at: datetime, wanted: tuple[str, ...]) -> Scene:
        centre = self._data.get("centre")
        centre = centre if isinstance(centre, dict) else {}
        site = self._text(centre, "id", "centre.id")
        zone_name = self._text(centre, "timezone", "centre.timezone") or "UTC"
        try:
            timezone = ZoneInfo(zone_name)
        except (KeyError, ValueError, OSError):
            self._wrong("centre.timezone", zone_name, "a time zone such as Europe/Malta")
            timezone = ZoneInfo("UTC")
        grounds = self._grounds(centre.get("zones"))
        people, silent = self._people(at, tuple(grounds))
        known = {resident.id for resident in people}
        for resident_id in wanted:
            if resident_id not in known:
                self._wrong("residents", resident_id, f"an id of the centre file ({', '.join(sorted(known))})")
        people = tuple(r for r in people if not wanted or r.id in wanted)
        if not any(r.devices for r in people) and not self._problems:
            self._wrong("devices", "none", f"a native device ({', '.join(DEVICE_TYPES)}) assigned to a resident")
        for resident in people:
            if "tracker" in resident.devices and resident.zone not in grounds:
                self._wrong(f"{resident.id}: zone", str(resident.zone), "a zone of the zones file, to walk in")
        if self._problems:
            raise SceneError(self._problems)
        return Scene(site=site, timezone=timezone, residents=people, grounds=grounds, silent=silent)

    def _people(self, at: datetime, zones: tuple[str, ...]) -> tuple[tuple[Resident, ...], tuple[str, ...]]:
        worn_by = {
            row.get("device"): row.get("resident")
            for row in self._rows("assignments")
            if _covers(row, at.astimezone(UTC))
        }
        devices: dict[str, dict[str, str]] = {}
        silent = []
        for row in self._rows("devices"):
            device, kind = str(row.get("id", "")), row.get("type")
            resident = worn_by.get(device)
            if resident is None or row.get("format") != "native" or kind not in DEVICE_TYPES:
                silent.append(device)
                continue
            devices.setdefault(str(resident), {}).setdefault(kind, str(row.get("address", device)))
        plans = {str(row.get("resident")): row for row in self._rows("care_plans")}
        first = zones[0] if zones else None
        people = tuple(
            Resident(
                id=resident_id,
                devices=devices.get(resident_id, {}),
                zone=_zone_of(plans.get(resident_id, {})) or first,
                rules=tuple(str(rule.get("rule")) for rule in _rules(plans.get(resident_id, {}))),
            )
            for resident_id in (self._text(row, "id", "residents[].id") for row in self._rows("residents"))
        )
        return people, tuple(silent)

    def _grounds(self, name: object) -> dict[str, Ground]:
        if name is None:
            return {}
        path = self._path.parent / str(name)
        try:
            features = json.loads(path.read_text("utf-8-sig"))["features"]
        except OSError as error:
            self._problems.append(f"{path}: {error.strerror}: expected the zones file (GeoJSON)")
            return {}
        except (ValueError, KeyError, TypeError) as error:
            self._problems.append(f"{path}: {error}: expected a GeoJSON FeatureCollection")
            return {}
        grounds: dict[str, Ground] = {}
        for number, feature in enumerate(features):
            try:
                ground = _ground(feature)
                zone_id = str(feature["properties"]["id"])
            except (KeyError, TypeError, ValueError, IndexError) as error:
                self._problems.append(f"{path}: features[{number}]: {error!r}: expected properties.id and a geometry")
                continue
            if ground is not None:
                grounds[zone_id] = ground
        return grounds

    def _rows(self, key: str) -> list[dict[str, Any]]:
        rows = self._data.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._wrong(key, type(rows).__name__, f"tables [[{key}]]")
            self._data[key] = []
            return []
        return rows

    def _text(self, row: dict[str, Any], key: str, where: str) -> str:
        value = row.get(key)
        if isinstance(value, str) and value:
            return value
        self._wrong(where, repr(value), "a text that is not empty")
        return ""

    def _wrong(self, key: str, value: str, expected: str) -> None:
        self._problems.append(f"{self._path}: {key}: {value}: expected {expected}")


def _covers(row: dict[str, Any], at: datetime) -> bool:
    start, end = row.get("from"), row.get("to")
    return (not isinstance(start, datetime) or _aware(start) <= at) and (
        not isinstance(end, datetime) or at < _aware(end)
    )


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _zone_of(plan: dict[str, Any]) -> str | None:
    return next((str(rule["zone"]) for rule in _rules(plan) if "zone" in rule), None)


def _rules(plan: dict[str, Any]) -> list[dict[str, Any]]:
    rules = plan.get("rules", [])
    return [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []


def _ground(feature: dict[str, Any]) -> Ground | None:
    """The ground of a feature; None where nobody can walk about: a line, or a zone of rooms without a geometry."""
    geometry = feature["geometry"]
    if geometry is None:
        return None
    match geometry["type"]:
        case "Polygon":
            return Ground([[(float(c[0]), float(c[1])) for c in ring] for ring in geometry["coordinates"]])
        case "MultiPolygon":
            rings = [ring for polygon in geometry["coordinates"] for ring in polygon]
            return Ground([[(float(c[0]), float(c[1])) for c in ring] for ring in rings])
        case "Point" if "radius_m" in feature["properties"]:
            lon, lat = geometry["coordinates"][:2]
            return Ground.circle(float(lon), float(lat), float(feature["properties"]["radius_m"]))
        case _:
            return None
