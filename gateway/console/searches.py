"""The page of searches that go on: who is looked for, since when, how often the link was opened; end one."""

from typing import Any

import msgspec
from litestar import Request, Response, get

from gateway.alerts import searching
from gateway.alerts.searching import Search, Standing
from gateway.console.deps import Console, console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.routing import Router
from gateway.console.search_who import searches_for
from gateway.console.view import name_of


class SearchLine(msgspec.Struct, frozen=True):
    """A search as the page shows it."""

    number: int
    room: str
    name: str
    made: str
    until: str
    opened: int
    alert: int | None
    works: bool


def router() -> Router:
    """GET /searches."""

    @get("/searches")
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        await looked(console, visitor.id, "searches", via="page")
        lines = [_line(console, one, tongue) for one in searches_for(console, visitor)]
        return page(request, "searches.html", tongue, visitor=visitor, lines=lines)

    return Router("/", route_handlers=[show], guards=[at_least("carer")], include_in_schema=False)


def _line(console: Console, search: Search, tongue: Tongue) -> SearchLine:
    index = console.deps.index()
    resident = index.residents[search.resident]
    return SearchLine(
        number=search.id,
        room=resident.room,
        name=resident.name,
        made=tongue("{who}, {time}", who=name_of(search.made_by, index, tongue), time=tongue.at(search.made_at)),
        until=tongue.at(search.expires_at),
        opened=search.opened,
        alert=search.alert,
        works=searching.standing(console.db(), index, search, tongue.now) is Standing.OPEN,
    )
