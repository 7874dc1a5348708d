"""The order of work, visible in one place: frame -> reading -> verdict -> alert -> what is owed, in one transaction."""

import sqlite3
from collections.abc import Callable
from datetime import datetime

import msgspec

from devices import registry
from devices.errors import UnreadableError, Why
from devices.model import ALARM_KINDS, Frame, Reading
from gateway.alerts import desk
from gateway.centre.index import HOUSE, CentreIndex
from gateway.clock import to_ms
from gateway.commands.ways import CommandOptions
from gateway.ingest.source import Receipt
from gateway.pipeline import incidents, telling
from gateway.pipeline.acks import acknowledgements
from gateway.pipeline.cases import Cases
from gateway.pipeline.intake import (
    REPEATED,
    Entry,
    event_key,
    flags_of,
    known_events,
    prepare,
    sender,
)
from gateway.pipeline.judge import Case, Judge, Judged
from gateway.pipeline.probes import Probes
from gateway.pipeline.protecting import Protecting
from gateway.pipeline.redelivery import Redeliveries
from gateway.pipeline.rows import insert
from gateway.store import centres
from gateway.store.writer import Tx

ALARMS, TELEMETRY = "alarms", "telemetry"
"""The two lanes."""

HTTP_ALARMS, HTTP_TELEMETRY = "http-alarms", "http-telemetry"
"""The same for what comes by POST: lanes of their own, because redeliveries are known lane by lane."""

ALARM_LANES = frozenset({ALARMS, HTTP_ALARMS})
"""Lanes on which a message that can't be read is told to a person, whatever it is."""


class Taken(msgspec.Struct, gc=False):
    """What became of a batch; its frames are in the transaction, not yet on disk."""

    frames: int = 0
    redelivered: int = 0
    readings: int = 0
    quarantined: int = 0
    again: list[tuple[int, Frame]] = []
    """Frames that were delivered again, with their journal numbers."""
    acks: list[tuple[str, bytes]] = []
    """Application acknowledgements (topic, payload): to be sent only after the commit."""


def _in_batch(entries: list[Entry], frame: Frame) -> int | None:
    """Journal number of an equal frame of the same batch: the connection broke while it still waited in the queue."""
    for entry in reversed(entries):
        if entry.frame.payload == frame.payload and entry.frame.topic == frame.topic:
            return entry.seq
    return None


def _form_of(name: str) -> registry.Format | None:
    """The format of that name; None for a message that no subscription stands for (the broker sent it all the same)."""
    try:
        return registry.find(name)
    except UnreadableError:
        return None


