"""The JSON API: what is open, and answers; described by OpenAPI at /api/schema/openapi.json."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from gateway.alerts.model import Acknowledge, Alert, Arrive, Close, Decline, HandOver, MoreHelp, Reopen
from gateway.alerts.since import Given
from gateway.console.answering import explained
from gateway.console.answers import MAX_KEY, KeyReusedError, take
from gateway.console.board import chosen, visible
from gateway.console.deps import console_of
from gateway.console.guards import at_least, may_see, required_visitor, same_origin
from gateway.console.listing import MOST, POLLED, Cursor, Limit, piece, polled
from gateway.console.ops import Counters
from gateway.console.pages import tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.view import row_of
from gateway.errors import BadAnswerError, IllegalStepError, UnknownAlertError

Answered = Acknowledge | Decline | Arrive | Close | Reopen | HandOver | MoreHelp
"""What can be answered here: ``type`` says which, e.g. {"type": "acknowledge", "eta_minutes": 10}."""


class AlertView(msgspec.Struct, kw_only=True):
    """An alert as the API shows it. Times are RFC 3339 in UTC; texts are in the asker's language."""

    id: int
    room: str
    resident: str | None
    device: str | None
    rule: str
    title: str
    priority: str
    state: str
    reason: str
    raised_at: datetime
    happened_at: datetime
    repeats: int
    taken_by: str | None
    eta_at: datetime | None
    attended_at: datetime | None
    cleared_at: datetime | None
    version: int
    under: int | None
    """The alert that stands for it, because both tell of one event."""
    untold: bool
    """The newest message about it reached nobody at all, and nobody is going."""


class ShelfView(msgspec.Struct, kw_only=True):
    """A rule that rings nobody for a while. Times are RFC 3339 in UTC."""

    id: int
    resident: str | None
    rule_key: str
    title: str
    priority: str
    why: str
    who: str
    since: datetime
    until: datetime
    held: int
    standing: int


class Shelves(msgspec.Struct):
    """What is shelved now; what ends first comes first. ``next``: cursor of the next piece; null: the last one."""

    shelves: list[ShelfView]
    next: str | None


class OpenAlerts(msgspec.Struct):
    """What is open, the most urgent first, then the oldest. ``next``: cursor of the next piece; null: the last one."""

    alerts: list[AlertView]
    next: str | None


class AnswerResult(msgspec.Struct, kw_only=True):
    """The alert after an answer. ``repeated``: this very answer had been taken before; nothing was changed."""

    alert: AlertView
    text: str
    repeated: bool


def router(counters: Counters) -> Router:
    """GET /api/alerts, POST /api/alerts/{id}/answer."""

    @get("/alerts", summary="What is open", operation_id="openAlerts", responses=POLLED)
    async def open_alerts(
        request: Request[Any, Any, Any],
        ward: Annotated[
            list[str] | None,
            QueryParameter(description="Only these wards, and what is no ward's; without it all that are yours."),
        ] = None,
        limit: Limit = MOST,
        cursor: Cursor = None,
    ) -> Response[OpenAlerts]:
        visitor, console = required_visitor(request), console_of(request)
        wards = chosen(request, visitor) if ward else ()
        part, more = piece(visible(console, visitor, wards), cursor, limit, key=lambda one: one.id)
        body = OpenAlerts([alert_view(request, alert) for alert in part], more)
        return await polled(request, body, look="board")

    @post(
        "/alerts/{number:int}/answer",
        status_code=200,
        guards=[same_origin],
        opt={"exclude_from_csrf": True},
        summary="Answer an alert",
        operation_id="answerAlert",
    )
    async def answer(
        request: Request[Any, Any, Any],
        number: FromPath[int],
        data: JSONBody[Answered],
        idempotency_key: Annotated[
            str | None,
            HeaderParameter(
                name="Idempotency-Key",
                max_length=MAX_KEY,
                description="Your own name for this answer; sent again with it, the answer changes nothing.",
            ),
        ] = None,
        alert_version: Annotated[
            int | None,
            HeaderParameter(
                name="Alert-Version",
                description="The `version` of the alert as you saw it. With it, an answer that does not know that it "
                "happened again since is refused (409).",
            ),
        ] = None,
    ) -> Response[AnswerResult] | Response[bytes]:
        visitor, console = required_visitor(request), console_of(request)
        if not may_see(console, visitor, number):
            raise UnknownAlertError
        try:
            given = Given(alert_version)
            taken = await take(console, number, data, key=idempotency_key, who=visitor.id, via="api", given=given)
        except KeyReusedError as error:
            return problem(422, str(error))
        except BadAnswerError as error:
            return problem(422, str(error))
        except IllegalStepError as error:
            status, text = explained(error, request, number, tongue_for(request, visitor), visitor.id)
            counters.answered("api", "Conflict")
            return problem(status, text, alert=number)
        counters.answered("api", "repeated" if taken.repeated else "accepted")
        row = row_of(taken.alert, console.deps.index(), tongue_for(request, visitor), visitor.id)
        return Response(
            AnswerResult(alert=alert_view(request, taken.alert), text=row.state_text, repeated=taken.repeated)
        )

    return Router("/api", route_handlers=[open_alerts, answer], guards=[at_least("relative")], tags=["alerts"])


def alert_view(request: Request[Any, Any, Any], alert: Alert) -> AlertView:
    """An alert as the asker reads it."""
    visitor = required_visitor(request)
    row = row_of(alert, console_of(request).deps.index(), tongue_for(request, visitor), visitor.id)
    return AlertView(
        id=alert.id,
        room=row.room,
        resident=alert.resident,
        device=alert.device,
        rule=alert.rule,
        title=row.title,
        priority=row.priority,
        state=row.state,
        reason=row.why,
        raised_at=alert.raised_at,
        happened_at=alert.happened_at,
        repeats=alert.repeats,
        taken_by=alert.taken_by,
        eta_at=alert.eta_at,
        attended_at=alert.attended_at,
        cleared_at=alert.cleared_at,
        version=alert.version,
        under=alert.under,
        untold=alert.untold,
    )
