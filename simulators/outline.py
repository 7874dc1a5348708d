"""A resident's day in outline: what the person does and when, before any device hears of it.

All devices of a day are derived from one outline, so they agree: who walks outside is not in bed.
"""

import math
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from simulators.habits import Habits, draw_habits, stream

LAST_TRIP_MINUTE = 4 * 60
"""Minutes after midnight: the last early trip starts before it and is over before 06:00, when the first wake up,
even in the night that summer time begins."""


class Span(msgspec.Struct, frozen=True):
    """From-to, UTC-aware, to exclusive."""

    start: datetime
    end: datetime


class Walk(msgspec.Struct, frozen=True):
    """A walk: it begins and ends at home."""

    start: datetime
    minutes: float
    leaves_zone: bool


class FallEnd(StrEnum):
    """How a detected fall goes on."""

    CANCELLED = "cancelled"
    """Taken back by the wearer."""
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    """Taken back by the sensor itself, while it was only a suspicion."""


class FallStory(msgspec.Struct, frozen=True):
    """A fall as its detector sees it: detected, then taken back by the wearer or confirmed and at last over."""

    at: datetime
    end: FallEnd
    decided_after_s: float
    lies_s: float
    suspected: bool = False
    """The detector says first that it suspects one."""


class Wetting(msgspec.Struct, frozen=True):
    """The continence product's saturation rises to ``percent``; at 0 a carer has changed it."""

    at: datetime
    percent: float


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """The day from local midnight to local midnight; at both ends the resident is in bed."""

    midnight: datetime
    end: datetime
    habits: Habits
    wake: datetime
    breakfast: datetime
    bedtime: datetime
    out_of_bed: tuple[Span, ...]
    """In order: nightly trips, the day itself in one or two pieces (a nap parts it)."""
    walks: tuple[Walk, ...]
    wettings: tuple[Wetting, ...]
    falls: tuple[FallStory, ...]
    presses: tuple[datetime, ...]
    charged: bool
    """The tracker was charged in the night before."""
    charges_tonight: bool


class _Wall:
    """Times of one local day. Nightly times count from midnight in real hours, so that no change to or from
    summer time (at 02:00 or 03:00 in Europe) puts them out of order; times after waking are the wall clock's."""

    def __init__(self, day: date, timezone: ZoneInfo) -> None:
        self._day, self._timezone = day, timezone
        self.midnight = self._local(day, 0)
        self.end = self._local(day + timedelta(days=1), 0)

    def night(self, minute: float) -> datetime:
        return whole_ms(self.midnight + timedelta(minutes=minute))

    def at(self, minute: float) -> datetime:
        return whole_ms(self._local(self._day, minute))

    def _local(self, day: date, minute: float) -> datetime:
        wall = datetime.combine(day, time()) + timedelta(minutes=minute)
        return wall.replace(tzinfo=self._timezone).astimezone(UTC)


def outline(seed: int, resident: str, day: date, timezone: ZoneInfo) -> Outline:
    """The outline of a resident's local day; the same arguments give the same outline."""
    habits = draw_habits(seed, resident)
    wall = _Wall(day, timezone)

    def rng(what: str) -> Random:
        return stream(seed, resident, day, what)

    hours = rng("hours")
    wake_minute = max(6 * 60, habits.wake_minute + hours.gauss(0, 12))
    bed_minute = min(23.2 * 60, habits.bed_minute + hours.gauss(0, 12))
    breakfast = wall.at(wake_minute + habits.breakfast_minute - habits.wake_minute)
    wake, bedtime = wall.at(wake_minute), wall.at(bed_minute)
    nap = _nap(rng("nap"), habits, wall)
    up = [Span(wake, bedtime)] if nap is None else [Span(wake, nap.start), Span(nap.end, bedtime)]
    trips = _trips(rng("trips"), habits, wall, bed_minute)
    return Outline(
        midnight=wall.midnight,
        end=wall.end,
        habits=habits,
        wake=wake,
        breakfast=breakfast,
        bedtime=bedtime,
        out_of_bed=tuple(sorted([*trips, *up], key=lambda span: span.start)),
        walks=_walks(rng("walks"), habits, wall),
        wettings=_wettings(rng("wettings"), habits, wall, wake, bedtime),
        falls=_falls(rng("falls"), habits, Span(breakfast, bedtime)),
        presses=_presses(rng("presses"), habits, Span(wake, bedtime)),
        charged=_charged(seed, resident, day, habits),
        charges_tonight=_charged(seed, resident, day + timedelta(days=1), habits),
    )


