"""Signing in and out: password, slow-down, and the mark of a browser that signed in before."""

import asyncio
import secrets
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect

from gateway.clock import to_ms
from gateway.console.accounts import MAX_LENGTH, Check, check, password_hash_of
from gateway.console.deps import ConsoleDeps, console_of
from gateway.console.guards import visitor_of
from gateway.console.known import known_browser, knows
from gateway.console.oidc_words import AT_SIGN_IN, why_of
from gateway.console.ops import Counters
from gateway.console.pages import page, tongue_for
from gateway.console.places import place_of
from gateway.console.proofs import PROOF, by_password, holds
from gateway.console.routing import Router
from gateway.console.signed_in import browser_family
from gateway.console.throttle import EVERYBODY, FREE_OF_ADDRESS, LONGEST_WAIT_S, Lane, Throttle
from gateway.console.turns import LASTS, TICKET_COOKIE, Turns
from gateway.store.audit import record
from gateway.store.writer import Tx
from gateway.words import N_

Form = URLEncodedBody[dict[str, str]]

WRONG = N_("Name or password is wrong. Please try again.")
"""One text for both: it does not tell which names exist."""

WAIT = N_("Too many wrong tries. Please wait {seconds} seconds, and try again.")

ENDED = N_("You are signed out. Your messages do not come to this phone any more.")
"""The service worker ends them with the session (static/sw.js)."""

BUSY = N_("Many people are signing in at the moment. Please try again in {seconds} seconds.")

HASHES_AT_ONCE = 1
"""In each of the two lanes: of browsers that signed in before, and of all others. Each takes 64 MiB and a core for some
50 ms: a crowd waits, instead of starving the alarms."""

WAITING = 16
"""Tries that wait in a lane: a second or two. One more is told to come back."""

BACK_IN_S = 3


