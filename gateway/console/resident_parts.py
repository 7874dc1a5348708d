"""The tabs of a resident's page in words and pictures: timeline, sleep, heart and breathing, activity, care plan,
past alerts. Each function reads a bounded piece; what may not be shown is named instead."""

import sqlite3
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
from markupsafe import Markup

from gateway import words
from gateway.console import charts, resident_charts, resident_rules, resident_timeline
from gateway.console.charts import Point, Span
from gateway.console.pages import Tongue
from gateway.console.privacy import Purpose
from gateway.console.resident_who import Looked
from gateway.console.resident_words import span
from gateway.console.view import Row, row_of
from gateway.store import nights
from gateway.words import N_
from rules.sleep_summary import EVENING, Measured, NightSummary, night_of

A_PAGE: Final = 60
"""Lines of the timeline on a page."""

ALERTS: Final = 30
DAYS: Final = 7

_STANDS: Final[dict[str, str]] = {
    "as usual": N_("as usual ({low} to {high})"),
    "higher": N_("higher than usual ({low} to {high})"),
    "lower": N_("lower than usual ({low} to {high})"),
    "not known": N_("the usual is not known yet"),
}


class DayLine(msgspec.Struct, frozen=True, kw_only=True):
    """A day or night of a chart: its name, its picture, and what it says in sentences."""

    day: str
    iso: str
    chart: Markup | None
    lines: list[str]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A line chart with its words: title, picture, edges, a sentence, and rows of a table."""

    title: str
    picture: Markup
    top: str
    bottom: str
    line: str
    rows: list[tuple[str, str]]


def timeline(db: sqlite3.Connection, seen: Looked, day: date, before: int) -> dict[str, Any]:
    """A day, the newest first; ``before`` is how many lines were shown already."""
    found = resident_timeline.day_entries(db, seen.index, seen.resident.id, day, seen.allowed, seen.tongue)
    piece = found[before : before + A_PAGE]
    return {
        **days_around(seen, day, 1),
        "span": "day",
        "entries": [(entry, clock(entry.at, seen)) for entry in piece],
        "more": before + A_PAGE if before + A_PAGE < len(found) else None,
        "hidden": seen.hidden(),
    }


def week(db: sqlite3.Connection, seen: Looked, day: date) -> dict[str, Any]:
    """Seven days, a line each."""
    tongue = seen.tongue
    found = resident_timeline.week(db, seen.index, seen.resident.id, day, seen.allowed, tongue)
    lines = []
    for one in found:
        said = [f"{n} × {title}" if n > 1 else title for title, n in one.alerts]
        said += [tongue.many("{n} note", "{n} notes", one.notes)] if one.notes else []
        said += [tongue.many("{n} reading", "{n} readings", one.readings)] if one.readings else []
        quiet = [tongue(N_("Nothing is stored of this day."))]
        lines.append(
            DayLine(day=words.day(one.day, tongue.language), iso=one.day.isoformat(), chart=None, lines=said or quiet)
        )
    return {**days_around(seen, day, DAYS), "span": "week", "week": lines, "hidden": seen.hidden()}


def sleep(db: sqlite3.Connection, seen: Looked, day: date, count: int) -> dict[str, Any]:
    """Nights up to the one that began the evening before ``day`` (or on it, when its evening has come)."""
    if not seen.purposes[Purpose.SLEEP].allowed:
        return closed(seen, Purpose.SLEEP)
    now = seen.tongue.now
    last = day if night_of(day, seen.index.timezone)[0] <= now else day - timedelta(days=1)
    found = nights.nights(db, seen.index, seen.resident.id, last, count, now=now)
    return {
        **days_around(seen, day, count),
        "hidden": [],
        "span": str(count),
        "nights": [_night(night, seen) for night in found],
        "edges": (f"{EVENING:%H:%M}", "03:00", "12:00"),
    }


def _night(night: NightSummary, seen: Looked) -> DayLine:
    tongue = seen.tongue
    start, end = night_of(night.day, seen.index.timezone)
    day = words.day(night.day, tongue.language)
    if night.in_bed is None:
        nothing = tongue(N_("Nobody is known to have been in bed."))
        return DayLine(day=day, iso=night.day.isoformat(), chart=None, lines=[nothing])
    last = night.in_bed.end or min(end, tongue.now)
    spans = [Span(charts.fraction(night.in_bed.start, start, end), charts.fraction(last, start, end), "bed")]
    for one in night.exits:
        spans.append(Span(_at(one.start, start, end), _at(one.end or last, start, end), "out", 1.0))
    for one in night.gaps:
        spans.append(Span(_at(one.start, start, end), _at(one.end or last, start, end), "unknown", 1.0))
    until = tongue(N_("now")) if night.in_bed.end is None else clock(night.in_bed.end, seen)
    said = [tongue(N_("In bed {since} to {until}"), since=clock(night.in_bed.start, seen), until=until)]
    if night.in_bed_s is not None:
        said[0] += f" ({words.duration(night.in_bed_s, tongue.language)})"
    out = sum(one.seconds or 0 for one in night.exits)
    said.append(
        tongue.many("Out of bed once, {time}", "Out of bed {n} times, {time}", len(night.exits)).replace(
            "{time}", words.duration(out, tongue.language)
        )
        if night.exits
        else tongue(N_("Not out of bed"))
    )
    if night.asleep_s is not None:
        said.append(tongue(N_("Asleep for {time}"), time=words.duration(night.asleep_s, tongue.language)))
    if night.movement_percent is not None:
        said.append(tongue(N_("Movement {share}"), share=words.percent(night.movement_percent, tongue.language)))
    if night.score is not None:
        said.append(tongue(N_("Score of the sensor: {score}"), score=round(night.score)))
    for text, measured in (
        (N_("Heart {rate}, {stand}"), night.heart_rate),
        (N_("Breathing {rate}, {stand}"), night.breathing),
    ):
        if measured is not None:
            said.append(tongue(text, rate=round(measured.median), stand=_stand(measured, tongue)))
    if night.gaps:
        silent = sum(one.seconds or 0 for one in night.gaps)
        said.append(tongue(N_("Nothing was heard for {time}"), time=words.duration(silent, tongue.language)))
    return DayLine(day=day, iso=night.day.isoformat(), chart=charts.band(spans, 28), lines=said)


def vitals(db: sqlite3.Connection, seen: Looked, day: date, last: date) -> dict[str, Any]:
    """Heart, breathing, oxygen and temperature from noon to noon."""
    if not seen.purposes[Purpose.SLEEP].allowed:
        return closed(seen, Purpose.SLEEP)
    found = resident_charts.vitals_day(db, seen.index, seen.resident.id, day, now=seen.tongue.now)
    tongue = seen.tongue
    made = []
    for title, field, usual, floor, ceiling, unit in (
        (N_("Heart"), "heart_rate_bpm", found.usual_heart_rate, 40, 110, N_("{span} beats a minute")),
        (N_("Breathing"), "respiratory_rate_bpm", found.usual_breathing, 6, 30, N_("{span} breaths a minute")),
        (N_("Oxygen"), "spo2_percent", None, 85, 100, N_("{span} % oxygen")),
        (N_("Temperature"), "temperature_c", None, 35, 40, N_("{span} °C")),
    ):
        points = [Point(point.at, value) for point in found.points if (value := getattr(point, field)) is not None]
        if points:
            low = min(floor, *(int(point.value) for point in points))
            high = max(ceiling, *(int(point.value) + 1 for point in points))
            band = None if usual is None else (usual.low, usual.high)
            line = tongue(unit, span=span((point.value for point in points), 1 if field == "temperature_c" else 0))
            if usual is not None:
                line += ", " + tongue(
                    N_("usually {low} to {high} at night"), low=round(usual.low), high=round(usual.high)
                )
            made.append(
                Chart(
                    title=tongue(title),
                    picture=charts.lines(
                        points, found.start, found.end, low, high, usual=band, gap=resident_charts.GAP
                    ),
                    top=str(high),
                    bottom=str(low),
                    line=line,
                    rows=_by_hour(points, seen),
                )
            )
    return {
        **days_around(seen, day, 1, last),
        "hidden": [],
        "charts": made,
        "edges": ("12:00", "00:00", "12:00"),
        "usual": found.usual_heart_rate or found.usual_breathing,
    }


def _by_hour(points: list[Point], seen: Looked) -> list[tuple[str, str]]:
    hours: dict[datetime, list[float]] = {}
    for point in points:
        local = point.at.astimezone(seen.index.timezone)
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        hours.setdefault(point.at - into, []).append(point.value)  # of an hour that comes twice each for itself
    return [
        (clock(hour, seen), span(values, 1 if max(values) < 45 and min(values) > 30 else 0) or "")
        for hour, values in hours.items()
    ]


def activity(db: sqlite3.Connection, seen: Looked, day: date) -> dict[str, Any]:
    """A week, hour by hour."""
    if not seen.purposes[Purpose.ACTIVITY].allowed:
        return closed(seen, Purpose.ACTIVITY)
    tongue = seen.tongue
    lines = []
    for one in resident_charts.activity_days(db, seen.index, seen.resident.id, day, DAYS):
        busy = sum(bool(hour) for hour in one.hours)
        said = [tongue.many("Moved about in {n} hour", "Moved about in {n} hours", busy)]
        said += [tongue.many("{n} footstep", "{n} footsteps", one.steps)] if one.steps else []
        said += [tongue(N_("Seen in: {rooms}."), rooms=", ".join(one.rooms))] if one.rooms else []
        heard = any(hour is not None for hour in one.hours)
        lines.append(
            DayLine(
                day=words.day(one.day, tongue.language),
                iso=one.day.isoformat(),
                chart=charts.bars(one.hours, 6) if heard else None,
                lines=said if heard else [tongue(N_("Nothing is stored of this day."))],
            )
        )
    return {**days_around(seen, day, DAYS), "hidden": [], "days": lines, "edges": ("00:00", "12:00", "24:00")}


def plan(seen: Looked) -> dict[str, Any]:
    """Consents and rules in plain words."""
    agreed = seen.index.plan_of(seen.resident.id).consents
    return {
        "consents": resident_rules.consent_lines(agreed, seen.tongue),
        "rules": resident_rules.rule_lines(seen.index, seen.resident.id, seen.tongue),
    }


def alerts(db: sqlite3.Connection, seen: Looked, before: int | None) -> dict[str, Any]:
    """Past alerts, the newest first."""
    found = resident_timeline.past_alerts(db, seen.resident.id, seen.allowed, before=before, limit=ALERTS + 1)
    shown: list[tuple[Row, str, str]] = [
        (
            row_of(alert, seen.index, seen.tongue, seen.visitor.id),
            seen.tongue.at(alert.raised_at),
            alert.raised_at.isoformat(),
        )
        for alert in found[:ALERTS]
    ]
    return {"alerts": shown, "more": found[ALERTS - 1].id if len(found) > ALERTS else None, "first": before is None}


def days_around(seen: Looked, day: date, count: int, last: date | None = None) -> dict[str, Any]:
    """For going back and forth: the day, and the days that the links lead to."""
    today = last or seen.tongue.now.astimezone(seen.index.timezone).date()
    ahead = min(day + timedelta(days=count), today)
    return {
        "day": words.day(day, seen.tongue.language),
        "day_iso": day.isoformat(),
        "earlier": (day - timedelta(days=count)).isoformat(),
        "later": ahead.isoformat() if day < today else None,
        "is_today": day == today,
    }


def closed(seen: Looked, purpose: Purpose) -> dict[str, Any]:
    """The tab of what may not be seen."""
    return {"hidden": seen.hidden(purpose), "day": "", "span": ""}


def _at(at: datetime, start: datetime, end: datetime) -> float:
    return charts.fraction(at, start, end)


def clock(at: datetime, seen: Looked) -> str:
    """The time of day in the house's time zone."""
    return words.time_of(at, seen.tongue.language, seen.index.timezone, at)


def _stand(measured: Measured, tongue: Tongue) -> str:
    low, high = round(measured.usual_low or 0), round(measured.usual_high or 0)
    return tongue(_STANDS[measured.word], low=low, high=high)
