"""A messaging provider that can be healthy, slow, failing or hanging: what a gateway's outbox must live through."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum

from simulators.pace import real_sleep
from simulators.receiver import Request, Response, receiving

DRIPS = 3600
DRIP_REAL_S = 1.0
"""An hour until such an answer is complete: nobody should wait for it."""


class Mood(StrEnum):
    """How the provider is."""

    HEALTHY = "healthy"
    """Takes the message (200)."""
    SLOW = "slow"
    """Takes the message, after ``slow_real_s``."""
    FAILING = "failing"
    """Says 503 with Retry-After: come again."""
    THROTTLING = "throttling"
    """Says 429 with Retry-After: too much, come again."""
    REFUSING = "refusing"
    """Says 410: never again to this address (Standard Webhooks)."""
    HANGING = "hanging"
    """Takes the connection and never answers; ends when the mood changes, then it takes the message."""
    DRIPPING = "dripping"
    """Takes the message and says so (200), but the body comes a byte a second."""
    LOSING_ANSWERS = "losing_answers"
    """Takes the message, but the answer is an error (502): the sender can't know, and will send it twice."""


class Provider:
    """Receives messages over HTTP, in a mood that may change at any time.

    ``taken`` are the requests that it took over, ``attempts`` all that came. Use ``async with provider.running()``.
    """

    def __init__(self, mood: Mood = Mood.HEALTHY, *, slow_real_s: float = 2.0, retry_after_s: int = 1) -> None:
        self._mood = mood
        self._changed = asyncio.Event()
        self._slow_real_s = slow_real_s
        self._retry_after_s = retry_after_s
        self.taken: list[Request] = []
        self.attempts: list[Request] = []
        self.url = ""

    @property
    def mood(self) -> Mood:
        """How it is now."""
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        self._mood = mood
        self._changed.set()
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Listen on a free port; gives the address to send to."""
        async with receiving(self.handle) as base:
            self.url = f"{base}/send"
            try:
                yield self.url
            finally:
                self.mood = Mood.HEALTHY  # lets go of whoever still hangs

    async def handle(self, request: Request) -> Response:
        """Answer as the mood is."""
        self.attempts.append(request)
        while self._mood is Mood.HANGING:
            await self._changed.wait()
        match self._mood:
            case Mood.FAILING | Mood.THROTTLING:
                status = 503 if self._mood is Mood.FAILING else 429
                return Response(status=status, headers={"retry-after": str(self._retry_after_s)})
            case Mood.DRIPPING:
                self.taken.append(request)
                return Response(status=200, body=b"." * DRIPS, drip_s=DRIP_REAL_S)
            case Mood.REFUSING:
                return Response(status=410)
            case Mood.LOSING_ANSWERS:
                self.taken.append(request)
                return Response(status=502)
            case Mood.SLOW:
                await real_sleep(self._slow_real_s)
        self.taken.append(request)
        return Response(status=200, body=b'{"id":"%d"}' % len(self.taken), headers={"content-type": "application/json"})
