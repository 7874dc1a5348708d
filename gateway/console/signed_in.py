"""Who is signed in where: the sessions as people see and end them."""

import re
import sqlite3
from datetime import datetime
from typing import Final

import msgspec

from gateway.clock import from_ms, to_ms
from gateway.console.sessions import KIOSK, lasts
from gateway.store.audit import record
from gateway.store.writer import Tx

MOST: Final = 500
"""Sessions that are listed."""

_FAMILIES: Final = (
    ("Edg", "Edge"), ("SamsungBrowser", "Samsung Internet"), ("OPR", "Opera"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One session. ``id`` is a hash, with which nobody can sign in. Times are in UTC; ``used_at`` is up to half an
    hour older than the last use (a day for a wall screen)."""

    id: str
    carer: str
    since: datetime | None
    browser: str
    address: str
    used_at: datetime
    kiosk: str | None
    """Where the wall screen hangs; None: a person's session."""


def browser_family(agent: str) -> str:
    """Browser and system in two words, such as ``Chrome, Android``; nothing that tells one phone from another."""
    family = next((name for word, name in _FAMILIES if re.search(rf"\b{word}/", agent)), "")
    system = next((name for word, name in _SYSTEMS if word in agent), "")
    return ", ".join(part for part in (family, system) if part)


def sessions_of(db: sqlite3.Connection, carer: str | None, now: datetime) -> list[Session]:
    """The sessions that live, of one carer or (None) of all, what ends last first."""
    rows = db.execute(
        "SELECT * FROM sessions WHERE expires_at > ? AND (? IS NULL OR carer = ?) ORDER BY expires_at DESC LIMIT ?",
        (to_ms(now), carer, carer, MOST),
    )
    return [_session(row) for row in rows]


def end(tx: Tx, session: str, *, by: str, carer: str | None = None) -> bool:
    """End a session by its ``id``; with ``carer`` only one of theirs. False: there is none."""
    row = tx.db.execute("SELECT carer FROM sessions WHERE id = ?", (session,)).fetchone()
    if row is None or (carer is not None and row["carer"] != carer):
        return False
    tx.db.execute("DELETE FROM sessions WHERE id = ?", (session,))
    record(tx, who=by, action="session.revoke", target=f"carer/{row['carer']}")
    return True


def end_others(tx: Tx, carer: str, keep: str, *, by: str) -> int:
    """End every session of a carer but one; how many those were."""
    done = tx.db.execute("DELETE FROM sessions WHERE carer = ? AND id != ?", (carer, keep)).rowcount
    record(tx, who=by, action="session.revoke_others", target=f"carer/{carer}", detail={"ended": done})
    return done


def _session(row: sqlite3.Row) -> Session:
    data = msgspec.json.decode(row["data"])
    return Session(
        id=row["id"],
        carer=row["carer"],
        since=from_ms(data["since"]) if "since" in data else None,
        browser=data.get("browser", ""),
        address=data.get("address", ""),
        used_at=from_ms(row["expires_at"]) - lasts(data),
        kiosk=data.get(KIOSK),
    )
