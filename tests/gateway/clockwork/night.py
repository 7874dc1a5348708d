"""A running clockwork for tests, on a real database and a clock that only moves when told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from gateway.alerts import desk, queries
from gateway.alerts.model import Alert, Answer
from gateway.centre.index import CentreIndex
from gateway.clock import Clock, ManualClock, monotonic
from gateway.clockwork.clockwork import Clockwork
from gateway.store.database import prepare, reader
from gateway.store.writer import Writer, write_now
from tests.brokers import PATIENCE_S
from tests.gateway.alerts.ward import START, centre, pressed

LIMIT_S = PATIENCE_S


async def until(true: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    end = monotonic() + limit_s
    while not true():
        assert monotonic() < end, "waited in vain"
        await asyncio.sleep(0.002)


async def a_few_looks() -> None:
    """Long enough for the loop to do what it should not do."""
    await asyncio.sleep(0.05)


class WallClock:
    """A clock moved by hand whose wall time can be set, forward and back, as an administrator does."""

    def __init__(self) -> None:
        self.hand = ManualClock(START)
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return self.hand.now() + self.offset

    def move(self, seconds: float) -> None:
        self.hand.move(seconds)

    async def sleep(self, seconds: float) -> None:
        await self.hand.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        return await self.hand.wait(event, seconds)


class Night:
    """A daemon's writer and clockwork."""

    def __init__(self, path: Path, clock: Clock, writer: Writer, clockwork: Clockwork) -> None:
        self.path = path
        self.clock = clock
        self.writer = writer
        self.clockwork = clockwork
        self.db = reader(path)

    async def press(self, subject: str = "") -> int:
        incident = pressed(self.clock.now(), subject=subject)
        told = await self.writer.write(lambda tx: desk.raise_incident(tx, centre(), incident))
        return told.alert

    async def answer(self, answer: Answer, alert: int = 1) -> Alert:
        return await self.writer.write(lambda tx: desk.answer(tx, centre(), alert, answer, "nora", "page"))

    def alert(self, number: int = 1) -> Alert:
        return queries.alert(self.db, number)

    def carers(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT carer FROM notifications ORDER BY id")]


def press_elsewhere(path: Path, clock: Clock) -> int:
    """Another process (a command line tool) raises an alert."""
    incident = pressed(clock.now(), subject="elsewhere")
    return write_now(path, lambda tx: desk.raise_incident(tx, centre(), incident), clock=clock).alert


@asynccontextmanager
async def night(
    path: Path, clock: Clock, *, look_s: float = 0.01, index: Callable[[], CentreIndex] = centre
) -> AsyncIterator[Night]:
    if not path.exists():
        prepare(path)
    writer = Writer(path, clock=clock, synchronous="OFF", owner="boot")
    clockwork = Clockwork(writer=writer, index=index, path=path, clock=clock, look_s=look_s)
    tasks = [asyncio.create_task(writer.run()), asyncio.create_task(clockwork.run())]
    here = Night(path, clock, writer, clockwork)
    try:
        # the clockwork has looked once: what comes later is news to it
        await until(lambda: clockwork._data_version != -1)
        yield here
        assert not any(task.done() for task in tasks), "the clockwork or the writer stopped"
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        here.db.close()
