"""GET /api/kpis: how quickly people were told, answered and came. For managers: false alarms are told by resident."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.alerts.kpi import Kpis, Per, kpis, shift_changes
from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.problems import problem
from gateway.console.routing import Router

USUAL: Final = timedelta(days=28)
"""How far back without ``since``: four whole weeks, so that every weekday counts alike."""


def router() -> Router:
    """GET /api/kpis."""

    @get("/kpis", summary="How quickly alerts were answered", operation_id="kpis")
    async def figures(
        request: Request[Any, Any, Any],
        since: Annotated[
            datetime | None, QueryParameter(description="From this time on (RFC 3339); 28 days back.")
        ] = None,
        until: Annotated[
            datetime | None, QueryParameter(description="Until just before this time (RFC 3339); now.")
        ] = None,
        per: Annotated[Per, QueryParameter(description="How the time is cut up.")] = Per.DAY,
    ) -> Response[Kpis] | Response[bytes]:
        visitor, console = required_visitor(request), console_of(request)
        for name, given in (("since", since), ("until", until)):
            if given is not None and given.tzinfo is None:
                return problem(422, f"{name}: {given.isoformat()}: expected a time zone, such as the Z at its end")
        now, index = console.deps.clock.now(), console.deps.index()
        end = until or now
        start = since or end - USUAL
        if start >= end:
            return problem(422, f"since: {start.isoformat()}: expected a time before {end.isoformat()}")

        found = await beside(
            console,
            lambda db: kpis(
                db,
                since=start,
                until=end,
                now=now,
                timezone=index.timezone,
                per=per,
                shifts=shift_changes(index.centre),
            ),
        )
        await looked(console, visitor.id, "kpis", via="api")
        return Response(found)

    return Router("/api", route_handlers=[figures], guards=[at_least("manager")], tags=["kpis"])
