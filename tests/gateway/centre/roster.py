"""A house with shifts, for tests: nurses by the week, a calendar, whoever a test adds."""

from copy import deepcopy
from typing import Any

from gateway.centre.load import centre_from_document
from gateway.centre.model import Centre

WEEK: dict[str, Any] = {
    "id": "nurse",
    "weekly": [
        {"days": "daily", "from": "07:00", "to": "19:00", "carers": ["nora"]},
        {"days": "daily", "from": "19:00", "to": "07:00", "carers": ["ben"]},
    ],
}

DOCUMENT: dict[str, Any] = {
    "centre": {"id": "haven", "name": "Haven House", "timezone": "Europe/Malta"},
    "residents": [{"id": "r01", "name": "Carmen Vella", "room": "101", "relatives": ["rita"]}],
    "carers": [
        {"id": one, "name": one.title(), "role": role, "contacts": [{"channel": "smtp", "address": f"{one}@x.org"}]}
        for one, role in (
            ("nora", "carer"), ("ben", "carer"), ("ida", "carer"), ("rita", "relative"), ("sam", "manager"),
        )
    ] + [
        {"id": "arc", "name": "Alarm centre", "kind": "alarm_centre", "contacts": [{"channel": "log"}]},
        {"id": "boss", "name": "Boss", "role": "admin"},
    ],
    "shifts": [WEEK],
    "policies": [
        {
            "id": "standard",
            "steps": [{"roles": ["nurse"], "wait_s": 120}, {"to": ["ida"], "wait_s": 60}],
            "failsafe": ["sam"],
        }
    ],
    "care_plans": [{"resident": "r01", "policy": "standard"}],
}  # fmt: skip


def house(**tables: Any) -> Centre:
    """The house, with other tables in place of some."""
    return centre_from_document(deepcopy(DOCUMENT) | tables)


def ics(*events: str) -> str:
    """A calendar of events, each as ``UID|DTSTART|DTEND|SUMMARY`` and more lines after that."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for number, event in enumerate(events):
        start, end, summary, *more = event.split("|")
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z", f"DTSTART{start}", f"DTEND{end}"]
        lines += [f"SUMMARY:{summary}", *more, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])
