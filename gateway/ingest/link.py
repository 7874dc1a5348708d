"""One connection to the broker, from TCP to its end; what both versions of MQTT have in common.

A link lives once: connecting → open → lost. Whoever wants to reconnect makes another one with the next session
number. A codec (mqtt5_link, paho_link) turns bytes into frames and packets into bytes.

**Resumed.** A broker that had to restart may redeliver without the DUP mark. What it redelivers comes first after
the reconnect and is at most what it may have in flight. So when it says that it kept the session, the first
``receive_maximum`` QoS 1 frames within ``resume_window_s`` are marked ``resumed``; when it kept none, nothing can
come again and no frame is marked.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

import msgspec

from devices.model import Frame
from gateway.clock import Clock, monotonic
from gateway.ingest.options import BrokerOptions, Subscription
from gateway.ingest.packets import MalformedError, packet_end, salvage
from gateway.ingest.source import Receipt
from gateway.ingest.trouble import ADVICE, LinkError, Trouble

_BUFFER = 128 * 1024
"""Bytes read at once, at most. It is also what may come in after reading was paused."""
_GOODBYE_LIMIT_S = 1.0
"""How long the broker may take to close the connection after our DISCONNECT."""
_PINGREQ = b"\xc0\x00"
"""The same two bytes in every version of MQTT (5.0, 3.12)."""


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker promised when it took us; None where this version of MQTT can't say."""

    protocol: str
    session_present: bool
    session_expiry_s: int | None = None
    receive_maximum: int | None = None
    maximum_qos: int | None = None
    keep_alive_s: int | None = None
    """The broker's own wish, which replaces ours."""
    granted: dict[str, int] = msgspec.field(default_factory=dict)
    """Topic filter -> quality of service granted."""


class Traffic(msgspec.Struct):
    """Running totals of a lane, over all of its links."""

    frames: int = 0
    payload_bytes: int = 0
    acked: int = 0
    salvaged: int = 0
    """Messages that the codec refused or that were cut because of their size."""


class Lane(msgspec.Struct, kw_only=True):
    """What every link of a lane shares."""

    options: BrokerOptions
    client_id: str
    subscriptions: tuple[Subscription, ...]
    clock: Clock
    traffic: Traffic
    format_of: Callable[[str], str]
    """Topic -> name of the format, also for topics never seen before."""
    deliver: Callable[[list[Receipt]], None]


