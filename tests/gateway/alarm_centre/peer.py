"""An alarm receiving centre of the tests: real UDP and TCP sockets, and a memory of what came."""

import asyncio
from collections.abc import Callable

from gateway.notify import sip
from gateway.notify.sip import Message
from gateway.notify.xml import local, read, text_of


def mrs(request: bytes, snu: str = "0", **more: str) -> bytes:
    """The answer to an mrq."""
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return f"<mrs><ref>{text_of(read(request), 'ref')}</ref><snu>{snu}</snu>{fields}</mrs>".encode()


Script = Callable[[Message, int], list[Message | None]]
"""What the centre sends back to the n-th datagram (from 0); None stands for nothing."""


def says(status: int, *, snu: str | None = None, headers: tuple[tuple[str, str], ...] = ()) -> Script:
    """Always the same status; with ``snu`` an mrs in the body."""

    def script(request: Message, _: int) -> list[Message | None]:
        answer = sip.response(request, status, "As Told", tag="arc")
        body = b"" if snu is None else mrs(request.body, snu)
        return [Message(answer.start, (*answer.headers, *headers), body)]

    return script


class UdpCentre(asyncio.DatagramProtocol):
    """Listens on a free UDP port of this machine."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.heard: list[Message] = []
        self.answers: list[Message] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport

    async def start(self) -> "UdpCentre":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = sip.read(data)
        if message.status is not None:
            self.answers.append(message)
            return
        self.heard.append(message)
        for answer in self.script(message, len(self.heard) - 1):
            if answer is not None:
                self._transport.sendto(sip.write(answer), addr)

    def send(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)

    def stop(self) -> None:
        self._transport.close()

    def kinds(self) -> list[str | None]:
        """``mty`` of what came."""
        return [text_of(read(message.body), "mty") for message in self.heard if local(read(message.body)) == "mrq"]
