"""What lets people in, as JSON, for administrators: accounts, sessions, tokens, passkeys, links. None by a token."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody

from gateway.console import oidc_identities, passkeys, password_links, signed_in, tokens
from gateway.console.account import end_session
from gateway.console.account_api import Sessions, SessionView, a_person
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.listing import POLLED, Cursor, Limit, piece, polled
from gateway.console.oidc_identities import Identity
from gateway.console.once import once
from gateway.console.own_account import this_session
from gateway.console.passkeys import Passkey
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.tokens import Token
from gateway.store import access
from gateway.store.access import Ended, Held
from gateway.store.told_browsers import ToldBrowser, end_browser, told_browsers


class UserView(msgspec.Struct, kw_only=True):
    """Somebody, and what lets them in. ``role`` null: they are gone from the centre, and can't sign in."""

    id: str
    name: str
    role: str | None
    has: Held


class Users(msgspec.Struct):
    """Everybody by name, and last those who are gone. ``next``: cursor of the next piece; null: the last one."""

    users: list[UserView]
    next: str | None


class UserDetail(msgspec.Struct, kw_only=True):
    """Somebody, with each session, token, passkey, linked account of a provider, and browser that is told."""

    user: UserView
    sessions: list[signed_in.Session]
    tokens: list[Token]
    passkeys: list[Passkey]
    identities: list[Identity]
    browsers: list[ToldBrowser]
    password_link: password_links.LinkOut | None
    """A link to set a password that is out; null: none."""


class PasswordLink(msgspec.Struct):
    """A link with which somebody sets their own password, once, until ``until`` (RFC 3339 in UTC); told here, once."""

    link: str
    until: datetime


class EndWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What ends besides the sessions."""

    tokens: bool = True
    passkeys: bool = False


def router() -> Router:
    """/api/users and below, for administrators; /api/sessions for managers."""
    changes: dict[str, Any] = {"opt": {"exclude_from_csrf": True}, "guards": [same_origin]}

    @get("/", summary="Who can sign in, and by what", operation_id="users", responses=POLLED)
    async def listed(request: Request[Any, Any, Any], limit: Limit = 100, cursor: Cursor = None) -> Response[Users]:
        part, more = piece(_users(request), cursor, limit, key=lambda one: one.id)
        return await polled(request, Users(part, more), look=None)

    @get("/{carer:str}", summary="Somebody's sessions, tokens, passkeys and links", operation_id="user")
    async def one(request: Request[Any, Any, Any], carer: FromPath[str]) -> UserDetail:
        console = console_of(request)
        db, now = console.db(), console.deps.clock.now()
        return UserDetail(
            user=_user(request, carer),
            sessions=signed_in.sessions_of(db, carer, now),
            tokens=tokens.tokens_of(db, carer, now),
            passkeys=passkeys.passkeys_of(db, carer),
            identities=oidc_identities.identities_of(db, carer),
            browsers=told_browsers(db, carer),
            password_link=password_links.link_of(db, carer, now),
        )

    @post(
        "/{carer:str}/password-link", status_code=201, summary="Make a link to set a password; it is shown once",
        operation_id="makePasswordLink", **changes,
    )  # fmt: skip
    @once
    async def link(request: Request[Any, Any, Any], carer: FromPath[str]) -> Response[PasswordLink]:
        console, visitor = console_of(request), required_visitor(request)
        if carer not in console.deps.index().carers:
            raise NotFoundException
        token = await console.deps.writer.write(lambda tx: password_links.make(tx, carer, by=visitor.id), urgent=True)
        base = console.deps.base_url.rstrip("/") or str(request.base_url).rstrip("/")
        until = console.deps.clock.now() + password_links.LASTS
        return Response(PasswordLink(f"{base}/set-password/{token}", until), status_code=201)

    @post(
        "/{carer:str}/end", status_code=200, summary="Sign somebody out everywhere", operation_id="endAccess",
        **changes,
    )  # fmt: skip
    @once
    async def end(request: Request[Any, Any, Any], carer: FromPath[str], data: JSONBody[EndWanted]) -> Ended:
        _user(request, carer)
        visitor = required_visitor(request)
        return await console_of(request).deps.writer.write(
            lambda tx: access.end(tx, carer, by=visitor.id, tokens=data.tokens, passkeys=data.passkeys), urgent=True
        )

    @delete(
        "/{carer:str}", status_code=200, summary="Take away what is left of somebody who is gone",
        operation_id="removeUser", **changes,
    )  # fmt: skip
    async def remove(request: Request[Any, Any, Any], carer: FromPath[str]) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        if _user(request, carer).role is not None:
            return problem(409, "This person is still of the house: take them out of the centre first.")
        ended = await console.deps.writer.write(lambda tx: access.remove(tx, carer, by=visitor.id), urgent=True)
        return Response(ended)

    @delete("/{carer:str}/sessions/{session:str}", summary="End somebody's session", operation_id="endUserSession",
            **changes)  # fmt: skip
    async def end_one(request: Request[Any, Any, Any], carer: FromPath[str], session: FromPath[str]) -> None:
        await _done(request, lambda tx, by: signed_in.end(tx, session, by=by, carer=carer))

    @delete("/{carer:str}/tokens/{number:int}", summary="Revoke somebody's token", operation_id="revokeUserToken",
            **changes)  # fmt: skip
    async def revoke(request: Request[Any, Any, Any], carer: FromPath[str], number: FromPath[int]) -> None:
        await _done(request, lambda tx, by: tokens.revoke(tx, number, by=by, carer=carer))

    @delete("/{carer:str}/passkeys/{passkey:str}", summary="Remove somebody's passkey",
            operation_id="removeUserPasskey", **changes)  # fmt: skip
    async def remove_key(request: Request[Any, Any, Any], carer: FromPath[str], passkey: FromPath[str]) -> None:
        await _done(request, lambda tx, by: passkeys.remove(tx, carer, passkey, by=by))

    @delete("/{carer:str}/identities/{number:int}", summary="Remove somebody's link to an account of a provider",
            operation_id="unlinkUserIdentity", **changes)  # fmt: skip
    async def unlink(request: Request[Any, Any, Any], carer: FromPath[str], number: FromPath[int]) -> None:
        await _done(request, lambda tx, by: oidc_identities.unlink(tx, number, by=by, carer=carer))

    @delete("/{carer:str}/browsers/{number:int}", summary="No more messages to a browser of somebody",
            operation_id="endUserBrowser", **changes)  # fmt: skip
    async def no_messages(request: Request[Any, Any, Any], carer: FromPath[str], number: FromPath[int]) -> None:
        await _done(request, lambda tx, by: end_browser(tx, number, by=by, carer=carer))

    @delete("/{carer:str}/password-link", summary="End the link with which somebody could set a password",
            operation_id="endPasswordLink", **changes)  # fmt: skip
    async def end_link(request: Request[Any, Any, Any], carer: FromPath[str]) -> None:
        await _done(request, lambda tx, by: password_links.end(tx, carer, by=by))

    handlers = [listed, one, link, end, remove, end_one, revoke, remove_key, unlink, no_messages, end_link]
    users = Router("/users", route_handlers=handlers, guards=[at_least("admin"), a_person])
    return Router("/api", route_handlers=[users, *_sessions()], tags=["users"])


def _sessions() -> list[Any]:
    manager = [at_least("manager"), a_person]

    @get("/sessions", summary="Who is signed in where", operation_id="sessions", responses=POLLED, guards=manager)
    async def everybody(
        request: Request[Any, Any, Any], limit: Limit = 100, cursor: Cursor = None
    ) -> Response[Sessions]:
        console, here = console_of(request), this_session(request)
        found = signed_in.sessions_of(console.db(), None, console.deps.clock.now())
        part, more = piece(found, cursor, limit, key=lambda one: one.id)
        return await polled(
            request, Sessions([SessionView(session=one, here=one.id == here) for one in part], more), look=None
        )

    @delete(
        "/sessions/{session:str}", summary="End anybody's session; an administrator's only as one",
        operation_id="endAnySession", guards=[*manager, same_origin], opt={"exclude_from_csrf": True},
    )  # fmt: skip
    async def end(request: Request[Any, Any, Any], session: FromPath[str]) -> None:
        await end_session(console_of(request), required_visitor(request), session)

    return [everybody, end]


def _users(request: Request[Any, Any, Any]) -> list[UserView]:
    console = console_of(request)
    held, carers = access.held(console.db(), console.deps.clock.now()), console.deps.index().carers
    here = [
        UserView(id=one.id, name=one.name, role=one.role, has=held.get(one.id, Held()))
        for one in sorted(carers.values(), key=lambda carer: (carer.name.casefold(), carer.id))
    ]
    gone = [UserView(id=one, name=one, role=None, has=held[one]) for one in sorted(set(held) - set(carers))]
    return here + gone


def _user(request: Request[Any, Any, Any], carer: str) -> UserView:
    found = next((one for one in _users(request) if one.id == carer), None)
    if found is None:
        raise NotFoundException
    return found


async def _done(request: Request[Any, Any, Any], work: Any) -> None:
    by = required_visitor(request).id
    if not await console_of(request).deps.writer.write(lambda tx: bool(work(tx, by)), urgent=True):
        raise NotFoundException
