"""Telling the rules the time: at their own deadlines, at start, and when the centre or an assignment changes."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.app.backlog import Backlog
from gateway.app.deafness import Deafness
from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.pipeline.pipeline import Pipeline
from gateway.store.writer import Writer

_CHUNK = 200
"""Residents in one transaction when everybody is told the time: keeps the loop free for alarms in between."""

STEP_BACK = timedelta(seconds=1)
"""A clock that is earlier by more than this than at the last look was set back."""

_LOOK_EVERY_S = 0.5
"""Real seconds between looks at the deadlines. A rule's deadline is minutes away and set by readings that come in
between; half a second late is soon enough, and a step of the wall clock is noticed as quickly."""


class RuleWakeups:
    """Runs the rules' deadlines; they are in the rules' stored states, so a restart loses none."""

    def __init__(
        self,
        pipeline: Pipeline,
        writer: Writer,
        index: Callable[[], CentreIndex],
        clock: Clock,
        *,
        backlog: Backlog,
        deafness: Deafness | None = None,
        speed: float = 1.0,
    ) -> None:
        self._deafness = deafness
        self._backlog = backlog
        self._pipeline = pipeline
        self._writer = writer
        self._index = index
        self._clock = clock
        self._look_every_s = _LOOK_EVERY_S / max(1.0, speed)
        self._assignments_change_at: datetime | None = None
        self._seen_at: datetime | None = None
        self.looks = 0
        """How often the deadlines were looked at, for whoever waits for that."""

    async def everybody(self, but: Callable[[str], bool] | None = None) -> None:
        """Tell every resident's rules the time: states begin, and deadlines that passed while we were away fire.

        Args:
            but: says of whom nothing has changed.
        """
        residents = [one for one in self._index().judged if but is None or not but(one)]
        for start in range(0, len(residents), _CHUNK):
            chunk = residents[start : start + _CHUNK]
            await self._writer.write(lambda tx, chunk=chunk: self._pipeline.tick(tx, chunk))  # type: ignore[misc]
        self._assignments_change_at = self._index().next_change_at(self._clock.now())

    async def changed(self, old: CentreIndex) -> None:
        """A new centre is in force: settle what only the old one had rules for, then begin what is new."""
        await self._writer.write(lambda tx: self._pipeline.replan(tx, old), urgent=True)
        index, now = self._index(), self._clock.now()
        if self._assignments_change_at is not None and self._assignments_change_at <= now:
            await self.everybody()  # devices changed hands since the last look: that is still to be told
        else:
            await self.everybody(but=lambda one: index.same_rules(old, one, now))

    async def run(self) -> None:
        """Until cancelled. Begins when what the broker had kept for us is heard.

        "Back in bed" may wait in the broker: telling the time first would raise an alarm that is long over.
        """
        await self._backlog.heard()
        await asyncio.to_thread(self._index().warm, self._clock.now())
        await self._writer.write(self._pipeline.replan_after_start, urgent=True)
        await self.everybody()
        while True:
            await asyncio.sleep(self._look_every_s)
            if self._deafness is not None:
                await self._deafness.note()
            now = self._clock.now()
            if self._seen_at is not None and self._seen_at - now > STEP_BACK:
                await self._writer.write(self._pipeline.clock_set_back, urgent=True)
            self._seen_at = now
            self.looks += 1
            if self._assignments_change_at is not None and self._assignments_change_at <= now:
                await self.everybody()
            due = self._pipeline.next_wake()
            if due is not None and due <= now:
                await self._writer.write(self._pipeline.tick)
