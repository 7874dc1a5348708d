"""How slow this machine is just now, for the few tests whose limit is the promise itself.

A limit on a condition costs time only when it fails, so it is generous (``PATIENCE_S`` in tests/brokers.py). Where the
limit is what is promised ("within 5 seconds"), a generous one would show nothing, and a strict one fails on a machine
that does other work. So the same small piece of work is done again and again meanwhile: when it takes three times as
long as on a quiet machine, the promise may take three times as long too.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.clock import monotonic

QUIET_S = 0.010
"""What a piece of work takes on a quiet machine of the size that the figures in docs/promises.md are of."""

EVERY_S = 0.2
"""Pause between two pieces: the work itself is a twentieth of one core."""

_PIECE = b"\0" * 16_384
_TIMES = 380


def _piece() -> float:
    """Seconds that a piece of work takes now."""
    began = monotonic()
    for _ in range(_TIMES):
        hashlib.blake2b(_PIECE).digest()
    return monotonic() - began


def slowness_now() -> float:
    """The slowness of :class:`Pace`, of this moment: the middle of three pieces."""
    return max(1.0, sorted(_piece() for _ in range(3))[1] / QUIET_S)


class Pace:
    """The pieces of work done so far."""

    def __init__(self) -> None:
        self.pieces: list[float] = []

    @property
    def slowness(self) -> float:
        """1 for a quiet machine, 3 for one where everything takes three times as long; never below 1."""
        return max(1.0, sum(self.pieces) / len(self.pieces) / QUIET_S)

    def allows(self, promised_s: float) -> float:
        """Seconds that a promise may take on this machine, at this time."""
        return promised_s * self.slowness

    async def _measure(self) -> None:
        while True:
            self.pieces.append(await asyncio.to_thread(_piece))
            await asyncio.sleep(EVERY_S)


@asynccontextmanager
async def pace() -> AsyncIterator[Pace]:
    """Measure while the block runs; once before it, so that there is a figure in any case."""
    here = Pace()
    here.pieces.append(await asyncio.to_thread(_piece))
    measuring = asyncio.create_task(here._measure())
    try:
        yield here
    finally:
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)
