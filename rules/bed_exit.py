"""Bed exit: out of bed at night for too long.

Time out of bed counts inside the night window only: who is out before it begins counts from its beginning. An exit
that was told is told again the next night if nobody heard of a return, so that a lost "in bed" does not silence the
rule. Readings are taken in the order in which they happened; an older one changes nothing.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from devices.model import Bed
from rules.bed import LATE_S, BedSettings, decided_at
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
from rules.timing import epoch_ms, heard_late, seconds

_OTHER = Quiet(Reason("Not about the bed."))
_OLDER = Quiet(Reason("A newer bed reading was judged already; this one changes nothing."))
_IN_BED = Quiet(Reason("In bed."))
_STILL_OUT = Quiet(Reason("Still out of bed; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))


class BedExitSettings(BedSettings):
    """When being out of bed at night is told."""

    name: ClassVar[str] = "bed_exit"
    rule: Literal["bed_exit"] = "bed_exit"
    since: WallClock = Field(
        time(22, 0),
        alias="from",
        description="When the night begins, wall-clock time in the centre's time zone. A usual bedtime; set the "
        "person's own.",
    )
    until: WallClock = Field(
        time(6, 0),
        alias="to",
        description="When the night ends, wall-clock time; earlier than `from` means the next day. After "
        "it, being up is no news.",
    )
    minutes: float = Field(
        20.0,
        gt=0,
        le=600,
        description="How long out of bed is told. Long enough for a visit to the toilet without haste, short "
        "enough to find somebody who fell on the way.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: somebody should look soon. Set high where a person must not walk alone.",
    )


class BedExitState(State, frozen=True, tag="bed_exit", omit_defaults=True):
    """``at`` is the last judged reading; out of bed, ``out_since`` when, ``until`` when it is told (again)."""

    at: datetime | None = None
    out_since: datetime | None = None
    until: datetime | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()


class BedExitRule:
    """See the module."""

    __slots__ = ("_limit", "_night", "_priority", "devices")
    name = "bed_exit"
    key = "bed_exit"
    kinds = frozenset({"bed"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: BedExitSettings, night: Daily) -> None:
        self.devices = settings.devices()
        self._night = night
        self._limit = timedelta(minutes=settings.minutes)
        self._priority = settings.priority

    def start(self, at: datetime) -> BedExitState:
        """In bed, until a sensor says otherwise."""
        return BedExitState()

    def wake_at(self, state: State) -> datetime | None:
        """When being out of bed becomes too long."""
        assert isinstance(state, BedExitState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """In or out of bed, or the time is over."""
        assert isinstance(state, BedExitState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if not isinstance(event.reading, Bed):
            return state, _OTHER
        if state.at is not None and event.at < state.at:
            return state, _OLDER
        return self._in_bed(state, event) if event.reading.in_bed else self._out(state, event)

    def _in_bed(self, state: BedExitState, event: Heard) -> tuple[State, Verdict]:
        after = BedExitState(event.at)
        if not state.told or state.out_since is None:
            return after, _IN_BED
        out = event.at - state.out_since
        return after, Cleared(Reason("Back in bed after {out_s}.", {"out_s": seconds(out)}))

    def _out(self, state: BedExitState, event: Heard) -> tuple[State, Verdict]:
        if state.out_since is not None:  # a sensor that repeats itself
            after = BedExitState(event.at, state.out_since, state.until, state.told, state.evidence, state.marks)
            if state.told or state.until is None:
                return after, _STILL_OUT
            return after, self._pending(state.until)
        until = decided_at(self._night.moment(event.at, self._limit), event)
        after = BedExitState(event.at, event.at, until, evidence=(event.evidence(),), marks=heard_late(event, LATE_S))
        if until <= event.received_at:
            return self._tick(after, event.received_at)
        return after, self._pending(until)

    def _pending(self, until: datetime) -> Verdict:
        return Pending(until, Reason("Out of bed; told from {told_at} on.", {"told_at": epoch_ms(until)}))

    def _tick(self, state: BedExitState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or state.out_since is None or at < state.until:
            return state, _NOTHING
        again = self._night.moment(self._night.end_of(at), self._limit)  # the next night, if nobody heard of a return
        after = BedExitState(state.at, state.out_since, again, True, state.evidence)
        why = Reason(
            "Out of bed since {out_at}: {out_s}, longer than {limit_s} in the night.",
            {
                "out_at": epoch_ms(state.out_since),
                "out_s": seconds(at - state.out_since),
                "limit_s": seconds(self._limit),
            },
        )
        return after, Raised(why, self._priority, evidence=state.evidence, marks=state.marks)


def build(settings: BedExitSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's bed.

    Raises:
        BadRuleError: the night is shorter than the time that is too long.
    """
    night = Daily(settings.since, settings.until, context.timezone)
    if timedelta(minutes=settings.minutes) >= night.shortest:
        raise BadRuleError(
            f"bed_exit: minutes is {settings.minutes:g}, but the night from {settings.since:%H:%M} to "
            f"{settings.until:%H:%M} is too short for that, less an hour when the clocks change"
        )
    return (BedExitRule(settings, night),)
