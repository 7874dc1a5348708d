"""The audit: who did, or looked at, what. Append-only; each row's hash covers the row before it."""

import hashlib
import sqlite3
from collections.abc import Collection, Mapping

import msgspec

from gateway.clock import to_ms
from gateway.store import looking
from gateway.store.writer import Tx


def record(
    tx: Tx,
    *,
    who: str | None,
    action: str,
    target: str,
    detail: Mapping[str, object] | None = None,
    about: Collection[str] = (),
) -> None:
    """Add a row in the caller's transaction.

    Args:
        tx: the open transaction.
        who: carer id or ``cli:<user>``; None: the gateway itself.
        action: a dotted word, e.g. ``alert.acknowledge``, ``centre.apply``.
        target: what it was done to, e.g. ``alert/12``.
        detail: ids, times and words of ours; no secrets, no names, nothing that people wrote: what is here stays
            when a person is erased (docs/privacy.md).
        about: residents of a look whose target does not name them.
    """
    last = tx.db.execute("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    at = to_ms(tx.now)
    text = msgspec.json.encode(detail or {}, order="sorted").decode()
    digest = _hash(last[0] if last else "", at, who, action, target, text)
    seq = tx.db.execute(
        "INSERT INTO audit (at, who, action, object, detail, hash) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq",
        (at, who, action, target, text, digest),
    ).fetchone()[0]
    looking.note(tx.db, seq, action, target, about)


def broken_at(db: sqlite3.Connection) -> int | None:
    """The number of the first row that was tampered with; None: the chain holds.

    Checked from where the oldest rows went by their retention (:func:`cut`).
    """
    head = db.execute("SELECT seq, hash FROM audit_head").fetchone()
    previous, first = ("", 0) if head is None else (head["hash"], head["seq"])
    query = "SELECT seq, at, who, action, object, detail, hash FROM audit WHERE seq > ? ORDER BY seq"
    for row in db.execute(query, (first,)):
        expected = _hash(previous, row["at"], row["who"], row["action"], row["object"], row["detail"])
        if expected != row["hash"]:
            return int(row["seq"])
        previous = expected
    return None


def cut(tx: Tx, through: int, most: int) -> int:
    """Take out the oldest rows, through that number, at most ``most``; what follows can still be checked.

    Only from the beginning: a row in the middle can't be taken out. The newest row always stays.
    """
    row = tx.db.execute(
        "SELECT seq, hash FROM (SELECT seq, hash FROM audit WHERE seq <= ?"
        " AND seq < (SELECT max(seq) FROM audit) ORDER BY seq LIMIT ?) ORDER BY seq DESC LIMIT 1",
        (through, most),
    ).fetchone()
    if row is None:
        return 0
    tx.db.execute(
        "INSERT INTO audit_head (one, seq, hash) VALUES (1, ?, ?)"
        " ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        (row["seq"], row["hash"]),
    )
    return tx.db.execute("DELETE FROM audit WHERE seq <= ?", (row["seq"],)).rowcount


def _hash(previous: str, at: int, who: str | None, action: str, target: str, detail: str) -> str:
    message = msgspec.json.encode([previous, at, who, action, target, detail])
    return hashlib.sha256(message).hexdigest()
