"""The list of residents: searched by room and name, by ward, with protection and open alerts; a page and the API.

The residents stand in the centre, which is in memory; the store is only asked about those who are on the page.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final
from unicodedata import combining, normalize
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.centre.index import CentreIndex
from gateway.centre.model import Resident
from gateway.clock import from_ms
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, required_visitor
from gateway.console.listing import CURSOR, POLLED, piece, polled
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.problems import problem
from gateway.console.resident_who import LEVELS, NOT_KNOWN, protection_of
from gateway.console.routing import Router
from gateway.console.wards import ward_name
from gateway.words import N_
from rules.protection import Level

A_PAGE: Final = 50
"""Residents on a page: a ward and more, some 25 kB."""

LONGEST_SEARCH: Final = 100

SHOW: Final[dict[str, str]] = {
    "all": N_("All"),
    "open": N_("With open alerts"),
    "unprotected": N_("Not fully protected"),
}


class ResidentView(msgspec.Struct, kw_only=True):
    """A resident in the list. ``level`` is protected, degraded or unprotected, null when not known yet; ``since`` when
    it last changed (RFC 3339 in UTC). ``open_alerts`` counts what is not closed; for relatives, of what they were told.
    """

    id: str
    name: str
    room: str
    ward: str | None
    level: str | None
    since: datetime | None
    open_alerts: int


class ResidentsView(msgspec.Struct, kw_only=True):
    """A piece of the list, by room. ``next`` is the cursor of the next piece; null: this is the last one."""

    residents: list[ResidentView]
    total: int
    next: str | None


class Line(msgspec.Struct, frozen=True):
    """A resident as the page lists them."""

    id: str
    room: str
    name: str
    ward: str | None
    level: str
    level_text: str
    open: int
    open_text: str


def router() -> Router:
    """GET /residents, GET /api/residents."""

    @get("/residents", include_in_schema=False)
    async def show(
        request: Request[Any, Any, Any],
        q: Annotated[str, QueryParameter()] = "",
        ward: Annotated[str, QueryParameter()] = "",
        only: Annotated[str, QueryParameter()] = "all",
        after: Annotated[str, QueryParameter()] = "",
    ) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue, index = tongue_for(request, visitor), console.deps.index()
        only = only if only in SHOW else "all"
        found = _wanted(console, visitor, q, ward, only)
        at = min(_offset(after) or 0, max(0, len(found) - 1)) // A_PAGE * A_PAGE
        views = _views(console.db(), visitor, found[at : at + A_PAGE])
        await looked(console, visitor.id, "residents", via="page")
        return page(
            request,
            "residents.html",
            tongue,
            visitor=visitor,
            q=q[:LONGEST_SEARCH],
            ward=ward,
            only=only,
            shows=[(one, tongue(text), _address(q, ward, one)) for one, text in SHOW.items()],
            wards=[(one, ward_name(one)) for one in wards_of(index, visitor)],
            lines=[_line(one, tongue) for one in views],
            total=tongue.many("{n} resident", "{n} residents", len(found)),
            page=at // A_PAGE + 1,
            pages=-(-len(found) // A_PAGE) or 1,
            earlier=_address(q, ward, only, at - A_PAGE) if at else None,
            later=_address(q, ward, only, at + A_PAGE) if at + A_PAGE < len(found) else None,
        )

    @get(
        "/api/residents",
        summary="The residents, by room",
        operation_id="residents",
        responses=POLLED,
        tags=["residents"],
    )
    async def listed(
        request: Request[Any, Any, Any],
        q: Annotated[str, QueryParameter(description="Part of a room or a name; accents don't count.")] = "",
        ward: Annotated[str, QueryParameter(description="Only of this ward.")] = "",
        only: Annotated[str, QueryParameter(description="all, open (with open alerts), or unprotected.")] = "all",
        limit: Annotated[int, QueryParameter(ge=1, le=200, description="At most so many.")] = A_PAGE,
        cursor: Annotated[str, QueryParameter(description="`next` of the piece before.")] = "",
    ) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        if cursor and not re.fullmatch(CURSOR, cursor):
            return problem(422, f"cursor: {cursor[:40]!r}: expected `next` of the piece before")
        if only not in SHOW:
            return problem(422, f"only: {only[:40]!r}: expected one of {', '.join(SHOW)}")
        found = _wanted(console, visitor, q, ward, only)
        part, more = piece(found, cursor or None, limit, key=lambda one: one.id)
        views = _views(console.db(), visitor, part)
        return await polled(request, ResidentsView(residents=views, total=len(found), next=more), look="residents")

    return Router("/", route_handlers=[show, listed], guards=[at_least("relative")])


def wards_of(index: CentreIndex, visitor: Visitor) -> list[str]:
    """The wards whose residents the visitor sees."""
    return sorted({one.ward for one in index.residents.values() if one.ward is not None and visitor.sees(one)})


@lru_cache(maxsize=2)
def _by_room(index: CentreIndex) -> Sequence[tuple[Resident, str]]:
    """Everybody by room, with what a search looks at; made once for each version of the centre."""
    found = [(one, folded(f"{one.room} {one.name}")) for one in index.residents.values()]
    return tuple(sorted(found, key=lambda pair: (_room_key(pair[0].room), pair[0].name)))


def folded(text: str) -> str:
    """Text for searching: small letters, without accents; each language's keyboard finds the others' names."""
    plain = "".join(c for c in normalize("NFKD", text.casefold()) if not combining(c))
    return plain.translate(_LETTERS)


_LETTERS: Final = str.maketrans({"ø": "o", "æ": "ae", "å": "a", "ħ": "h", "ł": "l", "đ": "d"})
"""Letters that Unicode does not take apart into a letter and an accent."""


def _room_key(room: str) -> tuple[tuple[int, int, str], ...]:
    """Room 9 comes before room 10."""
    parts: list[str] = []
    for c in room:
        if parts and c.isdecimal() == parts[-1][-1].isdecimal():
            parts[-1] += c
        else:
            parts.append(c)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts)


def _wanted(console: Console, visitor: Visitor, q: str, ward: str, only: str) -> list[Resident]:
    words = folded(q[:LONGEST_SEARCH]).split()
    among = _ids(console.db(), only)
    return [
        one
        for one, text in _by_room(console.deps.index())
        if (not ward or one.ward == ward)
        and all(word in text for word in words)
        and (among is None or one.id in among)
        and visitor.sees(one)
    ]


def _ids(db: sqlite3.Connection, only: str) -> set[str] | None:
    match only:
        case "open":
            return {row[0] for row in db.execute("SELECT resident FROM alerts WHERE state != 'closed'")}
        case "unprotected":
            return {row[0] for row in db.execute("SELECT resident FROM protection WHERE level != 'protected'")}
    return None


def _views(db: sqlite3.Connection, visitor: Visitor, residents: Sequence[Resident]) -> list[ResidentView]:
    ids = [one.id for one in residents]
    levels, counts = protection_of(db, ids), _open(db, visitor, ids)
    return [
        ResidentView(
            id=one.id,
            name=one.name,
            room=one.room,
            ward=one.ward,
            level=levels[one.id][0].value if one.id in levels and visitor.sees_everyone else None,
            since=from_ms(levels[one.id][2]) if one.id in levels and visitor.sees_everyone else None,
            open_alerts=counts.get(one.id, 0),
        )
        for one in residents
    ]


def _open(db: sqlite3.Connection, visitor: Visitor, ids: Sequence[str]) -> Mapping[str, int]:
    told = "1" if visitor.sees_everyone else "EXISTS (SELECT 1 FROM notifications WHERE alert = a.id AND carer = ?)"
    rows = db.execute(
        f"SELECT resident, count(*) FROM alerts AS a WHERE state != 'closed' AND {told}"  # noqa: S608 - our own words
        " AND resident IN (SELECT value FROM json_each(?)) GROUP BY resident",
        (*(() if visitor.sees_everyone else (visitor.id,)), msgspec.json.encode(list(ids)).decode()),
    )
    return {row[0]: row[1] for row in rows}


def _line(one: ResidentView, tongue: Tongue) -> Line:
    return Line(
        one.id,
        one.room,
        one.name,
        one.ward and ward_name(one.ward),
        one.level or "",
        tongue(LEVELS[Level(one.level)] if one.level else NOT_KNOWN),
        one.open_alerts,
        tongue.many("{n} open alert", "{n} open alerts", one.open_alerts),
    )


def _offset(cursor: str) -> int | None:
    """How many come before; None: no cursor of ours."""
    if not cursor:
        return 0
    digits = cursor.removeprefix("o")
    return int(digits) if cursor[0] == "o" and digits.isascii() and digits.isdigit() and len(digits) < 8 else None


def _address(q: str, ward: str, only: str, after: int = 0) -> str:
    said = {
        "q": q[:LONGEST_SEARCH],
        "ward": ward,
        "only": only if only != "all" else "",
        "after": f"o{after}" * (after > 0),
    }
    query = urlencode({key: value for key, value in said.items() if value})
    return f"/residents?{query}" if query else "/residents"