def _charged(seed: int, resident: str, day: date, habits: Habits) -> bool:
    return stream(seed, resident, day, "charging").random() >= habits.forgets_charging


def _nap(rng: Random, habits: Habits, wall: _Wall) -> Span | None:
    start = wall.at(rng.uniform(13.0 * 60, 13.8 * 60))
    end = whole_ms(start + timedelta(minutes=rng.uniform(25, 80)))
    return Span(start, end) if rng.random() < habits.nap_chance else None


def _trips(rng: Random, habits: Habits, wall: _Wall, bed_minute: float) -> list[Span]:
    """Nightly trips before waking and after going to bed, with a quarter of an hour between them at least."""
    trips: list[Span] = []
    early = sorted(rng.uniform(15, LAST_TRIP_MINUTE) for _ in range(_poisson(rng, habits.toilet_trips * 0.8)))
    late_from = bed_minute + 10
    late = rng.uniform(late_from, 24 * 60 - 12) if rng.random() < habits.toilet_trips * 0.1 else None
    starts = [wall.night(minute) for minute in early] + ([wall.at(late)] if late is not None else [])
    for start in starts:
        long = rng.random() < habits.long_trip_chance
        minutes = rng.uniform(20, 50) if long and start < wall.at(20 * 60) else rng.uniform(3, 9)
        if not trips or start >= trips[-1].end + timedelta(minutes=15):
            trips.append(Span(start, whole_ms(start + timedelta(minutes=minutes))))
    return trips


def _walks(rng: Random, habits: Habits, wall: _Wall) -> tuple[Walk, ...]:
    """At most one walk in the morning, one in the afternoon, one before supper; a long outing still ends in time."""
    walks = []
    for earliest, latest in ((9.5, 10.5), (15.5, 16.2), (17.8, 18.3)):
        start = wall.at(rng.uniform(earliest * 60, latest * 60))
        minutes, leaves = rng.uniform(10, 45), rng.random() < habits.wander_chance
        if rng.random() < habits.walks / 3:
            walks.append(Walk(start, minutes, leaves))
    return tuple(walks)


def _wettings(rng: Random, habits: Habits, wall: _Wall, wake: datetime, bedtime: datetime) -> tuple[Wetting, ...]:
    """Saturation grows with each wetting; a carer changes a while after it is due, after waking and before bed."""
    wettings: list[Wetting] = []
    percent, at = 0.0, wall.midnight
    changes = [
        whole_ms(wake + timedelta(minutes=rng.uniform(5, 25))),
        whole_ms(bedtime - timedelta(minutes=rng.uniform(5, 20))),
    ]
    due: datetime | None = None
    while True:
        asleep = at < wake or at >= bedtime
        wait = habits.wet_every_min * rng.uniform(0.7, 1.3) * (2 if asleep else 1)
        next_at = whole_ms(at + timedelta(minutes=wait))
        change = min([c for c in (*changes, due) if c is not None], default=None)
        if change is not None and change <= next_at:
            changes = [c for c in changes if c > change]
            due = None if due is not None and due <= change else due
            at, percent = change, 0.0
        else:
            at, percent = next_at, min(100.0, percent + rng.uniform(18, 40))
            if percent >= 60 and due is None:
                due = whole_ms(at + timedelta(minutes=rng.uniform(5, 50)))
        if at >= wall.end:
            return tuple(wettings)
        wettings.append(Wetting(at, round(percent, 1)))


def _falls(rng: Random, habits: Habits, up: Span) -> tuple[FallStory, ...]:
    stories = []
    for chance, end in ((habits.fall_chance, FallEnd.CONFIRMED), (habits.false_fall_chance, FallEnd.CANCELLED)):
        at, decided, lies = _within(rng, up), rng.uniform(8, 25), rng.uniform(120, 1200)
        if rng.random() < chance:
            stories.append(FallStory(at, end, decided, lies))
    return tuple(sorted(stories, key=lambda story: story.at))


def _presses(rng: Random, habits: Habits, up: Span) -> tuple[datetime, ...]:
    at = _within(rng, up)
    return (at,) if rng.random() < habits.press_chance else ()


def _within(rng: Random, span: Span) -> datetime:
    return whole_ms(span.start + (span.end - span.start) * rng.random())


def _poisson(rng: Random, mean: float) -> int:
    """A count with that mean (Knuth's method, exact for small means)."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count, product = count + 1, product * rng.random()
    return count


def whole_ms(at: datetime) -> datetime:
    """A time rounded down to whole milliseconds, as devices say it and the gateway keeps it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
