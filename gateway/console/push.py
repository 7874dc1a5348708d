"""Web Push: a signed-in carer allows messages in this browser, or takes that back."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody

from gateway.clock import to_ms
from gateway.console.account_api import a_person
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.pages import tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.store.audit import record
from gateway.store.writer import Tx
from gateway.words import N_

MOST_BROWSERS = 10
"""Of one carer; the oldest is forgotten, so that a stolen session can't fill the table."""

ELSEWHERE: Final = N_("Messages on this phone go to somebody else.")
LINK: Final = N_("Change that here.")

_KEY = r"^[A-Za-z0-9_-]+=*$"


class Keys(msgspec.Struct, kw_only=True):
    """What messages to the browser are encrypted with, as ``PushSubscription.toJSON()`` gives it."""

    p256dh: Annotated[str, msgspec.Meta(pattern=_KEY, min_length=80, max_length=100)]
    auth: Annotated[str, msgspec.Meta(pattern=_KEY, min_length=20, max_length=40)]


class Browser(msgspec.Struct, kw_only=True):
    """A browser that may be told, as ``PushSubscription.toJSON()`` gives it."""

    endpoint: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s@/]+/\S*$", max_length=1000)]
    keys: Keys


class Endpoint(msgspec.Struct, kw_only=True):
    """Which browser."""

    endpoint: Annotated[str, msgspec.Meta(max_length=1000)]


class PushKey(msgspec.Struct, kw_only=True):
    """The gateway's public key for ``PushManager.subscribe``: URL-safe Base64; null: there is no Web Push here."""

    key: str | None


class PushState(msgspec.Struct, kw_only=True):
    """``mine``: the asker's messages come to that browser. It may belong to somebody else, or have been given up.

    ``text`` and ``link``: somebody else's messages come there; in the language of the asker.
    """

    mine: bool
    text: str = ""
    link: str = ""


def router() -> Router:
    """GET /api/push/key, POST /api/push/subscribe, .../unsubscribe and .../check."""

    @get("/push/key", summary="The key for subscribing to messages", operation_id="pushKey")
    async def key(request: Request[Any, Any, Any]) -> PushKey:
        return PushKey(key=console_of(request).deps.push_key)

    @post(
        "/push/subscribe",
        status_code=201,
        guards=[same_origin, a_person],  # or what a token began would outlive it
        opt={"exclude_from_csrf": True},
        summary="Show messages in this browser",
        operation_id="pushSubscribe",
    )
    async def subscribe(request: Request[Any, Any, Any], data: JSONBody[Browser]) -> Response[Any]:
        deps, visitor = console_of(request).deps, required_visitor(request)
        if deps.push_key is None:
            return problem(409, "[channels.webpush] is not in gateway.toml: there are no messages to browsers.")
        await deps.writer.write(lambda tx: _keep(tx, visitor.id, data))
        return Response(None, status_code=201)

    @post(
        "/push/unsubscribe",
        status_code=204,
        guards=[same_origin],
        opt={"exclude_from_csrf": True},
        summary="No more messages in this browser",
        operation_id="pushUnsubscribe",
    )
    async def unsubscribe(request: Request[Any, Any, Any], data: JSONBody[Endpoint]) -> None:
        visitor = required_visitor(request)
        await console_of(request).deps.writer.write(lambda tx: _forget(tx, visitor.id, data.endpoint))

    @post(
        "/push/check",
        status_code=200,
        guards=[same_origin],
        opt={"exclude_from_csrf": True},
        summary="Whether messages to me come to this browser",
        operation_id="pushCheck",
    )
    async def check(request: Request[Any, Any, Any], data: JSONBody[Endpoint]) -> PushState:
        visitor = required_visitor(request)
        whose = (
            console_of(request)
            .db()
            .execute("SELECT carer FROM push_subscriptions WHERE endpoint = ? AND gone_at IS NULL", (data.endpoint,))
            .fetchone()
        )
        if whose is None or whose["carer"] == visitor.id:
            return PushState(mine=whose is not None)
        tongue = tongue_for(request, visitor)
        return PushState(mine=False, text=tongue(ELSEWHERE), link=tongue(LINK))

    return Router(
        "/api", route_handlers=[key, subscribe, unsubscribe, check], guards=[at_least("relative")], tags=["messages"]
    )


def _keep(tx: Tx, carer: str, browser: Browser) -> None:
    # The browser belongs to whoever signed in to it last: a shared tablet must not show another carer's messages.
    tx.db.execute(
        "INSERT INTO push_subscriptions (carer, endpoint, p256dh, auth, created_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (endpoint) DO UPDATE SET carer = excluded.carer, p256dh = excluded.p256dh, "
        "auth = excluded.auth, created_at = excluded.created_at, gone_at = NULL",
        (carer, browser.endpoint, browser.keys.p256dh, browser.keys.auth, to_ms(tx.now)),
    )
    tx.db.execute(
        "DELETE FROM push_subscriptions WHERE carer = ? AND id NOT IN "
        "(SELECT id FROM push_subscriptions WHERE carer = ? ORDER BY created_at DESC, id DESC LIMIT ?)",
        (carer, carer, MOST_BROWSERS),
    )
    record(tx, who=carer, action="push-subscribe", target=f"carer/{carer}", detail={})


def _forget(tx: Tx, carer: str, endpoint: str) -> None:
    done = tx.db.execute("DELETE FROM push_subscriptions WHERE carer = ? AND endpoint = ?", (carer, endpoint))
    if done.rowcount:
        record(tx, who=carer, action="push-unsubscribe", target=f"carer/{carer}", detail={})
