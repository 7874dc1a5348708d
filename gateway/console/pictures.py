"""Pictures of the board: drawn once, shown to everybody who would see the same."""

import hashlib
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.enums import MediaType

from gateway.alerts import queries, shelving
from gateway.centre.index import CentreIndex
from gateway.centre.model import Resident
from gateway.clock import to_ms
from gateway.console import protection
from gateway.console.colleagues import colleagues_for, duty_now
from gateway.console.deps import Console
from gateway.console.guards import Visitor
from gateway.console.packing import SMALLEST, pack, takes_gzip
from gateway.console.pages import STATIC_URL, Tongue, render
from gateway.console.view import Row, rows_of, shelf_lines
from gateway.console.wards import Marks, marks_of, unlived_of, ward_name, wards_of

PICTURE_S = 5
"""A picture is used again for so long, when nothing changed: 200 open pages cost one rendering."""

MAX_PICTURES = 500

WHOLE_ROWS = 30
"""Alerts with everything in place. Those after them are closed on their own page: 200 forms make a phone slow."""

VERSION = "Telecare-Version"
"""Header: the address of the static files that belong to this picture. A page of other files loads itself anew."""


class Waiting(msgspec.Struct, frozen=True):
    """An alert for which nobody is going yet, and nothing about whose it is: its number, and how urgent it is."""

    id: int
    priority: str
    mark: str
    word: str


