"""A lane: source -> transaction -> acknowledgement to the device, then to the broker, in that order and no other."""

import asyncio
from collections import Counter

import structlog

from gateway.errors import StoreFailedError
from gateway.ingest.source import Receipt, Source
from gateway.pipeline.intake import Entry
from gateway.pipeline.pipeline import Pipeline, Taken
from gateway.store.writer import Writer

_LOG = structlog.get_logger(__name__)

BATCH = 1000
"""Frames in a transaction. More would save little (a commit costs some 2 ms, a frame 60 µs) and make the alarm lane
wait longer behind a batch of telemetry: 1,000 frames are some 60 ms."""

AHEAD_FROM = 100
"""Frames that must wait for the next batch to be taken and decoded while this one is written. With fewer the next batch
is better taken later, when more have come: a commit for a handful costs as much as one for hundreds."""


class Lane:
    """Feeds one source's frames to the pipeline; an urgent lane's batches go before the others'."""

    def __init__(self, source: Source, pipeline: Pipeline, writer: Writer, *, urgent: bool, batch: int = BATCH) -> None:
        self._source = source
        self._pipeline = pipeline
        self._writer = writer
        self._urgent = urgent
        self._batch = batch
        self.counts: Counter[str] = Counter()
        """frames, readings, quarantined, redelivered since start."""

    async def run(self) -> None:
        """Until the source ends or the store fails; nothing is acknowledged that is not on disk.

        Raises:
            StoreFailedError: (in a group) the caller stops the daemon; the broker keeps what was not acknowledged.
        """
        writing: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as tasks:
            async for batch in self._source.batches(self._batch):
                prepared = self._prepare(batch)
                if writing is not None:
                    await writing
                writing = tasks.create_task(self._write(batch, prepared))
                if self._source.waiting < AHEAD_FROM:
                    await writing

    def _prepare(self, batch: list[Receipt]) -> list[Entry] | None:
        """Decode ahead; None when even that fails: then it is tried again frame by frame."""
        try:
            return self._pipeline.prepare(batch)
        except Exception as error:  # noqa: BLE001 - see _take
            _LOG.error("pipeline.batch_failed", lane=self._source.name, frames=len(batch), error=type(error).__name__)
            return None

    async def _write(self, batch: list[Receipt], prepared: list[Entry] | None) -> None:
        taken = await self._take(batch, prepared)
        # The devices' acknowledgements go first: if we die before the broker has its own, it delivers the batch again,
        # and the devices are told again. The other way round they would wait for a word that nobody sends.
        acks = [ack for part in taken for ack in part.acks]
        if acks:
            self._source.publish(acks)
        self._source.acknowledge(batch)
        for part in taken:
            self.counts.update(
                frames=part.frames,
                readings=part.readings,
                quarantined=part.quarantined,
                redelivered=part.redelivered,
            )

    async def _take(self, batch: list[Receipt], prepared: list[Entry] | None) -> list[Taken]:
        lane = self._source.name
        try:
            return [
                await self._writer.write(
                    lambda tx: self._pipeline.take(tx, batch, lane=lane, prepared=prepared), urgent=self._urgent
                )
            ]
        except StoreFailedError:
            raise
        except Exception as error:  # noqa: BLE001 - one frame must not stop the others: find it, put it aside whole
            # only the error's kind: its text may hold what a resident's device said
            _LOG.error("pipeline.batch_failed", lane=lane, frames=len(batch), error=type(error).__name__)
        taken = []
        for receipt in batch:
            taken.append(await self._take_one(receipt, lane))
        return taken

    async def _take_one(self, receipt: Receipt, lane: str) -> Taken:
        try:
            return await self._writer.write(
                lambda tx: self._pipeline.take(tx, [receipt], lane=lane), urgent=self._urgent
            )
        except StoreFailedError:
            raise
        except Exception as error:  # noqa: BLE001 - it goes to quarantine, whole
            _LOG.error("pipeline.frame_failed", lane=lane, error=type(error).__name__)
            failure = error
        return await self._writer.write(
            lambda tx: self._pipeline.quarantine(tx, receipt, failure, lane=lane), urgent=self._urgent
        )
