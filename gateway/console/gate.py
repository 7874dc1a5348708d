"""What is looked at before a body is read, and how much of a body is taken in.

It stands before everything that reads bodies, Litestar's check of the CSRF token included. What somebody who is not
signed in can send is small, has few fields, and is taken apart in a few milliseconds: the event loop that reads it is
the one that tells people of alarms.

- Where a route takes large bodies, its guards are asked before the body is read.
- Forms are read here, whole, with a limit of bytes and of fields, and larger ones beside the event loop. Litestar
  would keep the last thousand forms, with their passwords, in a cache; these are forgotten with the request.
- Of those who are not signed in, only so many may be at sending a body. One more ends the oldest, which an honest
  sender has long finished; so nobody is shut out by others who never finish.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from litestar.connection import Request
from litestar.enums import RequestEncodingType, ScopeType
from litestar.exceptions import ClientException, HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from gateway.console.guards import visitor_of
from gateway.console.places import place_of

SMALL: Final = 16 * 1024
"""Bytes that are taken from anybody, and that are taken apart in the event loop: 25 ms at worst (measured)."""

MOST_FORM: Final = 256 * 1024
"""Bytes of a form without files, from whoever may use a route for more than ``SMALL``. The largest honest one is a
calendar of some years: some 165 KiB. At worst 160 ms of work, beside the loop. A route whose honest forms are larger
says so in its ``opt``: ``most_form``."""

MOST_FIELDS: Final = 2_000
"""Fields of a form; the largest, a long care plan, has some 300. A route whose forms have more says so in its ``opt``:
``most_fields``; who may not use it has been refused before that."""

MOST_PARTS: Final = 50
"""Parts of a form with a file; ours have two."""

MOST_MARKS: Final = 4_000_000
"""Commas and brackets in JSON, which is taken apart at once: some 300 ms. 10,000 residents make about a million."""

SENDING_EACH: Final = 64
"""Bodies under way from one address, of those who are not signed in."""

SENDING_ALL: Final = 512
"""The same from all addresses."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Sending:
    """Who is at sending a body without being signed in, the oldest first."""

    def __init__(self, *, each: int = SENDING_EACH, all_of_them: int = SENDING_ALL) -> None:
        self._each, self._all = each, all_of_them
        self._under_way: dict[object, tuple[str, asyncio.Timeout]] = {}

    @asynccontextmanager
    async def of(self, place: str) -> AsyncIterator[None]:
        """While a body is read; ``TimeoutError`` in it when it has to make room for another one."""
        mark = object()
        mine = [one for one, (where, _) in self._under_way.items() if where == place]
        if len(mine) >= self._each:
            self._end(mine[0])
        elif len(self._under_way) >= self._all:
            self._end(next(iter(self._under_way)))
        async with asyncio.timeout(None) as limit:
            self._under_way[mark] = (place, limit)
            try:
                yield
            finally:
                self._under_way.pop(mark, None)

    def _end(self, mark: object) -> None:
        _, limit = self._under_way.pop(mark)
        limit.reschedule(0.0)  # long ago: at once


class Gate:
    """The middleware; it needs the session, and comes right after it."""

    def __init__(self, app: ASGIApp, sending: Sending) -> None:
        self._app = app
        self._sending = sending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, with its body; or refuse it.

        Raises:
            HTTPException: it is too large, took too long, has too many fields, or a guard refused it.
        """
        handler: Any = scope.get("route_handler")
        if scope["type"] != ScopeType.HTTP or not isinstance(handler, HTTPRouteHandler):
            await self._app(scope, receive, send)
            return
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        kind = request.content_type[0]
        form = kind in {RequestEncodingType.URL_ENCODED, RequestEncodingType.MULTI_PART}
        if scope["method"] in _SAFE:
            if form:
                ScopeState.from_scope(scope).form = {}  # the CSRF check reads it even then
            await self._app(scope, receive, send)
            return
        most = handler.resolve_request_max_body_size() or SMALL
        if most > SMALL:
            await handler.authorize_connection(request)
        if kind == RequestEncodingType.MULTI_PART and most > SMALL:
            # Litestar takes it in piece by piece, and puts files into the temporary folder beside the loop.
            await self._app(scope, receive, send)
            return
        most = min(most, handler.opt.get("most_form", MOST_FORM)) if form else most
        body = await self._body(request, most, receive)
        if body is None:
            return  # whoever sent it has gone
        if kind == RequestEncodingType.URL_ENCODED:
            ScopeState.from_scope(scope).form = await _fields(body, handler.opt.get("most_fields", MOST_FIELDS))
        elif len(body) > SMALL and sum(map(body.count, b",[{")) > MOST_MARKS:
            raise _too_large()
        await self._app(scope, _again(body, receive), send)

    async def _body(self, request: Request[Any, Any, Any], most: int, receive: Receive) -> bytes | None:
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and (len(announced) > 12 or int(announced) > most):
            raise _too_large()
        if announced == "0":
            return b""
        # a token was looked at only where the guards were asked; elsewhere its holder is as anybody, and quick
        if "session" in request.scope and visitor_of(request) is not None:
            return await _read(receive, most)
        try:
            async with self._sending.of(place_of(request)):
                return await _read(receive, most)
        except TimeoutError:
            late = {"Connection": "close"}
            raise HTTPException(status_code=408, detail="The body did not come in time.", headers=late) from None


async def _read(receive: Receive, most: int) -> bytes | None:
    """The body; None: the connection ended before it was whole."""
    body = bytearray()
    while True:
        message = cast("HTTPReceiveMessage", await receive())
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


async def _fields(body: bytes, most: int) -> dict[str, Any]:
    """A form's fields, as Litestar wants them: a list where a name comes several times."""
    if body.count(b"&") >= most:
        raise ClientException("The form has too many fields.")
    return _taken_apart(body) if len(body) <= SMALL else await asyncio.to_thread(_taken_apart, body)


def _taken_apart(body: bytes) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("latin-1"), keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else list(values) for name, values in found.items()}


def _again(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body that was read, and after it what comes then."""
    given = False

    async def once_more() -> HTTPReceiveMessage:
        nonlocal given
        if given:
            return cast("HTTPReceiveMessage", await receive())
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once_more


def _too_large() -> HTTPException:
    return HTTPException(status_code=413, detail="Request Entity Too Large")
