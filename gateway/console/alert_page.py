"""An alert's own page: why it came, what the sensors said, who was told, what happened."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from gateway import words
from gateway.alerts import queries, searching
from gateway.alerts.delivery import UNREAD
from gateway.alerts.model import Alert
from gateway.alerts.table import AlertState
from gateway.alerts.taking import mark_opened
from gateway.console.deps import console_of
from gateway.console.guards import Visitor, at_least, may_see, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, asks_for_part, live_page, tongue_for
from gateway.console.pictures import with_colleagues
from gateway.console.privacy import Purpose, shown
from gateway.console.routing import Router
from gateway.console.view import evidence_lines, history_lines, row_of, told_lines, why_lines
from gateway.errors import UnknownAlertError
from gateway.store.fixes import last_fix


async def alert_page(
    request: Request[Any, Any, Any],
    visitor: Visitor,
    number: int,
    *,
    notice: str | None = None,
    status: int = 200,
) -> Response[str]:
    """The page of an alert; the look is written into the audit.

    Raises:
        UnknownAlertError: there is none of that number, or it is none of the visitor's business.
    """
    console = console_of(request)
    index = console.deps.index()
    if not may_see(console, visitor, number):
        raise UnknownAlertError
    found = queries.explain(console.db(), number)
    again = asks_for_part(request)
    await looked(console, visitor.id, f"alert/{number}", via="page", again=again)
    if not again and any(one.carer == visitor.id and one.state in UNREAD for one in found.told):
        await mark_opened(console.deps.writer, number, visitor.id, by_message=False)
    tongue = tongue_for(request, visitor)
    resident = index.person(found.alert.resident)
    row = row_of(found.alert, index, tongue, visitor.id)
    if visitor.sees_everyone:
        [row] = with_colleagues([row], {row.id: found.alert.resident}, console, index, visitor, tongue)
    return live_page(
        request,
        "alert.html",
        tongue,
        f"/alerts/{number}",
        status=status,
        visitor=visitor,
        notice=notice,
        row=row,
        why=why_lines(found.alert, tongue, staff=visitor.sees_everyone),
        care_note=resident.note if resident and visitor.sees_everyone else None,
        next_step=_next_step(visitor, found.alert, tongue),
        visit=resident.visit if resident and visitor.sees_everyone else None,
        where=_where(request, visitor, found.alert, tongue),
        evidence=evidence_lines(found, tongue),
        told=told_lines(found.told, index, tongue),
        history=history_lines(found.history, index, tongue, staff=visitor.sees_everyone),
        search=_search(request, visitor, found.alert, tongue),
    )


def _next_step(visitor: Visitor, alert: Alert, tongue: Tongue) -> str | None:
    """What to do first, for staff, until somebody has closed it."""
    if not visitor.sees_everyone or alert.state is AlertState.CLOSED:
        return None
    return words.next_step(alert.rule, tongue.language)


def _where(
    request: Request[Any, Any, Any], visitor: Visitor, alert: Alert, tongue: Tongue
) -> dict[str, str | None] | None:
    """When the person was last seen, with a link to a map; None: there is nothing, or it may not be shown."""
    console = console_of(request)
    if alert.state is AlertState.CLOSED or alert.resident is None:
        return None
    if not shown(console, visitor, alert.resident, Purpose.LOCATION).allowed:
        return None
    fix = last_fix(console.db(), alert.resident)
    if fix is None:
        return None
    accuracy = None if fix.accuracy_m is None else words.distance(fix.accuracy_m, tongue.language)
    return {
        "seen": tongue("Last seen {ago}", ago=words.ago(fix.at, tongue.language, tongue.now)),
        "accuracy": None if accuracy is None else tongue("good to {distance}", distance=accuracy),
        "link": console.deps.links.map(fix.lon, fix.lat),
    }


def _search(
    request: Request[Any, Any, Any], visitor: Visitor, alert: Alert, tongue: Tongue
) -> dict[str, str | None] | None:
    """What the page says of a search; None: nothing, because nobody is missing or it is not for this visitor."""
    console = console_of(request)
    index = console.deps.index()
    if not visitor.sees_everyone or alert.rule not in searching.MISSING or alert.state is AlertState.CLOSED:
        return None
    if alert.resident is None or alert.resident not in index.residents:
        return None
    why_not = searching.refusal(console.db(), index, alert.resident)
    return {"refusal": None if why_not is None else tongue(why_not)}


def router() -> Router:
    """GET /alerts/{id}."""

    @get("/alerts/{number:int}")
    async def show(request: Request[Any, Any, Any], number: FromPath[int]) -> Response[str]:
        return await alert_page(request, required_visitor(request), number)

    return Router("/", route_handlers=[show], guards=[at_least("relative")], include_in_schema=False)
