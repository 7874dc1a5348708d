"""Weeks of a resident's life: bouts of unrest that come and go, over the days that simulators.outline draws.

A day alone is well behaved. Over weeks people wander for some nights, turn day into night, need changing twice as
often, fall, or leave the tracker off its charger. Each trait comes in bouts, drawn for blocks of a fortnight. Pure: the
same seed, resident and day give the same life, and a day can be drawn without the days before it.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from simulators.charging import Power, tracker_power
from simulators.drinking import wettings
from simulators.habits import stream
from simulators.outline import FallEnd, FallStory, Outline, Span, whole_ms


class Trait(StrEnum):
    """What may come over a resident for some days."""

    WANDERING = "wandering"
    """Up several times a night, from room to room, now and then to the door."""
    REVERSAL = "reversal"
    """Awake for hours at night, asleep by day."""
    INCONTINENCE = "incontinence"
    """Drinks more, wets more often; the carers' rounds are the same."""
    FALLS = "falls"
    """Unsteady: falls, suspected ones, and now and then one after which nobody comes for an hour."""
    FLAT = "flat"
    """Does not put the tracker on its charger, until it is flat and somebody finds it."""


BLOCK_DAYS = 14
"""Bouts are drawn for blocks of a fortnight: long enough to hold one with calm before and after it."""

BOUT_DAYS = (3, 7)
BOUT_CHANCE = 0.7

Place = str
ROOM, HALL, BATH, DOOR = "room", "hall", "bath", "door"


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What is played over weeks."""

    traits: frozenset[Trait] = frozenset(Trait)
    share: float = 0.3
    """Share of the residents who have a trait at all, for each trait by itself."""
    rounds: tuple[float, ...] = (1.0, 5.5, 8.0, 11.0, 14.5, 17.5, 20.5)
    """The carers' rounds, hours after local midnight."""


class Step(msgspec.Struct, frozen=True):
    """Somebody comes to a place of the house: the own room, the hall, the bathroom, the outer door."""

    at: datetime
    place: Place


class Lived(msgspec.Struct, frozen=True):
    """A day with what came over the resident."""

    course: Outline
    steps: tuple[Step, ...]
    """From place to place, in order."""
    power: Power
    """How full the tracker is."""


def has_bout(seed: int, resident: str, trait: Trait, day: date, life: Life) -> bool:
    """Whether the trait is with the resident on that day."""
    if trait not in life.traits or stream(seed, resident, trait, "has").random() >= life.share:
        return False
    block, number = divmod(day.toordinal(), BLOCK_DAYS)
    rng = stream(seed, resident, trait, block)
    length = rng.randint(*BOUT_DAYS)
    first = rng.randint(0, BLOCK_DAYS - length)
    return rng.random() < BOUT_CHANCE and first <= number < first + length


def live(seed: int, resident: str, day: date, timezone: ZoneInfo, course: Outline, life: Life) -> Lived:
    """The day of an outline, with the bouts of that day.

    Args:
        seed: as for the outline.
        resident: the resident's id.
        day: the local day of the outline.
        timezone: of the house.
        course: the outline.
        life: what is played.
    """

    def bout(trait: Trait) -> bool:
        return has_bout(seed, resident, trait, day, life)

    def rng(what: str) -> Random:
        return stream(seed, resident, day, "life", what)

    if bout(Trait.REVERSAL):
        course = _reversed(rng("reversal"), course)
    elif bout(Trait.WANDERING):
        course = _restless(rng("wandering"), course)
    course = replace(course, falls=_falls(rng("falls"), course, unsteady=bout(Trait.FALLS)))
    course = replace(course, walks=tuple(walk for walk in course.walks if not _lies(course, walk.start)))
    times = wettings(rng("drinking"), course, life.rounds, often=bout(Trait.INCONTINENCE))
    course = replace(course, wettings=times)
    steps = _steps(rng("steps"), course, wanders=bout(Trait.WANDERING))
    power = tracker_power(
        seed, resident, day, timezone, lambda other: has_bout(seed, resident, Trait.FLAT, other, life)
    )
    return Lived(course, steps, power)


