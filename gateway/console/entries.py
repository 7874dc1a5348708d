"""Entries of the centre document: find, put, take out with what hangs on them, and offer their ids."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from babel import Locale

from devices import registry
from gateway.centre.diff import SITE, Document, entries, key_of
from gateway.centre.draft import TABLES
from gateway.console.form_read import Flaw
from gateway.errors import MOST_TOLD, Problem
from gateway.problems import WHOLE
from gateway.words import LANGUAGES, N_


class TableWords(NamedTuple):
    """What a table is called, msgids: many, one, and to add one."""

    many: str
    one: str
    add: str


TABLE_WORDS: Final[dict[str, TableWords]] = {
    SITE: TableWords(N_("The house itself"), N_("The house itself"), ""),
    "residents": TableWords(N_("Residents"), N_("Resident"), N_("Add a resident")),
    "devices": TableWords(N_("Devices"), N_("Device"), N_("Add a device by hand")),
    "assignments": TableWords(N_("Who has which device"), N_("Assignment"), N_("Add an assignment")),
    "carers": TableWords(N_("Carers and contacts"), N_("Carer"), N_("Add a carer")),
    "shifts": TableWords(N_("Shifts"), N_("Shift"), N_("Add a shift")),
    "policies": TableWords(N_("Who is told, in which order"), N_("Policy"), N_("Add a policy")),
    "care_plans": TableWords(N_("Care plans and rules"), N_("Care plan"), ""),
    "house_plans": TableWords(N_("Rules of the house"), N_("Rules of the house"), ""),
    "zones": TableWords(N_("Zones"), N_("Zone"), N_("Add a zone")),
    "calendars": TableWords(N_("Calendars"), N_("Calendar"), N_("Add a calendar")),
}

BEGIN_WITH: Final = ("help", "fall", "silent", "low_battery")
"""Rules of a new resident's plan: none of them needs a consent."""

IN_A_FORM: Final[dict[str, str]] = {
    "at least one [[carers.contacts]]: only an admin may have none": N_(
        "Please give one way at least to reach them; only an administrator may have none."
    ),
    "weekly windows, a calendar or a url: somebody has to be on duty": N_(
        "Please say when somebody is on duty: every week, by a calendar, or by a web address."
    ),
    "a calendar or a url, not both; write a second shift with the same role": N_(
        "Please give a calendar or a web address, not both; for the other, add a second shift with the same role."
    ),
}
"""What is expected of an entry as a whole: words for whoever sees a form, and no file."""

_KEYED_BY_NUMBER: Final = {"residents": "r", "devices": "d"}
"""Ids go into topics, links and logs: those of residents and devices say nothing of a person."""

_ENTRY: Final = re.compile(r"^(?P<table>\w+)\[(?P<number>\d+)\]\.?(?P<rest>.*)$")


def find(document: Mapping[str, Any], table: str, key: str) -> Mapping[str, Any] | None:
    """The entry; None: there is none of that key."""
    return entries(document, table).get(key)


def put(document: Document, table: str, key: str | None, entry: dict[str, Any]) -> int:
    """Put an entry in the place of that key's, or at the end; returns its place."""
    if table == SITE:
        document[SITE] = entry
        return 0
    listed = document.setdefault(table, [])
    for number, old in enumerate(listed):
        if key is not None and key_of(table, old) == key:
            listed[number] = entry
            return number
    listed.append(entry)
    return len(listed) - 1


def take_out(document: Document, table: str, key: str) -> list[tuple[str, str]]:
    """Take an entry out, and what can't be without it: plans and assignments. Returns all of it as (table, key).

    What names it elsewhere, such as a policy that tells a carer, stays: the check then says where.
    """
    gone = [(table, key), *hanging_on(document, table, key)]
    for name, one in gone:
        document[name] = [entry for entry in document.get(name, ()) if key_of(name, entry) != one]
    return gone


