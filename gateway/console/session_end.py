"""When the reader is signed out: for pages that stay open, in the last hour (static/until.js)."""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, get

from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import tongue_for
from gateway.console.routing import Router
from gateway.console.sessions import idle_left_s, soon_over
from gateway.words import N_

TEXT: Final = N_("You will be signed out at {time}.")
LINK: Final = N_("Sign in again before then.")


class SessionEnd(msgspec.Struct, frozen=True):
    """``ends``: when the session is over (UTC), in its last hour; null before. The texts are in the language of the
    reader."""

    ends: datetime | None = None
    text: str = ""
    link: str = ""


def router() -> Router:
    """GET /session."""

    @get("/session")
    async def show(request: Request[Any, Any, Any]) -> SessionEnd:
        visitor, console = required_visitor(request), console_of(request)
        tongue = tongue_for(request, visitor)
        left_s = idle_left_s(request, console.db(), tongue.now)
        end = soon_over(request.session or {}, tongue.now, left_s)
        if end is None:
            return SessionEnd()
        return SessionEnd(end, tongue(TEXT, time=tongue.at(end)), tongue(LINK))

    return Router("/", route_handlers=[show], guards=[at_least("relative")], include_in_schema=False)
