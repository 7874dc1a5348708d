"""A night in bed in numbers: from when to when, exits, sleep, movement, heart and breathing, and what is not known.

A pure function over the readings of one evening, night and morning. It raises nothing; it is what somebody reads at the
handover, and what the family may ask for. A night is the longest stay in bed between EVENING and NOON: stays are one
where less than BREAK is between them, so that a visit to the toilet is an exit, and a nap after supper is no night.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from devices.model import Bed, Reading, Sleep, Vitals
from rules.baseline import Usual

EVENING: Final = time(18, 0)
NOON: Final = time(12, 0)
BEFORE: Final = timedelta(hours=12)
"""So long before the evening a last word on the bed tells how it stood when the evening began."""

BREAK: Final = timedelta(hours=2)
"""Out of bed for so long is the end of a night, or lies before it: longer than a bad hour in the armchair."""

SILENCE: Final = timedelta(minutes=30)
"""A longer silence of a sensor that reports all the time is a gap in what is known of the night."""

_STREAM: Final = 10
"""So many readings of sleep or vital signs in a night are a sensor that reports all the time."""

_APART: Final = timedelta(minutes=10)
"""Between two words of the sensor at most so much counts as asleep: after a longer silence nobody knows."""

_QUALITY: Final = 50.0
_HEART: Final = (20, 300)
_BREATH: Final = (2, 80)
"""As in the rules: what is outside is no measurement."""


class Seen(msgspec.Struct, frozen=True):
    """A reading and when it happened (UTC)."""

    at: datetime
    reading: Reading


class Span(msgspec.Struct, frozen=True):
    """From when to when (UTC); ``end`` None: not over, or nobody heard of the end."""

    start: datetime
    end: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long; None: not over."""
        return None if self.end is None else (self.end - self.start).total_seconds()


class Measured(msgspec.Struct, frozen=True):
    """The median of a night, per minute, and what is usual for the person (None: not known yet)."""

    median: float
    usual_low: float | None = None
    usual_high: float | None = None

    @property
    def word(self) -> str:
        """``as usual``, ``higher``, ``lower``, or ``not known``: how it stands against the person's own nights."""
        if self.usual_low is None or self.usual_high is None:
            return "not known"
        if self.median > self.usual_high:
            return "higher"
        return "lower" if self.median < self.usual_low else "as usual"


class NightSummary(msgspec.Struct, frozen=True):
    """One night. ``day`` is the local day on which it began; times are UTC, lengths seconds.

    ``in_bed`` is None when nobody is known to have been in bed; ``in_bed_s`` is without the exits. ``asleep`` and
    ``score`` are the sensor's own words; ``asleep_s`` counts its "asleep"; ``movement_percent`` is a mean. None is
    "not given" everywhere. ``gaps`` are silences of a sensor that reports all the time.
    """

    day: date
    in_bed: Span | None = None
    in_bed_s: float | None = None
    exits: tuple[Span, ...] = ()
    asleep: Span | None = None
    asleep_s: float | None = None
    score: float | None = None
    movement_percent: float | None = None
    heart_rate: Measured | None = None
    breathing: Measured | None = None
    gaps: tuple[Span, ...] = ()


