"""Who is signed in: Litestar's server-side sessions, kept in the database so that a restart signs nobody out.

Four things differ from Litestar's own backend: an id that we did not give is never adopted (session fixation), a
visitor who did not sign in gets neither a row nor a cookie, a request that was under way while somebody signed out does
not bring the session back, and a sign-in that was under way while its password was set anew becomes none.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.middleware.session.server_side import ServerSideSessionBackend, ServerSideSessionConfig
from litestar.stores.base import Store
from litestar.types import Empty, Message, ScopeSession

from gateway.clock import Clock, from_ms, to_ms
from gateway.console.proofs import PROOF, holds
from gateway.store.writer import Tx, Writer

LASTS = timedelta(hours=12)
"""A shift and its handover; counted from the last thing that somebody did."""

RENEW_AFTER = timedelta(minutes=30)
"""A session is not written again at each request: only when that much of its time is over."""


LONGEST = timedelta(hours=24)
"""Then somebody signs in again, however busy the page was: a phone that was lost does not stay open. Wall screens are
bound to their place, and have no such end."""

TOLD_BEFORE = timedelta(hours=1)
"""An open page says so long before when its session ends: time to finish what one is at, and to sign in again."""

ENDS = "Telecare-Ends"
"""Header: the session ends soon, and when (epoch ms). Only in the last TOLD_BEFORE, so it weighs nothing before."""

PASSIVE = frozenset({"/board", "/beats", "/map/part", "/wall", "/wall/board", "/session", "/waiting"})
"""What pages ask for by themselves: an open page alone is no use, and keeps no session alive."""

KIOSK = "kiosk"
"""The key of a session's data that makes it a wall screen's; its value says where the screen hangs."""

KIOSK_LASTS = timedelta(days=180)
"""Nobody signs in at a screen on the wall; also counted from the last use."""

KIOSK_RENEW_AFTER = timedelta(days=1)


def lasts(data: Mapping[str, Any]) -> timedelta:
    """How long a session with that data lives after its last use."""
    return KIOSK_LASTS if KIOSK in data else LASTS


def last_end(data: Mapping[str, Any]) -> datetime | None:
    """When a session with that data is over, however much it is used; None: it is a wall screen's."""
    if KIOSK in data or "since" not in data:
        return None
    return from_ms(int(data["since"])) + LONGEST


def soon_over(data: Mapping[str, Any], now: datetime, left_s: float | None = None) -> datetime | None:
    """When a session with that data ends, if that is within TOLD_BEFORE; None: not so soon, or it is a wall screen's.

    Args:
        data: the session's.
        now: UTC.
        left_s: seconds until it ends when nobody does anything more; None: it has just been used.
    """
    if KIOSK in data:
        return None
    last = last_end(data)
    ends = [now + timedelta(seconds=left_s)] if left_s is not None else []
    ends += [last] if last is not None else []
    end = min(ends, default=None)
    return end if end is not None and end - now <= TOLD_BEFORE else None


def idle_left_s(connection: ASGIConnection[Any, Any, Any, Any], db: sqlite3.Connection, now: datetime) -> float | None:
    """Seconds until the session of a connection ends when nobody does anything more; None: it has no session."""
    cookie = connection.scope["state"].get("console_session", (None,))[0]
    row = db.execute("SELECT expires_at FROM sessions WHERE id = ?", (digest(cookie or ""),)).fetchone()
    return None if row is None else (from_ms(row["expires_at"]) - now).total_seconds()


class SessionStore(Store):
    """Litestar's store protocol on the table ``sessions``; expiry follows the gateway's clock."""

    __slots__ = ("_clock", "_db", "_writer")

    def __init__(self, db: Callable[[], sqlite3.Connection], writer: Writer, clock: Clock) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        """Store a session; ``value`` is JSON with the carer's id under ``carer``.

        With a proof (gateway.console.proofs) nothing is stored where it does not hold any more.
        """
        data = msgspec.json.decode(value)
        proof = data.pop(PROOF, None)
        text = msgspec.json.encode(data).decode()
        carer = str(data.get("carer", ""))
        life = lasts(data) if KIOSK in data else _as_delta(expires_in)

        def work(tx: Tx) -> None:
            tx.db.execute("DELETE FROM sessions WHERE expires_at <= ?", (to_ms(tx.now),))
            if proof is not None and not holds(tx.db, carer, proof):
                return
            tx.db.execute(
                "INSERT INTO sessions (id, carer, data, expires_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at",
                (digest(key), carer, text, to_ms(tx.now + life)),
            )

        await self._writer.write(work, urgent=True)

    async def get(self, key: str, renew_for: int | timedelta | None = None) -> bytes | None:
        """The session's data; None: there is none, or it is over. With ``renew_for`` its end is moved."""
        row = self._row(key)
        if row is None:
            return None
        if renew_for is not None:
            life = _as_delta(renew_for)

            def work(tx: Tx) -> None:
                # an update, not an insert: a session that was ended meanwhile stays ended
                tx.db.execute("UPDATE sessions SET expires_at = ? WHERE id = ?", (to_ms(tx.now + life), digest(key)))

            await self._writer.write(work)
        return str(row["data"]).encode()

    async def delete(self, key: str) -> None:
        """End a session."""
        await self._writer.write(
            lambda tx: tx.db.execute("DELETE FROM sessions WHERE id = ?", (digest(key),)) and None, urgent=True
        )

    async def delete_all(self) -> None:
        """End every session."""
        await self._writer.write(lambda tx: tx.db.execute("DELETE FROM sessions") and None)

    async def exists(self, key: str) -> bool:
        """Whether the session lives."""
        return self._row(key) is not None

    async def expires_in(self, key: str) -> int | None:
        """Seconds until the session's end; None: there is none."""
        row = self._row(key)
        return None if row is None else int((from_ms(row["expires_at"]) - self._clock.now()).total_seconds())

    def now(self) -> datetime:
        """The time by which sessions end (UTC)."""
        return self._clock.now()

    def _row(self, key: str) -> sqlite3.Row | None:
        now = self._clock.now()
        row: sqlite3.Row | None = (
            self._db()
            .execute("SELECT data, expires_at FROM sessions WHERE id = ? AND expires_at > ?", (digest(key), to_ms(now)))
            .fetchone()
        )
        if row is not None and (end := last_end(msgspec.json.decode(row["data"]))) is not None and end <= now:
            return None
        return row


