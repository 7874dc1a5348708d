"""Write a care centre: as one JSON-able document for the store, or as TOML and GeoJSON for people."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import tomli_w

from gateway.centre.model import CarePlan, Centre, HousePlan

_MADE_FROM: Final = re.compile(r"^# Written from version (\d{1,12}) \(([0-9a-f]{12})\)", re.MULTILINE)


class MadeFrom(NamedTuple):
    """The stored version that a file was written from, and how its digest begins."""

    version: int
    digest: str


def head(version: int, digest: str) -> str:
    """The remark at the top of an exported file: which version it was written from. ``telecare centre apply`` sees by
    it what was changed since then."""
    return (
        f"# Written from version {version} ({digest[:12]}). Keep this line: it tells what was changed since then.\n\n"
    )


def made_from(text: str) -> MadeFrom | None:
    """What :func:`head` says at the beginning of a file; None: it does not say."""
    found = _MADE_FROM.search(text[:1000])
    return None if found is None else MadeFrom(int(found[1]), found[2])


def to_document(centre: Centre) -> dict[str, Any]:
    """The whole centre as plain JSON values, defaults written out: what a stored version holds."""
    return centre.model_dump(mode="json", by_alias=True, exclude_none=True)


def export_centre(centre: Centre, path: Path, *, remark: str = "") -> None:
    """Write the centre to ``path`` (TOML) and its zones and calendars beside it (``<name>.zones.geojson``,
    ``<name>.<calendar>.ics``).

    Values that are the default anyway are left out. Loading ``path`` gives an equal Centre. Each file is written
    whole under another name and then put in place, ``path`` last; only their owner can read them. ``remark``: what
    :func:`head` says.

    Raises:
        OSError: the files can't be written.
    """
    document = centre.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    tables: dict[str, Sequence[CarePlan | HousePlan]] = {
        "care_plans": centre.care_plans,
        "house_plans": centre.house_plans,
    }
    for table, plans in tables.items():
        for plan, exported in zip(plans, document.get(table, ()), strict=True):
            for settings, rule in zip(plan.rules, exported.get("rules", ()), strict=True):
                rule["rule"] = settings.name  # the word that tells rules apart is a default, but must be written
            exported["rules"] = [{"rule": rule.pop("rule"), **rule} for rule in exported.get("rules", ())]
    zones = document.pop("zones", ())
    if zones:
        beside = path.with_name(f"{path.stem}.zones.geojson")
        document["centre"]["zones"] = beside.name
        _replace(beside, json.dumps(_geojson(zones), ensure_ascii=False, indent=1) + "\n")
    for calendar, exported in zip(centre.calendars, document.get("calendars", ()), strict=True):
        beside = path.with_name(f"{path.stem}.{calendar.id}.ics")
        _replace(beside, exported.pop("text"))
        exported["file"] = beside.name
    _replace(path, remark + tomli_w.dumps(document))


def _geojson(zones: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {key: value for key, value in zone.items() if key != "geometry"},
                "geometry": zone.get("geometry"),
            }
            for zone in zones
        ],
    }


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    # For its owner only: names, care notes and consents stand in it, and addresses that are secrets.
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    beside.replace(path)
