"""Waiting on a clock."""

import asyncio

import pytest

from gateway.clock import SystemClock

MANY_TURNS = 6
"""Turns of the event loop within which a waiter has surely heard of its event."""


async def test_an_event_is_heard_and_its_absence_ends() -> None:
    clock, event = SystemClock(speed=1000), asyncio.Event()
    assert await clock.wait(event, 1) is False
    event.set()
    assert await clock.wait(event, 0) is True
    assert await clock.wait(event, None) is True


@pytest.mark.parametrize("turns", range(MANY_TURNS))
async def test_a_cancellation_that_comes_with_the_event_is_heard(turns: int) -> None:
    """The daemon ends while something is nudged: who overhears it would keep the daemon from its end."""
    event, overheard = asyncio.Event(), False

    async def work() -> None:
        nonlocal overheard
        await SystemClock().wait(event, 3600)
        await asyncio.sleep(0)
        overheard = asyncio.current_task().cancelling() > 0  # type: ignore[union-attr]

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not overheard
