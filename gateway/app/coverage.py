"""The look at the coming days, in the daemon: every day at a set time, every hour, and when the plan has changed."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.coverage import alarm
from gateway.coverage.model import Report
from gateway.coverage.report import look_ahead
from gateway.errors import StoreFailedError
from gateway.settings.duty import Coverage
from gateway.store import rotas
from gateway.store.database import reader
from gateway.store.writer import Writer
from rules.night import instant

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 10.0
"""Real seconds between two looks whether a look is due: so soon after a swap the alert about its gap is cleared."""

AT_LEAST_EVERY: Final = timedelta(hours=1)
"""Time goes on: what was far away comes near."""


class CoverageWatch:
    """Walks the coming days; ``run()`` until cancelled."""

    def __init__(
        self,
        *,
        writer: Writer,
        index: Callable[[], CentreIndex],
        clock: Clock,
        path: Path,
        settings: Coverage,
        channels: Collection[str] | None = None,
        speed: float = 1.0,
    ) -> None:
        self._writer = writer
        self._index = index
        self._clock = clock
        self._path = path
        self._settings = settings
        self._channels = channels
        self._look_every_s = LOOK_EVERY_S / max(1.0, speed)
        self._last: tuple[CentreIndex, object, datetime] | None = None
        self._daily_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled. That the coming days can't be walked is told in the log, and ends nothing else.

        Raises:
            StoreFailedError: what was found could not be stored.
        """
        while True:
            try:
                await self.look()
            except StoreFailedError:
                raise
            except Exception as error:  # noqa: BLE001 - alarms go on, whatever is wrong with next week
                _LOG.critical("coverage.failed", error=type(error).__name__, exc_info=error)
            await asyncio.sleep(self._look_every_s)

    async def look(self) -> alarm.Said | None:
        """Walk the coming days if that is due; None: it is not."""
        index, now = self._index(), self._clock.now()
        stand = await asyncio.to_thread(self._stand, index)
        if self._daily_at is None:
            self._daily_at = await asyncio.to_thread(self._next_daily, index, now)
        daily = now >= self._daily_at
        if not daily and self._last is not None:
            seen, seen_stand, at = self._last
            if seen is index and seen_stand == stand and timedelta(0) <= now - at < AT_LEAST_EVERY:
                return None
        report = await asyncio.to_thread(self._report, index, now)
        said = await self._writer.write(partial(alarm.tell, index=index, report=report, daily=daily))
        _LOG.info("coverage.checked", findings=len(report.findings), gaps=len(report.serious), said=said.value)
        self._last = (index, stand, now)
        if daily:
            self._daily_at = _next(now, self._settings, index)
        return said

    def _report(self, index: CentreIndex, now: datetime) -> Report:
        with closing(reader(self._path)) as db:
            return look_ahead(
                db,
                index,
                now,
                days=self._settings.days,
                channels=self._channels,
                tested_days=self._settings.tested_days,
            )

    def _stand(self, index: CentreIndex) -> object:
        """What changes when somebody changed a shift, or another calendar was fetched."""
        with closing(reader(self._path)) as db:
            return (
                [change.id for change in rotas.changes(db, begin=self._clock.now())],
                {shift: hash(text) for shift, text in rotas.texts_of(db, index).items()},
            )

    def _next_daily(self, index: CentreIndex, now: datetime) -> datetime:
        """When the daily look is due: at once when the last one was missed while the gateway was away."""
        with closing(reader(self._path)) as db:
            last = alarm.last_daily(db)
        return _next(now if last is None or last > now else last, self._settings, index)


def _next(after: datetime, settings: Coverage, index: CentreIndex) -> datetime:
    day = after.astimezone(index.timezone).date()
    while True:
        at = instant(datetime.combine(day, settings.at), index.timezone)
        if at > after:
            return at
        day += timedelta(days=1)
