"""The clockwork of the alerts: takes the due steps, whatever happened to the clock or to the process meanwhile."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from gateway.alerts import desk, shelving
from gateway.alerts.model import Times
from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.clockwork.loop import LOOK_S, DeadlineLoop
from gateway.store.database import reader
from gateway.store.writer import Tx, Writer

_LOG = structlog.get_logger(__name__)

STEP_BACK = timedelta(seconds=1)
"""A clock that shows less than before by more than this was set back; less is how time servers correct it."""


BATCH = 100
"""Alerts in one transaction: some 25 ms of the event loop, so that after a long downtime a new alarm need not wait."""


class Clockwork:
    """Escalates what is due, and notices what other processes did to the alerts.

    Deadlines are in the database, so a restart loses none: what fell due meanwhile takes one step at once. It is woken
    after every commit of this daemon that changed an alert, and looks by itself every second of real time.

    When the wall clock is set forward, deadlines pass early: somebody is told too soon rather than too late. When it is
    set back, while running or while the daemon was down, every deadline is moved back by the same amount, so that no
    wait gets longer than by the second between two looks (after a downtime: by the age of the newest row).

    Args:
        writer: the daemon's writer; ``run()`` of it must be running.
        index: gives the centre as it is now.
        path: the database file, for a reading connection of its own.
        clock: whose time the deadlines are in.
        times: how long to wait for what.
        look_s: how often it looks by itself, in seconds of real time.
    """

    def __init__(
        self,
        *,
        writer: Writer,
        index: Callable[[], CentreIndex],
        path: Path,
        clock: Clock,
        times: Times = desk.DEFAULT_TIMES,
        look_s: float = LOOK_S,
    ) -> None:
        self._writer = writer
        self._index = index
        self._path = path
        self._clock = clock
        self._times = times
        self._loop = DeadlineLoop("alerts", clock=clock, next_due=self._next_due, run_due=self._run_due, look_s=look_s)
        self._db: sqlite3.Connection | None = None
        self._seen_at: datetime | None = None
        self._set_back = timedelta(0)
        self._data_version = -1
        self._last_event = 0
        self._last_change = 0
        self.steps = 0
        """Escalation steps taken since start, for metrics."""

    def nudge(self) -> None:
        """Look now."""
        self._loop.nudge()

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            StoreError: there is no database at ``path``.
            ExceptionGroup: with the StoreFailedError, or what failed again and again; the daemon must restart.
        """
        self._db = reader(self._path)
        try:
            self._start(self._db)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._loop.run(), name="clockwork")
                tasks.create_task(self._nudge_on_changes(), name="clockwork-nudge")
        finally:
            self._db.close()
            self._db = None

    def _start(self, db: sqlite3.Connection) -> None:
        latest, now = desk.latest_time(db), self._clock.now()
        if latest is not None and latest - now > STEP_BACK:
            self._set_back = latest - now
        self._seen_at = now
        self._last_event = _last_event(db)
        self._last_change = self._writer.changes.number

    async def _nudge_on_changes(self) -> None:
        number = self._writer.changes.number
        while True:
            number = await self._writer.changes.after(number)
            self._loop.nudge()

    def _next_due(self) -> datetime | None:
        assert self._db is not None, "asked only while running"
        now = self._clock.now()
        if self._seen_at is not None and self._seen_at - now > STEP_BACK:
            self._set_back += self._seen_at - now
        self._seen_at = now
        self._notice_others(self._db)
        return now if self._set_back else self._earliest(self._db)

    def _notice_others(self, db: sqlite3.Connection) -> None:
        """Wake the boards when another process (the command line) changed an alert."""
        version = int(db.execute("PRAGMA data_version").fetchone()[0])
        if version == self._data_version:
            return
        self._data_version = version
        event, change = _last_event(db), self._writer.changes.number
        if event != self._last_event and change == self._last_change:
            self._writer.changes.bump()
        self._last_event, self._last_change = event, self._writer.changes.number

    async def _run_due(self) -> None:
        back = self._set_back
        while True:
            stepped = await self._writer.write(partial(self._work, back=back), urgent=True)
            self._set_back -= back
            back = timedelta(0)
            self.steps += len(stepped)
            for alert in stepped:
                _LOG.info("alert.stepped", alert=alert)
            if not stepped or not self._is_more_due():
                return

    def _is_more_due(self) -> bool:
        assert self._db is not None, "asked only while running"
        due = self._earliest(self._db)
        return due is not None and due <= self._clock.now()

    @staticmethod
    def _earliest(db: sqlite3.Connection) -> datetime | None:
        """When the first alert's deadline passes, or the first shelf ends."""
        return min((due for due in (desk.next_due(db), shelving.next_end(db)) if due is not None), default=None)

    def _work(self, tx: Tx, *, back: timedelta) -> list[int]:
        if back:
            _LOG.warning("clock.set_back", seconds=back.total_seconds())
            desk.set_back(tx, back)
        for shelf in shelving.end_due(tx, self._index()):
            _LOG.info("rule.unshelved", shelf=shelf)
        return desk.escalate_due(tx, self._index(), times=self._times, limit=BATCH)


def _last_event(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT max(seq) FROM alert_events").fetchone()
    return int(row[0] or 0)
