"""Which centre is in force: the newest applied version, taken up without a restart."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from gateway.centre.gone import Gone
from gateway.centre.index import CentreIndex
from gateway.clock import Clock, SystemClock
from gateway.errors import CentreError, StoreError
from gateway.store import centres, gone
from gateway.store.centres import CentreVersion, Stored

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
"""Real seconds between looks for a version that another process applied."""


class CentreKeeper:
    """Holds the index of the centre in force; ``run()`` swaps it when a newer version was applied.

    ``on_change`` is awaited after each swap, with the index before it (the rules of everybody are looked at anew).
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        on_change: Callable[[CentreIndex], Awaitable[None]] | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        found = centres.latest(db)
        if found is None:
            raise StoreError("No care centre was applied yet: run `telecare centre apply FILE --config gateway.toml`.")
        self._db = db
        self._index = CentreIndex(found.centre, gone=gone.people(db))
        self._tried = found.version
        self.version = found.version
        self.on_change = on_change
        self._clock = clock or SystemClock()

    def index(self) -> CentreIndex:
        """The centre as it is now."""
        return self._index

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Take up a newer version if there is one; one that can't be used leaves the old one in force."""
        number = centres.latest_number(self._db)
        if number == self._tried:
            return
        self._tried = number
        stored = centres.stored_at(self._db, number)
        if stored is None:
            return
        try:
            # In a thread: a house of thousands takes a while to read, and alarms don't wait for that.
            found, index = await asyncio.to_thread(_read, stored, self._index, gone.people(self._db), self._clock.now())
        except CentreError as error:
            _LOG.error("centre.refused", version=number, problems=len(error.problems))
            return
        old, self._index = self._index, index
        self.version = found.version
        _LOG.info("centre.taken_up", version=found.version)
        if self.on_change:
            await self.on_change(old)


def _read(stored: Stored, before: CentreIndex, left: Gone, at: datetime) -> tuple[CentreVersion, CentreIndex]:
    found = centres.read(stored)
    index = CentreIndex(found.centre, before, gone=left)
    index.warm(at)
    return found, index
