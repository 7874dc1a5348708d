"""A flag that a device sets and takes back (tamper, taken off): told after it was set for long enough, cleared when it
is gone. The rules tamper, removed and switched_off are made of it.

A flag counts in the order of its own time. Where there is a schedule, it is told only inside: one that is set before is
told when the schedule begins, if it is still set.

One that comes back ``BACK`` times within ``WITHIN`` is unsteady: it stays told, and is cleared once it was good for
``STEADY``. Set for so long again, it is told once more, because a person may have closed the alert in between.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from devices.model import Reading
from rules.model import Cleared, Event, Evidence, Heard, Pending, Priority, Quiet, Raised, Reason, State, Verdict
from rules.schedule import ALWAYS, Schedule
from rules.timing import heard_late, seconds

LATE_S = 300.0
"""Older than this when it is heard, it is told with its age: it may be over by now."""

BACK: Final = 3
"""So many times back within ``WITHIN`` after it was told is unsteady: each time rings, and says nothing new."""

WITHIN: Final = timedelta(hours=1)
STEADY: Final = timedelta(minutes=30)
"""Longer than the pauses of a loose contact, or of a device at the edge of its network. Our choice."""

_TIME = Quiet(Reason("Nothing is due."))
_OTHER = Quiet(Reason("Says nothing of it."))
_OLDER = Quiet(Reason("A newer word of the device was judged already."))
_SAME = Quiet(Reason("It is as it was."))
_OVER = Quiet(Reason("It was over before it was told."))


class FlagStand(StrEnum):
    """How the flag stands."""

    OFF = "off"
    SET = "set"  # not told yet
    TOLD = "told"


class FlagState(State, frozen=True, omit_defaults=True):
    """``at`` is when the flag last changed, ``until`` when it is looked at again, None while nothing is due. ``came``
    is when it was told within the last hour, ``good``: it is told because it is unsteady, and not set right now."""

    stand: FlagStand = FlagStand.OFF
    at: datetime | None = None
    until: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()
    came: tuple[datetime, ...] = ()
    good: bool = False

    @property
    def is_set(self) -> bool:
        """Whether the device says so now."""
        return self.stand is not FlagStand.OFF and not self.good


class FlagRule:
    """See the module.

    Args:
        name: the rule's word.
        device: id of the device.
        flag: what a reading says of it: True, False, or None when it says nothing.
        kinds: the kinds of readings that may say something.
        state: the rule's own kind of FlagState.
        after_s: how long it must be set.
        told, waits, cleared: what is said of the device; ``told`` is also given for how many seconds it is set.
    """

    __slots__ = ("_after", "_cleared", "_device", "_flag", "_priority", "_schedule", "_state", "_told", "_waits",
                 "devices", "key", "kinds", "name")  # fmt: skip
    zones: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        device: str,
        *,
        flag: Callable[[Reading], bool | None],
        state: type[FlagState],
        after_s: float,
        priority: Priority,
        told: Callable[[str, float], Reason],
        waits: Callable[[str], Reason],
        cleared: Callable[[str], Reason],
        schedule: Schedule = ALWAYS,
        kinds: frozenset[str] = frozenset({"status"}),
    ) -> None:
        self.name = name
        self.key = f"{name}:{device}"
        self.devices = frozenset({device})
        self.kinds = kinds
        self._device = device
        self._flag = flag
        self._state = state
        self._after = timedelta(seconds=after_s)
        self._priority = priority
        self._told, self._waits, self._cleared = told, waits, cleared
        self._schedule = schedule

    def start(self, at: datetime) -> FlagState:
        """Not set until the device says so."""
        return self._state()

    def wake_at(self, state: State) -> datetime | None:
        """When a flag that is set is told, or the schedule begins."""
        assert isinstance(state, FlagState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:  # noqa: PLR0911 - one for each outcome
        """Set, taken back, or set for long enough."""
        assert isinstance(state, FlagState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        said = self._flag(event.reading)
        if said is None:
            return state, _OTHER
        if said is state.is_set:
            return state, _SAME
        if state.at is not None and event.at < state.at:
            return state, _OLDER
        now = event.received_at
        if not said:
            return self._over(state, event.at, now)
        evidence, late = (event.evidence(),), heard_late(event, LATE_S)
        if state.good:
            until = self._when(max(now, event.at + max(self._after, STEADY)))
            after = self._state(FlagStand.TOLD, event.at, until, evidence, late, state.came)
            return after, self._waiting(after, told=self._device)
        due = event.at + self._after
        until = self._when(max(now, due))
        after = self._state(FlagStand.SET, event.at, until, evidence, late, state.came)
        if after.until is not None and after.until <= now:
            return self._tick(after, now)
        return after, self._waiting(after)

    def _when(self, due: datetime) -> datetime | None:
        return due if self._schedule.active(due) else self._schedule.next_change(due)

    def _waiting(self, state: FlagState, told: str | None = None) -> Verdict:
        why = self._waits(self._device)
        return Quiet(why) if state.until is None else Pending(state.until, why, told)

    def _over(self, state: FlagState, at: datetime, now: datetime) -> tuple[State, Verdict]:
        after = self._state(at=at, came=state.came)
        if state.stand is FlagStand.SET:
            return after, _OVER
        why = self._cleared(self._device)
        unsteady = state.until is not None or sum(at - one < WITHIN for one in state.came) > BACK
        if unsteady and at + STEADY > now:
            steady = at + STEADY
            return replace(after, stand=FlagStand.TOLD, until=steady, good=True), Pending(steady, why)
        return after, Cleared(why, self._device)

    def _tick(self, state: FlagState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or at < state.until:
            return state, _TIME
        if state.good:
            return self._state(at=state.at), Cleared(self._cleared(self._device), self._device)
        if not self._schedule.active(at):  # the Tick came late: the schedule is over again
            after = replace(state, until=self._schedule.next_change(at))
            return after, self._waiting(after)
        assert state.at is not None
        why = self._told(self._device, seconds(at - state.at))
        again = state.stand is FlagStand.TOLD  # unsteady, and now set for long
        came = (*(one for one in state.came if at - one < WITHIN), at)[-BACK - 1 :]
        told = self._state(FlagStand.TOLD, state.at, came=came)
        return told, Raised(why, self._priority, self._device, state.evidence, state.marks, again=again)
