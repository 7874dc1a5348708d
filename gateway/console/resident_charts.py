"""What the charts of a resident's page show: heart and breathing, activity. Data first, for the JSON
API and the pictures alike; each function reads a bounded piece of one resident's readings."""

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final

import msgspec

from devices.model import Motion, Room, Vitals
from gateway.centre.index import CentreIndex
from gateway.console.resident_timeline import LATE, bounds
from gateway.store import care, places

MOST_POINTS: Final = 480
"""Points of a line: one each three minutes of a day; a phone's screen has fewer pixels."""

MOST_A_DAY: Final = 1_500
GAP: Final = timedelta(minutes=30)
"""A longer silence is shown as a gap (rules.sleep_summary.SILENCE)."""

QUALITY: Final = 50.0
"""Values that the sensor itself trusts less are left out, as in the rules."""


class VitalsPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Values at a time (UTC), per minute, percent, degrees Celsius; null is "not given"."""

    at: datetime
    heart_rate_bpm: float | None = None
    respiratory_rate_bpm: float | None = None
    spo2_percent: float | None = None
    temperature_c: float | None = None


class Range(msgspec.Struct, frozen=True):
    """What is usual for the person at night, per minute."""

    low: float
    high: float


class VitalsDay(msgspec.Struct, frozen=True, kw_only=True):
    """From noon of the local day ``day`` to the next noon, so that a night is in one piece. Times are UTC.

    Where the sensor gave more than some 500 values, the points are medians of a few minutes each.
    """

    day: date
    start: datetime
    end: datetime
    points: list[VitalsPoint]
    usual_heart_rate: Range | None
    usual_breathing: Range | None


class ActivityDay(msgspec.Struct, frozen=True, kw_only=True):
    """A local day hour by hour: in how many of ten-minute pieces somebody moved (0 to 6); null: nothing was heard."""

    day: date
    hours: list[int | None]
    steps: int
    rooms: list[str]


def vitals_day(db: sqlite3.Connection, index: CentreIndex, resident: str, day: date, *, now: datetime) -> VitalsDay:
    """Heart, breathing, oxygen and temperature from noon to noon; whoever asks has the consent (sleep)."""
    start, end = (at + timedelta(hours=12) for at in bounds(day, index))
    found = places.readings(db, resident, ("vitals",), start, end + LATE, most=4 * MOST_A_DAY, every=False)
    seen = [
        (one.at, one.reading)
        for one in sorted(found, key=lambda one: one.at)
        if start <= one.at < end
        and isinstance(one.reading, Vitals)
        and (one.reading.quality_percent is None or one.reading.quality_percent >= QUALITY)
    ]
    heart, breathing = care.usual_of(db, index, resident, now=now)
    size = -(-len(seen) // MOST_POINTS) or 1
    return VitalsDay(
        day=day,
        start=start,
        end=end,
        points=[_point(seen[n : n + size]) for n in range(0, len(seen), size)],
        usual_heart_rate=None if heart is None else Range(round(heart.low, 1), round(heart.high, 1)),
        usual_breathing=None if breathing is None else Range(round(breathing.low, 1), round(breathing.high, 1)),
    )


def activity_days(
    db: sqlite3.Connection, index: CentreIndex, resident: str, last: date, count: int
) -> list[ActivityDay]:
    """Days hour by hour, the newest first; the consent (activity) was asked for."""
    since, until = bounds(last - timedelta(days=count - 1), index)[0], bounds(last, index)[1]
    found: list[places.Found] = []
    for kind in ("motion", "room"):
        found += places.readings(db, resident, (kind,), since, until + LATE, most=MOST_A_DAY * count, every=False)
    by_day: dict[date, list[places.Found]] = {}
    for one in sorted(found, key=lambda one: one.at):
        by_day.setdefault(one.at.astimezone(index.timezone).date(), []).append(one)
    return [
        _activity(last - timedelta(days=back), by_day.get(last - timedelta(days=back), []), index)
        for back in range(count)
    ]


def _activity(day: date, found: Sequence[places.Found], index: CentreIndex) -> ActivityDay:
    heard: set[int] = set()
    moved: set[tuple[int, int]] = set()
    rooms: dict[str, None] = {}
    steps = 0
    for one in found:
        local = one.at.astimezone(index.timezone)
        heard.add(local.hour)
        match one.reading:
            case Motion(moving=moving, steps=walked) if moving or walked:
                moved.add((local.hour, local.minute // 10))
                steps += walked or 0
            case Room(room=str() as room, present=present) if present is not False:
                moved.add((local.hour, local.minute // 10))
                rooms[room] = None
    return ActivityDay(
        day=day,
        hours=[sum(1 for at, _ in moved if at == hour) if hour in heard else None for hour in range(24)],
        steps=steps,
        rooms=list(rooms),
    )


def _point(piece: Sequence[tuple[datetime, Vitals]]) -> VitalsPoint:
    def of(field: str) -> float | None:
        known = [value for _, reading in piece if (value := getattr(reading, field)) is not None]
        return round(median(known), 1) if known else None

    return VitalsPoint(
        at=piece[len(piece) // 2][0],
        heart_rate_bpm=of("heart_rate_bpm"),
        respiratory_rate_bpm=of("respiratory_rate_bpm"),
        spo2_percent=of("spo2_percent"),
        temperature_c=of("temperature_c"),
    )