class Picture:
    """The board's inner part for one kind of reader."""

    def __init__(self, html: str, address: str, waiting: tuple[Waiting, ...] = ()) -> None:
        self.html = html
        self.address = address
        """Where a page that shows it asks for the next one."""
        self.waiting = waiting
        """What rings on it, the most urgent first."""
        self.etag = f'"{hashlib.sha256(html.encode()).hexdigest()[:20]}"'

    @cached_property
    def _packed(self) -> bytes:
        return pack(self.html)

    def response(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """The picture with its ETag; 304 for whoever has it already."""
        headers = {"ETag": self.etag, VERSION: STATIC_URL}
        if request.headers.get("if-none-match") == self.etag:
            return Response("", status_code=304, headers=headers)
        if takes_gzip(request) and len(self.html) >= SMALLEST:
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(self._packed, media_type=MediaType.HTML, headers=headers)
        return Response(self.html, media_type=MediaType.HTML, headers=headers)


class Ward(msgspec.Struct, frozen=True):
    """A choice of the board: a ward, or all of them."""

    name: str
    address: str
    current: bool
    alerts: int
    unprotected: int


class Pictures:
    """The pictures of the last seconds, by who would see the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[tuple[object, ...], Picture]] = {}
        self._last: dict[tuple[object, ...], tuple[tuple[object, ...], CentreIndex, Picture]] = {}

    def of(self, console: Console, visitor: Visitor, tongue: Tongue, chosen: tuple[str, ...]) -> Picture:
        """The picture for a visitor who chose these wards (from ``chosen_of``; empty: all)."""
        index = console.deps.index()
        who = (visitor.id, tongue.language, chosen)
        moment = (_version(console), to_ms(tongue.now) // (PICTURE_S * 1000))
        last = self._last.get(who)
        if last and last[0] == moment and last[1] is index:
            return last[2]
        picture = self._shared(console, visitor, tongue, chosen, index)
        if len(self._last) >= MAX_PICTURES:
            self._last.clear()
        self._last[who] = (moment, index, picture)
        return picture

    def _shared(
        self, console: Console, visitor: Visitor, tongue: Tongue, chosen: tuple[str, ...], index: CentreIndex
    ) -> Picture:
        """The picture, by what it depends on: readers who would see the same share it."""
        marks = marks_of(console, visitor, chosen)
        staff = visitor.sees_everyone
        own = not staff or marks.told or any(mark.taken_by == visitor.id for mark in marks.shown)
        reader = (tongue.language, visitor.carer.wards, chosen, visitor.id if own else "")
        guarded = protection.mark(console.db()) if staff else ()
        shelved = _shelves(console) if staff else ()
        state = (id(index), to_ms(tongue.now) // (PICTURE_S * 1000), marks, shelved, guarded)
        known = self._known.get(reader)
        if known and known[0] == state:
            return known[1]
        picture = _draw(console, visitor, tongue, chosen, marks, signed=bool(guarded))
        if len(self._known) >= MAX_PICTURES:
            self._known.clear()
        self._known[reader] = (state, picture)
        return picture


def _version(console: Console) -> int:
    """Another one after each commit of anybody, in this process or another; it costs next to nothing."""
    return int(console.db().execute("PRAGMA data_version").fetchone()[0])


def _shelves(console: Console) -> tuple[tuple[int, int], ...]:
    held = "SELECT id, (SELECT coalesce(sum(times), 0) FROM shelved WHERE shelf = shelves.id) FROM shelves"
    found = console.db().execute(f"{held} WHERE ended_at IS NULL ORDER BY id")
    return tuple((row[0], row[1]) for row in found)


def address_of(path: str, chosen: tuple[str, ...]) -> str:
    """An address with the chosen wards in it."""
    return path if not chosen else f"{path}?{urlencode([('ward', ward) for ward in chosen])}"


def _draw(
    console: Console, visitor: Visitor, tongue: Tongue, chosen: tuple[str, ...], marks: Marks, *, signed: bool
) -> Picture:
    index, db = console.deps.index(), console.db()
    wanted = {mark.id for mark in marks.shown}
    alerts = [alert for alert in queries.open_alerts(db) if alert.id in wanted]
    rows = rows_of(alerts, index, tongue, visitor.id)
    residents = {alert.id: alert.resident for alert in alerts}

    def shown(resident: Resident) -> bool:
        return visitor.sees(resident) and (not chosen or resident.ward is None or resident.ward in chosen)

    def of_us(resident: str | None) -> bool:
        return resident is None or resident not in index.residents or shown(index.residents[resident])

    staff = visitor.sees_everyone
    shelves = [shelf for shelf in shelving.shelves(db) if of_us(shelf.resident)] if staff else []
    html = render(
        "_alerts.html",
        tongue,
        rows=with_colleagues(rows, residents, console, index, visitor, tongue) if staff else rows,
        shelved=shelf_lines(shelves, index, tongue),
        protection=protection.sign(db, index, tongue, sees=shown) if signed else None,
        wards=_choices(console, index, visitor, tongue, chosen, marks),
        hidden=marks.hidden,
        elsewhere=marks.elsewhere,
        unlived=", ".join(ward_name(ward) for ward in unlived_of(index, visitor)),
        query=address_of("", chosen),
        lean=range(WHOLE_ROWS + 1, len(rows) + 1),
    )
    waiting = tuple(Waiting(row.id, row.priority, row.mark, row.priority_word) for row in rows if row.waits)
    return Picture(html, address_of("/board", chosen), waiting)


def with_colleagues(
    rows: list[Row],
    residents: dict[int, str | None],
    console: Console,
    index: CentreIndex,
    visitor: Visitor,
    tongue: Tongue,
) -> list[Row]:
    """The rows; those that the visitor has taken know whom they could be handed to."""
    if not any(row.mine for row in rows):
        return rows
    duty = duty_now(console.db(), index, tongue.now)
    return [
        msgspec.structs.replace(row, colleagues=colleagues_for(index, visitor.id, residents[row.id], duty))
        if row.mine and row.state != "closed"
        else row
        for row in rows
    ]


def _choices(
    console: Console, index: CentreIndex, visitor: Visitor, tongue: Tongue, chosen: tuple[str, ...], marks: Marks
) -> list[Ward]:
    """All wards, and each one; nothing to choose from in a house of one ward."""
    wards = wards_of(index, visitor)
    if len(wards) < 2:
        return []
    lacking, counts = protection.unprotected_by_ward(console.db(), index), dict(marks.by_ward)
    whole = tongue("My wards") if visitor.carer.wards else tongue("All wards")
    return [
        Ward(whole, "/", not chosen, sum(counts.values()), 0),
        *(
            Ward(ward_name(ward), address_of("/", (ward,)), ward in chosen, counts.get(ward, 0), lacking.get(ward, 0))
            for ward in wards
        ),
    ]
