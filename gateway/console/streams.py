"""Event streams that stay open: only as long as whoever opened one is signed in, and only so many each."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from litestar.connection import ASGIConnection

from gateway.clock import from_ms
from gateway.console.sessions import digest, last_end

PER_SESSION: Final = 24
"""Tabs of one browser; it opens six connections to a host at most over HTTP/1.1, behind a proxy more."""

PER_CARER: Final = 60
"""Everything that somebody is signed in at: without it, one account could hold every connection that there is."""


class Streams:
    """How many streams each session and each carer has open."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def has_room(self, connection: ASGIConnection[Any, Any, Any, Any], carer: str) -> bool:
        """Whether one more may be opened."""
        session, whole = _keys(connection, carer)
        return self._open[session] < PER_SESSION and self._open[whole] < PER_CARER

    @contextmanager
    def one(self, connection: ASGIConnection[Any, Any, Any, Any], carer: str) -> Iterator[None]:
        """Count one for as long as it is open."""
        keys = _keys(connection, carer)
        self._open.update(keys)
        try:
            yield
        finally:
            self._open.subtract(keys)
            for key in keys:
                if not self._open[key]:
                    del self._open[key]


def stands(connection: ASGIConnection[Any, Any, Any, Any], db: sqlite3.Connection, now: datetime) -> bool:
    """Whether the session by which a connection was opened has not ended since.

    Args:
        connection: as it was when it was opened.
        db: reads the database.
        now: UTC-aware.
    """
    row = db.execute("SELECT expires_at FROM sessions WHERE id = ?", (digest(_cookie(connection)),)).fetchone()
    end = last_end(connection.session or {})
    return row is not None and from_ms(row["expires_at"]) > now and (end is None or end > now)


def _cookie(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    return str(connection.scope["state"].get("console_session", (None,))[0] or "")


def _keys(connection: ASGIConnection[Any, Any, Any, Any], carer: str) -> tuple[str, str]:
    cookie = digest(_cookie(connection))
    # wall screens are nobody, and have a session each
    return f"session/{cookie}", f"carer/{carer}" if not carer.startswith("@") else f"screen/{cookie}"
