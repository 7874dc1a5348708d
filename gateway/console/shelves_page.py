"""The page of shelved rules: what rings nobody for now, end it, shelve another one with a reason."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gateway.alerts import shelving
from gateway.alerts.shelving import Shelf
from gateway.centre.index import CentreIndex
from gateway.console.deps import console_of
from gateway.console.guards import Visitor, at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.problems import refuse
from gateway.console.routing import Router
from gateway.console.shelves import end_shelf, shelves_for
from gateway.console.view import name_of, title_of
from gateway.errors import BadAnswerError, NotAllowedError

MINUTES = (15, 30, 60, 120, 240, 480)
MOST_LISTED = 400
"""So many residents are listed to choose from; among more one is looked for by room or name."""
MOST_FOUND = 50


class ShelfLine(msgspec.Struct, frozen=True):
    """A shelved rule as the page shows it."""

    number: int
    room: str
    title: str
    until: str
    who: str
    why: str
    held: int


def router() -> Router:
    """GET /shelves, POST /shelves, POST /shelves/{id}/end."""

    @get("/shelves")
    async def show(
        request: Request[Any, Any, Any],
        resident: Annotated[str, QueryParameter(max_length=64)] = "",
        q: Annotated[str, QueryParameter(max_length=100)] = "",
    ) -> Response[str]:
        return await _page(request, resident, asked=q)

    @post("/shelves", status_code=303)
    async def shelve(request: Request[Any, Any, Any], data: URLEncodedBody[dict[str, str]]) -> Response[Any]:
        visitor, deps = required_visitor(request), console_of(request).deps
        resident, minutes = data.get("resident", ""), data.get("minutes", "")
        if not _is_mine(deps.index(), visitor, resident) or minutes not in {str(one) for one in MINUTES}:
            return refuse(request, 400)
        try:
            await deps.writer.write(
                lambda tx: shelving.shelve(
                    tx,
                    deps.index(),
                    resident=resident,
                    rule_key=data.get("rule", ""),
                    lasting=timedelta(minutes=int(minutes)),
                    why=data.get("why", ""),
                    who=visitor.id,
                )
            )
        except (BadAnswerError, NotAllowedError) as error:
            return await _page(request, resident, refused=str(error), typed=data)
        deps.writer.changes.bump()
        return Redirect("/shelves", status_code=303)

    @post("/shelves/{number:int}/end", status_code=303)
    async def end(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        try:
            await end_shelf(request, number)
        except BadAnswerError as error:
            return refuse(request, 404, str(error))
        return Redirect("/shelves", status_code=303)

    return Router("/", route_handlers=[show, shelve, end], guards=[at_least("carer")], include_in_schema=False)


async def _page(
    request: Request[Any, Any, Any],
    resident: str,
    *,
    asked: str = "",
    refused: str | None = None,
    typed: dict[str, str] | None = None,
) -> Response[str]:
    visitor, console = required_visitor(request), console_of(request)
    tongue, index = tongue_for(request, visitor), console.deps.index()
    chosen = index.residents[resident] if _is_mine(index, visitor, resident) else None
    await looked(console, visitor.id, "shelves", via="page")
    rules = []
    if chosen is not None:
        known = index.rules_of(resident, tongue.now).settings
        rules = [
            (key, title_of(one.name, tongue, index.own_title(resident, key)))
            for key, one in known.items()
            if one.name not in shelving.NEVER
        ]
    return page(
        request,
        "shelves.html",
        tongue,
        status=409 if refused else 200,
        visitor=visitor,
        refused=refused,
        typed=typed or {},
        lines=[_line(shelf, index, tongue) for shelf in shelves_for(request)],
        **_to_choose(index, visitor, asked),
        asked=asked,
        chosen=chosen,
        rules=sorted(rules, key=lambda rule: rule[1]),
        lengths=[(minutes, _how_long(minutes, tongue)) for minutes in MINUTES],
    )


def _is_mine(index: CentreIndex, visitor: Visitor, resident: str) -> bool:
    return resident in index.residents and visitor.sees(index.residents[resident])


def _to_choose(index: CentreIndex, visitor: Visitor, asked: str) -> dict[str, Any]:
    """Whom the visitor can choose from: everybody, or in a large house at most MOST_FOUND who are called like that.

    ``many``: there are too many for one list. ``found`` None: nothing was asked for yet.
    """
    mine = [one for one in index.residents.values() if visitor.sees(one)]
    if len(mine) <= MOST_LISTED:
        return {"residents": sorted((one.room, one.name, one.id) for one in mine), "many": False, "found": None}
    words = asked.casefold().split()
    found = None
    if words:
        named = ((one.room, one.name, one.id) for one in mine)
        found = sorted(one for one in named if all(word in f"{one[0]} {one[1]}".casefold() for word in words))
    return {"residents": [], "many": True, "found": None if found is None else found[:MOST_FOUND]}


def _line(shelf: Shelf, index: CentreIndex, tongue: Tongue) -> ShelfLine:
    resident = shelf.resident
    return ShelfLine(
        number=shelf.id,
        room=index.public_name(resident) if resident and resident in index.residents else tongue("The house"),
        title=title_of(shelf.rule, tongue, index.own_title(resident, shelf.rule_key)),
        until=tongue.at(shelf.until),
        who=name_of(None if shelf.who == shelving.GATEWAY else shelf.who, index, tongue),
        why=tongue(shelf.why) if shelf.who == shelving.GATEWAY else shelf.why,
        held=shelf.held,
    )


def _how_long(minutes: int, tongue: Tongue) -> str:
    if minutes < 60:
        return tongue.many("{n} minute", "{n} minutes", minutes)
    return tongue.many("{n} hour", "{n} hours", minutes // 60)
