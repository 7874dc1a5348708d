"""Read a care centre: one TOML file, its zones and its calendars, checked as a whole before any of it is used."""

import json
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from gateway.centre import photos
from gateway.centre.check import check
from gateway.centre.diff import SITE
from gateway.centre.draft import Draft, Place
from gateway.centre.files import MOST_CALENDAR, MOST_ZONES, Beside, read_named, text_of
from gateway.centre.known import NOTHING, Known, stored_text
from gateway.centre.model import (
    Assignment,
    Calendar,
    CarePlan,
    Carer,
    Centre,
    Device,
    HousePlan,
    Policy,
    Resident,
    Shift,
    Zone,
)
from gateway.centre.plans import UNREAD
from gateway.centre.sheets import Sheets, bound
from gateway.centre.write import export_centre, to_document
from gateway.errors import CentreError, Problem
from gateway.problems import shown

__all__ = ["Checked", "centre_from_document", "checked", "export_centre", "load_centre", "to_document"]

_WHOLE = "(the whole file)"
_PROPERTIES = ("id", "name", "radius_m", "width_m", "rooms", "beacons")


def load_centre(path: Path, *, sent: frozenset[str] | None = None) -> Centre:
    """Read centre.toml and the files that it names relative to itself: GeoJSON in ``centre.zones``, iCalendar, photos.

    Args:
        path: the TOML file.
        sent: for a file that somebody sent: the names of the files beside it that came with it. No other file can be
            named then. None: it is the operator's own.

    Raises:
        CentreError: with every problem of all files at once.
    """
    beside = Beside(path.parent, sent)
    document = _read_toml(path)
    problems: list[Problem] = []
    zones = document.get("zones", [])
    places = [Place(path.name, f"zones[{number}]") for number in range(len(zones) if isinstance(zones, list) else 0)]
    site = document.get("centre")
    if isinstance(site, dict) and "zones" in site:
        name = site.pop("zones")
        if not isinstance(name, str):
            problems.append(Problem(path.name, "centre.zones", shown(name), "expected the name of a GeoJSON file"))
        elif isinstance(zones, list):
            for place, zone in _read_geojson(beside, name, problems):
                places.append(place)
                zones.append(zone)
            document["zones"] = zones
    _read_calendars(document, path.name, beside, problems)
    problems += photos.read_into(document, path.name, beside)
    return _centre(document, file=path.name, zone_places=places, problems=problems)


def centre_from_document(document: Mapping[str, Any], *, file: str = "centre") -> Centre:
    """A Centre from what :func:`to_document` made: one document with the zones in it.

    Raises:
        CentreError: with every problem; ``file`` names the document in them.
    """
    return _centre(document, file=file, zone_places=None, problems=[])


class Checked(NamedTuple):
    """A centre that holds, how it is stored, and what the check of the next version may take from this one."""

    centre: Centre
    sheets: Sheets
    known: Known


def checked(document: Mapping[str, Any], *, file: str = "centre", known: Known = NOTHING) -> Checked:
    """The same as :func:`centre_from_document`, in a fraction of the time where little differs from a centre before.

    The whole is checked: every entry that is new or changed, every care plan whose own entry, devices, zones or
    surroundings changed, and how all entries fit together.

    Args:
        document: what JSON holds, zones in it; it is not changed.
        file: names the document in problems.
        known: of the centre before, or of any other.

    Raises:
        CentreError: with every problem; the same as without ``known``.
    """
    draft = Draft(document, file=file, known=known)
    centre = _held(draft, [])
    assert draft.found is not None
    return Checked(centre, bound({SITE: [stored_text(centre.centre)], **draft.texts}), draft.found)


def _centre(
    document: Mapping[str, Any], *, file: str, zone_places: list[Place] | None, problems: list[Problem]
) -> Centre:
    # Zones that could not be read are not unknown: who names them made no mistake.
    draft = Draft(document, file=file, zone_places=zone_places, all_zones=not problems)
    return _held(draft, problems)


def _held(draft: Draft, problems: list[Problem]) -> Centre:
    problems = [*problems, *draft.problems, *check(draft)]
    if problems or draft.site is None:
        raise CentreError(draft.told(problems))
    return Centre(
        centre=draft.site,
        residents=draft.parsed(Resident),
        devices=draft.parsed(Device),
        assignments=draft.parsed(Assignment),
        carers=draft.parsed(Carer),
        shifts=draft.parsed(Shift),
        policies=draft.parsed(Policy),
        care_plans=draft.parsed(CarePlan),
        house_plans=draft.parsed(HousePlan),
        zones=draft.parsed(Zone),
        calendars=draft.parsed(Calendar),
    )


def _read_calendars(document: dict[str, Any], file: str, beside: Beside, problems: list[Problem]) -> None:
    """Put the text of each calendar's file in the place of its name; what is wrong goes to ``problems``."""
    tables = document.get("calendars")
    for number, table in enumerate(tables if isinstance(tables, list) else []):
        if not isinstance(table, dict) or "file" not in table:
            continue
        name, key = table.pop("file"), f"calendars[{number}].file"
        if not isinstance(name, str) or "text" in table:
            expected = "expected the name of an iCalendar file, and no text beside it"
            problems.append(Problem(file, key, shown(name), expected))
        else:
            try:
                table["text"] = _text(name, partial(beside.read, name, MOST_CALENDAR))
                continue
            except CentreError as error:
                problems += error.problems
        table.setdefault("text", UNREAD)


def _read_toml(path: Path) -> dict[str, Any]:
    text = _text(path.name, partial(read_named, path))
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a ValueError of its own
        why = error if isinstance(error, tomllib.TOMLDecodeError) else "a number or a nesting in it has no end"
        raise CentreError([Problem(path.name, _WHOLE, "(not TOML)", f"expected TOML: {why}")]) from error


def _text(file: str, read: Callable[[], bytes]) -> str:
    try:
        return text_of(read())
    except UnicodeDecodeError as error:
        raise CentreError([Problem(file, _WHOLE, f"byte {error.start}", "expected UTF-8 text")]) from error
    except ValueError as error:
        raise CentreError([Problem(file, _WHOLE, shown(file), str(error))]) from error


def _read_geojson(beside: Beside, file: str, problems: list[Problem]) -> list[tuple[Place, dict[str, Any]]]:
    """The features of a GeoJSON file as zones, each with its place; what is wrong goes to ``problems``."""
    try:
        collection = json.loads(_text(file, partial(beside.read, file, MOST_ZONES)), parse_constant=_no_constant)
    except CentreError as error:
        problems += error.problems
        return []
    except (ValueError, RecursionError) as error:
        problems.append(Problem(file, _WHOLE, "(not JSON)", f"expected JSON: {error}"))
        return []
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or collection.get("type") != "FeatureCollection":
        # Its content is not shown: it may be any file.
        problems.append(Problem(file, _WHOLE, "(not GeoJSON)", "expected a GeoJSON FeatureCollection with features"))
        return []
    found = []
    for number, feature in enumerate(features):
        place = Place(file, f"features[{number}]", geojson=True)
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            problems.append(
                Problem(file, place.key, shown(feature), "expected a GeoJSON Feature with properties id and name")
            )
            continue
        # Map editors add properties of their own (colours, notes): they are no business of ours.
        zone = {key: properties[key] for key in _PROPERTIES if properties.get(key) is not None}
        if feature.get("geometry") is not None:
            zone["geometry"] = feature["geometry"]
        found.append((place, zone))
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")
