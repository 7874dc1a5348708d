"""Break-glass: a form in which staff state why they must see what is not agreed; docs/privacy.md."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody, URLEncodedBody
from litestar.response import Redirect

from gateway.alerts import glass
from gateway.centre.model import Resident
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.once import once
from gateway.console.pages import page, tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.errors import BadAnswerError


class GlassWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why it must be seen, in 5 to 500 characters."""

    why: str


class GlassEnded(msgspec.Struct):
    """Whether something was open."""

    ended: bool


def router() -> Router:
    """GET and POST /residents/{id}/break-glass, POST …/end, and the POSTs below /api."""
    path = "/residents/{resident:str}/break-glass"
    api: dict[str, Any] = {
        "guards": [same_origin],
        "opt": {"exclude_from_csrf": True},
        "include_in_schema": True,
    }

    @get(path)
    async def show(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[str]:
        return _page(request, _resident(request, resident))

    @post(path, status_code=303)
    async def begin(
        request: Request[Any, Any, Any], resident: FromPath[str], data: URLEncodedBody[dict[str, str]]
    ) -> Response[Any]:
        found = _resident(request, resident)
        try:
            await _open(request, resident, data.get("why", ""))
        except BadAnswerError:
            missing = tongue_for(request, required_visitor(request))("Please write the reason, in a few words.")
            return _page(request, found, notice=missing, status=422)
        return Redirect(f"/residents/{resident}", status_code=303)

    @post(f"{path}/end", status_code=303)
    async def end(request: Request[Any, Any, Any], resident: FromPath[str]) -> Redirect:
        _resident(request, resident)
        await _end(request, resident)
        return Redirect(f"/residents/{resident}/break-glass", status_code=303)

    @post(
        f"/api{path}",
        status_code=201,
        summary="Open what is not agreed, for a reason",
        operation_id="breakGlass",
        **api,
    )
    @once
    async def begin_api(
        request: Request[Any, Any, Any], resident: FromPath[str], data: JSONBody[GlassWanted]
    ) -> Response[Any]:
        _resident(request, resident)
        try:
            return Response(await _open(request, resident, data.why), status_code=201)
        except BadAnswerError as error:
            return problem(422, str(error))

    @post(f"/api{path}/end", status_code=200, summary="End it before its time", operation_id="endBreakGlass", **api)
    @once
    async def end_api(request: Request[Any, Any, Any], resident: FromPath[str]) -> GlassEnded:
        _resident(request, resident)
        return GlassEnded(await _end(request, resident))

    return Router(
        "/",
        route_handlers=[show, begin, end, begin_api, end_api],
        guards=[at_least("carer")],
        include_in_schema=False,
        tags=["privacy"],
    )


def _resident(request: Request[Any, Any, Any], resident: str) -> Resident:
    found = console_of(request).deps.index().residents.get(resident)
    if found is None:
        raise NotFoundException
    return found


async def _open(request: Request[Any, Any, Any], resident: str, why: str) -> glass.Opened:
    deps, visitor = console_of(request).deps, required_visitor(request)
    opened = await deps.writer.write(
        lambda tx: glass.open_glass(tx, deps.index(), resident=resident, carer=visitor.id, why=why), urgent=True
    )
    deps.writer.changes.bump()
    return opened


async def _end(request: Request[Any, Any, Any], resident: str) -> bool:
    deps, visitor = console_of(request).deps, required_visitor(request)
    return await deps.writer.write(lambda tx: glass.close_glass(tx, resident=resident, carer=visitor.id))


def _page(
    request: Request[Any, Any, Any], resident: Resident, *, notice: str | None = None, status: int = 200
) -> Response[str]:
    visitor, console = required_visitor(request), console_of(request)
    tongue = tongue_for(request, visitor)
    opened = glass.in_force(console.db(), resident.id, visitor.id, console.deps.clock.now())
    return page(
        request,
        "break_glass.html",
        tongue,
        status=status,
        visitor=visitor,
        resident=resident,
        name=resident.name if visitor.sees(resident) or opened else None,
        notice=notice,
        until=tongue.at(opened.until) if opened else None,
        minutes=int(glass.LASTING.total_seconds() // 60),
    )
