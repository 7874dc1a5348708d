"""The routes of passkeys: making one at "My account", and signing in with one."""

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect

from gateway.console import passkeys
from gateway.console.challenges import Challenges
from gateway.console.deps import ConsoleDeps, console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.known import knows
from gateway.console.ops import Counters
from gateway.console.own_account import give_up_passkey
from gateway.console.pages import tongue_for
from gateway.console.passkeys import Site
from gateway.console.problems import problem
from gateway.console.proofs import by_passkey
from gateway.console.routing import Router
from gateway.console.signin import inside, session_data
from gateway.errors import PasskeyError
from gateway.store.audit import record
from gateway.store.writer import Tx
from gateway.words import N_

NOT_HERE = N_("Passkeys need an https address. Please sign in with your password.")
FAILED = N_("That passkey did not work. Please try again, or use your password.")


class Made(msgspec.Struct, kw_only=True):
    """A new passkey as the browser gives it, and what its owner calls it."""

    credential: dict[str, Any]
    name: str


class Used(msgspec.Struct, kw_only=True):
    """What a browser signed, and the page to go to."""

    credential: dict[str, Any]
    next: str = "/"


class Gone(msgspec.Struct):
    """Where to go now: a path of ours."""

    to: str


class PasskeyPages:
    """The routes, with the challenges that wait."""

    def __init__(self, deps: ConsoleDeps, counters: Counters) -> None:
        self._deps = deps
        self._counters = counters
        self._challenges = Challenges(deps.clock, deps.secret, secure=deps.secure_cookies)

    def router(self) -> Router:
        """POST /account/passkeys and below, POST /sign-in/passkey and below."""
        by_script: dict[str, Any] = {"status_code": 200, "opt": {"exclude_from_csrf": True}}
        mine = at_least("relative")

        @post("/account/passkeys/options", guards=[mine, same_origin], **by_script)
        async def ask_new(request: Request[Any, Any, Any]) -> Response[Any]:
            visitor, console = required_visitor(request), console_of(request)
            site = passkeys.site_of(request, self._deps.base_url)
            if site is None:
                return self._not_here(request)
            house = self._deps.index().site.name
            challenge, options = passkeys.ask_to_register(console.db(), visitor.carer, site, house)
            return self._asked(challenge, options, visitor.id)

        @post("/account/passkeys", guards=[mine, same_origin], **by_script)
        async def keep(request: Request[Any, Any, Any], data: JSONBody[Made]) -> Response[Any]:
            visitor = required_visitor(request)
            site = self._site(request)
            challenge = self._challenges.take(request, visitor.id)
            await self._deps.writer.write(
                lambda tx: passkeys.register(tx, visitor.id, data.credential, challenge, site, data.name), urgent=True
            )
            return Response(Gone("/account?did=passkey"))

        @post("/account/passkeys/{passkey:str}/remove", status_code=303, guards=[mine])
        async def remove(request: Request[Any, Any, Any], passkey: FromPath[str]) -> Redirect:
            try:
                done = await give_up_passkey(request, passkey)
            except NotFoundException:
                done = True  # asked twice: it is gone
            return Redirect("/account?did=ended" if done else "/account?kept=passkey", status_code=303)

        @post("/sign-in/passkey/options", guards=[same_origin], **by_script)
        async def ask_known(request: Request[Any, Any, Any]) -> Response[Any]:
            site = passkeys.site_of(request, self._deps.base_url)
            if site is None:
                return self._not_here(request)
            challenge, options = passkeys.ask_to_sign_in(site)
            return self._asked(challenge, options, None)

        @post("/sign-in/passkey", guards=[same_origin], **by_script)
        async def enter(request: Request[Any, Any, Any], data: JSONBody[Used]) -> Response[Any]:
            site = self._site(request)
            challenge = self._challenges.take(request, None)

            def work(tx: Tx) -> str:
                carer = passkeys.sign_in(tx, data.credential, challenge, site)
                if carer not in self._deps.index().carers:
                    raise PasskeyError("Its owner is gone.")
                address = request.client.host if request.client else "unknown"
                detail = {"address": address, "with": "passkey"}
                record(tx, who=carer, action="session.begin", target=f"carer/{carer}", detail=detail)
                return carer

            carer = await self._deps.writer.write(work, urgent=True)
            self._counters.signed_in("accepted")
            request.set_session(session_data(request, carer, by_passkey(str(data.credential["id"]))))
            response = Response(Gone(inside(data.next)))
            response.set_cookie(knows(request, self._deps, carer))
            return response

        counters = self._counters

        # a function, not a method: Litestar copies its handlers deeply, and with a method the whole console
        def failed(request: Request[Any, Any, Any], _: PasskeyError) -> Response[Any]:
            counters.signed_in("refused")
            return problem(422, tongue_for(request)(FAILED))

        return Router(
            "/",
            route_handlers=[ask_new, keep, remove, ask_known, enter],
            include_in_schema=False,
            exception_handlers={PasskeyError: failed},
        )

    def _site(self, request: Request[Any, Any, Any]) -> Site:
        site = passkeys.site_of(request, self._deps.base_url)
        if site is None:
            raise PasskeyError("Passkeys need HTTPS.")
        return site

    def _asked(self, challenge: bytes, options: str, carer: str | None) -> Response[Any]:
        response = Response(options.encode(), media_type="application/json")
        response.set_cookie(self._challenges.cookie(challenge, carer))
        return response

    def _not_here(self, request: Request[Any, Any, Any]) -> Response[Any]:
        return problem(409, tongue_for(request)(NOT_HERE))
