"""Several trackers of one person: each is judged by itself, because only one of them may be with the person.

Taken together, a telephone on the bedside table would say "inside" between any two positions of the pendant that
leaves. So every further tracker has a machine of its own (rules.zone_watch), kept in ``each`` of the state by device;
the first tracker, rooms and all other devices are the state itself. What the machines say becomes one alert:

- Who leaves with one tracker is told, whatever the others say. That another one says "inside" is added.
- Trackers that leave together are one alert that repeats. Nothing of the second is held back here: whether people were
  just told, or have closed the alert meanwhile, is known where alerts are kept.
- The alert is taken back when every tracker that was told outside is back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from rules.model import Cleared, Event, Heard, Pending, Quiet, Raised, Reason, State, Verdict
from rules.timing import epoch_ms
from rules.zone_state import ZoneExitState
from rules.zone_watch import Watch

_NOT_ALL: Final = Quiet(Reason("This tracker is back; another one of the person is not."))


class EachTracker:
    """A zone rule for somebody with several trackers.

    Args:
        rule: judges one tracker; it keeps nothing itself.
        trackers: ids of the person's trackers, at least two; the first is judged with all that is not a tracker.
    """

    __slots__ = ("_apart", "_first", "_rule", "devices", "key", "kinds", "name", "others", "zones")

    def __init__(self, rule: Watch, trackers: Sequence[str]) -> None:
        self._rule = rule
        self._first, self._apart = trackers[0], frozenset(trackers[1:])
        self.name, self.key = rule.name, rule.key
        self.kinds, self.devices, self.zones, self.others = rule.kinds, rule.devices, rule.zones, rule.others

    def start(self, at: datetime) -> State:
        """Nothing heard of any tracker."""
        return self._rule.start(at)

    def wake_at(self, state: State) -> datetime | None:
        """The first deadline of any tracker."""
        assert isinstance(state, ZoneExitState)
        due = self._rule.wake_at(state)
        for device, one in state.each.items():
            wake = self._rule.wake_at(one) if device in self._apart else None
            if wake is not None and (due is None or wake < due):
                due = wake
        return due

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """The tracker that is heard is judged; time, and companions, concern all of them."""
        assert isinstance(state, ZoneExitState)
        if isinstance(event, Heard) and event.own:
            return self._one(state, event, event.device if event.device in self._apart else self._first)
        said: Verdict | None = None
        for device in (self._first, *sorted(self._apart & state.each.keys())):
            after, verdict = self._one(state, event, device)
            assert isinstance(after, ZoneExitState)
            state = after
            if said is None or _WEIGHT.get(verdict.__class__, 0) > _WEIGHT.get(said.__class__, 0):
                said = verdict
        assert said is not None
        return state, said

    def _one(self, state: ZoneExitState, event: Event, device: str) -> tuple[State, Verdict]:
        """Step one tracker's machine, and settle what it says with the others."""
        each = state.each
        mine = state if device == self._first else each.get(device)
        if mine is None:
            begun = self._rule.start(event.at)
            assert isinstance(begun, ZoneExitState)
            mine = replace(begun, company=state.company) if state.company else begun
        after, verdict = self._rule.step(mine, event)
        assert isinstance(after, ZoneExitState)
        if device == self._first:
            state = after if after.each is each else replace(after, each=each)
        elif after is not each.get(device):
            state = replace(state, each={**each, device: after})
        if isinstance(verdict, Raised):
            verdict = self._named(state, verdict, device)
        elif isinstance(verdict, Cleared) and any(one.told for _, one in self._others(state, device)):
            verdict = _NOT_ALL
        return state, verdict

    def _others(self, state: ZoneExitState, device: str) -> list[tuple[str, ZoneExitState]]:
        """The machines of the other trackers, by device."""
        found = [(self._first, state), *((one, state.each[one]) for one in sorted(self._apart & state.each.keys()))]
        return [(name, one) for name, one in found if name != device]

    def _named(self, state: ZoneExitState, verdict: Raised, device: str) -> Raised:
        """The same, with the trackers that say otherwise."""
        marks = list(verdict.marks)
        for name, other in self._others(state, device):
            if other.good_at is not None and (other.bad_at is None or other.bad_at < other.good_at):
                values: dict[str, float | int | str] = {"device": device, "other": name}
                values["inside_at"] = epoch_ms(other.good_at)
                marks.append(
                    Reason("{device} says so. {other} was inside at {inside_at}: it may have been left behind.", values)
                )
        return replace(verdict, marks=tuple(marks))


_WEIGHT: Final[dict[type, int]] = {Raised: 3, Cleared: 2, Pending: 1}
"""What several trackers say at one moment: the most urgent of it is said."""
