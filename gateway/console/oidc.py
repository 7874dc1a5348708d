"""Signing in by the house's provider, and linking its account at "My account". Plain links, no script.

What a sign-in needs to go on with (state, nonce, PKCE verifier) waits in a signed cookie: so the answer only counts in
the browser that asked, a restart loses nobody, and nobody's many tries push out another's. Each counts once.

A link is made in two steps: the provider answers to an address that any page can open, so what is to be linked is
shown, and only the form of that page links it.
"""

import secrets
from collections import OrderedDict
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
import structlog
from itsdangerous import BadSignature, URLSafeSerializer
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect

from gateway.clock import from_ms, to_ms
from gateway.console import oidc_identities as identities
from gateway.console.deps import ConsoleDeps, console_of
from gateway.console.guards import BY_CLAIM, Visitor, at_least, required_visitor, visitor_of
from gateway.console.known import knows
from gateway.console.oidc_provider import Account, Provider
from gateway.console.oidc_words import SERIOUS, Why
from gateway.console.ops import Counters
from gateway.console.pages import page, tongue_for
from gateway.console.proofs import by_identity
from gateway.console.routing import Router
from gateway.console.signin import inside, session_data
from gateway.errors import IdentityError, ProviderError
from gateway.store.audit import record
from gateway.store.writer import Tx

_LOG = structlog.get_logger(__name__)

LASTS: Final = timedelta(minutes=10)
"""Time for a slow second factor at the provider."""

MOST_USED: Final = 2000
"""Answers that are remembered, so that each counts once. A bound on memory; the provider refuses used codes too."""

CALLBACK: Final = "/sign-in/oidc/callback"

T = TypeVar("T")
Sent = URLEncodedBody[dict[str, str]]


class _Begun(msgspec.Struct, frozen=True, array_like=True):
    """A sign-in on its way, as the browser's cookie keeps it."""

    state: str
    nonce: str
    verifier: str
    next: str
    carer: str | None
    """Who links an account; None: somebody signs in."""
    at: int


class _Wanted(msgspec.Struct, frozen=True, array_like=True):
    """An account that is to be linked when its carer says so, as the form keeps it."""

    carer: str
    issuer: str
    subject: str
    shown: str
    at: int


