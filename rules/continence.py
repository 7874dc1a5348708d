"""Continence: a change is due, overdue, or the product leaks.

Dignity by default: a change that is due goes on the round list (Pending) and rings nowhere; only an overdue change or
a leak is told, never as high, and the words stay plain. Where ``rounds`` are planned, a due change waits for the next
one, and is overdue when that has passed without it. What happens is the table ``TABLE``: (how it stands, what the
sensor says) -> how it stands then. All of it is one incident (subject "").

``some`` after a due change does not take it back: nothing dries by itself, the sensor wavers. After a leak it does:
two levels less can only be a new product. ``error`` and ``off`` change nothing: a change that was due is still due.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal

import msgspec
from pydantic import Field

from devices.model import Continence
from rules.continence_words import LATE_S, Calm, ScaleSettings
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
from rules.night import WallClock
from rules.nights import next_wall_clock
from rules.timing import epoch_ms, heard_late, seconds

_OTHER = Quiet(Reason("Not from a continence sensor."))
_OLDER = Quiet(Reason("A newer continence reading was judged already; this one changes nothing."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_NO_STATE = Quiet(Reason("The sensor gives no state, and no saturation limit is set."))
_FINE = Quiet(Reason("No change is due."))
_CHANGED = Quiet(Reason("Changed in time."))
_TOLD = Quiet(Reason("Told already; not changed yet."))
_ERROR = Quiet(Reason("The continence sensor reports an error: its state is not known."))
_OFF = Quiet(Reason("The continence sensor is off or not attached."))
_CLEARED = Cleared(Reason("Changed: the sensor is dry again."))


class ContinenceSettings(ScaleSettings):
    """When a change is told."""

    name: ClassVar[str] = "continence"
    rule: Literal["continence"] = "continence"
    overdue_after_minutes: float = Field(
        60.0,
        ge=0,
        le=720,
        description="How long a due change may wait for the planned round before it is told. An hour "
        "leaves room for a round that comes by anyway; set it by the person's skin and the house's rounds.",
    )
    tell_when_due: bool = Field(
        False,
        description="Tell (low) as soon as a change is due. No by default: the round list shows it, and nobody is "
        "rung up for it.",
    )
    rounds: tuple[WallClock, ...] | None = Field(
        None,
        max_length=24,
        description='Planned rounds, wall-clock times such as ["08:00", "13:00", "21:00"]; default: those of the house '
        "(`rounds` in `[centre]`). A due change waits for the next one. Without rounds, or with [], "
        "`overdue_after_minutes` counts.",
    )
    grace_minutes: float = Field(
        30.0,
        ge=0,
        le=240,
        description="How long after the planned round a change is overdue. A round takes its time from room to room.",
    )
    priority: Calm = Field(
        Priority.MEDIUM,
        description="Priority of an overdue change and of a leak, medium or low. Medium: somebody should come soon, "
        "nobody must run.",
    )


class Stand(StrEnum):
    """How it stands."""

    FINE = "fine"
    DUE = "due"
    OVERDUE = "overdue"
    LEAK = "leak"


TABLE: Final[dict[tuple[Stand, str], Stand]] = {
    (Stand.FINE, "dry"): Stand.FINE,
    (Stand.FINE, "some"): Stand.FINE,
    (Stand.FINE, "change_due"): Stand.DUE,
    (Stand.FINE, "leak"): Stand.LEAK,
    (Stand.DUE, "dry"): Stand.FINE,
    (Stand.DUE, "some"): Stand.DUE,
    (Stand.DUE, "change_due"): Stand.DUE,
    (Stand.DUE, "leak"): Stand.LEAK,
    (Stand.OVERDUE, "dry"): Stand.FINE,
    (Stand.OVERDUE, "some"): Stand.OVERDUE,
    (Stand.OVERDUE, "change_due"): Stand.OVERDUE,
    (Stand.OVERDUE, "leak"): Stand.LEAK,
    (Stand.LEAK, "dry"): Stand.FINE,
    (Stand.LEAK, "some"): Stand.FINE,
    (Stand.LEAK, "change_due"): Stand.LEAK,
    (Stand.LEAK, "leak"): Stand.LEAK,
}


class ContinenceState(State, frozen=True, tag="continence", omit_defaults=True):
    """``at`` is the last judged reading; of an open change ``since`` when it was due first, ``round_at`` the planned
    round, ``until`` when it is overdue."""

    stand: Stand = Stand.FINE
    at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    round_at: datetime | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()


class ContinenceRule:
    """See the module."""

    __slots__ = ("_grace", "_overdue_after", "_rounds", "_settings", "_zone")
    name = "continence"
    key = "continence"
    kinds = frozenset({"continence"})
    devices: frozenset[str] | None = None
    zones: tuple[str, ...] = ()

    def __init__(self, settings: ContinenceSettings, context: Context) -> None:
        self._settings = settings
        self._zone = context.timezone
        self._rounds = context.rounds if settings.rounds is None else settings.rounds
        self._grace = timedelta(minutes=settings.grace_minutes)
        self._overdue_after = timedelta(minutes=settings.overdue_after_minutes)

    def start(self, at: datetime) -> ContinenceState:
        """No change is due."""
        return ContinenceState()

    def wake_at(self, state: State) -> datetime | None:
        """When a due change becomes overdue."""
        assert isinstance(state, ContinenceState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """One row of TABLE, or the time is over."""
        assert isinstance(state, ContinenceState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if not isinstance(event.reading, Continence):
            return state, _OTHER
        word = self._settings.word(event.reading)
        if word in _WITHOUT_STATE:
            return state, _WITHOUT_STATE[word]
        if state.at is not None and event.at < state.at:
            return state, _OLDER
        return self._move(state, TABLE[state.stand, word], event)

    def _move(self, state: ContinenceState, stand: Stand, event: Heard) -> tuple[State, Verdict]:
        if stand is state.stand:
            return self._stay(msgspec.structs.replace(state, at=event.at))
        if stand is Stand.FINE:
            return ContinenceState(at=event.at), _CLEARED if state.told else _CHANGED
        evidence = (*state.evidence, event.evidence())
        marks = heard_late(event, LATE_S)
        if stand is Stand.LEAK:
            since = state.since or event.at
            after = ContinenceState(Stand.LEAK, event.at, since, told=True, evidence=evidence)
            why = Reason("The product leaks: a change is needed now.")
            return after, Raised(why, self._settings.priority, evidence=evidence, marks=marks)
        return self._due(ContinenceState(Stand.DUE, event.at, event.at, evidence=evidence, marks=marks), event)

    def _stay(self, state: ContinenceState) -> tuple[State, Verdict]:
        if state.stand is Stand.FINE:
            return state, _FINE
        return state, _TOLD if state.until is None else _due(state)

    def _due(self, state: ContinenceState, event: Heard) -> tuple[State, Verdict]:
        round_at, until = None, event.at + self._overdue_after
        if self._rounds:
            round_at = next_wall_clock(self._rounds, self._zone, event.at)
            until = round_at + self._grace
        due = msgspec.structs.replace(state, until=until, round_at=round_at)
        if until <= event.received_at:
            return self._tick(due, event.received_at)
        if not self._settings.tell_when_due:
            return due, _due(due)
        told = msgspec.structs.replace(due, told=True)
        return told, Raised(Reason("A change is due."), Priority.LOW, evidence=state.evidence, marks=state.marks)

    def _tick(self, state: ContinenceState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or state.since is None or at < state.until:
            return state, _NOTHING
        after = ContinenceState(
            Stand.OVERDUE, state.at, state.since, round_at=state.round_at, told=True, evidence=state.evidence
        )
        due_s = seconds(at - state.since)
        if state.round_at is not None:
            values: dict[str, float | int | str] = {"due_s": due_s, "round_at": epoch_ms(state.round_at)}
            why = Reason("A change has been due for {due_s}; it was planned for the round at {round_at}.", values)
        else:
            values = {"due_s": due_s, "limit_s": seconds(self._overdue_after)}
            why = Reason("A change has been due for {due_s}, longer than {limit_s}.", values)
        return after, Raised(why, self._settings.priority, evidence=state.evidence, marks=state.marks)


_WITHOUT_STATE: Final = {"error": _ERROR, "off": _OFF, "": _NO_STATE}


def _due(state: ContinenceState) -> Pending:
    assert state.until is not None
    if state.round_at is not None:
        why = Reason("A change is due; planned for the round at {round_at}.", {"round_at": epoch_ms(state.round_at)})
        return Pending(state.until, why)
    why = Reason("A change is due; told as overdue from {overdue_at} on.", {"overdue_at": epoch_ms(state.until)})
    return Pending(state.until, why)


def build(settings: ContinenceSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's continence product."""
    return (ContinenceRule(settings, context),)
