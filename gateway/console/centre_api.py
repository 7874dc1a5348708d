"""The JSON API of the centre: the whole, entries, versions, undo, tries, codes and the waiting room; for managers.

A change names the version that it was made from in ``If-Match`` (the ETag of what was read): without it 428, with an
older one 412. Everything is checked as a whole; 422 lists every problem.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.centre.diff import SITE, Document, EntryChange, diff, entries, key_of
from gateway.console import editing, trying
from gateway.console.admin import MAX_FORM_BYTES
from gateway.console.deps import console_of
from gateway.console.editing import in_force
from gateway.console.entries import find, known_table, take_out
from gateway.console.entries import put as put_entry
from gateway.console.exchange import LARGEST
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.looks import looked
from gateway.console.masking import masked, unmasked
from gateway.console.once import once
from gateway.console.pairing import Label, Waiting, matches, read_label, waiting_room
from gateway.console.problems import problem
from gateway.console.trial_view import TrialView
from gateway.console.trying import DAYS
from gateway.errors import CentreError
from gateway.store import centres
from gateway.store.centres import Applied, VersionLine

_WHY = QueryParameter(max_length=300, description="Why, in the words of whoever changes it.")
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


class ChangesView(msgspec.Struct):
    """What a version changed, entry by entry; the first version has no changes."""

    version: VersionLine
    changes: list[EntryChange]


class LabelView(msgspec.Struct):
    """What a code on a label says, and which waiting devices it means."""

    label: Label
    waiting: list[Waiting]


class WaitingRoom(msgspec.Struct):
    """Devices that were heard in the last hour and that the centre does not have, the newest first."""

    waiting: list[Waiting]


class TrialWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A care plan to try: ``plan`` as it would stand in the centre file; over the last ``days`` days."""

    plan: dict[str, Any]
    days: int = DAYS[1]


class TrialState(msgspec.Struct, kw_only=True):
    """How far a try is: ``state`` is waiting, running, done, failed or cancelled; ``done`` from 0 to 1."""

    id: str
    state: str
    done: float
    began: datetime
    found: TrialView | None


