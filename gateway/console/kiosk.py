"""Wall screens without a person: paired by a code that an administrator makes, and closed to all but the wall."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody, URLEncodedBody
from litestar.response import Redirect

from gateway.clock import to_ms
from gateway.console.account_api import a_person
from gateway.console.deps import ConsoleDeps, console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.once import once
from gateway.console.pages import page, tongue_for
from gateway.console.places import place_of
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.sessions import KIOSK
from gateway.console.signed_in import browser_family
from gateway.console.throttle import Throttle
from gateway.store.access import SCREEN
from gateway.store.audit import record
from gateway.store.writer import Tx
from gateway.words import N_

Sent = URLEncodedBody[dict[str, str]]

CODE_LASTS: Final = timedelta(minutes=10)
LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without those that look alike on a screen across the room."""

LENGTH: Final = 8
"""31 ** 8 codes: with the waits of the throttle, nobody guesses one in ten minutes."""

MOST_NAME: Final = 60
WRONG: Final = N_("This code is wrong, was used, or is too old. Ask for a new one.")
WAIT: Final = N_("Too many wrong tries. Please wait {seconds} seconds, and try again.")
NO_NAME: Final = N_("Please say where the screen hangs.")


class ScreenWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the screen hangs, in 1 to 60 characters."""

    name: str


class ScreenCode(msgspec.Struct):
    """The code, told here, once; it is typed at ``address`` on the screen, until ``until`` (RFC 3339 in UTC)."""

    code: str
    address: str
    until: datetime


class Kiosk:
    """The routes, with what they remember of wrong codes."""

    def __init__(self, deps: ConsoleDeps) -> None:
        self._deps = deps
        self._throttle = Throttle(deps.clock)
        self._key = deps.secret.encode()

    def router(self) -> Router:
        """GET and POST /kiosk (everybody), POST /kiosk/codes (administrators)."""

        @get("/kiosk")
        async def ask(request: Request[Any, Any, Any]) -> Response[Any]:
            if KIOSK in request.session:
                return Redirect("/wall", status_code=303)
            return self._page(request)

        @post("/kiosk", status_code=303)
        async def pair(request: Request[Any, Any, Any], data: Sent) -> Response[Any]:
            place = f"address/{place_of(request)}"
            if (wait_s := self._throttle.wait_s("kiosk", place)) > 0:
                return self._page(request, wrong=WAIT, status=429, seconds=int(wait_s) + 1)
            self._throttle.begin("kiosk", place)
            code = "".join(letter for letter in data.get("code", "").upper() if letter.isalnum())
            name = await self._deps.writer.write(lambda tx: self._use(tx, code), urgent=True)
            if name is None:
                return self._page(request, wrong=WRONG, status=422)
            self._throttle.right("kiosk", place)
            request.set_session(
                {
                    KIOSK: name,
                    "carer": SCREEN,
                    "mark": secrets.token_hex(8),
                    "since": to_ms(self._deps.clock.now()),
                    "browser": browser_family(request.headers.get("user-agent", "")),
                    "address": request.client.host if request.client else "",
                }
            )
            return Redirect("/wall", status_code=303)

        @get("/kiosk/codes", guards=[at_least("admin")])
        async def codes(request: Request[Any, Any, Any]) -> Response[str]:
            return self._codes(request)

        @post("/kiosk/codes", status_code=200, guards=[at_least("admin")])
        async def make(request: Request[Any, Any, Any], data: Sent) -> Response[str]:
            name = data.get("name", "").strip()
            code = await self._make(request, name)
            if code is None:
                return self._codes(request, wrong=NO_NAME, status=422)
            return self._codes(request, code=code, name=name)

        @post(
            "/api/kiosk/codes", status_code=201, include_in_schema=True,
            guards=[at_least("admin"), same_origin, a_person],  # or what a token began would outlive it
            opt={"exclude_from_csrf": True}, summary="Make a code that pairs a wall screen; it is shown once",
            operation_id="makeKioskCode", tags=["account"],
        )  # fmt: skip
        @once
        async def make_api(
            request: Request[Any, Any, Any], data: JSONBody[ScreenWanted]
        ) -> Response[ScreenCode] | Response[bytes]:
            code = await self._make(request, data.name.strip())
            if code is None:
                return problem(422, "name: expected where the screen hangs, in 1 to 60 characters")
            until = self._deps.clock.now() + CODE_LASTS
            return Response(ScreenCode(code, _address(request), until), status_code=201)

        return Router("/", route_handlers=[ask, pair, codes, make, make_api], include_in_schema=False)

    async def _make(self, request: Request[Any, Any, Any], name: str) -> str | None:
        """A new code; None: the name can't be taken."""
        if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
            return None
        visitor = required_visitor(request)
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        await self._deps.writer.write(lambda tx: self._keep(tx, code, name, visitor.id), urgent=True)
        return f"{code[:4]} {code[4:]}"

    def _keep(self, tx: Tx, code: str, name: str, by: str) -> None:
        now = to_ms(tx.now)
        tx.db.execute("DELETE FROM kiosk_codes WHERE expires_at <= ?", (now,))
        tx.db.execute(
            "INSERT INTO kiosk_codes (code_hash, name, made_by, made_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            (self._hash(code), name, by, now, to_ms(tx.now + CODE_LASTS)),
        )
        record(tx, who=by, action="kiosk.code_made", target="kiosk")

    def _use(self, tx: Tx, code: str) -> str | None:
        """The screen's name, once; None: the code is wrong, used or too old."""
        row = tx.db.execute(
            "UPDATE kiosk_codes SET used_at = ? WHERE code_hash = ? AND used_at IS NULL AND expires_at > ? "
            "RETURNING name, made_by",
            (to_ms(tx.now), self._hash(code), to_ms(tx.now)),
        ).fetchone()
        if row is None:
            return None
        record(tx, who=row["made_by"], action="kiosk.paired", target="kiosk")
        return str(row["name"])

    def _hash(self, code: str) -> str:
        # keyed: eight letters alone could be tried out by whoever reads a backup
        return hmac.new(self._key, f"telecare.kiosk.v1/{code}".encode(), hashlib.sha256).hexdigest()

    def _page(
        self, request: Request[Any, Any, Any], *, wrong: str | None = None, status: int = 200, **values: object
    ) -> Response[str]:
        tongue = tongue_for(request)
        text = tongue(wrong, **values) if wrong else None
        return page(request, "kiosk.html", tongue, status=status, wrong=text)

    def _codes(
        self,
        request: Request[Any, Any, Any],
        *,
        wrong: str | None = None,
        status: int = 200,
        code: str | None = None,
        name: str = "",
    ) -> Response[str]:
        visitor = required_visitor(request)
        tongue = tongue_for(request, visitor)
        return page(
            request, "kiosk_codes.html", tongue, status=status, visitor=visitor, code=code, name=name,
            wrong=tongue(wrong) if wrong else None, address=_address(request),
        )  # fmt: skip


def _address(request: Request[Any, Any, Any]) -> str:
    base = console_of(request).deps.base_url.rstrip("/") or str(request.base_url).rstrip("/")
    return f"{base}/kiosk"