class Link(asyncio.BufferedProtocol, ABC):
    """Base of both codecs. Belongs to one event loop; every method is called in its thread."""

    protocol_name: str
    has_properties: bool

    def __init__(self, lane: Lane, session: int) -> None:
        loop = asyncio.get_running_loop()
        self.session = session
        self.opened: asyncio.Future[Handshake] = loop.create_future()
        """Done when the broker took us and granted every subscription."""
        self.taken = False
        """CONNACK came and was good: messages may come and go, even before the subscriptions are confirmed."""
        self.lost: asyncio.Future[LinkError] = loop.create_future()
        """Done when the connection is over; never carries an exception, always says why."""
        self._lane = lane
        self._where = f"{lane.options.host}:{lane.options.port}"
        self._transport: asyncio.Transport | None = None
        self._reading = True
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._skip = 0
        self._leaving = False
        self._resumed_left = 0
        self._resumed_until = 0.0
        self._keep_alive = lane.options.keep_alive_s
        self._heard = self._spoke = monotonic()
        self._ticker: asyncio.TimerHandle | None = None

    # What a codec does

    @abstractmethod
    def hello(self) -> None:
        """Send CONNECT."""

    @abstractmethod
    def feed(self, view: memoryview, received: list[Receipt]) -> int:
        """Read packets, append the frames among them, and return how many bytes were used up.

        Raises:
            MalformedError: the bytes are not MQTT.
            LinkError: the broker refuses us, or ends the connection.
        """

    @abstractmethod
    def acknowledge(self, receipts: list[Receipt]) -> None:
        """Send the PUBACKs of this link's receipts, in their order, in one write."""

    @abstractmethod
    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Send (topic, payload) with QoS 0, in one write."""

    @abstractmethod
    def goodbye(self) -> None:
        """Send DISCONNECT; the broker keeps the session."""

    # For the owner

    async def close(self) -> None:
        """End the connection in good order: the broker closes it when it has read everything that we sent.

        A broker that finds the connection closed may leave our last acknowledgements unread (Mosquitto 2.0 does), and
        would deliver those messages again.
        """
        if not self.lost.done() and self.opened.done():
            self.resume()
            self.goodbye()
            self._leaving = True
            await asyncio.wait({self.lost}, timeout=_GOODBYE_LIMIT_S)
        self.lose(Trouble.STOPPED, "the gateway closed the connection")

    def pause(self) -> None:
        """Stop reading from the socket."""
        if self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on. Silence while reading was stopped was our own."""
        if not self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = True
            self._heard = monotonic()
            self._transport.resume_reading()

    @property
    def unsent_bytes(self) -> int:
        """Written, but not yet taken by the network."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def lose(self, trouble: Trouble, text: str) -> None:
        """End the connection, once, for a named reason. ``text`` without the place; that is put in front."""
        if self.lost.done():
            return
        error = LinkError(trouble, f"broker {self._where}: {text}")
        self.lost.set_result(error)
        if not self.opened.done():
            self.opened.cancel()
        if self._ticker is not None:
            self._ticker.cancel()
        if self._transport is not None:
            # A broker that does not answer would also not take the rest of what is to be sent: don't wait for it.
            if trouble is Trouble.NO_ANSWER:
                self._transport.abort()
            else:
                self._transport.close()

    # For the codecs

    def write(self, data: bytes) -> None:
        """Put bytes on the wire."""
        if self._transport is not None and not self._transport.is_closing():
            self._spoke = monotonic()
            self._transport.write(data)

    def took_us(self, handshake: Handshake) -> None:
        """CONNACK came and was good: redelivery may begin, even before the subscriptions are confirmed."""
        self.taken = True
        if handshake.keep_alive_s:
            self._keep_alive = min(self._keep_alive, float(handshake.keep_alive_s))
            if self._ticker is not None:
                self._ticker.cancel()
            self._tick()
        if handshake.session_present:
            self._resumed_left = self._lane.options.receive_maximum
            self._resumed_until = monotonic() + self._lane.options.resume_window_s

    def refuse(self, trouble: Trouble, detail: str) -> LinkError:
        """The error for a broker that says no; ``detail`` are its own words."""
        return LinkError(trouble, f"{ADVICE[trouble]} ({detail})")

    def granted(self, handshake: Handshake, codes: list[int]) -> None:
        """SUBACK came.

        Raises:
            LinkError: a topic filter was refused.
        """
        filters = [s.topic_filter for s in self._lane.subscriptions]
        refused = [f for f, code in zip(filters, codes, strict=False) if code >= 0x80]
        if refused or len(codes) != len(filters):
            raise LinkError(
                Trouble.NOT_SUBSCRIBED,
                f"the broker does not let us listen to {', '.join(refused or filters)}; "
                "check its access rules for this user, and its limits",
            )
        if not self.opened.done():
            self.opened.set_result(msgspec.structs.replace(handshake, granted=dict(zip(filters, codes, strict=True))))

    def receipt_of_salvaged(self, view: memoryview) -> Receipt:
        """A receipt of a message that the codec can't read."""
        saved = salvage(view, properties=self.has_properties)
        self._lane.traffic.salvaged += 1
        frame = Frame(
            topic=saved.topic,
            payload=saved.payload,
            received_at=self._lane.clock.now(),
            dup=saved.dup,
            retained=saved.retained,
            resumed=bool(self._resumed_left and saved.packet_id),
        )
        return Receipt(frame, self._lane.format_of(saved.topic), saved.packet_id, self.session)

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP (and TLS) stand: introduce ourselves."""
        self._transport = cast("asyncio.Transport", transport)
        if self.lost.done():
            self._transport.abort()
            return
        self._heard = self._spoke = monotonic()
        self.hello()
        self._tick()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        if self._end == len(self._buffer):
            self._make_room()
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came: make frames of them and hand these on at once."""
        if self.lost.done() or self._leaving:
            self._start = self._end = 0
            return
        self._end += nbytes
        self._heard = monotonic()
        if self._resumed_left and self._heard > self._resumed_until:
            self._resumed_left = 0
        received: list[Receipt] = []
        try:
            if self._skip:
                self._skip_on()
            if self._start < self._end:
                self._start += self.feed(self._view[self._start : self._end], received)
                self._cut_giant(received)
        except MalformedError as error:
            self.lose(Trouble.MALFORMED, f"it sent what is not MQTT: {error}; reconnecting")
        except LinkError as error:
            self.lose(error.trouble, str(error))
        if self._start == self._end:
            self._start = self._end = 0
        if received:
            traffic = self._lane.traffic
            traffic.frames += len(received)
            traffic.payload_bytes += sum([len(r.frame.payload) for r in received])
            self._lane.deliver(received)

    def eof_received(self) -> None:
        """The broker closed its side."""
        self._closed_by_broker()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if exc is None:
            self._closed_by_broker()
        else:
            trouble = Trouble.TLS if "SSL" in type(exc).__name__ else Trouble.CLOSED
            self.lose(trouble, f"the connection broke ({exc})")

    # Inside

    def _closed_by_broker(self) -> None:
        if self._leaving:
            self.lose(Trouble.STOPPED, "the gateway closed the connection")
            return
        hint = "if this repeats, another client may use the same client name: is a second gateway running?"
        self.lose(Trouble.CLOSED, f"it closed the connection without a word; {hint}")

    def _tick(self) -> None:
        """Keep-alive: ping after half of it without a word in either direction, give up after the whole."""
        now = monotonic()
        quiet = now - self._heard
        if self._reading and quiet >= self._keep_alive:
            self.lose(Trouble.NO_ANSWER, f"no answer for {quiet:.1f} s; reconnecting")
            return
        if self.opened.done() and max(quiet, now - self._spoke) >= self._keep_alive / 2:
            self.write(_PINGREQ)
        self._ticker = asyncio.get_running_loop().call_later(self._keep_alive / 4, self._tick)

    def _make_room(self) -> None:
        """The buffer is full: move the unfinished packet to its front, or take a larger buffer for it."""
        rest = self._end - self._start
        if rest > len(self._buffer) // 2:
            larger = bytearray(2 * len(self._buffer))
            larger[:rest] = self._view[self._start : self._end]
            self._buffer, self._view = larger, memoryview(larger)
        else:
            self._buffer[:rest] = bytes(self._view[self._start : self._end])
        self._start, self._end = 0, rest

    def _cut_giant(self, received: list[Receipt]) -> None:
        """An unfinished packet above the limit becomes a frame now, with what is there; the rest is passed over."""
        limit = self._lane.options.max_packet_bytes
        if self._end - self._start < limit:
            if self._start == self._end and len(self._buffer) > _BUFFER:
                self._buffer = bytearray(_BUFFER)
                self._view = memoryview(self._buffer)
            return
        finish = packet_end(self._view, self._start, self._end)
        if finish is None or finish <= self._end:
            return
        received.append(self.receipt_of_salvaged(self._view[self._start : self._end]))
        self._skip = finish - self._end
        self._start = self._end

    def _skip_on(self) -> None:
        passed = min(self._skip, self._end - self._start)
        self._skip -= passed
        self._start += passed


def seconds(value: float) -> int:
    """Seconds as MQTT wants them: whole, rounded up, at most 65535."""
    return min(65535, math.ceil(value))
