"""This phone: whether its sound works, messages on it, and what works without a connection."""

from typing import Any

from litestar import Request, Response, get

from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import page, tongue_for
from gateway.console.routing import Router


def router() -> Router:
    """GET /phone."""

    @get("/phone")
    async def show(request: Request[Any, Any, Any]) -> Response[str]:
        visitor = required_visitor(request)
        found = (
            console_of(request)
            .db()
            .execute("SELECT count(*) FROM push_subscriptions WHERE carer = ? AND gone_at IS NULL", (visitor.id,))
            .fetchone()
        )
        return page(
            request,
            "phone.html",
            tongue_for(request, visitor),
            visitor=visitor,
            push_key=console_of(request).deps.push_key,
            listed=any(contact.channel == "webpush" for contact in visitor.carer.contacts),
            browsers=int(found[0]),
        )

    return Router("/", route_handlers=[show], guards=[at_least("relative")], include_in_schema=False)
