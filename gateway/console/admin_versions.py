"""Versions of the centre: who changed what and why, undo; the centre file out, and in with a look before it counts."""

import asyncio
import secrets
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gateway.centre.diff import Document, EntryChange, diff
from gateway.console import editing, exchange
from gateway.console.admin import admin_page, after, listed, present
from gateway.console.change_words import in_words
from gateway.console.deps import Console, console_of
from gateway.console.form_read import form_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.leaving import at_stake
from gateway.console.looks import looked
from gateway.console.pages import tongue_for
from gateway.console.routing import Router
from gateway.console.view import name_of
from gateway.console.warded_guards import whole_house
from gateway.errors import CentreError, UndoError
from gateway.store import centres, version_lines
from gateway.store.database import reader
from gateway.words import N_

Sent = URLEncodedBody[dict[str, str]]

PER_PAGE: Final = 30
FORGOTTEN_AFTER: Final = timedelta(minutes=30)
MOST_WAITING: Final = 4
"""Uploads that wait to be applied: each is a whole house in memory."""

SHOWN: Final = 200
"""Entries of a preview that are listed."""

FORGOTTEN: Final = N_("That was too long ago. Please choose the file once more.")
NO_FILE: Final = N_("Please choose a file.")


class _Upload(NamedTuple):
    who: str
    at: datetime
    base: int
    document: Document


_uploads: WeakKeyDictionary[Console, dict[str, _Upload]] = WeakKeyDictionary()


