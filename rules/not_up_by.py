"""Not up by a time of the morning.

Told when somebody is in bed at that time and has not been up since ``from`` for as long as ``up_minutes``: a visit to
the toilet is not getting up, and who was up and lies down again is no news. Told again the next morning when nobody
heard of a getting up. Readings are taken in the order in which they happened; an older one changes nothing.

A bed sensor that is told as silent says nothing of the bed until it is heard again: nobody is told meanwhile.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from rules.bed import LATE_S, SILENT, BedSettings, Said, said, silences
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
from rules.model import Said as Told
from rules.night import Daily, WallClock
from rules.nights import Windows
from rules.timing import epoch_ms, heard_late

_HEARD_AGAIN: Final = timedelta(hours=3)
"""So long after the time at which it would have been told, a sensor that is heard again still tells."""

_OTHER = Quiet(Reason("Not about the bed."))
_OLDER = Quiet(Reason("A newer bed reading was judged already; this one changes nothing."))
_UP = Quiet(Reason("Out of bed."))
_IN_BED = Quiet(Reason("In bed."))
_STILL_IN = Quiet(Reason("Still in bed; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_PASSED_OVER: Final = {Said.OLDER: _OLDER, Said.OTHER: _OTHER}


class NotUpBySettings(BedSettings):
    """By when somebody is expected to be up."""

    name: ClassVar[str] = "not_up_by"
    rule: Literal["not_up_by"] = "not_up_by"
    since: WallClock = Field(
        time(4, 0),
        alias="from",
        description="From when on getting up counts as the morning's, wall-clock time in the centre's time zone.",
    )
    by: WallClock = Field(
        time(9, 30),
        description="When the person is up at the latest. Later than a late breakfast; set the person's own.",
    )
    up_minutes: float = Field(
        20.0,
        ge=0,
        le=240,
        description="How long out of bed counts as up: longer than a visit to the toilet.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: who does not get up as usual may be ill, and somebody should look soon.",
    )


class NotUpByState(State, frozen=True, tag="not_up_by", omit_defaults=True):
    """``at`` is the last judged reading; ``since`` when it began to say so; in bed, ``until`` is when it is told.
    ``in_bed`` None with ``since``: in bed when the sensor fell silent; ``silent`` are the rules that told it.

    ``up`` is the end of the last morning in which the person was up.
    """

    at: datetime | None = None
    in_bed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    up: datetime | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()
    silent: tuple[str, ...] = ()


class NotUpByRule:
    """See the module."""

    __slots__ = ("_mornings", "_priority", "_up", "devices")
    name = "not_up_by"
    key = "not_up_by"
    kinds = frozenset({"bed"})
    listens = SILENT
    zones: tuple[str, ...] = ()

    def __init__(self, settings: NotUpBySettings, mornings: Windows) -> None:
        self.devices = settings.devices()
        self._mornings = mornings
        self._up = timedelta(minutes=settings.up_minutes)
        self._priority = settings.priority

    def start(self, at: datetime) -> NotUpByState:
        """Nobody knows."""
        return NotUpByState()

    def wake_at(self, state: State) -> datetime | None:
        """When it is late, for who is in bed."""
        assert isinstance(state, NotUpByState)
        return state.until if state.in_bed else None

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """In or out of bed, or it is late."""
        assert isinstance(state, NotUpByState)
        if isinstance(event, Told):
            return self._silent(state, event)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        match said(event, state.at, state.in_bed):
            case Said.IN:
                return self._in_bed(state, event)
            case Said.OUT:
                return self._out(state, event)
            case Said.SAME:
                return state, (_STILL_IN if state.told else _IN_BED) if state.in_bed else _UP
            case other:
                return state, _PASSED_OVER[other]

    def _silent(self, state: NotUpByState, told: Told) -> tuple[State, Verdict]:
        """The sensor that said "in bed" is not heard any more, or it is heard again."""
        device = state.evidence[0].device if state.evidence else ""
        silent = silences(state.silent, told, device)
        if silent is state.silent or not device or state.in_bed is False:
            return state, _NOTHING
        silent = tuple(sorted(silent))
        if state.in_bed:
            after, verdict = self._tick(state, told.at)  # what was due by then comes first
            return replace(after, in_bed=None, silent=silent), verdict
        if not silent and state.until is not None and told.at < state.until + _HEARD_AGAIN:
            return self._known_again(state, told.received_at)
        return replace(state, silent=silent), _NOTHING

    def _known_again(self, state: NotUpByState, now: datetime) -> tuple[State, Verdict]:
        again = replace(state, in_bed=True, silent=())
        if again.until is not None and again.until <= now:
            return self._tick(again, now)
        return again, self._waits(again)

    def _out(self, state: NotUpByState, event: Heard) -> tuple[State, Verdict]:
        since = state.since if state.in_bed is False else event.at
        after = NotUpByState(event.at, False, since, None, state.up)
        if not state.told:
            return after, _UP
        return after, Cleared(Reason("Out of bed at {out_at}.", {"out_at": epoch_ms(event.at)}))

    def _in_bed(self, state: NotUpByState, event: Heard) -> tuple[State, Verdict]:
        if state.in_bed:  # a sensor that repeats itself
            return replace(state, at=event.at), _STILL_IN if state.told else _IN_BED
        if state.in_bed is None and state.until is not None and event.at < state.until + _HEARD_AGAIN:
            return self._known_again(replace(state, at=event.at), event.received_at)
        up, until = self._morning(state, event.at)
        evidence, marks = (event.evidence(),), heard_late(event, LATE_S)
        after = NotUpByState(event.at, True, event.at, until, up, state.told, evidence, marks)
        if until <= event.received_at:
            return self._tick(after, max(until, event.received_at))
        return after, self._waits(after)

    def _morning(self, state: NotUpByState, at: datetime) -> tuple[datetime | None, datetime]:
        """The end of the last morning in which the person was up, and when being in bed since ``at`` is told."""
        up, out_since = state.up, state.since if state.in_bed is False else None
        now = self._mornings.at(at)
        first = now if now.inside else self._mornings.at(now.end)
        if out_since is not None:
            left = self._mornings.at(out_since)
            if left.inside and left.end != up:
                if at - max(out_since, left.start) >= self._up:
                    up = left.end
                elif left.end <= at:
                    return up, at  # a short visit over the very time at which it would have been told
        if out_since is not None and now.inside and at - max(out_since, now.start) >= self._up:
            up = now.end
        return up, first.end if first.end != up else self._end_after(first.end)

    def _end_after(self, end: datetime) -> datetime:
        after = self._mornings.at(end)
        return after.end if after.inside else self._mornings.at(after.end).end

    def _waits(self, state: NotUpByState) -> Verdict:
        if state.told or state.until is None:
            return _STILL_IN
        return Pending(state.until, Reason("In bed; told at {told_at}.", {"told_at": epoch_ms(state.until)}))

    def _tick(self, state: NotUpByState, at: datetime) -> tuple[NotUpByState, Verdict]:
        if not state.in_bed or state.until is None or state.since is None or at < state.until:
            return state, _NOTHING
        why = Reason(
            "Still in bed at {now_at}; in bed since {in_at}.",
            {"now_at": epoch_ms(at), "in_at": epoch_ms(state.since)},
        )
        now = self._mornings.at(at)
        after = replace(state, until=now.end if now.inside else self._end_after(at), told=True, marks=())
        return after, Raised(why, self._priority, evidence=state.evidence, marks=state.marks)


def build(settings: NotUpBySettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's bed.

    Raises:
        BadRuleError: the morning is shorter than what counts as up.
    """
    morning = Daily(settings.since, settings.by, context.timezone)
    if timedelta(minutes=settings.up_minutes) >= morning.shortest:
        raise BadRuleError(
            f"not_up_by: up_minutes is {settings.up_minutes:g}, but the morning from {settings.since:%H:%M} to "
            f"{settings.by:%H:%M} is too short for that, less an hour when the clocks change"
        )
    return (NotUpByRule(settings, Windows(morning)),)
