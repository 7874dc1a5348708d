"""``telecare centre set-zone`` and ``remove-zone``: one place changed, without the whole centre file."""

from contextlib import closing
from json import loads
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.centre.files import MOST_ZONES, read_named, text_of
from gateway.cli.common import (
    CLOCK,
    DEFAULT_CONFIG,
    ERR,
    OUT,
    ConfigOption,
    JsonOption,
    fail,
    operator,
    print_json,
    settings_and_database,
)
from gateway.errors import CentreError, VersionConflictError
from gateway.store import centres
from gateway.store.centres import Applied
from gateway.store.database import reader
from gateway.store.writer import write_now

_FIELDS = ("id", "name", "radius_m", "width_m", "rooms", "beacons")
WhyOption = Annotated[str | None, typer.Option("--why", help="Why, for the list of versions.")]


def set_zone(
    file: Annotated[Path, typer.Argument(help="A GeoJSON Feature with properties id and name.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    why: WhyOption = None,
    json: JsonOption = False,
) -> None:
    """Put a zone in place of the one of its id, or add it: a new version of the centre, checked as a whole."""
    zone = _zone(file)

    def edit(document: dict[str, Any]) -> None:
        zones = document.setdefault("zones", [])
        places = [number for number, one in enumerate(zones) if one["id"] == zone["id"]]
        if places:
            zones[places[0]] = zone
        else:
            zones.append(zone)

    applied = _apply(config, edit, why or f"set-zone {zone['id']}")
    _say(applied, f"{zone['id']} is in force", json_=json)


def remove_zone(
    zone: Annotated[str, typer.Argument(help="Id of the zone.")],
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    why: WhyOption = None,
    json: JsonOption = False,
) -> None:
    """Take a zone out; refused while a rule names it."""

    def edit(document: dict[str, Any]) -> None:
        zones = document.get("zones", [])
        left = [one for one in zones if one["id"] != zone]
        if len(left) == len(zones):
            known = ", ".join(one["id"] for one in zones) or "none"
            raise fail(f"expected the id of a zone, one of: {known}")
        document["zones"] = left

    applied = _apply(config, edit, why or f"remove-zone {zone}")
    _say(applied, f"{zone} is gone", json_=json)


def _zone(file: Path) -> dict[str, Any]:
    try:
        text = text_of(read_named(file, MOST_ZONES))
    except UnicodeDecodeError as error:
        raise fail(f"{file}: expected UTF-8 text") from error
    except ValueError as error:
        raise fail(f"{file}: {error}") from error
    try:
        feature = loads(text)
    except (ValueError, RecursionError) as error:
        raise fail(f"{file}: expected JSON: {error}") from error
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict) or feature.get("type") != "Feature" or not properties.get("id"):
        raise fail(f"{file}: expected a GeoJSON Feature with properties id and name")
    zone = {key: properties[key] for key in _FIELDS if properties.get(key) is not None}
    if feature.get("geometry") is not None:
        zone["geometry"] = feature["geometry"]
    return zone


def _apply(config: Path, edit: Any, why: str | None) -> Applied:
    _, path = settings_and_database(config)
    with closing(reader(path)) as db:
        newest = centres.latest_number(db)
        document = centres.document_of(db, newest)
    if document is None:
        raise fail("No care centre was applied yet: run `telecare centre apply FILE`.")
    edit(document)
    try:
        # Outside of the transaction: a running gateway must not wait until a large house is checked.
        wanted = centres.checked(document)
        who = operator()
        return write_now(path, lambda tx: centres.apply_ready(tx, wanted, who=who, why=why, base=newest), clock=CLOCK)
    except VersionConflictError as error:
        raise fail(str(error)) from error
    except CentreError as error:
        ERR.print(str(error), markup=False)
        raise fail("Nothing was changed.") from error


def _say(applied: Applied, what: str, *, json_: bool) -> None:
    if json_:
        print_json(applied)
    else:
        OUT.print(f"Version {applied.version}: {what}." if applied.changed else "Nothing to change.", markup=False)
