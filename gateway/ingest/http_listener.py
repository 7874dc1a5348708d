"""The listener for POSTs: who may, how much, how fast; then the message stands in line until it is on disk.

``POST /in/{source}`` (and ``/in/{source}/{anything}``, which a topic template may use). The answer is 200 when, and
only when, the message is committed. Everything else is problem+json (RFC 9457). See docs/http-ingest.md.
"""

import asyncio
import math
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
import uvicorn
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from gateway.clock import monotonic
from gateway.errors import ListenError
from gateway.ingest.http_auth import HttpAuth, Identity
from gateway.ingest.http_limits import Bucket
from gateway.ingest.http_problems import RefusedError, on_any_error, on_http_error, on_refused
from gateway.ingest.http_protocol import BoundedProtocol
from gateway.ingest.http_source import HttpSource, LineFullError, Offer
from gateway.settings.topic_template import fill

_LOG = structlog.get_logger(__name__)

GRACE_S = 2
"""How long answers may take to leave when the gateway stops; nobody waits for the store any more then."""
LISTEN_AGAIN_S = 5.0
"""Real seconds until it is tried again after the address could not be listened at."""
_STORED = b'{"stored":true}'

Ask = Request[Any, Any, Any]
Rest = Annotated[str, PathParameter(description="Name of the source, and what a topic template may use.")]


class HttpSender(msgspec.Struct, frozen=True, kw_only=True):
    """One source: a device, a cloud or a bridge that POSTs."""

    name: str
    format: str
    lane: str
    """Name of the HttpSource that takes its messages."""
    topic: str
    """Template, see gateway.settings.topic_template."""
    auth: HttpAuth
    max_body_bytes: int = 64 * 1024
    rate_per_s: float = 100.0
    burst: int = 1000


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, and how patient to be; seconds of real time."""

    host: str = "127.0.0.1"
    port: int = 0
    cert: Path | None = None
    key: Path | None = None
    answer_within_s: float = 10.0
    body_within_s: float = 10.0


class _Server(uvicorn.Server):
    """uvicorn's server, asked to tell when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


