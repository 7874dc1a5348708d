"""Carers' notes about a resident: the form of the page, and the JSON API. For staff only."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, resident_for, same_origin
from gateway.console.pages import tongue_for
from gateway.console.problems import problem
from gateway.console.resident import resident_page
from gateway.console.resident_who import look
from gateway.console.routing import Router
from gateway.errors import BadAnswerError
from gateway.store import notes
from gateway.words import N_

LONGEST_KEY: Final = 100


class NoteWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A note: 1 to 1,000 characters. ``corrects`` is the number of the note that it puts right."""

    text: str
    corrects: int | None = None


class NoteView(msgspec.Struct, kw_only=True):
    """A note; ``at`` is RFC 3339 in UTC. ``who`` is a carer's id, or cli:<user>."""

    id: int
    at: datetime
    who: str
    text: str
    corrects: int | None
    corrected_by: int | None


class NotesView(msgspec.Struct, kw_only=True):
    """A piece of the notes, the newest first. ``next`` is the cursor of the next piece; null: this is the last one."""

    notes: list[NoteView]
    next: str | None


def router() -> Router:
    """POST /residents/{id}/notes, GET and POST /api/residents/{id}/notes."""

    @post("/residents/{resident:str}/notes", status_code=303, include_in_schema=False)
    async def written(
        request: Request[Any, Any, Any], resident: FromPath[str], data: URLEncodedBody[dict[str, str]]
    ) -> Response[Any]:
        tongue = tongue_for(request, required_visitor(request))
        corrects = data.get("corrects", "")
        try:
            await _add(
                request,
                resident,
                data.get("text", ""),
                int(corrects) if corrects.isascii() and corrects.isdigit() and len(corrects) < 19 else None,
                data.get("key", "")[:LONGEST_KEY] or None,
            )
        except BadAnswerError:
            said = tongue(N_("A note needs a text of at most {n} characters. It was not kept."), n=notes.LONGEST)
            return await resident_page(
                request, resident, status=422, notice=said, draft=data.get("text", "")[: 2 * notes.LONGEST]
            )
        return Redirect(f"/residents/{resident}#notes", status_code=303)

    @post(
        "/api/residents/{resident:str}/notes",
        status_code=201,
        guards=[same_origin],
        opt={"exclude_from_csrf": True},
        summary="Write a note about a resident",
        operation_id="addNote",
        tags=["residents"],
    )
    async def add(
        request: Request[Any, Any, Any],
        resident: FromPath[str],
        data: JSONBody[NoteWanted],
        key: Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=LONGEST_KEY)] = None,
    ) -> Response[Any]:
        try:
            note = await _add(request, resident, data.text, data.corrects, key)
        except BadAnswerError as error:
            return problem(422, str(error))
        return Response(_view(note), status_code=201)

    @get(
        "/api/residents/{resident:str}/notes",
        summary="The notes about a resident, the newest first",
        operation_id="notes",
        tags=["residents"],
    )
    async def listed(
        request: Request[Any, Any, Any],
        resident: FromPath[str],
        limit: Annotated[int, QueryParameter(ge=1, le=200, description="At most so many.")] = 50,
        cursor: Annotated[str, QueryParameter(description="`next` of the piece before.")] = "",
    ) -> Response[Any]:
        seen = await look(request, resident, via="api", part="notes")
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            return problem(422, f"cursor: {cursor[:40]!r}: expected `next` of the piece before")
        found = notes.notes(
            console_of(request).db(), seen.resident.id, before=int(cursor) if cursor else None, limit=limit + 1
        )
        more = str(found[limit - 1].id) if len(found) > limit else None
        return Response(NotesView(notes=[_view(note) for note in found[:limit]], next=more))

    return Router("/", route_handlers=[written, add, listed], guards=[at_least("carer")])


async def _add(
    request: Request[Any, Any, Any], resident: str, text: str, corrects: int | None, key: str | None
) -> notes.Note:
    visitor, deps = required_visitor(request), console_of(request).deps
    index = deps.index()
    resident_for(request, resident, by_glass=True)
    note = await deps.writer.write(
        lambda tx: notes.add(tx, index, resident=resident, text=text, who=visitor.id, corrects=corrects, key=key)
    )
    deps.writer.changes.bump()
    return note


def _view(note: notes.Note) -> NoteView:
    return NoteView(
        id=note.id,
        at=note.at,
        who=note.who,
        text=note.text,
        corrects=note.corrects,
        corrected_by=note.corrected_by,
    )
