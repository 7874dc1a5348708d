"""Values of the centre file as people say them: names instead of ids, lengths of time, days, lists and groups."""

import re
from datetime import datetime
from typing import Any, Final

from gateway.centre.index import CentreIndex
from gateway.console.form_fields import said
from gateway.console.form_schema import LABELS, REFERENCES, spoken
from gateway.console.pages import Tongue
from gateway.console.wards import ward_name
from gateway.words import N_, date_of, distance, duration

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_CLOCK: Final = re.compile(r"(\d\d:\d\d):\d\d(\.0+)?")

NOTHING: Final = "–"


def label_of(key: str, tongue: Tongue) -> str:
    """What a key of the centre file is called in forms."""
    return tongue(LABELS.get(key) or spoken(key))


def entry_name(table: str, key: str, index: CentreIndex, tongue: Tongue) -> str:
    """What people call an entry of which only the key is known; the key, if nobody of it is there any more."""
    match table:
        case "residents" | "care_plans":
            person = index.person(key)
            return key if person is None else person.name
        case "carers":
            return index.carer_name(key) or key
        case "devices":
            device = index.devices.get(key)
            return key if device is None else f"{said(device.type, tongue)} {key}"
        case "assignments":
            device_id, _, rest = key.partition("/")
            resident, _, since = rest.partition("/")
            pair = [entry_name(*one, index, tongue) for one in (("devices", device_id), ("residents", resident))]
            return " → ".join(pair) + (f" ({_said(since, '', index, tongue)})" if since else "")
        case _:
            return key


def value_said(value: Any, key: str, index: CentreIndex, tongue: Tongue) -> str:
    """A value of the centre file, in words.

    Args:
        value: as it stands in the document.
        key: under which it stands: it says whose id, or which unit it is.
        index: for the names.
        tongue: the reader's.
    """
    if value is None or value in ("", [], {}):
        return NOTHING
    match value:
        case bool():
            return tongue(N_("yes")) if value else tongue(N_("no"))
        case dict():
            parts = ((label_of(one, tongue), value_said(inner, one, index, tongue)) for one, inner in value.items())
            return "; ".join(f"{label}: {text}" for label, text in parts if text != NOTHING) or NOTHING
        case list():
            groups = any(isinstance(one, dict | list) for one in value)
            return (" / " if groups else ", ").join(value_said(one, key, index, tongue) for one in value)
        case str():
            return _said(value, key, index, tongue)
    return _number(value, key, tongue)


def _number(value: float, key: str, tongue: Tongue) -> str:
    if key.endswith("_s"):
        return duration(value, tongue.language)
    return distance(value, tongue.language) if key.endswith("_m") else f"{value:g}"


def _said(value: str, key: str, index: CentreIndex, tongue: Tongue) -> str:
    if value.startswith("data:"):
        return tongue(N_("a photo"))
    if key in {"ward", "wards"}:
        return ward_name(value)
    if _MOMENT.fullmatch(value):
        return _moment(value, tongue)
    if clock := _CLOCK.fullmatch(value):
        return clock[1]
    known = said(value, tongue)
    return known if known != value else entry_name(REFERENCES.get(key, ""), value, index, tongue)


def _moment(value: str, tongue: Tongue) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    if at.tzinfo is None:
        return value
    if (at.hour, at.minute) == (0, 0):  # the beginning of a day, as people write it
        return date_of(at.date(), tongue.language)
    local = at.astimezone(tongue.timezone)
    return f"{date_of(local.date(), tongue.language)} {local:%H:%M}"
