"""The account as JSON: one's sessions and tokens. Tokens can't be used here: a stolen one could make others."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from gateway.console import signed_in, tokens
from gateway.console.account import end_session, revoke_token, this_session
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.once import once
from gateway.console.signed_in import Session
from gateway.console.tokens import Scope, Token


class SessionView(msgspec.Struct, kw_only=True):
    """A session, and whether it is the asker's own. Times are RFC 3339 in UTC."""

    session: Session
    here: bool


class Sessions(msgspec.Struct):
    """Where the asker is signed in; what was used last comes first. At most 500."""

    sessions: list[SessionView]


class Tokens(msgspec.Struct):
    """The asker's tokens that work, the newest first. At most 20."""

    tokens: list[Token]


class NewToken(msgspec.Struct, kw_only=True):
    """What a token is for, what it may, and for how long."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=tokens.MOST_NAME)]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=3)]
    days: Annotated[int, msgspec.Meta(ge=1, le=tokens.MOST_DAYS)]


class MadeToken(msgspec.Struct):
    """The token itself: it is told here, once."""

    token: str


async def a_person(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard that refuses tokens.

    Raises:
        PermissionDeniedException: a token was sent.
    """
    if "token_carer" in connection.scope["state"]:
        raise PermissionDeniedException("A token can't see or change the account: sign in.")


def router() -> Router:
    """Routes below /api/account."""
    changes: dict[str, Any] = {"guards": [same_origin], "opt": {"exclude_from_csrf": True}}

    @get("/sessions", summary="Where I am signed in", operation_id="listSessions")
    async def sessions(request: Request[Any, Any, Any]) -> Sessions:
        visitor, console = required_visitor(request), console_of(request)
        found = signed_in.sessions_of(console.db(), visitor.id, console.deps.clock.now())
        here = this_session(request)
        return Sessions([SessionView(session=one, here=one.id == here) for one in found])

    @delete("/sessions/{session:str}", summary="End a session", operation_id="endSession", **changes)
    async def end(request: Request[Any, Any, Any], session: FromPath[str]) -> None:
        await end_session(console_of(request), required_visitor(request), session)

    @get("/tokens", summary="My tokens", operation_id="listTokens")
    async def listed(request: Request[Any, Any, Any]) -> Tokens:
        visitor, console = required_visitor(request), console_of(request)
        return Tokens(tokens.tokens_of(console.db(), visitor.id, console.deps.clock.now()))

    @post("/tokens", summary="Make a token; it is shown once", operation_id="makeToken", **changes)
    @once
    async def make(request: Request[Any, Any, Any], data: JSONBody[NewToken]) -> MadeToken:
        visitor = required_visitor(request)
        return MadeToken(
            await console_of(request).deps.writer.write(
                lambda tx: tokens.make(
                    tx, visitor.id, name=data.name, scopes=frozenset(data.scopes), days=data.days, by=visitor.id
                ),
                urgent=True,
            )
        )

    @delete("/tokens/{number:int}", summary="Revoke a token", operation_id="revokeToken", **changes)
    async def revoke(request: Request[Any, Any, Any], number: FromPath[int]) -> None:
        await revoke_token(console_of(request), required_visitor(request), number)

    return Router(
        "/api/account",
        route_handlers=[sessions, end, listed, make, revoke],
        guards=[at_least("relative"), a_person],
        tags=["account"],
    )
