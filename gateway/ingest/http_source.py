"""A lane of frames that come by HTTP POST: the second form of ``gateway.ingest.source.Source``.

A request is a frame whose sender waits. ``offer`` puts it in line; ``acknowledge`` (called after the commit) lets the
request be answered with 2xx; nothing else does. All methods belong to the thread of the event loop.

**Repeats.** A sender that gets no answer in time sends the same message again, and can't mark it. So the lane marks it:
``dup`` when the same source sends the same message within ``repeat_within_s`` after a request of it that ended without
an answer; ``resumed`` when it comes that soon after our start, and for the first time since, because the answer may
have died with the process before us. The pipeline then looks for the original in the journal, as it does for a broker's
redelivery; a message that is not there is new. The same message after an *answered* one is always new: a second press
is a second press.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import msgspec

from devices.model import Frame
from gateway.clock import Clock, monotonic
from gateway.ingest.source import Receipt

MOST_WAITING = 2_000
"""Messages in line, at most: some seconds of work even on a busy machine. Above it senders are told to come later."""
MOST_WAITING_BYTES = 16 * 1024 * 1024
"""The same in bytes, so that large messages can't fill the memory either."""
_MOST_UNANSWERED = 10_000
"""Unanswered messages remembered; the oldest are forgotten first."""


class LineFullError(Exception):
    """Too many messages wait to be stored; the sender comes again later."""


class Offer:
    """A message in line, and the request that waits for it."""

    __slots__ = ("_key", "left", "number", "stored")

    def __init__(self, number: int, key: int, stored: "asyncio.Future[None]") -> None:
        self.number = number
        self.left = False
        """Whether the request ended without our answer; the message is stored all the same."""
        self._key = key
        self.stored = stored
        """Done when it is on disk; cancelled when the lane closes before."""

    @property
    def key(self) -> int:
        """What an equal message of the same source has too."""
        return self._key


class HttpHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as it is now; counters run since the start."""

    frames: int
    acked: int
    unanswered: int
    """Requests that ended without our answer: too slow, or the sender left."""
    waiting: int
    """Messages that are not stored yet."""
    last_frame_at: datetime | None


class HttpSource:
    """One lane.

    Args:
        name: the lane's name, another one than that of any MQTT lane: redeliveries are known lane by lane.
        clock: gives ``received_at``.
        repeat_within_s: see the module.
        seconds: real time that only goes forward.
    """

    def __init__(
        self,
        *,
        name: str,
        clock: Clock,
        repeat_within_s: float = 30.0,
        seconds: Callable[[], float] = monotonic,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.name = name
        self._clock = clock
        self._repeat_within_s = repeat_within_s
        self._seconds = seconds
        self._most_waiting = most_waiting
        self._started = seconds()
        self._session = 1
        self._number = 0
        self._queue: list[Receipt] = []
        self._open: dict[int, Offer] = {}
        self._bytes: dict[int, int] = {}
        self._held = 0
        self._unanswered: OrderedDict[int, float] = OrderedDict()
        self._since_start: set[int] = set()
        self._arrived = asyncio.Event()
        self._closed = False
        self._counts = {"frames": 0, "acked": 0, "unanswered": 0}
        self._last_frame_at: datetime | None = None

    # Source

    async def batches(self, limit: int) -> AsyncIterator[list[Receipt]]:
        """What is waiting; see Source."""
        while not self._closed:
            if not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch, self._queue = self._queue[:limit], self._queue[limit:]
            yield batch

    @property
    def waiting(self) -> int:
        """Frames that are not handed out yet."""
        return len(self._queue)

    def acknowledge(self, batch: list[Receipt]) -> None:
        """These are on disk: their requests may be answered; see Source."""
        for receipt in batch:
            self._held -= self._bytes.pop(receipt.packet_id, 0)
            offer = self._open.pop(receipt.packet_id, None)
            if offer is not None and not offer.stored.done():
                offer.stored.set_result(None)
                self._counts["acked"] += not offer.left

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Nothing: over HTTP the answer itself is the acknowledgement; see Source."""

    # For the listener

    def offer(self, *, source: str, format: str, topic: str, payload: bytes) -> Offer:  # noqa: A002 - Receipt's word
        """Put a message in line.

        Raises:
            LineFullError: too many wait, or the lane is closed; nothing was taken.
        """
        if self._closed or len(self._bytes) >= self._most_waiting or self._held + len(payload) > MOST_WAITING_BYTES:
            raise LineFullError
        self._number += 1
        number, key, now = self._number, hash((source, topic, payload)), self._seconds()
        until = self._unanswered.get(key)
        received_at = self._clock.now()
        frame = Frame(
            topic=topic,
            payload=payload,
            received_at=received_at,
            dup=until is not None and now <= until,
            resumed=self._may_be_of_the_life_before(key, now),
        )
        offer = Offer(number, key, asyncio.get_running_loop().create_future())
        self._open[number] = offer
        self._bytes[number] = len(payload)
        self._held += len(payload)
        self._queue.append(Receipt(frame, format, number, self._session))
        self._counts["frames"] += 1
        self._last_frame_at = received_at
        self._arrived.set()
        return offer

    def _may_be_of_the_life_before(self, key: int, now: float) -> bool:
        if now - self._started > self._repeat_within_s:
            self._since_start.clear()
            return False
        first = key not in self._since_start
        self._since_start.add(key)
        return first

    def answered(self, offer: Offer) -> None:
        """The sender was told that it is stored: the same message again is a new event."""
        self._unanswered.pop(offer.key, None)

    def unanswered(self, offer: Offer) -> None:
        """The request ended without an answer. The message stays in line (an alarm does not wait for its sender to
        come again), and the same one is known for its repeat.
        """
        offer.left = True
        self._unanswered.pop(offer.key, None)
        self._unanswered[offer.key] = self._seconds() + self._repeat_within_s
        while len(self._unanswered) > _MOST_UNANSWERED:
            self._unanswered.popitem(last=False)
        self._counts["unanswered"] += 1
        # As a lost connection is to a broker: what was received until now may come again.
        self._session += 1

    def close(self) -> None:
        """End: who still waits is told that nothing is promised."""
        self._closed = True
        self._arrived.set()
        for offer in self._open.values():
            offer.stored.cancel()
        self._open.clear()

    def health(self) -> HttpHealth:
        """The lane as it is now."""
        return HttpHealth(
            frames=self._counts["frames"],
            acked=self._counts["acked"],
            unanswered=self._counts["unanswered"],
            waiting=len(self._bytes),
            last_frame_at=self._last_frame_at,
        )
