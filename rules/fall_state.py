"""How falls stand: the table, the state, and what is done with it alike in every row."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from devices.model import Fall
from rules.long_lie import Lie
from rules.model import Cleared, Evidence, Heard, Pending, Quiet, Reason, State, Verdict
from rules.timing import heard_late

LATE_S: Final = 60.0
"""A fall older than this when heard is marked with its age; the same minute as for a help call."""

_NOTHING = Quiet(Reason("No fall is waiting for a decision."))


class Stand(StrEnum):
    """How a device's fall stands."""

    NONE = "none"
    SUSPECTED = "suspected"  # waits for a confirmation, a cancel, or the time
    DETECTED = "detected"  # the wearer may still take it back
    TOLD = "told"


class Do(StrEnum):
    """What to do with what was heard."""

    SUSPECT = "suspect"  # wait suspected_after_s
    DETECT = "detect"  # tell, or wait cancel_within_s
    TELL = "tell"
    WAIT = "wait"  # keep waiting, the deadline stays
    DROP = "drop"  # taken back in time
    CLEAR = "clear"
    END = "end"  # clear only where ended_clears
    NOTHING = "nothing"


TABLE: Final[dict[tuple[Stand, str], Do]] = {
    (Stand.NONE, "suspected"): Do.SUSPECT,
    (Stand.NONE, "detected"): Do.DETECT,
    (Stand.NONE, "confirmed"): Do.TELL,
    (Stand.NONE, "cancelled"): Do.NOTHING,
    (Stand.NONE, "ended"): Do.NOTHING,
    (Stand.SUSPECTED, "suspected"): Do.WAIT,
    (Stand.SUSPECTED, "detected"): Do.DETECT,
    (Stand.SUSPECTED, "confirmed"): Do.TELL,
    (Stand.SUSPECTED, "cancelled"): Do.DROP,
    (Stand.SUSPECTED, "ended"): Do.DROP,
    (Stand.DETECTED, "suspected"): Do.WAIT,
    (Stand.DETECTED, "detected"): Do.WAIT,
    (Stand.DETECTED, "confirmed"): Do.TELL,
    (Stand.DETECTED, "cancelled"): Do.DROP,
    (Stand.DETECTED, "ended"): Do.WAIT,
    (Stand.TOLD, "suspected"): Do.SUSPECT,
    (Stand.TOLD, "detected"): Do.DETECT,
    (Stand.TOLD, "confirmed"): Do.TELL,
    (Stand.TOLD, "cancelled"): Do.CLEAR,
    (Stand.TOLD, "ended"): Do.END,
}


class OneFall(msgspec.Struct, frozen=True, omit_defaults=True):
    """One device's fall: ``at`` when it happened, ``until`` when a waiting one is told.

    ``told`` says that an earlier fall of this device was told and not taken back, so that a cancel clears it; ``still``
    that nothing moved after a suspicion; ``weak`` that a fall was told as a mere suspicion.
    """

    stand: Stand
    at: datetime
    until: datetime | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()
    still: bool = False
    weak: bool = False


class FallState(State, frozen=True, tag="fall", omit_defaults=True):
    """Falls that are waiting or told, by device id, and the lie on the floor after the latest."""

    falls: dict[str, OneFall] = {}  # noqa: RUF012 - msgspec copies it
    lie: Lie | None = None


def waits(state: FallState) -> Verdict:
    """What there is to say while falls wait and none is due."""
    until = min((fall.until for fall in state.falls.values() if fall.until is not None), default=None)
    if until is None:
        return _NOTHING
    return Pending(until, Reason("The fall is still waiting to be confirmed or taken back."))


def marks_of(event: Heard, reading: Fall) -> tuple[Reason, ...]:
    """Its age where it is late, and the impact where it was measured."""
    late = heard_late(event, LATE_S)
    if not isinstance(reading.impact_g, float):
        return late
    return (*late, Reason("The sensor measured an impact of {impact} g.", {"impact": round(reading.impact_g, 1)}))


def back_to_before(state: FallState, device: str) -> FallState:
    """The waiting fall was taken back: as it stood before, told or nothing."""
    fall = state.falls[device]
    others = {name: other for name, other in state.falls.items() if name != device}
    falls = others | {device: OneFall(Stand.TOLD, fall.at)} if fall.told else others
    if not falls:
        return FallState()
    lie = state.lie
    if lie is not None and lie.before is not None and all(one.until is None for one in falls.values()):
        lie = lie.before
    return FallState(falls, lie)


def clear(state: FallState, event: Heard, why: Reason) -> tuple[State, Verdict]:
    """A fall is taken back after it was told; the others of the resident stand."""
    others = {name: fall for name, fall in state.falls.items() if name != event.device}
    if any(fall.told or fall.stand is Stand.TOLD for fall in others.values()):
        return FallState(others, state.lie), Quiet(Reason("One sensor took its fall back, but another one's stands."))
    return FallState(others, state.lie if others else None), Cleared(why)


def evidence_of(fall: OneFall | None, event: Heard) -> tuple[Evidence, ...]:
    """What led here: the readings of a waiting fall, and this one."""
    return (*(fall.evidence if fall else ()), event.evidence())
