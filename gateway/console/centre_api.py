"""The JSON API of the centre: the whole, entries, versions, undo; for managers.

A change names the version that it was made from in ``If-Match`` (the ETag of what was read): without it 428, with an
older one 412. Everything is checked as a whole; 422 lists every problem.
"""

import asyncio
import re
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.centre.diff import SITE, Document, EntryChange, diff, entries, key_of
from gateway.centre.load import centre_from_document, to_document
from gateway.console import editing
from gateway.console.admin import MAX_FORM_BYTES
from gateway.console.deps import console_of
from gateway.console.editing import in_force
from gateway.console.entries import find, known_table, take_out
from gateway.console.entries import put as put_entry
from gateway.console.exchange import LARGEST
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.leaving import at_stake, next_house_policy
from gateway.console.listing import CURSOR, POLLED, has_already, piece, unchanged
from gateway.console.looks import looked
from gateway.console.masking import masked, unmasked
from gateway.console.once import once
from gateway.console.pages import tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.warded import seen
from gateway.console.warded_guards import own_wards, whole_house
from gateway.errors import CentreError, told
from gateway.store import centres, version_lines
from gateway.store.centres import Applied
from gateway.store.version_lines import VersionLine

_WHY = QueryParameter(max_length=300, description="Why, in the words of whoever changes it.")
_SERVES = QueryParameter(
    max_length=100, description="Only where the policy that serves the house is taken out: the one that will serve it."
)
_LIMIT = QueryParameter(ge=1, le=500, description="How many at the most.")
_CURSOR = QueryParameter(max_length=200, description="`next` of the page before; none: the first page.")


class EntryView(msgspec.Struct):
    """One entry of a table, and its key there. Addresses that are keys are shown without what is secret."""

    key: str
    entry: dict[str, Any]


class EntriesView(msgspec.Struct):
    """Entries of a table of version ``version``; ``next`` null: there are no more."""

    version: int
    entries: list[EntryView]
    next: str | None


class VersionsView(msgspec.Struct):
    """Versions, the newest first; ``next`` null: there are no more."""

    versions: list[VersionLine]
    next: str | None


class Wrong(msgspec.Struct):
    """What does not hold: the key, what stands there, and what is expected."""

    key: str
    value: str
    expected: str


class CheckView(msgspec.Struct):
    """What a whole centre would change against version ``version``, entry by entry; when it does not hold, what is
    wrong: the first 200 ``problems``, and how many ``more`` there are. ``warnings``: open alerts of people who would
    go, and another policy that would serve the house."""

    version: int
    changes: list[EntryChange]
    problems: list[Wrong]
    more: int = 0
    warnings: list[str] = msgspec.field(default_factory=list)


class ChangesView(msgspec.Struct):
    """What a version changed, entry by entry; the first version has no changes."""

    version: VersionLine
    changes: list[EntryChange]


