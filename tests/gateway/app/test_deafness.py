"""While the broker is gone, no device is told as silent; when it is back, each has its time again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.alerts import queries
from gateway.app import deafness, wakeups
from gateway.app.deafness import Deafness
from gateway.app.wakeups import RuleWakeups
from gateway.clock import ManualClock
from gateway.pipeline.pipeline import Pipeline
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Writer
from tests.brokers import until
from tests.gateway.pipeline.chain import DEMO, applied

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = 3600


class Lane:
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.connected, self.since = True, clock.now()

    def now_is(self, *, connected: bool) -> None:
        self.connected, self.since = connected, self._clock.now()

    def health(self) -> "Lane":
        return self


class Shell:
    def __init__(self, path: Path) -> None:
        prepare(path)
        self.clock = ManualClock(NOON)
        self.index = applied(path, DEMO, self.clock)
        self.db = reader(path)
        self.writer = Writer(path, clock=self.clock)
        self.pipeline = Pipeline(self.db, lambda: self.index)
        self.lane = Lane(self.clock)
        self.rounds = 0
        heard = asyncio.Event()
        heard.set()
        noting = Deafness(cast("Any", [Lane(self.clock), self.lane]), self.pipeline, self.writer, self.clock)
        self.wakeups = RuleWakeups(
            self.pipeline,
            self.writer,
            lambda: self.index,
            self.clock,
            backlog=cast("Any", SimpleNamespace(heard=heard.wait)),
            deafness=cast("Any", SimpleNamespace(note=lambda: self._note(noting))),
        )
        self.tasks = [asyncio.create_task(self.writer.run()), asyncio.create_task(self.wakeups.run())]

    async def _note(self, noting: Deafness) -> None:
        await noting.note()
        self.rounds += 1

    async def move(self, seconds: float, step: float = 60) -> None:
        """Time goes on in small steps, each seen by the wake-ups."""
        while seconds > 0:
            self.clock.move(min(step, seconds))
            seconds -= step
            seen = self.rounds
            await until(lambda seen=seen: self.rounds >= seen + 2)  # type: ignore[misc]

    def told(self) -> set[str | None]:
        return {alert.device for alert in queries.alerts(self.db, queries.Filter(rule="silent"))}


@pytest.fixture
async def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shell]:
    monkeypatch.setattr(wakeups, "_LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(deafness, "TELL_EVERY_S", 120.0)
    made = Shell(tmp_path / FILE)
    await until(lambda: made.rounds > 0)
    yield made
    for task in reversed(made.tasks):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    made.db.close()


async def test_without_a_broker_no_device_is_silent(shell: Shell) -> None:
    await shell.move(HOUR, step=600)
    shell.lane.now_is(connected=False)
    await shell.move(3 * HOUR, step=100)
    assert shell.told() == set()
    shell.lane.now_is(connected=True)
    await shell.move(0.9 * HOUR, step=300)
    assert shell.told() == set()  # 1.9 of the trackers' two hours
    await shell.move(0.4 * HOUR, step=300)
    assert shell.told(), "once it can be heard again, it has to speak within what was left"


async def test_with_a_broker_silence_is_told(shell: Shell) -> None:
    await shell.move(2.2 * HOUR, step=600)
    assert shell.told()


async def test_a_short_break_counts_for_nothing(shell: Shell) -> None:
    shell.lane.now_is(connected=False)
    await shell.move(deafness.DEAF_FROM_S - 1)
    before = [tuple(row) for row in shell.db.execute("SELECT * FROM rule_states")]
    shell.lane.now_is(connected=True)
    await shell.move(60)
    assert [tuple(row) for row in shell.db.execute("SELECT * FROM rule_states")] == before
