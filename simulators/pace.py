"""How fast simulated time runs. The only place of the simulators that reads a clock.

Simulated time starts at a given datetime and runs ``speed`` times as fast as real time. Radio things (repeating
an alarm, waiting for the broker) happen in real seconds at any speed: the network does not run faster.
"""

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta


def wall_now() -> datetime:
    """The machine's time, UTC-aware, rounded down to whole milliseconds; for a simulation that starts now."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def real_seconds() -> float:
    """Seconds of the monotonic clock: for measuring, never for stamping."""
    return time.monotonic()


async def real_sleep(seconds: float) -> None:
    """Wait real seconds, whatever the speed."""
    await asyncio.sleep(max(0.0, seconds))


class Pace:
    """Simulated time.

    Args:
        start: the first moment, UTC-aware.
        speed: simulated seconds in a real one; ``math.inf`` never waits, and time is then where the last
            waited-for event was.

    Raises:
        ValueError: speed is not above 0, or the start has no time zone.
    """

    def __init__(self, start: datetime, *, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed: {speed}: expected a number above 0")
        if start.tzinfo is None:
            raise ValueError(f"start: {start}: expected a time with a time zone")
        self.speed = speed
        self._start = start.astimezone(UTC)
        self._mono = time.monotonic()
        self._reached = self._start

    @property
    def start(self) -> datetime:
        """The first moment, UTC."""
        return self._start

    def now(self) -> datetime:
        """Simulated time now, UTC."""
        if math.isinf(self.speed):
            return self._reached
        return self._start + timedelta(seconds=(time.monotonic() - self._mono) * self.speed)

    async def until(self, at: datetime) -> None:
        """Wait until simulated time has come to ``at``; other tasks always get a turn, even when it is past."""
        if math.isinf(self.speed):
            self._reached = max(self._reached, at)
            await asyncio.sleep(0)
            return
        await asyncio.sleep(max(0.0, (at - self.now()).total_seconds()) / self.speed)

    async def wait(self, seconds: float) -> None:
        """Wait simulated seconds from now."""
        await self.until(self.now() + timedelta(seconds=seconds))
