"""Not in bed by a time of the evening.

Told when the last word of the bed sensor at that time is "out", and has been for long enough: who is on the way back
from the toilet is not told. Told again the next evening when nobody heard of a return. A sensor that never said
anything says nothing here either; that it is silent is told by ``silent``. Readings are taken in the order in which
they happened; an older one changes nothing.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from rules.bed import LATE_S, BedSettings, Said, said
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
from rules.timing import epoch_ms, heard_late

_OTHER = Quiet(Reason("Not about the bed."))
_OLDER = Quiet(Reason("A newer bed reading was judged already; this one changes nothing."))
_IN_BED = Quiet(Reason("In bed."))
_STILL_OUT = Quiet(Reason("Still not in bed; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_PASSED_OVER: Final = {Said.OLDER: _OLDER, Said.OTHER: _OTHER}


class NotInBedBySettings(BedSettings):
    """By when somebody is expected in bed."""

    name: ClassVar[str] = "not_in_bed_by"
    rule: Literal["not_in_bed_by"] = "not_in_bed_by"
    by: WallClock = Field(
        time(23, 30),
        description="When the person is in bed at the latest, wall-clock time in the centre's time zone. Late for "
        "most; set the person's own.",
    )
    out_minutes: float = Field(
        20.0,
        ge=0,
        le=240,
        description="How long out of bed without a break by then: a visit to the toilet at that time is not told.",
    )
    priority: Priority = Field(
        Priority.LOW,
        description="Low by default: a late evening is no danger by itself. Set medium where it may mean a fall before "
        "bedtime.",
    )


class NotInBedByState(State, frozen=True, tag="not_in_bed_by", omit_defaults=True):
    """``at`` is the last judged reading; out of bed, ``out_since`` when and ``until`` when it is told (again)."""

    at: datetime | None = None
    in_bed: bool | None = None
    out_since: datetime | None = None
    until: datetime | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()


class NotInBedByRule:
    """See the module."""

    __slots__ = ("_days", "_out", "_priority", "devices")
    name = "not_in_bed_by"
    key = "not_in_bed_by"
    kinds = frozenset({"bed"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: NotInBedBySettings, context: Context) -> None:
        self.devices = settings.devices()
        # windows from one evening's time to the next one's: each begins when it is told
        self._days = Windows(Daily(settings.by, settings.by, context.timezone))
        self._out = timedelta(minutes=settings.out_minutes)
        self._priority = settings.priority

    def start(self, at: datetime) -> NotInBedByState:
        """Nobody knows."""
        return NotInBedByState()

    def wake_at(self, state: State) -> datetime | None:
        """When it is late, for who is out of bed."""
        assert isinstance(state, NotInBedByState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """In or out of bed, or it is late."""
        assert isinstance(state, NotInBedByState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        match said(event, state.at, state.in_bed):
            case Said.IN:
                after = NotInBedByState(event.at, in_bed=True)
                if not state.told:
                    return after, _IN_BED
                return after, Cleared(Reason("In bed since {in_at}.", {"in_at": epoch_ms(event.at)}))
            case Said.OUT:
                return self._up(state, event)
            case Said.SAME:
                return state, _IN_BED if state.in_bed else self._waits(state)
            case other:
                return state, _PASSED_OVER[other]

    def _up(self, state: NotInBedByState, event: Heard) -> tuple[State, Verdict]:
        if state.out_since is not None:  # a sensor that repeats itself
            after = replace(state, at=event.at)
            return after, self._waits(after)
        evidence, marks = (event.evidence(),), heard_late(event, LATE_S)
        until = max(self._days.next_start(event.at), event.at + self._out)
        after = NotInBedByState(event.at, False, event.at, until, False, evidence, marks)
        if until <= event.received_at:
            return self._tick(after, event.received_at)
        return after, self._waits(after)

    def _waits(self, state: NotInBedByState) -> Verdict:
        if state.told or state.until is None:
            return _STILL_OUT
        return Pending(state.until, Reason("Out of bed; told at {told_at}.", {"told_at": epoch_ms(state.until)}))

    def _tick(self, state: NotInBedByState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or state.out_since is None or at < state.until:
            return state, _NOTHING
        evening = self._days.at(at)
        why = Reason(
            "Not in bed by {by_at}; out of bed since {out_at}.",
            {"by_at": epoch_ms(evening.start), "out_at": epoch_ms(state.out_since)},
        )
        after = replace(state, until=evening.end, told=True, marks=())
        return after, Raised(why, self._priority, evidence=state.evidence, marks=state.marks)


def build(settings: NotInBedBySettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's bed."""
    return (NotInBedByRule(settings, context),)
