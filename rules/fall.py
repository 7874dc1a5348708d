"""Fall: suspected, detected, confirmed, cancelled, ended.

Each device lives its own falls; all falls of a resident are one incident (subject ""), because two sensors that see
one fall must not make two alerts. What happens is the table ``TABLE``: (how the device's fall stands, what was
heard) -> what to do.

- ``ended`` says that the sensor no longer sees anybody on the floor. That is no proof that the person got up: who
  crawled or was dragged out of sight looks the same. So it takes back a suspicion only, and clears a told fall only
  where the care plan says so (``ended_clears``). The wearer's own ``cancelled`` always clears.
- A fall that was told never swallows the next one: a new detection is told again, a new suspicion waits again.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal

import msgspec
from pydantic import Field

from devices.model import Fall
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
    RuleSettings,
    State,
    Verdict,
)
from rules.timing import heard_late

LATE_S: Final = 60.0
"""A fall older than this when heard is marked with its age; the same minute as for a help call."""

_OTHER = Quiet(Reason("Not a fall."))
_NOTHING = Quiet(Reason("No fall is waiting for a decision."))
_NONE_OPEN = Quiet(Reason("A fall was taken back, but none is open."))
_OLDER = Quiet(Reason("This was before the fall that is open, which stands."))
_NOT_SEEN = Quiet(Reason("The sensor no longer sees a fall. Somebody must still look: the person may be out of sight."))


class FallSettings(RuleSettings):
    """When a fall is told."""

    name: ClassVar[str] = "fall"
    rule: Literal["fall"] = "fall"
    cancel_within_s: float = Field(
        0.0,
        ge=0,
        le=300,
        description="How long the wearer may take a detected fall back before it is told. 0 tells at once: a "
        "device that asks the wearer first has waited already. Where yours does not, 20 to 30 s leave time to press.",
    )
    suspected_after_s: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="A fall that is only suspected is told (medium) when nothing took it back for this long. Half a "
        "minute leaves a sensor time to confirm or drop it, and nobody on the floor for long.",
    )
    ended_clears: bool = Field(
        False,
        description="Whether a sensor that no longer sees the fall clears a fall that was told. No by default: a "
        "person who crawled out of sight looks the same as one who got up.",
    )


class Stand(StrEnum):
    """How a device's fall stands."""

    NONE = "none"
    SUSPECTED = "suspected"  # waits for a confirmation, a cancel, or the time
    DETECTED = "detected"  # the wearer may still take it back
    TOLD = "told"


class _Do(StrEnum):
    SUSPECT = "suspect"  # wait suspected_after_s
    DETECT = "detect"  # tell, or wait cancel_within_s
    TELL = "tell"
    WAIT = "wait"  # keep waiting, the deadline stays
    DROP = "drop"  # taken back in time
    CLEAR = "clear"
    END = "end"  # clear only where ended_clears
    NOTHING = "nothing"


TABLE: Final[dict[tuple[Stand, str], _Do]] = {
    (Stand.NONE, "suspected"): _Do.SUSPECT,
    (Stand.NONE, "detected"): _Do.DETECT,
    (Stand.NONE, "confirmed"): _Do.TELL,
    (Stand.NONE, "cancelled"): _Do.NOTHING,
    (Stand.NONE, "ended"): _Do.NOTHING,
    (Stand.SUSPECTED, "suspected"): _Do.WAIT,
    (Stand.SUSPECTED, "detected"): _Do.DETECT,
    (Stand.SUSPECTED, "confirmed"): _Do.TELL,
    (Stand.SUSPECTED, "cancelled"): _Do.DROP,
    (Stand.SUSPECTED, "ended"): _Do.DROP,
    (Stand.DETECTED, "suspected"): _Do.WAIT,
    (Stand.DETECTED, "detected"): _Do.WAIT,
    (Stand.DETECTED, "confirmed"): _Do.TELL,
    (Stand.DETECTED, "cancelled"): _Do.DROP,
    (Stand.DETECTED, "ended"): _Do.WAIT,
    (Stand.TOLD, "suspected"): _Do.SUSPECT,
    (Stand.TOLD, "detected"): _Do.DETECT,
    (Stand.TOLD, "confirmed"): _Do.TELL,
    (Stand.TOLD, "cancelled"): _Do.CLEAR,
    (Stand.TOLD, "ended"): _Do.END,
}


class OneFall(msgspec.Struct, frozen=True, omit_defaults=True):
    """One device's fall: ``at`` when it happened, ``until`` when a waiting one is told.

    ``told`` says that an earlier fall of this device was told and not taken back, so that a cancel clears it.
    """

    stand: Stand
    at: datetime
    until: datetime | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()


class FallState(State, frozen=True, tag="fall", omit_defaults=True):
    """Falls that are waiting or told, by device id."""

    falls: dict[str, OneFall] = {}  # noqa: RUF012 - msgspec copies it


