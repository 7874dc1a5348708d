"""A lane of frames from an MQTT broker: keeps a connection, queues what comes, acknowledges what is stored.

Life: ``start()`` once, then ``batches()`` until ``close()``. In between it reconnects by itself, as often as it
takes; who wants to know asks ``health()`` or watches. All methods belong to the thread of the event loop; a writer
thread hands its acknowledgements over with ``loop.call_soon_threadsafe``.

What happens to frames when a connection is lost: those that wait stay in the queue and are handed on, so that an
alarm does not wait for the broker; their acknowledgement is passed over, so the broker delivers them again, marked DUP
(or ``resumed`` here). Nothing is lost, and the journal knows the second copy by its mark.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from paho.mqtt.client import topic_matches_sub

from gateway.clock import Clock
from gateway.ingest.connection import Connection
from gateway.ingest.health import SourceHealth
from gateway.ingest.link import Handshake, Lane, Traffic
from gateway.ingest.options import BrokerOptions, Subscription
from gateway.ingest.packets import may_be_published
from gateway.ingest.paho_link import check_paho
from gateway.ingest.source import Receipt
from gateway.ingest.tls import ssl_context
from gateway.ingest.trouble import LinkError, Trouble

NO_FORMAT = "unknown"
"""Format of a frame whose topic matches none of our filters; no registry knows it, so the frame is quarantined."""
_KNOWN_TOPICS = 20_000
"""Topics whose format is remembered; above it the memory starts anew, so that invented topics can't fill it."""
_UNSENT_LIMIT = 4 * 1024 * 1024
"""Bytes not yet taken by the network above which QoS 0 messages are dropped rather than piled up."""