class _Backend(ServerSideSessionBackend):
    """Stores a session only when it changed or is to be renewed."""

    async def load_from_connection(self, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
        """The session's data; empty for whoever is not signed in."""
        store = self.config.get_store_from_app(connection.scope["litestar_app"])
        cookie = connection.cookies.get(self.config.key)
        data = await store.get(cookie) if cookie else None
        loaded = {} if data is None else self.deserialize_data(data)
        connection.scope["state"]["console_session"] = (cookie, data is not None, dict(loaded))
        return loaded

    async def store_in_message(
        self, scope_session: ScopeSession, message: Message, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> None:
        """Write what changed, and send the cookie when there is a new one."""
        store = self.config.get_store_from_app(connection.scope["litestar_app"])
        cookie, known, loaded = connection.scope["state"].get("console_session", (None, False, {}))
        if scope_session is Empty or not scope_session:
            if known:
                await store.delete(cookie)
            if known or cookie:
                self._send(message, "", max_age=0)
            return
        if known and scope_session == loaded:
            left = await store.expires_in(cookie)
            life, after = lasts(loaded), KIOSK_RENEW_AFTER if KIOSK in loaded else RENEW_AFTER
            if _is_use(connection, loaded) and left is not None and left < (life - after).total_seconds():
                await store.get(cookie, renew_for=life)
                self._send(message, cookie, max_age=int(life.total_seconds()))
                left = int(life.total_seconds())
            now = cast("SessionStore", store).now()
            if (end := soon_over(loaded, now, left)) is not None:
                MutableScopeHeaders.from_message(message)[ENDS] = str(to_ms(end))
            return
        # Signed in anew: always under a new id.
        if known:
            await store.delete(cookie)
        fresh = self.generate_session_id()
        await self.set(fresh, self.serialize_data(scope_session, connection.scope), store)
        if not await store.exists(fresh):  # what they signed in by was taken away in this very moment
            return
        self._send(message, fresh, max_age=int(lasts(cast("dict[str, Any]", scope_session)).total_seconds()))

    def _send(self, message: Message, value: str, *, max_age: int) -> None:
        cookie = Cookie(
            key=self.config.key,
            value=value,
            max_age=max_age,
            path="/",
            secure=self.config.secure,
            httponly=True,
            samesite="lax",
        )
        MutableScopeHeaders.from_message(message).add("Set-Cookie", cookie.to_header(header=""))


class SessionConfig(ServerSideSessionConfig):
    """Litestar's configuration, with our backend and the life of a session."""

    _backend_class = _Backend

    def __init__(self, *, secure: bool) -> None:
        # __Host-: the browser refuses the cookie from a sub-domain or over plain HTTP
        super().__init__(
            key="__Host-telecare" if secure else "telecare",
            max_age=int(LASTS.total_seconds()),
            secure=secure,
            httponly=True,
            samesite="lax",
            exclude_opt_key="skip_session",
        )


def _is_use(connection: ASGIConnection[Any, Any, Any, Any], data: Mapping[str, Any]) -> bool:
    """Whether somebody did something; a wall screen only shows. Scripts that ask again say what they have."""
    asked = connection.scope.get("method") == "GET" and "if-none-match" in connection.headers
    return KIOSK in data or not (asked or connection.url.path in PASSIVE)


def digest(key: str) -> str:
    """How a session is named in the database and in lists: nobody can sign in with it."""
    return hashlib.sha256(key.encode()).hexdigest()


def _as_delta(value: int | timedelta | None) -> timedelta:
    if isinstance(value, timedelta):
        return value
    return LASTS if value is None else timedelta(seconds=value)
