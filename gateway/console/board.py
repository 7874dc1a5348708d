"""The board: what is open, its live updates, and the answers tapped on it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import TooManyRequestsException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import ServerSentEvent, ServerSentEventMessage
from markupsafe import Markup

from gateway.alerts import queries
from gateway.alerts.model import Alert
from gateway.console.answering import answered
from gateway.console.deps import STOPPING, Console, console_of
from gateway.console.guards import Visitor, at_least, may_see, required_visitor, same_origin
from gateway.console.looks import looked
from gateway.console.ops import Counters
from gateway.console.packing import packed
from gateway.console.pages import STATIC_URL, Tongue, page, tongue_for
from gateway.console.pictures import VERSION, Pictures, Waiting, address_of
from gateway.console.routing import Router
from gateway.console.sessions import TOLD_BEFORE as SOON
from gateway.console.sessions import last_end
from gateway.console.streams import Streams, stands
from gateway.console.view import row_of
from gateway.console.wards import chosen_of, marks_of, wards_of
from gateway.errors import UnknownAlertError
from gateway.words import N_

Form = URLEncodedBody[dict[str, str]]

TOLD_BEFORE = timedelta(hours=4)
"""The board says so long before when somebody has to sign in again: before the night shift's last round, not in it.
In the last hour each page says it, with the way to sign in."""

SIGN_IN_AGAIN = N_("Please sign out and in again before {time}: this page ends then.")

NOBODY = N_("Nobody is going yet.")
BLOCKED = N_("Your browser holds the sound back. Tap here.")

KEEP_ALIVE_S = 15.0
"""A beat at least this often: a connection that died unseen is found, and proxies keep it open."""


class Elsewhere(msgspec.Struct, frozen=True):
    """What rings on the reader's board, for their other pages; the texts are in their language."""

    waiting: tuple[Waiting, ...]
    address: str
    nobody: str
    door: str
    blocked: str


def visible(console: Console, visitor: Visitor, wards: tuple[str, ...] = ()) -> list[Alert]:
    """The open alerts that are the visitor's business, the most urgent first; ``wards`` as from ``chosen_of``."""
    shown = {mark.id for mark in marks_of(console, visitor, wards).shown}
    return [alert for alert in queries.open_alerts(console.db()) if alert.id in shown]


def chosen(request: Request[Any, Any, Any], visitor: Visitor) -> tuple[str, ...]:
    """The wards that the address asks for; empty: all."""
    asked = request.query_params.getall("ward", [])
    return chosen_of(asked, wards_of(console_of(request).deps.index(), visitor)) if asked else ()


async def seen(console: Console, visitor: Visitor, response: Response[Any], *, via: str = "page") -> Response[Any]:
    """A part of the board for a page that stays open, or for who asks for it alone: a look, once in a while."""
    if response.status_code != 304:
        await looked(console, visitor.id, "board", via=via, again=True)
    return response


class Board:
    """The routes, with the pictures that many readers share."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._pictures = Pictures()
        self._streams = Streams()

    def router(self) -> Router:
        """GET /, GET /board, GET /waiting, GET /beats, POST /alerts/{id}/answer."""

        @get("/")
        async def show(request: Request[Any, Any, Any]) -> Response[Any]:
            visitor, console = required_visitor(request), console_of(request)
            tongue = tongue_for(request, visitor)
            await looked(console, visitor.id, "board", via="page")
            beat = console.changes.number
            picture = self._pictures.of(console, visitor, tongue, chosen(request, visitor))
            whole = page(
                request,
                "board.html",
                tongue,
                visitor=visitor,
                now=tongue.at(tongue.now),
                notice=self._notice(request, visitor, tongue),
                fragment=Markup(picture.html),  # noqa: S704 - our own template's output, escaped there
                etag=picture.etag,
                address=picture.address,
                beat=beat,
            )
            return packed(request, whole)

        @get("/board")
        async def fragment(request: Request[Any, Any, Any]) -> Response[Any]:
            visitor = required_visitor(request)
            tongue = tongue_for(request, visitor)
            console = console_of(request)
            picture = self._pictures.of(console, visitor, tongue, chosen(request, visitor))
            return await seen(console, visitor, picture.response(request))

        @get("/waiting")
        async def waiting(request: Request[Any, Any, Any]) -> Elsewhere:
            visitor = required_visitor(request)
            tongue, wards = tongue_for(request, visitor), chosen(request, visitor)
            picture = self._pictures.of(console_of(request), visitor, tongue, wards)
            address = address_of("/", wards)
            return Elsewhere(picture.waiting, address, tongue(NOBODY), tongue("To the alerts"), tongue(BLOCKED))

        @get("/beats")
        async def beats(request: Request[Any, Any, Any]) -> ServerSentEvent:
            if not self._streams.has_room(request, required_visitor(request).id):
                raise TooManyRequestsException("Too many pages are open here. Close some of them.")
            return ServerSentEvent(self._beats(request), headers={VERSION: STATIC_URL})

        @post("/alerts/{number:int}/answer", status_code=303, opt={"exclude_from_csrf": True}, guards=[same_origin])
        async def answer(request: Request[Any, Any, Any], number: FromPath[int], data: Form) -> Response[Any]:
            visitor, console = required_visitor(request), console_of(request)
            if not may_see(console, visitor, number):
                raise UnknownAlertError
            return await answered(request, self._counters, number, data, visitor, chosen(request, visitor))

        return Router(
            "/",
            route_handlers=[show, fragment, waiting, beats, answer],
            guards=[at_least("relative")],
            include_in_schema=False,
        )

    def _notice(self, request: Request[Any, Any, Any], visitor: Visitor, tongue: Tongue) -> str | None:
        """What became of an answer that was sent without a script: /?did=12 comes after it."""
        number = request.query_params.get("did", "")
        console = console_of(request)
        end = last_end(request.session or {})
        if not number and end is not None and SOON < end - tongue.now <= TOLD_BEFORE:
            return tongue(SIGN_IN_AGAIN, time=tongue.at(end))
        if not number.isascii() or not number.isdigit() or len(number) > 15:
            return None
        try:
            alert = queries.alert(console.db(), int(number))
        except UnknownAlertError:
            return None
        if not may_see(console, visitor, alert.id):
            return None
        row = row_of(alert, console.deps.index(), tongue, visitor.id)
        return tongue("Room {room}, {title}: {state}", room=row.room, title=row.title, state=row.state_text)

    async def _beats(self, request: Request[Any, Any, Any]) -> AsyncIterator[ServerSentEventMessage]:
        """A named event for each change (page scripts can't see comments), and every KEEP_ALIVE_S; until the session
        ends, whoever ended it."""
        console, carer = console_of(request), required_visitor(request).id
        if not self._streams.has_room(request, carer):  # many came in the same moment
            return
        stopping: asyncio.Event = request.app.state[STOPPING]
        self._counters.streams.inc()
        try:
            with self._streams.one(request, carer):
                number = console.changes.number
                while not stopping.is_set() and stands(request, console.db(), console.deps.clock.now()):
                    yield ServerSentEventMessage(event="beat", data=number, retry=2_000)
                    waits = [
                        asyncio.ensure_future(console.changes.after(number)),
                        asyncio.ensure_future(stopping.wait()),
                    ]
                    try:
                        await asyncio.wait(waits, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for wait in waits:
                            wait.cancel()
                    number = console.changes.number
        finally:
            self._counters.streams.dec()
