"""Heart and breathing out of range: what the rules ``heart_rate``, ``breathing`` and ``oxygen`` have in common.

Two things are out of range: what is beyond the guard limits, the same for everybody and at any time, and at night what
is far from the person's own last 14 nights (rules.baseline). Both must hold: at least so many readings over at least so
long, without a gap. One reading that does not fit is passed over, so that one outlier raises and hides nothing;
two in a row end it. What was told clears when readings are back in range for as long.

Tonight's values are counted, at most one a minute, so that a sensor that reports each second neither outweighs a calm
hour nor costs a write each second. When the next night begins, a median and a spread of it stay.

Readings are taken in the order in which they happened; an older one changes nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import IntEnum
from operator import attrgetter
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from devices.model import Vitals
from rules.baseline import Night, Usual, kept, median_and_spread, usual
from rules.model import (
    Cleared,
    Event,
    Evidence,
    Heard,
    Quiet,
    Raised,
    Reason,
    State,
    Verdict,
)
from rules.night import Daily
from rules.nights import Windows
from rules.timing import heard_late, seconds
from rules.vital_settings import OwnSettings, VitalSettings

LATE_S: Final = 300.0
"""Heard later than this is marked with its age: what must hold for ten minutes is a matter of minutes."""

_COUNTED_EACH: Final = timedelta(minutes=1)
_GAP: Final = timedelta(minutes=10)
"""A longer silence ends what was going on: nobody knows what was between. For a sensor that measures less often it is
longer, see :func:`_gap`."""

_GAP_MOST: Final = timedelta(minutes=30)
_MISSED: Final = 2
"""A gap may be so many times as long as the sensor's usual pause: one value may be lost."""

_FORGET: Final = timedelta(hours=6)
"""What was told is told again after such a silence: it is another night, and the alert may long be closed."""

_LEAST_READINGS: Final = 30
"""Counted minutes that make a night: half an hour; less is no night, and its median would be chance."""

_BOUND: Final = 40
"""Values of what is going on that are kept for their median."""

