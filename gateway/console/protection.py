"""How far each resident is protected: the sign on the board, and the JSON API. For staff only."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get

from gateway.centre.index import CentreIndex
from gateway.centre.model import Resident
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.listing import MOST, POLLED, Cursor, Limit, piece, polled
from gateway.console.pages import Tongue, tongue_for
from gateway.console.routing import Router
from gateway.console.wards import ward_name
from gateway.store.protection import Kept, stored
from gateway.words import N_
from rules.protection import Level

_WORST_FIRST = (Level.UNPROTECTED, Level.DEGRADED, Level.PROTECTED)
_LINES = {
    Level.UNPROTECTED: N_("{room}, not protected since {time}: {missing}"),
    Level.DEGRADED: N_("{room}, only partly protected since {time}: {missing}"),
}


class ProtectionView(msgspec.Struct, kw_only=True):
    """One resident. ``level`` is protected, degraded or unprotected, since ``since`` (RFC 3339 in UTC); both are null
    for somebody whom the gateway has not looked at yet. ``missing`` is in the asker's language."""

    resident: str
    room: str
    level: str | None
    since: datetime | None
    missing: list[str]


class Protected(msgspec.Struct):
    """Everybody whom the asker works with, the least protected first; who is not known yet comes before them.
    ``next``: cursor of the next piece; null: this is the last one."""

    residents: list[ProtectionView]
    next: str | None


MOST_LINES = 12
"""On the board, of one ward; the others are counted. All of them: /api/protection, and ``telecare status``."""


class SignWard(msgspec.Struct, frozen=True):
    """A ward's part of the sign. ``name`` is empty in a house without wards."""

    name: str
    summary: str
    lines: list[str]
    more: int
    """Residents who lack something and have no line."""


class Sign(msgspec.Struct, frozen=True):
    """What the board says of protection: one line for all, and for each ward one for each who lacks something."""

    summary: str
    wards: list[SignWard]


def mark(db: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    """What the sign depends on; asked at every poll of every open page, so nothing is decoded."""
    rows = db.execute("SELECT resident, level || since || missing FROM protection WHERE level != 'protected'")
    return tuple((row[0], row[1]) for row in rows)


def sign(
    db: sqlite3.Connection, index: CentreIndex, tongue: Tongue, *, sees: Callable[[Resident], bool]
) -> Sign | None:
    """The sign of the board, about the residents that ``sees`` lets through; None: all of these are protected."""
    found = [
        (index.residents[resident], kept)
        for resident, kept in stored(db).items()
        if kept.level in _LINES and resident in index.residents and sees(index.residents[resident])
    ]
    if not found:
        return None
    wards = sorted({resident.ward for resident, _ in found if resident.ward is not None})
    parts = []
    for ward in (*wards, None):
        lacking = [(resident, kept) for resident, kept in found if resident.ward == ward]
        lacking.sort(key=lambda one: (_WORST_FIRST.index(one[1].level), one[1].since))
        if lacking:
            said = [_line(resident, kept, tongue) for resident, kept in lacking[:MOST_LINES]]
            name = ward_name(ward) if ward else tongue("Without a ward") if wards else ""
            levels = [kept.level for _, kept in lacking]
            parts.append(SignWard(name, _summary(levels, tongue), said, len(lacking) - len(said)))
    return Sign(_summary([kept.level for _, kept in found], tongue), parts)


def unprotected_by_ward(db: sqlite3.Connection, index: CentreIndex) -> dict[str, int]:
    """How many residents of each ward are not protected; a ward where all are is missing."""
    counts: dict[str, int] = {}
    for row in db.execute("SELECT resident FROM protection WHERE level = ?", (Level.UNPROTECTED.value,)):
        resident = index.residents.get(row[0])
        if resident is not None and resident.ward is not None:
            counts[resident.ward] = counts.get(resident.ward, 0) + 1
    return counts


def _summary(levels: list[Level], tongue: Tongue) -> str:
    none, partly = levels.count(Level.UNPROTECTED), levels.count(Level.DEGRADED)
    said = [
        (none, tongue.many("{n} resident is not protected", "{n} residents are not protected", none)),
        (
            partly,
            tongue.many("{n} resident is only partly protected", "{n} residents are only partly protected", partly),
        ),
    ]
    return ", ".join(text for n, text in said if n)


def _line(resident: Resident, kept: Kept, tongue: Tongue) -> str:
    time, missing = tongue.at(kept.since), _missing(kept, tongue)
    return tongue(_LINES[kept.level], room=resident.room, time=time, missing=missing)


def router() -> Router:
    """GET /api/protection."""

    @get("/protection", summary="How far each resident is protected", operation_id="protection", responses=POLLED)
    async def protection(
        request: Request[Any, Any, Any], limit: Limit = MOST, cursor: Cursor = None
    ) -> Response[Protected]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        index = console.deps.index()
        mine = [one for one in _known(console.db(), index) if visitor.sees(index.residents[one[0]])]
        part, more = piece(mine, cursor, limit, key=lambda one: one[0])
        body = Protected([_view(resident, kept, index, tongue) for resident, kept in part], more)
        return await polled(request, body, look="protection")

    return Router("/api", route_handlers=[protection], guards=[at_least("carer")], tags=["care"])


def _known(db: sqlite3.Connection, index: CentreIndex) -> list[tuple[str, Kept | None]]:
    """Everybody of this version, who is not known yet first, then the least protected."""
    kept = stored(db)
    found = [(resident, kept.get(resident)) for resident in index.residents]
    return sorted(found, key=lambda one: -1 if one[1] is None else _WORST_FIRST.index(one[1].level))


def _view(resident: str, kept: Kept | None, index: CentreIndex, tongue: Tongue) -> ProtectionView:
    return ProtectionView(
        resident=resident,
        room=index.public_name(resident),
        level=None if kept is None else kept.level.value,
        since=None if kept is None else kept.since,
        missing=[] if kept is None else [tongue.reason(reason) for reason in kept.missing],
    )


def _missing(kept: Kept, tongue: Tongue) -> str:
    return " ".join(map(tongue.reason, kept.missing))
