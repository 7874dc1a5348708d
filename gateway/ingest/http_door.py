"""The door: only known senders come in, and whoever keeps showing a wrong secret is made to wait.

Requests that show nothing, or something wrong, have a bucket of their own for each address they come from; they never
take from a source's rate. When it is empty, the refusal comes late, and only few are kept waiting at a time: the others
are refused at once. A request that shows the right secret is let in at any time, whatever else its address sends,
since a proxy's address is that of all who come through it.
"""

import asyncio
import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request

from gateway.ingest.http_auth import Identity
from gateway.ingest.http_limits import Bucket
from gateway.ingest.http_options import HttpSender
from gateway.ingest.http_problems import RefusedError

_LOG = structlog.get_logger(__name__)

WRONG_PER_S = 1.0
"""Refusals that one address gets without waiting, for long."""
WRONG_AT_ONCE = 20
"""The same, at once: enough for somebody who sets up a sender and tries."""
WAITS_S = 1.0
"""How long a refusal beyond that is held back."""
MOST_WAITING = 20
"""Refusals held back at a time, from all addresses: they must not take the connections that senders need."""
MOST_PEERS = 1_000
"""Addresses remembered; who was quiet longest is forgotten first."""

Ask = Request[Any, Any, Any]


class Door:
    """Knows who comes.

    Args:
        senders: who may come, by name.
        seconds: real time that only goes forward.
        waits_s: how long a refusal is held back.
    """

    def __init__(
        self,
        senders: Mapping[str, HttpSender],
        seconds: Callable[[], float],
        *,
        waits_s: float = WAITS_S,
    ) -> None:
        self._senders = senders
        self._seconds = seconds
        self._waits_s = waits_s
        self._peers: OrderedDict[str, Bucket] = OrderedDict()
        self._waiting = 0
        # Somebody who tries for hours must not fill the disk with our words about it.
        self._words = Bucket(1 / 60, 10, seconds)

    async def known(self, request: Ask, rest: str) -> tuple[HttpSender, str]:
        """The source, and what came after its name in the address (without a secret).

        Raises:
            RefusedError: there is no such source, or it is not the one who asks.
        """
        name, _, path = rest.strip("/").partition("/")
        sender = self._senders.get(name)
        if sender is None:
            await self._hold_back(request)
            raise RefusedError(HTTPStatus.NOT_FOUND, "There is no source of that name; settings: [[http.sources]].")
        first, _, after = path.partition("/")
        identity = sender.auth.check_head(request.headers, first)
        if identity is not Identity.KNOWN:
            raise await self._not_known(request, sender, identity)
        return sender, after if sender.auth.kind == "path" else path

    async def signed(self, request: Ask, sender: HttpSender, body: bytes) -> None:
        """Check the signature over a message.

        Raises:
            RefusedError: it is another's, of another message, or too old.
        """
        identity = sender.auth.check_body(request.headers, body)
        if identity is not Identity.KNOWN:
            raise await self._not_known(request, sender, identity)

    async def _not_known(self, request: Ask, sender: HttpSender, identity: Identity) -> RefusedError:
        if self._words.take() == 0:
            _LOG.warning("http.not_known", source=sender.name, identity=identity.value)
        await self._hold_back(request)
        words = {
            Identity.MISSING: "This source has to show who it is; nothing was stored.",
            Identity.WRONG: "That is not this source's secret; nothing was stored.",
        }
        return RefusedError(HTTPStatus.UNAUTHORIZED, words[identity], {"WWW-Authenticate": sender.auth.challenge})

    async def _hold_back(self, request: Ask) -> None:
        """Slow down an address that was refused too often.

        Raises:
            RefusedError: too many of them are held back already.
        """
        wait_s = self._bucket(peer_of(request)).take()
        if wait_s == 0:
            return
        if self._waiting >= MOST_WAITING:
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Too many requests that don't show who they are; nothing was stored.",
                {"Retry-After": str(math.ceil(wait_s)), "Connection": "close"},
            )
        self._waiting += 1
        try:
            await asyncio.sleep(self._waits_s)
        finally:
            self._waiting -= 1

    def _bucket(self, peer: str) -> Bucket:
        bucket = self._peers.pop(peer, None) or Bucket(WRONG_PER_S, WRONG_AT_ONCE, self._seconds)
        self._peers[peer] = bucket
        while len(self._peers) > MOST_PEERS:
            self._peers.popitem(last=False)
        return bucket


def peer_of(request: Ask) -> str:
    """Where a request comes from: an address, of IPv6 the first half, which is one customer's.

    Behind a proxy on this machine it is the address that the proxy names (X-Forwarded-For).
    """
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4 or address.ipv4_mapped is not None:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
