"""The runner: what is queued goes out, is repeated where that helps, and ends as confirmed, failed or expired.

All that it knows is in the database, so a command line tool can ask while the daemon runs, and a restart goes on where
the process before left off. A command may be published twice when the process dies between the broker's word and our
note of it; a device of our own contract knows it by its id.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import structlog

from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.commands import answers, queue
from gateway.commands.queue import Command
from gateway.commands.table import Event
from gateway.commands.ways import Cannot, CannotWhy, CommandOptions, Way, message, way_of
from gateway.errors import BrokerError
from gateway.store.database import reader
from gateway.store.writer import Writer

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
"""Clock seconds between looks: one index look-up each. A person who has pressed "ring" listens for it."""
AT_ONCE = 20
"""Commands published at the same time."""
PUBLISH_S = 5.0
"""Real seconds for the broker to confirm one."""
RETRIES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds until it is tried again when the broker did not take it."""


class Publishes(Protocol):
    """As much of gateway.ingest.publisher.Publisher as is needed here."""

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, timeout_s: float = 5.0
    ) -> None:
        """Publish and wait for the broker's word; raises BrokerError."""


class Runner:
    """Sends commands; ``run()`` until cancelled.

    Args:
        publisher: towards the broker.
        writer: the daemon's writer.
        index: gives the centre as it is now.
        clock: the gateway's clock; commands expire by it.
        path: the database file.
        options: what the settings say.
    """

    def __init__(
        self,
        *,
        publisher: Publishes,
        writer: Writer,
        index: Callable[[], CentreIndex],
        clock: Clock,
        path: Path,
        options: CommandOptions,
    ) -> None:
        self._publisher = publisher
        self._writer = writer
        self._index = index
        self._clock = clock
        self._path = path
        self._options = options
        self._read: dict[str, int] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look now: something was asked for in this process."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        with closing(reader(self._path)) as self._db:
            while True:
                await self.look()
                self._wake.clear()
                await self._clock.wait(self._wake, LOOK_EVERY_S)

    async def look(self) -> None:
        """Once: what has expired, what was answered, what is due."""
        waiting = queue.unsettled(self._db)
        now = self._clock.now()
        due: list[tuple[Command, Way]] = []
        for command in waiting:
            way = self._way(command)
            if isinstance(way, Cannot):
                await self._settle(command, Event.FAILED, way.why.value)
                continue
            seen = answers.look(self._db, command, way, read=self._read.get(command.id, command.since))
            self._read[command.id] = seen.upto
            if seen.event is not None:
                await self._settle(command, seen.event, seen.detail)
            elif command.expires_at <= now:
                await self._settle(command, Event.EXPIRED, "not sent" if command.sent_at is None else "no answer")
            elif command.due_at is not None and command.due_at <= now:
                due.append((command, way))
        self._read = {command.id: self._read[command.id] for command in waiting if command.id in self._read}
        for start in range(0, len(due), AT_ONCE):
            await asyncio.gather(*(self._send(command, way) for command, way in due[start : start + AT_ONCE]))

    def _way(self, command: Command) -> Way | Cannot:
        """How it is told by the centre as it is now: a device may have been taken out meanwhile."""
        index = self._index()
        device = index.devices.get(command.device)
        if device is None:
            return Cannot(CannotWhy.GONE)
        return way_of(device, command.command, site=index.site.id, options=self._options)

    async def _send(self, command: Command, way: Way) -> None:
        now = self._clock.now()
        if command.expires_at <= now:  # those before it in line took their time; the next look ends it
            return
        # Again before every publishing: the consent or the wearer may be another than when it was asked for.
        refusal = queue.not_any_more(self._db, self._index(), command, now)
        if refusal is not None:
            await self._settle(command, Event.REFUSED, refusal.value)
            return
        payload = message(way, id=command.id, expires_at=command.expires_at)
        try:
            # Never retained: a device that comes back next week must not ring then.
            await self._publisher.publish(way.topic, payload, qos=1, retain=False, timeout_s=PUBLISH_S)
        except BrokerError as error:
            wait = RETRIES_S[min(command.attempts, len(RETRIES_S) - 1)]
            detail = str(error)
            await self._writer.write(lambda tx: queue.note_not_sent(tx, command.id, again_after_s=wait, detail=detail))
            _LOG.warning("command.not_sent", command=command.id, device=command.device, attempts=command.attempts + 1)
            return
        again = way.repeats_s[min(command.attempts, len(way.repeats_s) - 1)] if way.repeats_s else None
        await self._writer.write(
            lambda tx: queue.note_sent(tx, command.id, again_after_s=again, answers=way.answers, sent_at=now)
        )
        _LOG.info("command.sent", command=command.id, device=command.device, what=command.command)

    async def _settle(self, command: Command, event: Event, detail: str | None) -> None:
        await self._writer.write(lambda tx: queue.settle(tx, command.id, event, detail=detail))
        self._read.pop(command.id, None)
        _LOG.info("command.settled", command=command.id, device=command.device, outcome=event.value, detail=detail)