class SignIn:
    """The routes, with what they remember."""

    def __init__(self, deps: ConsoleDeps, counters: Counters) -> None:
        self._deps = deps
        self._throttle = Throttle(deps.clock)
        self._turns = Turns(deps.clock, deps.secret)
        self._addresses = Throttle(deps.clock, FREE_OF_ADDRESS)
        self._known_lane, self._lane = Lane(HASHES_AT_ONCE, WAITING), Lane(HASHES_AT_ONCE, WAITING)
        self._counters = counters

    def router(self) -> Router:
        """GET and POST /sign-in, POST /sign-out."""

        @get("/sign-in")
        async def show(request: Request[Any, Any, Any], next: FromQuery[str] = "/") -> Response[Any]:  # noqa: A002
            if visitor_of(request) and "again" not in request.query_params:
                return Redirect(inside(next), status_code=303)
            why = why_of(request.query_params.get("oidc"), AT_SIGN_IN)
            notice = ENDED if request.query_params.get("messages") == "ended" else None
            return self._page(request, 200, notice=AT_SIGN_IN[why] if why else notice, next=inside(next))

        @post("/sign-in", status_code=303)
        async def try_password(request: Request[Any, Any, Any], data: Form) -> Response[Any]:
            return await self._try(request, data)

        @post("/sign-out", status_code=303)
        async def leave(request: Request[Any, Any, Any]) -> Redirect:
            visitor = visitor_of(request)
            if visitor:
                await self._deps.writer.write(
                    lambda tx: record(tx, who=visitor.id, action="session.end", target=f"carer/{visitor.id}")
                )
            request.clear_session()
            return Redirect("/sign-in", status_code=303)

        return Router("/", route_handlers=[show, try_password, leave], include_in_schema=False)

    async def _try(self, request: Request[Any, Any, Any], data: dict[str, str]) -> Response[Any]:
        carer_id, password, after = data.get("carer", "").strip(), data.get("password", ""), inside(data.get("next"))
        if not carer_id or len(carer_id) > 64 or not password or len(password) > MAX_LENGTH:
            return self._page(request, 400, notice=WRONG, next=after)
        known = known_browser(request, self._deps, carer_id)
        address = f"address/{place_of(request)}"
        place = known or address
        wait_s = self._throttle.wait_s(carer_id, place)
        if known is None:
            wait_s = max(wait_s, self._addresses.wait_s(EVERYBODY, address))
        lane = self._lane if known is None else self._known_lane
        ticket = ""
        if wait_s > 0 and not lane.full:
            wait_s, ticket = self._turn(request, carer_id, place, wait_s)
        if wait_s > 0 or lane.full:
            self._counters.signed_in("throttled")
            seconds = int(wait_s) + 1 if wait_s > 0 else BACK_IN_S
            notice = WAIT if wait_s > 0 else BUSY
            refused = self._page(request, 429, notice=notice, next=after, carer=carer_id, seconds=seconds)
            if ticket:
                refused.set_cookie(self._ticket_cookie(ticket))
            return refused
        self._throttle.begin(carer_id, place)
        if known is None:
            self._addresses.begin(EVERYBODY, address)
        stored = password_hash_of(console_of(request).db(), carer_id)
        async with lane:
            outcome = await asyncio.to_thread(check, stored, password)
        carer = self._deps.index().carers.get(carer_id)
        if outcome is not Check.RIGHT or carer is None:
            self._counters.signed_in("refused")
            # Only for accounts that exist: or else anybody could fill the audit with made-up names.
            if stored is not None:
                await self._audit(request, carer_id, "session.refused")
            return self._page(request, 401, notice=WRONG, next=after, carer=carer_id)
        proof = by_password(stored or "")
        if not await self._audit(request, carer_id, "session.begin", proof):
            self._counters.signed_in("refused")
            await self._audit(request, carer_id, "session.refused")
            return self._page(request, 401, notice=WRONG, next=after, carer=carer_id)
        self._throttle.right(carer_id, place)
        if known is None:
            self._addresses.take_back(EVERYBODY, address)
        self._counters.signed_in("accepted")
        request.set_session(session_data(request, carer_id, proof))
        response = Redirect(after, status_code=303)
        response.set_cookie(knows(request, self._deps, carer_id))
        return response

    async def _audit(
        self, request: Request[Any, Any, Any], carer_id: str, action: str, proof: list[str] | None = None
    ) -> bool:
        """Write it down; False, and nothing written: the proof does not hold any more."""
        address = request.client.host if request.client else "unknown"

        def work(tx: Tx) -> bool:
            if proof is not None and not holds(tx.db, carer_id, proof):
                return False
            record(tx, who=carer_id, action=action, target=f"carer/{carer_id}", detail={"address": address})
            return True

        return await self._deps.writer.write(work)

    def _turn(self, request: Request[Any, Any, Any], carer_id: str, place: str, wait_s: float) -> tuple[float, str]:
        """How long this browser waits, with its ticket; 0: it is its turn, which is taken."""
        ticket = request.cookies.get(TICKET_COOKIE, "")
        left_s = self._turns.left_s(ticket, carer_id, place, LONGEST_WAIT_S)
        if left_s is None:
            return wait_s, self._turns.ticket(carer_id, place, wait_s)
        if left_s > 0:
            return min(wait_s, left_s), ticket
        return (0.0 if self._turns.take(ticket, carer_id, place) else wait_s), ticket

    def _ticket_cookie(self, ticket: str) -> Cookie:
        return Cookie(
            key=TICKET_COOKIE, value=ticket, max_age=int(LASTS.total_seconds()), path="/sign-in",
            secure=self._deps.secure_cookies, httponly=True, samesite="strict",
        )  # fmt: skip

    def _page(
        self,
        request: Request[Any, Any, Any],
        status: int,
        *,
        next: str,  # noqa: A002 - the word of the form
        notice: str | None = None,
        carer: str = "",
        seconds: int | None = None,
    ) -> Response[str]:
        tongue = tongue_for(request)
        provider = self._deps.oidc.name if self._deps.oidc else None
        text = None if notice is None else tongue(notice, seconds=seconds, name=provider or "OpenID Connect")
        headers = {"Retry-After": str(seconds)} if seconds else None
        return page(
            request, "sign_in.html", tongue, status=status, headers=headers, notice=text, next=next, carer=carer,
            provider=provider,
        )  # fmt: skip


def session_data(request: Request[Any, Any, Any], carer: str, proof: list[str]) -> dict[str, Any]:
    """What a session keeps: who, and for the list of sessions since when, in which browser, from where.

    ``proof`` (gateway.console.proofs) is not kept: the session begins only if it still holds then.
    """
    return {
        PROOF: proof,
        "carer": carer,
        # The mark makes two sessions of one carer differ, so that each sign-in gets an id of its own.
        "mark": secrets.token_hex(8),
        "since": to_ms(console_of(request).deps.clock.now()),
        "browser": browser_family(request.headers.get("user-agent", "")),
        "address": request.client.host if request.client else "",
    }


def inside(target: str | None) -> str:
    """A path of ours; anything else, such as //evil.example, is the board."""
    if not target or not target.startswith("/") or target[1:2] in {"/", "\\"} or not target.isprintable():
        return "/"
    return target