def night_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The evening, night and morning (UTC) that are looked at for the night that begins on that local day."""
    start = datetime.combine(day, EVENING, zone)
    end = datetime.combine(day + timedelta(days=1), NOON, zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def last_night(now: datetime, zone: ZoneInfo) -> date:
    """The local day on which the night began that is the last one, or goes on, at ``now`` (UTC)."""
    local = now.astimezone(zone)
    return local.date() if local.time() >= EVENING else local.date() - timedelta(days=1)


def summarise(
    day: date,
    zone: ZoneInfo,
    seen: Iterable[Seen],
    *,
    now: datetime,
    heart: Usual | None = None,
    breathing: Usual | None = None,
) -> NightSummary:
    """What is known of the night that begins on ``day``.

    Args:
        day: local day of the evening.
        zone: time zone of the centre.
        seen: the resident's readings in any order, from BEFORE the evening on; those of other times are passed over.
        now: UTC; of a night that is not over, what is known so far.
        heart: what is usual for the person's heart rate at night; None: not known.
        breathing: the same of breathing.
    """
    start, end = night_of(day, zone)
    end = min(end, now)
    # two at the same instant: whichever order they were stored in, "in bed" comes last
    known_of = sorted(
        (one for one in seen if start - BEFORE <= one.at <= end),
        key=lambda one: (one.at, isinstance(one.reading, Bed) and one.reading.in_bed),
    )
    tonight = [one for one in known_of if one.at >= start]
    stays = _stays([(one.at, one.reading.in_bed) for one in known_of if isinstance(one.reading, Bed)], start)
    found = _night(stays, end)
    sleeps = [(one.at, one.reading) for one in tonight if isinstance(one.reading, Sleep)]
    own = [reading for _, reading in sleeps if reading.start is not None and reading.end is not None]
    asleep = Span(own[-1].start, own[-1].end) if own and own[-1].start is not None else None
    scores = [reading.score for _, reading in sleeps if reading.score is not None]
    if not found:
        return NightSummary(day, asleep=asleep, score=scores[-1] if scores else None)
    in_bed = Span(found[0].start, found[-1].end)
    last = in_bed.end or end
    inside = [one for one in tonight if in_bed.start <= one.at <= last]
    exits = tuple(Span(a.end, b.start) for a, b in pairwise(found) if a.end is not None)
    known = in_bed.end or (inside[-1].at if inside else in_bed.start)
    moved = [r.movement_percent for at, r in sleeps if in_bed.start <= at <= last and r.movement_percent is not None]
    return NightSummary(
        day,
        in_bed,
        (known - in_bed.start).total_seconds() - sum(one.seconds or 0.0 for one in exits),
        exits,
        asleep,
        _asleep_s([(at, r) for at, r in sleeps if in_bed.start <= at <= last]),
        scores[-1] if scores else None,
        round(sum(moved) / len(moved), 1) if moved else None,
        _measured([r.heart_rate_bpm for r in _vitals(inside)], _HEART, heart),
        _measured([r.respiratory_rate_bpm for r in _vitals(inside)], _BREATH, breathing),
        _gaps(inside, found, last),
    )


def _stays(words: list[tuple[datetime, bool]], start: datetime) -> list[Span]:
    """Stays in bed from ``start`` on; a word before it only tells how it stood then."""
    stays: list[Span] = []
    since: datetime | None = None
    for at, in_bed in words:
        if in_bed:
            since = since or max(at, start)
        elif since is not None:
            if at > start:
                stays.append(Span(since, at))
            since = None
    return [*stays, Span(since, None)] if since is not None else stays


def _night(stays: list[Span], end: datetime) -> list[Span]:
    """The stays of the longest time in bed, with less than BREAK between them."""
    nights: list[list[Span]] = []
    for stay in stays:
        before = nights[-1][-1].end if nights else None
        if before is not None and stay.start - before < BREAK:
            nights[-1].append(stay)
        else:
            nights.append([stay])
    return max(nights, key=lambda night: (night[-1].end or end) - night[0].start, default=[])


def _asleep_s(sleeps: list[tuple[datetime, Sleep]]) -> float | None:
    """Seconds asleep by the sensor's running words; None: it gives none."""
    words = [(at, r.asleep, r.stage) for at, r in sleeps if r.start is None and (r.asleep, r.stage) != (None, None)]
    if not words:
        return None
    total = timedelta()
    for (at, asleep, stage), (then, _, _) in pairwise(words):
        if asleep is not False and stage != "awake":
            total += min(then - at, _APART)
    return total.total_seconds()


def _vitals(seen: list[Seen]) -> list[Vitals]:
    return [
        one.reading
        for one in seen
        if isinstance(one.reading, Vitals)
        and (one.reading.quality_percent is None or one.reading.quality_percent >= _QUALITY)
    ]


def _measured(values: list[float | None], bounds: tuple[int, int], own: Usual | None) -> Measured | None:
    good = [value for value in values if value is not None and bounds[0] <= value <= bounds[1]]
    if not good:
        return None
    if own is None:
        return Measured(round(median(good), 1))
    return Measured(round(median(good), 1), round(own.low, 1), round(own.high, 1))


def _gaps(seen: list[Seen], stays: list[Span], last: datetime) -> tuple[Span, ...]:
    """Silences in bed of a sensor that reports all the time."""
    if sum(isinstance(one.reading, Vitals | Sleep) for one in seen) < _STREAM:
        return ()
    gaps = []
    for stay in stays:
        end = stay.end or last
        times = [stay.start, *(one.at for one in seen if stay.start <= one.at <= end), end]
        gaps += [Span(a, b) for a, b in pairwise(times) if b - a > SILENCE]
    return tuple(gaps)
