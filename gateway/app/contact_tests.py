"""The monthly test of every contact: one at a time, by day, and each with its record."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from gateway.alerts import contact_tests
from gateway.alerts.contact_tests import BY_GATEWAY, address_hash
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer
from gateway.clock import Clock, from_ms
from gateway.links import Links
from gateway.notify.channel import Channel
from gateway.notify.contact_test import try_contact
from gateway.settings.providers import ContactTests
from gateway.store.database import reader
from gateway.store.writer import Writer

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S = 600.0
"""How often it looks; at each look one contact is tested, so that no provider sees a storm of tests."""

NOT_TOO_SOON = timedelta(days=1)
"""A contact that was never tested gets its first test by itself a day after the centre file was applied: whoever sets
up a centre tests by hand, and nobody is surprised by messages on the first evening."""

AGAIN_AFTER_FAILURE = timedelta(days=1)
"""A test that failed is repeated on the next day, not only in the next month."""


class ContactTester:
    """Tests every contact again and again; see ContactTests in the settings.

    Args:
        options: how often, and at which hours of the centre's day.
        writer: the daemon's writer.
        channels: by their word in the centre file.
        index: gives the centre as it is now.
        links: makes the links to confirm with.
        clock: the gateway's clock.
        path: the database file.
    """

    def __init__(
        self,
        options: ContactTests,
        *,
        writer: Writer,
        channels: Mapping[str, Channel],
        index: Callable[[], CentreIndex],
        links: Links,
        clock: Clock,
        path: Path,
    ) -> None:
        self._options = options
        self._writer = writer
        self._channels = channels
        self._index = index
        self._links = links
        self._clock = clock
        self._path = path

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            StoreFailedError: a result could not be stored.
        """
        if self._options.every_days == 0:
            return
        db = reader(self._path)
        try:
            while True:
                await self._clock.wait(asyncio.Event(), LOOK_EVERY_S)
                await self.look(db)
        finally:
            db.close()

    async def look(self, db: sqlite3.Connection) -> bool:
        """Test the contact that has waited longest, if one is due and it is the time of day; True: one was tested."""
        index, now = self._index(), self._clock.now()
        hour = now.astimezone(index.timezone).hour
        if not self._options.from_hour <= hour < self._options.until_hour:
            return False
        due = next_due(db, index, now, timedelta(days=self._options.every_days))
        if due is None:
            return False
        carer, contact = due
        await self._try(carer, contact, BY_GATEWAY)
        return True

    async def test(self, carer: str, contact: int, by: str) -> None:
        """Test one contact at once, because somebody asks for it; what came of it is in the record.

        Raises:
            LookupError: there is no such carer, or no such contact.
            StoreFailedError: it could not be stored.
        """
        found = self._index().carers[carer]
        if not 0 <= contact < len(found.contacts):
            raise IndexError(contact)
        await self._try(found, contact, by)

    async def _try(self, carer: Carer, contact: int, by: str) -> None:
        tested = await try_contact(
            carer,
            contact,
            channels=self._channels,
            index=self._index(),
            links=self._links,
            clock=self._clock,
            write=self._writer.write,
            by=by,
        )
        log = _LOG.info if tested.ok else _LOG.error
        log("contact.tested", carer=carer.id, contact=contact, channel=tested.channel, ok=tested.ok, test=tested.id)


def next_due(db: sqlite3.Connection, index: CentreIndex, now: datetime, every: timedelta) -> tuple[Carer, int] | None:
    """The contact whose test is due for the longest time; None: none is due."""
    row = db.execute("SELECT max(applied_at) FROM centre_versions").fetchone()
    applied = from_ms(int(row[0])) if row[0] is not None else now
    latest = contact_tests.latest(db)
    found: list[tuple[datetime, int, Carer, int]] = []
    for carer in index.carers.values():
        for contact, way in enumerate(carer.contacts):
            if way.channel == "log":
                continue  # the terminal reaches nobody in particular
            last = latest.get((carer.id, address_hash(way.channel, way.address)))
            if last is None:
                due = applied + NOT_TOO_SOON
            else:
                due = last.at + (every if last.ok else min(every, AGAIN_AFTER_FAILURE))
            if due <= now:
                found.append((due, len(found), carer, contact))
    return min(found)[2:] if found else None
