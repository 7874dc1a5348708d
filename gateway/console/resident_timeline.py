"""A resident's timeline: alerts and what was answered, notes, commands, and readings in words; by day and by week."""

import sqlite3
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import msgspec

from devices.model import KINDS
from gateway.alerts import queries, rows
from gateway.alerts.model import Alert, most_urgent_first
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.console.pages import Tongue
from gateway.console.resident_words import Entry, entries
from gateway.console.view import history_lines, name_of, title_of
from gateway.store import notes, places
from gateway.words import N_

MOST_READINGS: Final = 2_000
"""Readings of a kind that are put into words for a day; of a sensor that talks more, values between are left out."""

MOST_ALERTS: Final = 100
"""Alerts of a day that are listed: more is a device gone mad, and the past alerts have them all."""

LATE: Final = timedelta(hours=36)
"""So much later may a reading of the day have come (as gateway.store.care says of nights)."""

_COMMANDS: Final[dict[str, str]] = {
    "ring": N_("Ring"),
    "find": N_("Make it heard"),
    "locate": N_("Ask where it is"),
    "light-on": N_("Light on"),
    "light-off": N_("Light off"),
    "light-day": N_("Day light"),
    "light-evening": N_("Evening light"),
    "light-night": N_("Night light"),
}
_CHANGES: Final = frozenset({"bed", "continence", "help", "fall"})


class Allowed(msgspec.Struct, frozen=True):
    """What the reader may see: kinds of readings, and whether notes and commands (staff only)."""

    kinds: frozenset[str]
    staff: bool
    visitor: str


class DayCount(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the week's list: titles of its alerts and how often, notes, and messages of sensors."""

    day: date
    alerts: tuple[tuple[str, int], ...]
    notes: int
    readings: int


def bounds(day: date, index: CentreIndex) -> tuple[datetime, datetime]:
    """From midnight to midnight of the house, in UTC."""
    start = datetime.combine(day, time(), index.timezone)
    end = datetime.combine(day + timedelta(days=1), time(), index.timezone)
    return start.astimezone(UTC), end.astimezone(UTC)


def day_entries(
    db: sqlite3.Connection, index: CentreIndex, resident: str, day: date, allowed: Allowed, tongue: Tongue
) -> list[Entry]:
    """Everything of a day, the newest first."""
    start, end = bounds(day, index)
    found = [_alert_entry(db, index, alert, tongue, allowed) for alert in alerts_of(db, resident, start, end, allowed)]
    if allowed.staff:
        found += [_note_entry(note, index, tongue) for note in notes.notes(db, resident, since=start, until=end)]
        found += _commands(db, index, resident, start, end, tongue)
    seen: list[places.Found] = []
    for kind in KINDS:
        if kind in allowed.kinds:
            seen += places.readings(
                db, resident, (kind,), start, end + LATE, most=MOST_READINGS, every=kind in _CHANGES
            )
    found += entries([one for one in seen if start <= one.at < end], tongue)
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def week(
    db: sqlite3.Connection, index: CentreIndex, resident: str, last: date, allowed: Allowed, tongue: Tongue
) -> list[DayCount]:
    """The seven days up to ``last``, the newest first."""
    found = []
    for back in range(7):
        day = last - timedelta(days=back)
        start, end = bounds(day, index)
        titles = Counter(
            title_of(alert.rule, tongue, index.own_title(alert.resident, alert.rule_key))
            for alert in alerts_of(db, resident, start, end, allowed)
        )
        kinds = [kind for kind in KINDS if kind in allowed.kinds]
        found.append(
            DayCount(
                day=day,
                alerts=tuple(titles.items()),
                notes=len(notes.notes(db, resident, since=start, until=end)) if allowed.staff else 0,
                readings=len(places.places(db, resident, kinds, start, end, MOST_READINGS)),
            )
        )
    return found


def alerts_of(db: sqlite3.Connection, resident: str, since: datetime, until: datetime, allowed: Allowed) -> list[Alert]:
    """A resident's alerts that came in that time (UTC), the newest first; for relatives, those they were told of."""
    return _alerts(db, resident, allowed, "raised_at >= ? AND raised_at < ?", (to_ms(since), to_ms(until)), MOST_ALERTS)


def past_alerts(
    db: sqlite3.Connection, resident: str, allowed: Allowed, *, before: int | None, limit: int
) -> list[Alert]:
    """A resident's alerts, the newest first, with smaller numbers than ``before``."""
    return _alerts(db, resident, allowed, "id < ?", (before or 1 << 62,), limit)


def open_of(db: sqlite3.Connection, resident: str, allowed: Allowed) -> list[Alert]:
    """What is open about a resident, the most urgent first."""
    return most_urgent_first(_alerts(db, resident, allowed, "state != 'closed'", (), MOST_ALERTS))


def _alerts(
    db: sqlite3.Connection, resident: str, allowed: Allowed, condition: str, values: tuple[int, ...], limit: int
) -> list[Alert]:
    told = "1" if allowed.staff else "EXISTS (SELECT 1 FROM notifications WHERE alert = alerts.id AND carer = ?)"
    found = db.execute(
        f"SELECT * FROM alerts WHERE resident = ? AND {condition} AND {told} ORDER BY id DESC LIMIT ?",  # noqa: S608
        (resident, *values, *(() if allowed.staff else (allowed.visitor,)), limit),
    )
    return [rows.alert_of(row) for row in found]


def _alert_entry(db: sqlite3.Connection, index: CentreIndex, alert: Alert, tongue: Tongue, allowed: Allowed) -> Entry:
    lines = history_lines(queries.history(db, alert.id)[1:], index, tongue, staff=allowed.staff)
    title = title_of(alert.rule, tongue, index.own_title(alert.resident, alert.rule_key))
    return Entry(
        at=alert.raised_at,
        kind="alert",
        text=f"{title}. {tongue.reason(alert.reason)}",
        alert=alert.id,
        lines=tuple(f"{line.at} {line.text}" for line in lines),
    )


def _note_entry(note: notes.Note, index: CentreIndex, tongue: Tongue) -> Entry:
    return Entry(
        at=note.at,
        kind="note",
        text=note.text,
        who=name_of(note.who, index, tongue),
        note=note.id,
        corrects=note.corrects,
        corrected_by=note.corrected_by,
    )


def _commands(
    db: sqlite3.Connection, index: CentreIndex, resident: str, start: datetime, end: datetime, tongue: Tongue
) -> list[Entry]:
    worn = {entry.device for entry in index.centre.assignments if entry.resident == resident}
    found = []
    for device in sorted(worn):
        for row in db.execute(
            "SELECT command, who, why, state, created_at FROM commands"
            " WHERE device = ? AND created_at >= ? AND created_at < ? AND resident = ? LIMIT ?",
            (device, to_ms(start), to_ms(end), resident, MOST_ALERTS),
        ):
            what = tongue(_COMMANDS.get(row["command"], row["command"]))
            text = tongue(N_("{what} ({device}): {why}"), what=what, device=device, why=row["why"])
            who = row["who"] if row["who"].startswith("cli:") or row["who"] in index.carers else None
            at = from_ms(row["created_at"])
            found.append(Entry(at=at, kind="command", text=text, who=name_of(who, index, tongue)))
    return found