_OTHER = Quiet(Reason("Says nothing of this value."))
_POOR = Quiet(Reason("The sensor does not trust this value."))
_OLDER = Quiet(Reason("A newer value was judged already; this one changes nothing."))
_IN_RANGE = Quiet(Reason("In range."))
_PASSED_OVER = Quiet(Reason("One value that does not fit is passed over."))
_HOLDS = Quiet(Reason("Out of range, not for long enough yet."))
_STILL = Quiet(Reason("Still out of range; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))


class Told(IntEnum):
    """How far it was told."""

    NO = 0
    OWN = 1  # out of the person's own range
    GUARD = 2  # beyond the limits for everybody


class Streak(msgspec.Struct, frozen=True, omit_defaults=True):
    """Readings one after the other that say the same: ``values`` are the last of them, ``spared`` one that differs.

    ``pause_s`` is the longest time between two of them.
    """

    since: datetime
    last: datetime
    readings: int
    high: bool
    values: tuple[float, ...]
    evidence: tuple[Evidence, ...]
    spared: bool = False
    pause_s: float = 0.0


class VitalState(State, frozen=True, omit_defaults=True):
    """``at`` is the last stored reading; ``night`` when tonight began and ``counts`` its values; ``nights`` the last.

    ``own``, ``guard`` and ``back`` are what is going on: out of the own range, beyond the limits, back in range.
    """

    at: datetime | None = None
    night: datetime | None = None
    counts: dict[int, int] = {}  # noqa: RUF012 - msgspec copies it
    nights: tuple[Night, ...] = ()
    told: Told = Told.NO
    own: Streak | None = None
    guard: Streak | None = None
    back: Streak | None = None


class Vital(msgspec.Struct, frozen=True):
    """What is measured, and how it is told.

    ``field`` of Vitals; values outside of ``least`` to ``most`` are no measurement (0 is how sensors say "none");
    values are counted in steps of ``step``; ``least_spread`` see rules.baseline.usual. The words are asked for the
    median of the values, for how long (s), and the person's own range or the limit.
    """

    field: str
    least: float
    most: float
    step: float
    least_spread: float
    own: Callable[[float, float, Usual], Reason]
    guard: Callable[[float, float, float, bool], Reason]
    back: Callable[[float], Reason]


class VitalRule:
    """See the module. ``state`` is the class of the states that this rule has."""

    __slots__ = (
        "_factor", "_for", "_gap", "_guards", "_high", "_least", "_low", "_memo", "_most", "_needed", "_quality",
        "_readings", "_state", "_step", "_timezone", "_value", "_vital", "_windows", "devices", "key", "name",
        "priorities",
    )  # fmt: skip
    kinds = frozenset({"vitals"})
    zones: tuple[str, ...] = ()

    def __init__(
        self,
        settings: VitalSettings,
        vital: Vital,
        state: type[VitalState],
        limits: tuple[float, float],
        zone: ZoneInfo,
    ) -> None:
        self.key = self.name = settings.name
        self.devices = None if settings.device is None else frozenset({settings.device})
        self._vital = vital
        self._value = attrgetter(vital.field)
        self._state = state
        self._step = vital.step
        self._least, self._most = vital.least, vital.most
        self._low, self._high = limits
        self._for = timedelta(seconds=settings.for_s)
        self._readings = settings.readings
        self._gap = max(_GAP, self._for / max(settings.readings - 1, 1) * 1.5)
        self._quality = settings.min_quality_percent
        self._timezone = zone
        self._windows: Windows | None = None
        self._factor, self._needed = 0.0, 0
        self.priorities = {Told.GUARD: settings.guard_priority}
        if isinstance(settings, OwnSettings):
            self.priorities[Told.OWN] = settings.priority
            if settings.own:
                self._windows = Windows(Daily(settings.since, settings.until, zone))
                self._factor, self._needed = settings.factor, settings.nights
        self._memo: tuple[tuple[Night, ...], Usual | None] = ((), None)

    def start(self, at: datetime) -> VitalState:
        """Nothing is known of the person."""
        return self._state()

    def wake_at(self, state: State) -> datetime | None:
        """Never: only readings say that it holds."""
        return None

    def usual(self, state: VitalState) -> Usual | None:
        """The person's own range; None: not known yet, or not wanted."""
        if self._windows is None:
            return None
        if self._memo[0] is not state.nights:
            found = usual(state.nights, needed=self._needed, least_spread=self._vital.least_spread, factor=self._factor)
            self._memo = (state.nights, found)
        return self._memo[1]

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:  # noqa: PLR0911 - one look after the other
        """A value: in range, out of range, or no value."""
        assert isinstance(state, VitalState)
        if not isinstance(event, Heard):
            return state, _NOTHING
        reading = event.reading
        if reading.__class__ is not Vitals:
            return state, _OTHER
        value: float | None = self._value(reading)
        if value is None or not self._least <= value <= self._most:
            return state, _OTHER
        if (quality := reading.quality_percent) is not None and quality < self._quality:
            return state, _POOR
        at = event.at
        if (before := state.at) is not None:
            if at < before:
                return state, _OLDER
            if state.told and at - before > _FORGET:
                state = replace(state, told=Told.NO, own=None, guard=None, back=None)
        windows = self._windows
        tonight = None if windows is None or not (now := windows.at(at)).inside else now.start
        if tonight is not None and state.night != tonight:
            nights = self._closed(state)
            state = replace(state, night=tonight, counts={}, nights=nights)
        if self._low < value < self._high and not state.told and state.own is None and state.guard is None:
            # the usual case, some of it in this place to save the calls
            if tonight is None:
                return state, _IN_RANGE
            own = self._memo[1] if self._memo[0] is state.nights else self.usual(state)
            if own is None or own.lower <= value <= own.upper:
                return self._counted(state, value, at), _IN_RANGE
        level, high = self._level(state, value, at_night=tonight is not None)
        if tonight is not None:
            state = self._counted(state, value, at)
        return self._judge(state, event, value, level, high=high)

    def _level(self, state: VitalState, value: float, *, at_night: bool) -> tuple[Told, bool]:
        """How far out of range a value is, and whether it is too high."""
        if value <= self._low or value >= self._high:
            return Told.GUARD, value >= self._high
        if at_night:
            own = self._memo[1] if self._memo[0] is state.nights else self.usual(state)
            if own is not None and not own.lower <= value <= own.upper:
                return Told.OWN, value > own.upper
        return Told.NO, False

    def _counted(self, state: VitalState, value: float, at: datetime) -> VitalState:
        """Tonight's counts with one more, at most one a minute."""
        if state.counts and state.at is not None and at - state.at < _COUNTED_EACH:
            return state
        place = round(value / self._step)
        counts = {**state.counts, place: state.counts.get(place, 0) + 1}
        return self._state(at, state.night, counts, state.nights, state.told, state.own, state.guard, state.back)

    def _closed(self, state: VitalState) -> tuple[Night, ...]:
        if state.night is None or sum(state.counts.values()) < _LEAST_READINGS:
            return state.nights
        middle, spread = median_and_spread(state.counts)
        step = self._vital.step
        day = state.night.astimezone(self._timezone).date()
        return kept(state.nights, Night(day, round(middle * step, 2), round(spread * step, 2)))

    def _judge(
        self, state: VitalState, event: Heard, value: float, level: Told, *, high: bool
    ) -> tuple[State, Verdict]:
        after = replace(
            state,
            at=event.at,
            own=_longer(state.own, self._gap, event, value, hit=level > Told.NO, high=high),
            guard=_longer(state.guard, self._gap, event, value, hit=level is Told.GUARD, high=high),
            back=_longer(state.back, self._gap, event, value, hit=level is Told.NO, high=False) if state.told else None,
        )
        for told, streak in ((Told.GUARD, after.guard), (Told.OWN, after.own)):
            if streak is not None and self._holds(streak) and after.told < told and told in self.priorities:
                return self._raised(after, event, streak, told)
        if after.back is not None and self._holds(after.back) and level is Told.NO:
            calm = replace(after, told=Told.NO, own=None, guard=None, back=None)
            return calm, Cleared(self._vital.back(median(after.back.values)))
        if after.told:
            return after, _STILL
        return after, _PASSED_OVER if level is Told.NO else _HOLDS

    def _holds(self, streak: Streak) -> bool:
        return streak.readings >= self._readings and streak.last - streak.since >= self._for

    def _raised(self, state: VitalState, event: Heard, streak: Streak, told: Told) -> tuple[State, Verdict]:
        value, held = median(streak.values), seconds(streak.last - streak.since)
        own, marks = self.usual(state), heard_late(event, LATE_S)
        if told is Told.GUARD:
            why = self._vital.guard(value, held, self._high if streak.high else self._low, streak.high)
            if own is not None:
                marks = (Reason("The usual at night is {low} to {high}.", around(own)), *marks)
        else:
            assert own is not None, "nothing is out of a range that is not known"
            why = self._vital.own(value, held, own)
        after = replace(state, told=told, back=None)
        return after, Raised(why, self.priorities[told], evidence=streak.evidence, marks=marks)


def _gap(streak: Streak, least: timedelta) -> timedelta:
    """How long a silence may be: by the pauses so far; half an hour where no second value was heard yet."""
    if streak.readings == 1:
        return max(least, _GAP_MOST)
    return max(least, min(_GAP_MOST, timedelta(seconds=streak.pause_s) * _MISSED))


def _longer(
    streak: Streak | None, least: timedelta, event: Heard, value: float, *, hit: bool, high: bool
) -> Streak | None:
    """What is going on with one reading more; None: it is over. ``least``: a silence that ends nothing."""
    at = event.at
    if streak is not None and at - streak.last > _gap(streak, least):
        streak = None
    if not hit:
        return None if streak is None or streak.spared else replace(streak, spared=True)
    if streak is None or streak.high is not high:
        return Streak(at, at, 1, high, (value,), (event.evidence(),))
    values = (*streak.values[1 - _BOUND :], value)
    proof = (streak.evidence[0], event.evidence())
    pause_s = max(streak.pause_s, (at - streak.last).total_seconds())
    return Streak(streak.since, at, streak.readings + 1, high, values, proof, pause_s=pause_s)


def around(own: Usual) -> dict[str, float | int | str]:
    """The usual in whole numbers, for a Reason's ``low`` and ``high``."""
    return {"low": round(own.low), "high": round(own.high)}
