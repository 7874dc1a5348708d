"""The wall screen: what is open, large, for the staff's room. It shows rooms and no names, and takes no answers.

Everything fits on one screen, whatever its size: the layout follows from how many alerts there are, and what has no
place is counted. The most urgent are never the ones without a place; of two as urgent, the one that nobody goes for yet
comes first.
"""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from markupsafe import Markup

from gateway.alerts.model import URGENCY, Alert
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.console.board import chosen, seen, visible
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, render, tongue_for
from gateway.console.pictures import MAX_PICTURES, PICTURE_S, Picture, address_of
from gateway.console.routing import Router
from gateway.console.view import UNTOLD, eta_text, row_of
from gateway.console.wards import Marks, marks_of, ward_name

PLACES: Final = (1, 3, 8, 12, 24)
"""Alerts that fit at each size of letters; with more than the last, the rest is counted."""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One alert on the wall: no name of anybody."""

    id: int
    room: str
    title: str
    priority: str
    mark: str
    priority_word: str
    age: str
    state: str
    state_text: str
    eta: str
    waits: bool


def panel_of(alert: Alert, index: CentreIndex, tongue: Tongue) -> Panel:
    """An alert for a screen that visitors of the house can read too."""
    row = row_of(alert, index, tongue, "")
    match alert.state:
        case AlertState.ACKNOWLEDGED:
            text = tongue("Somebody is going.")
        case AlertState.ATTENDED:
            text = tongue("Somebody is there since {time}.", time=tongue.at(alert.attended_at or alert.raised_at))
        case _ if alert.untold:
            text = tongue(UNTOLD)
        case AlertState.OPEN:
            text = tongue("Nobody is going yet.")
        case _:
            text = tongue("It stopped by itself. Please look all the same.")
    return Panel(
        id=alert.id,
        room=row.room,
        title=row.title,
        priority=row.priority,
        mark=row.mark,
        priority_word=row.priority_word,
        age=row.age,
        state=row.state,
        state_text=text,
        eta=eta_text(alert, tongue),
        waits=row.waits,
    )


class Wall:
    """The routes, with the pictures that several screens share."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[tuple[object, ...], Picture]] = {}

    def router(self) -> Router:
        """GET /wall, GET /wall/board."""

        @get("/wall")
        async def show(request: Request[Any, Any, Any]) -> Response[str]:
            visitor, console = required_visitor(request), console_of(request)
            tongue, wards = tongue_for(request, visitor), chosen(request, visitor)
            await looked(console, visitor.id, "board", via="wall")
            beat = console.changes.number
            picture = self._picture(console, visitor, tongue, wards)
            return page(
                request,
                "wall.html",
                tongue,
                now=tongue.at(tongue.now),
                now_ms=to_ms(tongue.now),
                zone=tongue.timezone.key,
                wards=", ".join(map(ward_name, wards)),
                fragment=Markup(picture.html),  # noqa: S704 - our own template's output, escaped there
                etag=picture.etag,
                address=picture.address,
                beat=beat,
            )

        @get("/wall/board")
        async def fragment(request: Request[Any, Any, Any]) -> Response[Any]:
            visitor = required_visitor(request)
            tongue, wards = tongue_for(request, visitor), chosen(request, visitor)
            picture = self._picture(console_of(request), visitor, tongue, wards).response(request)
            picture.set_header("Telecare-Time", str(to_ms(tongue.now)))
            return await seen(console_of(request), visitor, picture, via="wall")

        return Router("/", route_handlers=[show, fragment], guards=[at_least("carer")], include_in_schema=False)

    def _picture(self, console: Console, visitor: Visitor, tongue: Tongue, wards: tuple[str, ...]) -> Picture:
        marks = marks_of(console, visitor, wards)
        reader = (tongue.language, visitor.carer.wards, wards, visitor.id if marks.told else "")
        state = (id(console.deps.index()), to_ms(tongue.now) // (PICTURE_S * 1000), marks)
        known = self._known.get(reader)
        if known and known[0] == state:
            return known[1]
        picture = _draw(console, visitor, tongue, wards, marks)
        if len(self._known) >= MAX_PICTURES:
            self._known.clear()
        self._known[reader] = (state, picture)
        return picture


def _draw(console: Console, visitor: Visitor, tongue: Tongue, wards: tuple[str, ...], marks: Marks) -> Picture:
    index = console.deps.index()
    alerts = visible(console, visitor, wards)
    # what waits under another alert tells of the same event: one panel for both
    numbers = {alert.id for alert in alerts}
    alerts = [alert for alert in alerts if alert.under is None or alert.under not in numbers]
    alerts.sort(key=lambda alert: (-URGENCY[alert.priority], not _waits(alert)))  # stable: then the oldest
    waiting = [alert for alert in alerts if _waits(alert)]
    size = next((place for place in PLACES if len(alerts) <= place), PLACES[-1])
    html = render(
        "_wall.html",
        tongue,
        panels=[panel_of(alert, index, tongue) for alert in alerts[:size]],
        open=len(alerts),
        size=size,
        more=max(0, len(alerts) - size),
        more_wait=sum(map(_waits, alerts[size:])),
        rings=waiting[0].priority.value if waiting else "",
        elsewhere=marks.hidden + marks.elsewhere,
    )
    return Picture(html, address_of("/wall/board", wards))


def _waits(alert: Alert) -> bool:
    return alert.state in {AlertState.OPEN, AlertState.CLEARED}
