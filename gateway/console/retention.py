"""The page of the retention: how long each kind of data is kept, what would go now, what went."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get

from gateway.console.beside import beside
from gateway.console.deps import Console, console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import page, tongue_for
from gateway.console.routing import Router
from gateway.store import retention
from gateway.store.retention import COUNTED, Kind, Line, Run
from gateway.words import N_

KINDS: Final[dict[Kind, str]] = {
    Kind.POSITIONS: N_("Where people were"),
    Kind.STATES: N_("What rules knew when they raised an alert"),
    Kind.READINGS: N_("Other readings of sensors"),
    Kind.EVENT_IDS: N_("Marks of events"),
    Kind.JOURNAL: N_("Sensors’ messages as they came"),
    Kind.QUARANTINE: N_("Messages that could not be read"),
    Kind.NOTIFICATIONS: N_("Who was told what"),
    Kind.SEARCHES: N_("Searches for missing people"),
    Kind.ALERTS: N_("Closed alerts"),
    Kind.NOTES: N_("Carers’ notes"),
    Kind.ROUNDS: N_("What was done on rounds"),
    Kind.COMMANDS: N_("Commands to devices"),
    Kind.SHELVES: N_("Shelved rules"),
    Kind.CONTACT_TESTS: N_("Tests of contacts"),
    Kind.CENTRE_VERSIONS: N_("Earlier versions of the centre"),
    Kind.BREAK_GLASS: N_("Reasons of opening what was not agreed"),
    Kind.EXPORTS: N_("Reasons of copies of everything"),
    Kind.SHIFT_CHANGES: N_("Changes of shifts that are over"),
    Kind.CONSENTS: N_("What people agreed to who left"),
    Kind.LEFT: N_("What rules know of people who left"),
    Kind.AUDIT: N_("Who did and looked at what"),
}


class RetentionView(msgspec.Struct, kw_only=True):
    """What would go of each kind now, and what went last. ``older_than`` and ``at`` are UTC; ``rows`` is counted up to
    100,000; ``held_by`` is the open alert that keeps more than the days would."""

    would_go: list[Line]
    went: list[Run]


def router() -> Router:
    """GET /retention, GET /api/retention."""

    @get("/retention")
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        view = await _view(console)
        last: dict[str, Run] = {}
        for run in view.went:
            last.setdefault(run.kind, run)
        lines = [
            {
                "title": tongue(KINDS[line.cut.kind]),
                "days": tongue.many("{n} day", "{n} days", line.cut.days),
                "rows": f"{line.rows}+" if line.rows >= COUNTED else str(line.rows),
                "held_by": line.cut.held_by,
                "last": None if (went := last.get(line.cut.kind)) is None else f"{went.removed} · {tongue.at(went.at)}",
            }
            for line in view.would_go
            if line.cut.kind is not Kind.EVENT_IDS
        ]
        return page(
            request, "retention.html", tongue, visitor=visitor, lines=lines,
            at=f"{console.deps.retention.at:%H:%M}",
        )  # fmt: skip

    @get("/api/retention", include_in_schema=True, summary="What is kept how long", operation_id="retention")
    async def shown(request: Request[Any, Any, Any]) -> RetentionView:
        return await _view(console_of(request))

    return Router(
        "/", route_handlers=[show, shown], guards=[at_least("manager")], include_in_schema=False, tags=["privacy"]
    )


async def _view(console: Console) -> RetentionView:
    settings, now = console.deps.retention, console.deps.clock.now()
    return await beside(
        console,
        lambda db: RetentionView(would_go=retention.preview(db, settings, now), went=retention.last_runs(db)),
    )
