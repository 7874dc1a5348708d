"""When a lane sends one at a time, and when it adds workers."""

import asyncio

from gateway.notify.lanes import Lane


async def most_at_once(count: int, takes_s: float, *, patience_s: float = 0.02) -> int:
    at_work = most = done = 0
    told = [1]

    async def send(_: int) -> None:
        nonlocal at_work, most, done
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(takes_s)
        at_work -= 1
        done += 1

    async with asyncio.TaskGroup() as tasks:
        lane = Lane(send, start=tasks.create_task, most_workers=4, patience_s=patience_s, on_more=told.append)
        for number in range(count):
            lane.put(number)
    assert done == count
    assert (lane.workers, lane.waiting) == (0, 0)
    assert max(told) >= most, "each further worker is told of"
    return most


async def test_a_backlog_at_a_quick_server_is_sent_one_at_a_time() -> None:
    assert await most_at_once(600, 0.0005, patience_s=0.25) == 1


async def test_a_slow_server_gets_more_workers_but_not_more_than_allowed() -> None:
    assert await most_at_once(40, 0.06) == 4


async def test_a_long_queue_gets_more_workers_though_each_send_is_quick() -> None:
    assert await most_at_once(600, 0.01) > 1


async def test_two_quick_ones_share_one_worker() -> None:
    assert await most_at_once(2, 0.001, patience_s=1) == 1
