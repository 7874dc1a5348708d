"""Unusual inactivity: no movement for longer than is usual for this person at this time of the day.

For each hour of the day it is noted whether somebody moved (rules.movement): 24 bits a day, for the last 14 days with
any movement. From these follows how many hours without movement were usual at the end of each hour of the day: the
median of those days, and how far they differ from it (the median absolute deviation, MAD). It is unusual beyond
median + 3 x 1.4826 x MAD, and never before ``least_hours``; being two hours later than usual is not unusual yet. Who
sleeps long has long gaps in the morning, so they are usual; the same gap in the afternoon is not. Nothing is told
before 7 days are learned.

Hours are whole hours of the clock on the wall; the gap counts from the end of the last hour with movement. On a day
when the clocks change an hour may count twice or not at all.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil
from statistics import median
from typing import ClassVar, Final, Literal
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from pydantic import Field

from rules.model import (
    Cleared,
    Context,
    Event,
    Evidence,
    Heard,
    Priority,
    Quiet,
    Raised,
    Reason,
    Rule,
    RuleSettings,
    State,
    Verdict,
)
from rules.movement import KINDS, NOTHING_KNOWN, Known, Movements, movements
from rules.timing import seconds

DAYS: Final = 14
"""Days that count: two weeks hold every weekday twice."""

DAYS_NEEDED: Final = 7
"""Days to learn before anything is told: a week has every day of the house's routine once."""

SPREADS: Final = 3.0
"""So many spreads beyond the median are unusual (Leys and others, J Exp Soc Psychol 2013;49:764: 3 is conservative)."""

NORMAL: Final = 1.4826
"""MAD times this is the standard deviation where values are spread normally (Rousseeuw and Croux, 1993)."""

LEAST_SPREAD: Final = 0.5
"""Hours; the spread is never taken for less, because hours are counted whole: who is steady to the hour would be told
at every small change."""

LATER: Final = 2
"""Hours by which anybody may be later than usual: what was no unusual gap two hours earlier, and went on, is none."""

_HOUR: Final = timedelta(hours=1)
_LONGEST: Final = 48
"""Hours ahead for which a limit is looked up; a gap of two days is past every limit."""

_MOVED = Quiet(Reason("Somebody moved in this hour."))
_STILL = Quiet(Reason("No movement in this; told when it becomes unusual."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))


class UnusualInactivitySettings(RuleSettings):
    """When inactivity is unusual for the person."""

    name: ClassVar[str] = "unusual_inactivity"
    rule: Literal["unusual_inactivity"] = "unusual_inactivity"
    least_hours: int = Field(
        3,
        ge=1,
        le=24,
        description="A gap shorter than this is never unusual, however steady the person is. Three hours: a bath, a "
        "visit or a film is over by then.",
    )
    devices: tuple[str, ...] = Field(
        (),
        description="Only these devices of the resident count. By default all do; leave out a sensor in a room that "
        "others use, because their movement would pass for the person's.",
    )
    priority: Priority = Field(
        Priority.LOW,
        description="Low by default: it is a hint to look in, and `no_movement` tells what can't wait.",
    )


class UnusualInactivityState(State, frozen=True, tag="unusual_inactivity", omit_defaults=True):
    """``day`` is the local day (proleptic ordinal) of ``hours``, whose bit h says that somebody moved from h to h+1
    o'clock; ``before`` are the same of the days before, newest first, empty days too. ``limits`` are the hours that
    are unusual at the end of each hour of the day; () before enough is learned. ``since`` to ``end`` is the last hour
    with movement (UTC); ``until`` when it is told."""

    day: int
    hours: int = 0
    before: tuple[int, ...] = ()
    limits: tuple[int, ...] = ()
    since: datetime | None = None
    end: datetime | None = None
    until: datetime | None = None
    told: bool = False
    known: Known = NOTHING_KNOWN
    evidence: tuple[Evidence, ...] = ()


