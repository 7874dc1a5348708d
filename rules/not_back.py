"""Left the bed in the night, and not back: told, and told again with more urgency when it lasts.

Unlike ``bed_exit`` it looks at the leaving: who was in bed, left within the night, and does not come back. Who is up
before the night begins is not missed, and a leaving so late that the night ends before the time is over is getting up.
Once it was told, the second step comes whatever the clock says. Readings are taken in the order in which they
happened; an older one changes nothing.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from rules.bed import LATE_S, BedSettings, Said, decided_at, said
from rules.errors import BadRuleError
from rules.model import (
    Cleared,
    Context,
    Event,
    Evidence,
    Heard,
    Pending,
    Priority,
    Quiet,
    Raised,
    Reason,
    Rule,
    State,
    Verdict,
)
from rules.night import Daily, WallClock
from rules.nights import Windows
from rules.timing import epoch_ms, heard_late, seconds

_OTHER = Quiet(Reason("Not about the bed."))
_OLDER = Quiet(Reason("A newer bed reading was judged already; this one changes nothing."))
_IN_BED = Quiet(Reason("In bed."))
_UP = Quiet(Reason("Out of bed; not a leaving in the night."))
_STILL_OUT = Quiet(Reason("Still not back; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_PASSED_OVER: Final = {Said.OLDER: _OLDER, Said.OTHER: _OTHER}


class NotBackSettings(BedSettings):
    """When somebody who left the bed is missed."""

    name: ClassVar[str] = "not_back"
    rule: Literal["not_back"] = "not_back"
    since: WallClock = Field(
        time(22, 0), alias="from", description="When the night begins, wall-clock time in the centre's time zone."
    )
    until: WallClock = Field(
        time(6, 0),
        alias="to",
        description="When the night ends. Who leaves the bed so late that it ends before `minutes` are over gets up.",
    )
    minutes: float = Field(
        30.0,
        gt=0,
        le=600,
        description="How long after leaving the bed it is told first. Half an hour, so that it comes after `bed_exit` "
        "where a resident has both.",
    )
    priority: Priority = Field(Priority.MEDIUM, description="Of the first step: somebody should look soon.")
    again_minutes: float | None = Field(
        20.0,
        gt=0,
        le=600,
        description="How long after the first step it is told again. Nobody is in the toilet for so long without "
        "needing somebody.",
    )
    again_priority: Priority = Field(
        Priority.HIGH,
        description="Of the second step. High: the risk of lying on a cold floor grows with each quarter of an hour.",
    )


class NotBackState(State, frozen=True, tag="not_back", omit_defaults=True):
    """``at`` is the last judged reading; after a leaving ``out_since`` when, ``until`` when the next step is due."""

    at: datetime | None = None
    in_bed: bool | None = None
    out_since: datetime | None = None
    until: datetime | None = None
    steps: int = 0
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()


class NotBackRule:
    """See the module."""

    __slots__ = ("_again", "_again_priority", "_limit", "_nights", "_priority", "devices")
    name = "not_back"
    key = "not_back"
    kinds = frozenset({"bed"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: NotBackSettings, nights: Windows) -> None:
        self.devices = settings.devices()
        self._nights = nights
        self._limit = timedelta(minutes=settings.minutes)
        self._again = None if settings.again_minutes is None else timedelta(minutes=settings.again_minutes)
        self._priority, self._again_priority = settings.priority, settings.again_priority

    def start(self, at: datetime) -> NotBackState:
        """Nobody knows."""
        return NotBackState()

    def wake_at(self, state: State) -> datetime | None:
        """When the next step is due."""
        assert isinstance(state, NotBackState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """In or out of bed, or a step is due."""
        assert isinstance(state, NotBackState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        match said(event, state.at, state.in_bed):
            case Said.IN:
                return self._in_bed(state, event)
            case Said.OUT:
                return self._out(state, event)
            case Said.SAME:
                return state, _IN_BED if state.in_bed else self._waits(state)
            case other:
                return state, _PASSED_OVER[other]

    def _in_bed(self, state: NotBackState, event: Heard) -> tuple[State, Verdict]:
        after = NotBackState(event.at, in_bed=True)
        if not state.steps or state.out_since is None:
            return after, _IN_BED
        return after, Cleared(Reason("Back in bed after {out_s}.", {"out_s": seconds(event.at - state.out_since)}))

    def _out(self, state: NotBackState, event: Heard) -> tuple[State, Verdict]:
        if not state.in_bed:
            after = replace(state, at=event.at, in_bed=False)
            return after, self._waits(after)
        night = self._nights.at(event.at)
        until = event.at + self._limit
        if not night.inside or until >= night.end:
            return NotBackState(event.at, in_bed=False), _UP
        marks = heard_late(event, LATE_S)
        until = decided_at(until, event)
        after = NotBackState(event.at, False, event.at, until, 0, (event.evidence(),), marks)
        if until <= event.received_at:
            return self._tick(after, event.received_at)
        return after, self._waits(after)

    def _waits(self, state: NotBackState) -> Verdict:
        if state.until is None or state.steps:
            return _STILL_OUT if state.steps else _UP
        return Pending(state.until, Reason("Left the bed; told at {told_at}.", {"told_at": epoch_ms(state.until)}))

    def _tick(self, state: NotBackState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or state.out_since is None or at < state.until:
            return state, _NOTHING
        values: dict[str, float | int | str] = {
            "out_at": epoch_ms(state.out_since),
            "out_s": seconds(at - state.out_since),
        }
        second = None if self._again is None else state.out_since + self._limit + self._again
        if state.steps or (second is not None and second <= at):
            why = Reason("Still not back in bed: left at {out_at}, {out_s} ago.", values)
            after = replace(state, until=None, steps=2)
            told = bool(state.steps)
            return after, Raised(why, self._again_priority, "", state.evidence, state.marks, again=told)
        why = Reason("Left the bed at {out_at} and is not back after {out_s}.", values)
        after = replace(state, until=second, steps=1)
        return after, Raised(why, self._priority, evidence=state.evidence, marks=state.marks)


def build(settings: NotBackSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's bed.

    Raises:
        BadRuleError: the night is shorter than the time that is too long.
    """
    night = Daily(settings.since, settings.until, context.timezone)
    if timedelta(minutes=settings.minutes) >= night.shortest:
        raise BadRuleError(
            f"not_back: minutes is {settings.minutes:g}, but the night from {settings.since:%H:%M} to "
            f"{settings.until:%H:%M} is too short for that, less an hour when the clocks change"
        )
    return (NotBackRule(settings, Windows(night)),)
