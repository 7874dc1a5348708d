"""The JSON API for looking something up without an alert: a night in numbers, the list for the next round.

Staff only, and only what the resident agreed to; each look is written into the audit.
"""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, resident_for
from gateway.console.listing import MOST, POLLED, Cursor, Limit, piece, polled
from gateway.console.looks import looked
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.errors import BadAnswerError
from gateway.store import care
from rules.sleep_summary import NightSummary, last_night


class Rounds(msgspec.Struct):
    """What the next round has to do, by time and room; whom the asker works with. ``next``: cursor of the next piece;
    null: this is the last one."""

    due: list[care.DueChange]
    next: str | None


def router() -> Router:
    """GET /api/residents/{id}/sleep, GET /api/rounds."""

    @get("/residents/{resident:str}/sleep", summary="A night in numbers", operation_id="sleepOfResident")
    async def sleep(
        request: Request[Any, Any, Any],
        resident: FromPath[str],
        day: Annotated[
            date | None,
            QueryParameter(name="date", description="Local day on which the night began; the last night without it."),
        ] = None,
    ) -> Response[NightSummary] | Response[bytes]:
        visitor, console = required_visitor(request), console_of(request)
        index, now = console.deps.index(), console.deps.clock.now()
        resident_for(request, resident, by_glass=True)
        night = day or last_night(now, index.timezone)
        try:
            found = await beside(console, lambda db: care.night(db, index, resident, night, now=now))
        except BadAnswerError as error:
            return problem(404, str(error))
        await looked(console, visitor.id, care.night_target(resident, night), via="api")
        return Response(found)

    @get("/rounds", summary="What the next round has to do", operation_id="rounds", responses=POLLED)
    async def rounds(
        request: Request[Any, Any, Any],
        until: Annotated[
            datetime | None, QueryParameter(description="Only what is due by then (RFC 3339); all without it.")
        ] = None,
        limit: Limit = MOST,
        cursor: Cursor = None,
    ) -> Response[Rounds] | Response[bytes]:
        visitor, console = required_visitor(request), console_of(request)
        if until is not None and until.tzinfo is None:
            return problem(422, f"until: {until.isoformat()}: expected a time zone, such as the Z at its end")
        index, now = console.deps.index(), console.deps.clock.now()
        found = await beside(console, lambda db: care.round_list(db, index, now=now, until=until))
        mine = {one.id for one in index.residents.values() if visitor.sees(one)}
        due = [line for line in found if line.resident in mine]
        part, more = piece(due, cursor, limit, key=lambda line: line)
        return await polled(request, Rounds(part, more), look=care.ROUNDS_TARGET)

    return Router("/api", route_handlers=[sleep, rounds], guards=[at_least("carer")], tags=["care"])
