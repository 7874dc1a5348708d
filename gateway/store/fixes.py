"""Where a resident was, as far as it is stored. Whoever shows it asks :func:`may_locate` first.

The newest position is the one that was *taken* last, and not the one that came last: a tracker without a network keeps
its positions and hands them in later. A clock that is wrong is judged as the zone rules judge it (rules.zone_fix): what
lies ahead counts as when it came, and so does what a clock that lost its time says; a tracker whose clock was set back
gives itself away by the pace of its positions.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final, TypeAlias

import msgspec

from devices.model import Position, Reading
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.store.alarms import ROUTINE
from gateway.store.history import first_received
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.places import SLACK, Found, noted_until
from rules.timing import lost
from rules.zone_fix import Behind, behind

GONE_AFTER: Final = timedelta(days=7)
"""A position that is older than this says nothing about where somebody is; the way of a day has it."""

LATE: Final = 2_000
"""Positions of one person that came after the newest one was taken, and are looked through: a day of a tracker that
sends each minute. A few milliseconds."""

LATE_OF_ALL: Final = 20_000
"""The same for everybody who is asked for at once, but at least LEAST of each: some tenths of a second when all
trackers of a house are late, beside the event loop."""
LEAST: Final = 100

ON_A_WAY: Final = 5_000
"""Positions among which the newest ones of a way are looked for."""

_TAIL: Final = 2 * SLACK * READINGS_PER_FRAME
"""Readings that are not noted yet are looked for among so many of the newest numbers."""

_COLUMNS: Final = "readings.seq, device, observed_at, received_at, fields"
_Row: TypeAlias = tuple[int, str, int | None, int, str]
_READING: Final = msgspec.json.Decoder(Reading)


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """A stored fix: degrees (WGS 84), radius of the accuracy in metres (None: not known), when it was taken (UTC)."""

    lon: float
    lat: float
    accuracy_m: float | None
    at: datetime
    device: str


def may_locate(index: CentreIndex, resident: str) -> bool:
    """Whether the resident agreed that carers may see where they are, in an alarm at least.

    Raises:
        KeyError: no such resident.
    """
    return index.plan_of(resident).consents.location != "never"


def may_tell_place(index: CentreIndex, resident: str, rule: str) -> bool:
    """Whether a message about an alert of that rule may say where its resident is.

    Raises:
        KeyError: no such resident.
    """
    agreed = index.plan_of(resident).consents.location
    return agreed == "always" or (agreed == "alarm" and rule not in ROUTINE)


def taken_at(found: Found) -> datetime:
    """When a position was taken (UTC), as far as is known; never later than it came."""
    taken = found.reading.fixed_at if isinstance(found.reading, Position) else None
    if taken is None or lost(taken, found.received_at):
        return found.at
    return min(taken, found.received_at)


def last_taken(found: Iterable[Found]) -> Found | None:
    """The one that was taken last of positions in the order in which they came; None: there is none.

    As the zone rules count it: who comes late is not the newest, and a clock that was set back is no delay.
    """
    last: Found | None = None
    known: datetime | None = None
    late: Behind | None = None
    for one in found:
        at, before = taken_at(one), late
        if known is None or at >= known:
            late = None
        else:
            late = behind(before, at, one.received_at)
            if late is None or not late.sure or late is before:
                continue
            at = one.received_at
        last, known = one, at
    return last


def last_position(db: sqlite3.Connection, resident: str) -> Found | None:
    """The resident's position that was taken last, however long ago; None: none is stored."""
    number = db.execute("SELECT max(seq) FROM readings").fetchone()[0]
    return _newest(_stored(db, resident, max(0, (number or 0) - _TAIL)), LATE)


