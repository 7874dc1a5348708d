"""Tokens with which programs use the API in a carer's name: made, listed, revoked, and looked at in each request.

A token may what its scopes say and what its carer's role allows, whichever is less; the role is read at each request.
It works below /api only, and needs neither cookie nor CSRF token, because no browser sends it by itself.
"""

import hashlib
import re
import secrets
import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    TooManyRequestsException,
)
from litestar.handlers import BaseRouteHandler

from gateway.clock import from_ms, to_ms
from gateway.console.deps import Console, console_of
from gateway.console.places import place_of
from gateway.errors import TokenError
from gateway.store.audit import record
from gateway.store.writer import Tx

PREFIX: Final = "tct_"
"""Scanners for leaked secrets know a token by it."""

MOST_DAYS: Final = 365
MOST_NAME: Final = 60
MOST_EACH: Final = 20
"""Tokens of one carer."""

NOTED_EVERY: Final = timedelta(minutes=1)
"""How often the last use is written: not once for each request."""

_ANSWER: Final = re.compile(r"/api/alerts/[0-9]+/answer/?")
_ACCOUNT: Final = "token"
"""The word under which wrong tokens are counted; the place is the network address."""


class Scope(StrEnum):
    """What a token may."""

    READ = "read"
    """Every GET."""
    ANSWER = "answer"
    """Answer alerts."""
    WRITE = "write"
    """Every other change."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is listed, without the token itself. Times are in UTC."""

    id: int
    carer: str
    name: str
    scopes: tuple[Scope, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None


def make(tx: Tx, carer: str, *, name: str, scopes: frozenset[Scope], days: int, by: str) -> str:
    """A new token, told once, here: only its hash is kept.

    Args:
        tx: the open transaction.
        carer: whose role it has; the caller checks that the carer exists, and that ``by`` may make it.
        name: what it is for, 1 to 60 characters.
        scopes: what it may; at least one.
        days: how long it works, 1 to 365.
        by: who makes it, for the list and the audit.

    Raises:
        TokenError: name, scopes or days can't be taken, or there are too many tokens.
    """
    name = name.strip()
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise TokenError(f"name: expected 1 to {MOST_NAME} characters that say what the token is for.")
    if not scopes:
        raise TokenError(f"scopes: expected at least one of {', '.join(Scope)}.")
    if not 1 <= days <= MOST_DAYS:
        raise TokenError(f"days: {days}: expected 1 to {MOST_DAYS}.")
    tx.db.execute("DELETE FROM api_tokens WHERE carer = ? AND expires_at <= ?", (carer, to_ms(tx.now)))
    if tx.db.execute("SELECT count(*) FROM api_tokens WHERE carer = ?", (carer,)).fetchone()[0] >= MOST_EACH:
        raise TokenError(f"{carer} has {MOST_EACH} tokens: revoke one that is not needed any more.")
    token = PREFIX + secrets.token_urlsafe(32)
    number = tx.db.execute(
        "INSERT INTO api_tokens (token_hash, carer, name, scopes, made_by, made_at, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (_hash(token), carer, name, " ".join(sorted(scopes)), by, to_ms(tx.now), to_ms(tx.now + timedelta(days=days))),
    ).fetchone()[0]
    detail = {"carer": carer, "scopes": sorted(scopes), "days": days}
    record(tx, who=by, action="token.make", target=f"token/{number}", detail=detail)
    return token


def tokens_of(db: sqlite3.Connection, carer: str | None, now: datetime) -> list[Token]:
    """The tokens that work, of one carer or (None) of all, the newest first; at most 1,000."""
    rows = db.execute(
        "SELECT * FROM api_tokens WHERE expires_at > ? AND (? IS NULL OR carer = ?) ORDER BY id DESC LIMIT 1000",
        (to_ms(now), carer, carer),
    )
    return [_token(row) for row in rows]


def revoke(tx: Tx, number: int, *, by: str, carer: str | None = None) -> bool:
    """End a token; with ``carer`` only one of theirs. False: there is no such token."""
    done = tx.db.execute(
        "DELETE FROM api_tokens WHERE id = ? AND (? IS NULL OR carer = ?)", (number, carer, carer)
    ).rowcount
    if done:
        record(tx, who=by, action="token.revoke", target=f"token/{number}")
    return bool(done)


def holder(db: sqlite3.Connection, token: str, now: datetime) -> Token | None:
    """Whose token that is, and what it may; None: it is wrong, revoked or too old."""
    row = db.execute(
        "SELECT * FROM api_tokens WHERE token_hash = ? AND expires_at > ?", (_hash(token), to_ms(now))
    ).fetchone()
    return None if row is None else _token(row)


async def token_guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """The first guard of every route: looks at a token, where one is sent to the API, and notes its use.

    A right token always works: 256 bits can't be guessed, so there is no reason to keep it waiting because something
    else at the same address, such as a program with an old token, sends wrong ones. Wrong ones wait.

    Raises:
        NotAuthorizedException: it is wrong, revoked or too old, or its carer is gone.
        TooManyRequestsException: too many wrong ones came from that address.
        PermissionDeniedException: its scopes don't allow that.
    """
    kind, _gap, sent = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not connection.url.path.startswith("/api/"):
        return
    console = console_of(connection)
    now = console.deps.clock.now()
    sent = sent.strip()
    token = holder(console.db(), sent, now) if sent.startswith(PREFIX) and len(sent) < 100 else None
    if token is None or token.carer not in console.deps.index().carers:
        raise _refused(console, connection)
    needed = scope_of(str(connection.scope.get("method", "GET")), connection.url.path)
    if needed not in token.scopes:
        raise PermissionDeniedException(f"This token has not the scope '{needed}'.")
    connection.scope["state"]["token_carer"] = token.carer
    connection.scope["state"]["token_scopes"] = list(token.scopes)
    if token.used_at is None or now - token.used_at >= NOTED_EVERY:
        await console.deps.writer.write(lambda tx: _note_use(tx, token.id))


def scope_of(method: str, path: str) -> Scope:
    """Which scope a request needs."""
    if method in {"GET", "OPTIONS"}:
        return Scope.READ
    return Scope.ANSWER if _ANSWER.fullmatch(path) else Scope.WRITE


def _refused(console: Console, connection: ASGIConnection[Any, Any, Any, Any]) -> HTTPException:
    place = f"address/{place_of(connection)}"
    wait_s = console.wrong_tokens.wait_s(_ACCOUNT, place)
    if wait_s > 0:
        seconds = int(wait_s) + 1
        return TooManyRequestsException(
            f"Too many wrong tokens: wait {seconds} seconds.", headers={"Retry-After": str(seconds)}
        )
    console.wrong_tokens.begin(_ACCOUNT, place)
    return NotAuthorizedException(
        "The token is wrong, revoked or too old.", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
    )


def _note_use(tx: Tx, number: int) -> None:
    tx.db.execute("UPDATE api_tokens SET used_at = ? WHERE id = ?", (to_ms(tx.now), number))


def _token(row: sqlite3.Row) -> Token:
    return Token(
        id=row["id"],
        carer=row["carer"],
        name=row["name"],
        scopes=tuple(Scope(word) for word in row["scopes"].split()),
        made_by=row["made_by"],
        made_at=from_ms(row["made_at"]),
        expires_at=from_ms(row["expires_at"]),
        used_at=None if row["used_at"] is None else from_ms(row["used_at"]),
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
