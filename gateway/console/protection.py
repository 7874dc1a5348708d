"""How far each resident is protected: the sign on the board, and the JSON API. For staff only."""

import sqlite3
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Router, get

from gateway.centre.index import CentreIndex
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, tongue_for
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
    """Everybody, the least protected first; who is not known yet comes before them."""

    residents: list[ProtectionView]


class Sign(msgspec.Struct, frozen=True):
    """What the board says of protection: one line for all, and one for each resident who lacks something."""

    summary: str
    lines: list[str]


def mark(db: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    """What the sign depends on; asked at every poll of every open page, so nothing is decoded."""
    rows = db.execute("SELECT resident, level || since || missing FROM protection WHERE level != 'protected'")
    return tuple((row[0], row[1]) for row in rows)


def sign(db: sqlite3.Connection, index: CentreIndex, tongue: Tongue) -> Sign | None:
    """The sign of the board; None: everybody is protected."""
    found = [(resident, kept) for resident, kept in _known(db, index) if kept and kept.level in _LINES]
    count = {level: sum(kept.level is level for _, kept in found) for level in _LINES}
    said = [
        tongue.many("{n} resident is not protected", "{n} residents are not protected", count[Level.UNPROTECTED]),
        tongue.many(
            "{n} resident is only partly protected",
            "{n} residents are only partly protected",
            count[Level.DEGRADED],
        ),
    ]
    if not found:
        return None
    return Sign(
        ", ".join(text for text, n in zip(said, count.values(), strict=True) if n),
        [
            tongue(
                _LINES[kept.level],
                room=index.public_name(resident),
                time=tongue.at(kept.since),
                missing=_missing(kept, tongue),
            )
            for resident, kept in found
        ],
    )


def router() -> Router:
    """GET /api/protection."""

    @get("/protection", summary="How far each resident is protected", operation_id="protection")
    async def protection(request: Request[Any, Any, Any]) -> Protected:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        index = console.deps.index()
        residents = [_view(resident, kept, index, tongue) for resident, kept in _known(console.db(), index)]
        await looked(console, visitor.id, "protection", via="api")
        return Protected(residents)

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
