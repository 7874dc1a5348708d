"""A plan over the history of some residents: what each would have been told of. No desk, no outbox, no waiting."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from devices.model import ALARM_KINDS, Position, Reading
from gateway.app.trial_ledger import Ledger, TrialAlert
from gateway.centre.index import HOUSE, CentreIndex
from gateway.clock import from_ms
from gateway.pipeline import incidents
from gateway.pipeline.clocks import Clocks
from gateway.pipeline.judge import Case
from gateway.store.history import Stored
from rules.engine import ResidentRules
from rules.geometry import ZoneShape, signed_distances
from rules.model import Heard, Quiet, State, Tick
from rules.timing import lost

_READING: Final = msgspec.json.Decoder(Reading)

_AGAIN: Final = timedelta(minutes=1)
"""A rule that broke wants to be told the time again and again: it is told once a minute."""


class Person:
    """One resident under one plan: the rules, their states, and what they said.

    ``whole``: the centre by which it is known whether an alarm has a rule; None: it is known elsewhere.
    """

    def __init__(
        self, index: CentreIndex, resident: str, since: datetime, until: datetime, whole: CentreIndex | None
    ) -> None:
        self._whole = whole if resident != HOUSE else None
        self._resident = resident
        self._turns = list(_turns(index, resident, since, until))
        self.rules: ResidentRules = index.rules_of(resident, since)
        self._states: dict[str, State] = {}
        self._wake: datetime | None = since
        self._now = since
        self.ledger = Ledger(None if resident == HOUSE else resident)

    def go_to(self, at: datetime) -> None:
        """Let time pass to ``at``; every deadline is taken at its own time."""
        while self._turns and self._turns[0][0] <= at:
            when, rules = self._turns.pop(0)
            self._ticks(when)
            self.rules = rules
            self._tick(when)
        self._ticks(at)

    def hear(self, heard: Heard) -> None:
        """A reading, at the time at which it was received."""
        wake = self._wake
        if (wake is not None and wake <= heard.received_at) or (self._turns and self._turns[0][0] <= heard.received_at):
            self.go_to(heard.received_at)
            wake = self._wake
        # a machine's clock may have been set back: what was said later stays later
        now = self._now = max(self._now, heard.received_at)
        states, rules = self._states, self.rules
        for change in rules.judge(states, heard, nothing_due=wake is None or heard.at < wake):
            if change.after is not change.before:
                states[change.rule_key] = change.after
                found = rules.wake_of(change.rule_key, change.after) if rules.has(change.rule_key) else None
                if found is not None and (wake is None or found < wake):
                    self._wake = wake = found
            if change.verdict.__class__ is not Quiet:
                self.ledger.said(change, heard.at, now)
        if heard.kind in ALARM_KINDS and heard.own and self._whole is not None:
            self._unplanned(heard, self._whole)

    def _unplanned(self, heard: Heard, whole: CentreIndex) -> None:
        if not whole.rules_of(self._resident, heard.received_at).concerned(heard.kind, heard.device):
            incident = incidents.of_unplanned(Case(0, heard, heard.device, self._resident, self.rules))
            if incident is not None:
                self.ledger.raised(incident, heard.received_at)

    def _ticks(self, at: datetime) -> None:
        while self._wake is not None and self._wake <= at:
            self._tick(max(self._wake, self._now))

    def _tick(self, at: datetime) -> None:
        self._now = at
        for change in self.rules.judge(self._states, Tick(at)):
            self._states[change.rule_key] = change.after
            self.ledger.said(change, at, at)
        wake = self.rules.wake_at(self._states)
        self._wake = at + _AGAIN if wake is not None and wake <= at else wake


def _turns(
    index: CentreIndex, resident: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, ResidentRules]]:
    """When a resident's rules change, because a device comes or goes, and what they are from then on."""
    rules, at = index.rules_of(resident, since), index.next_change_at(since)
    while at is not None and at < until:
        found = index.rules_of(resident, at)
        if found is not rules:
            rules = found
            yield at, found
        at = index.next_change_at(at)


