"""uvicorn's HTTP protocol with patience that ends: a connection that does not come to its point is closed.

uvicorn waits for ever for the head of a request, and goes on reading what follows a request that was refused. Both are
cheap ways to hold all connections ("slowloris"). Here a connection without a request in work has HEAD_WITHIN_S; and
when there are too many connections, the one that has waited longest makes room: one without a request in work, then
one whose message is still on its way. A message that came whole is never given up: it may be an alarm.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN_S = 10.0
"""For connecting (with TLS), and for the head of a request; a device on a slow mobile network needs some two."""

MOST_CONNECTIONS = 500
"""Some 70 kB each with a full message: 35 MB at most."""


class BoundedProtocol(H11Protocol):
    """One connection."""

    head_within_s = HEAD_WITHIN_S
    most_connections = MOST_CONNECTIONS
    _timer: asyncio.TimerHandle | None = None
    _since = 0.0
    """When it began to wait for a head, or for the message after it; the loop's seconds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections and not self._make_room():
            transport.abort()
            return
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._since = self.loop.time()
        if self._in_work:
            self._stop_timer()
        elif self._timer is None:  # never prolonged: bytes that trickle don't buy time
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def _in_work(self) -> bool:
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    @property
    def _half_sent(self) -> bool:
        """Whether the head is here, and a part of the message is not."""
        return self.conn.their_state is h11.SEND_BODY

    def _start_timer(self) -> None:
        self._since = self.loop.time()
        self._timer = self.loop.call_later(self.head_within_s, self._out_of_patience)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _out_of_patience(self) -> None:
        self._timer = None
        if not self._in_work:
            self.transport.abort()

    def _make_room(self) -> bool:
        """Close the connection that has waited longest for its head or its message; False: all are at work."""
        others = [c for c in self.connections if isinstance(c, BoundedProtocol) and c is not self]
        idle = [c for c in others if not c._in_work]  # noqa: SLF001
        # An honest message comes in one moment. Where a signature stands over it, anybody may send half of one.
        waiting = idle or [c for c in others if c._half_sent]  # noqa: SLF001
        if not waiting:
            return False
        oldest = min(waiting, key=lambda c: (c._timer is not None, c._since))  # noqa: SLF001
        oldest.transport.abort()
        # Its end is told later only: until then it must not be chosen again, nor count.
        self.connections.discard(oldest)
        return True