def router() -> Router:
    """GET /admin/versions, .../{n}, POST .../{n}/undo; GET and POST /admin/exchange, POST /admin/exchange/{id}."""

    @get("/versions")
    async def versions(request: Request[Any, Any, Any]) -> Response[str]:
        return _list(request)

    @get("/versions/{number:int}")
    async def version(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[str]:
        return await _version(request, number)

    @post("/versions/{number:int}/undo")
    async def undo(request: Request[Any, Any, Any], number: FromPath[int], data: Sent) -> Response[Any]:
        # until then nobody has seen what goes with it
        if "known" not in data and (stake := await _stake(request, number)):
            return await _version(request, number, stake=stake, status=409)
        try:
            applied = await editing.undo(console_of(request), required_visitor(request), number)
        except UndoError as error:
            return await _version(
                request, number, notice=tongue_for(request, required_visitor(request))(str(error)), status=409
            )
        except CentreError as error:
            others = listed(error.problems, tongue_for(request, required_visitor(request)))
            return await _version(request, number, others=others, status=422)
        return Redirect(f"/admin/versions?{after(applied.version, changed=applied.changed)}", status_code=303)

    @get("/exchange")
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        return admin_page(request, "admin_exchange.html", others=[], preview=None)

    @get("/exchange/centre.zip")
    async def packed(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await _download(request, "application/zip", "zip")

    @get("/exchange/centre.toml")
    async def toml(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await _download(request, "application/toml", "toml")

    @post("/exchange", request_max_body_size=exchange.LARGEST)
    async def upload(request: Request[Any, Any, Any]) -> Response[Any]:
        return await _upload(request)

    @post("/exchange/{token:str}")
    async def use(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
        return await _use(request, token)

    return Router(
        "/admin",
        route_handlers=[versions, version, undo, show, packed, toml, upload, use],
        guards=[at_least("manager"), whole_house],
        include_in_schema=False,
    )


def _who(request: Request[Any, Any, Any], who: str | None) -> str:
    return name_of(who, console_of(request).deps.index(), tongue_for(request, required_visitor(request)))


def _list(request: Request[Any, Any, Any]) -> Response[str]:
    console = console_of(request)
    tongue = tongue_for(request, required_visitor(request))
    newest, _ = present(console)
    text = request.query_params.get("before", "")
    before = int(text) if text.isdecimal() and len(text) < 12 else None
    found = version_lines.lines(console.db(), before=before, limit=PER_PAGE + 1)
    lines = [
        {
            "version": one.version,
            "at": tongue.at(one.applied_at),
            "who": _who(request, one.applied_by),
            "why": one.why or (tongue("Takes back version {n}.", n=one.undoes) if one.undoes else ""),
        }
        for one in found[:PER_PAGE]
    ]
    older = found[PER_PAGE - 1].version if len(found) > PER_PAGE else None
    return admin_page(request, "admin_versions.html", lines=lines, older=older, newest=newest)


async def _version(
    request: Request[Any, Any, Any],
    number: int,
    *,
    notice: str | None = None,
    others: list[str] | None = None,
    stake: list[str] | None = None,
    status: int = 200,
) -> Response[str]:
    console = console_of(request)
    tongue = tongue_for(request, required_visitor(request))
    found = version_lines.lines(console.db(), before=number + 1, limit=1) if 0 < number < 2**53 else []
    if not found or found[0].version != number:
        raise NotFoundException
    changes = await asyncio.to_thread(_changes, console.deps.database, number)
    line = found[0]
    return admin_page(
        request,
        "admin_version.html",
        status=status,
        number=number,
        at=tongue.at(line.applied_at),
        who=_who(request, line.applied_by),
        why=line.why,
        undoes=line.undoes,
        first=changes is None,
        changes=[in_words(one, console.deps.index(), tongue) for one in (changes or ())[:SHOWN]],
        more=max(0, len(changes or ()) - SHOWN),
        notice=notice,
        others=others or [],
        stake=stake or [],
    )


async def _stake(request: Request[Any, Any, Any], number: int) -> list[str]:
    """What has to be known before a version is taken back, in sentences; empty: nothing, or it can't be taken back."""
    console, visitor = console_of(request), required_visitor(request)
    found = await asyncio.to_thread(_undone, console.deps.database, number)
    return [] if found is None else at_stake(console, visitor, tongue_for(request, visitor), *found)


def _undone(database: Path, number: int) -> tuple[Document, Document] | None:
    """The centre now and without what a version changed; None: it can't be taken back. Beside the event loop."""
    with closing(reader(database)) as db:
        newest = centres.stored_at(db, centres.latest_number(db))
        if newest is None:
            return None
        try:
            return newest.document(), centres.undone(db, newest.document(), number)
        except UndoError:
            return None


def _changes(database: Path, number: int) -> list[EntryChange] | None:
    """What a version changed; None: it is the first. Beside the event loop: a large import changes thousands."""
    with closing(reader(database)) as db:
        before, after_it = centres.shared_document_of(db, number - 1), centres.shared_document_of(db, number)
    return None if before is None or after_it is None else diff(before, after_it)


async def _download(request: Request[Any, Any, Any], kind: str, end: str) -> Response[bytes]:
    console, visitor = console_of(request), required_visitor(request)
    version, document = present(console)
    body = await exchange.download(console, version, document, end)
    await looked(console, visitor.id, f"centre/{version}", via="export")
    name = f"{document['centre']['id']}-{version}.{end}"
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def _upload(request: Request[Any, Any, Any]) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    version, document = present(console)
    sent = (await request.form()).get("file")
    body = await sent.read() if isinstance(sent, UploadFile) else b""
    if not body:
        return admin_page(request, "admin_exchange.html", status=422, others=[tongue(NO_FILE)], preview=None)
    try:
        wanted = await asyncio.to_thread(exchange.unpacked, body)
    except CentreError as error:
        return admin_page(
            request, "admin_exchange.html", status=422, others=listed(error.problems, tongue, whole=True), preview=None
        )
    waiting = _uploads.setdefault(console, {})
    token = secrets.token_urlsafe(12)
    waiting[token] = _Upload(visitor.id, tongue.now, version, wanted)
    while len(waiting) > MOST_WAITING:
        del waiting[next(iter(waiting))]
    changes = await asyncio.to_thread(diff, document, wanted)
    numbers = {what: sum(one.what == what for one in changes) for what in ("added", "changed", "removed")}
    preview = {
        "token": token,
        "changes": [in_words(one, console.deps.index(), tongue) for one in changes[:SHOWN]],
        "more": max(0, len(changes) - SHOWN),
        "numbers": numbers,
        "stake": at_stake(console, visitor, tongue, document, wanted),
    }
    return admin_page(request, "admin_exchange.html", others=[], preview=preview)


async def _use(request: Request[Any, Any, Any], token: str) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    found = _uploads.setdefault(console, {}).get(token)
    if found is None or found.who != visitor.id or tongue.now - found.at > FORGOTTEN_AFTER:
        return admin_page(request, "admin_exchange.html", status=410, others=[tongue(FORGOTTEN)], preview=None)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])

    def edit(changed: Document) -> None:
        changed.clear()
        changed.update(found.document)

    applied = await editing.change(console, visitor, found.base, edit, (form.get("_why") or [""])[0])
    del _uploads[console][token]
    return Redirect(f"/admin/versions?{after(applied.version, changed=applied.changed)}", status_code=303)
