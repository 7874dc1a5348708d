"""My account: the own password, where one is signed in, and tokens for programs. Managers see everybody's sessions."""

import asyncio
from typing import Any, Final

from litestar import Request, Response, Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gateway.console import oidc_account, signed_in, tokens
from gateway.console.accounts import MAX_LENGTH, MIN_LENGTH, Check, check, hash_password, password_hash_of, store_hash
from gateway.console.deps import Console, console_of
from gateway.console.guards import ROLES, Visitor, at_least, required_visitor
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.passkeys import Passkey, passkeys_of
from gateway.console.sessions import digest
from gateway.console.throttle import Throttle
from gateway.console.tokens import Scope, Token
from gateway.errors import TokenError
from gateway.words import N_

Sent = URLEncodedBody[dict[str, str]]

WRONG_OLD: Final = N_("Your old password is wrong. Nothing was changed.")
NOT_ALIKE: Final = N_("The two passwords differ.")
WRONG_LENGTH: Final = N_("At least {n} characters are asked for, and 200 at most.")
CHANGED: Final = N_("Your password is changed. You are signed out everywhere else.")
WAIT: Final = N_("Too many wrong tries. Please wait {seconds} seconds, and try again.")
BAD_TOKEN: Final = N_("Please say what the token is for, choose what it may, and for how many days (1 to 365).")
SCOPES: Final = {
    Scope.READ: N_("Read what you may read"),
    Scope.ANSWER: N_("Answer alerts in your name"),
    Scope.WRITE: N_("Change what you may change"),
}
DID: Final = {
    "ended": N_("It is ended."),
    "passkey": N_("Your passkey is kept. You can sign in with it from now on."),
    "linked": oidc_account.LINKED,
}


def router() -> Router:
    """/account and below, for everybody who is signed in; /account/sessions/all for managers."""
    throttles: dict[int, Throttle] = {}

    def throttle_of(console: Console) -> Throttle:
        return throttles.setdefault(id(console), Throttle(console.deps.clock))

    @get("/account")
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        asked = request.query_params
        return account_page(
            request, said=DID.get(asked.get("did", "")), wrong=oidc_account.wrong(asked.get("oidc")),
            name=oidc_account.name_of(request),
        )  # fmt: skip

    @post("/account/password", status_code=200)
    async def change(request: Request[Any, Any, Any], data: Sent) -> Response[Any]:
        visitor, console = required_visitor(request), console_of(request)
        old, new = data.get("old", ""), data.get("password", "")
        if not MIN_LENGTH <= len(new) <= MAX_LENGTH:
            return account_page(request, wrong=WRONG_LENGTH, status=422, n=MIN_LENGTH)
        if new != data.get("again", ""):
            return account_page(request, wrong=NOT_ALIKE, status=422)
        throttle, place = throttle_of(console), "account"
        if (wait_s := throttle.wait_s(visitor.id, place)) > 0:
            return account_page(request, wrong=WAIT, status=429, seconds=int(wait_s) + 1)
        throttle.begin(visitor.id, place)
        stored = password_hash_of(console.db(), visitor.id)
        if await asyncio.to_thread(check, stored, old[: MAX_LENGTH + 1]) is not Check.RIGHT:
            return account_page(request, wrong=WRONG_OLD, status=422)
        throttle.right(visitor.id, place)
        hashed = await asyncio.to_thread(hash_password, new)
        here = this_session(request)

        def work(tx: Any) -> None:
            mine = tx.db.execute("SELECT * FROM sessions WHERE id = ?", (here,)).fetchone()
            store_hash(tx, visitor.id, hashed, by=visitor.id)
            if mine is not None:  # whoever knows the old password stays signed in here
                tx.db.execute("INSERT INTO sessions (id, carer, data, expires_at) VALUES (?, ?, ?, ?)", tuple(mine))

        await console.deps.writer.write(work, urgent=True)
        return account_page(request, said=CHANGED)

    @post("/account/sessions/others/end")
    async def others(request: Request[Any, Any, Any]) -> Redirect:
        visitor, here = required_visitor(request), this_session(request)
        await console_of(request).deps.writer.write(
            lambda tx: signed_in.end_others(tx, visitor.id, here, by=visitor.id) and None, urgent=True
        )
        return Redirect("/account?did=ended", status_code=303)

    @post("/account/sessions/{session:str}/end")
    async def end(request: Request[Any, Any, Any], session: FromPath[str]) -> Redirect:
        visitor = required_visitor(request)
        await end_session(console_of(request), visitor, session)
        everybody = request.query_params.get("from") == "all"
        return Redirect("/account/sessions/all" if everybody else "/account?did=ended", status_code=303)

    @get("/account/sessions/all", guards=[at_least("manager")])
    async def everybody(request: Request[Any, Any, Any]) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        found = signed_in.sessions_of(console.db(), None, tongue.now)
        return page(
            request, "account_sessions.html", tongue, visitor=visitor, here=this_session(request),
            lines=[_line(request, one, tongue, visitor) for one in found], most=signed_in.MOST,
        )  # fmt: skip

    @post("/account/tokens", status_code=200)
    async def make(request: Request[Any, Any, Any], data: Sent) -> Response[str]:
        visitor = required_visitor(request)
        days = data.get("days", "")
        scopes = frozenset(scope for scope in Scope if data.get(scope))
        try:
            made = await console_of(request).deps.writer.write(
                lambda tx: tokens.make(
                    tx, visitor.id, name=data.get("name", ""), scopes=scopes, by=visitor.id,
                    days=int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,
                ),
                urgent=True,
            )  # fmt: skip
        except TokenError:
            return account_page(request, wrong=BAD_TOKEN, status=422)
        return account_page(request, made=made)

    @post("/account/tokens/{number:int}/revoke")
    async def revoke(request: Request[Any, Any, Any], number: FromPath[int]) -> Redirect:
        await revoke_token(console_of(request), required_visitor(request), number)
        return Redirect("/account?did=ended", status_code=303)

    return Router(
        "/",
        route_handlers=[show, change, others, end, everybody, make, revoke],
        guards=[at_least("relative")],
        include_in_schema=False,
    )


