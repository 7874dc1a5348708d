"""Channel ``webhook``: a signed HTTP POST (Standard Webhooks); docs/webhook.md is the contract for receivers.

An address in a centre file must not become a way into the network that the gateway stands in. So the name is resolved
once, every address that it has must be a public one (or the host allowed by name), the request goes to exactly that
address, and redirects are not followed.
"""

import asyncio
import socket
from collections.abc import Collection
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
import msgspec
from standardwebhooks import Webhook

from gateway.clock import to_ms
from gateway.notify.channel import MOST_WORKERS, Outgoing, PermanentFailure, Sent, TemporaryFailure

_TRY_AGAIN = frozenset({408, 425, 429})
"""Of the 4xx those that mean: later. 5xx do too; all others would get the same answer again."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address that is really spoken to."""

_MOST_READ = 16 * 1024
"""Bytes of an answer that are read: only its status counts, but a read-out connection can be used again."""


class Body(msgspec.Struct, kw_only=True):
    """The JSON body. Times are RFC 3339 in UTC. No name, no position and no reading: they are behind the link."""

    type: str
    timestamp: datetime
    data: "Data"


class Data(msgspec.Struct, kw_only=True):
    """What happened, as docs/webhook.md tells it."""

    alert: int
    notification: int
    purpose: str
    carer: str
    priority: str
    rule: str
    room: str | None
    device: str | None
    raised_at: datetime
    observed_at: datetime
    language: str
    title: str
    text: str
    link: str


class WebhookChannel:
    """Tells a web service.

    Args:
        secret: what requests are signed with, ``whsec_`` and Base64.
        allow_private: host names (or addresses) that may be in a private network.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "webhook"
    workers = MOST_WORKERS

    def __init__(self, *, secret: str, allow_private: Collection[str] = (), timeout_s: float = 10.0) -> None:
        self._signing = Webhook(secret)
        self._allowed = frozenset(host.lower() for host in allow_private)
        self.timeout_s = timeout_s
        self._clients: dict[str, httpx.AsyncClient] = {}
        # Reading the authorities' certificates takes some 30 ms: at the start, not in the middle of an alarm.
        self._tls = httpx.create_ssl_context(trust_env=False)
        httpx.AsyncHTTPTransport(verify=self._tls)  # so is loading the connection's code, at the first one made

    def destination(self, address: str) -> str:
        """The host and port of the address."""
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            return ""
        return f"{url.host}:{url.port or url.scheme}"

    async def send(self, message: Outgoing) -> Sent:
        """POST it; 2xx is success, 408, 425, 429, 5xx and network errors may pass, everything else is for good."""
        url = _url(message.address)
        addresses = await self._resolved(url)
        for target in addresses:
            try:
                response = await self._post(url, target, message, connect_s=self.timeout_s / (len(addresses) + 1))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure: httpx.HTTPError = error
            except httpx.HTTPError as error:
                failure = error
                break  # it may have been heard: no second time in this attempt
            else:
                _judge(response, message.now)
                return Sent()
        raise TemporaryFailure(f"the request failed: {type(failure).__name__}") from failure

    async def _post(self, url: httpx.URL, target: str, message: Outgoing, *, connect_s: float) -> httpx.Response:
        content = msgspec.json.encode(_body(message))
        identity = f"msg_{message.idempotency}"
        request = httpx.Request(
            "POST",
            # To the address that was checked; the name goes into the Host header and the TLS handshake.
            url.copy_with(host=target),
            content=content,
            headers={
                "host": url.netloc.decode("ascii"),
                "content-type": "application/json",
                "user-agent": "telecare-gateway",
                "webhook-id": identity,
                "webhook-timestamp": str(to_ms(message.now) // 1000),
                "webhook-signature": self._signing.sign(identity, message.now, content.decode()),
            },
            extensions={
                "sni_hostname": url.host,
                "timeout": httpx.Timeout(self.timeout_s, connect=connect_s).as_dict(),
            },
        )
        response = await self._client(url).send(request, stream=True)
        try:
            await _read_some(response)
        finally:
            await response.aclose()
        return response

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        # One for each host: since requests go to bare addresses, a shared pool could hand a request for one name
        # a TLS connection whose certificate was checked for another name.
        key = self.destination(str(url))
        client = self._clients.get(key)
        if client is None:
            client = httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False)
            self._clients[key] = client
        return client

    async def _resolved(self, url: httpx.URL) -> list[str]:
        """The addresses to speak to, the first one first; every one that the name has must be allowed."""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise TemporaryFailure("the host's name can't be resolved") from error
        addresses = [str(entry[4][0]) for entry in found]
        if url.host.lower() not in self._allowed and not all(map(_is_public, addresses)):
            raise PermanentFailure(
                "the host is in a private network; add it to allow_private in [channels.webhook] if that is meant"
            )
        if not addresses:
            raise TemporaryFailure("the host's name has no address")
        return list(dict.fromkeys(addresses))


def _url(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise PermanentFailure("the contact's address is not a web address") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise PermanentFailure("the contact's address is not a web address that begins with http:// or https://")
    if url.userinfo:
        raise PermanentFailure("the contact's address has a user name or password in it; leave it out")
    return url


def _is_public(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not inner.is_global:
            return False
    return found.is_global and not found.is_multicast


def _body(message: Outgoing) -> Body:
    return Body(
        type=f"alert.{message.purpose}",
        timestamp=message.now,
        data=Data(
            alert=message.alert,
            notification=message.notification,
            purpose=message.purpose,
            carer=message.carer,
            priority=message.priority,
            rule=message.rule,
            room=message.room,
            device=message.device,
            raised_at=message.raised_at,
            observed_at=message.observed_at,
            language=message.language,
            title=message.title,
            text=message.body,
            link=message.link,
        ),
    )


async def _read_some(response: httpx.Response) -> None:
    read = 0
    async for part in response.aiter_raw():
        read += len(part)
        if read > _MOST_READ:
            return


def _judge(response: httpx.Response, now: datetime) -> None:
    status = response.status_code
    if response.is_success:
        return
    if response.is_redirect:
        raise PermanentFailure(f"status {status}: redirects are not followed; write the final address into the contact")
    if status in _TRY_AGAIN or status >= 500:
        raise TemporaryFailure(f"status {status}", retry_after_s=_retry_after(response, now))
    raise PermanentFailure(f"status {status}")


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Seconds that the receiver asked us to wait (RFC 9110, 10.2.3: seconds or a date)."""
    said = response.headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds())
    except (ValueError, TypeError):
        return None
