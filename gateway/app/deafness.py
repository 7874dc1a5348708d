"""While there is no broker, nothing can be heard: that time is no device's silence.

The broker's absence is told by the watch, as one alert. Without this, every device would be told as silent besides. So
while a lane has no connection, and once more when it is back, the rules that count silence are told what time was
lost. In between at most ``TELL_EVERY_S`` pass, so a deadline comes that much too early at the most.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.clock import Clock
from gateway.ingest.health import SourceHealth
from gateway.pipeline.pipeline import Pipeline
from gateway.store.writer import Tx, Writer

DEAF_FROM_S = 5.0
"""A shorter break is no deafness: the broker keeps what comes meanwhile and hands it over."""

TELL_EVERY_S = 15.0
"""How often the rules are told while it lasts: every state that counts silence is written each time, some 20 ms for
1,000 residents."""


class HasHealth(Protocol):
    """A lane, as far as it is looked at here."""

    def health(self) -> SourceHealth:
        """Connected or not, and since when."""


class Deafness:
    """Looked at before the rules are told the time."""

    def __init__(self, sources: Sequence[HasHealth], pipeline: Pipeline, writer: Writer, clock: Clock) -> None:
        self._sources = sources
        self._pipeline = pipeline
        self._writer = writer
        self._clock = clock
        self._counted_to: datetime | None = None
        """The time that was lost is counted up to then; None: nothing is lost."""

    async def note(self) -> None:
        """Tell the rules what was lost since they were last told, if it is time."""
        now = self._clock.now()
        healths = [source.health() for source in self._sources]
        gone = [health.since for health in healths if not health.connected]
        if not gone and self._counted_to is None:
            return
        if self._counted_to is None:
            since = min(gone)
            if (now - since).total_seconds() < DEAF_FROM_S:
                return
        else:
            since = self._counted_to
            if gone and (now - since).total_seconds() < TELL_EVERY_S:
                return

        def lost(tx: Tx) -> datetime:
            self._pipeline.resumed(tx, since)
            return tx.now

        self._counted_to = await self._writer.write(lost)
        if not gone:
            self._counted_to = None