class FallRule:
    """See the module."""

    __slots__ = ("_cancel_within", "_ended_clears", "_suspected_after")
    name = "fall"
    key = "fall"
    kinds = frozenset({"fall"})
    devices: frozenset[str] | None = None
    zones: tuple[str, ...] = ()

    def __init__(self, settings: FallSettings) -> None:
        self._cancel_within = timedelta(seconds=settings.cancel_within_s)
        self._suspected_after = timedelta(seconds=settings.suspected_after_s)
        self._ended_clears = settings.ended_clears

    def start(self, at: datetime) -> FallState:
        """Nobody fell."""
        return FallState()

    def wake_at(self, state: State) -> datetime | None:
        """The earliest deadline of a waiting fall."""
        assert isinstance(state, FallState)
        return min((fall.until for fall in state.falls.values() if fall.until is not None), default=None)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """One row of TABLE, or the deadlines that are over."""
        assert isinstance(state, FallState)
        if not isinstance(event, Heard):
            return _time_over(state, event.at)
        if not isinstance(event.reading, Fall):
            return state, _OTHER
        fall = state.falls.get(event.device)
        phase = event.reading.phase
        todo = TABLE[fall.stand if fall else Stand.NONE, phase]
        if fall is not None and phase in {"cancelled", "ended"} and event.at < fall.at:
            return state, _OLDER
        return self._do(todo, state, fall, event)

    def _do(self, todo: _Do, state: FallState, fall: OneFall | None, event: Heard) -> tuple[State, Verdict]:  # noqa: PLR0911
        match todo:
            case _Do.SUSPECT:
                wait = Reason("A fall is suspected; it is told unless it is taken back.")
                return _wait(OneFall(Stand.SUSPECTED, event.at, event.at + self._suspected_after), wait, state, event)
            case _Do.DETECT if self._cancel_within > timedelta(0):
                wait = Reason("A fall was detected; the wearer may still take it back.")
                return _wait(OneFall(Stand.DETECTED, event.at, event.at + self._cancel_within), wait, state, event)
            case _Do.DETECT:
                return _tell(state, event, Reason("A fall was detected."))
            case _Do.TELL:
                return _tell(state, event, Reason("A fall was confirmed."))
            case _Do.WAIT:
                assert fall is not None
                assert fall.until is not None
                return state, Pending(fall.until, Reason("The fall is still waiting to be confirmed or taken back."))
            case _Do.DROP:
                return _back_to_before(state, event.device), Quiet(Reason("The fall was taken back in time."))
            case _Do.CLEAR:
                return _clear(state, event, Reason("The wearer took the fall back."))
            case _Do.END if self._ended_clears:
                return _clear(state, event, Reason("The sensor no longer sees a fall."))
            case _Do.END:
                return state, _NOT_SEEN
            case _:
                return state, _NONE_OPEN


def _wait(fall: OneFall, why: Reason, state: FallState, event: Heard) -> tuple[State, Verdict]:
    """Wait until the fall's deadline; where that is over already, because it was heard late, tell now."""
    before = state.falls.get(event.device)
    fall = msgspec.structs.replace(
        fall,
        told=before is not None and (before.told or before.stand is Stand.TOLD),
        evidence=_evidence(before, event),
        marks=heard_late(event, LATE_S),
    )
    waiting = FallState({**state.falls, event.device: fall})
    if fall.until is not None and fall.until <= event.received_at:
        return _time_over(waiting, event.received_at)
    assert fall.until is not None
    return waiting, Pending(fall.until, why)


def _tell(state: FallState, event: Heard, why: Reason) -> tuple[State, Verdict]:
    evidence = _evidence(state.falls.get(event.device), event)
    told = FallState({**state.falls, event.device: OneFall(Stand.TOLD, event.at)})
    return told, Raised(why, Priority.HIGH, evidence=evidence, marks=heard_late(event, LATE_S))


def _time_over(state: FallState, at: datetime) -> tuple[State, Verdict]:
    """Tell every fall whose deadline is over, as one incident with the highest of their priorities."""
    over = {name: fall for name, fall in state.falls.items() if fall.until is not None and fall.until <= at}
    if not over:
        return state, _NOTHING
    detected = any(fall.stand is Stand.DETECTED for fall in over.values())
    told = {name: OneFall(Stand.TOLD, fall.at) for name, fall in over.items()}
    why = (
        Reason("A fall was detected, and the wearer did not take it back.")
        if detected
        else Reason("A fall was suspected, and nothing took it back.")
    )
    return FallState(state.falls | told), Raised(
        why,
        Priority.HIGH if detected else Priority.MEDIUM,
        evidence=tuple(seen for fall in over.values() for seen in fall.evidence),
        marks=tuple(mark for fall in over.values() for mark in fall.marks),
    )


def _back_to_before(state: FallState, device: str) -> FallState:
    """The waiting fall was taken back: as it stood before, told or nothing."""
    fall = state.falls[device]
    others = {name: other for name, other in state.falls.items() if name != device}
    return FallState(others | {device: OneFall(Stand.TOLD, fall.at)} if fall.told else others)


def _clear(state: FallState, event: Heard, why: Reason) -> tuple[State, Verdict]:
    others = {name: fall for name, fall in state.falls.items() if name != event.device}
    if any(fall.told or fall.stand is Stand.TOLD for fall in others.values()):
        return FallState(others), Quiet(Reason("One sensor took its fall back, but another one's stands."))
    return FallState(others), Cleared(why)


def _evidence(fall: OneFall | None, event: Heard) -> tuple[Evidence, ...]:
    """What led here: the readings of a waiting fall, and this one."""
    return (*(fall.evidence if fall else ()), event.evidence())


def build(settings: FallSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for all of the resident's fall sensors."""
    return (FallRule(settings),)
