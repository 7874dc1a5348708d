"""Searches: the button on an alert, the API, and the page behind the link that is handed to everybody who helps.

The page needs no sign-in and no script. It shows where the person was last, and what they look like if they agreed to
that. Every opening is written into the audit. A link that is over answers 410, with words that fit what happened.
"""

import asyncio
from contextlib import closing
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
import structlog
from litestar import Request, Response, get, head, post
from litestar.params import FromPath, JSONBody

from gateway.alerts import queries, searching
from gateway.alerts.searching import Begun, Search, Standing
from gateway.centre import photos
from gateway.centre.model import Resident
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, may_see, required_visitor, resident_for, same_origin
from gateway.console.listing import MOST as MOST_LINES
from gateway.console.listing import POLLED, Cursor, Limit, piece, polled
from gateway.console.once import once
from gateway.console.ops import OPEN
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.search_map import SIZE, draw
from gateway.console.search_who import end_search, is_about, searches_for
from gateway.errors import BadAnswerError, NotAllowedError, StoreError, UnknownAlertError
from gateway.store.database import reader
from gateway.store.fixes import Fix, fixes
from gateway.words import N_, distance, duration

_LOG = structlog.get_logger(__name__)

PRIVATE: Final = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}

MOST: Final = 20
"""Fixes that are shown: the way that the person took, and no record of their day."""

_OVER: Final[dict[Standing, tuple[str, str]]] = {
    Standing.FOUND: (N_("Found"), N_("The search is over. Thank you for your help.")),
    Standing.ENDED: (N_("The search is over"), N_("It was ended by the house. Thank you for your help.")),
    Standing.EXPIRED: (
        N_("This link is too old"),
        N_("If you are still searching, ask the house for a new one."),
    ),
    Standing.REFUSED: (N_("Not shown any more"), N_("Please ask the house.")),
}


class Wanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long the link works, and which alert it ends with."""

    minutes: Annotated[int, msgspec.Meta(ge=15, le=24 * 60)] = 360
    alert: int | None = None


class SearchView(msgspec.Struct, kw_only=True):
    """A search as the API shows it; times are RFC 3339 in UTC. ``link`` is there once, when it is made."""

    id: int
    resident: str
    alert: int | None
    standing: str
    made_at: datetime
    made_by: str
    expires_at: datetime
    opened: int
    link: str | None = None


class Searches(msgspec.Struct):
    """The searches that go on, the newest first. ``next``: cursor of the next piece; null: the last one."""

    searches: list[SearchView]
    next: str | None


class Seen(msgspec.Struct, frozen=True):
    """A fix as the page lists it."""

    iso: str
    age: str
    accuracy: str
    coordinates: str
    geo: str


def router() -> Router:
    """The pages and the API of searches."""
    return Router("/", route_handlers=[_public(), _staff(), _api()])


def _public() -> Router:
    @get("/s/{token:str}", opt=OPEN)
    async def show(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
        console = console_of(request)
        search = searching.by_token(console.db(), token)
        if search is None:
            return _words(request, 404, N_("This link does not work"), N_("Perhaps it was cut off. Ask for it again."))
        now = console.deps.clock.now()
        standing = searching.standing(console.db(), console.deps.index(), search, now)
        await _opened(console, search, standing)
        if standing is not Standing.OPEN:
            return _words(request, 410, *_OVER[standing])
        return await _page(request, token, search, now)

    @get("/s/{token:str}/photo", opt=OPEN)
    async def photo(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
        console = console_of(request)
        index = console.deps.index()
        search = searching.by_token(console.db(), token)
        now = console.deps.clock.now()
        if search is None or searching.standing(console.db(), index, search, now) is not Standing.OPEN:
            return Response(None, status_code=404)
        resident = index.residents[search.resident]
        if not index.plan_of(resident.id).consents.search or resident.photo is None:
            return Response(None, status_code=404)
        kind, data = photos.bytes_of(resident.photo)
        return Response(data, media_type=kind, headers=PRIVATE)

    @head("/s/{token:str}", opt=OPEN)
    async def peek(token: FromPath[str]) -> None:
        """Says nothing: whoever only knocks learns nothing."""

    return Router("/", route_handlers=[show, photo, peek], include_in_schema=False)


def _staff() -> Router:
    @post("/alerts/{number:int}/search", status_code=200)
    async def begin(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        resident = _resident_of(console, visitor, number)
        try:
            begun = await _begin(console, resident, visitor.id, searching.USUAL, number)
        except BadAnswerError:
            return _words(request, 409, N_("Something changed"), N_("The alert is closed already."))
        except NotAllowedError as error:
            return _words(request, 403, N_("Not possible"), str(error))
        until = tongue.at(begun.search.expires_at)
        return page(
            request, "search_made.html", tongue, visitor=visitor, headers=PRIVATE, link=_link(request, begun.path),
            search=begun.search, alert=number, until=until,
        )  # fmt: skip

    @post("/searches/{number:int}/end", status_code=200)
    async def end(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        try:
            await end_search(required_visitor(request), console_of(request), number)
        except BadAnswerError:
            raise UnknownAlertError from None
        return _words(request, 200, N_("The search is over"), N_("The link shows nothing any more."))

    return Router("/", route_handlers=[begin, end], guards=[at_least("carer")], include_in_schema=False)


def _api() -> Router:
    options = {"exclude_from_csrf": True}

    @post(
        "/residents/{resident:str}/search", status_code=201, guards=[same_origin], opt=options,
        summary="Make a link for a search", operation_id="beginSearch",
    )  # fmt: skip
    @once
    async def begin(
        request: Request[Any, Any, Any], resident: FromPath[str], data: JSONBody[Wanted]
    ) -> Response[SearchView] | Response[bytes]:
        visitor, console = required_visitor(request), console_of(request)
        if data.alert is None or not is_about(console, visitor, data.alert, resident):
            resident_for(request, resident, by_glass=True)
        try:
            begun = await _begin(console, resident, visitor.id, timedelta(minutes=data.minutes), data.alert)
        except BadAnswerError as error:
            return problem(404 if str(error).startswith("resident:") else 422, str(error))
        except NotAllowedError as error:
            return problem(403, tongue_for(request, visitor)(str(error)))
        return Response(_view(console, begun.search, _link(request, begun.path)), status_code=201, headers=PRIVATE)

    @get("/searches", summary="The searches that go on", operation_id="searches", responses=POLLED)
    async def listed(
        request: Request[Any, Any, Any], limit: Limit = MOST_LINES, cursor: Cursor = None
    ) -> Response[Searches]:
        console = console_of(request)
        found = searches_for(console, required_visitor(request))
        part, more = piece(found, cursor, limit, key=lambda one: one.id)
        return await polled(request, Searches([_view(console, search) for search in part], more), look="searches")

    @post(
        "/searches/{number:int}/end", status_code=200, guards=[same_origin], opt=options,
        summary="End a search before its time", operation_id="endSearch",
    )  # fmt: skip
    @once
    async def end(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[SearchView] | Response[bytes]:
        visitor, console = required_visitor(request), console_of(request)
        try:
            search = await end_search(visitor, console, number)
        except BadAnswerError as error:
            return problem(404, str(error))
        return Response(_view(console, search))

    return Router("/api", route_handlers=[begin, listed, end], guards=[at_least("carer")], tags=["search"])


async def _begin(console: Console, resident: str, who: str, lasting: timedelta, alert: int | None) -> Begun:
    deps = console.deps
    return await deps.writer.write(
        lambda tx: searching.begin(tx, deps.index(), resident, who=who, lasting=lasting, alert=alert), urgent=True
    )


def _resident_of(console: Console, visitor: Visitor, number: int) -> str:
    if not may_see(console, visitor, number):
        raise UnknownAlertError
    resident = queries.alert(console.db(), number).resident
    if resident is None or resident not in console.deps.index().residents:
        raise UnknownAlertError
    return resident


def _view(console: Console, search: Search, link: str | None = None) -> SearchView:
    deps = console.deps
    return SearchView(
        id=search.id,
        resident=search.resident,
        alert=search.alert,
        standing=searching.standing(console.db(), deps.index(), search, deps.clock.now()).value,
        made_at=search.made_at,
        made_by=search.made_by,
        expires_at=search.expires_at,
        opened=search.opened,
        link=link,
    )


def _link(request: Request[Any, Any, Any], path: str) -> str:
    base = console_of(request).deps.base_url.rstrip("/")
    return (base or str(request.base_url).rstrip("/")) + path


def _words(request: Request[Any, Any, Any], status: int, title: str, text: str) -> Response[str]:
    tongue = tongue_for(request)
    return page(request, "message.html", tongue, status=status, headers=PRIVATE, title=tongue(title), text=tongue(text))


async def _opened(console: Console, search: Search, standing: Standing) -> None:
    """Write the opening down. When the store fails the page is shown all the same: somebody is out there."""
    try:
        await console.deps.writer.write(lambda tx: searching.opened(tx, search.id, standing))
    except StoreError:
        _LOG.error("console.look_not_recorded", who=None, target=f"search/{search.id}")


async def _page(request: Request[Any, Any, Any], token: str, search: Search, now: datetime) -> Response[str]:
    console, tongue = console_of(request), tongue_for(request)
    index = console.deps.index()
    resident = index.residents[search.resident]

    def reading() -> list[Fix]:
        with closing(reader(console.deps.database)) as db:
            since = searching.shown_since(db, index, resident.id, now)
            # received since then is not enough: a tracker hands in later what it saw before
            return [fix for fix in fixes(db, resident.id, since=since, most=MOST) if fix.at >= since]

    # beside the event loop: a day of a large house is many readings to look through
    found = await asyncio.to_thread(reading)
    last = found[-1] if found else None
    age_s = (now - last.at).total_seconds() if last else 0.0
    radius_m = searching.likely_radius_m(last.accuracy_m, age_s) if last else 0.0
    return page(
        request,
        "search.html",
        tongue,
        headers=PRIVATE,
        looks=_looks(index.plan_of(resident.id).consents.search, resident, token),
        drawing=draw(found, now) if found else None,
        size=SIZE,
        last=_seen(last, tongue) if last else None,
        seen=[_seen(fix, tongue) for fix in reversed(found)],
        radius=distance(radius_m, tongue.language),
        scale_words=lambda metres: distance(metres, tongue.language),
        until=tongue.at(search.expires_at),
        at=tongue.at(now),
    )


def _looks(agreed: bool, resident: Resident, token: str) -> dict[str, str | None]:
    """Name, description and photo, as far as the person agreed; nobody can be looked for without any of them, but a
    name is no look: it comes with the consent too."""
    if not agreed:
        return {"name": None, "description": None, "photo": None}
    photo = f"/s/{token}/photo" if resident.photo else None
    return {"name": resident.name, "description": resident.description, "photo": photo}


def _seen(fix: Fix, tongue: Tongue) -> Seen:
    age_s = max(0.0, (tongue.now - fix.at).total_seconds())
    accuracy = "" if fix.accuracy_m is None else f";u={fix.accuracy_m:.0f}"  # RFC 5870
    return Seen(
        iso=fix.at.isoformat(timespec="seconds"),
        age=tongue("{time}, {ago} ago", time=tongue.at(fix.at), ago=duration(age_s, tongue.language)),
        accuracy=tongue("good to {distance}", distance=distance(fix.accuracy_m, tongue.language))
        if fix.accuracy_m is not None
        else tongue("accuracy not known"),
        coordinates=f"{fix.lat:.5f}, {fix.lon:.5f}",
        geo=f"geo:{fix.lat:.6f},{fix.lon:.6f}{accuracy}",
    )