def router() -> Router:
    """/api/centre and everything below it."""
    writes: dict[str, Any] = {"guards": [same_origin], "opt": {"exclude_from_csrf": True}}
    all_of_it = writes | {"guards": [same_origin, whole_house]}

    @get("/", summary="The centre in force", operation_id="centre", responses=POLLED, guards=[whole_house])
    async def whole(request: Request[Any, Any, Any]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        found = in_force(console)
        if has_already(request, _tag(found.version)):
            return unchanged(_tag(found.version))
        await looked(console, visitor.id, f"centre/{found.version}", via="api")
        # some megabytes for thousands of residents: alarms must not wait for them
        written = await asyncio.to_thread(_written, found.document)
        return Response(written, media_type="application/json", headers={"ETag": _tag(found.version)})

    @put(
        "/", summary="Put a whole centre in force", operation_id="putCentre", request_max_body_size=LARGEST,
        **all_of_it,
    )  # fmt: skip
    async def replace(
        request: Request[Any, Any, Any], data: JSONBody[dict[str, Any]], why: Annotated[str, _WHY] = ""
    ) -> Response[Any]:
        return await change_centre(request, partial(_replaced, data=data), why)

    @post(
        "/check", status_code=200, summary="Say what a whole centre would change; nothing is changed",
        operation_id="checkCentre", request_max_body_size=LARGEST, **all_of_it,
    )  # fmt: skip
    async def check(request: Request[Any, Any, Any], data: JSONBody[dict[str, Any]]) -> CheckView:
        console = console_of(request)
        found = in_force(console)
        after: Document = {"carers": list(found.document.get("carers", ()))}
        _replaced(after, data=data)
        await looked(console, required_visitor(request).id, f"centre/{found.version}", via="api")

        def compared() -> list[EntryChange]:
            return [_safe(one) for one in diff(found.document, to_document(centre_from_document(after)))]

        try:
            changes = await asyncio.to_thread(compared)
            visitor = required_visitor(request)
            warnings = at_stake(console, visitor, tongue_for(request, visitor), found.document, after)
            return CheckView(found.version, changes, [], warnings=warnings)
        except CentreError as error:
            first, more = told(error.problems)
            return CheckView(found.version, [], [Wrong(one.key, one.value, one.expected) for one in first], more)

    @get("/versions", summary="Versions of the centre", operation_id="centreVersions", guards=[whole_house])
    async def versions(
        request: Request[Any, Any, Any],
        limit: Annotated[int, _LIMIT] = 50,
        cursor: Annotated[str | None, _CURSOR] = None,
    ) -> Response[Any]:
        if cursor is not None and not (cursor.isdecimal() and len(cursor) < 16):
            return problem(422, "cursor: expected the `next` of the page before")
        found = version_lines.lines(console_of(request).db(), before=int(cursor) if cursor else None, limit=limit + 1)
        more = str(found[limit - 1].version) if len(found) > limit else None
        return Response(VersionsView(found[:limit], more))

    @get("/versions/{number:int}", summary="What a version changed", operation_id="centreVersion", guards=[whole_house])
    async def version(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        db = console_of(request).db()
        after = centres.shared_document_of(db, number) if 0 < number < 2**53 else None
        if after is None:
            return problem(404, "There is no such version.")
        before = centres.shared_document_of(db, number - 1)
        [line] = version_lines.lines(db, before=number + 1, limit=1)
        changes = await asyncio.to_thread(_changes, before, after)
        await looked(console_of(request), required_visitor(request).id, f"centre/{number}", via="api")
        return Response(ChangesView(line, changes))

    @post(
        "/versions/{number:int}/undo", status_code=200, summary="Take back what a version changed",
        operation_id="undoCentreVersion", **all_of_it,
    )  # fmt: skip
    @once
    async def undo(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        if not 0 < number < 2**53:
            return problem(404, "There is no such version.")
        applied = await editing.undo(console_of(request), required_visitor(request), number)
        return _tagged(applied, applied.version)

    return Router(
        "/api/centre",
        route_handlers=[whole, replace, check, versions, version, undo, *_entries(writes)],
        guards=[at_least("manager"), own_wards],
        tags=["centre"],
    )


def _entries(writes: dict[str, Any]) -> list[Any]:
    @get("/tables/{table:str}", summary="Entries of a table", operation_id="centreEntries", responses=POLLED)
    async def listed(
        request: Request[Any, Any, Any],
        table: FromPath[str],
        limit: Annotated[int, _LIMIT] = 100,
        cursor: Annotated[str | None, _CURSOR] = None,
    ) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        if not known_table(table):
            return problem(404, f"{table[:60]}: there is no such table")
        found = in_force(console)
        if cursor is not None and not re.fullmatch(CURSOR, cursor):
            return problem(422, "cursor: expected the `next` of the page before")
        if has_already(request, _tag(found.version)):
            return unchanged(_tag(found.version))
        mine = entries(seen(visitor, found.document), table)
        rows, more = piece(list(mine.items()), cursor, limit, key=lambda one: one[0])
        part = [EntryView(key, masked(table, entry)) for key, entry in rows]
        await looked(console, visitor.id, f"centre/{found.version}/{table}", via="api")
        return _tagged(EntriesView(found.version, part, more), found.version)

    @get("/tables/{table:str}/{key:path}", summary="One entry", operation_id="centreEntry", responses=POLLED)
    async def one(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        found = in_force(console)
        entry = find(found.document, table, key[1:]) if known_table(table) else None
        if entry is None:
            return problem(404, "There is no such entry.")
        if has_already(request, _tag(found.version)):
            return unchanged(_tag(found.version))
        await looked(console, visitor.id, f"centre/{found.version}/{table}/{key[1:]}", via="api")
        return _tagged(EntryView(key[1:], masked(table, entry)), found.version)

    @put(
        "/tables/{table:str}/{key:path}", status_code=200, summary="Put an entry", operation_id="putCentreEntry",
        request_max_body_size=MAX_FORM_BYTES, **writes,
    )  # fmt: skip
    async def set_one(
        request: Request[Any, Any, Any],
        table: FromPath[str],
        key: FromPath[str],
        data: JSONBody[dict[str, Any]],
        why: Annotated[str, _WHY] = "",
    ) -> Response[Any]:
        if not known_table(table):
            return problem(404, "There is no such table.")
        if table != SITE and key_of(table, data) != key[1:]:
            return problem(422, f"The entry is {key_of(table, data)[:100]!r}, and the address says {key[1:101]!r}.")

        def edit(changed: Document) -> None:
            put_entry(changed, table, key[1:], unmasked(table, data, find(changed, table, key[1:])))

        return await change_centre(request, edit, why)

    @delete(
        "/tables/{table:str}/{key:path}", status_code=200, summary="Take an entry out, and what hangs on it",
        operation_id="deleteCentreEntry", **writes,
    )  # fmt: skip
    async def remove(
        request: Request[Any, Any, Any],
        table: FromPath[str],
        key: FromPath[str],
        why: Annotated[str, _WHY] = "",
        serves: Annotated[str | None, _SERVES] = None,
    ) -> Response[Any]:
        document = in_force(console_of(request)).document
        if not (known_table(table) and table != SITE and find(document, table, key[1:])):
            return problem(404, "There is no such entry.")
        if (unmet := unmet_condition(request)) is not None:
            return unmet
        next_one = next_house_policy(document, key[1:]) if table == "policies" else None
        if next_one is not None and serves != next_one:
            expected = f"expected {next_one!r}: this policy serves the house, and that one will when it is taken out"
            return problem(422, f"serves: {serves!r}: {expected}")
        return await change_centre(request, lambda changed: take_out(changed, table, key[1:]), why)

    return [listed, one, set_one, remove]


def _replaced(document: Document, *, data: dict[str, Any]) -> None:
    """The whole centre becomes what was sent; secrets that were shown masked stay what they were."""
    old, sent = entries(document, "carers"), data.get("carers")
    document.clear()
    document.update(data)
    if isinstance(sent, list) and all(isinstance(one, dict) for one in sent):
        document["carers"] = [unmasked("carers", one, old.get(key_of("carers", one))) for one in sent]


def _written(document: Document) -> bytes:
    """A whole centre as JSON, without addresses that are keys."""
    carers = [masked("carers", one) for one in document.get("carers", ())]
    return msgspec.json.encode({**document, "carers": carers}, enc_hook=_as_text)


def _as_text(value: object) -> str:
    """What JSON has no word for, such as a time zone or a path."""
    return str(value)


def _tag(version: int) -> str:
    return f'"centre-{version}"'


def _tagged(body: object, version: int) -> Response[Any]:
    return Response(body, headers={"ETag": _tag(version)})


async def change_centre(request: Request[Any, Any, Any], edit: Any, why: str) -> Response[Any]:
    """Change the centre in force from the version that ``If-Match`` names; 428 without it, 412 with an older one."""
    if (unmet := unmet_condition(request)) is not None:
        return unmet
    console = console_of(request)
    newest = in_force(console).version
    applied: Applied = await editing.change(console, required_visitor(request), newest, edit, why)
    return _tagged(applied, applied.version)


def unmet_condition(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """What is answered when ``If-Match`` does not name the version in force; None: it does."""
    newest = in_force(console_of(request)).version
    wanted = request.headers.get("if-match")
    if wanted is None:
        return problem(428, f"If-Match: expected the ETag of what was read; the newest is {_tag(newest)}")
    if wanted not in {_tag(newest), "*"}:
        return problem(412, f"If-Match: {wanted[:60]}: version {newest} is in force by now. Nothing was changed.")
    return None


def _changes(before: Document | None, after: Document) -> list[EntryChange]:
    """What differs; nothing where there is nothing before."""
    return [] if before is None else [_safe(one) for one in diff(before, after)]


def _safe(change: EntryChange) -> EntryChange:
    """Without addresses that are keys."""
    if change.table != "carers":
        return change
    fields = tuple(
        msgspec.structs.replace(
            one,
            before=None if one.before is None else masked("carers", {one.field: one.before})[one.field],
            after=None if one.after is None else masked("carers", {one.field: one.after})[one.field],
        )
        for one in change.fields
    )
    return msgspec.structs.replace(change, fields=fields)
