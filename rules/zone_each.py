"""Several trackers of one person: each is judged by itself, because only one of them may be with the person.

Taken together, a telephone on the bedside table would say "inside" between any two positions of the pendant that
leaves. So each tracker has a machine of its own. The first tracker's is the state itself, together with rooms and all
other devices; those of the others are kept in ``each`` of the state. What the machines say becomes one alert:

- Who leaves with one tracker is told, whatever the others say. That another one says "inside" is added.
- Trackers that leave together are one alert that repeats. Nothing of the second is held back here: whether people were
  just told, or have closed the alert meanwhile, is known where alerts are kept.
- What two trackers say at one moment is said once: by the more urgent one, with the evidence of both.
- The alert is taken back when every tracker that was told is back.
- Whether it wavers goes by the person: what rings again soon after it was taken back needs two positions to be taken
  back again, whichever tracker it was. While another one keeps the alert standing, it is told less often.

A machine belongs to a device and not to a place in the list: ``device`` of the state names whose the state itself is.
When trackers come and go, or only one is named, each keeps its own machine, and that of one which is gone goes with it.
A state without a name, of an older version, is the device's whose evidence it rests on, or else the first tracker's.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec.structs import replace

from rules.model import Cleared, Event, Heard, Pending, Priority, Quiet, Raised, Reason, State, Verdict
from rules.zone_state import Parted

_NOT_ALL: Final = Quiet(Reason("This tracker is back; another one of the person is not."))
_NEVER: Final = timedelta(0)
_NO_ID: Final = object()
"""Equal to no device's id, nor to None."""


