"""Who is on duty: the coming week by day and role, changes of it, and what the coming days lack."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gateway.centre.index import CentreIndex
from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import ROLES, at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.problems import refuse
from gateway.console.routing import Router
from gateway.console.shift_words import day_of, line_of
from gateway.console.view import name_of
from gateway.coverage.model import Finding
from gateway.coverage.report import look_ahead
from gateway.errors import BadAnswerError
from gateway.store import rotas, shift_ends
from gateway.store.rotas import Span
from gateway.store.writer import Tx
from gateway.words import N_

Form = URLEncodedBody[dict[str, str]]

DAYS: Final = 7

CHANGES: Final = 50
"""Changes on a page, the soonest first; the next ones are on the next page."""


WRONG: Final[dict[str, str]] = {
    "role": N_("Please choose a shift."),
    "since": N_("Please give a day and a time for the beginning."),
    "until": N_("Please give an end that is later than the beginning, by 92 days at most, and not over yet."),
    "leaves": N_("That person is not on duty then."),
    "comes": N_("Please say who is not there, or who comes; not the same person twice."),
    "carer": N_("Please choose people of that shift, who can be told."),
    "why": N_("Please write the reason, in a few words."),
}
"""What is said above a form that is wrong, by the field that the refusal begins with."""


def router() -> Router:
    """GET /shifts, POST /shifts/override, /shifts/swap, /shifts/changes/{id}/end, GET /coverage."""

    @get("/shifts")
    async def shifts(request: Request[Any, Any, Any]) -> Response[str]:
        return await _shifts(request)

    @post("/shifts/override", status_code=303, guards=[at_least("manager")])
    async def override(request: Request[Any, Any, Any], data: Form) -> Response[Any]:
        def work(tx: Tx, index: CentreIndex, who: str) -> None:
            rotas.override(
                tx,
                index,
                role=data.get("role", ""),
                span=_span(index, data.get("since", ""), data.get("until", "")),
                leaves=data.get("leaves") or None,
                comes=data.get("comes") or None,
                why=data.get("why", ""),
                who=who,
            )

        return await _change(request, work, data)

    @post("/shifts/swap", status_code=303, guards=[at_least("manager")])
    async def swap(request: Request[Any, Any, Any], data: Form) -> Response[Any]:
        def work(tx: Tx, index: CentreIndex, who: str) -> None:
            first, second = (
                (data.get(f"carer{n}", ""), _span(index, data.get(f"since{n}", ""), data.get(f"until{n}", "")))
                for n in (1, 2)
            )
            role, why = data.get("role", ""), data.get("why", "")
            rotas.swap(tx, index, role=role, first=first, second=second, why=why, who=who)

        return await _change(request, work, data)

    @post("/shifts/changes/{number:int}/end", status_code=303, guards=[at_least("manager")])
    async def end(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[Any]:
        return await _change(request, lambda tx, _, who: shift_ends.take_back(tx, number, who=who), {})

    @get("/coverage")
    async def coverage(request: Request[Any, Any, Any]) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        deps, tongue = console.deps, tongue_for(request, visitor)
        index, now = deps.index(), deps.clock.now()
        report = await beside(
            console,
            lambda db: look_ahead(
                db,
                index,
                now,
                days=deps.coverage.days,
                channels=deps.channels,
                tested_days=deps.coverage.tested_days,
            ),
        )
        await looked(console, visitor.id, "coverage", via="page")
        return page(
            request,
            "coverage.html",
            tongue,
            visitor=visitor,
            until=tongue.at(report.end),
            serious=[_finding(one, tongue) for one in report.serious],
            risks=[_finding(one, tongue) for one in report.findings if not one.serious],
        )

    handlers = [shifts, override, swap, end, coverage]
    return Router("/", route_handlers=handlers, guards=[at_least("carer")], include_in_schema=False)


async def _shifts(
    request: Request[Any, Any, Any], *, refused: str | None = None, typed: dict[str, str] | None = None
) -> Response[str]:
    visitor, console = required_visitor(request), console_of(request)
    tongue, index, now = tongue_for(request, visitor), console.deps.index(), console.deps.clock.now()
    local = now.astimezone(index.timezone)
    begin = datetime.combine(local.date(), time(), index.timezone).astimezone(UTC)
    end = begin + timedelta(days=DAYS + 1)
    asked = request.query_params.get("changes", "")
    sheet = int(asked) if asked.isdecimal() and len(asked) < 5 else 0
    turns, changes = await beside(
        console,
        lambda db: (
            {role: rotas.turns(db, index, role, begin, end) for role in index.rotas.roles},
            rotas.ahead(db, now, limit=CHANGES + 1, offset=CHANGES * sheet),
        ),
    )
    await looked(console, visitor.id, "shifts", via="page")
    now_on = [
        (role, [name_of(turn.carer, index, tongue) for turn in found if turn.start <= now < turn.end])
        for role, found in turns.items()
    ]
    return page(
        request,
        "shifts.html",
        tongue,
        status=409 if refused else 200,
        visitor=visitor,
        manages=ROLES.index(visitor.carer.role) >= ROLES.index("manager"),
        refused=refused,
        typed=typed or {},
        now_on=now_on,
        days=[day_of(begin, number, turns, index, tongue, now) for number in range(DAYS)],
        changes=[line_of(change, index, tongue) for change in changes[:CHANGES]],
        earlier=sheet - 1 if sheet else None,
        later=sheet + 1 if len(changes) > CHANGES else None,
        roles=list(index.rotas.roles),
        carers=sorted((carer.name, carer.id) for carer in index.carers.values() if carer.role != "relative"),
    )


def _finding(one: Finding, tongue: Tongue) -> tuple[str, list[str]]:
    """A sentence, and the first three times at which it is so."""
    spans = [
        tongue("{since} to {until}", since=tongue.at(span.since), until=tongue.at(span.until)) for span in one.spans
    ]
    more = [tongue("and {n} more times", n=len(spans) - 3)] if len(spans) > 3 else []
    return tongue.reason(one.what), [*spans[:3], *more]


async def _change(request: Request[Any, Any, Any], work: Any, typed: dict[str, str]) -> Response[Any]:
    visitor, deps = required_visitor(request), console_of(request).deps
    index = deps.index()
    try:
        await deps.writer.write(lambda tx: work(tx, index, visitor.id))
    except BadAnswerError as error:
        if not typed:
            return refuse(request, 404, str(error))
        words = WRONG.get(str(error).partition(":")[0])
        refused = tongue_for(request, visitor)(words) if words else str(error)
        return await _shifts(request, refused=refused, typed=typed)
    return Redirect("/shifts", status_code=303)


def _span(index: CentreIndex, since: str, until: str) -> Span:
    """Times as a form's datetime-local field gives them: the house's own, without a zone."""
    found = []
    for field, text in (("since", since), ("until", until)):
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadAnswerError(f"{field}: {text!r}: expected a day and a time, such as 2026-03-01T07:00.") from error
        if at.tzinfo is None:
            at = at.replace(tzinfo=index.timezone)
        if not 2000 <= at.year < 2200:
            raise BadAnswerError(f"{field}: {text!r}: expected a time from 2000 to 2199.")
        found.append(at.astimezone(UTC))
    return Span(*found)
