"""The JSON API of shifts: who is on duty, changes of it, and what the coming days lack. Changes are a manager's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.centre.rota import Change, in_order
from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.listing import POLLED, polled
from gateway.console.looks import looked
from gateway.console.once import once
from gateway.console.pages import tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.coverage.report import LONGEST_DAYS, look_ahead
from gateway.errors import BadAnswerError
from gateway.store import rotas, shift_ends
from gateway.store.rotas import Span
from gateway.store.writer import Tx
from gateway.words import say

_DAYS = QueryParameter(ge=1, le=LONGEST_DAYS, description="How many days ahead.")


class TurnView(msgspec.Struct):
    """A carer is on duty for a role from ``since`` until ``until`` (RFC 3339, UTC); ``shift`` null: by a change."""

    role: str
    carer: str
    since: datetime
    until: datetime
    shift: str | None


class ShiftsView(msgspec.Struct):
    """Who is on duty in the coming days, changes counted in, and all changes that are not over, the soonest first."""

    turns: list[TurnView]
    changes: list[Change]


class FindingView(msgspec.Struct, kw_only=True):
    """What a look at the coming days found. ``serious``: a manager is told of it. ``text``: in the asker's language."""

    kind: str
    serious: bool
    text: str
    spans: list[Span]
    role: str | None
    plan: str | None
    step: int | None
    carer: str | None
    shift: str | None
    resident: str | None


class CoverageView(msgspec.Struct):
    """A look at the time from ``begin`` until ``end``; what is serious comes first."""

    begin: datetime
    end: datetime
    gaps: int
    findings: list[FindingView]


class OverrideWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """For a while ``leaves`` is not on duty, ``comes`` is; one of them may be missing."""

    role: str
    since: datetime
    until: datetime
    leaves: str | None = None
    comes: str | None = None
    why: str


class Half(msgspec.Struct, forbid_unknown_fields=True):
    """Who gives away which time."""

    carer: str
    since: datetime
    until: datetime


class SwapWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Two carers take each other's turn."""

    role: str
    first: Half
    second: Half
    why: str


class Changes(msgspec.Struct):
    """The changes that a request made or ended."""

    changes: list[Change]


def router() -> Router:
    """GET /api/shifts, POST /api/shifts/overrides, /api/shifts/swaps, .../changes/{id}/end, GET /api/coverage."""

    @get("/shifts", summary="Who is on duty", operation_id="shifts", responses=POLLED)
    async def shifts(request: Request[Any, Any, Any], days: Annotated[int, _DAYS] = 7) -> Response[ShiftsView]:
        console = console_of(request)
        index, now = console.deps.index(), console.deps.clock.now()
        end = now + timedelta(days=days)

        def read(db: Connection) -> ShiftsView:
            found = [turn for role in index.rotas.roles for turn in rotas.turns(db, index, role, now, end)]
            turns = [TurnView(turn.role, turn.carer, turn.start, turn.end, turn.shift) for turn in in_order(found)]
            return ShiftsView(turns, rotas.ahead(db, now))

        return await polled(request, await beside(console, read), look="shifts")

    @get("/coverage", summary="What the coming days lack", operation_id="coverage")
    async def coverage(
        request: Request[Any, Any, Any],
        days: Annotated[
            int | None,
            QueryParameter(ge=1, le=LONGEST_DAYS, description="How many days ahead; default: the settings'."),
        ] = None,
    ) -> CoverageView:
        visitor, console = required_visitor(request), console_of(request)
        deps, tongue = console.deps, tongue_for(request, visitor)
        index, now = deps.index(), deps.clock.now()
        report = await beside(
            console,
            lambda db: look_ahead(
                db,
                index,
                now,
                days=days or deps.coverage.days,
                channels=deps.channels,
                tested_days=deps.coverage.tested_days,
            ),
        )
        await looked(console, visitor.id, "coverage", via="api")
        findings = [
            FindingView(
                kind=one.kind.value,
                serious=one.serious,
                text=say(one.what, tongue.language, index.timezone, now),
                spans=list(one.spans),
                role=one.role,
                plan=one.plan,
                step=one.step,
                carer=one.carer,
                shift=one.shift,
                resident=one.resident,
            )
            for one in report.findings
        ]
        return CoverageView(report.begin, report.end, len(report.serious), findings)

    @post(
        "/shifts/overrides",
        status_code=201,
        guards=[same_origin, at_least("manager")],
        opt={"exclude_from_csrf": True},
        summary="Change a shift for a while",
        operation_id="overrideShift",
    )
    @once
    async def override(request: Request[Any, Any, Any], data: JSONBody[OverrideWanted]) -> Response[Any]:
        def work(tx: Tx, who: str) -> list[Change]:
            index, span = console_of(request).deps.index(), _span(data)
            return [
                rotas.override(
                    tx, index, role=data.role, span=span, leaves=data.leaves, comes=data.comes, why=data.why, who=who
                )
            ]

        return await _change(request, work, 201)

    @post(
        "/shifts/swaps",
        status_code=201,
        guards=[same_origin, at_least("manager")],
        opt={"exclude_from_csrf": True},
        summary="Two carers take each other's turn",
        operation_id="swapShifts",
    )
    @once
    async def swap(request: Request[Any, Any, Any], data: JSONBody[SwapWanted]) -> Response[Any]:
        def work(tx: Tx, who: str) -> list[Change]:
            first, second = ((half.carer, _span(half)) for half in (data.first, data.second))
            index = console_of(request).deps.index()
            return list(rotas.swap(tx, index, role=data.role, first=first, second=second, why=data.why, who=who))

        return await _change(request, work, 201)

    @post(
        "/shifts/changes/{number:int}/end",
        status_code=200,
        guards=[same_origin, at_least("manager")],
        opt={"exclude_from_csrf": True},
        summary="Take a change back",
        operation_id="endShiftChange",
    )
    @once
    async def end(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        return await _change(request, lambda tx, who: shift_ends.take_back(tx, number, who=who), 200)

    handlers = [shifts, coverage, override, swap, end]
    return Router("/api", route_handlers=handlers, guards=[at_least("carer")], tags=["shifts"])


async def _change(
    request: Request[Any, Any, Any], work: Callable[[Tx, str], list[Change]], status: int
) -> Response[Any]:
    visitor, deps = required_visitor(request), console_of(request).deps
    try:
        made = await deps.writer.write(lambda tx: work(tx, visitor.id))
    except BadAnswerError as error:
        return problem(422, str(error))
    return Response(Changes(made), status_code=status)


def _span(wanted: OverrideWanted | Half) -> Span:
    for field, at in (("since", wanted.since), ("until", wanted.until)):
        if at.tzinfo is None:
            raise BadAnswerError(f"{field}: {at.isoformat()}: expected a time zone, such as the Z at its end.")
    return Span(wanted.since, wanted.until)
