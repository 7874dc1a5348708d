"""GET /api/alerts/{id}/explain: the chain from the message to the answer, as far as the asker may see it.

Where somebody is and what a body does are shown to staff only, and only what the resident agreed to; a relative reads
the sentences that the board shows, and who was told. Every look is written into the audit.

An alert that stays open for weeks is told, and comes again, hundreds of times: so its lists come in pieces.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from litestar import Request, get
from litestar.params import FromPath

from gateway.alerts import explaining
from gateway.alerts.explaining import Chain
from gateway.alerts.queries import FrameSeen, ReadingSeen
from gateway.console.api import AlertView, alert_view
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, may_see, required_visitor
from gateway.console.listing import MOST, Cursor, Limit, piece
from gateway.console.looks import looked
from gateway.console.pages import tongue_for
from gateway.console.privacy import PURPOSE_OF, shown
from gateway.console.routing import Router
from gateway.console.view import history_lines, title_of, told_lines, why_lines
from gateway.errors import UnknownAlertError


class ExplainView(msgspec.Struct, kw_only=True):
    """Why there is an alert, and what was done. Times are RFC 3339 in UTC; sentences in the asker's language.

    ``hidden`` says what is left out because the asker may not see it: ``readings``, ``states``. ``next``: cursor of the
    next piece of the lists; null: the last one. ``limit`` counts the entries of all lists together; a piece may have
    some lists only.
    """

    alert: AlertView
    why: list[str]
    rule_title: str
    condition: dict[str, Any] | None
    centre_version: int | None
    frames: list[FrameSeen]
    readings: list[ReadingSeen]
    state_before: dict[str, Any] | None
    state_after: dict[str, Any] | None
    told: list[str]
    history: list[str]
    commands: list[explaining.CommandSeen]
    shelves: list[explaining.ShelfSeen]
    below: list[int]
    hidden: list[str]
    next: str | None = None


_LISTS: Final = ("history", "told", "readings", "frames", "commands", "shelves", "below")
"""What grows with the time for which an alert is open, in the order in which it is given."""


def router() -> Router:
    """GET /api/alerts/{id}/explain."""

    @get("/alerts/{number:int}/explain", summary="Why there is an alert", operation_id="explainAlert")
    async def explain(
        request: Request[Any, Any, Any], number: FromPath[int], limit: Limit = MOST, cursor: Cursor = None
    ) -> ExplainView:
        visitor, console = required_visitor(request), console_of(request)
        if not may_see(console, visitor, number):
            raise UnknownAlertError
        found = _piece(_view(request, visitor, explaining.chain(console.db(), number)), limit, cursor)
        await looked(console, visitor.id, f"alert/{number}", via="api")
        return found

    return Router("/api", route_handlers=[explain], guards=[at_least("relative")], tags=["alerts"])


def _piece(whole: ExplainView, limit: int, cursor: str | None) -> ExplainView:
    """With a part of its lists: each is only ever added to at its end, or has entries with numbers of their own.

    Raises:
        BeginAgainError: the lists that the cursor belongs to are not known any more.
    """
    part, more = piece(list(_entries(whole)), cursor, limit, key=lambda one: one[0])
    lists: dict[str, list[Any]] = {name: [] for name in _LISTS}
    for (name, _), entry in part:
        lists[name].append(entry)
    return msgspec.structs.replace(whole, **lists, next=more)


def _entries(whole: ExplainView) -> Iterator[tuple[tuple[str, int], Any]]:
    """What is in the lists, each with the name of its list and what names it there."""
    for name in _LISTS:
        for place, entry in enumerate(getattr(whole, name)):
            yield (name, getattr(entry, "seq", place)), entry


def _view(request: Request[Any, Any, Any], visitor: Visitor, found: Chain) -> ExplainView:
    index, tongue = console_of(request).deps.index(), tongue_for(request, visitor)
    whole, alert = found.explanation, found.explanation.alert
    kinds = {reading.kind for reading in whole.readings} | {one.kind for one in alert.evidence}
    hidden = {kind for kind in kinds if not _may_see(kind, console_of(request), visitor, alert.resident)}
    frames_hidden = {reading.frame for reading in whole.readings if reading.kind in hidden}
    # what was never decoded may be anything, and so may a reading that is past its time
    told_all = visitor.sees_everyone and not hidden
    read = {reading.frame for reading in whole.readings}
    return ExplainView(
        alert=alert_view(request, alert),
        why=why_lines(alert, tongue, staff=visitor.sees_everyone),
        rule_title=title_of(alert.rule, tongue),
        condition=found.condition.settings if visitor.sees_everyone else None,
        centre_version=found.condition.centre_version,
        frames=[
            frame
            for frame in whole.frames
            if visitor.sees_everyone and frame.seq not in frames_hidden and (frame.seq in read or told_all)
        ],
        readings=[
            reading if reading.kind not in hidden else msgspec.structs.replace(reading, fields={})
            for reading in whole.readings
        ],
        state_before=alert.before if told_all else None,
        state_after=alert.after if told_all else None,
        told=[line.text for line in told_lines(whole.told, index, tongue)],
        history=[
            f"{line.at} {line.text}"
            for line in history_lines(whole.history, index, tongue, staff=visitor.sees_everyone)
        ],
        commands=list(found.commands) if visitor.sees_everyone else [],
        shelves=list(found.shelves) if visitor.sees_everyone else [],
        below=list(found.below) if visitor.sees_everyone else [],
        hidden=[*(["readings"] if hidden else []), *([] if told_all else ["states"])],
    )


def _may_see(kind: str, console: Console, visitor: Visitor, resident: str | None) -> bool:
    """Whether the fields of such readings are shown: as the resident agreed, now, or to who broke the glass."""
    purpose = PURPOSE_OF.get(kind)
    if purpose is None:
        return visitor.sees_everyone or kind == "status"
    return resident is not None and shown(console, visitor, resident, purpose).allowed
