"""A nudge for whoever shows alerts: something changed, look again."""

import asyncio


class Changes:
    """Counts changes of the alerts; whoever waits is woken at the next one."""

    def __init__(self) -> None:
        self.number = 0
        """How many changes so far; compare it to know whether a picture is stale."""
        self._next = asyncio.Event()

    def bump(self) -> None:
        """Something changed."""
        self.number += 1
        done, self._next = self._next, asyncio.Event()
        done.set()

    async def after(self, number: int) -> int:
        """Wait until more than ``number`` changes have been; returns how many there are."""
        while self.number <= number:
            await self._next.wait()
        return self.number
