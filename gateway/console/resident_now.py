"""What a carer reads first on a resident's page: what is open and the next step, protection, the last place, notes;
and the tab of devices."""

import sqlite3
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec

from devices.model import KINDS, Position, Status
from gateway import words
from gateway.centre.model import Device
from gateway.clock import from_ms
from gateway.console.pages import Tongue
from gateway.console.privacy import Purpose
from gateway.console.resident_timeline import open_of
from gateway.console.resident_who import LEVELS, NOT_KNOWN, Looked, protection_of
from gateway.console.view import Line, name_of, row_of
from gateway.store import notes, places
from gateway.store.fixes import last_position, taken_at
from gateway.words import N_
from rules.model import Reason
from rules.protection import Level

NOTES: Final = 5
"""Notes on the first tab; the others are in the timeline."""

_REASONS: Final = msgspec.json.Decoder(tuple[Reason, ...])

DEVICE_TYPES: Final[dict[str, str]] = {
    "tracker": N_("Tracker"),
    "fall_detector": N_("Fall detector"),
    "bed_sensor": N_("Bed sensor"),
    "continence_sensor": N_("Continence sensor"),
    "sos_button": N_("Help button"),
    "hub": N_("Hub"),
    "door_sensor": N_("Door sensor"),
    "motion_sensor": N_("Motion sensor"),
    "room_sensor": N_("Room sensor"),
    "lamp": N_("Lamp"),
    "other": N_("Device"),
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The last known place: how old the fix is, how exact, and where it is shown."""

    iso: str
    ago: str
    accuracy: str | None
    map: str


class DeviceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A device as the page lists it."""

    id: str
    title: str
    model: str | None
    heard: str | None
    heard_iso: str | None
    battery: str | None
    low: bool
    worn: str
    past: bool


def parts(db: sqlite3.Connection, seen: Looked) -> dict[str, Any]:
    """What the first tab's template needs."""
    tongue, resident, index = seen.tongue, seen.resident, seen.index
    kept = protection_of(db, [resident.id]).get(resident.id) if seen.visitor.sees_everyone else None
    found = [
        (row_of(alert, index, tongue, seen.visitor.id), words.next_step(alert.rule, tongue.language))
        for alert in open_of(db, resident.id, seen.allowed)
    ]
    return {
        "rows": found,
        "level": kept[0].value if kept else "",
        "level_text": tongue(LEVELS[kept[0]] if kept else NOT_KNOWN),
        "level_since": tongue.at(from_ms(kept[2])) if kept else None,
        "missing": missing(kept[1], tongue) if kept and kept[0] is not Level.PROTECTED else [],
        "place": last_place(db, seen),
        "hidden": seen.hidden(),
        "notes": note_lines(db, seen) if seen.visitor.sees_everyone else [],
        "note_key": str(uuid4()),
        "longest": notes.LONGEST,
    }


def last_place(db: sqlite3.Connection, seen: Looked) -> Place | None:
    """Where the resident was last; None: it is not shown, or not known."""
    found = last_fix(db, seen)
    if found is None:
        return None
    at, position = found
    language, accuracy = seen.tongue.language, position.accuracy_m
    return Place(
        iso=at.isoformat(),
        ago=words.ago(at, language, seen.tongue.now),
        accuracy=None if accuracy is None else words.distance(accuracy, language),
        map=f"/map?resident={seen.resident.id}",
    )


def last_fix(db: sqlite3.Connection, seen: Looked) -> tuple[datetime, Position] | None:
    """The last position and when it was taken (UTC); None: it is not shown, or not known."""
    if not seen.purposes[Purpose.LOCATION].allowed:
        return None
    found = last_position(db, seen.resident.id)
    if found is None or not isinstance(found.reading, Position):
        return None
    return taken_at(found), found.reading


def missing(kept: str, tongue: Tongue) -> list[str]:
    """What a resident's protection lacks (JSON as it is stored), a sentence each."""
    return [tongue.reason(reason) for reason in _REASONS.decode(kept)]


def note_lines(db: sqlite3.Connection, seen: Looked) -> list[tuple[Line, str, notes.Note]]:
    """The newest notes: when and who, the text, and the note itself."""
    return [
        (
            Line(seen.tongue.at(note.at), note.at.isoformat(), name_of(note.who, seen.index, seen.tongue)),
            note.text,
            note,
        )
        for note in notes.notes(db, seen.resident.id, limit=NOTES)
    ]


def devices(db: sqlite3.Connection, seen: Looked) -> dict[str, Any]:
    """What the tab of devices needs: those that are worn now first, then the earlier ones."""
    now = seen.tongue.now
    heard = heard_of(db, seen.resident.id, now + timedelta(minutes=1))
    lines = []
    for one in seen.index.centre.assignments:
        if one.resident == seen.resident.id:
            past = one.end is not None and one.end <= now
            lines.append(_device(seen, heard, seen.index.devices[one.device], one.start, one.end, past=past))
    return {"lines": sorted(lines, key=lambda line: (line.past, line.title, line.id))}


def _device(
    seen: Looked,
    known: dict[str, tuple[datetime, float | None]],
    device: Device,
    start: datetime,
    end: datetime | None,
    *,
    past: bool,
) -> DeviceLine:
    tongue = seen.tongue
    heard, battery = known.get(device.id, (None, None))
    since = words.day(start.astimezone(tongue.timezone).date(), tongue.language)
    until = None if end is None else words.day(end.astimezone(tongue.timezone).date(), tongue.language)
    return DeviceLine(
        id=device.id,
        title=tongue(DEVICE_TYPES.get(device.type, N_("Device"))),
        model=device.model,
        heard=None if heard is None else words.ago(heard, tongue.language, tongue.now),
        heard_iso=None if heard is None else heard.isoformat(),
        battery=None if battery is None else words.percent(battery, tongue.language),
        low=battery is not None and battery <= LOW,
        worn=tongue(N_("Since {day}"), day=since) if until is None else f"{since} – {until}",
        past=past,
    )


NEWEST: Final = 60
"""Readings of a kind among which the devices' last words are looked for: ten devices get in their turn."""

LOW: Final = 20.0
"""Percent at which a battery is shown as low (the default of the rule low_battery)."""


def heard_of(db: sqlite3.Connection, resident: str, until: datetime) -> dict[str, tuple[datetime, float | None]]:
    """When each device last said something of this resident (UTC), and its last word on its battery, in percent.

    Among the newest NEWEST readings of each kind; who is not among them was not heard for long.
    """
    found: dict[str, tuple[datetime, float | None]] = {}
    for kind in KINDS:
        for one in places.readings(db, resident, (kind,), from_ms(0), until, most=NEWEST):
            heard, battery = found.get(one.device, (one.received_at, None))
            if isinstance(one.reading, Status) and one.reading.battery_percent is not None:
                battery = one.reading.battery_percent
            found[one.device] = max(heard, one.received_at), battery
    return found
