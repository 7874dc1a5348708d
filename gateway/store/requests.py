"""Requests with an Idempotency-Key: begun once, and answered again with the same answer for a day."""

from datetime import timedelta
from enum import Enum
from typing import Final, NamedTuple

from gateway.clock import to_ms
from gateway.store.writer import Tx

KEPT: Final = timedelta(hours=24)
"""Longer than any program tries again by itself; a key that is older is a new one."""


class Standing(Enum):
    """What is known of a key."""

    NEW = "new"
    """Nothing: it is noted now, and the request is to be done."""
    DONE = "done"
    """The same request was done; here is its answer."""
    OTHER = "other"
    """It was used for another request."""
    UNDER_WAY = "under way"
    """The same request is being done, or was cut off while it was."""


class Begun(NamedTuple):
    """What is known of a key; ``answer`` is there when it is DONE, encrypted."""

    standing: Standing
    number: int
    answer: bytes | None = None


def begin(tx: Tx, *, carer: str, route: str, key_hash: str, digest: str) -> Begun:
    """Note a request, unless its key is known. What is older than KEPT goes.

    Args:
        tx: the open transaction.
        carer: who asks.
        route: method and route.
        key_hash: what the key is known by.
        digest: what address and body are known by.
    """
    clear(tx)
    row = tx.db.execute(
        "SELECT id, digest, answer FROM requests_once WHERE carer = ? AND route = ? AND key_hash = ?",
        (carer, route, key_hash),
    ).fetchone()
    if row is None:
        number = tx.db.execute(
            "INSERT INTO requests_once (carer, route, key_hash, digest, begun_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
            (carer, route, key_hash, digest, to_ms(tx.now)),
        ).fetchone()[0]
        return Begun(Standing.NEW, int(number))
    if row["digest"] != digest:
        return Begun(Standing.OTHER, row["id"])
    return Begun(Standing.UNDER_WAY if row["answer"] is None else Standing.DONE, row["id"], row["answer"])


def clear(tx: Tx) -> None:
    """What is older than KEPT goes; every day too, when nobody sends a key."""
    tx.db.execute("DELETE FROM requests_once WHERE begun_at <= ?", (to_ms(tx.now - KEPT),))


def end(tx: Tx, number: int, answer: bytes) -> None:
    """Keep the answer of a request that was done."""
    tx.db.execute("UPDATE requests_once SET answer = ? WHERE id = ?", (answer, number))


def forget(tx: Tx, number: int) -> None:
    """A request was refused, and nothing was changed: its key can be used again."""
    tx.db.execute("DELETE FROM requests_once WHERE id = ? AND answer IS NULL", (number,))