class Pipeline:
    """Takes batches of frames, and ticks, inside the writer's transactions.

    Args:
        db: the writer's file, to read where the last life ended.
        index: gives the centre as it is now.
        commands: what the settings say about commands to devices; a rule may ask for one.
    """

    def __init__(
        self, db: sqlite3.Connection, index: Callable[[], CentreIndex], *, commands: CommandOptions | None = None
    ) -> None:
        self._index = index
        self._commands = commands or CommandOptions()
        self._judge = Judge(db, index)
        self._cases = Cases(index)
        self._protecting = Protecting(db, index)
        self._redeliveries = Redeliveries(db)
        self.probes = Probes(db, index)
        """When each probe was last heard."""
        self._next = 1 + (db.execute("SELECT max(seq) FROM journal").fetchone()[0] or 0)

    def take(self, tx: Tx, batch: list[Receipt], *, lane: str, prepared: list[Entry] | None = None) -> Taken:
        """Journal, decode, judge, raise: all of a batch, or (when it raises) nothing of it.

        ``prepared``: the batch as :meth:`prepare` decoded it, where that was done ahead.
        """
        taken = Taken(frames=len(batch))
        self._redeliveries.connected(lane, batch)
        entries = self._enter(self.prepare(batch) if prepared is None else prepared, lane, taken)
        fresh = self._fresh(tx.db, entries)
        cases = self._cases.of(tx.db, fresh)
        told, staged = self._judge.hear(cases)
        insert(tx.db, entries, fresh, cases)
        if taken.again:
            tx.db.executemany(
                "UPDATE journal SET redelivered = redelivered + 1, redelivered_at = ? WHERE seq = ?",
                [(to_ms(frame.received_at), original) for original, frame in taken.again],
            )
        self._judge.store(tx.db, staged)
        self._raise(tx, told)
        for case in cases:
            if case.heard.kind in ALARM_KINDS and case.heard.own and case.resident != HOUSE:
                self._raise_unwatched(tx, case)
        for entry in entries:
            if entry.unreadable is not None:
                taken.quarantined += 1
                self._raise_unreadable(tx, entry, lane)
        guards = self._protecting.follow(tx, staged, self._judge.states)
        taken.readings = sum([not case.extra for case in cases])
        taken.acks = acknowledgements(batch, entries, self._index())
        # Nothing below can fail: memory follows only what is in the transaction.
        self._next += len(entries)
        self._redeliveries.remember([*taken.again, *((entry.seq, entry.frame) for entry in entries)])
        self._judge.keep(staged)
        self._protecting.keep(guards)
        self.probes.keep(entries, cases)
        return taken

    def prepare(self, batch: list[Receipt]) -> list[Entry]:
        """Decode a batch ahead of :meth:`take`; changes nothing."""
        return prepare(batch, self._index())

    def quarantine(self, tx: Tx, receipt: Receipt, error: Exception, *, lane: str) -> Taken:
        """Put a frame aside that the pipeline itself failed on, whole, and tell a person when it was an alarm."""
        detail = f"{type(error).__name__}: {error}"[:500]
        entry = Entry(self._next, receipt, flags_of(receipt.frame))
        entry.unreadable = UnreadableError(Why.DECODER_FAILED, detail)
        insert(tx.db, [entry], [], [])
        self._raise_unreadable(tx, entry, lane)
        self._next += 1
        self._redeliveries.remember([(entry.seq, entry.frame)])
        return Taken(frames=1, quarantined=1, acks=acknowledgements([receipt], [entry], self._index()))

    def tick(self, tx: Tx, residents: list[str] | None = None) -> int:
        """Tell the time to the rules that wait for it (or to those of the given residents); how many verdicts."""
        due = self._judge.due(tx.now) if residents is None else residents
        # Asked about somebody by name: the centre, or what they wear, has changed.
        told, staged = self._judge.tick(due, tx.now, anew=residents is not None)
        self._judge.store(tx.db, staged)
        self._raise(tx, told)
        guards = self._protecting.follow(tx, staged, self._judge.states, residents or ())
        self._judge.keep(staged)
        self._protecting.keep(guards)
        self._judge.plan(due, tx.now)
        return len(told)

    def clock_set_back(self, tx: Tx) -> None:
        """The wall clock was set back: what waits of falls is decided now, and not later by the step."""
        told, staged = self._judge.hasten(tx.now)
        self._judge.store(tx.db, staged)
        self._raise(tx, told)
        self._judge.keep(staged)

    def replan(self, tx: Tx, *olds: CentreIndex) -> None:
        """A new centre is in force: let go of what only the ``olds`` (the newest first) had rules for."""
        told, staged = self._judge.replan(olds, tx.now)
        self._judge.store(tx.db, staged)
        self._raise(tx, told)
        self._judge.keep(staged)

    def replan_after_start(self, tx: Tx) -> None:
        """The same for a centre that was applied while nobody was there to take it up; to be asked once."""
        if self._judge.gone(tx.now):
            self.replan(tx, *map(CentreIndex, centres.earlier(tx.db)))

    def resumed(self, tx: Tx, stopped: datetime) -> None:
        """Tell the rules that nothing could be heard since ``stopped``; to be asked once, before the first batch."""
        staged = self._judge.resumed(stopped, tx.now)
        self._judge.store(tx.db, staged)
        self._judge.keep(staged)

    def next_wake(self) -> datetime | None:
        """When the first rule wants to be told the time (UTC-aware); None: none waits."""
        return self._judge.next_wake()

    def _enter(self, decoded: list[Entry], lane: str, taken: Taken) -> list[Entry]:
        """Number the frames that are new; the others are only counted."""
        entries: list[Entry] = []
        again: list[tuple[int, Frame]] = []
        for entry in decoded:
            frame = entry.receipt.frame
            original = None
            if frame.dup or frame.resumed:
                original = self._redeliveries.original(lane, frame) or _in_batch(entries, frame)
            if original is None:
                entry.seq = self._next + len(entries)
                entries.append(entry)
            else:
                again.append((original, frame))
        taken.redelivered = len(again)
        taken.again = again
        return entries

    def _fresh(self, db: sqlite3.Connection, entries: list[Entry]) -> list[tuple[Entry, Reading]]:
        """The readings that are no repetition of a known event; marks the frames that hold only repetitions."""
        known = known_events(db, entries)
        fresh: list[tuple[Entry, Reading]] = []
        for entry in entries:
            new = 0
            for reading in entry.readings:
                if reading.event_id is not None:
                    key = (sender(entry.receipt.format, reading.device), event_key(reading))
                    if key in known:
                        continue
                    known.add(key)
                new += 1
                fresh.append((entry, reading))
            if entry.readings and not new:
                entry.flags |= REPEATED
        return fresh

    def _raise(self, tx: Tx, told: list[Judged]) -> None:
        index = self._index()
        for judged in told:
            telling.tell(tx, index, judged, commands=self._commands)

    def _raise_unwatched(self, tx: Tx, case: Case) -> None:
        """An alarm that no rule hears (nobody wears the device, the care plan has none) is told all the same."""
        incident = None
        if case.resident is None:
            incident = incidents.of_nobody(case)
        elif case.rules is not None and not case.rules.concerned(case.heard.kind, case.heard.device):
            incident = incidents.of_unplanned(case)
        if incident is not None and not case.told:
            desk.raise_incident(tx, self._index(), incident)

    def _raise_unreadable(self, tx: Tx, entry: Entry, lane: str) -> None:
        form = _form_of(entry.receipt.format)
        if lane not in ALARM_LANES and not (form and form.is_alarm(entry.frame.topic)):
            return
        index = self._index()
        address = form.address_of(entry.frame.topic) if form else None
        device = index.device(entry.receipt.format, address) if address is not None else None
        resident = index.resident_of(device.id, entry.frame.received_at) if device is not None else None
        if device is None and entry.unreadable is not None and entry.unreadable.why is Why.UNKNOWN_MODEL:
            # Somebody's thermometer in the same LoRaWAN application: neither registered here nor of a known model.
            return
        incident = incidents.of_unreadable(
            entry, device=device.id if device else None, resident=resident.id if resident else None
        )
        desk.raise_incident(tx, index, incident)
