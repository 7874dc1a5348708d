"""Who is where: the newest position of everybody who may be shown to a visitor, and how many are not, and why."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from devices.model import Position
from gateway.clock import to_ms
from gateway.console.beside import beside
from gateway.console.deps import Console
from gateway.console.guards import Visitor, may_see
from gateway.console.privacy import Purpose, Shown, shown_all
from gateway.store import places
from gateway.store.fixes import GONE_AFTER, in_order, last_position, last_positions, taken_at
from gateway.store.history import first_received

DRAWN: Final = 300
"""So many people at the most on one map: more can't be told apart. Who has an open alert comes first."""

COARSE: Final = frozenset({"cell", "wifi", "gateway", "beacon"})
"""Sources that say near which mast, router or beacon somebody is, not where."""

COARSE_FROM_M: Final = 200.0
"""A disc of this radius or more is an area, and no point is drawn in it."""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """An open alert on the map."""

    id: int
    priority: str
    rule: str


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody was last: degrees (WGS 84), radius of the accuracy in metres (None: not known), UTC times.

    ``why`` is the word of :class:`gateway.console.privacy.Shown`; ``coarse``: near which mast or beacon, not where.
    """

    resident: str
    lon: float
    lat: float
    accuracy_m: float | None
    at: datetime
    source: str | None
    device: str
    coarse: bool
    why: str
    alerts: tuple[Open, ...] = ()


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody: who is drawn, who could be but has no position, and how many are hidden for which reason.

    ``left_out`` could be drawn too, but are too many.
    """

    spots: list[Spot]
    unknown: list[str]
    hidden: dict[Shown, int]
    left_out: int = 0


async def overview(console: Console, visitor: Visitor, *, ward: str | None = None, most: int = DRAWN) -> Overview:
    """Everybody as this visitor may see them now.

    Args:
        console: the running console.
        visitor: who asks.
        ward: only residents of that ward; None: all.
        most: at most so many positions, those with an open alert first.
    """
    index, db, now = console.deps.index(), console.db(), console.deps.clock.now()
    alerts = open_alerts(db)
    if not visitor.sees_everyone:
        alerts = {
            one: tuple(alert for alert in several if may_see(console, visitor, alert.id))
            for one, several in alerts.items()
            if one in index.residents and visitor.sees(index.residents[one])
        }
    why: dict[str, Shown] = {}
    hidden: Counter[Shown] = Counter()
    asked = [one.id for one in index.residents.values() if ward is None or one.ward == ward]
    for resident, said in shown_all(console, visitor, asked, Purpose.LOCATION).items():
        if said.allowed:
            why[resident] = said
        elif said is not Shown.NOT_YOURS:  # what is nobody's business is not even counted
            hidden[said] += 1
    wanted = sorted(why, key=lambda one: one not in alerts)
    # beside the event loop: each of thousands is looked up
    last, drawn = await beside(console, lambda own: _last_fixes(own, wanted, now - GONE_AFTER, most))
    found = [one for one in wanted if one in last]
    return Overview(
        spots=[_spot(one, drawn[one], why[one], alerts.get(one, ())) for one in found[:most] if one in drawn],
        unknown=[one for one in wanted if one not in last],
        hidden=dict(hidden),
        left_out=max(0, len(found) - most),
    )


def _last_fixes(
    db: sqlite3.Connection, wanted: Sequence[str], since: datetime, most: int
) -> tuple[dict[str, int], dict[str, places.Found]]:
    """The number of the position that came last of everybody, and of the first ``most`` the one that was taken last."""
    last = _came(db, wanted, since)
    drawn = [one for one in wanted if one in last][:most]
    return last, last_positions(db, {one: last[one] for one in drawn}, since)


def open_alerts(db: sqlite3.Connection) -> dict[str, tuple[Open, ...]]:
    """The open alerts by resident, the most urgent first."""
    rank = {"high": 0, "medium": 1, "low": 2}
    found: dict[str, list[Open]] = {}
    rows = db.execute(
        "SELECT id, resident, priority, rule FROM alerts WHERE state != 'closed' AND resident IS NOT NULL ORDER BY id"
    )
    for row in rows:
        found.setdefault(row["resident"], []).append(Open(id=row["id"], priority=row["priority"], rule=row["rule"]))
    return {one: tuple(sorted(several, key=lambda a: rank.get(a.priority, 3))) for one, several in found.items()}


def _came(db: sqlite3.Connection, residents: Sequence[str], since: datetime) -> dict[str, int]:
    """The number of the position that came last of each resident, of those that came since a time (UTC).

    One look at the notes of places for all of them, and one at what came after the notes.
    """
    first = first_received(db, to_ms(since))
    row = db.execute("SELECT seq FROM reading_places_until").fetchone()
    noted = 0 if row is None else int(row[0])
    names = json.dumps(list(residents))
    last: dict[str, int] = {
        name: seq
        for name, seq in db.execute(
            "SELECT wanted.value, (SELECT max(seq) FROM reading_places WHERE resident = wanted.value"
            " AND kind = 'position') FROM json_each(?) AS wanted",
            (names,),
        )
        if seq is not None and seq >= first
    }
    last |= dict(
        db.execute(
            "SELECT resident, max(seq) FROM readings WHERE seq >= ? AND kind = 'position'"
            " AND resident IN (SELECT value FROM json_each(?)) GROUP BY resident",
            (max(noted, first), names),
        ).fetchall()
    )
    return last


def track(
    db: sqlite3.Connection, resident: str, since: datetime, until: datetime, *, most: int = 1000
) -> list[places.Found]:
    """A resident's positions that came in a time (UTC), in the order in which they were taken.

    Evenly picked where there are more than ``most``; but the newest one is always there, at the end.
    """
    found = places.readings(db, resident, ["position"], since, until, most=most, every=False)
    last = last_position(db, resident)  # it may not be among the picked ones
    if last is not None and since <= last.received_at < until and all(one.seq != last.seq for one in found):
        found = sorted([*found, last])
    return in_order([one for one in found if isinstance(one.reading, Position)])


def is_coarse(position: Position) -> bool:
    """Whether it says near what somebody is, and not where."""
    return position.source in COARSE or (position.accuracy_m or 0) >= COARSE_FROM_M


def _spot(resident: str, found: places.Found, why: Shown, alerts: Iterable[Open]) -> Spot:
    position = found.reading
    assert isinstance(position, Position)
    return Spot(
        resident=resident,
        lon=position.lon,
        lat=position.lat,
        accuracy_m=position.accuracy_m if position.accuracy_m and position.accuracy_m > 0 else None,
        at=taken_at(found),
        source=position.source,
        device=found.device,
        coarse=is_coarse(position),
        why=why.value,
        alerts=tuple(alerts),
    )
