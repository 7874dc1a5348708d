"""Browsers in which carers allowed messages (Web Push), as they are listed and ended; the channel tells them."""

import sqlite3
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from gateway.clock import from_ms
from gateway.store.audit import record
from gateway.store.writer import Tx


class ToldBrowser(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is told of its carer's alarms. Which phone it is, only its push service knows. Times in UTC."""

    id: int
    since: datetime
    service: str
    """Host of the push service; it names the maker of the browser."""


def told_browsers(db: sqlite3.Connection, carer: str) -> list[ToldBrowser]:
    """The browsers that are told of a carer's alarms, the newest first; at most 10 (gateway.console.push)."""
    rows = db.execute(
        "SELECT id, endpoint, created_at FROM push_subscriptions WHERE carer = ? AND gone_at IS NULL"
        " ORDER BY created_at DESC, id DESC",
        (carer,),
    )
    return [
        ToldBrowser(id=row[0], since=from_ms(row[2]), service=urlsplit(str(row[1])).hostname or "?") for row in rows
    ]


def with_browsers(db: sqlite3.Connection) -> set[str]:
    """Carers who are told in one browser at least."""
    return {str(row[0]) for row in db.execute("SELECT DISTINCT carer FROM push_subscriptions WHERE gone_at IS NULL")}


def end_browser(tx: Tx, number: int, *, by: str, carer: str) -> bool:
    """No more messages to a browser of that carer; False: the carer has no such one."""
    done = tx.db.execute("DELETE FROM push_subscriptions WHERE id = ? AND carer = ?", (number, carer)).rowcount
    if done:
        record(tx, who=by, action="push-unsubscribe", target=f"carer/{carer}", detail={})
    return bool(done)
