"""Linked accounts as JSON: one's own, and everybody's for administrators. Tokens can't be used here."""

from typing import Any

import msgspec
from litestar import Request, delete, get
from litestar.exceptions import ClientException
from litestar.params import FromPath

from gateway.console.account_api import a_person
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.listing import Cursor, Limit, piece
from gateway.console.oidc import take_away
from gateway.console.oidc_identities import Identity, identities_of
from gateway.console.routing import Router


class Identities(msgspec.Struct):
    """Accounts of a provider (OpenID Connect) with which people sign in. Times are RFC 3339 in UTC.

    ``next``: cursor of the next piece; null: the last one. One's own, one at each provider, are always a single piece.
    """

    identities: list[Identity]
    next: str | None = None


def router() -> Router:
    """GET /api/account/identities, /api/identities, and DELETE of one below each."""
    changes: dict[str, Any] = {"guards": [same_origin], "opt": {"exclude_from_csrf": True}}
    admin = at_least("admin")

    @get("/account/identities", summary="My linked accounts", operation_id="listMyIdentities")
    async def mine(request: Request[Any, Any, Any]) -> Identities:
        return Identities(identities_of(console_of(request).db(), required_visitor(request).id))

    @delete(
        "/account/identities/{number:int}", summary="Remove a link of mine", operation_id="unlinkMyIdentity", **changes
    )
    async def unlink(request: Request[Any, Any, Any], number: FromPath[int]) -> None:
        if not await take_away(request, number, whose=required_visitor(request).id):
            raise ClientException("It is the only way to sign in: set a password first.", status_code=409)

    @get("/identities", summary="Everybody's linked accounts", operation_id="listIdentities", guards=[admin])
    async def everybody(request: Request[Any, Any, Any], limit: Limit = 100, cursor: Cursor = None) -> Identities:
        found = identities_of(console_of(request).db(), None)
        return Identities(*piece(found, cursor, limit, key=lambda one: one.id))

    @delete(
        "/identities/{number:int}", summary="Remove anybody's link", operation_id="unlinkIdentity",
        guards=[admin, same_origin], opt={"exclude_from_csrf": True},
    )  # fmt: skip
    async def unlink_other(request: Request[Any, Any, Any], number: FromPath[int]) -> None:
        await take_away(request, number, whose=None)

    return Router(
        "/api",
        route_handlers=[mine, unlink, everybody, unlink_other],
        guards=[at_least("relative"), a_person],
        tags=["account"],
    )
