"""The only place that reads a clock.

All times are UTC-aware. The database keeps them as whole milliseconds since 1970 (``to_ms``, ``from_ms``);
everything that is stored and read again is rounded down to that.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00Z of a UTC-aware time, rounded down."""
    return (at - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The UTC-aware time of whole milliseconds since 1970-01-01T00:00Z."""
    return _EPOCH + timedelta(milliseconds=ms)


class Clock(Protocol):
    """Time as the gateway sees it."""

    def now(self) -> datetime:
        """Now, UTC-aware."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds of this clock's time."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait for the event, at most that long of this clock's time (None: for ever); True when it was set."""


class SystemClock:
    """The machine's clock; with ``speed`` above 1 its time runs that much faster (demo only).

    Durations come from the monotonic clock, so that a step of the wall clock neither delays nor hastens a wait.
    """

    def __init__(self, *, speed: float = 1.0, start: datetime | None = None) -> None:
        self._speed = speed
        self._start = start
        self._mono = time.monotonic()
        self._wall = time.time()

    def now(self) -> datetime:
        """Now, UTC-aware; follows the wall clock at speed 1."""
        if self._start is None and self._speed == 1.0:
            return datetime.now(UTC)
        base = self._start or datetime.fromtimestamp(self._wall, UTC)
        return base + timedelta(seconds=(time.monotonic() - self._mono) * self._speed)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait for the event, at most that long."""
        try:
            # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with the event, and who was
            # to end with the daemon would wait on for ever.
            async with asyncio.timeout(None if seconds is None else max(0.0, seconds) / self._speed):
                await event.wait()
        except TimeoutError:
            return False
        return True


class ManualClock:
    """A clock that only moves when told: for tests and for replay."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved: list[asyncio.Event] = []

    def now(self) -> datetime:
        """The time it was last moved to."""
        return self._now

    def move_to(self, at: datetime) -> None:
        """Move to a time; never backwards. Whoever waits on this clock looks again."""
        self._now = max(self._now, at)
        for event in self._moved:
            event.set()

    def move(self, seconds: float) -> None:
        """Move forward."""
        self.move_to(self._now + timedelta(seconds=seconds))

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved that far."""
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait for the event or until the clock was moved that far."""
        until = None if seconds is None else self._now + timedelta(seconds=seconds)
        moved = asyncio.Event()
        self._moved.append(moved)
        try:
            while not event.is_set():
                if until is not None and self._now >= until:
                    return False
                waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(moved.wait())]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in waits:
                        task.cancel()
                moved.clear()
            return True
        finally:
            self._moved.remove(moved)


def monotonic() -> float:
    """Seconds of the monotonic clock, for measuring durations and time-outs of the real world."""
    return time.monotonic()
