"""The daily run of the retention, in the daemon: small pieces with breaths between, so that no alarm waits."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.settings.retention import Retention
from gateway.store import compact, retention
from gateway.store.database import reader
from gateway.store.writer import Writer
from rules.night import instant

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 60.0
"""Real seconds between two looks whether the day's run is due."""

BREATH_S: Final = 0.02
"""Real seconds between two pieces: what waits is written in between."""


class RetentionRun:
    """Takes out what is too old, once a day; ``run()`` until cancelled."""

    def __init__(
        self,
        *,
        writer: Writer,
        index: Callable[[], CentreIndex],
        clock: Clock,
        path: Path,
        settings: Retention,
    ) -> None:
        self._writer = writer
        self._index = index
        self._clock = clock
        self._path = path
        self._settings = settings
        self._due_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> dict[str, int] | None:
        """Do the day's run if it is due; None: it is not."""
        now = self._clock.now()
        if self._due_at is None:
            last = await asyncio.to_thread(self._last)
            self._due_at = self._next(now if last is None or last > now else last)
        if now < self._due_at:
            return None
        removed = await self.purge()
        self._due_at = self._next(now)
        return removed

    async def purge(self) -> dict[str, int]:
        """Take out everything that is too old now; returns how many rows went, by kind."""
        removed: dict[str, int] = {}
        cuts = await asyncio.to_thread(self._cuts)
        for cut in cuts:
            gone, more = 0, True
            while more:
                piece = await self._writer.write(partial(retention.piece, cut=cut))
                gone, more = gone + piece.removed, piece.more
                await asyncio.sleep(BREATH_S)
            await self._writer.write(partial(retention.note_run, cut=cut, removed=gone))
            removed[cut.kind.value] = gone
        left = (await asyncio.to_thread(compact.empty_log, self._path)).left if any(removed.values()) else 0
        _LOG.info("retention.done", log_bytes=left, **removed)
        return removed

    def _cuts(self) -> list[retention.Cut]:
        with closing(reader(self._path)) as db:
            return retention.cuts(db, self._settings, self._clock.now())

    def _last(self) -> datetime | None:
        with closing(reader(self._path)) as db:
            return retention.last_at(db)

    def _next(self, after: datetime) -> datetime:
        """The first time later than ``after`` at which the run is due."""
        zone = self._index().timezone
        day = after.astimezone(zone).date()
        while (at := instant(datetime.combine(day, self._settings.at), zone)) <= after:
            day += timedelta(days=1)
        return at