def router() -> Router:
    """/api/centre and everything below it."""
    writes: dict[str, Any] = {"guards": [same_origin], "opt": {"exclude_from_csrf": True}}

    @get("/", summary="The centre in force", operation_id="centre")
    async def whole(request: Request[Any, Any, Any]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        found = in_force(console)
        if request.headers.get("if-none-match") == _tag(found.version):
            return Response(None, status_code=304, headers={"ETag": _tag(found.version)})
        await looked(console, visitor.id, f"centre/{found.version}", via="api")
        carers = [masked("carers", one) for one in found.document.get("carers", ())]
        return _tagged({**found.document, "carers": carers}, found.version)

    @put("/", summary="Put a whole centre in force", operation_id="putCentre", request_max_body_size=LARGEST, **writes)
    async def replace(
        request: Request[Any, Any, Any], data: JSONBody[dict[str, Any]], why: Annotated[str, _WHY] = ""
    ) -> Response[Any]:
        def edit(changed: Document) -> None:
            old, sent = entries(changed, "carers"), data.get("carers")
            changed.clear()
            changed.update(data)
            if isinstance(sent, list) and all(isinstance(one, dict) for one in sent):
                changed["carers"] = [unmasked("carers", one, old.get(key_of("carers", one))) for one in sent]

        return await _change(request, edit, why)

    @get("/versions", summary="Versions of the centre", operation_id="centreVersions")
    async def versions(
        request: Request[Any, Any, Any],
        limit: Annotated[int, _LIMIT] = 50,
        cursor: Annotated[str | None, _CURSOR] = None,
    ) -> Response[Any]:
        if cursor is not None and not (cursor.isdecimal() and len(cursor) < 16):
            return problem(422, "cursor: expected the `next` of the page before")
        found = centres.lines(console_of(request).db(), before=int(cursor) if cursor else None, limit=limit + 1)
        more = str(found[limit - 1].version) if len(found) > limit else None
        return Response(VersionsView(found[:limit], more))

    @get("/versions/{number:int}", summary="What a version changed", operation_id="centreVersion")
    async def version(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        db = console_of(request).db()
        after = centres.document_of(db, number) if 0 < number < 2**53 else None
        if after is None:
            return problem(404, "There is no such version.")
        before = centres.document_of(db, number - 1)
        [line] = centres.lines(db, before=number + 1, limit=1)
        changes = [] if before is None else [_safe(one) for one in diff(before, after)]
        return Response(ChangesView(line, changes))

    @post(
        "/versions/{number:int}/undo", status_code=200, summary="Take back what a version changed",
        operation_id="undoCentreVersion", **writes,
    )  # fmt: skip
    @once
    async def undo(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        if not 0 < number < 2**53:
            return problem(404, "There is no such version.")
        applied = await editing.undo(console_of(request), required_visitor(request), number)
        return _tagged(applied, applied.version)

    @get("/waiting-room", summary="Unknown devices that are heard", operation_id="waitingRoom")
    async def waiting(request: Request[Any, Any, Any]) -> WaitingRoom:
        return WaitingRoom(_waiting(request))

    @get("/pairing", summary="What a code on a label means", operation_id="pairing")
    async def pairing(
        request: Request[Any, Any, Any],
        code: Annotated[str, QueryParameter(max_length=300, description="What the label or its QR code says.")],
    ) -> Response[Any]:
        label = read_label(code)
        if label is None:
            return problem(422, "code: expected a LoRaWAN QR code, a DevEUI, an IMEI or a serial number")
        return Response(LabelView(label, matches(label, _waiting(request))))

    return Router(
        "/api/centre",
        route_handlers=[whole, replace, versions, version, undo, waiting, pairing, *_tries(writes), *_entries(writes)],
        guards=[at_least("manager")],
        tags=["centre"],
    )


def _entries(writes: dict[str, Any]) -> list[Any]:
    @get("/tables/{table:str}", summary="Entries of a table", operation_id="centreEntries")
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
        if cursor is not None and not (cursor.isdecimal() and len(cursor) < 10):
            return problem(422, "cursor: expected the `next` of the page before")
        start = int(cursor or 0)
        rows = list(entries(found.document, table).items())
        part = [EntryView(key, masked(table, entry)) for key, entry in rows[start : start + limit]]
        more = str(start + limit) if len(rows) > start + limit else None
        await looked(console, visitor.id, f"centre/{found.version}/{table}", via="api")
        return _tagged(EntriesView(found.version, part, more), found.version)

    @get("/tables/{table:str}/{key:path}", summary="One entry", operation_id="centreEntry")
    async def one(request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        found = in_force(console)
        entry = find(found.document, table, key[1:]) if known_table(table) else None
        if entry is None:
            return problem(404, "There is no such entry.")
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

        return await _change(request, edit, why)

    @delete(
        "/tables/{table:str}/{key:path}", status_code=200, summary="Take an entry out, and what hangs on it",
        operation_id="deleteCentreEntry", **writes,
    )  # fmt: skip
    async def remove(
        request: Request[Any, Any, Any], table: FromPath[str], key: FromPath[str], why: Annotated[str, _WHY] = ""
    ) -> Response[Any]:
        there = known_table(table) and table != SITE and find(in_force(console_of(request)).document, table, key[1:])
        if not there:
            return problem(404, "There is no such entry.")
        return await _change(request, lambda changed: take_out(changed, table, key[1:]), why)

    return [listed, one, set_one, remove]


def _tries(writes: dict[str, Any]) -> list[Any]:
    @post(
        "/trials", status_code=202, summary="Try a care plan over the past", operation_id="tryPlan",
        request_max_body_size=MAX_FORM_BYTES, **writes,
    )  # fmt: skip
    @once
    async def begin(request: Request[Any, Any, Any], data: JSONBody[TrialWanted]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        resident = data.plan.get("resident")
        present = dict(in_force(console).document)
        if not isinstance(resident, str) or find(present, "care_plans", resident) is None:
            return problem(422, "plan.resident: expected the id of a resident who has a care plan")
        if data.days not in DAYS:
            return problem(422, f"days: {data.days}: expected one of {', '.join(map(str, DAYS))}")
        others = [one for one in present["care_plans"] if one["resident"] != resident]
        changed = {**present, "care_plans": [*others, data.plan]}
        problems = await editing.problems_of(console, lambda document: document.update(changed))
        if problems:
            raise CentreError(problems)
        trial = trying.begin(console, visitor.id, present, changed, days=data.days, resident=resident)
        if trial is None:
            return problem(503, "This gateway can't try changes.")
        return Response(_state(trial), status_code=202, headers={"Location": f"/api/centre/trials/{trial.id}"})

    @get("/trials/{trial:str}", summary="How far a try is, and what it found", operation_id="trial")
    async def look(request: Request[Any, Any, Any], trial: FromPath[str]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        found = trying.get(console, trial, visitor.id)
        if found is None:
            return problem(404, "There is no such try, or it was forgotten.")
        await looked(console, visitor.id, "try", via="api")
        return Response(_state(found))

    @delete("/trials/{trial:str}", status_code=200, summary="Stop a try", operation_id="cancelTrial", **writes)
    async def stop(request: Request[Any, Any, Any], trial: FromPath[str]) -> Response[Any]:
        found = trying.get(console_of(request), trial, required_visitor(request).id)
        if found is None:
            return problem(404, "There is no such try, or it was forgotten.")
        trying.cancel(found)
        return Response(_state(found))

    return [begin, look, stop]


def _state(trial: trying.Trial) -> TrialState:
    return TrialState(id=trial.id, state=trial.state, done=trial.done, began=trial.began, found=trial.found)


def _waiting(request: Request[Any, Any, Any]) -> list[Waiting]:
    console = console_of(request)
    devices = in_force(console).document.get("devices", ())
    return waiting_room(
        console.db(), console.deps.clock.now(), [(str(one["format"]), str(one["address"])) for one in devices]
    )


def _tag(version: int) -> str:
    return f'"centre-{version}"'


def _tagged(body: object, version: int) -> Response[Any]:
    return Response(body, headers={"ETag": _tag(version)})


async def _change(request: Request[Any, Any, Any], edit: Any, why: str) -> Response[Any]:
    console = console_of(request)
    newest = in_force(console).version
    wanted = request.headers.get("if-match")
    if wanted is None:
        return problem(428, f"If-Match: expected the ETag of what was read; the newest is {_tag(newest)}")
    if wanted not in {_tag(newest), "*"}:
        return problem(412, f"If-Match: {wanted[:60]}: version {newest} is in force by now. Nothing was changed.")
    applied: Applied = await editing.change(console, required_visitor(request), newest, edit, why)
    return _tagged(applied, applied.version)


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
