import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from gateway.clock import Clock, ManualClock, SystemClock
from gateway.clockwork import loop as loop_module
from gateway.clockwork.loop import PATIENCE, DeadlineLoop
from gateway.errors import StoreFailedError
from tests.gateway.alerts.ward import START
from tests.gateway.clockwork.night import a_few_looks, until


class Bell:
    """Rings at its deadlines."""

    def __init__(self, clock: Clock, *deadlines: datetime) -> None:
        self.clock = clock
        self.deadlines = sorted(deadlines)
        self.rung: list[datetime] = []
        self.looks = 0
        self.failing: Exception | None = None

    def next_due(self) -> datetime | None:
        self.looks += 1
        return self.deadlines[0] if self.deadlines else None

    async def run_due(self) -> None:
        if self.failing:
            raise self.failing
        now = self.clock.now()
        self.rung += [at for at in self.deadlines if at <= now]
        self.deadlines = [at for at in self.deadlines if at > now]


@asynccontextmanager
async def running(
    bell: Bell, *, look_s: float = 60.0, run_due: Callable[[], Awaitable[object]] | None = None
) -> AsyncIterator[tuple[DeadlineLoop, "asyncio.Task[None]"]]:
    loop = DeadlineLoop(
        "bell", clock=bell.clock, next_due=bell.next_due, run_due=run_due or bell.run_due, look_s=look_s
    )
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(0)
    try:
        yield loop, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


async def test_it_does_what_is_due_when_it_is_due() -> None:
    clock = ManualClock(START)
    bell = Bell(clock, after(10), after(20))
    async with running(bell):
        clock.move(9)
        await a_few_looks()
        assert bell.rung == []
        clock.move(1)
        await until(lambda: bell.rung == [after(10)])
        clock.move(10)
        await until(lambda: bell.rung == [after(10), after(20)])


async def test_what_was_due_before_the_start_is_done_at_once() -> None:
    bell = Bell(ManualClock(START), after(-3600))
    async with running(bell):
        await until(lambda: bell.rung == [after(-3600)])


async def test_a_nudge_makes_it_look_for_an_earlier_deadline() -> None:
    clock = ManualClock(START)
    bell = Bell(clock)
    async with running(bell) as (loop, _):
        await a_few_looks()
        bell.deadlines = [after(0)]
        await a_few_looks()
        assert bell.rung == []
        loop.nudge()
        await until(lambda: bell.rung == [after(0)])


async def test_without_a_nudge_it_looks_by_itself() -> None:
    bell = Bell(ManualClock(START))
    async with running(bell, look_s=0.01):
        await a_few_looks()
        bell.deadlines = [after(0)]
        await until(lambda: bell.rung == [after(0)])


async def test_it_sleeps_while_there_is_nothing_to_do() -> None:
    bell = Bell(ManualClock(START), after(10))
    async with running(bell):
        await a_few_looks()
        assert bell.looks == 1


async def test_a_fast_clock_is_followed() -> None:
    clock = SystemClock(speed=1000, start=START)
    bell = Bell(clock, after(60))
    async with running(bell):
        await until(lambda: bell.rung == [after(60)], limit_s=30.0)  # half of what it takes by our clock


async def test_a_failure_is_tried_again_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "PAUSE_S", 0.02)
    bell = Bell(ManualClock(START), after(0))
    bell.failing = RuntimeError("boom")
    async with running(bell) as (loop, task):
        await asyncio.sleep(0.05)
        loop.nudge()  # a nudge does not shorten the pause
        assert bell.looks <= 3
        bell.failing = None
        await until(lambda: bell.rung == [after(0)])
        assert not task.done()


async def test_work_that_leaves_its_deadline_behind_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "PAUSE_S", 0.02)
    bell = Bell(ManualClock(START), after(0))

    async def nothing() -> None:
        return

    async with running(bell, run_due=nothing):
        await asyncio.sleep(0.05)
        assert bell.looks <= 6


async def test_it_gives_up_when_failing_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "PAUSE_S", 0.0001)
    bell = Bell(ManualClock(START), after(0))
    bell.failing = RuntimeError("boom")
    with capture_logs() as logs:
        async with running(bell) as (_, task):
            await until(task.done)
            assert task.exception() is bell.failing
    assert bell.looks == PATIENCE
    assert [(line["event"], line["failures"]) for line in logs][-1] == ("deadlines.failed", PATIENCE)


async def test_a_failed_store_ends_it_at_once() -> None:
    bell = Bell(ManualClock(START), after(0))
    bell.failing = StoreFailedError("The disk is gone.")
    async with running(bell) as (_, task):
        await until(task.done)
        assert task.exception() is bell.failing
        assert bell.looks == 1
