"""My account: the own password, where one is signed in, and tokens for programs. Managers see everybody's sessions."""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from gateway.console import oidc_account, signed_in, tokens
from gateway.console.accounts import MIN_LENGTH, password_hash_of
from gateway.console.deps import Console, console_of
from gateway.console.guards import ROLES, Visitor, at_least, required_visitor
from gateway.console.looks_page import NAMES
from gateway.console.own_account import ONLY_PASSKEY, Refused, change_password, choose_language, this_session
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.passkeys import Passkey, passkeys_of
from gateway.console.routing import Router
from gateway.console.tokens import Scope, Token
from gateway.errors import TokenError
from gateway.store.access import Ended
from gateway.store.told_browsers import ToldBrowser, end_browser, told_browsers
from gateway.words import LANGUAGES, N_

Sent = URLEncodedBody[dict[str, str]]

NOT_ALIKE: Final = N_("The two passwords differ.")
CHANGED: Final = N_("Your password is changed. You are signed out everywhere else.")
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

    @get("/account")
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        asked = request.query_params
        return account_page(
            request, said=DID.get(asked.get("did", "")),
            wrong=ONLY_PASSKEY if asked.get("kept") == "passkey" else oidc_account.wrong(asked.get("oidc")),
            name=oidc_account.name_of(request),
        )  # fmt: skip

    @post("/account/password", status_code=200)
    async def change(request: Request[Any, Any, Any], data: Sent) -> Response[Any]:
        if data.get("password", "") != data.get("again", ""):
            return account_page(request, wrong=NOT_ALIKE, status=422)
        revoke_too = "tokens" in data
        done = await change_password(request, data.get("old", ""), data.get("password", ""), tokens=revoke_too)
        if isinstance(done, Refused):
            return account_page(request, wrong=done.text, status=done.status, **done.values)
        return account_page(request, told=_changed(request, done))

    @post("/account/language")
    async def language(request: Request[Any, Any, Any], data: Sent) -> Response[Any]:
        wanted = data.get("language", "")
        if wanted not in LANGUAGES:
            return account_page(request, status=422)
        await choose_language(request, wanted)
        return Redirect("/account", status_code=303)

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

    @post("/account/browsers/{number:int}/end")
    async def no_messages(request: Request[Any, Any, Any], number: FromPath[int]) -> Redirect:
        await end_own_browser(console_of(request), required_visitor(request), number)
        return Redirect("/account?did=ended", status_code=303)

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
        route_handlers=[show, change, language, others, end, no_messages, everybody, make, revoke],
        guards=[at_least("relative")],
        include_in_schema=False,
    )


async def end_own_browser(console: Console, visitor: Visitor, number: int) -> None:
    """No more messages to a browser of the visitor's own.

    Raises:
        NotFoundException: they have no such one.
    """
    if not await console.deps.writer.write(
        lambda tx: end_browser(tx, number, by=visitor.id, carer=visitor.id), urgent=True
    ):
        raise NotFoundException


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
    done = await console.deps.writer.write(
        lambda tx: tokens.revoke(tx, number, by=visitor.id, carer=whose), urgent=True
    )
    if not done:
        raise NotFoundException


def account_page(
    request: Request[Any, Any, Any],
    *,
    wrong: str | None = None,
    said: str | None = None,
    told: str | None = None,
    made: str | None = None,
    status: int = 200,
    **values: object,
) -> Response[str]:
    """The page, with what came of a form: ``wrong`` and ``said`` are msgids, ``told`` a text, ``made`` a new token."""
    visitor, console = required_visitor(request), console_of(request)
    tongue, db = tongue_for(request, visitor), console.db()
    return page(
        request,
        "account.html",
        tongue,
        status=status,
        visitor=visitor,
        wrong=tongue(wrong, **values) if wrong else None,
        said=tongue(said) if said else told,
        languages=[(code, NAMES[code]) for code in LANGUAGES],
        passkeys=[_passkey_line(one, tongue) for one in passkeys_of(db, visitor.id)],
        made=made,
        least=MIN_LENGTH,
        scopes=[(str(scope), tongue(text)) for scope, text in SCOPES.items()],
        lines=[_line(request, one, tongue, visitor) for one in signed_in.sessions_of(db, visitor.id, tongue.now)],
        tokens=[_token_line(one, tongue) for one in tokens.tokens_of(db, visitor.id, tongue.now)],
        browsers=browser_lines(told_browsers(db, visitor.id), tongue),
        has_password=password_hash_of(db, visitor.id) is not None,
        oidc=oidc_account.part(request, visitor.id, tongue),
        manages=ROLES.index(visitor.carer.role) >= ROLES.index("manager"),
    )


def _changed(request: Request[Any, Any, Any], ended: Ended) -> str:
    """What a new password did, and what it did not touch."""
    visitor, db = required_visitor(request), console_of(request).db()
    tongue = tongue_for(request, visitor)
    said = [tongue(CHANGED)]
    if ended.tokens:
        said.append(
            tongue.many("{n} token for programs is revoked.", "{n} tokens for programs are revoked.", ended.tokens)
        )
    elif tokens.tokens_of(db, visitor.id, tongue.now):
        said.append(tongue(N_("Your tokens for programs stay.")))
    if passkeys_of(db, visitor.id):
        said.append(tongue(N_("Your passkeys stay: remove those that you don’t know.")))
    return " ".join(said)


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


def browser_lines(found: list[ToldBrowser], tongue: Tongue) -> list[dict[str, object]]:
    """Browsers that are told, as both pages list them."""
    return [
        {"id": one.id, "name": one.service, "text": tongue("since {time}", time=tongue.at(one.since))} for one in found
    ]


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
