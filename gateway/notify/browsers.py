"""The table ``push_subscriptions``: the browsers in which carers allowed messages."""

import sqlite3
from collections.abc import Awaitable, Callable

import msgspec

from gateway.clock import to_ms
from gateway.store.writer import Tx


class Subscription(msgspec.Struct, frozen=True):
    """A browser of a carer: where its push service is, and what to encrypt with."""

    id: int
    endpoint: str
    p256dh: str
    auth: str


class Browsers:
    """What the channel asks of the store.

    Args:
        of: the browsers of a carer.
        gone: one of them is no more.
    """

    def __init__(self, of: Callable[[str], list[Subscription]], gone: Callable[[int], Awaitable[None]]) -> None:
        self.of = of
        self.gone = gone


def of(db: sqlite3.Connection, carer: str) -> list[Subscription]:
    """A carer's browsers that are still there, the newest first."""
    rows = db.execute(
        "SELECT id, endpoint, p256dh, auth FROM push_subscriptions "
        "WHERE carer = ? AND gone_at IS NULL ORDER BY id DESC",
        (carer,),
    )
    return [Subscription(*row) for row in rows]


def gone(tx: Tx, number: int) -> None:
    """The push service says that a browser is no more."""
    tx.db.execute("UPDATE push_subscriptions SET gone_at = ? WHERE id = ?", (to_ms(tx.now), number))
