"""Clock wrong: the times that a device gives are not the times at which it measured.

Ahead of us, it is wrong for certain: nothing can be received before it happened. Behind us proves nothing: a message
may have been held up, and a device without a network sends what it kept. A clock that is behind gives itself away by
being behind by *nearly the same* time in message after message, some of them well after the others: a held-up backlog
comes all at once, and each of its messages is less late than the one before. So behind is told only when ``readings``
of them, over at least ``over_s``, are behind by the same time within ``spread_s``; a single one that is on time proves
the clock right.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import Field

from devices.model import KINDS, Position
from rules.model import (
    Cleared,
    Context,
    Event,
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
from rules.timing import CLOCK_LOST, seconds
from rules.watched import watched

_FINE = Quiet(Reason("The clock of the device is right."))
_TIME = Quiet(Reason("A clock is judged by readings only."))
_NONE = Quiet(Reason("The device gave no time."))
_WATCHED = Quiet(Reason("The clock of the device may be wrong; more readings will tell."))
_STILL = Quiet(Reason("The clock of the device is still wrong; told already."))
_ZERO: Final = timedelta(0)


class ClockWrongSettings(RuleSettings):
    """When a wrong clock is told."""

    name: ClassVar[str] = "clock_wrong"
    rule: Literal["clock_wrong"] = "clock_wrong"
    ahead_s: float = Field(
        120.0,
        ge=5,
        le=86_400,
        description="Ahead by more than this. Two minutes are far beyond what a working clock drifts between two "
        "settings, and leave room for our own.",
    )
    behind_s: float = Field(
        600.0,
        ge=60,
        le=86_400,
        description="Behind by more than this. Ten minutes are longer than a usual network holds a message up.",
    )
    readings: int = Field(
        3,
        ge=2,
        le=50,
        description="So many readings in a row must say the same. One may be a slip, and three at different times "
        "are no backlog.",
    )
    over_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="From the first to the last of them at least this long: what a device kept while it had no network "
        "comes within a few minutes.",
    )
    spread_s: float = Field(
        60.0,
        ge=1,
        le=3600,
        description="How far apart these may be in how wrong they are. The way through the network takes some seconds, "
        "on a bad day a minute.",
    )
    priority: Priority = Field(
        Priority.LOW,
        description="Low by default: alarms are told in any case, with the time at which they came.",
    )


class ClockStand(StrEnum):
    """How the clock stands."""

    FINE = "fine"
    WATCHED = "watched"  # readings that are off, not enough of them yet
    TOLD = "told"


class ClockWrongState(State, frozen=True, tag="clock_wrong", omit_defaults=True):
    """``off_s``: how far ahead (above 0) or behind the first of ``readings`` readings in a row was, heard at
    ``since``."""

    stand: ClockStand = ClockStand.FINE
    off_s: float = 0.0
    readings: int = 0
    since: datetime | None = None


class ClockWrongRule:
    """See the module."""

    __slots__ = ("_ahead", "_behind", "_device", "_over", "_settings", "devices", "key")
    name = "clock_wrong"
    kinds = frozenset(KINDS)
    zones: tuple[str, ...] = ()

    def __init__(self, settings: ClockWrongSettings, device: str) -> None:
        self.key = f"clock_wrong:{device}"
        self.devices = frozenset({device})
        self._device = device
        self._settings = settings
        self._ahead = timedelta(seconds=settings.ahead_s)
        self._behind = timedelta(seconds=settings.behind_s)
        self._over = timedelta(seconds=settings.over_s)

    def start(self, at: datetime) -> ClockWrongState:
        """Right until the device shows otherwise."""
        return ClockWrongState()

    def wake_at(self, state: State) -> datetime | None:
        """Never."""
        return None

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """On time, off once more, or off often enough."""
        assert isinstance(state, ClockWrongState)
        if not isinstance(event, Heard):
            return state, _TIME
        reading = event.reading
        said = reading.observed_at
        if said is None:
            return state, _NONE
        if isinstance(reading, Position) and reading.fixed_at is not None and reading.fixed_at > said:
            said = reading.fixed_at
        off = said - event.received_at
        if -self._behind <= off <= self._ahead:
            return self._right(state, off)
        return self._off(state, event, off)

    def _right(self, state: ClockWrongState, off: timedelta) -> tuple[State, Verdict]:
        if state.stand is ClockStand.FINE:
            return state, _FINE
        after = ClockWrongState()
        if state.stand is ClockStand.WATCHED:
            return after, _FINE
        why = Reason("The clock of {device} is right again.", {"device": self._device, "off_s": seconds(abs(off))})
        return after, Cleared(why, self._device)

    def _off(self, state: ClockWrongState, event: Heard, off: timedelta) -> tuple[State, Verdict]:
        if state.stand is ClockStand.TOLD:
            return state, _STILL
        off_s, now = seconds(off), event.received_at
        lost = -off > CLOCK_LOST  # 1970, 1980, 2000: no message is held up for years
        same = state.readings > 0 and (
            (off > _ZERO and state.off_s > 0) or abs(off_s - state.off_s) <= self._settings.spread_s or lost
        )
        if not same:
            return ClockWrongState(ClockStand.WATCHED, off_s, 1, now), _WATCHED
        assert state.since is not None
        readings = state.readings + 1
        long_enough = off > _ZERO or lost or now - state.since >= self._over
        if readings < self._settings.readings or not long_enough:
            counted = min(readings, self._settings.readings)
            if counted == state.readings:
                return state, _WATCHED
            return ClockWrongState(ClockStand.WATCHED, state.off_s, counted, state.since), _WATCHED
        values: dict[str, float | int | str] = {"device": self._device, "off_s": abs(off_s)}
        ahead = Reason("The clock of {device} is {off_s} ahead.", values)
        behind = Reason("The clock of {device} is {off_s} behind.", values)
        told = ClockWrongState(ClockStand.TOLD, off_s, readings, state.since)
        return told, Raised(
            ahead if off > _ZERO else behind, self._settings.priority, self._device, (event.evidence(),)
        )


def build(settings: ClockWrongSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device."""
    return tuple(ClockWrongRule(settings, device.id) for device in watched(context))
