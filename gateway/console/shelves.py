"""The JSON API for shelved rules: what is shelved, shelve one, end a shelf."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody

from gateway.alerts import shelving
from gateway.alerts.shelving import Shelf
from gateway.console.api import ShelfView, Shelves
from gateway.console.deps import console_of
from gateway.console.guards import at_least, concerns, required_visitor, resident_for, same_origin
from gateway.console.listing import MOST, POLLED, Cursor, Limit, piece, polled
from gateway.console.once import once
from gateway.console.pages import tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.view import title_of
from gateway.errors import BadAnswerError, NotAllowedError


class ShelfWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be shelved. ``resident`` null: a rule of the house."""

    resident: str | None
    rule_key: str
    minutes: Annotated[int, msgspec.Meta(ge=1, le=7 * 24 * 60)]
    why: str


def router() -> Router:
    """GET /api/shelves, POST /api/shelves, POST /api/shelves/{id}/end."""

    @get("/shelves", summary="What is shelved", operation_id="shelves", responses=POLLED)
    async def listed(request: Request[Any, Any, Any], limit: Limit = MOST, cursor: Cursor = None) -> Response[Shelves]:
        part, more = piece(shelves_for(request), cursor, limit, key=lambda one: one.id)
        return await polled(request, Shelves([_view(request, shelf) for shelf in part], more), look="shelves")

    @post(
        "/shelves",
        status_code=201,
        guards=[same_origin],
        opt={"exclude_from_csrf": True},
        summary="Shelve a rule for a while",
        operation_id="shelve",
    )
    @once
    async def shelve(request: Request[Any, Any, Any], data: JSONBody[ShelfWanted]) -> Response[Any]:
        visitor, deps = required_visitor(request), console_of(request).deps
        if data.resident is not None:
            resident_for(request, data.resident)
        try:
            shelf = await deps.writer.write(
                lambda tx: shelving.shelve(
                    tx,
                    deps.index(),
                    resident=data.resident,
                    rule_key=data.rule_key,
                    lasting=timedelta(minutes=data.minutes),
                    why=data.why,
                    who=visitor.id,
                )
            )
        except BadAnswerError as error:
            return problem(422, str(error))
        except NotAllowedError as error:
            return problem(403, str(error))
        deps.writer.changes.bump()
        return Response(_view(request, shelf), status_code=201)

    @post(
        "/shelves/{number:int}/end",
        status_code=200,
        guards=[same_origin],
        opt={"exclude_from_csrf": True},
        summary="End a shelf before its time",
        operation_id="unshelve",
    )
    @once
    async def end(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        try:
            shelf = await end_shelf(request, number)
        except BadAnswerError as error:
            return problem(404, str(error))
        return Response(_view(request, shelf))

    return Router("/api", route_handlers=[listed, shelve, end], guards=[at_least("carer")], tags=["rules"])


def shelves_for(request: Request[Any, Any, Any]) -> list[Shelf]:
    """The shelves in force that are the visitor's business; what ends first comes first."""
    visitor, console = required_visitor(request), console_of(request)
    index = console.deps.index()
    return [one for one in shelving.shelves(console.db()) if concerns(index, visitor, one.resident)]


async def end_shelf(request: Request[Any, Any, Any], number: int) -> Shelf:
    """End a shelf before its time; what still stands is told at once.

    Raises:
        BadAnswerError: there is no such shelf in force, or it is none of the visitor's business.
    """
    visitor, deps = required_visitor(request), console_of(request).deps
    if all(one.id != number for one in shelves_for(request)):
        raise BadAnswerError(f"shelf: {number}: expected the number of a shelf that is in force.")
    shelf = await deps.writer.write(lambda tx: shelving.unshelve(tx, deps.index(), number, who=visitor.id))
    deps.writer.changes.bump()
    return shelf


def _view(request: Request[Any, Any, Any], shelf: Shelf) -> ShelfView:
    own = console_of(request).deps.index().own_title(shelf.resident, shelf.rule_key)
    return ShelfView(
        id=shelf.id,
        resident=shelf.resident,
        rule_key=shelf.rule_key,
        title=title_of(shelf.rule, tongue_for(request, required_visitor(request)), own),
        priority=shelf.priority.value,
        why=shelf.why,
        who=shelf.who,
        since=shelf.since,
        until=shelf.until,
        held=shelf.held,
        standing=shelf.standing,
    )
