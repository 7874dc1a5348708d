"""A lane: source -> transaction -> acknowledgement, in that order and no other."""

from collections import Counter

import structlog

from gateway.errors import StoreFailedError
from gateway.ingest.source import Receipt, Source
from gateway.pipeline.pipeline import Pipeline, Taken
from gateway.store.writer import Writer

_LOG = structlog.get_logger(__name__)

BATCH = 500
"""Frames in a transaction. More would save little (a commit costs about 1 ms, a frame 30 µs) and make the alarm
lane wait longer behind a batch of telemetry: 500 frames are some 15 ms."""


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
            StoreFailedError: the caller stops the daemon; the broker keeps what was not acknowledged.
        """
        async for batch in self._source.batches(self._batch):
            taken = await self._take(batch)
            self._source.acknowledge(batch)
            acks = [ack for part in taken for ack in part.acks]
            if acks:
                self._source.publish(acks)
            for part in taken:
                self.counts.update(
                    frames=part.frames,
                    readings=part.readings,
                    quarantined=part.quarantined,
                    redelivered=part.redelivered,
                )

    async def _take(self, batch: list[Receipt]) -> list[Taken]:
        lane = self._source.name
        try:
            return [await self._writer.write(lambda tx: self._pipeline.take(tx, batch, lane=lane), urgent=self._urgent)]
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
