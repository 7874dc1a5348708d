"""Browsers that signed in before: a signed cookie names up to ten carers who did, each with a mark of its own.

A ward's computer is everybody's: whoever signed in there in the last months is known there, in whatever way they did.
The cookie lets nobody in. It only says that wrong tries elsewhere are not this browser's (gateway.console.throttle).
"""

import secrets
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer
from litestar import Request
from litestar.datastructures import Cookie

from gateway.console.deps import ConsoleDeps

KNOWN_COOKIE: Final = "telecare_browser"
KNOWN_FOR_S: Final = 90 * 24 * 3600
"""A phone that was not used for three months is a stranger again."""

MOST_KNOWN: Final = 10
"""Carers of one browser; who has not signed in there for longest is forgotten first."""


def known_browser(request: Request[Any, Any, Any], deps: ConsoleDeps, carer: str) -> str | None:
    """The browser as a place, when it once signed in to this account; None: it is a stranger."""
    mark = _marks(request, deps).get(carer)
    return None if mark is None else f"browser/{mark}"


def knows(request: Request[Any, Any, Any], deps: ConsoleDeps, carer: str) -> Cookie:
    """The cookie of a browser in which a carer signs in now, beside those who did before."""
    marks = _marks(request, deps)
    marks.pop(carer, None)
    kept = [[carer, secrets.token_hex(8)], *([one, mark] for one, mark in marks.items())][:MOST_KNOWN]
    return Cookie(
        key=KNOWN_COOKIE,
        value=str(_signer(deps).dumps(kept)),
        max_age=KNOWN_FOR_S,
        path="/sign-in",
        secure=deps.secure_cookies,
        httponly=True,
        # not strict: the page of an OpenID provider leads back to us, and those who are known are to stay known
        samesite="lax",
    )


def _signer(deps: ConsoleDeps) -> URLSafeSerializer:
    return URLSafeSerializer(deps.secret, salt="telecare.browser.v1")


def _marks(request: Request[Any, Any, Any], deps: ConsoleDeps) -> dict[str, str]:
    """Mark by carer, the last who signed in first."""
    try:
        said = _signer(deps).loads(request.cookies.get(KNOWN_COOKIE, ""))
    except BadSignature:
        return {}
    if not isinstance(said, list):
        return {}
    if len(said) == 2 and all(isinstance(one, str) for one in said):
        said = [said]  # as versions before this one made it: one carer
    return {str(one[0]): str(one[1]) for one in said if isinstance(one, list) and len(one) == 2}
