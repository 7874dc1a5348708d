"""A SIP client that sends MESSAGEs and hears the answers: UDP with retransmission, TCP, and TLS.

The non-INVITE client transaction of RFC 3261, 17.1.2: over UDP a request is sent again after T1, 2 T1, 4 T1 … at most
T2 apart, until the final response, for 64 T1 at most. The other side may answer in the body of the 200, or with a
MESSAGE of its own on the same flow, which is answered with 200 here.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from gateway.notify import sip
from gateway.notify.channel import PermanentFailure, TemporaryFailure
from gateway.notify.sip import Message, SipError
from gateway.notify.sip_flow import Flow, Transport, open_flow

T1_S: Final = 0.5
"""RFC 3261, 17.1.1.1: an estimate of the round trip."""
T2_S: Final = 4.0
"""RFC 3261, 17.1.2.2: the longest time between two retransmissions."""

_LATER: Final = frozenset({408, 423, 429, 480, 486, 491, 600})
"""Statuses below 500 (and 600, busy everywhere) that mean: try again. 5xx do too."""


class Reply(msgspec.Struct, frozen=True):
    """The final response, and the body that answers: the response's own, or that of a MESSAGE that followed."""

    status: int
    body: bytes


class SipClient:
    """Sends to one proxy (or straight to the receiver).

    Args:
        host: the proxy's name or address.
        port: its port.
        transport: ``udp``, ``tcp`` or ``tls``.
        sender: SIP address that messages come from.
        route: whether the proxy is entered as a Route (RFC 3261, 16.12); needed when it is not the receiver's own.
        username: for digest authentication; None: none.
        password: for digest authentication.
        t1_s: see T1_S.
        t2_s: see T2_S.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        transport: Transport,
        sender: str,
        route: bool = False,
        username: str | None = None,
        password: str | None = None,
        t1_s: float = T1_S,
        t2_s: float = T2_S,
    ) -> None:
        self._host, self._port, self._transport = host, port, transport
        self._sender = sender
        scheme = f"sip:{host}:{port}"
        self._route = (scheme if transport == "udp" else f"{scheme};transport={transport}") if route else None
        self._username, self._password = username, password
        self._t1_s, self._t2_s = t1_s, t2_s
        self._flow: Flow | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[str, asyncio.Queue[Message]] = {}
        self._listeners: list[tuple[Callable[[bytes], bool], asyncio.Future[bytes]]] = []

    async def message(
        self, to: str, content_type: str, body: bytes, *, answers: Callable[[bytes], bool] | None = None
    ) -> Reply:
        """Send one MESSAGE and wait for its final response.

        Args:
            to: SIP address of the receiver.
            content_type: of the body.
            body: the body.
            answers: says whether a body answers this message; with it, a 2xx whose body does not is not the end: a
                MESSAGE with such a body is waited for, as long as the caller has patience. None: a 2xx is enough.

        Raises:
            TemporaryFailure: no answer, no connection, or a status that may pass.
            PermanentFailure: a status that will stay, credentials that are refused, or an address that is none.
        """
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        listener = (answers or (lambda _: False), heard)
        self._listeners.append(listener)
        try:
            final = await self._authorised(to, content_type, body)
            status = final.status or 0
            if not 200 <= status < 300:
                _refuse(final)
            if answers is None or answers(final.body):
                return Reply(status, final.body)
            return Reply(status, await heard)
        except SipError as error:
            raise PermanentFailure(f"SIP: {error}") from error
        except OSError as error:
            raise TemporaryFailure(f"SIP: no connection: {type(error).__name__}") from error
        finally:
            self._listeners.remove(listener)

    async def _authorised(self, to: str, content_type: str, body: bytes) -> Message:
        call_id, tag = f"{secrets.token_hex(12)}@telecare", secrets.token_hex(6)

        async def once(number: int, *more: tuple[str, str]) -> Message:
            flow = await self._connected()
            made = sip.request(
                to,
                sender=self._sender,
                via=f"{self._transport.upper()} {flow.local}",
                branch=f"z9hG4bK{secrets.token_hex(8)}",
                tag=tag,
                call_id=call_id,
                number=number,
                content_type=content_type,
                body=body,
                route=self._route,
                more=more,
            )
            return await self._transaction(flow, made)

        final = await once(1)
        if final.status in {401, 407} and self._username is not None and self._password is not None:
            header = sip.credentials(
                final,
                method="MESSAGE",
                uri=to,
                username=self._username,
                password=self._password,
                nonce=secrets.token_hex(8),
            )
            if header is not None:
                final = await once(2, header)
        return final

    async def _transaction(self, flow: Flow, request: Message) -> Message:
        branch, data = request.branch or "", sip.write(request)
        queue: asyncio.Queue[Message] = asyncio.Queue(maxsize=16)
        self._waiting[branch] = queue
        try:
            async with asyncio.timeout(64 * self._t1_s):
                wait_s: float | None = self._t1_s if self._transport == "udp" else None
                sent = False
                while True:
                    if wait_s is not None or not sent:
                        flow.send(data)
                        sent = True
                    try:
                        async with asyncio.timeout(wait_s):
                            answer = await queue.get()
                    except TimeoutError:
                        wait_s = min(2 * (wait_s or self._t2_s), self._t2_s)
                        continue
                    if (answer.status or 0) >= 200:
                        return answer
                    # a provisional response: somebody has it; from now on only every T2
                    wait_s = self._t2_s if wait_s is not None else None
        except TimeoutError as error:
            raise TemporaryFailure(f"SIP: no answer within {64 * self._t1_s:g} s") from error
        finally:
            del self._waiting[branch]

    async def _connected(self) -> Flow:
        async with self._opening:
            if self._flow is None or self._flow.closed:
                self._flow = await open_flow(self._host, self._port, self._transport, self._heard, self._gone)
            return self._flow

    def _heard(self, flow: Flow, message: Message) -> None:
        if message.status is not None:
            queue = self._waiting.get(message.branch or "")
            if queue is not None and not queue.full():
                queue.put_nowait(message)
            return
        if message.method == "ACK":
            return
        status, reason = 405, "Method Not Allowed"
        if message.method == "MESSAGE":
            status, reason = 200, "OK"
            for fits, heard in self._listeners:
                if not heard.done() and fits(message.body):
                    heard.set_result(message.body)
        elif message.method == "OPTIONS":
            status, reason = 200, "OK"
        with suppress(SipError):
            flow.send(sip.write(sip.response(message, status, reason, tag=secrets.token_hex(6))))

    def _gone(self) -> None:
        """The connection was lost: whoever waits on it need not wait any longer."""
        gone = Message("SIP/2.0 503 Connection Lost", ())
        for queue in self._waiting.values():
            if not queue.full():
                queue.put_nowait(gone)
        for _, heard in self._listeners:
            if not heard.done():
                heard.set_exception(TemporaryFailure("SIP: the connection was lost"))
                heard.exception()  # whoever waits gets it; when nobody does, that is no mistake

    async def close(self) -> None:
        """Close the connection."""
        if self._flow is not None:
            await self._flow.close()
            self._flow = None


def _refuse(final: Message) -> None:
    status = final.status or 0
    reason = f"SIP status {status}"
    if status in _LATER or 500 <= status < 600:
        after = (final.header("retry-after") or "").split(";")[0].split("(")[0].strip()
        raise TemporaryFailure(reason, retry_after_s=float(after) if after.isdecimal() else None)
    if status in {401, 407}:
        raise PermanentFailure(f"{reason}: user name or password are missing or refused")
    raise PermanentFailure(reason)