def last_positions(db: sqlite3.Connection, came: Mapping[str, int], since: datetime) -> dict[str, Found]:
    """The position that was taken last of each resident; for some hundreds of them.

    Args:
        db: reads the database.
        came: by resident, the number of the position that came last.
        since: none of them came before (UTC).
    """
    noted = noted_until(db)
    tail: dict[str, list[_Row]] = {}
    for resident, *row in db.execute(
        f"SELECT resident, {_COLUMNS} FROM readings WHERE seq >= ? AND kind = 'position'"  # noqa: S608 - our words
        " AND resident IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT ?",
        (max(noted, first_received(db, to_ms(since))), _json(list(came)), LATE_OF_ALL),
    ):
        tail.setdefault(resident, []).append(tuple(row))
    # far more than usual is not noted yet: at least what came last of those who say little
    beyond = [number for one, number in came.items() if number >= noted and one not in tail]
    for resident, *row in db.execute(
        f"SELECT resident, {_COLUMNS} FROM json_each(?) AS wanted"  # noqa: S608
        " CROSS JOIN readings ON readings.seq = wanted.value",
        (_json(beyond),),
    ):
        tail[resident] = [tuple(row)]
    most = min(LATE, max(LEAST, LATE_OF_ALL // max(1, len(came))))
    newest = {one: _newest(chain(_read(tail.get(one, ())), _noted(db, one, 0)), most) for one in came}
    return {one: found for one, found in newest.items() if found is not None}


def last_fix(db: sqlite3.Connection, resident: str) -> Fix | None:
    """The fix that was taken last; None: there is none of the last days (GONE_AFTER)."""
    found = last_position(db, resident)
    if found is None:
        return None
    newest = db.execute("SELECT received_at FROM readings ORDER BY seq DESC LIMIT 1").fetchone()[0]
    return _fix(found) if from_ms(newest) - found.received_at <= GONE_AFTER else None


def fixes(db: sqlite3.Connection, resident: str, *, since: datetime, most: int) -> list[Fix]:
    """The fixes that were taken last of those received since a time (UTC-aware), the newest one at the end."""
    found = list(islice(_stored(db, resident, first_received(db, to_ms(since)), all_of_it=True), ON_A_WAY))
    return [_fix(one) for one in in_order(found[::-1])[-most:]]


def in_order(found: Sequence[Found]) -> list[Found]:
    """Positions in the order in which they came, put into the order in which they were taken; the newest at the end."""
    last = last_taken(found)
    return sorted(found, key=lambda one: (one is last, taken_at(one)))


def _newest(found: Iterable[Found], most: int) -> Found | None:
    """The one that was taken last of positions that come the newest first.

    A position is taken before it comes. So what came before the newest one was taken need not be looked at.
    """
    looked_at: list[Found] = []
    taken: datetime | None = None
    for one in found:
        if taken is not None and one.received_at < taken:
            break
        looked_at.append(one)
        at = taken_at(one)
        taken = at if taken is None else max(taken, at)
        if len(looked_at) >= most:
            break
    return last_taken(reversed(looked_at))


def _stored(db: sqlite3.Connection, resident: str, first: int, *, all_of_it: bool = False) -> Iterator[Found]:
    """The resident's positions, those that came last first, each read when it is asked for.

    ``first``: number from which on those are looked for that are not noted; ``all_of_it``: the noted ones as well.
    """
    tail = db.execute(
        f"SELECT {_COLUMNS} FROM readings WHERE seq >= ? AND resident = ? AND kind = 'position'"  # noqa: S608
        " ORDER BY seq DESC",
        (max(first, noted_until(db)), resident),
    )
    return chain(_read(tail), _noted(db, resident, first if all_of_it else 0))


def _noted(db: sqlite3.Connection, resident: str, first: int) -> Iterator[Found]:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM reading_places CROSS JOIN readings ON readings.seq = reading_places.seq"  # noqa: S608
        " WHERE reading_places.resident = ? AND reading_places.kind = 'position'"
        " AND reading_places.seq >= ? AND reading_places.seq < ? ORDER BY reading_places.seq DESC",
        (resident, first, noted_until(db)),
    )
    return _read(rows)


def _read(rows: Iterable[_Row]) -> Iterator[Found]:
    for seq, device, observed_at, received_at, fields in rows:
        try:
            reading = _READING.decode(fields)
        except msgspec.DecodeError:
            continue
        if isinstance(reading, Position):
            received = from_ms(received_at)
            at = received if observed_at is None else min(from_ms(observed_at), received)
            yield Found(seq, received if lost(at, received) else at, received, device, "position", reading)


def _fix(found: Found) -> Fix:
    position = found.reading
    assert isinstance(position, Position)
    return Fix(
        lon=position.lon, lat=position.lat, accuracy_m=position.accuracy_m, at=taken_at(found), device=found.device
    )


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()
