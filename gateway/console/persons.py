"""A copy of everything about a person (managers), and its erasing (admins): pages with a reason and a confirmation."""

import asyncio
from functools import partial
from typing import Any, Final

import structlog
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Stream

from gateway.centre.model import Resident
from gateway.console import copies
from gateway.console.beside import beside
from gateway.console.change_values import entry_name
from gateway.console.deps import Console, console_of
from gateway.console.entries import TABLE_WORDS
from gateway.console.guards import at_least, required_visitor, resident_for
from gateway.console.looks import looked
from gateway.console.pages import page, tongue_for
from gateway.console.routing import Router
from gateway.console.view import name_of
from gateway.errors import BadAnswerError, CentreError, NotAllowedError, StoreError, VersionConflictError
from gateway.store import centres, compact, erase, erase_look, export
from gateway.store.erase_rows import Versions

_LOG = structlog.get_logger(__name__)

SHORTEST_WHY: Final = 3
LONGEST_WHY: Final = 500

BREATH_S: Final = 0.02
"""Real seconds between two pieces of an erasing: what waits is written in between."""

_running: set[asyncio.Task[None]] = set()
"""Erasings that go on; held, because the loop itself forgets tasks."""


def router() -> Router:
    """GET and POST /residents/{id}/export and /residents/{id}/erase, GET /erased."""

    @get("/residents/{resident:str}/export")
    async def ask(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[str]:
        visitor, found = required_visitor(request), person_of(request, resident)
        await looked(console_of(request), visitor.id, f"resident/{resident}/export", via="page")
        return page(request, "export.html", tongue_for(request, visitor), visitor=visitor, resident=found, notice=None)

    @post("/residents/{resident:str}/export", status_code=200)
    async def make(
        request: Request[Any, Any, Any], resident: FromPath[str], data: URLEncodedBody[dict[str, str]]
    ) -> Response[Any] | Stream:
        visitor, console, found = required_visitor(request), console_of(request), person_of(request, resident)
        why = data.get("why", "").strip()
        if not SHORTEST_WHY <= len(why) <= LONGEST_WHY:
            tongue = tongue_for(request, visitor)
            notice = tongue("Please write who asked for it, and why.")
            return page(request, "export.html", tongue, status=422, visitor=visitor, resident=found, notice=notice)
        return Stream(
            copies.Sent(await written(console, resident, visitor.id, why, via="page")),
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="person-{resident}.zip"'},
        )

    return Router("/", route_handlers=[ask, make, *_erasing()], guards=[at_least("manager")], include_in_schema=False)


def _erasing() -> list[Any]:
    @get("/residents/{resident:str}/erase", guards=[at_least("admin")])
    async def ask(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[str]:
        found = person_of(request, resident)
        await looked(console_of(request), required_visitor(request).id, f"resident/{resident}/erase", via="page")
        return await _erase_page(request, found)

    @post("/residents/{resident:str}/erase", status_code=303, guards=[at_least("admin")])
    async def begin(
        request: Request[Any, Any, Any], resident: FromPath[str], data: URLEncodedBody[dict[str, str]]
    ) -> Response[Any]:
        visitor, console, found = required_visitor(request), console_of(request), person_of(request, resident)
        tongue = tongue_for(request, visitor)
        if data.get("confirm", "").strip() != found.name:
            other = tongue("This is not the person’s name. Nothing was erased.")
            return await _erase_page(request, found, notice=other, status=422)
        try:
            await start(console, resident, visitor.id)
        except NotAllowedError as error:
            return await _erase_page(request, found, notice=tongue(str(error)), status=409)
        except (CentreError, VersionConflictError, BadAnswerError) as error:
            return await _erase_page(request, found, notice=str(error), status=409)
        return Redirect("/erased", status_code=303)

    @post("/erased/{resident:str}/go-on", status_code=303, guards=[at_least("admin")])
    async def go_on(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        found = erase.find(console.db(), resident)
        if found is None:
            raise NotFoundException("Nobody of that id is being erased.")
        if found.done_at is None and not is_running(resident):
            try:
                await start(console, resident, visitor.id)
            except NotAllowedError as error:
                return _erased_page(request, notice=tongue_for(request, visitor)(str(error)), status=409)
            except (CentreError, VersionConflictError, BadAnswerError) as error:
                return _erased_page(request, notice=str(error), status=409)
        return Redirect("/erased", status_code=303)

    @get("/erased", guards=[at_least("admin")])
    async def done(request: Request[Any, Any, Any]) -> Response[str]:
        return _erased_page(request)

    return [ask, begin, go_on, done]


def _erased_page(request: Request[Any, Any, Any], *, notice: str | None = None, status: int = 200) -> Response[str]:
    visitor, console = required_visitor(request), console_of(request)
    tongue, index = tongue_for(request, visitor), console_of(request).deps.index()
    lines = [
        {
            "resident": one.resident,
            "asked": tongue("{who}, {time}", who=name_of(one.asked_by, index, tongue), time=tongue.at(one.asked_at)),
            "done": None if one.done_at is None else tongue.at(one.done_at),
            "running": is_running(one.resident),
            "rows": sum(number for what, number in one.counts.items() if what != "traces"),
            "traces": one.counts.get("traces", 0),
        }
        for one in erase.erasures(console.db())
    ]
    return page(request, "erased.html", tongue, status=status, visitor=visitor, lines=lines, notice=notice)


async def written(console: Console, resident: str, who: str, why: str, *, via: str) -> copies.Copy:
    """Everything about a person as a ZIP file that is nowhere in a folder; written down before it is made."""
    await console.deps.writer.write(partial(export.note, resident=resident, who=who, why=why, via=via))
    return await copies.made(console, resident)


def is_running(resident: str) -> bool:
    """Whether a person's erasing goes on in this process."""
    return any(task.get_name() == f"erase {resident}" for task in _running)


async def start(console: Console, resident: str, who: str) -> asyncio.Task[None]:
    """Take the person out of the centre, and go on erasing beside everything else.

    Raises:
        BadAnswerError, NotAllowedError, CentreError, VersionConflictError: as gateway.store.erase.
    """
    deps = console.deps
    plan = await beside(console, lambda db: erase.plan(db, resident, deps.clock.now()))
    await deps.writer.write(partial(erase.begin, wanted=plan, who=who))
    task = asyncio.create_task(_erase(console, plan, who), name=f"erase {resident}")
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def resume_soon(console: Console) -> None:
    """Go on with what was stopped in the middle, by a power cut or a restart; the start does not wait for it."""
    task = asyncio.create_task(_resume(console), name="erasures")
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _resume(console: Console) -> None:
    for one in erase.erasures(console.db()):
        if one.done_at is not None or is_running(one.resident):
            continue
        try:
            await start(console, one.resident, one.asked_by)
        except (BadAnswerError, NotAllowedError, CentreError, VersionConflictError, StoreError) as error:
            _LOG.error("person.erase_stopped", resident=one.resident, error=type(error).__name__)


async def _erase(console: Console, plan: erase.Plan, who: str) -> None:
    deps, person = console.deps, plan.person
    counts: dict[str, int] = {}
    try:
        for what, work in erase.works(person):
            more = True
            while more:
                if isinstance(work, Versions):
                    await beside(console, work.prepare)
                piece = await deps.writer.write(work)
                counts[what], more = counts.get(what, 0) + piece.removed, piece.more
                await asyncio.sleep(BREATH_S)
        await asyncio.to_thread(compact.clear_copies, deps.database.parent)
        await asyncio.to_thread(compact.empty_log, deps.database)
        left = await asyncio.to_thread(compact.holds, deps.database, person.words)
        if left:
            counts["traces"] = len(left)
        await deps.writer.write(partial(erase.end, person=person, counts=counts, who=who))
        _LOG.info("person.erased", resident=person.resident, traces=len(left))
    except StoreError as error:
        _LOG.error("person.erase_stopped", resident=person.resident, error=type(error).__name__)


async def _erase_page(
    request: Request[Any, Any, Any], resident: Resident, *, notice: str | None = None, status: int = 200
) -> Response[str]:
    visitor, console = required_visitor(request), console_of(request)
    tongue, now = tongue_for(request, visitor), console.deps.clock.now()
    db = console.db()
    document = centres.shared_document_of(db, centres.latest_number(db)) or {}
    why_not = erase.refusal(db, document, resident.id, now)
    found = await beside(console, lambda db: erase_look.look(db, resident.id))
    index = console.deps.index()

    def called(entry: str) -> str:
        table, _, key = entry.partition("/")
        return f"{tongue(TABLE_WORDS[table].one)}: {entry_name(table, key, index, tongue)}"

    return page(
        request,
        "erase.html",
        tongue,
        status=status,
        visitor=visitor,
        resident=resident,
        notice=notice,
        refusal=None if why_not is None else tongue(why_not),
        goes=[f"{tongue(TABLE_WORDS[one.entry.split('/')[0]].one)}: {one.name}" for one in found.goes],
        stays=[
            (f"{tongue(TABLE_WORDS[one.entry.split('/')[0]].one)}: {one.name}", ", ".join(map(called, one.because)))
            for one in found.stays
        ],
    )


def person_of(request: Request[Any, Any, Any], resident: str) -> Resident:
    """A resident whom the visitor works with.

    Raises:
        NotFoundException: there is none.
    """
    return resident_for(request, resident)