class Plan:
    """One version of a centre, over the history of some of its residents.

    Args:
        index: the centre.
        residents: those who are judged here; HOUSE for the house.
        since, until: UTC-aware.
        whole: by resident, the centre by which it is known whether an alarm has a rule, where ``index`` has only a
            part of the resident's rules; None for one where it is known elsewhere.
    """

    def __init__(
        self,
        index: CentreIndex,
        residents: Iterable[str],
        since: datetime,
        until: datetime,
        *,
        whole: Mapping[str, CentreIndex | None],
    ) -> None:
        self._index = index
        self._until = until
        self.people = {
            resident: Person(index, resident, since, until, whole.get(resident, index))
            for resident in residents
            if index.has_rules(resident)
        }
        self._worn: dict[str, list[tuple[datetime, datetime | None, Person | None]]] = {}
        for entry in sorted(index.centre.assignments, key=lambda one: one.start):
            person = self.people.get(entry.resident)
            self._worn.setdefault(entry.device, []).append((entry.start, entry.end, person))

    def devices(self) -> set[str]:
        """Devices that somebody of these may hear."""
        if HOUSE in self.people or any(index_rules.others for index_rules in self._all_rules()):
            return set(self._index.devices)
        return {device for device, worn in self._worn.items() if any(person for _, _, person in worn)}

    def _all_rules(self) -> Iterator[ResidentRules]:
        for person in self.people.values():
            yield person.rules
            yield from (rules for _, rules in person._turns)  # noqa: SLF001 - its own list

    def hearers(self, device: str, at: datetime, received_at: datetime, *, alarm: bool) -> list[tuple[Person, bool]]:
        """Who hears a reading of a device, and whether as its own: as the pipeline gives it on. ``at``: when it
        happened; of an alarm, by the device's own word."""
        if device not in self._index.devices:
            return []
        worn = self._worn.get(device, ())
        found: list[tuple[Person, bool]] = []
        somebody = False
        for start, end, person in worn:
            if start <= at and (end is None or at < end):
                somebody = True
                left = end is not None and received_at >= end
                if person is not None and (alarm or not left):
                    found.append((person, True))
                break
        if not somebody:
            for resident in self._index.listeners(device, received_at):
                listener = self.people.get(resident)
                if listener is not None:
                    found.append((listener, resident == HOUSE))
        if alarm:
            for start, end, person in worn:
                now = start <= received_at and (end is None or received_at < end)
                if now and person is not None and (person, True) not in found:
                    found.append((person, True))
        return found

    def measure(self, told: Sequence[tuple[Person, Heard]]) -> None:
        """Signed metres to every zone that the positions' hearers ask about, in one call."""
        shapes: list[ZoneShape] = []
        lons: list[float] = []
        lats: list[float] = []
        places: list[tuple[dict[str, float], str]] = []
        for person, heard in told:
            position = heard.reading
            if position.__class__ is Position:
                assert isinstance(position, Position)
                for zone in person.rules.zone_ids:
                    shapes.append(self._index.zone(zone))
                    lons.append(position.lon)
                    lats.append(position.lat)
                    places.append((heard.distances, zone))
        if places:
            for (distances, zone), metres in zip(places, signed_distances(shapes, lons, lats), strict=True):
                distances[zone] = metres

    def take(self, piece: Sequence[tuple[Stored, Reading, datetime, datetime, datetime]]) -> None:
        """Judge a piece of history: stored readings with what they are, when they happened, were received, and
        happened by the device's own word."""
        told: list[tuple[Person, Heard]] = []
        for stored, reading, at, received_at, said_at in piece:
            alarm = stored.kind in ALARM_KINDS
            for person, own in self.hearers(stored.device, said_at if alarm else at, received_at, alarm=alarm):
                heard = Heard(reading, stored.kind, stored.device, at, received_at, stored.frame, {}, own)
                told.append((person, heard))
        self.measure(told)
        for person, heard in told:
            person.hear(heard)

    def finish(self, since: datetime) -> dict[str, list[TrialAlert]]:
        """Let time go on to the end; every alert raised from ``since`` on, by resident."""
        for person in self.people.values():
            person.go_to(self._until)
        return {resident: person.ledger.alerts(since) for resident, person in self.people.items()}


def judge(
    plans: Sequence[Plan],
    history: Iterable[list[Stored]],
    *,
    step: Callable[[int], None] = lambda _: None,
) -> None:
    """Lead plans over the same history. ``step`` is told after each piece how many readings it had."""
    seen: set[tuple[str, str]] = set()
    clocks = Clocks()
    for stored in history:
        piece = []
        for one in stored:
            received_at = from_ms(one.received_at)
            at = received_at if one.observed_at is None else min(from_ms(one.observed_at), received_at)
            reading = _READING.decode(one.fields)
            alarm = one.kind in ALARM_KINDS
            if alarm or one.kept:
                known = (one.device, one.fields) in seen
                seen.add((one.device, one.fields))
                if one.kept and (known or not alarm):
                    continue  # the broker had kept it: it tells of some time ago, or was told already
            said_at = at = received_at if lost(at, received_at) else at
            if one.observed_at is not None and not one.kept and clocks.behind(one.device, at, received_at):
                at = received_at
            piece.append((one, reading, at, received_at, said_at))
        for plan in plans:
            plan.take(piece)
        step(len(stored))