class HttpListener:
    """Listens until cancelled.

    Args:
        options: where, and time limits.
        senders: who may POST.
        lanes: the sources that take the messages, by name.
        seconds: real time that only goes forward, for the rates.
        on_ready: called with host and port when it listens.
    """

    def __init__(
        self,
        options: HttpOptions,
        *,
        senders: Sequence[HttpSender],
        lanes: Mapping[str, HttpSource],
        seconds: Callable[[], float] = monotonic,
        on_ready: Callable[[str, int], None] | None = None,
    ) -> None:
        self._options = options
        self._senders = {sender.name: sender for sender in senders}
        self._lanes = lanes
        self._buckets = {sender.name: Bucket(sender.rate_per_s, sender.burst, seconds) for sender in senders}
        self._on_ready = on_ready
        self._stopping = False
        self.listening = False
        """Whether devices and clouds can POST now."""
        # Somebody who tries for hours must not fill the disk with our words about it.
        self._words = Bucket(1 / 60, 10, seconds)

    @property
    def lanes(self) -> tuple[HttpSource, ...]:
        """The sources that it feeds."""
        return tuple(self._lanes.values())

    async def run(self) -> None:
        """Listen until cancelled; when the address is taken, try again: MQTT alarms must be heard all the same."""
        while True:
            try:
                await self.serve()
            except ListenError as error:
                _LOG.error("http.not_listening", error=str(error))
            await asyncio.sleep(LISTEN_AGAIN_S)

    async def serve(self) -> None:
        """Listen until cancelled; then who waits gets 503 at once, and it returns.

        Raises:
            ListenError: the address can't be listened at, or the certificate can't be used.
            asyncio.CancelledError: it was cancelled, after the clean end.
        """
        options = self._options
        listening = _listen(options.host, options.port)
        try:
            config = uvicorn.Config(
                self.app(),
                http=BoundedProtocol,
                log_config=None,
                log_level="error",  # whoever sends rubbish must not fill the disk with our words about it
                access_log=False,
                lifespan="off",
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=options.cert,
                ssl_keyfile=options.key,
            )
            config.load()
        except (OSError, ssl.SSLError) as error:
            listening.close()
            raise ListenError(f"http: the certificate or its key can't be used: {error}") from error
        port = int(listening.getsockname()[1])

        def ready() -> None:
            _LOG.info("http.listening", host=options.host, port=port, sources=sorted(self._senders))
            self.listening = True
            if self._on_ready:
                self._on_ready(options.host, port)

        server = _Server(config, ready)
        # uvicorn's public serve() takes over SIGINT and SIGTERM, which are the gateway's
        running = asyncio.ensure_future(server._serve(sockets=[listening]))  # noqa: SLF001
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            self._stopping = True
            for lane in self._lanes.values():
                lane.close()
            server.should_exit = True
            await running
            raise
        finally:
            self.listening = False
            listening.close()
            _LOG.info("http.stopped", port=port)

    def app(self) -> Litestar:
        """The application, for the server and for tests without one."""
        most = max((sender.max_body_bytes for sender in self._senders.values()), default=1)
        return Litestar(
            route_handlers=[
                HTTPRouteHandler("/in/{rest:path}", http_method="POST", status_code=200)(self._take),
                HTTPRouteHandler("/in/{rest:path}", http_method=["GET", "HEAD"], status_code=200)(self._greet),
            ],
            exception_handlers={RefusedError: on_refused, HTTPException: on_http_error, Exception: on_any_error},
            # The sources' own limits are at most this; what is larger is cut off by Litestar while it is read.
            request_max_body_size=most,
            openapi_config=None,
            logging_config=None,
            debug=False,
        )

    async def _greet(self, request: Ask, rest: Rest) -> Response[bytes]:
        """Some clouds ask once whether there is anybody before they POST (Withings does it with HEAD)."""
        self._known(request, rest)
        return Response(b"", status_code=200, media_type="text/plain")

    async def _take(self, request: Ask, rest: Rest) -> Response[bytes]:
        """A message: stand in line until it is on disk."""
        sender, path = self._known(request, rest)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the message without compression.")
        wait_s = self._buckets[sender.name].take()
        if wait_s > 0:
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"More than {sender.rate_per_s:g} messages a second; nothing was stored.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        body = await self._body(request, sender)
        if sender.auth.needs_body and sender.auth.check_body(request.headers, body) is not Identity.KNOWN:
            raise self._not_known(sender, Identity.WRONG)
        if not body:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The message is empty; nothing was stored.")
        topic = fill(sender.topic, path=path, query=dict(request.query_params), body=body)
        lane = self._lanes[sender.lane]
        try:
            offer = lane.offer(source=sender.name, format=sender.format, topic=topic, payload=body)
        except LineFullError:
            raise self._not_now("Too many messages wait; nothing was stored.") from None
        return await self._stored(request, lane, offer)

    async def _stored(self, request: Ask, lane: HttpSource, offer: Offer) -> Response[bytes]:
        leaving = asyncio.ensure_future(_left(request))
        ends: set[asyncio.Future[Any]] = {offer.stored, leaving}
        try:
            await asyncio.wait(ends, timeout=self._options.answer_within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not offer.stored.done() or offer.stored.cancelled() or leaving.done():
                lane.unanswered(offer)
            else:
                lane.answered(offer)
        if offer.stored.done() and not offer.stored.cancelled():
            return Response(_STORED, status_code=200, media_type="application/json")
        raise self._not_now("It could not be stored in time; please send it again.")

    def _known(self, request: Ask, rest: str) -> tuple[HttpSender, str]:
        """The source, and what came after its name in the address (without a secret).

        Raises:
            RefusedError: there is no such source, or it is not the one who asks.
        """
        name, _, path = rest.strip("/").partition("/")
        sender = self._senders.get(name)
        if sender is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "There is no source of that name; settings: [[http.sources]].")
        first, _, after = path.partition("/")
        identity = sender.auth.check_head(request.headers, first)
        if identity is not Identity.KNOWN:
            raise self._not_known(sender, identity)
        return sender, after if sender.auth.kind == "path" else path

    def _not_known(self, sender: HttpSender, identity: Identity) -> RefusedError:
        if self._words.take() == 0:
            _LOG.warning("http.not_known", source=sender.name, identity=identity.value)
        words = {
            Identity.MISSING: "This source has to show who it is; nothing was stored.",
            Identity.WRONG: "That is not this source's secret; nothing was stored.",
        }
        return RefusedError(HTTPStatus.UNAUTHORIZED, words[identity], {"WWW-Authenticate": sender.auth.challenge})

    async def _body(self, request: Ask, sender: HttpSender) -> bytes:
        too_large = RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"A message has at most {sender.max_body_bytes} bytes; nothing was stored.",
        )
        announced = request.headers.get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced) > sender.max_body_bytes:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._options.body_within_s):
                async for part in request.stream():
                    size += len(part)
                    if size > sender.max_body_bytes:
                        raise too_large
                    parts.append(part)
        except TimeoutError:
            raise RefusedError(
                HTTPStatus.REQUEST_TIMEOUT, "The message took too long; nothing was stored.", {"Connection": "close"}
            ) from None
        return b"".join(parts)

    def _not_now(self, detail: str) -> RefusedError:
        if self._stopping:
            return RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "The gateway stops; please send it again.", {"Retry-After": "5"}
            )
        return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})


async def _left(request: Ask) -> None:
    """Wait until the sender closes the connection."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ListenError(f"http: {host}:{port}: {error}. Name an address of this machine.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise ListenError(f"http: {host}:{port}: {error}. Is it taken? Port 0 takes a free one.") from error
    return listening
