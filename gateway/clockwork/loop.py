"""DeadlineLoop: sleep until something is due, do it, sleep again. One task, any kind of deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from gateway.clock import Clock
from gateway.errors import StoreFailedError

_LOG = structlog.get_logger(__name__)

LOOK_S = 1.0
"""It looks again this often at the latest, in real time: another process may have set a deadline, or the clock."""

PAUSE_S = 0.5
"""After a failure it waits this long, doubled with each further one, so that it never spins."""

LONGEST_PAUSE_S = 5.0

PATIENCE = 10
"""Failures in a row until it gives up and lets the daemon restart: some 40 s, and each was logged."""


class DeadlineLoop:
    """Runs ``run_due`` whenever ``next_due`` says that it is time.

    Waits are durations of the given clock, which come from the monotonic clock: a step of the wall clock never makes a
    sleep longer, and because ``next_due`` is asked again every LOOK_S, a step forward is noticed within a second.

    Args:
        name: for the log.
        clock: whose time the deadlines are in.
        next_due: when the next deadline is (UTC-aware; the past means at once); None: there is none. Quick, no waiting.
        run_due: does everything that is due by now. A failure is logged and tried again after a pause.
        look_s: as LOOK_S, in seconds of real time.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        next_due: Callable[[], datetime | None],
        run_due: Callable[[], Awaitable[object]],
        look_s: float = LOOK_S,
    ) -> None:
        self._name = name
        self._clock = clock
        self._next_due = next_due
        self._run_due = run_due
        self._look_s = look_s
        self._nudged = asyncio.Event()
        self._failures = 0

    def nudge(self) -> None:
        """A deadline may have changed: look now. Cheap; may be called at any time from the event loop."""
        self._nudged.set()

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            StoreFailedError: the database failed; the daemon must restart.
            Exception: what failed PATIENCE times in a row.
        """
        while True:
            # Cleared before looking: a nudge that comes after the look is not lost.
            self._nudged.clear()
            try:
                seconds = await self._step()
            except StoreFailedError:
                raise
            except Exception as error:  # noqa: BLE001 - logged, tried again, and raised in the end
                await self._after_failure(error)
            else:
                self._failures = 0
                if seconds != 0.0:
                    await self._wait(seconds)

    async def _step(self) -> float | None:
        """Do what is due; returns how long to wait (None: nothing is due; 0: look again at once)."""
        due = self._next_due()
        if due is None:
            return None
        seconds = (due - self._clock.now()).total_seconds()
        if seconds > 0:
            return seconds
        await self._run_due()
        if self._next_due() == due:
            raise RuntimeError(f"{self._name}: what was due at {due.isoformat()} is still due after it was done.")
        return 0.0

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(self._look_s):
                await self._clock.wait(self._nudged, seconds)
        except TimeoutError:
            return

    async def _after_failure(self, error: Exception) -> None:
        self._failures += 1
        _LOG.error("deadlines.failed", loop=self._name, failures=self._failures, exc_info=error)
        if self._failures >= PATIENCE:
            raise error
        # Real time on purpose: a clock that runs fast, or is moved by hand, must not turn this into a spin.
        await asyncio.sleep(min(PAUSE_S * 2 ** (self._failures - 1), LONGEST_PAUSE_S))
