"""Readings -> verdicts: whose reading it is, how far from which border, and what the rules say.

The rules' states live here between the steps; the store has the same, written in the same transaction as the
readings that changed them.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush

import msgspec

from devices.model import Position
from gateway.centre.index import HOUSE, CentreIndex
from gateway.clock import from_ms
from gateway.pipeline.leaving import bereft, only_own
from rules import inhibition
from rules.engine import Change, ResidentRules
from rules.fall_state import FallState
from rules.geometry import ZoneShape, signed_distances
from rules.model import Heard, Quiet, Reason, State, Tick
from rules.registry import decode_states, encode_states

_NO_STATES: dict[str, State] = {}

_SURELY = timedelta(minutes=1)
"""So long before our last sign of life, devices that went away had surely been let go of."""

LIFE_SAFETY_RULES = frozenset({"help", "fall"})
"""Keys of the rules whose open decisions are settled when the rule leaves a care plan."""


class Case(msgspec.Struct, gc=False):
    """A reading as the rules hear it, with what surrounds it.

    ``device`` is None for one that the centre does not know, ``resident`` for one that nobody wears; ``heard.device``
    is what the database and an alert call the device in any case. ``rules`` are the resident's, None where nothing is
    to be judged. ``marks`` are what a carer should know of the reading; ``told``: the broker had kept the message, and
    it is known; ``extra``: the same reading once more, for somebody else whom it may concern; it is not stored twice.
    """

    seq: int
    heard: Heard
    device: str | None
    resident: str | None
    rules: ResidentRules | None
    marks: tuple[Reason, ...] = ()
    told: bool = False
    extra: bool = False


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What one rule said of one event."""

    resident: str
    device: str | None
    change: Change
    at: datetime
    received_at: datetime
    marks: tuple[Reason, ...] = ()