class OneTracker(Protocol):
    """A zone rule that judges one tracker; it keeps nothing itself."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as in rules.model.Rule

    @property
    def key(self) -> str: ...  # noqa: D102

    @property
    def kinds(self) -> frozenset[str]: ...  # noqa: D102

    @property
    def devices(self) -> frozenset[str] | None: ...  # noqa: D102

    @property
    def zones(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def others(self) -> frozenset[str]: ...  # noqa: D102

    @property
    def soon(self) -> timedelta:
        """What rings again so soon after it was taken back wavers; zero: nothing does."""

    def start(self, at: datetime) -> Parted: ...  # noqa: D102

    def step(self, state: State, event: Event) -> tuple[State, Verdict]: ...  # noqa: D102

    def wake_at(self, state: State) -> datetime | None: ...  # noqa: D102

    def anew(self, like: State) -> Parted:
        """The machine of a tracker that nothing was heard of, beside others such as ``like``."""

    def rests_on(self, state: State) -> str | None:
        """The device whose evidence the state rests on; None: on none."""

    def stands(self, state: State) -> bool:
        """Whether what it told stands."""

    def rang_until(self, state: State) -> datetime | None:
        """When what it told was taken back last."""

    def wavering(self, state: Parted) -> Parted:
        """The same, wavering."""

    def otherwise(self, state: State, device: str, other: str) -> Reason | None:
        """What is added when ``device`` is told: that ``state``, of ``other``, says otherwise; None: it does not."""


class EachTracker:
    """A zone rule for each of the person's trackers.

    Args:
        rule: judges one tracker.
        trackers: ids of the trackers that count; the first is judged with all that is not a tracker.
        known: ids of all devices that the rule hears.
    """

    __slots__ = (
        "_apart",
        "_first",
        "_known",
        "_lone",
        "_rule",
        "_step",
        "_wake_at",
        "devices",
        "key",
        "kinds",
        "name",
        "others",
        "zones",
    )

    def __init__(self, rule: OneTracker, trackers: Sequence[str], known: Iterable[str]) -> None:
        self._rule = rule
        self._first = trackers[0] if trackers else ""
        self._apart, self._known = frozenset(trackers[1:]), frozenset(known)
        # most people have one tracker, and thousands of positions a second come this way
        self._lone: object = _NO_ID if self._apart else self._first
        self._step, self._wake_at = rule.step, rule.wake_at
        self.name, self.key = rule.name, rule.key
        self.kinds, self.devices, self.zones, self.others = rule.kinds, rule.devices, rule.zones, rule.others

    def start(self, at: datetime) -> State:
        """Nothing heard of any tracker."""
        return replace(self._rule.start(at), device=self._first)

    def wake_at(self, state: State) -> datetime | None:
        """The first deadline of any tracker."""
        if not state.each and state.device == self._first:  # type: ignore[attr-defined]
            return self._wake_at(state)
        assert isinstance(state, Parted)
        state = self._owned(state)
        due = self._rule.wake_at(state)
        for one in state.each.values():
            wake = self._rule.wake_at(one)
            if wake is not None and (due is None or wake < due):
                due = wake
        return due

    def only_own(self, state: State) -> State:
        """The state without the machines of devices that are not the person's any more, or not named any more."""
        assert isinstance(state, Parted)
        return self._owned(state)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """The tracker that is heard is judged; time, and companions, concern all of them."""
        if state.device == self._lone and not state.each:  # type: ignore[attr-defined]
            return self._step(state, event)
        assert isinstance(state, Parted)
        state = self._owned(state)
        if not self._apart:
            return self._step(state, event)
        if isinstance(event, Heard) and event.own:
            return self._one(state, event, event.device if event.device in self._apart else self._first)
        said: list[Verdict] = []
        for device in (self._first, *sorted(state.each)):
            state, verdict = self._one(state, event, device)
            said.append(verdict)
        return state, _together(said)

    def _one(self, state: Parted, event: Event, device: str) -> tuple[Parted, Verdict]:
        """Step one tracker's machine, and settle what it says with the others."""
        rule, each = self._rule, state.each
        mine = state if device == self._first else each.get(device)
        if mine is None:
            mine = rule.anew(state)
        after, verdict = rule.step(mine, event)
        assert isinstance(after, Parted)
        if isinstance(verdict, Raised):
            others = self._others(state, device)
            marks = (rule.otherwise(other, device, name) for name, other in others)
            verdict = replace(verdict, marks=(*verdict.marks, *(mark for mark in marks if mark is not None)))
            if rule.soon > _NEVER and self._wavers([mine, *(other for _, other in others)], event):
                after = rule.wavering(after)
                if any(rule.stands(other) for _, other in others):
                    verdict = replace(verdict, quiet_s=rule.soon.total_seconds())
        elif isinstance(verdict, Cleared) and any(rule.stands(other) for _, other in self._others(state, device)):
            verdict = _NOT_ALL
        if device == self._first:
            return after if after.each is each else replace(after, each=each), verdict
        return state if after is each.get(device) else replace(state, each={**each, device: after}), verdict

    def _wavers(self, machines: Iterable[Parted], event: Event) -> bool:
        """Whether something rang shortly ago that was taken back."""
        now = event.received_at if isinstance(event, Heard) else event.at
        rang = (self._rule.rang_until(one) for one in machines)
        return any(until is not None and now - until <= self._rule.soon for until in rang)

    def _others(self, state: Parted, device: str) -> list[tuple[str, Parted]]:
        """The machines of the other trackers, by device."""
        found = [(self._first, state), *((one, state.each[one]) for one in sorted(state.each))]
        return [(name, one) for name, one in found if name != device]

    # whose machine is whose

    def _owned(self, state: Parted) -> Parted:
        """The state as that of the trackers that count now; the very same when it is."""
        if state.device == self._first and state.each.keys() <= self._apart:
            return state
        owner = self._owner(state)
        top = replace(state, device=None, each={})
        machines = {**state.each, owner: top}
        mine = machines.pop(self._first, None)
        if owner not in (self._first, *self._apart) and self._goes_on(top, mine):
            mine = top
        if mine is None:
            mine = self._rule.anew(top)
        each = {device: one for device, one in machines.items() if device in self._apart}
        return replace(mine, device=self._first, each=each)

    def _owner(self, state: Parted) -> str:
        """Whose machine the state itself is."""
        if state.device is not None:
            return state.device
        last = self._rule.rests_on(state)
        if last is not None and last != self._first and (last in self._apart or last not in self._known):
            return last
        return "" if self._first in state.each else self._first

    def _goes_on(self, top: Parted, mine: Parted | None) -> bool:
        """Whether the machine of a tracker that is gone waits to tell of what a remaining device of another type said,
        and the first tracker has nothing to tell itself."""
        rule = self._rule
        if rule.rests_on(top) not in self._known or rule.stands(top) or rule.wake_at(top) is None:
            return False
        return mine is None or not (rule.stands(mine) or rule.wake_at(mine) is not None)


def _together(said: Sequence[Verdict]) -> Verdict:
    """What several trackers say at one moment: the most urgent of it, with what else is told by it."""
    most = max(said, key=_weight)
    if not isinstance(most, Raised):
        return most
    rest = [one for one in said if isinstance(one, Raised) and one is not most]
    if not rest:
        return most
    evidence = tuple(proof for one in rest for proof in one.evidence)
    marks = {repr(mark): mark for one in (most, *rest) for mark in one.marks}
    return replace(
        most,
        evidence=(*evidence, *most.evidence),
        marks=tuple(marks.values()),
        quiet_s=min(one.quiet_s for one in (most, *rest)),
    )


def _weight(verdict: Verdict) -> tuple[int, int]:
    urgency = _URGENCY[verdict.priority] if isinstance(verdict, Raised) else 0
    return _WEIGHT.get(verdict.__class__, 0), urgency


_WEIGHT: Final[dict[type, int]] = {Raised: 3, Cleared: 2, Pending: 1}
_URGENCY: Final = {Priority.HIGH: 3, Priority.MEDIUM: 2, Priority.LOW: 1}
