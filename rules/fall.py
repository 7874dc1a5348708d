"""Fall: suspected, detected, confirmed, cancelled, ended.

Each device lives its own falls; all falls of a resident are one incident (subject ""), because two sensors that see
one fall must not make two alerts. What happens is the table ``TABLE``: (how the device's fall stands, what was
heard) -> what to do.

- ``ended`` says that the sensor no longer sees anybody on the floor. That is no proof that the person got up: who
  crawled or was dragged out of sight looks the same. So it takes back a suspicion only, and clears a told fall only
  where the care plan says so (``ended_clears``). The wearer's own ``cancelled`` always clears.
- A fall that was told never swallows the next one: a new detection is told again, a new suspicion waits again.
- A suspicion counts as a detection when the impact was hard enough, or when another one came shortly before, of this
  sensor or of another. A suspicion after which a worn sensor says that nothing moves is told sooner, and high.
- While nothing shows that the person got up (rules.long_lie), a fall is told again: still on the floor?
"""

from datetime import datetime, timedelta

import msgspec

from devices.model import Fall
from rules.fall_settings import FallSettings
from rules.fall_state import (
    TABLE,
    Do,
    FallState,
    OneFall,
    Stand,
    back_to_before,
    clear,
    evidence_of,
    marks_of,
    waits,
)
from rules.long_lie import KINDS, SAME, TELLINGS, Lie, Sign, Watch
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
    Said,
    State,
    Verdict,
)
from rules.timing import seconds

__all__ = ["TABLE", "FallRule", "FallSettings", "FallState", "Stand", "build"]

_OTHER = Quiet(Reason("Not a fall."))
_NONE_OPEN = Quiet(Reason("A fall was taken back, but none is open."))
_OLDER = Quiet(Reason("This was before the fall that is open, which stands."))
_MOVES = Quiet(Reason("Something shows that the person moves; the fall stands until somebody has looked."))
_NOT_SEEN = Quiet(Reason("The sensor no longer sees a fall. Somebody must still look: the person may be out of sight."))