class Judge:
    """Holds every resident's rule states, and steps them.

    ``index`` gives the centre as it is now; it may change between two batches (a new version was applied).
    """

    def __init__(self, db: sqlite3.Connection, index: Callable[[], CentreIndex]) -> None:
        self._index = index
        self._states: dict[str, dict[str, State]] = {
            row["resident"]: decode_states(row["states"].encode())
            for row in db.execute("SELECT resident, states FROM rule_states")
        }
        self._wakes: list[tuple[datetime, str]] = []
        self._wake_of: dict[str, datetime] = {}
        self._found_wakes: dict[str, datetime] = {}
        newest = db.execute("SELECT received_at FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        self._lived_until: datetime | None = None if newest is None else from_ms(newest[0]) - _SURELY
        self._worn: dict[str, dict[str, str]] = {}
        self._found_worn: dict[str, dict[str, str]] = {}

    @property
    def states(self) -> Mapping[str, Mapping[str, State]]:
        """Everybody's rule states as they are kept, by resident and rule key."""
        return self._states

    def hear(self, cases: list[Case]) -> tuple[list[Judged], dict[str, dict[str, State]]]:
        """Step the rules of everybody in the batch, in order.

        Returns:
            what is to be told, and the changed states by resident. Nothing of it is kept until :meth:`keep`.
        """
        self._measure(cases)
        staged: dict[str, dict[str, State]] = {}
        told: list[Judged] = []
        wakes: dict[str, datetime] = {}
        for case in cases:
            rules, resident, heard = case.rules, case.resident, case.heard
            if rules is None or resident is None:
                continue
            own = staged.get(resident)
            states = own if own is not None else self._states.get(resident, _NO_STATES)
            wake = wakes.get(resident) or self._wake_of.get(resident)
            # The plan is never later than any rule's deadline: before it, no rule needs to be asked.
            for change in rules.judge(states, heard, nothing_due=wake is not None and heard.at < wake):
                if change.after is not change.before:
                    if own is None:
                        own = staged[resident] = states = dict(states)
                    own[change.rule_key] = change.after
                    found = rules.wake_of(change.rule_key, change.after)
                    if found is not None and (wake is None or found < wake):
                        wakes[resident] = wake = found
                if change.verdict.__class__ is not Quiet:
                    told.append(Judged(resident, case.device, change, heard.at, heard.received_at, case.marks))
        self._found_wakes, self._found_worn = wakes, {}
        return told, staged

    def resumed(self, stopped: datetime, at: datetime) -> dict[str, dict[str, State]]:
        """The states that change because nothing was heard from ``stopped`` to ``at``; by resident, not kept yet."""
        staged: dict[str, dict[str, State]] = {}
        index = self._index()
        for resident, states in self._states.items():
            if not index.has_rules(resident):
                continue
            changes = index.rules_of(resident, at).resumed(states, stopped, at)
            if changes:
                staged[resident] = {**states, **{change.rule_key: change.after for change in changes}}
        return staged

    def gone(self, at: datetime, before: CentreIndex | None = None) -> dict[str, list[str]]:
        """Rule keys that there are states of, but no rule any more, by resident; of those alone whose rules are not
        the ones of the index ``before``."""
        index = self._index()
        found: dict[str, list[str]] = {}
        for resident, states in self._states.items():
            if before is not None and index.same_rules(before, resident, at):
                continue
            keys = {rule.key for rule in index.rules_of(resident, at).rules} if index.has_rules(resident) else set()
            gone = [key for key in states if key not in keys and key != inhibition.KEY]
            if gone:
                found[resident] = gone
        return found

    def replan(self, olds: Sequence[CentreIndex], at: datetime) -> tuple[list[Judged], dict[str, dict[str, State]]]:
        """Let go of the states of rules that a new centre does not have any more.

        A fall that waits for its wearer to take it back is told at once: it was heard, and nobody would decide it
        later. All other deadlines end with their rule, and must not come up again should the rule come back.
        ``olds``: the centres before, the newest first; the first that has a rule says what was due.
        """
        staged: dict[str, dict[str, State]] = {}
        told: list[Judged] = []
        for resident, gone in self.gone(at, olds[0] if len(olds) == 1 else None).items():
            states = self._states[resident]
            staged[resident] = {key: state for key, state in states.items() if key not in gone}
            for key in (key for key in gone if key in LIFE_SAFETY_RULES):
                rules = (old.rules_of(resident, at) for old in olds if old.has_rules(resident))
                before = next((one for one in rules if one.has(key)), None)
                due = before.wake_of(key, states[key]) if before is not None else None
                if before is None or due is None:
                    continue
                last = before.judge(states, Tick(max(due, at)))
                told += [Judged(resident, None, change, at, at) for change in last if change.rule_key == key]
        return told, staged

    def hasten(self, at: datetime) -> tuple[list[Judged], dict[str, dict[str, State]]]:
        """The clock was set back: decide at once on calls for help and falls that wait, as if their time were over.

        Else each would wait longer by the step. What else waits may: nobody lies on the floor for it.
        """
        staged: dict[str, dict[str, State]] = {}
        told: list[Judged] = []
        index = self._index()
        for resident, states in self._states.items():
            if not index.has_rules(resident):
                continue
            rules = index.rules_of(resident, at)
            for key in LIFE_SAFETY_RULES & states.keys():
                due = rules.wake_of(key, states[key]) if rules.has(key) and _waits(states[key]) else None
                if due is None or due <= at:
                    continue
                for change in rules.judge({key: states[key]}, Tick(due)):
                    if change.rule_key == key:
                        staged.setdefault(resident, dict(states))[key] = change.after
                        told.append(Judged(resident, None, change, at, at))
        return told, staged

    def tick(
        self, residents: list[str], at: datetime, *, anew: bool = False
    ) -> tuple[list[Judged], dict[str, dict[str, State]]]:
        """Tell the rules of these residents what time it is.

        ``anew``: what they wear may have changed. The states of rules of a device that went away are let go of: should
        it come back after weeks, its rules begin anew, and its old silence is not told. So do rules that heard it and
        hear nothing of the kind any more: nobody would ever say that the former wearer is out of the bed again.
        """
        staged: dict[str, dict[str, State]] = {}
        told: list[Judged] = []
        index = self._index()
        event = Tick(at)
        self._found_worn = {}
        for resident in residents:
            if not index.has_rules(resident):
                continue
            states = dict(self._states.get(resident, {}))
            rules = index.rules_of(resident, at)
            for key in [key for key in states if not rules.has(key) and key != inhibition.KEY] if anew else ():
                del states[key]
                staged[resident] = states
            if anew and (ended := self._bereft(resident, rules, states, at)):
                states.update(ended)
                staged[resident] = states
            for change in rules.judge(states, event):
                if change.after is not change.before:
                    states[change.rule_key] = change.after
                    staged[resident] = states
                told.append(Judged(resident, None, change, at, at))
        return told, staged

    def _bereft(self, resident: str, rules: ResidentRules, states: dict[str, State], at: datetime) -> dict[str, State]:
        """The states that end because devices left the resident since the last look, or while we were away, or because
        the care plan names others."""
        index = self._index()
        owned = only_own(rules, states)
        if resident == HOUSE:
            return owned
        worn: dict[str, str] = {device.id: device.type for device in index.devices_of(resident, at)}
        before: Mapping[str, str] | None = self._worn.get(resident)
        if before is None:
            since = self._lived_until
            before = {one.id: one.type for one in index.devices_of(resident, since)} if since is not None else {}
        self._found_worn[resident] = worn
        gone = [kind for device, kind in before.items() if device not in worn]
        return {**owned, **bereft(rules, {**states, **owned}, worn, gone, at)} if gone else owned

    def store(self, db: sqlite3.Connection, staged: dict[str, dict[str, State]]) -> None:
        """Write changed states in the caller's transaction."""
        db.executemany(
            "INSERT INTO rule_states (resident, states) VALUES (?, ?)"
            " ON CONFLICT (resident) DO UPDATE SET states = excluded.states",
            [(resident, encode_states(states).decode()) for resident, states in staged.items()],
        )

    def keep(self, staged: dict[str, dict[str, State]]) -> None:
        """The states are in the transaction: go on from them. Never fails."""
        self._states.update(staged)
        self._worn.update(self._found_worn)
        self._found_worn = {}
        for resident, wake in self._found_wakes.items():
            self._wake_by(wake, resident)
        self._found_wakes = {}

    def due(self, at: datetime, limit: int = 500) -> list[str]:
        """Residents whose rules want to be told the time by now; at most ``limit``, taken off the list."""
        due: list[str] = []
        while self._wakes and self._wakes[0][0] <= at and len(due) < limit:
            wake, resident = heappop(self._wakes)
            if self._wake_of.get(resident) == wake:
                del self._wake_of[resident]
                due.append(resident)
        return due

    def plan(self, residents: list[str], at: datetime) -> None:
        """Note when these residents' rules want to be told the time next (after a Tick)."""
        for resident in residents:
            self._plan_wake(resident, at)

    def next_wake(self) -> datetime | None:
        """When the first rule wants to be told the time (UTC-aware); None: no rule waits."""
        while self._wakes and self._wake_of.get(self._wakes[0][1]) != self._wakes[0][0]:
            heappop(self._wakes)
        return self._wakes[0][0] if self._wakes else None

    def _plan_wake(self, resident: str, at: datetime) -> None:
        index = self._index()
        if not index.has_rules(resident):
            return
        wake = index.rules_of(resident, at).wake_at(self._states.get(resident, {}))
        if wake is not None:
            self._wake_by(wake, resident)

    def _wake_by(self, wake: datetime, resident: str) -> None:
        planned = self._wake_of.get(resident)
        # A later wake than planned needs no new plan: the rules are asked too early once, and say again when.
        if planned is None or wake < planned:
            self._wake_of[resident] = wake
            heappush(self._wakes, (wake, resident))

    def _measure(self, cases: list[Case]) -> None:
        """Signed metres to every zone that a position's rules need, for the whole batch in one call."""
        zone_of = self._index().zone
        shapes: list[ZoneShape] = []
        lons: list[float] = []
        lats: list[float] = []
        places: list[tuple[dict[str, float], str]] = []
        for case in cases:
            position = case.heard.reading
            if case.rules is None or position.__class__ is not Position:
                continue
            assert isinstance(position, Position)
            for zone in case.rules.zone_ids:
                shapes.append(zone_of(zone))
                lons.append(position.lon)
                lats.append(position.lat)
                places.append((case.heard.distances, zone))
        if places:
            for (distances, zone), metres in zip(places, signed_distances(shapes, lons, lats), strict=True):
                distances[zone] = metres


def _waits(state: State) -> bool:
    """Whether a fall waits to be taken back or confirmed; one that was told, and may be told again, does not."""
    return isinstance(state, FallState) and any(fall.until is not None for fall in state.falls.values())
