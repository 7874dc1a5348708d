"""One-time links with which somebody sets their own password: nobody else ever knows it."""

import hashlib
import secrets
import sqlite3
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.clock import from_ms, to_ms
from gateway.console.accounts import store_hash
from gateway.store.access import Ended
from gateway.store.audit import record
from gateway.store.writer import Tx

LASTS: Final = timedelta(hours=24)


class LinkOut(msgspec.Struct, frozen=True, kw_only=True):
    """A link to set a password that is out: never the link itself, which is kept nowhere. Times are in UTC."""

    made_by: str
    made_at: datetime
    until: datetime


def make(tx: Tx, carer: str, *, by: str) -> str:
    """A new link's token for a carer; an older one of theirs ends. It is told once, here."""
    token = secrets.token_urlsafe(24)
    tx.db.execute("DELETE FROM password_links WHERE carer = ?", (carer,))
    tx.db.execute(
        "INSERT INTO password_links (token_hash, carer, made_by, made_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        (_hash(token), carer, by, to_ms(tx.now), to_ms(tx.now + LASTS)),
    )
    record(tx, who=by, action="account.link_made", target=f"carer/{carer}")
    return token


def carer_of(db: sqlite3.Connection, token: str, now_ms: int) -> str | None:
    """Whose password a link sets; None: it is wrong, used, or too old."""
    row = db.execute(
        "SELECT carer FROM password_links WHERE token_hash = ? AND used_at IS NULL AND expires_at > ?",
        (_hash(token), now_ms),
    ).fetchone()
    return None if row is None else str(row["carer"])


def use(tx: Tx, token: str, password_hash: str) -> tuple[str, Ended] | None:
    """Set the password, once; the carer's id and what ended, or None where the link can't be used any more."""
    carer = carer_of(tx.db, token, to_ms(tx.now))
    if carer is None:
        return None
    tx.db.execute("UPDATE password_links SET used_at = ? WHERE token_hash = ?", (to_ms(tx.now), _hash(token)))
    return carer, store_hash(tx, carer, password_hash, by=carer)


def link_of(db: sqlite3.Connection, carer: str, now: datetime) -> LinkOut | None:
    """The link that is out for a carer; None: there is none. A newer one ends the one before."""
    row = db.execute(
        "SELECT made_by, made_at, expires_at FROM password_links"
        " WHERE carer = ? AND used_at IS NULL AND expires_at > ?",
        (carer, to_ms(now)),
    ).fetchone()
    return row and LinkOut(made_by=row[0], made_at=from_ms(row[1]), until=from_ms(row[2]))


def end(tx: Tx, carer: str, *, by: str) -> bool:
    """End the link that is out for a carer, as when it went to a wrong address; False: there is none."""
    done = tx.db.execute(
        "DELETE FROM password_links WHERE carer = ? AND used_at IS NULL AND expires_at > ?", (carer, to_ms(tx.now))
    ).rowcount
    if done:
        record(tx, who=by, action="account.link_ended", target=f"carer/{carer}")
    return bool(done)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