class FallRule:
    """See the module."""

    __slots__ = ("_again_within", "_cancel_within", "_ended_clears", "_hard", "_lie", "_still", "_suspected", "_watch")
    name = "fall"
    key = "fall"
    kinds = frozenset({"fall"}) | KINDS
    listens = frozenset({"help"})
    devices: frozenset[str] | None = None
    zones: tuple[str, ...] = ()

    def __init__(self, settings: FallSettings, watch: Watch) -> None:
        self._cancel_within = timedelta(seconds=settings.cancel_within_s)
        self._suspected = timedelta(seconds=settings.suspected_after_s)
        self._ended_clears = settings.ended_clears
        self._lie = timedelta(seconds=settings.long_lie_after_s)
        self._still = timedelta(seconds=settings.still_after_s)
        self._again_within = timedelta(seconds=settings.again_within_s)
        self._hard = settings.hard_impact_g
        self._watch = watch

    def start(self, at: datetime) -> FallState:
        """Nobody fell."""
        return FallState()

    def wake_at(self, state: State) -> datetime | None:
        """The earliest deadline of a waiting fall or of a long lie."""
        assert isinstance(state, FallState)
        if not state.falls:
            return None
        due = min((fall.until for fall in state.falls.values() if fall.until is not None), default=None)
        lie = state.lie.until if state.lie is not None else None
        return due if lie is None else lie if due is None else min(due, lie)

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: signs of getting up may have been missed, so a lie is counted that much longer."""
        assert isinstance(state, FallState)
        lie = state.lie
        if lie is None or at <= (since := max(stopped, lie.since)):
            return state
        deaf, before = at - since, lie.before
        if before is not None:
            before = msgspec.structs.replace(before, until=before.until + deaf)
        return msgspec.structs.replace(state, lie=msgspec.structs.replace(lie, until=lie.until + deaf, before=before))

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """One row of TABLE, a sign of getting up, or the deadlines that are over."""
        assert isinstance(state, FallState)
        if not isinstance(event, Heard):
            return self._said(state, event) if isinstance(event, Said) else self._time_over(state, event.at)
        if event.kind != "fall" or not isinstance(event.reading, Fall):
            return (state, _OTHER) if state.lie is None else self._sign(state, state.lie, event)
        fall = state.falls.get(event.device)
        phase = event.reading.phase
        todo = TABLE[fall.stand if fall else Stand.NONE, phase]
        if fall is not None and phase in {"cancelled", "ended"} and event.at < fall.at:
            return state, _OLDER
        return self._do(todo, state, fall, event, event.reading)

    def _said(self, state: FallState, event: Said) -> tuple[State, Verdict]:
        """A help call that the wearer took back is a sign of getting up. What was due before is told first."""
        lie = state.lie
        if lie is None or not isinstance(event.verdict, Cleared) or event.at < lie.since:
            return state, _OTHER
        due = self.wake_at(state)
        if due is not None and due <= event.at:
            return msgspec.structs.replace(state, lie=msgspec.structs.replace(lie, over=True)), _OTHER
        return self._moves(state)

    def _do(  # noqa: PLR0911
        self, todo: Do, state: FallState, fall: OneFall | None, event: Heard, reading: Fall
    ) -> tuple[State, Verdict]:
        match todo:
            case Do.SUSPECT:
                return self._suspect(state, event, reading)
            case Do.DETECT:
                return self._detect(state, event, reading, Reason("A fall was detected."))
            case Do.TELL:
                return self._tell(state, event, reading, Reason("A fall was confirmed."))
            case Do.WAIT:
                assert fall is not None
                assert fall.until is not None
                return state, Pending(fall.until, Reason("The fall is still waiting to be confirmed or taken back."))
            case Do.DROP:
                return back_to_before(state, event.device), Quiet(Reason("The fall was taken back in time."))
            case Do.CLEAR:
                return clear(state, event, Reason("The wearer took the fall back."))
            case Do.END if self._ended_clears:
                return clear(state, event, Reason("The sensor no longer sees a fall."))
            case Do.END:
                return state, _NOT_SEEN
            case _:
                return state, _NONE_OPEN

    def _suspect(self, state: FallState, event: Heard, reading: Fall) -> tuple[State, Verdict]:
        """Wait, unless it is as good as a detection."""
        if self._hard is not None and isinstance(reading.impact_g, float) and reading.impact_g >= self._hard:
            return self._detect(state, event, reading, Reason("A fall was suspected, with a hard impact."))
        doubted = {
            name: fall
            for name, fall in state.falls.items()
            if (fall.weak or fall.stand is Stand.SUSPECTED) and abs(event.at - fall.at) <= self._again_within
        }
        if doubted:
            # what waits is part of this; it is not told once more by itself
            settled = {name: OneFall(Stand.TOLD, fall.at) for name, fall in doubted.items() if name != event.device}
            one = msgspec.structs.replace(state, falls=state.falls | settled)
            return self._detect(one, event, reading, Reason("A fall was suspected more than once."))
        wait = Reason("A fall is suspected; it is told unless it is taken back.")
        return self._wait(OneFall(Stand.SUSPECTED, event.at, event.at + self._suspected), wait, state, event, reading)

    def _detect(self, state: FallState, event: Heard, reading: Fall, why: Reason) -> tuple[State, Verdict]:
        if not self._cancel_within:
            return self._tell(state, event, reading, why)
        wait = Reason("A fall was detected; the wearer may still take it back.")
        until = event.at + self._cancel_within
        return self._wait(OneFall(Stand.DETECTED, event.at, until), wait, state, event, reading)

    def _wait(self, fall: OneFall, why: Reason, state: FallState, event: Heard, reading: Fall) -> tuple[State, Verdict]:
        """Wait until the fall's deadline; where that is over already, because it was heard late, tell now."""
        before = state.falls.get(event.device)
        fall = msgspec.structs.replace(
            fall,
            told=before is not None and (before.told or before.stand is Stand.TOLD),
            evidence=evidence_of(before, event),
            marks=marks_of(event, reading),
        )
        waiting = FallState({**state.falls, event.device: fall}, self._lies(state, event, fall.evidence, told=False))
        assert fall.until is not None
        if fall.until <= event.received_at:
            return self._time_over(waiting, event.received_at)
        return waiting, Pending(fall.until, why)

    def _tell(self, state: FallState, event: Heard, reading: Fall, why: Reason) -> tuple[State, Verdict]:
        evidence = evidence_of(state.falls.get(event.device), event)
        falls = {**state.falls, event.device: OneFall(Stand.TOLD, event.at)}
        told = FallState(falls, self._lies(state, event, evidence, told=True))
        return told, Raised(why, Priority.HIGH, evidence=evidence, marks=marks_of(event, reading))

    def _lies(self, state: FallState, event: Heard, evidence: tuple[Evidence, ...], *, told: bool) -> Lie | None:
        """Somebody lies on the floor from now on; who lay there already lies since then, unless this is a new fall."""
        if not self._lie:
            return None
        until, lie = event.received_at + self._lie, state.lie
        if lie is None:
            return Lie(event.at, until, evidence=evidence)
        before = state.falls.get(event.device)
        waits = before is not None and before.stand in {Stand.SUSPECTED, Stand.DETECTED}
        if event.at - lie.since > SAME and not waits:
            return Lie(event.at, until, evidence=evidence, before=None if told else lie.before or lie)
        since, until = min(lie.since, event.at), min(lie.until, until)
        return msgspec.structs.replace(
            lie, since=since, until=until, evidence=evidence, before=None if told else lie.before
        )

    def _sign(self, state: FallState, lie: Lie, event: Heard) -> tuple[State, Verdict]:
        """Something else was heard while somebody lies on the floor."""
        after, sign = self._watch.read(lie, event)
        if sign is Sign.MOVES:
            return self._moves(state)
        if sign is Sign.NOTHING or event.at < lie.since:
            return (state if after is lie else msgspec.structs.replace(state, lie=after)), _OTHER
        weak = {name: fall for name, fall in state.falls.items() if fall.stand is Stand.TOLD and fall.weak}
        if weak and event.at >= lie.since + self._still:
            falls = state.falls | {name: OneFall(Stand.TOLD, fall.at) for name, fall in weak.items()}
            why = Reason("A fall was suspected, and the person does not move.")
            evidence = (*lie.evidence, event.evidence())
            return FallState(falls, lie), Raised(why, Priority.HIGH, evidence=evidence, again=True)
        doubted = {
            name: msgspec.structs.replace(fall, still=True, until=min(fall.until, fall.at + self._still))
            for name, fall in state.falls.items()
            if fall.stand is Stand.SUSPECTED and not fall.still and fall.until is not None
        }
        if not doubted:
            return state, _OTHER
        return self._time_over(FallState(state.falls | doubted, lie), event.received_at)

    def _moves(self, state: FallState) -> tuple[State, Verdict]:
        """Nobody lies still: no long lie, and a suspicion is a suspicion again."""
        falls = {
            name: msgspec.structs.replace(fall, still=False, until=fall.at + self._suspected) if fall.still else fall
            for name, fall in state.falls.items()
        }
        return FallState(falls), _MOVES

    def _time_over(self, state: FallState, at: datetime) -> tuple[FallState, Verdict]:
        """Tell every fall whose deadline is over, as one incident with the highest of their priorities."""
        lie = state.lie
        long = lie is not None and lie.until <= at
        over = {
            name: fall for name, fall in state.falls.items() if fall.until is not None and (long or fall.until <= at)
        }
        if lie is not None and long:
            return self._long_lie(state, lie, over, at)
        if not over:
            return state, waits(state)
        detected = any(fall.stand is Stand.DETECTED for fall in over.values())
        still = any(fall.still for fall in over.values())
        told = {
            name: OneFall(Stand.TOLD, fall.at, weak=fall.stand is Stand.SUSPECTED and not (still or detected))
            for name, fall in over.items()
        }
        if detected:
            why = Reason("A fall was detected, and the wearer did not take it back.")
        elif still:
            why = Reason("A fall was suspected, and the person does not move.")
        else:
            why = Reason("A fall was suspected, and nothing took it back.")
        if lie is not None:
            lie = None if lie.over else msgspec.structs.replace(lie, before=None)
        return FallState(state.falls | told, lie), Raised(
            why,
            Priority.HIGH if detected or still else Priority.MEDIUM,
            evidence=tuple(seen for fall in over.values() for seen in fall.evidence),
            marks=tuple(mark for fall in over.values() for mark in fall.marks),
        )

    def _long_lie(
        self, state: FallState, lie: Lie, over: dict[str, OneFall], at: datetime
    ) -> tuple[FallState, Verdict]:
        """Nothing showed that the person got up; a fall that still waits is told with it."""
        times = lie.times + 1
        falls = {name: OneFall(Stand.TOLD, fall.at) for name, fall in (state.falls | over).items()}
        after = None
        if times < TELLINGS and not lie.over:
            after = msgspec.structs.replace(lie, times=times, until=at + self._lie * 2**times, before=None)
        why = Reason(
            "Still on the floor? Nothing showed that the person got up in {lie_s}.", {"lie_s": seconds(at - lie.since)}
        )
        marks = tuple(mark for fall in over.values() for mark in fall.marks)
        evidence = lie.evidence or tuple(seen for fall in over.values() for seen in fall.evidence)
        return FallState(falls, after), Raised(why, Priority.HIGH, "", evidence, marks, again=not over)


def build(settings: FallSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for all of the resident's fall sensors."""
    return (FallRule(settings, Watch(context.devices)),)