class OidcPages:
    """The routes, with the provider behind them."""

    def __init__(self, deps: ConsoleDeps, counters: Counters) -> None:
        self._deps = deps
        self._counters = counters
        self._maybe = Provider(deps.oidc, deps.clock) if deps.oidc else None
        self._begun = URLSafeSerializer(deps.secret, salt="telecare.oidc.begun.v1")
        self._wanted = URLSafeSerializer(deps.secret, salt="telecare.oidc.wanted.v1")
        self._cookie = "__Host-telecare_oidc" if deps.secure_cookies else "telecare_oidc"
        self._used: OrderedDict[str, None] = OrderedDict()

    def router(self) -> Router:
        """GET /sign-in/oidc and its callback, GET and POST /account/identities and below. Without a provider 404."""
        mine, admin = at_least("relative"), at_least("admin")

        @get("/sign-in/oidc")
        async def begin(request: Request[Any, Any, Any], next: FromQuery[str] = "/") -> Redirect:  # noqa: A002
            if visitor_of(request):
                return Redirect(inside(next), status_code=303)
            return await self._begin(request, inside(next), None)

        @get("/account/identities/link", guards=[mine])
        async def begin_link(request: Request[Any, Any, Any]) -> Redirect:
            return await self._begin(request, "/account", required_visitor(request).id)

        @get(CALLBACK)
        async def back(request: Request[Any, Any, Any]) -> Response[Any]:
            _ = self._provider  # without one there is no such page
            begun = self._take(request)
            if begun is None:
                visitor, error = visitor_of(request), ProviderError(Why.STALE, "not begun here, too old, or used")
                return self._failed(error, visitor.id if visitor else None, "/")
            response = await self._finish(request, begun)
            response.set_cookie(self._made_cookie("", timedelta(0)))
            return response

        @post("/account/identities", status_code=303, guards=[mine])
        async def link(request: Request[Any, Any, Any], data: Sent) -> Redirect:
            return await self._link(request, required_visitor(request), data.get("account", ""))

        @post("/account/identities/{number:int}/unlink", status_code=303, guards=[mine])
        async def unlink(request: Request[Any, Any, Any], number: FromPath[int]) -> Redirect:
            done = await take_away(request, number, whose=required_visitor(request).id)
            return Redirect("/account?did=ended" if done else "/account?oidc=only", status_code=303)

        @post("/admin/users/identities/{number:int}/unlink", status_code=303, guards=[admin])
        async def unlink_other(request: Request[Any, Any, Any], number: FromPath[int]) -> Redirect:
            await take_away(request, number, whose=None)
            return Redirect("/admin/users", status_code=303)

        return Router(
            "/", route_handlers=[begin, begin_link, back, link, unlink, unlink_other], include_in_schema=False
        )

    @property
    def _provider(self) -> Provider:
        if self._maybe is None:
            raise NotFoundException
        return self._maybe

    async def _begin(self, request: Request[Any, Any, Any], after: str, carer: str | None) -> Redirect:
        begun = _Begun(
            secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), after, carer,
            to_ms(self._deps.clock.now()),
        )  # fmt: skip
        try:
            url = await self._provider.address(
                redirect_uri=self._callback(request), state=begun.state, nonce=begun.nonce, verifier=begun.verifier
            )
        except ProviderError as error:
            return self._failed(error, carer, after)
        response = Redirect(url, status_code=303)
        response.set_cookie(self._made_cookie(str(self._begun.dumps(msgspec.to_builtins(begun))), LASTS))
        return response

    async def _finish(self, request: Request[Any, Any, Any], begun: _Begun) -> Response[Any]:
        said, provider = request.query_params, self._provider
        try:
            await provider.check_sender(said.get("iss"))
            account = await provider.account_of(
                _code(said.get("code"), said.get("error")),
                redirect_uri=self._callback(request),
                nonce=begun.nonce,
                verifier=begun.verifier,
            )
            if begun.carer is None:
                return await self._sign_in(request, account, begun.next)
        except ProviderError as error:
            return self._failed(error, begun.carer, begun.next)
        return self._ask(request, account, begun.carer)

    def _take(self, request: Request[Any, Any, Any]) -> _Begun | None:
        """What this browser began and this answer belongs to, once; None: nothing, or too long ago."""
        begun = _read(self._begun, request.cookies.get(self._cookie, ""), _Begun)
        state = request.query_params.get("state", "")
        if begun is None or not secrets.compare_digest(begun.state.encode(), state.encode()):
            return None
        if state in self._used or not _is_young(begun.at, self._deps.clock.now()):
            return None
        self._used[state] = None
        if len(self._used) > MOST_USED:
            self._used.popitem(last=False)
        return begun

    async def _sign_in(self, request: Request[Any, Any, Any], account: Account, after: str) -> Response[Any]:
        found = await self._deps.writer.write(partial(self._enter, request=request, account=account), urgent=True)
        if isinstance(found, Why):
            raise ProviderError(found, "nobody may sign in with this account")
        self._counters.signed_in("accepted")
        carer, by_claim = found
        data = session_data(request, carer, by_identity(account.issuer, account.subject))
        request.set_session({**data, BY_CLAIM: True} if by_claim else data)
        response = Redirect(after, status_code=303)
        response.set_cookie(knows(request, self._deps, carer))
        return response

    def _enter(self, tx: Tx, request: Request[Any, Any, Any], account: Account) -> tuple[str, bool] | Why:
        """Whose session begins, and whether a claim made the link; who is refused is written down, like passwords."""
        carers, claim = self._deps.index().carers, self._provider.settings.claim
        address = request.client.host if request.client else "unknown"
        detail = {"address": address, "with": "oidc"}
        carer = identities.carer_of(tx.db, account.issuer, account.subject)
        if carer is None:
            meant = identities.meant_by(account.claims, claim, carers.values())
            if meant is None:
                return Why.NOBODY
            try:
                identities.link(tx, meant.id, account.issuer, account.subject, shown=account.shown, by=f"claim:{claim}")
            except IdentityError:  # the carer has another account, or one was taken away: that is not for us to guess
                return Why.NOBODY
            carer = meant.id
        how = identities.how_linked(tx.db, account.issuer, account.subject)
        if carer not in carers or not identities.opens(how, carers[carer].role):
            record(tx, who=carer, action="session.refused", target=f"carer/{carer}", detail=detail)
            return Why.BY_HAND if carer in carers else Why.GONE
        identities.used(tx, account.issuer, account.subject)
        record(tx, who=carer, action="session.begin", target=f"carer/{carer}", detail=detail)
        return carer, identities.by_claim(how)

    def _ask(self, request: Request[Any, Any, Any], account: Account, carer: str) -> Response[Any]:
        visitor = visitor_of(request)
        if visitor is None or visitor.id != carer:
            return self._failed(ProviderError(Why.STALE, "signed out meanwhile"), None, "/account")
        wanted = _Wanted(carer, account.issuer, account.subject, account.shown, to_ms(self._deps.clock.now()))
        return page(
            request,
            "oidc_link.html",
            tongue_for(request, visitor),
            visitor=visitor,
            provider=self._provider.settings.name,
            account=account.shown or account.subject,
            signed=str(self._wanted.dumps(msgspec.to_builtins(wanted))),
        )

    async def _link(self, request: Request[Any, Any, Any], visitor: Visitor, signed: str) -> Redirect:
        wanted, issuer = _read(self._wanted, signed, _Wanted), self._provider.settings.issuer
        if (
            wanted is None or wanted.carer != visitor.id or wanted.issuer != issuer
            or not _is_young(wanted.at, self._deps.clock.now())
        ):  # fmt: skip
            return Redirect(f"/account?oidc={Why.STALE}", status_code=303)
        try:
            await self._deps.writer.write(
                lambda tx: identities.link(
                    tx, visitor.id, wanted.issuer, wanted.subject, shown=wanted.shown, by=visitor.id
                ),
                urgent=True,
            )
        except IdentityError:
            return Redirect(f"/account?oidc={Why.TAKEN}", status_code=303)
        return Redirect("/account?did=linked", status_code=303)

    def _failed(self, error: ProviderError, carer: str | None, after: str) -> Redirect:
        """Back to where people choose another way; what was in the address of the answer is gone from the browser."""
        if error.why in SERIOUS:
            _LOG.warning("oidc.failed", why=str(error.why), detail=error.detail)
        if carer is not None:
            return Redirect(f"/account?oidc={error.why}", status_code=303)
        self._counters.signed_in("refused")
        return Redirect("/sign-in?" + urlencode({"oidc": str(error.why), "next": after}), status_code=303)

    def _callback(self, request: Request[Any, Any, Any]) -> str:
        return (self._deps.base_url or str(request.base_url)).rstrip("/") + CALLBACK

    def _made_cookie(self, value: str, lasts: timedelta) -> Cookie:
        # lax, not strict: the provider's page leads the browser back to us
        return Cookie(
            key=self._cookie, value=value, max_age=int(lasts.total_seconds()), path="/",
            secure=self._deps.secure_cookies, httponly=True, samesite="lax",
        )  # fmt: skip


