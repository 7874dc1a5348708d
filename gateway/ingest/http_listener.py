"""The listener for POSTs: who may, how much, how fast; then the message stands in line until it is on disk.

``POST /in/{source}`` (and ``/in/{source}/{anything}``, which a topic template may use). The answer is 200 when, and
only when, the message is committed. Everything else is problem+json (RFC 9457). See docs/http-ingest.md.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from gateway.clock import monotonic
from gateway.errors import ListenError
from gateway.ingest.http_certificate import HttpCertificate
from gateway.ingest.http_door import Door
from gateway.ingest.http_limits import Bucket
from gateway.ingest.http_options import HttpOptions, HttpSender
from gateway.ingest.http_problems import RefusedError, on_any_error, on_http_error, on_refused
from gateway.ingest.http_replays import Replays
from gateway.ingest.http_server import Server, config_of, listen_at
from gateway.ingest.http_source import HttpSource, LineFullError, Offer
from gateway.settings.topic_template import fill

_LOG = structlog.get_logger(__name__)

LISTEN_AGAIN_S = 5.0
"""Real seconds until it is tried again after the address could not be listened at."""
_STORED = b'{"stored":true}'

Ask = Request[Any, Any, Any]
Rest = Annotated[str, PathParameter(description="Name of the source, and what a topic template may use.")]


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
        self._door = Door(self._senders, seconds)
        self._buckets = {sender.name: Bucket(sender.rate_per_s, sender.burst, seconds) for sender in senders}
        self._again = {sender.name: Bucket(sender.rate_per_s, sender.burst, seconds) for sender in senders}
        self._replays = Replays(seconds)
        self._on_ready = on_ready
        self._stopping = False
        self.listening = False
        """Whether devices and clouds can POST now."""
        self._certificate: HttpCertificate | None = None

    @property
    def lanes(self) -> tuple[HttpSource, ...]:
        """The sources that it feeds."""
        return tuple(self._lanes.values())

    @property
    def certificate(self) -> bytes | None:
        """The PEM text of the certificate that whoever connects now gets; None: it does not listen, or speaks HTTP."""
        return self._certificate.pem if self.listening and self._certificate is not None else None

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
        certificate = None if options.cert is None else HttpCertificate(options.cert, options.key)
        config = config_of(self.app(), None if certificate is None else certificate.context)
        listening = listen_at(options.host, options.port)
        port = int(listening.getsockname()[1])

        def ready() -> None:
            _LOG.info("http.listening", host=options.host, port=port, sources=sorted(self._senders))
            self.listening, self._certificate = True, certificate
            if self._on_ready:
                self._on_ready(options.host, port)

        server = Server(config, ready)
        # uvicorn's public serve() takes over SIGINT and SIGTERM, which are the gateway's
        running = asyncio.ensure_future(server._serve(sockets=[listening]))  # noqa: SLF001
        renewing = None if certificate is None else asyncio.create_task(certificate.run())
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
            if renewing is not None:
                renewing.cancel()
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
        await self._door.known(request, rest)
        return Response(b"", status_code=200, media_type="text/plain")

    async def _take(self, request: Ask, rest: Rest) -> Response[bytes]:
        """A message: stand in line until it is on disk.

        Only who has shown who it is takes from a source's rate: a signature stands over the message, so that is read
        first.
        """
        sender, path = await self._door.known(request, rest)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the message without compression.")
        signed = sender.auth.needs_body
        if not signed:
            _take_from(self._buckets[sender.name], sender)
        body = await self._body(request, sender)
        first: Offer | None = None
        key = 0
        if signed:
            await self._door.signed(request, sender, body)
            key = hash((sender.name, request.headers["webhook-id"], body))
            first = self._replays.find(key)
            # A message that came before must not use up what new ones need: whoever overheard it may send it for ever.
            _take_from((self._buckets if first is None else self._again)[sender.name], sender)
        if not body:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The message is empty; nothing was stored.")
        lane = self._lanes[sender.lane]
        if first is not None:
            return await self._stored(request, lane, first)
        topic = fill(sender.topic, path=path, query=dict(request.query_params), body=body)
        try:
            offer = lane.offer(source=sender.name, format=sender.format, topic=topic, payload=body)
        except LineFullError:
            raise self._not_now("Too many messages wait; nothing was stored.") from None
        if signed:
            self._replays.note(key, offer)
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


def _take_from(bucket: Bucket, sender: HttpSender) -> None:
    wait_s = bucket.take()
    if wait_s > 0:
        raise RefusedError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"More than {sender.rate_per_s:g} messages a second; nothing was stored.",
            {"Retry-After": str(math.ceil(wait_s))},
        )


async def _left(request: Ask) -> None:
    """Wait until the sender closes the connection."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return
