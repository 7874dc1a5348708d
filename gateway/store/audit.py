"""The audit: who did, or looked at, what. Append-only; each row's hash covers the row before it."""

import hashlib
import sqlite3
from collections.abc import Mapping

import msgspec

from gateway.clock import to_ms
from gateway.store.writer import Tx


def record(tx: Tx, *, who: str | None, action: str, target: str, detail: Mapping[str, object] | None = None) -> None:
    """Add a row in the caller's transaction.

    Args:
        tx: the open transaction.
        who: carer id or ``cli:<user>``; None: the gateway itself.
        action: a dotted word, e.g. ``alert.acknowledge``, ``centre.apply``.
        target: what it was done to, e.g. ``alert/12``.
        detail: plain data; no secrets.
    """
    last = tx.db.execute("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    at = to_ms(tx.now)
    text = msgspec.json.encode(detail or {}, order="sorted").decode()
    digest = _hash(last[0] if last else "", at, who, action, target, text)
    tx.db.execute(
        "INSERT INTO audit (at, who, action, object, detail, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (at, who, action, target, text, digest),
    )


def broken_at(db: sqlite3.Connection) -> int | None:
    """The number of the first row that was tampered with; None: the chain holds."""
    previous = ""
    for row in db.execute("SELECT seq, at, who, action, object, detail, hash FROM audit ORDER BY seq"):
        expected = _hash(previous, row["at"], row["who"], row["action"], row["object"], row["detail"])
        if expected != row["hash"]:
            return int(row["seq"])
        previous = expected
    return None


def _hash(previous: str, at: int, who: str | None, action: str, target: str, detail: str) -> str:
    message = msgspec.json.encode([previous, at, who, action, target, detail])
    return hashlib.sha256(message).hexdigest()
