"""A person's data as JSON routes: a copy of everything (managers), erasing (administrators). As the pages, audited."""

from datetime import datetime
from typing import Annotated, Any, Final, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from gateway.console import copies, persons
from gateway.console.beside import beside
from gateway.console.deps import Console, console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.listing import POLLED, Cursor, Limit, piece, polled
from gateway.console.once import once
from gateway.console.pages import tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.errors import BadAnswerError, NotAllowedError
from gateway.store import erase, erase_look
from gateway.store.erase import Erasure
from gateway.store.erase_look import ErasureLook

_BUNDLE: Final = "fhir-bundle.json"


class CopyWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who asked for the copy, and why, in 3 to 500 characters; kept with the audit's row."""

    why: Annotated[str, msgspec.Meta(min_length=persons.SHORTEST_WHY, max_length=persons.LONGEST_WHY)]


class ErasureWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``confirm`` is the person's name, letter by letter: this can't be undone."""

    confirm: str


class ErasureView(msgspec.Struct, kw_only=True):
    """An erasing. ``done_at`` null: not yet; then ``running`` says whether it goes on now (else go on with it).
    ``counts``: rows that went, by kind. Times are RFC 3339 in UTC."""

    resident: str
    asked_at: datetime
    asked_by: str
    done_at: datetime | None
    running: bool
    counts: dict[str, int]


class Erasures(msgspec.Struct):
    """Who was erased, the last first. ``next``: cursor of the next piece; null: this is the last one."""

    erasures: list[ErasureView]
    next: str | None


def router() -> Router:
    """POST /api/residents/{id}/export, …/export/fhir and …/erase; GET …/erase, /api/erasures, POST …/{id}/go-on."""
    changes: dict[str, Any] = {"opt": {"exclude_from_csrf": True}}
    manager, admin = [at_least("manager"), same_origin], [at_least("admin"), same_origin]

    @post(
        "/residents/{resident:str}/export", status_code=200, summary="A copy of everything about a person, as a ZIP",
        operation_id="exportPerson", media_type="application/zip", guards=manager, **changes,
    )  # fmt: skip
    async def whole(
        request: Request[Any, Any, Any], resident: FromPath[str], data: JSONBody[CopyWanted]
    ) -> Response[bytes] | Stream:
        out = await _copy(request, resident, data)
        headers = {"Content-Disposition": f'attachment; filename="person-{resident}.zip"'}
        return Stream(copies.Sent(out), media_type="application/zip", headers=headers)

    @post(
        "/residents/{resident:str}/export/fhir", status_code=200, summary="The same as a FHIR R4 bundle",
        operation_id="exportPersonFhir", media_type="application/fhir+json", guards=manager, **changes,
    )  # fmt: skip
    async def bundle(
        request: Request[Any, Any, Any], resident: FromPath[str], data: JSONBody[CopyWanted]
    ) -> Response[dict[str, Any]]:
        copy = await _copy(request, resident, data)
        out = Stream(copies.Sent(copy, part=_BUNDLE), media_type="application/fhir+json")
        return cast("Response[dict[str, Any]]", out)  # what it holds, for the description

    @post(
        "/residents/{resident:str}/erase", status_code=202, summary="Erase a person, for good",
        operation_id="erasePerson", guards=admin, **changes,
    )  # fmt: skip
    @once
    async def begin(
        request: Request[Any, Any, Any], resident: FromPath[str], data: JSONBody[ErasureWanted]
    ) -> Response[ErasureView] | Response[bytes]:
        if data.confirm.strip() != persons.person_of(request, resident).name:
            return problem(422, "confirm: expected the person's name. Nothing was erased.")
        return await _start(request, resident)

    @get(
        "/residents/{resident:str}/erase", summary="What would go with a person, and what stays",
        operation_id="eraseLook", guards=[at_least("admin")], responses=POLLED,
    )  # fmt: skip
    async def before(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[ErasureLook]:
        persons.person_of(request, resident)
        found = await beside(console_of(request), lambda db: erase_look.look(db, resident))
        return await polled(request, found, look=f"resident/{resident}/erase")

    @get("/erasures", summary="Who was erased", operation_id="erasures", responses=POLLED, guards=[at_least("admin")])
    async def listed(request: Request[Any, Any, Any], limit: Limit = 100, cursor: Cursor = None) -> Response[Erasures]:
        found = erase.erasures(console_of(request).db(), 10_000)
        part, more = piece(found, cursor, limit, key=lambda one: one.resident)
        return await polled(request, Erasures([_view(one) for one in part], more), look=None)

    @post(
        "/erasures/{resident:str}/go-on", status_code=202, summary="Go on with an erasing that was cut off",
        operation_id="goOnErasing", guards=admin, **changes,
    )  # fmt: skip
    @once
    async def go_on(
        request: Request[Any, Any, Any], resident: FromPath[str]
    ) -> Response[ErasureView] | Response[bytes]:
        found = erase.find(console_of(request).db(), resident)
        if found is None:
            return problem(404, "Nobody of that id is being erased.")
        if found.done_at is not None or persons.is_running(resident):
            return Response(_view(found), status_code=202)
        return await _start(request, resident)

    return Router("/api", route_handlers=[whole, bundle, begin, before, listed, go_on], tags=["privacy"])


async def _copy(request: Request[Any, Any, Any], resident: str, wanted: CopyWanted) -> copies.Copy:
    persons.person_of(request, resident)
    return await persons.written(
        console_of(request), resident, required_visitor(request).id, wanted.why.strip(), via="api"
    )


async def _start(request: Request[Any, Any, Any], resident: str) -> Response[ErasureView] | Response[bytes]:
    console: Console = console_of(request)
    try:
        await persons.start(console, resident, required_visitor(request).id)
    except NotAllowedError as error:
        return problem(409, tongue_for(request, required_visitor(request))(str(error)))
    except BadAnswerError as error:
        return problem(409, str(error))
    found = erase.find(console.db(), resident)
    if found is None:
        return problem(404, "Nobody of that id is being erased.")
    return Response(_view(found), status_code=202)


def _view(one: Erasure) -> ErasureView:
    return ErasureView(
        resident=one.resident, asked_at=one.asked_at, asked_by=one.asked_by, done_at=one.done_at,
        running=persons.is_running(one.resident), counts=one.counts,
    )  # fmt: skip
