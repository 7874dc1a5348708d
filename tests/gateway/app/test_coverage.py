"""The daily look in the daemon: when it is due, and that a missed one is made up for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from gateway.alerts import queries
from gateway.app.coverage import CoverageWatch
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock
from gateway.coverage import alarm
from gateway.coverage.alarm import Said
from gateway.settings.duty import Coverage
from gateway.store import rotas, shift_ends
from gateway.store.database import prepare, reader
from gateway.store.rotas import Span
from gateway.store.writer import Writer
from tests.brokers import PATIENCE_S
from tests.gateway.centre.roster import house

MONDAY_NIGHT = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
FRIDAY = Span(datetime(2026, 3, 6, 6, 0, tzinfo=UTC), datetime(2026, 3, 6, 12, 0, tzinfo=UTC))
SOON = Span(MONDAY_NIGHT + timedelta(hours=8), MONDAY_NIGHT + timedelta(hours=9))


class Desk:
    def __init__(self, path: Path) -> None:
        prepare(path)
        self.path = path
        self.clock = ManualClock(MONDAY_NIGHT)
        self.index = CentreIndex(house())
        self.writer = Writer(path, clock=self.clock, synchronous="OFF")
        self.watch = self.anew()
        self.db = reader(path)

    def anew(self) -> CoverageWatch:
        return CoverageWatch(
            writer=self.writer,
            index=lambda: self.index,
            clock=self.clock,
            path=self.path,
            settings=Coverage(at=time(9, 30)),
        )

    async def without_nora(self, span: Span) -> None:
        await self.writer.write(
            lambda tx: rotas.override(tx, self.index, role="nurse", span=span, leaves="nora", why="x", who="sam")
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "gateway.db")
    writing = asyncio.create_task(made.writer.run())
    yield made
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    made.db.close()


async def test_at_its_time_of_the_day_on_the_wall(desk: Desk) -> None:
    await desk.without_nora(FRIDAY)
    assert await desk.watch.look() is Said.NOTHING
    desk.clock.move_to(datetime(2026, 3, 2, 8, 29, 59, tzinfo=UTC))
    assert await desk.watch.look() is Said.NOTHING
    desk.clock.move(1)
    assert await desk.watch.look() is Said.TOLD
    assert await desk.watch.look() is None
    desk.clock.move(23 * 3600)
    assert await desk.watch.look() is Said.NOTHING
    desk.clock.move(3600)
    assert await desk.watch.look() is Said.TOLD
    assert len(queries.open_alerts(desk.db)) == 1


async def test_what_is_near_is_told_in_the_night_as_soon_as_it_is_made(desk: Desk) -> None:
    assert await desk.watch.look() is Said.NOTHING
    assert await desk.watch.look() is None
    await desk.without_nora(SOON)
    assert await desk.watch.look() is Said.TOLD
    change = rotas.changes(desk.db)[0].id
    await desk.writer.write(lambda tx: shift_ends.take_back(tx, change, who="sam"))
    assert await desk.watch.look() is Said.CLEARED


async def test_a_new_centre_is_looked_at_at_once(desk: Desk) -> None:
    assert await desk.watch.look() is Said.NOTHING
    weekly = [{"days": "tue-sun", "from": "00:00", "to": "00:00", "carers": ["nora"]}]
    desk.index = CentreIndex(house(shifts=[{"id": "nurse", "weekly": weekly}]))
    assert await desk.watch.look() is Said.TOLD


async def test_a_look_that_was_missed_is_made_up_for_after_a_restart(desk: Desk) -> None:
    await desk.without_nora(FRIDAY)
    await desk.watch.look()
    desk.clock.move_to(datetime(2026, 3, 2, 8, 30, tzinfo=UTC))
    await desk.watch.look()
    first = alarm.last_daily(desk.db)
    assert first == desk.clock.now()
    desk.clock.move(20 * 3600)
    desk.watch = desk.anew()
    await desk.watch.look()
    assert alarm.last_daily(desk.db) == first
    desk.clock.move(20 * 3600)  # past the next morning
    desk.watch = desk.anew()
    assert await desk.watch.look() is Said.TOLD
    assert alarm.last_daily(desk.db) == desk.clock.now()


async def test_days_that_can_not_be_walked_end_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    async def look() -> None:
        said.append("looked")
        raise TypeError("a mistake of ours")

    monkeypatch.setattr(desk.watch, "look", look)
    monkeypatch.setattr(desk.watch, "_look_every_s", 0.01)
    watching = asyncio.create_task(desk.watch.run())
    async with asyncio.timeout(PATIENCE_S):
        while len(said) < 3:
            await asyncio.sleep(0.01)
    assert not watching.done()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
