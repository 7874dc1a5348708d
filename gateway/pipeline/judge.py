"""Readings -> verdicts: whose reading it is, how far from which border, and what the rules say.

The rules' states live here between the steps; the store has the same, written in the same transaction as the
readings that changed them.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush

import msgspec

from devices.model import Position, Reading, kind_of
from gateway.centre.index import CentreIndex
from rules.engine import Change
from rules.geometry import ZoneShape, signed_distances
from rules.model import Heard, State, Tick
from rules.registry import decode_states, encode_states


class Case(msgspec.Struct, gc=False):
    """A reading with what surrounds it, on its way to the rules.

    ``resident`` is None for a device that nobody wears; ``device`` is None for one that the centre does not know;
    ``mark`` says why it may be old (a message that the broker kept).
    """

    frame: int
    reading: Reading
    sender: str
    device: str | None
    resident: str | None
    at: datetime
    received_at: datetime
    judged: bool
    kept: bool = False

    @property
    def device_word(self) -> str:
        """The device as the database and an alert name it."""
        return self.device or self.sender


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What one rule said of one event."""

    resident: str
    device: str | None
    change: Change
    at: datetime
    received_at: datetime
    kept: bool = False


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

    def hear(self, cases: list[Case]) -> tuple[list[Judged], dict[str, dict[str, State]]]:
        """Step the rules of everybody in the batch, in order.

        Returns:
            what is to be told, and the changed states by resident. Nothing of it is kept until :meth:`keep`.
        """
        distances = self._distances(cases)
        staged: dict[str, dict[str, State]] = {}
        told: list[Judged] = []
        nowhere: dict[str, float] = {}
        index = self._index()
        for number, case in enumerate(cases):
            resident = case.resident
            if resident is None or not case.judged:
                continue
            heard = Heard(
                reading=case.reading,
                kind=kind_of(case.reading),
                device=case.device_word,
                at=case.at,
                received_at=case.received_at,
                frame=case.frame,
                distances=distances.get(number, nowhere),
            )
            states = staged.get(resident)
            if states is None:
                states = dict(self._states.get(resident, {}))
            for change in index.rules_of(resident, case.received_at).judge(states, heard):
                if change.after is not change.before:
                    states[change.rule_key] = change.after
                    staged[resident] = states
                told.append(Judged(resident, case.device, change, case.at, case.received_at, case.kept))
        return told, staged

    def tick(self, residents: list[str], at: datetime) -> tuple[list[Judged], dict[str, dict[str, State]]]:
        """Tell the rules of these residents what time it is."""
        staged: dict[str, dict[str, State]] = {}
        told: list[Judged] = []
        index = self._index()
        event = Tick(at)
        for resident in residents:
            if resident not in index.residents:
                continue
            states = dict(self._states.get(resident, {}))
            for change in index.rules_of(resident, at).judge(states, event):
                if change.after is not change.before:
                    states[change.rule_key] = change.after
                    staged[resident] = states
                told.append(Judged(resident, None, change, at, at))
        return told, staged

    def store(self, db: sqlite3.Connection, staged: dict[str, dict[str, State]]) -> None:
        """Write changed states in the caller's transaction."""
        db.executemany(
            "INSERT INTO rule_states (resident, states) VALUES (?, ?)"
            " ON CONFLICT (resident) DO UPDATE SET states = excluded.states",
            [(resident, encode_states(states).decode()) for resident, states in staged.items()],
        )

    def keep(self, staged: dict[str, dict[str, State]], at: datetime) -> None:
        """The states are in the transaction: go on from them. Never fails."""
        self._states.update(staged)
        for resident in staged:
            self._plan_wake(resident, at)

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
        """Note again when these residents' rules want to be told the time (after a Tick that changed nothing)."""
        for resident in residents:
            self._plan_wake(resident, at)

    def next_wake(self) -> datetime | None:
        """When the first rule wants to be told the time (UTC-aware); None: no rule waits."""
        while self._wakes and self._wake_of.get(self._wakes[0][1]) != self._wakes[0][0]:
            heappop(self._wakes)
        return self._wakes[0][0] if self._wakes else None

    def _plan_wake(self, resident: str, at: datetime) -> None:
        index = self._index()
        if resident not in index.residents:
            return
        wake = index.rules_of(resident, at).wake_at(self._states.get(resident, {}))
        planned = self._wake_of.get(resident)
        # A later wake than planned needs no new plan: the rules are asked too early once, and say again when.
        if wake is not None and (planned is None or wake < planned):
            self._wake_of[resident] = wake
            heappush(self._wakes, (wake, resident))

    def _distances(self, cases: list[Case]) -> dict[int, dict[str, float]]:
        """Signed metres to every zone that a position's rules need, for the whole batch in one call."""
        index = self._index()
        shapes: list[ZoneShape] = []
        lons: list[float] = []
        lats: list[float] = []
        places: list[tuple[int, str]] = []
        for number, case in enumerate(cases):
            if case.resident is None or not case.judged or type(case.reading) is not Position:
                continue
            for zone in index.rules_of(case.resident, case.received_at).zone_ids:
                shapes.append(index.zone(zone))
                lons.append(case.reading.lon)
                lats.append(case.reading.lat)
                places.append((number, zone))
        found: dict[int, dict[str, float]] = {}
        if places:
            for (number, zone), metres in zip(places, signed_distances(shapes, lons, lats), strict=True):
                found.setdefault(number, {})[zone] = metres
        return found
