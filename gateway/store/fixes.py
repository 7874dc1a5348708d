"""Where a resident was, as far as it is stored. Whoever shows it asks :func:`may_locate` first."""

import sqlite3
from datetime import datetime
from typing import Final

import msgspec

from devices.model import Position, Reading
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.store.history import first_received

AMONG: Final = 20_000
"""How many of the newest readings of the house are looked through for the last fix: a few milliseconds."""

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


def last_fix(db: sqlite3.Connection, resident: str) -> Fix | None:
    """The fix that came last; None: there is none among the newest readings of the house."""
    row = db.execute(
        "SELECT device, observed_at, received_at, fields FROM"
        " (SELECT * FROM readings ORDER BY seq DESC LIMIT ?) WHERE resident = ? AND kind = 'position'"
        " ORDER BY seq DESC LIMIT 1",
        (AMONG, resident),
    ).fetchone()
    return None if row is None else _fix(row)


def fixes(db: sqlite3.Connection, resident: str, *, since: datetime, most: int) -> list[Fix]:
    """The newest fixes that were received since a time (UTC-aware), the oldest first."""
    rows = db.execute(
        "SELECT device, observed_at, received_at, fields FROM readings WHERE seq >= ? AND resident = ?"
        " AND kind = 'position' ORDER BY seq DESC LIMIT ?",
        (first_received(db, to_ms(since)), resident, most),
    ).fetchall()
    return sorted((fix for row in rows if (fix := _fix(row)) is not None), key=lambda fix: fix.at)


def _fix(row: sqlite3.Row) -> Fix | None:
    try:
        read = _READING.decode(row["fields"])
    except msgspec.DecodeError:
        return None
    if not isinstance(read, Position):
        return None
    seen = from_ms(row["received_at"] if row["observed_at"] is None else row["observed_at"])
    return Fix(lon=read.lon, lat=read.lat, accuracy_m=read.accuracy_m, at=read.fixed_at or seen, device=row["device"])
