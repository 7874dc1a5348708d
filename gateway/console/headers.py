"""Headers that every response carries, errors and static files included."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from gateway.console.pages import STATIC_URL, WATCHDOG

_ALWAYS = {
    # no 'unsafe-inline', no other host, no frame around us
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}
_DEFAULT = {
    # same-origin, not no-referrer: with the latter browsers send "Origin: null" with a form
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


_OF_PAGES = (
    "X-Frame-Options", "Cross-Origin-Opener-Policy", "Permissions-Policy", "Referrer-Policy", "X-Robots-Tag"
)  # fmt: skip
_OF_FILES = ("ETag", "Last-Modified", "Content-Disposition")
"""A page's headers say nothing on a script, a style or the stream of beats, and a file that never changes under its
name is never asked for again: left out there, 300 bytes less each on a slow line."""
_FILES_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""A file that somebody opens by itself is no page, and loads nothing."""

CARER = "Telecare-Carer"
"""Header: whose session it is. A page that was made for somebody else takes nothing of it."""
VERSION = "Telecare-Version"
"""Header: the address of the static files that belong to it. It also tells a script that the gateway itself answers,
and nothing in between."""

_FOR_SCRIPTS = ("/board", "/beats", "/part", "/answer", "/rounds/check", "/waiting")
"""Ends of the addresses that only our own scripts ask."""

_KNOWN = frozenset({"/", "/wall", "/shell"})
_KNOWN_BELOW = ("/alerts/", "/a/")
"""Pages that the service worker asks for: something in between, which answers in our place, is not taken for us."""

_WATCHED = frozenset({"/", "/wall"})
_WATCHDOG_ALLOWED = f"; script-src 'self' 'sha256-{b64encode(sha256(WATCHDOG.encode()).digest()).decode()}'"

_WITH_MAP = ("/map", "/zones")
"""Pages on which a map is drawn; no other page may load pictures from elsewhere."""


def asked_by_script(scope: Scope) -> bool:
    """Whether one of our own scripts asks, which needs to be told what is so, and can't be led to another page."""
    return bool(scope["path"].endswith(_FOR_SCRIPTS)) or b"part=1" in scope["query_string"]


def security_headers(*, secure: bool, images: str | None = None) -> Callable[[Message, Scope], Awaitable[None]]:
    """A hook for Litestar's ``before_send``.

    Args:
        secure: the console is reached over HTTPS; then browsers are told to never use anything else (a year).
        images: the one other host (its origin) from which pages with a map may load pictures; None: there is none.
    """
    always = dict(_ALWAYS)
    if secure:
        always["Strict-Transport-Security"] = "max-age=31536000"

    async def add(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        for name, value in always.items():
            headers[name] = value
        if images is not None and scope["path"].startswith(_WITH_MAP):
            headers["Content-Security-Policy"] += f"; img-src 'self' {images}"
        for name, value in _DEFAULT.items():
            if name not in headers:
                headers[name] = value
        _who_answers(headers, scope)
        _only_what_counts(headers, scope["path"])

    return add


def _who_answers(headers: MutableScopeHeaders, scope: Scope) -> None:
    """Our own scripts and the service worker are told that it is us, and whose session it is."""
    path, by_script = scope["path"], asked_by_script(scope)
    if path in _WATCHED:
        headers["Content-Security-Policy"] += _WATCHDOG_ALLOWED
    if by_script or path in _KNOWN or path.startswith(_KNOWN_BELOW):
        headers[VERSION] = STATIC_URL
    session = scope.get("session")
    if by_script and isinstance(session, dict) and "carer" in session:
        headers[CARER] = str(session["carer"])


def _only_what_counts(headers: MutableScopeHeaders, path: str) -> None:
    """Without what says nothing there: it would be some hundred bytes of each on a slow line."""
    static = path.startswith(STATIC_URL)
    if static:
        headers["Content-Security-Policy"] = _FILES_POLICY
    for name in (*_OF_PAGES, *_OF_FILES) if static else _OF_PAGES if path == "/beats" else ():
        if name in headers:
            del headers[name]