def _reversed(rng: Random, course: Outline) -> Outline:
    """Three to five hours awake in the night, two long sleeps by day."""
    begin = course.midnight + timedelta(minutes=rng.uniform(20, 70))
    # in the night that summer time begins, waking comes an hour earlier
    end = min(begin + timedelta(minutes=rng.uniform(150, 260)), course.wake - timedelta(minutes=20))
    awake = Span(whole_ms(begin), whole_ms(end))
    morning = course.breakfast + timedelta(minutes=rng.uniform(40, 80))
    nap_over = morning + timedelta(minutes=rng.uniform(90, 140))
    noon = nap_over + timedelta(minutes=rng.uniform(90, 120))
    noon_over = noon + timedelta(minutes=rng.uniform(120, 180))
    pieces = [course.wake, *map(whole_ms, (morning, nap_over, noon, noon_over)), course.bedtime]
    day = [Span(start, end) for start, end in zip(pieces[::2], pieces[1::2], strict=True)]
    late = [span for span in course.out_of_bed if span.start >= course.bedtime]
    return replace(course, out_of_bed=(awake, *day, *late))


def _restless(rng: Random, course: Outline) -> Outline:
    """Up again and again before waking, for ten minutes to forty, and out of the garden twice as gladly by day."""
    day = [span for span in course.out_of_bed if span.end > course.wake - timedelta(minutes=20)]
    nights: list[Span] = []
    at = course.midnight + timedelta(minutes=rng.uniform(15, 60))
    last = course.wake - timedelta(minutes=80)
    while at < last:
        end = min(at + timedelta(minutes=rng.uniform(10, 40)), last + timedelta(minutes=40))
        nights.append(Span(whole_ms(at), whole_ms(end)))
        at = end + timedelta(minutes=rng.uniform(20, 70))
    walks = tuple(replace(walk, leaves_zone=walk.leaves_zone or rng.random() < 0.4) for walk in course.walks)
    return replace(course, out_of_bed=(*nights, *day), walks=walks)


def _falls(rng: Random, course: Outline, *, unsteady: bool) -> tuple[FallStory, ...]:
    """The day's own falls; while unsteady, one every third day: half of them a suspicion that is dropped or taken
    back, and one in five is found late."""
    falls, chance, kind = list(course.falls), rng.random(), rng.random()
    spans = [span for span in course.out_of_bed if span.end - span.start > timedelta(minutes=20)]
    if not unsteady or chance >= 1 / 3 or not spans:
        return tuple(falls)
    span = rng.choice(spans)
    at = whole_ms(span.start + (span.end - span.start) * rng.uniform(0.1, 0.8))
    if kind < 0.25:
        falls.append(FallStory(at, FallEnd.DROPPED, rng.uniform(8, 20), 0.0, suspected=True))
    elif kind < 0.5:
        falls.append(FallStory(at, FallEnd.CANCELLED, rng.uniform(8, 25), 0.0, suspected=True))
    else:
        lies = rng.uniform(2400, 5400) if kind >= 0.8 else rng.uniform(120, 900)
        falls.append(FallStory(at, FallEnd.CONFIRMED, rng.uniform(8, 25), lies, suspected=True))
    return tuple(sorted(falls, key=lambda story: story.at))


def _lies(course: Outline, at: datetime) -> bool:
    """Whether the resident is on the floor at that time, or not up again for long."""
    return any(
        story.end is FallEnd.CONFIRMED
        and story.at - timedelta(hours=1) <= at < story.at + timedelta(seconds=story.lies_s + 3600)
        for story in course.falls
    )


def _steps(rng: Random, course: Outline, *, wanders: bool) -> tuple[Step, ...]:
    """Through the house while up: to the bathroom at night, up and down the hall by day, anywhere when wandering."""
    steps: list[Step] = []
    for span in course.out_of_bed:
        at, night = span.start + timedelta(seconds=rng.uniform(20, 60)), span.end <= course.wake
        steps.append(Step(whole_ms(at), ROOM))
        places: tuple[Place, ...]
        while True:
            if night and wanders:
                pause, places = rng.uniform(60, 240), (HALL, ROOM, BATH, HALL, DOOR)
            elif night:
                pause, places = rng.uniform(90, 200), (BATH, ROOM)
            else:
                pause, places = rng.uniform(900, 2700), (HALL, ROOM, ROOM, BATH)
            place = rng.choice(places)
            at += timedelta(seconds=pause)
            if at >= span.end - timedelta(seconds=30):
                break
            if not _lies(course, at) and place != steps[-1].place:
                steps.append(Step(whole_ms(at), place))
        steps.append(Step(whole_ms(span.end - timedelta(seconds=20)), ROOM))
    return tuple(sorted(steps, key=lambda step: step.at))
