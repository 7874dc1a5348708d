"""Did our own page send this? For answers, which a stale CSRF token must never eat.

A browser says with each POST where it comes from, and a page can't forge it: ``Sec-Fetch-Site`` (over HTTPS and
on localhost) and ``Origin``. Together with a SameSite=Lax cookie that is as strong as a token, and it never gets
old. Source: OWASP Cross-Site Request Forgery Prevention, "Fetch Metadata headers" and "Verifying origin".
"""

from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection


class Sender(Enum):
    """Who sent a POST, as its headers tell."""

    OUR_PAGE = "our page"
    OTHER_SITE = "another site"
    UNKNOWN = "nobody says"
    """Neither header: no browser of the last years; a script with a cookie, perhaps. Not accepted with a cookie."""


def sender_of(connection: ASGIConnection[Any, Any, Any, Any], *, base_url: str) -> Sender:
    """Who sent it.

    Args:
        connection: the request.
        base_url: the console's address as people type it, for when a proxy changes the Host header; may be empty.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return Sender.OUR_PAGE if site.lower() == "same-origin" else Sender.OTHER_SITE
    origin = connection.headers.get("origin")
    if origin is None:
        return Sender.UNKNOWN
    asked = urlsplit(origin)
    if asked.scheme not in {"http", "https"} or not asked.netloc:
        return Sender.OTHER_SITE
    public = urlsplit(base_url)
    same = (asked.scheme, asked.netloc.lower()) == (public.scheme, public.netloc.lower())
    host = connection.headers.get("host", "").lower()
    return Sender.OUR_PAGE if same or asked.netloc.lower() == host else Sender.OTHER_SITE