async def take_away(request: Request[Any, Any, Any], number: int, *, whose: str | None) -> bool:
    """Take a link away: one's own (``whose``), or, for administrators, anybody's (None).

    Returns:
        False: it is the only way in which its own carer can sign in, so it stays.

    Raises:
        NotFoundException: there is none, or it is not that carer's.
    """
    visitor, writer = required_visitor(request), console_of(request).deps.writer

    def work(tx: Tx) -> bool | None:
        if whose is not None and identities.is_only_way(tx.db, whose):
            return False
        return identities.unlink(tx, number, by=visitor.id, carer=whose) or None

    done = await writer.write(work, urgent=True)
    if done is None:
        raise NotFoundException
    return done


def _code(code: str | None, error: str | None) -> str:
    """The code of the provider's answer (RFC 6749, 4.1.2).

    Raises:
        ProviderError: it is an error instead.
    """
    if error is not None:
        raise ProviderError(Why.DENIED if error == "access_denied" else Why.REFUSED, f"error {error[:60]!r}")
    if not code:
        raise ProviderError(Why.REFUSED, "no code")
    return code


def _read(serializer: URLSafeSerializer, text: str, kind: type[T]) -> T | None:
    """What we signed; None: something else."""
    try:
        return msgspec.convert(serializer.loads(text), kind)
    except (BadSignature, msgspec.ValidationError):
        return None


def _is_young(at: int, now: datetime) -> bool:
    return timedelta(0) <= now - from_ms(at) < LASTS
