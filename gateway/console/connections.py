"""Connections that don't say what they want, and those that don't listen: they end, so that others are answered.

uvicorn waits for ever for the rest of a request, and for a reader who doesn't read. Here, a connection

- has ``HEAD_S`` seconds to send the whole head of a request;
- sends at least ``BODY_PACE`` bytes of a body in each ``BODY_S`` seconds;
- takes in what it asked for: one that takes nothing for ``READ_S`` seconds ends, and the one that has taken nothing for
  longest ends when there are more than ``STUCK`` of them, or ``MOST`` of all. An open event stream that has nothing to
  say is not one of them.

Of those that have not sent a whole head yet, there are at most ``WAITING_EACH`` of one address and ``WAITING_ALL`` of
all. One more ends the *oldest*: an honest head takes one moment, so a ward behind one address, or a proxy, gets in
even while somebody beside it opens connections as fast as they can. Only where no connection waits, and ``MOST`` are
at work, a new one is refused. They don't count among uvicorn's own, which would answer 503 to everybody.
"""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.console.places import place

HEAD_S: Final = 10.0
"""A head is one packet or two; also on a slow line that takes a second."""

BODY_S: Final = 30.0
BODY_PACE: Final = 16 * 1024
"""Bytes in each ``BODY_S``: all that most routes take in. GPRS is eight times as fast."""

READ_S: Final = 60.0
"""Without any byte taken in that long, there is nobody any more."""

STUCK: Final = 200
"""Connections that do not take in what is sent to them, for a moment or longer: slow telephones are a few."""

WAITING_EACH: Final = 128
"""Connections of one address without a whole head: browsers open up to six, and use them at once."""

WAITING_ALL: Final = 400

MOST: Final = 900
"""All connections: some 100 kB each keep the console from eating the gateway's memory, and there are 1,024 files
at least that a process may have open."""


_NEAR: Final = frozenset({"127.0.0.1", "::/64"})
"""This machine: a proxy on it keeps connections for everybody, and sends whole heads only."""


class Connections:
    """What all connections of a server share."""

    def __init__(
        self, *, each: int = WAITING_EACH, waiting: int = WAITING_ALL, most: int = MOST, stuck: int = STUCK
    ) -> None:
        self._each, self._waiting, self._most, self._stuck_most = each, waiting, most, stuck
        self._stuck: dict[Patient, None] = {}
        """Who does not take in what it asked for, the longest first."""
        self._open: set[Patient] = set()
        self._by_place: dict[str, dict[Patient, None]] = {}
        self._heads: dict[Patient, str] = {}
        """Who has not sent a whole head, the oldest first, and from where."""

    def came(self, one: "Patient", where: str) -> None:
        """A new connection; another one, or itself, ends when there are too many."""
        self._open.add(one)
        self.waits(one, where)
        mine = self._by_place[where]
        if len(mine) > self._each and where not in _NEAR:
            next(iter(mine)).end()
        elif len(self._open) > self._most and self._stuck:
            next(iter(self._stuck)).end()
        elif len(self._heads) > self._waiting or len(self._open) > self._most:
            next(iter(self._heads)).end()

    def stuck(self, one: "Patient") -> None:
        """It does not take in what it asked for."""
        if one in self._open:
            self._stuck.setdefault(one)
        if len(self._stuck) > self._stuck_most:
            next(iter(self._stuck)).end()

    def flows(self, one: "Patient") -> None:
        """It takes in something."""
        self._stuck.pop(one, None)

    def waits(self, one: "Patient", where: str) -> None:
        """It has not sent a whole head, or is to send another one."""
        if one in self._open and one not in self._heads:
            self._heads[one] = where
            self._by_place.setdefault(where, {})[one] = None

    def works(self, one: "Patient") -> None:
        """Its head is whole."""
        where = self._heads.pop(one, None)
        if where is not None:
            mine = self._by_place[where]
            del mine[one]
            if not mine:
                del self._by_place[where]

    def went(self, one: "Patient") -> None:
        """It is over."""
        self.works(one)
        self.flows(one)
        self._open.discard(one)

    @property
    def waiting(self) -> int:
        """How many have not sent a whole head."""
        return len(self._heads)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._open)


class Patient(H11Protocol):
    """uvicorn's connection, with an end to its patience."""

    door: Connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._place = place(self.client[0] if self.client else "")
        self._since: tuple[Any, Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._came = 0
        self.door.came(self, self._place)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        self._came += len(data)
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """An answer is sent: wait for the next head."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop("_timer")
        self._stop("_reading")
        self.door.went(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The other side is slower in reading than we are in writing."""
        super().pause_writing()
        self.door.stuck(self)
        self._read_on()

    def resume_writing(self) -> None:
        """The other side has caught up."""
        super().resume_writing()
        self.door.flows(self)
        self._stop("_reading")

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked for."""
        super().timeout_keep_alive_handler()
        self._read_on()  # closing waits until all was taken in

    def end(self) -> None:
        """End it at once, whatever it was about to say."""
        self._stop("_timer")
        self._stop("_reading")
        self.door.went(self)
        self.transport.abort()

    def _watch(self) -> None:
        """Set the timer that fits what is waited for now; one for each request, so that dribbling does not help."""
        state = self.conn.their_state
        what = (state, self.cycle) if state in (h11.IDLE, h11.SEND_BODY) else None
        if what == self._since or self.transport.is_closing():
            return
        self._since = what
        self._stop("_timer")
        if state is h11.IDLE:
            self.door.waits(self, self._place)
            self._timer = self.loop.call_later(HEAD_S, self.end)
            return
        self.door.works(self)
        if state is h11.SEND_BODY:
            self._timer = self.loop.call_later(BODY_S, self._paced, self._came)

    def _paced(self, before: int) -> None:
        refused = self.cycle.response_complete  # the rest is only read so that the other side sees the answer
        if refused or (self._came - before < BODY_PACE and not self.flow.read_paused):
            self.end()
            return
        self._timer = self.loop.call_later(BODY_S, self._paced, self._came)

    def _read_on(self, before: int | None = None) -> None:
        """Look, again and again, whether what is to be sent gets less."""
        left = self.transport.get_write_buffer_size()
        if before is not None and left >= before:
            self.end()
            return
        self._stop("_reading")
        self._reading = self.loop.call_later(READ_S, self._read_on, left)

    def _stop(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)


def patient(door: Connections) -> type[asyncio.Protocol]:
    """The protocol for :class:`uvicorn.Config` (``http=``), for the connections of one server."""

    class Served(Patient):
        pass

    Served.door = door
    return Served
