"""The board: what is open, its live updates, and the answers tapped on it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from litestar import Request, Response, Router, get, post
from litestar.enums import MediaType
from litestar.params import FromPath, URLEncodedBody
from litestar.response import ServerSentEvent, ServerSentEventMessage
from markupsafe import Markup

from gateway.alerts import queries, shelving
from gateway.alerts.model import Alert
from gateway.clock import to_ms
from gateway.console import protection
from gateway.console.answering import answered
from gateway.console.deps import STOPPING, Console, console_of
from gateway.console.guards import Visitor, at_least, may_see, required_visitor, same_origin
from gateway.console.looks import looked
from gateway.console.ops import Counters
from gateway.console.pages import Tongue, page, render, tongue_for
from gateway.console.view import row_of, rows_of, shelf_lines
from gateway.errors import UnknownAlertError

Form = URLEncodedBody[dict[str, str]]

KEEP_ALIVE_S = 15.0
"""A beat at least this often: a connection that died unseen is found, and proxies keep it open."""

PICTURE_S = 5
"""A picture of the board is used again for so long, when nothing changed: 200 open pages cost one rendering."""

MAX_PICTURES = 500


class Picture(NamedTuple):
    """The board's fragment for one kind of reader, and its ETag."""

    html: str
    etag: str


def visible(console: Console, visitor: Visitor) -> list[Alert]:
    """The open alerts that are the visitor's business, the most urgent first."""
    db, index = console.db(), console.deps.index()
    return [alert for alert in queries.open_alerts(db) if may_see(db, index, visitor, alert.id)]


def _marks(console: Console, visitor: Visitor) -> tuple[tuple[int, int, str | None], ...]:
    """What a picture depends on: number, version and taker of each alert that the visitor sees; of
    a shelf its number as a negative one, and how much it kept quiet.

    Asked at every poll of every open page, so it reads three columns and decodes nothing.
    """
    db, index = console.db(), console.deps.index()
    found = db.execute("SELECT id, version, taken_by FROM alerts WHERE state != 'closed' ORDER BY id").fetchall()
    alerts = tuple(
        (row["id"], row["version"], row["taken_by"]) for row in found if may_see(db, index, visitor, row["id"])
    )
    held = "SELECT id, (SELECT coalesce(sum(times), 0) FROM shelved WHERE shelf = shelves.id) FROM shelves"
    shelves = db.execute(f"{held} WHERE ended_at IS NULL ORDER BY id").fetchall()
    return (*alerts, *((-row[0], row[1], None) for row in shelves))


class Board:
    """The routes, with the pictures that many readers share."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._pictures: dict[tuple[str, str], tuple[tuple[object, ...], Picture]] = {}

    def router(self) -> Router:
        """GET /, GET /board, GET /beats, POST /alerts/{id}/answer."""

        @get("/")
        async def show(request: Request[Any, Any, Any]) -> Response[str]:
            visitor, console = required_visitor(request), console_of(request)
            tongue = tongue_for(request, visitor)
            await looked(console, visitor.id, "board", via="page")
            picture = self._picture(console, visitor, tongue)
            return page(
                request,
                "board.html",
                tongue,
                visitor=visitor,
                now=tongue.at(tongue.now),
                notice=self._notice(request, visitor, tongue),
                fragment=Markup(picture.html),  # noqa: S704 - our own template's output, escaped there
                etag=picture.etag,
            )

        @get("/board")
        async def fragment(request: Request[Any, Any, Any]) -> Response[str]:
            visitor = required_visitor(request)
            picture = self._picture(console_of(request), visitor, tongue_for(request, visitor))
            if request.headers.get("if-none-match") == picture.etag:
                return Response("", status_code=304, headers={"ETag": picture.etag})
            return Response(picture.html, media_type=MediaType.HTML, headers={"ETag": picture.etag})

        @get("/beats")
        async def beats(request: Request[Any, Any, Any]) -> ServerSentEvent:
            stopping: asyncio.Event = request.app.state[STOPPING]
            return ServerSentEvent(self._beats(console_of(request), stopping))

        @post("/alerts/{number:int}/answer", status_code=303, opt={"exclude_from_csrf": True}, guards=[same_origin])
        async def answer(request: Request[Any, Any, Any], number: FromPath[int], data: Form) -> Response[Any]:
            visitor, console = required_visitor(request), console_of(request)
            if not may_see(console.db(), console.deps.index(), visitor, number):
                raise UnknownAlertError
            return await answered(request, self._counters, number, data, visitor)

        return Router(
            "/", route_handlers=[show, fragment, beats, answer], guards=[at_least("relative")], include_in_schema=False
        )

    def _picture(self, console: Console, visitor: Visitor, tongue: Tongue) -> Picture:
        index = console.deps.index()
        marks = _marks(console, visitor)
        mine = not visitor.sees_everyone or any(taken_by == visitor.id for _, _, taken_by in marks)
        reader = (tongue.language, visitor.id if mine else "")
        guarded = protection.mark(console.db()) if visitor.sees_everyone else ()
        state = (id(index), to_ms(tongue.now) // (PICTURE_S * 1000), marks, guarded)
        known = self._pictures.get(reader)
        if known and known[0] == state:
            return known[1]
        rows = rows_of(visible(console, visitor), index, tongue, visitor.id)
        shelved = shelf_lines(shelving.shelves(console.db()), index, tongue) if visitor.sees_everyone else []
        sign = protection.sign(console.db(), index, tongue) if guarded else None
        html = render("_alerts.html", tongue, rows=rows, shelved=shelved, protection=sign)
        picture = Picture(html, f'"{hashlib.sha256(html.encode()).hexdigest()[:20]}"')
        if len(self._pictures) >= MAX_PICTURES:
            self._pictures.clear()
        self._pictures[reader] = (state, picture)
        return picture

    def _notice(self, request: Request[Any, Any, Any], visitor: Visitor, tongue: Tongue) -> str | None:
        """What became of an answer that was sent without a script: /?did=12 comes after it."""
        number = request.query_params.get("did", "")
        console = console_of(request)
        if not number.isascii() or not number.isdigit() or len(number) > 15:
            return None
        try:
            alert = queries.alert(console.db(), int(number))
        except UnknownAlertError:
            return None
        if not may_see(console.db(), console.deps.index(), visitor, alert.id):
            return None
        row = row_of(alert, console.deps.index(), tongue, visitor.id)
        return tongue("Room {room}, {title}: {state}", room=row.room, title=row.title, state=row.state_text)

    async def _beats(self, console: Console, stopping: asyncio.Event) -> AsyncIterator[ServerSentEventMessage]:
        """A named event for each change (page scripts can't see comments), and every KEEP_ALIVE_S."""
        self._counters.streams.inc()
        try:
            number = console.changes.number
            while not stopping.is_set():
                yield ServerSentEventMessage(event="beat", data=number, retry=2_000)
                waits = [asyncio.ensure_future(console.changes.after(number)), asyncio.ensure_future(stopping.wait())]
                try:
                    await asyncio.wait(waits, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
                number = console.changes.number
        finally:
            self._counters.streams.dec()