def hanging_on(document: Mapping[str, Any], table: str, key: str) -> list[tuple[str, str]]:
    """What goes with an entry, as (table, key)."""
    word = {"residents": "resident", "devices": "device"}.get(table)
    if word is None:
        return []
    return [
        (name, key_of(name, entry))
        for name in ("assignments", "care_plans")
        for entry in document.get(name, ())
        if entry.get(word) == key
    ]


def new_id(document: Mapping[str, Any], table: str, name: str, *, used: Collection[str] = ()) -> str:
    """A free id for a new entry: a number where ids are seen by others, from the name otherwise; none of ``used``."""
    taken = {*entries(document, table), *used}
    letter = _KEYED_BY_NUMBER.get(table)
    if letter is not None:
        number = 1 + max((int(one[1:]) for one in taken if re.fullmatch(rf"{letter}\d{{1,9}}", one)), default=0)
        return f"{letter}{number:02d}"
    plain = unicodedata.normalize("NFKD", name.split(" ", maxsplit=1)[0] if table == "carers" else name)
    base = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower()).strip("-")[:40] or table[:1]
    return next(one for one in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if one not in taken)


def offered(document: Mapping[str, Any], *, resident: str | None = None) -> dict[str, list[tuple[str, str]]]:
    """Ids and names to choose from; with ``resident`` only the devices that this person has."""
    own = {one["device"] for one in document.get("assignments", ()) if one.get("resident") == resident}
    devices = [one for one in document.get("devices", ()) if resident is None or one.get("id") in own]
    roles = dict.fromkeys(str(one.get("role") or one.get("id")) for one in document.get("shifts", ()))
    wards = sorted({str(one["ward"]) for one in document.get("residents", ()) if one.get("ward")})
    return {
        "wards": [(ward, ward) for ward in wards],
        "residents": [(one["id"], f"{one['name']} ({one['room']})") for one in document.get("residents", ())],
        "devices": [(one["id"], device_words(one)) for one in devices],
        "hubs": [(one["id"], device_words(one)) for one in document.get("devices", ()) if one.get("type") == "hub"],
        "carers": [(one["id"], one["name"]) for one in document.get("carers", ())],
        "policies": [(one["id"], one["id"]) for one in document.get("policies", ())],
        "zones": [(one["id"], one["name"]) for one in document.get("zones", ())],
        "calendars": [(one["id"], one["id"]) for one in document.get("calendars", ())],
        "roles": [(role, role) for role in roles],
        "languages": [(code, str(Locale(code).get_display_name(code)).capitalize()) for code in LANGUAGES],
        "formats": [(known.name, known.title) for known in registry.FORMATS],
    }


def device_words(device: Mapping[str, Any]) -> str:
    """How a device is named in lists: its id, and its model where it is known."""
    return f"{device['id']} ({device['model']})" if device.get("model") else str(device["id"])


def spread(problems: Sequence[Problem], table: str, number: int) -> tuple[dict[str, Flaw], list[str]]:
    """The problems of one entry by the path of their field, and all others as sentences."""
    own: dict[str, Flaw] = {}
    others: list[str] = []
    for one in problems:
        text = re.sub(r' \(in "[^"]*"\)$', "", one.expected.removeprefix("expected "))
        text = IN_A_FORM.get(text) or text[:1].upper() + text[1:]
        found = _ENTRY.match(one.key)
        if table == SITE and one.key.startswith("centre."):
            own.setdefault(one.key.removeprefix("centre."), Flaw(text))
        elif found and found["table"] == table and int(found["number"]) == number and found["rest"]:
            own.setdefault(re.sub(r"\[(\d+)\]", r".\1", found["rest"]), Flaw(text))
        else:
            others.append(text if one.key == WHOLE else f"{one.key}: {text}")
    if len(others) > MOST_TOLD:
        others[MOST_TOLD:] = [f"… and {len(others) - MOST_TOLD} more"]
    return own, others


def known_table(table: str) -> bool:
    """Whether there is such a table, the house itself included."""
    return table == SITE or table in TABLES
