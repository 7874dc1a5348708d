"""A lane: what waits for one server of one channel. Lanes know nothing of each other, so a stuck one delays no other.

A lane sends one at a time, and the next one only after the result is on disk: so a crash leaves one notification in
doubt, not a handful. Only when somebody has waited for longer than PATIENCE_S, and the server is slow or the queue
long, does it add a worker, and another one after that long again, up to the channel's maximum: being told late is
worse than being told twice.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Generic, TypeVar

from gateway.clock import monotonic

T = TypeVar("T")

PATIENCE_S = 0.5
"""How long the first in the queue waits, and how long a send takes, before the lane adds a worker. A local server takes
1 to 20 ms a message, one far away 50 to 300 ms (docs/adr/0006-delivery.md). On a machine that has just started and
catches up with 1,000 messages, the same local server was seen to take 240 ms: that must not look like a slow one."""

LONGEST_QUEUE_S = 5.0
"""A queue that takes longer than this at the present pace is long: some 50 alerts at once through one server that is
far away. Only a storm gets there, and in a storm a crash may repeat more than one message."""

YIELD_S = 30.0
"""What stands in for messages that have only not had their turn lets those go first which come up to so long after it;
in a storm that never ends it has its turn all the same."""


class Lane(Generic[T]):
    """A queue with one worker, or more when it is too slow.

    Args:
        send: sends one and records the result; must not raise for what a provider does.
        start: starts a worker task (a TaskGroup's ``create_task``).
        most_workers: how many may send at the same time.
        patience_s: real seconds that the first in the queue waits before a worker is added.
        on_more: called with the number of workers whenever one more than the first is added.
    """

    def __init__(
        self,
        send: Callable[[T], Awaitable[None]],
        *,
        start: Callable[[Coroutine[object, object, None]], object],
        most_workers: int,
        patience_s: float = PATIENCE_S,
        on_more: Callable[[int], None] | None = None,
    ) -> None:
        self._send = send
        self._start = start
        self._most = most_workers
        self._patience_s = patience_s
        self._on_more = on_more
        self._queue: deque[tuple[float, T]] = deque()
        self._yielding: deque[tuple[float, T]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._begun: dict[int, float] = {}
        self._pace_s = 0.0
        self.workers = 0
        """How many are at work now."""

    @property
    def waiting(self) -> int:
        """How many wait for a worker."""
        return len(self._queue) + len(self._yielding)

    def put(self, item: T, *, yields: bool = False) -> None:
        """Send it when its turn comes. ``yields``: what comes up to YIELD_S later goes before it."""
        (self._yielding if yields else self._queue).append((monotonic(), item))
        if self.workers == 0:
            self._add_worker()
        else:
            self._watch()

    def stop(self) -> None:
        """Send nothing more; what is being sent is finished."""
        self._queue.clear()
        self._yielding.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _add_worker(self) -> None:
        self.workers += 1
        self._start(self._work())

    async def _work(self) -> None:
        worker = id(asyncio.current_task())
        try:
            while self.waiting:
                _, item = self._next().popleft()
                begun = self._begun[worker] = monotonic()
                await self._send(item)
                # Half of it is the last send, a quarter the one before: a server that slows down is noticed at once.
                self._pace_s = (self._pace_s + monotonic() - begun) / 2
        finally:
            self._begun.pop(worker, None)
            self.workers -= 1

    def _next(self) -> deque[tuple[float, T]]:
        """The queue whose first one is next; one of the two is not empty."""
        if not self._queue:
            return self._yielding
        if self._yielding and self._yielding[0][0] + YIELD_S <= self._queue[0][0]:
            return self._yielding
        return self._queue

    def _watch(self) -> None:
        """Look again when the first in the queue will have waited too long."""
        if self._timer is None and self.waiting and self.workers < self._most:
            wait = self._patience_s - (monotonic() - self._next()[0][0])
            self._timer = asyncio.get_running_loop().call_later(max(wait, self._patience_s / 4), self._look)

    def _look(self) -> None:
        self._timer = None
        if not self.waiting:
            return
        waited = monotonic() - self._next()[0][0] >= self._patience_s
        if waited and self.workers < self._most and self._is_behind():
            self._add_worker()
            if self._on_more is not None:
                self._on_more(self.workers)
        self._watch()

    def _is_behind(self) -> bool:
        """Whether another worker is worth the further notification that a crash would leave in doubt."""
        now = monotonic()
        slow = all(now - begun >= self._patience_s for begun in self._begun.values())
        return slow or self.waiting * self._pace_s / self.workers > LONGEST_QUEUE_S
