"""The gateway on virtual time: the real pipeline, desk, clockwork and dispatcher over a real database.

Only the outermost shell is missing: no broker, no threads, no waiting. ``go_to`` moves time from one deadline to the
next; a kill throws away everything but the database file.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from devices import registry
from devices.model import Frame
from gateway.app.replay import format_of
from gateway.centre.index import CentreIndex
from gateway.centre.model import Centre
from gateway.clock import from_ms
from gateway.clockwork.clockwork import Clockwork
from gateway.ingest.source import Receipt
from gateway.links import Links
from gateway.notify.channel import Outgoing, PermanentFailure, Sent, TemporaryFailure
from gateway.notify.dispatcher import Dispatcher
from gateway.pipeline.pipeline import ALARMS, TELEMETRY, Pipeline
from gateway.store import centres
from gateway.store.changes import Changes
from gateway.store.writer import Tx
from tests.simulation.script import Message

T = TypeVar("T")

STUCK = 300
"""Deadlines in a row at one time: then something asks for the time again and again."""


class Killed(BaseException):
    """kill -9: nothing in the product can catch it."""


class StuckError(AssertionError):
    """A deadline is due again and again."""


class SimClock:
    """True time that only moves forward, and what the machine's clock makes of it."""

    def __init__(self, begins: datetime) -> None:
        self._begins = begins
        self.mono = 0.0
        self._off = 0.0
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._begins + timedelta(seconds=self.mono + self._off)

    def mono_of(self, at: datetime) -> float:
        """When the machine's clock will show that, unless it is set."""
        return (at - self._begins).total_seconds() - self._off

    def set_by(self, seconds: float) -> None:
        self._off += seconds

    def move_to(self, mono: float) -> None:
        self.mono = max(self.mono, mono)
        over = [future for until, future in self._waiting if until <= self.mono]
        self._waiting = [one for one in self._waiting if one[0] > self.mono]
        for future in over:
            if not future.done():
                future.set_result(None)

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Nobody here sets events: only time ends a wait."""
        assert seconds is not None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self.mono + seconds, future))
        await future
        return event.is_set()

    def forget(self) -> None:
        self._waiting.clear()

    @property
    def waited_for(self) -> bool:
        return bool(self._waiting)


class MortalConnection(sqlite3.Connection):
    """A connection on which the process can die after so many statements."""

    left: int | None = None

    def _count(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        self._count()
        return super().execute(sql, *args)

    def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
        self._count()
        return super().executemany(sql, *args)


class SimWriter:
    """The writer without its thread: one piece of work, one transaction, at once."""

    def __init__(self, db: MortalConnection, clock: SimClock, owner: str) -> None:
        self._db = db
        self._clock = clock
        self._owner = owner
        self.changes = Changes()
        self.on_owed: Callable[[list[int]], None] | None = None
        self.on_end: Callable[[bool], None] = lambda committed: None
        self.die: str | int | None = None
        self.dead = False

    async def write(self, work: Callable[[Tx], T], *, urgent: bool = False) -> T:
        return self.do(work)

    def do(self, work: Callable[[Tx], T]) -> T:
        if self.dead:
            raise Killed
        die, self.die = self.die, None
        tx = Tx(self._db, self._clock.now(), self._owner)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.left = die if isinstance(die, int) else None
            result = work(tx)
            self._db.left = None
            if die == "before" or isinstance(die, int):
                raise Killed  # noqa: TRY301 - there were fewer statements than that
            self._db.execute("COMMIT")
        except Exception:
            self._db.execute("ROLLBACK")
            self.on_end(False)
            raise
        except Killed:
            self.dead = True
            self.on_end(False)
            raise
        self.on_end(True)
        if die == "after":
            self.dead = True
            raise Killed
        tx.run_after_commit()
        if tx.owed and self.on_owed:
            self.on_owed(tx.owed)
        if tx.alerts:
            self.changes.bump()
        return result


class Provider:
    """Takes messages, refuses some for now and some for good, by its own seed; notes every one that it took."""

    timeout_s = 600.0
    workers = 1

    def __init__(self, name: str, seed: int, trouble: float) -> None:
        self.name = name
        self._random = Random(seed)
        self._trouble = trouble
        self.took: list[str] = []

    def destination(self, address: str) -> str:
        return ""

    async def send(self, message: Outgoing) -> Sent:
        chance = self._random.random()
        if chance < self._trouble:
            raise TemporaryFailure("busy")
        if chance < self._trouble * 1.3:
            raise PermanentFailure("no such address")
        self.took.append(message.idempotency)
        return Sent()

    async def close(self) -> None:
        """Nothing to let go of."""


class Machine:
    """One gateway over its life, kills included.

    ``path`` is its database, ``empty`` one that stands in for it where a part insists on opening one itself.
    """

    def __init__(self, path: Path, empty: Path, clock: SimClock, centre: Centre, seed: int) -> None:
        self.path = path
        self._empty = empty
        self.clock = clock
        self.providers = {name: Provider(name, seed, 0.1 if seed % 3 else 0.0) for name in ("smtp", "log")}
        self.lives = 0
        self.crashes = 0
        self.stopped: datetime | None = None
        self.alive = False
        self.on_end: Callable[[bool], None] = lambda committed: None
        self._seed = seed
        self._indexes: dict[int, CentreIndex] = {}
        self._open()
        self.applied = centre
        self.writer.do(lambda tx: centres.apply(tx, centre, who="cli:test"))

    def _open(self) -> None:
        db = sqlite3.connect(self.path, isolation_level=None, factory=MortalConnection)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA locking_mode=EXCLUSIVE")  # nobody else looks at it, which makes it quicker
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA foreign_keys=ON")
        self.db = db
        self.lives += 1
        self.writer = SimWriter(db, self.clock, f"life-{self.lives}")
        self.writer.on_end = self._ended

    def _ended(self, committed: bool) -> None:
        self.on_end(committed)

    async def start(self) -> None:
        """As the daemon starts: what it was deaf for, then the time for everybody."""
        if self.writer.dead:
            self._open()
        self.index = self._index_of(self.applied)
        self.pipeline = Pipeline(self.db, lambda: self.index)
        self.alive = True
        if self.stopped is not None:
            stopped = self.stopped
            self.writer.do(lambda tx: self.pipeline.resumed(tx, stopped))
        writer: Any = self.writer
        self.clockwork = Clockwork(writer=writer, index=lambda: self.index, path=self.path, clock=self.clock)
        self.clockwork._db = self.db
        self.clockwork._start(self.db)
        channels: Any = self.providers
        self.dispatcher = Dispatcher(
            writer=writer, channels=channels, index=lambda: self.index, path=self._empty, clock=self.clock,
            links=Links("https://care.example.org", "x" * 32, self.clock), owner=f"life-{self.lives}",
            random=Random(self._seed),
        )  # fmt: skip
        self.dispatcher._db.close()
        self.dispatcher._db = self.db
        self._sending = asyncio.create_task(self.dispatcher.run())

    def _index_of(self, centre: Centre) -> CentreIndex:
        """An index never changes, so one of each version is enough for all lives."""
        if id(centre) not in self._indexes:
            self._indexes[id(centre)] = CentreIndex(centre)
        return self._indexes[id(centre)]

    async def ready(self) -> None:
        """What the broker had kept is heard: everybody is told the time."""
        self.writer.do(self.pipeline.replan_after_start)
        self._everybody()
        await self.settle()

    def kill(self) -> None:
        """Only the database is left."""
        self.stopped = self.clock.now()
        self.crashes += 1
        self.alive = False
        self.writer.dead = True
        self.writer.on_owed = None
        self._sending.cancel()
        self.clock.forget()
        self._dying = self._sending

    async def buried(self) -> None:
        """Wait until nothing of the dead process runs."""
        with suppress(BaseException):
            await self._dying
        self.db.close()

    async def take(self, messages: tuple[Message, ...], *, session: int, resumed: bool, die: str | int | None) -> None:
        """A batch of one lane; Killed when it dies of it."""
        receipts = [self._receipt(message, session, resumed=resumed) for message in messages]
        form = registry.find(receipts[0].format)
        lane = ALARMS if form.is_alarm(messages[0].topic) else TELEMETRY
        self.writer.die = die
        await self.writer.write(lambda tx: self.pipeline.take(tx, receipts, lane=lane))

    def _receipt(self, message: Message, session: int, *, resumed: bool) -> Receipt:
        frame = Frame(
            topic=message.topic, payload=message.payload, received_at=from_ms(int(self.clock.now().timestamp() * 1000)),
            dup=message.dup, retained=message.retained, resumed=resumed,
        )  # fmt: skip
        form = format_of(message.topic)
        assert form is not None
        return Receipt(frame=frame, format=form, packet_id=1, session=session)

    async def apply(self, centre: Centre, *, seen: bool) -> None:
        """The command line applies a centre; the running gateway takes it up, unless it dies first."""
        if self.alive:
            self.writer.do(lambda tx: centres.apply(tx, centre, who="cli:test"))
        self.applied = centre
        if seen and self.alive:
            old, self.index = self.index, self._index_of(centre)
            self.writer.do(lambda tx: self.pipeline.replan(tx, old))
            self._everybody()
            await self.settle()

    def _everybody(self) -> None:
        residents = list(self.index.judged)
        self.writer.do(lambda tx: self.pipeline.tick(tx, residents))
        self._assignments = self.index.next_change_at(self.clock.now())

    async def go_to(self, mono: float) -> None:
        """Move time, doing everything on the way when it is due."""
        stuck = 0
        await self._due()
        while (due := self._next()) is not None and due <= mono:
            stuck = stuck + 1 if due <= self.clock.mono else 0
            if stuck > STUCK:
                raise StuckError(f"something is due again and again at {self.clock.now()}")
            self.clock.move_to(due)
            await self._due()
        if mono > self.clock.mono:
            self.clock.move_to(mono)
            await self._due()

    def _next(self) -> float | None:
        times = [self.pipeline.next_wake(), self._assignments, self.clockwork._earliest(self.db)]
        # the next attempt at what failed for now, and when it is late
        row = self.db.execute(
            "SELECT min(due_at) FROM notifications WHERE state = 'failed_for_now'"
            " UNION ALL SELECT min(created_at) + 10000 FROM notifications"
            " WHERE state IN ('pending', 'failed_for_now') AND late_at IS NULL"
        ).fetchall()
        dues = [self.clock.mono_of(at) for at in times if at is not None]
        # the dispatcher looks every second
        dues += [max(self.clock.mono_of(from_ms(one[0])), self.clock.mono + 1.0) for one in row if one[0] is not None]
        return min(dues, default=None)

    async def _due(self) -> None:
        """Everything that is due now, as the shell's loops do it."""
        now = self.clock.now()
        if self._assignments is not None and self._assignments <= now:
            self._everybody()
        wake = self.pipeline.next_wake()
        if wake is not None and wake <= now:
            self.writer.do(self.pipeline.tick)
        due = self.clockwork._next_due()
        if due is not None and due <= now:
            await self.clockwork._run_due()
        await self.settle()

    async def settle(self) -> None:
        """Let the dispatcher send what it has."""
        for _ in range(500):
            await asyncio.sleep(0)
            if self._sending.done():
                if self.writer.dead:
                    raise Killed
                self._sending.result()
                raise AssertionError("the dispatcher ended")
            if self.clock.waited_for and not self.dispatcher.in_hand:
                return
        raise AssertionError("the dispatcher does not come to rest")

    def do(self, work: Callable[[Tx], T]) -> T:
        return self.writer.do(work)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a simulation in an event loop of its own."""
    with asyncio.Runner() as runner:
        return runner.run(work)
