"""The account as JSON: one's sessions and tokens. Tokens can't be used here: a stolen one could make others."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from gateway.console import passkeys, signed_in, tokens
from gateway.console.account import end_own_browser, end_session, revoke_token
from gateway.console.accounts import MAX_LENGTH, MIN_LENGTH
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.listing import MOST, POLLED, Cursor, Limit, piece, polled
from gateway.console.once import once
from gateway.console.own_account import change_password, choose_language, give_up_passkey, this_session
from gateway.console.pages import tongue_for
from gateway.console.passkeys import Passkey
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.signed_in import Session
from gateway.console.tokens import Scope, Token
from gateway.store.access import Ended
from gateway.store.told_browsers import ToldBrowser, told_browsers


class SessionView(msgspec.Struct, kw_only=True):
    """A session, and whether it is the asker's own. Times are RFC 3339 in UTC."""

    session: Session
    here: bool


class Sessions(msgspec.Struct):
    """Where somebody is signed in; what was used last comes first. At most 500 are kept apart. ``next``: cursor of the
    next piece; null: this is the last one."""

    sessions: list[SessionView]
    next: str | None


class Tokens(msgspec.Struct):
    """The asker's tokens that work, the newest first. At most 20."""

    tokens: list[Token]


class ToldBrowsers(msgspec.Struct):
    """Browsers that are told of the asker's alarms (Web Push), the newest first. At most 10."""

    browsers: list[ToldBrowser]


class NewToken(msgspec.Struct, kw_only=True):
    """What a token is for, what it may, and for how long."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=tokens.MOST_NAME)]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=3)]
    days: Annotated[int, msgspec.Meta(ge=1, le=tokens.MOST_DAYS)]


class Me(msgspec.Struct, kw_only=True):
    """The asker. ``wards`` empty: all. ``scopes`` are the token's; null: the asker signed in."""

    id: str
    name: str
    role: str
    wards: list[str]
    language: str
    scopes: list[Scope] | None


class LanguageWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The language of pages and messages."""

    language: Literal["en", "fr", "de", "it", "es", "da", "mt"]


class PasswordWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The old and the new password. ``revoke_tokens``: whether the tokens for programs are revoked too."""

    old: Annotated[str, msgspec.Meta(max_length=MAX_LENGTH)]
    new: Annotated[str, msgspec.Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
    revoke_tokens: bool = True


class OthersEnded(msgspec.Struct):
    """How many sessions ended."""

    sessions: int


class Passkeys(msgspec.Struct):
    """The asker's passkeys, the newest first. At most 10."""

    passkeys: list[Passkey]


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

    @get("/sessions", summary="Where I am signed in", operation_id="listSessions", responses=POLLED)
    async def sessions(
        request: Request[Any, Any, Any], limit: Limit = MOST, cursor: Cursor = None
    ) -> Response[Sessions]:
        visitor, console = required_visitor(request), console_of(request)
        found = signed_in.sessions_of(console.db(), visitor.id, console.deps.clock.now())
        here = this_session(request)
        part, more = piece(found, cursor, limit, key=lambda one: one.id)
        return await polled(
            request, Sessions([SessionView(session=one, here=one.id == here) for one in part], more), look=None
        )

    @post(
        "/sessions/end-others", status_code=200, summary="Sign out everywhere else", operation_id="endOtherSessions",
        **changes,
    )  # fmt: skip
    async def others(request: Request[Any, Any, Any]) -> OthersEnded:
        visitor, here = required_visitor(request), this_session(request)
        return OthersEnded(
            await console_of(request).deps.writer.write(
                lambda tx: signed_in.end_others(tx, visitor.id, here, by=visitor.id), urgent=True
            )
        )

    @post(
        "/password", status_code=200, summary="Change my password", operation_id="changePassword", **changes,
    )  # fmt: skip
    @once
    async def password(
        request: Request[Any, Any, Any], data: JSONBody[PasswordWanted]
    ) -> Response[Ended] | Response[bytes]:
        done = await change_password(request, data.old, data.new, tokens=data.revoke_tokens)
        if isinstance(done, Ended):
            return Response(done)
        headers = {"Retry-After": str(done.values["seconds"])} if done.status == 429 else None
        text = tongue_for(request, required_visitor(request))(done.text, **done.values)
        return problem(done.status, text, headers=headers)

    @put("/language", status_code=200, summary="Choose my language", operation_id="chooseLanguage", **changes)
    async def language(request: Request[Any, Any, Any], data: JSONBody[LanguageWanted]) -> LanguageWanted:
        await choose_language(request, data.language)
        return data

    @get("/passkeys", summary="My passkeys", operation_id="listPasskeys")
    async def keys(request: Request[Any, Any, Any]) -> Passkeys:
        return Passkeys(passkeys.passkeys_of(console_of(request).db(), required_visitor(request).id))

    @delete("/passkeys/{passkey:str}", summary="Remove a passkey", operation_id="removePasskey", **changes)
    async def remove(request: Request[Any, Any, Any], passkey: FromPath[str]) -> None:
        if not await give_up_passkey(request, passkey):
            raise ClientException("It is the only way to sign in: set a password first.", status_code=409)

    @delete("/sessions/{session:str}", summary="End a session", operation_id="endSession", **changes)
    async def end(request: Request[Any, Any, Any], session: FromPath[str]) -> None:
        await end_session(console_of(request), required_visitor(request), session)

    @get("/browsers", summary="Browsers that are told of my alarms", operation_id="listBrowsers")
    async def told(request: Request[Any, Any, Any]) -> ToldBrowsers:
        return ToldBrowsers(told_browsers(console_of(request).db(), required_visitor(request).id))

    @delete(
        "/browsers/{number:int}", summary="No more messages to a browser of mine", operation_id="endBrowser", **changes
    )
    async def no_messages(request: Request[Any, Any, Any], number: FromPath[int]) -> None:
        await end_own_browser(console_of(request), required_visitor(request), number)

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

    handlers = [sessions, end, others, password, language, keys, remove, told, no_messages, listed, make, revoke]
    person = Router("/", route_handlers=handlers, guards=[a_person])
    return Router(
        "/api/account",
        route_handlers=[_who(), person],
        guards=[at_least("relative")],
        tags=["account"],
    )


def _who() -> Any:
    @get("/", summary="Who I am, and what I may", operation_id="me")
    async def me(request: Request[Any, Any, Any]) -> Me:
        carer = required_visitor(request).carer
        return Me(
            id=carer.id, name=carer.name, role=carer.role, wards=list(carer.wards),
            language=console_of(request).deps.index().language_of(carer),
            scopes=request.scope["state"].get("token_scopes"),
        )  # fmt: skip

    return me