class UnusualInactivityRule:
    """See the module."""

    __slots__ = ("_least", "_movements", "_priority", "_zone", "devices")
    name = "unusual_inactivity"
    key = "unusual_inactivity"
    kinds = KINDS - {"help"}  # a call for help is told by its own rule; here it would look as if it were judged
    zones: tuple[str, ...] = ()

    def __init__(self, settings: UnusualInactivitySettings, zone: ZoneInfo, signs: Movements) -> None:
        self.devices: frozenset[str] | None = signs.counted
        self._least = settings.least_hours
        self._priority = settings.priority
        self._movements = signs
        self._zone = zone

    def start(self, at: datetime) -> UnusualInactivityState:
        """Nothing is learned."""
        return UnusualInactivityState(at.astimezone(self._zone).toordinal())

    def wake_at(self, state: State) -> datetime | None:
        """When the gap becomes unusual."""
        assert isinstance(state, UnusualInactivityState)
        return state.until

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: nothing is told of a gap that it may have made; the next movement begins anew."""
        assert isinstance(state, UnusualInactivityState)
        if state.until is None or at - stopped < _HOUR:
            return state
        return replace(state, until=None)

    def devices_gone(self, state: State, left: frozenset[str]) -> State:
        """What is learned stays; without any device that shows movement, nothing waits."""
        assert isinstance(state, UnusualInactivityState)
        return state if left & KINDS else replace(state, until=None, told=False, known=NOTHING_KNOWN)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Somebody moves, or the gap is unusual."""
        assert isinstance(state, UnusualInactivityState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if state.end is not None and state.since is not None and state.since <= event.at < state.end:
            return state, _MOVED  # nearly every reading of the day ends here
        known = self._movements.read(state.known, event)
        if known is None:
            return state, _STILL
        return self._moved(state, event, known)

    def _moved(self, state: UnusualInactivityState, event: Heard, known: Known) -> tuple[State, Verdict]:
        local = event.at.astimezone(self._zone)
        hour, day = local.hour, local.toordinal()
        since = (
            local - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        ).astimezone(UTC)
        marked = _marked(state, day, hour)
        if state.since is not None and since < state.since:  # heard late; it fills a gap that is over
            return (state if marked is state else marked), _MOVED
        if marked.day != state.day:
            marked = replace(marked, limits=limits(marked.before, self._least))
        end = since + _HOUR
        after = replace(
            marked,
            since=since,
            end=end,
            until=self._unusual_at(marked.limits, end),
            told=False,
            known=known,
            evidence=(event.evidence(),),
        )
        if not state.told or state.end is None:
            return after, _MOVED
        if after.until is not None and after.until <= event.received_at:  # heard late: not since
            return replace(after, told=True, until=None), _STILL
        gap = seconds(event.at - state.end)
        return after, Cleared(Reason("Somebody moves again after {still_s}.", {"still_s": gap}))

    def _unusual_at(self, limit: Sequence[int], end: datetime) -> datetime | None:
        """The end of the first hour at which the gap since ``end`` is beyond the limit of that hour."""
        if not limit:
            return None
        for gap in range(1, _LONGEST + 1):
            at = end + gap * _HOUR
            if gap > limit[(at - _HOUR).astimezone(self._zone).hour]:
                return at
        return end + _LONGEST * _HOUR

    def _tick(self, state: UnusualInactivityState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or at < state.until or state.end is None:
            return state, _NOTHING
        hour = (state.until - _HOUR).astimezone(self._zone).hour
        days = [mask for mask in state.before if mask]
        why = Reason(
            "No movement for {still_s}; at this time of the day at most {usual_s} is usual, from {days} days.",
            {
                "still_s": seconds(at - state.end),
                "usual_s": state.limits[hour] * 3600 if state.limits else 0,
                "days": len(days),
            },
        )
        return replace(state, until=None, told=True), Raised(why, self._priority, evidence=state.evidence)


def _marked(state: UnusualInactivityState, day: int, hour: int) -> UnusualInactivityState:
    """The state with that hour marked; a new day begins where ``day`` is later."""
    bit = 1 << hour
    if day == state.day:
        return state if state.hours & bit else replace(state, hours=state.hours | bit)
    if day > state.day:
        gone = (state.hours, *state.before)
        empty = (0,) * min(day - state.day - 1, DAYS * 2)
        return replace(state, day=day, hours=bit, before=(*empty, *gone)[: DAYS * 2])
    place = state.day - day - 1
    if place >= len(state.before) or state.before[place] & bit:
        return state
    before = (*state.before[:place], state.before[place] | bit, *state.before[place + 1 :])
    return replace(state, before=before)


def gaps(newest_first: Sequence[int]) -> list[list[int]]:
    """For each hour of the day the hours without movement at its end, one number for each of the last DAYS days that
    had any movement, and whose day before had some too, so that a gap is known to its beginning."""
    found: list[list[int]] = [[] for _ in range(24)]
    days = 0
    for today, yesterday in pairwise(newest_first):
        if not today or not yesterday or days == DAYS:
            continue
        days += 1
        gap = 23 - (yesterday.bit_length() - 1)
        for hour in range(24):
            gap = 0 if today >> hour & 1 else gap + 1
            found[hour].append(gap)
    return found


def limits(newest_first: Sequence[int], least: int) -> tuple[int, ...]:
    """The hours beyond which a gap is unusual at the end of each hour of the day; () before enough is learned."""
    found = gaps(newest_first)
    if len(found[0]) < DAYS_NEEDED:
        return ()
    single = [max(least - 1, _limit(one)) for one in found]
    return tuple(max(single[hour - later] + later for later in range(LATER + 1)) for hour in range(24))


def _limit(hours: Sequence[int]) -> int:
    middle = median(hours)
    spread = max(LEAST_SPREAD, NORMAL * median(abs(one - middle) for one in hours))
    return ceil(middle + SPREADS * spread)


def build(settings: UnusualInactivitySettings, context: Context) -> tuple[Rule, ...]:
    """One rule for all of the resident's sensors.

    Raises:
        BadRuleError: a device is not the resident's.
    """
    signs = movements("unusual_inactivity", settings.devices, context)
    return (UnusualInactivityRule(settings, context.timezone, signs),)
