"""HTTP to providers: what a status means, and how not to become a way into the network that the gateway stands in.

:class:`OpenHttp` speaks to servers that whoever runs the gateway wrote into gateway.toml. :class:`GuardedHttp` speaks
to addresses that others chose (a centre file, a carer's browser): the name is resolved once, every address that it has
must be a public one (or the host allowed by name), the request goes to exactly that address, and redirects are not
followed.
"""

import asyncio
import logging
import socket
from collections.abc import Collection, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
import msgspec

from gateway.notify.channel import PermanentFailure, TemporaryFailure

_TRY_AGAIN = frozenset({408, 425, 429})
"""Of the 4xx those that mean: later. 5xx do too; all others would get the same answer again."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address that is really spoken to."""

MOST_READ = 16 * 1024
"""Bytes of an answer that are read: more than any provider's number takes."""

BODY_WITHIN_S = 3.0
"""Real seconds for the body after the status. The status says whether a message was taken; to wait longer for the rest,
and then to send it again, would only tell a carer twice."""

AGENT = "telecare-gateway"

# Its lines have whole addresses, and some providers want their key in them.
logging.getLogger("httpx").setLevel(logging.WARNING)


class Answered(msgspec.Struct, frozen=True):
    """What a server answered: the status, the beginning of the body, and how long it asked us to wait (seconds)."""

    status: int
    body: bytes
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    def expect_taken(self, success: Collection[int] = ()) -> None:
        """Come back only when the message was taken over: by one of ``success``, or any 2xx when it is empty.

        Raises:
            TemporaryFailure: 408, 425, 429, 5xx: it may work later.
            PermanentFailure: anything else.
        """
        if self.status in success or (not success and self.ok):
            return
        if 300 <= self.status < 400:
            raise PermanentFailure(f"status {self.status}: redirects are not followed; write the final address")
        if self.status in _TRY_AGAIN or self.status >= 500:
            raise TemporaryFailure(f"status {self.status}", retry_after_s=self.retry_after_s)
        raise PermanentFailure(f"status {self.status}")

    def json(self) -> object:
        """The body as JSON; None when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


class OpenHttp:
    """Requests to a server of gateway.toml.

    Args:
        timeout_s: of each wait for the server; whoever calls bounds the whole.
        read_s: longest wait for an answer, where a server holds it back on purpose; None: ``timeout_s``.
    """

    def __init__(self, *, timeout_s: float, read_s: float | None = None) -> None:
        self._client = httpx.AsyncClient(
            verify=httpx.create_ssl_context(trust_env=False),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeout_s, read=read_s or timeout_s),
            headers={"user-agent": AGENT},
        )

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None, now: datetime
    ) -> Answered:
        """One request.

        Raises:
            TemporaryFailure: the server could not be spoken to.
            PermanentFailure: the address is none.
        """
        try:
            request = self._client.build_request(method, url, headers=dict(headers), content=content)
            response = await self._client.send(request, stream=True)
            return await _answered(response, now)
        except httpx.InvalidURL as error:
            raise PermanentFailure("the provider's address is not a web address") from error
        except httpx.HTTPError as error:
            raise TemporaryFailure(f"the request failed: {type(error).__name__}") from error

    async def post_json(self, url: str, body: object, *, headers: Mapping[str, str], now: datetime) -> Answered:
        """POST an object as JSON; raises as :meth:`send`."""
        content = msgspec.json.encode(body)
        return await self.send(
            "POST", url, headers={"content-type": "application/json", **headers}, content=content, now=now
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class GuardedHttp:
    """POSTs to addresses that somebody else chose.

    Args:
        allow_private: host names (or addresses) that may be in a private network.
        timeout_s: for one POST.
        where: the table of gateway.toml that has ``allow_private``, for the text of a refusal.
    """

    def __init__(self, *, allow_private: Collection[str], timeout_s: float, where: str) -> None:
        self._allowed = frozenset(host.lower() for host in allow_private)
        self._timeout_s = timeout_s
        self._where = where
        self._clients: dict[str, httpx.AsyncClient] = {}
        # Reading the authorities' certificates takes some 30 ms: at the start, not in the middle of an alarm.
        self._tls = httpx.create_ssl_context(trust_env=False)
        httpx.AsyncHTTPTransport(verify=self._tls)  # so is loading the connection's code, at the first one made

    async def post(self, address: str, *, headers: Mapping[str, str], content: bytes, now: datetime) -> Answered:
        """One POST.

        Raises:
            TemporaryFailure: the host could not be spoken to.
            PermanentFailure: the address is none, or is not allowed.
        """
        url = checked_url(address)
        addresses = await self._resolved(url)
        connect_s = self._timeout_s / (len(addresses) + 1)
        for target in addresses:
            try:
                return await self._post(url, target, headers, content, now, connect_s)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure: httpx.HTTPError = error
            except httpx.HTTPError as error:
                failure = error
                break  # it may have been heard: no second time in this attempt
        raise TemporaryFailure(f"the request failed: {type(failure).__name__}") from failure

    async def _post(
        self, url: httpx.URL, target: str, headers: Mapping[str, str], content: bytes, now: datetime, connect_s: float
    ) -> Answered:
        request = httpx.Request(
            "POST",
            # To the address that was checked; the name goes into the Host header and the TLS handshake.
            url.copy_with(host=target),
            content=content,
            headers={"host": url.netloc.decode("ascii"), "user-agent": AGENT, **headers},
            extensions={
                "sni_hostname": url.host,
                "timeout": httpx.Timeout(self._timeout_s, connect=connect_s).as_dict(),
            },
        )
        return await _answered(await self._client(url).send(request, stream=True), now)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        # One for each host: since requests go to bare addresses, a shared pool could hand a request for one name
        # a TLS connection whose certificate was checked for another name.
        key = destination(str(url))
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
        if url.host.lower() not in self._allowed and not all(map(is_public, addresses)):
            raise PermanentFailure(
                f"the host is in a private network; add it to allow_private in {self._where} if that is meant"
            )
        if not addresses:
            raise TemporaryFailure("the host's name has no address")
        return list(dict.fromkeys(addresses))


def destination(address: str) -> str:
    """The host and port of an address; empty when it is none."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return ""
    return f"{url.host}:{url.port or url.scheme}"


def checked_url(address: str) -> httpx.URL:
    """An address that may be called as far as its form goes.

    Raises:
        PermanentFailure: it may not; the text does not repeat it.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise PermanentFailure("the contact's address is not a web address") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise PermanentFailure("the contact's address is not a web address that begins with http:// or https://")
    if url.userinfo:
        raise PermanentFailure("the contact's address has a user name or password in it; leave it out")
    return url


def is_public(address: str) -> bool:
    """Whether an IP address is one of the Internet, also when it is wrapped into another one."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not inner.is_global:
            return False
    return found.is_global and not found.is_multicast


async def _answered(response: httpx.Response, now: datetime) -> Answered:
    read = b""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in response.aiter_bytes():
                read += part
                if len(read) > MOST_READ:
                    break
    except TimeoutError:
        pass  # what was read so far must do
    finally:
        await response.aclose()
    return Answered(response.status_code, read[:MOST_READ], _retry_after(response, now))


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Seconds that the server asked us to wait (RFC 9110, 10.2.3: seconds or a date)."""
    said = response.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds())
    except (ValueError, TypeError):
        return None
