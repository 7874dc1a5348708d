"""The table ``protection``: how far each resident is protected, as it stands."""

import sqlite3
from datetime import datetime

import msgspec

from gateway.clock import from_ms, to_ms
from rules.model import Reason
from rules.protection import Level

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(tuple[Reason, ...]).decode


class Kept(msgspec.Struct, frozen=True):
    """A resident's protection as it is stored: ``since`` is when its level last changed, UTC-aware."""

    level: Level
    missing: tuple[Reason, ...]
    since: datetime


def store(db: sqlite3.Connection, resident: str, kept: Kept) -> None:
    """Write one resident's protection in the caller's transaction."""
    db.execute(
        "INSERT INTO protection (resident, level, missing, since) VALUES (?, ?, ?, ?) ON CONFLICT (resident)"
        " DO UPDATE SET level = excluded.level, missing = excluded.missing, since = excluded.since",
        (resident, kept.level.value, _ENCODE(kept.missing).decode(), to_ms(kept.since)),
    )


def stored(db: sqlite3.Connection) -> dict[str, Kept]:
    """Everybody's protection as it is stored, by resident; who is not in it was never looked at."""
    return {
        row["resident"]: Kept(Level(row["level"]), _DECODE(row["missing"]), from_ms(row["since"]))
        for row in db.execute("SELECT resident, level, missing, since FROM protection ORDER BY resident")
    }
