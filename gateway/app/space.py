"""The space on the disk: people are told while alarms can still be stored."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from gateway.alerts import desk, rows
from gateway.alerts.model import Incident, incident_key
from gateway.centre.index import CentreIndex
from gateway.store.standing import TOO_LITTLE_SPACE
from gateway.store.writer import Tx, Writer
from gateway.words import N_
from rules.model import Priority, Reason

_LOG = structlog.get_logger(__name__)

RULE: Final = "space_short"

EVERY_S: Final = 60.0
"""Real seconds between two looks: a disk that fills with 3 MB a second is told of in time."""

_SHORT = N_("Only {megabytes} MB are left on the gateway’s disk. When it is full, no alarm can be taken in.")
_FREE: Final = Reason(N_("There is space on the disk again."))


class Space:
    """Looks at the disk with the data, again and again.

    Args:
        folder: the data folder.
        writer: raises and clears the alert.
        index: the centre that is in force.
        free: bytes that are free in a folder; another one in tests.
    """

    def __init__(
        self,
        folder: Path,
        writer: Writer,
        index: Callable[[], CentreIndex],
        *,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder, self._writer, self._index, self._free = folder, writer, index, free

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Tell when there is too little, once; and that it is over when there is twice as much."""
        try:
            free = self._free(self._folder)
        except OSError as error:
            _LOG.warning("space.not_seen", error=str(error))
            return
        if free < TOO_LITTLE_SPACE:
            await self._writer.write(lambda tx: self._short(tx, free), urgent=True)
        elif free >= 2 * TOO_LITTLE_SPACE:
            await self._writer.write(self._enough)

    def _short(self, tx: Tx, free: int) -> None:
        if rows.find_open(tx.db, incident_key(None, RULE, "")) is not None:
            return
        _LOG.critical("space.short", free_bytes=free)
        incident = Incident(
            rule=RULE,
            rule_key=RULE,
            priority=Priority.HIGH,
            reason=Reason(_SHORT, {"megabytes": free // 10**6}),
            happened_at=tx.now,
        )
        desk.raise_incident(tx, self._index(), incident)

    def _enough(self, tx: Tx) -> None:
        alert = rows.find_open(tx.db, incident_key(None, RULE, ""))
        if alert is not None and alert.cleared_at is None:
            desk.clear_incident(tx, self._index(), resident=None, rule_key=RULE, subject="", reason=_FREE)