class MqttSource:
    """The MQTT form of ``gateway.ingest.source.Source``.

    Args:
        options: the broker.
        name: the lane's name, for logs and metrics; also the end of the client name.
        subscriptions: topic filters with their formats; where several match a topic, the first counts.
        clock: gives ``received_at``. Time-outs and waits are of real time.
        wake: set whenever frames arrive or the source is closed; share one between lanes to wait for both.

    Raises:
        ValueError: no subscriptions.
    """

    def __init__(
        self,
        options: BrokerOptions,
        *,
        name: str,
        subscriptions: list[Subscription],
        clock: Clock,
        wake: asyncio.Event | None = None,
    ) -> None:
        if not subscriptions:
            raise ValueError(f"subscriptions: lane {name} has none; a lane listens to at least one topic filter")
        self.name = name
        self.client_id = f"{options.client_id}-{name}"
        self._options = options
        self._wake = wake if wake is not None else asyncio.Event()
        self._arrived = asyncio.Event()
        self._queue: list[Receipt] = []
        self._formats: dict[str, str] = {}
        self._lane = Lane(
            options=options,
            client_id=self.client_id,
            subscriptions=tuple(subscriptions),
            clock=clock,
            traffic=Traffic(),
            format_of=self._format_of,
            deliver=self._deliver,
        )
        self._connection = Connection(self._lane, name=name, on_attempt=self._starts_anew, on_change=self._tell)
        self._outstanding = 0
        self._unacknowledged = 0
        self._pauses = 0
        self._paused = False
        self._unpublished = 0
        self._last_frame_at: datetime | None = None
        self._watchers: list[Callable[[SourceHealth], None]] = []
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    # Life

    async def start(self) -> None:
        """Begin to connect, in the background.

        Raises:
            LinkError: what no retry would mend: a TLS file that can't be used, a paho that does not fit.
        """
        if self._options.protocol != "5":
            check_paho()
        if self._options.tls is not None:
            ssl_context(self._options.tls)
        self._task = asyncio.create_task(self._connection.run(), name=f"mqtt-{self.name}")

    async def ready(self, timeout_s: float | None = None) -> None:
        """Wait until the broker took us and granted the subscriptions.

        Raises:
            LinkError: it did not within the time; says why, as far as it is known.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not self._connection.connected and not self._closed:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            text = f"broker {self._options.host}:{self._options.port}: no connection within {timeout_s} s"
            raise self._connection.error or LinkError(Trouble.TIMEOUT, text) from None

    async def close(self) -> None:
        """End: the broker keeps the session, and what is not acknowledged comes again next time."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection.link is not None:
            await self._connection.link.close()
        self._connection.down(LinkError(Trouble.STOPPED, "the gateway closed the connection"))
        self._queue.clear()
        self._arrived.set()
        self._wake.set()
        self._changed.set()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    # Frames

    async def batches(self, limit: int) -> AsyncIterator[list[Receipt]]:
        """What is waiting, at most ``limit`` at a time; see Source. For one consumer."""
        while not self._closed:
            batch = self.take(limit)
            if batch:
                yield batch
                continue
            self._arrived.clear()
            await self._arrived.wait()

    def take(self, limit: int) -> list[Receipt]:
        """What is waiting now, at most ``limit``, in the order received; empty when there is nothing."""
        if len(self._queue) <= limit:
            batch, self._queue = self._queue, []
        else:
            batch = self._queue[:limit]
            del self._queue[:limit]
        session = self._connection.session
        gone = sum([1 for r in batch if r.session != session or r.packet_id == 0])
        if gone:
            self._settle(gone)
        return batch

    @property
    def waiting(self) -> int:
        """Frames that are not handed out yet."""
        return len(self._queue)

    def acknowledge(self, batch: list[Receipt]) -> None:
        """Tell the broker that these are stored; see Source."""
        link = self._connection.link
        if link is None or link.lost.done():
            return
        session = link.session
        due = [r for r in batch if r.session == session and r.packet_id]
        if due:
            link.acknowledge(due)
            self._lane.traffic.acked += len(due)
            self._unacknowledged -= len(due)
            self._settle(len(due))

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Send with QoS 0 on the same connection; see Source. What can't be sent is counted."""
        link = self._connection.link
        fit = [m for m in messages if may_be_published(m[0])]
        # Not only when connected: what waited for us comes before the subscriptions are confirmed; its senders wait.
        if link is None or not link.taken or link.lost.done() or link.unsent_bytes > _UNSENT_LIMIT:
            fit = []
        self._unpublished += len(messages) - len(fit)
        if fit and link is not None:
            link.publish(fit)

    # What others see

    @property
    def connected(self) -> bool:
        """Whether the broker has us now, subscriptions granted."""
        return self._connection.connected

    @property
    def handshakes(self) -> tuple[Handshake, ...]:
        """What the broker promised at the first and at the latest connection, for gateway.ingest.durability."""
        return self._connection.handshakes

    def watch(self, callback: Callable[[SourceHealth], None]) -> None:
        """Call it at every change between connected and not, and at every failed attempt."""
        self._watchers.append(callback)

    def health(self) -> SourceHealth:
        """The lane as it is now."""
        traffic, line = self._lane.traffic, self._connection
        return SourceHealth(
            name=self.name,
            protocol=line.protocol,
            connected=line.connected,
            since=line.since,
            trouble=None if line.error is None else line.error.trouble,
            detail="" if line.error is None else str(line.error),
            session=line.session,
            reconnects=line.reconnects,
            frames=traffic.frames,
            payload_bytes=traffic.payload_bytes,
            acked=traffic.acked,
            waiting=len(self._queue),
            waiting_s=self._waits_since(),
            unacknowledged=self._unacknowledged,
            salvaged=traffic.salvaged,
            unpublished=self._unpublished,
            paused=self._paused,
            pauses=self._pauses,
            last_frame_at=self._last_frame_at,
        )

    def _waits_since(self) -> float:
        if not self._queue:
            return 0.0
        return max(0.0, (self._lane.clock.now() - self._queue[0].frame.received_at).total_seconds())

    # Inside, the frames

    def _deliver(self, received: list[Receipt]) -> None:
        if self._closed:
            return
        if self._queue:
            self._queue.extend(received)
        else:
            self._queue = received
        self._outstanding += len(received)
        self._unacknowledged += sum([1 for r in received if r.packet_id])
        self._last_frame_at = received[-1].frame.received_at
        if not self._paused and self._outstanding >= self._options.high_water and (link := self._connection.link):
            self._paused = True
            self._pauses += 1
            link.pause()
        self._arrived.set()
        self._wake.set()

    def _settle(self, count: int) -> None:
        """So many frames don't occupy us any more."""
        self._outstanding -= count
        if self._paused and self._outstanding <= self._options.low_water:
            self._paused = False
            if self._connection.link is not None:
                self._connection.link.resume()

    def _format_of(self, topic: str) -> str:
        found = self._formats.get(topic)
        if found is None:
            if len(self._formats) >= _KNOWN_TOPICS:
                self._formats.clear()
            found = self._formats[topic] = next(
                (s.format for s in self._lane.subscriptions if topic_matches_sub(s.topic_filter, topic)), NO_FORMAT
            )
        return found

    # Inside, the connection

    def _starts_anew(self) -> None:
        """What the lost connection had handed over is settled with it; what waits here still counts."""
        self._outstanding = len(self._queue)
        self._unacknowledged = 0

    def _tell(self) -> None:
        if not self._connection.connected:
            self._paused = False
            self._unacknowledged = 0
        self._changed.set()
        if self._watchers:
            health = self.health()
            for watcher in self._watchers:
                watcher(health)