def this_session(request: Request[Any, Any, Any]) -> str:
    """The id, as listed, of the session that the request comes with; empty: a token's."""
    cookie = request.scope["state"].get("console_session", (None, False, {}))[0]
    return digest(cookie) if cookie else ""


def may_end(visitor: Visitor, other: str, index: Any) -> bool:
    """Whether a visitor may end that carer's sessions: their own; managers those of others, but not of administrators,
    so that nobody below can keep these out; whoever is gone is anybody's."""
    if other == visitor.id:
        return True
    carer = index.carers.get(other)
    mine = ROLES.index(visitor.carer.role)
    return mine >= ROLES.index("manager") and (carer is None or ROLES.index(carer.role) <= mine)


async def end_session(console: Console, visitor: Visitor, session: str) -> None:
    """End one.

    Raises:
        NotFoundException: there is none, or it is not the visitor's to end.
    """
    row = console.db().execute("SELECT carer FROM sessions WHERE id = ?", (session,)).fetchone()
    if row is None or not may_end(visitor, row["carer"], console.deps.index()):
        raise NotFoundException
    await console.deps.writer.write(lambda tx: signed_in.end(tx, session, by=visitor.id) and None, urgent=True)


async def revoke_token(console: Console, visitor: Visitor, number: int) -> None:
    """Revoke a token: one's own, or as an administrator anybody's.

    Raises:
        NotFoundException: there is none, or it is not the visitor's to revoke.
    """
    whose = None if visitor.carer.role == "admin" else visitor.id
    done = number < 2**63 and await console.deps.writer.write(
        lambda tx: tokens.revoke(tx, number, by=visitor.id, carer=whose), urgent=True
    )
    if not done:
        raise NotFoundException


def account_page(
    request: Request[Any, Any, Any],
    *,
    wrong: str | None = None,
    said: str | None = None,
    made: str | None = None,
    status: int = 200,
    **values: object,
) -> Response[str]:
    """The page, with what came of a form: ``wrong`` and ``said`` are msgids, ``made`` a new token."""
    visitor, console = required_visitor(request), console_of(request)
    tongue, db = tongue_for(request, visitor), console.db()
    return page(
        request,
        "account.html",
        tongue,
        status=status,
        visitor=visitor,
        wrong=tongue(wrong, **values) if wrong else None,
        said=tongue(said) if said else None,
        passkeys=[_passkey_line(one, tongue) for one in passkeys_of(db, visitor.id)],
        made=made,
        least=MIN_LENGTH,
        scopes=[(str(scope), tongue(text)) for scope, text in SCOPES.items()],
        lines=[_line(request, one, tongue, visitor) for one in signed_in.sessions_of(db, visitor.id, tongue.now)],
        tokens=[_token_line(one, tongue) for one in tokens.tokens_of(db, visitor.id, tongue.now)],
        has_password=password_hash_of(db, visitor.id) is not None,
        oidc=oidc_account.part(request, visitor.id, tongue),
        manages=ROLES.index(visitor.carer.role) >= ROLES.index("manager"),
    )


def _line(
    request: Request[Any, Any, Any], one: signed_in.Session, tongue: Tongue, visitor: Visitor
) -> dict[str, object]:
    index = console_of(request).deps.index()
    carer = index.carers.get(one.carer)
    return {
        "id": one.id,
        "here": one.id == this_session(request),
        "who": one.kiosk or (carer.name if carer else one.carer),
        "kiosk": one.kiosk is not None,
        "browser": one.browser or tongue("unknown browser"),
        "address": one.address,
        "since": tongue.at(one.since) if one.since else "",
        "used": tongue.at(one.used_at),
        "can_end": may_end(visitor, one.carer, index),
    }


def _passkey_line(one: Passkey, tongue: Tongue) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "since": tongue.at(one.made_at),
        "used": tongue.at(one.used_at) if one.used_at else "",
    }


def _token_line(one: Token, tongue: Tongue) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "may": ", ".join(tongue(SCOPES[scope]) for scope in one.scopes),
        "until": tongue.at(one.expires_at),
        "used": tongue.at(one.used_at) if one.used_at else "",
    }
