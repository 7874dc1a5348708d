"""The socket or connection below the SIP client: bytes out, whole messages in."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, TypeAlias

import msgspec
import structlog

from gateway.notify import sip
from gateway.notify.sip import Message, SipError

_LOG = structlog.get_logger(__name__)

Transport: TypeAlias = Literal["udp", "tcp", "tls"]


class Flow(asyncio.DatagramProtocol):
    """One socket or connection; what comes in goes to ``heard`` message by message."""

    def __init__(self, heard: "Callable[[Flow, Message], None]", gone: Callable[[], None]) -> None:
        self._heard, self._gone = heard, gone
        self.closed = False
        self.local = "localhost"
        self.datagrams: asyncio.DatagramTransport | None = None
        self.writer: asyncio.StreamWriter | None = None
        self.reading: asyncio.Task[None] | None = None

    def send(self, data: bytes) -> None:
        """Hand over the bytes of a message; whether they arrive shows in the answer."""
        if self.datagrams is not None:
            self.datagrams.sendto(data)
        elif self.writer is not None:
            self.writer.write(data)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """A datagram came."""
        del addr  # the socket is connected: nobody else is heard
        try:
            self._heard(self, sip.read(data))
        except SipError as error:
            _LOG.info("sip.not_understood", error=str(error))

    def error_received(self, exc: Exception) -> None:
        """The system says that a datagram did not arrive."""
        # "connection refused" of an ICMP: the retransmission goes on, the proxy may be starting
        _LOG.info("sip.datagram_refused", error=type(exc).__name__)

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Read a stream until it ends or says something that is no SIP."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                if not head:
                    continue  # a keep-alive (RFC 5626, 3.5.1)
                message = sip.read_head(head.removesuffix(b"\r\n\r\n"))
                length = sip.content_length(message)
                body = await reader.readexactly(length or 0)
                self._heard(self, msgspec.structs.replace(message, body=body))
        except (SipError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _LOG.info("sip.connection_ended", error=type(error).__name__)
        finally:
            self.closed = True
            if self.writer is not None:
                self.writer.close()
            self._gone()

    async def close(self) -> None:
        """Close it; whoever still waits learns that."""
        self.closed = True
        if self.datagrams is not None:
            self.datagrams.close()
        if self.reading is not None:
            self.reading.cancel()
            with suppress(asyncio.CancelledError):
                await self.reading


async def open_flow(
    host: str,
    port: int,
    transport: Transport,
    heard: Callable[[Flow, Message], None],
    gone: Callable[[], None],
) -> Flow:
    """Open a socket or connection.

    Args:
        host: name or address.
        port: port.
        transport: udp, tcp or tls.
        heard: called with each message that comes in.
        gone: called when a connection is lost.

    Raises:
        OSError: it can't be opened.
    """
    loop = asyncio.get_running_loop()
    flow = Flow(heard, gone)
    if transport == "udp":
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, _, _, _, where = found[0]
        remote = (str(where[0]), port)
        datagrams, _ = await loop.create_datagram_endpoint(lambda: flow, remote_addr=remote, family=family)
        flow.datagrams = datagrams
        name = datagrams.get_extra_info("sockname")
    else:
        context = ssl.create_default_context() if transport == "tls" else None
        reader, flow.writer = await asyncio.open_connection(host, port, ssl=context, limit=sip.LARGEST)
        flow.reading = asyncio.create_task(flow.read(reader))
        name = flow.writer.get_extra_info("sockname")
    flow.local = f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    return flow
