"""Making pages: Jinja2 with every text through the catalogues, and static files under a name that changes with them."""

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.utils.scope.state import ScopeState
from markupsafe import Markup, escape

from gateway import words
from gateway.console.deps import console_of
from gateway.console.guards import KIOSK_PATHS, Visitor
from gateway.console.menu import menu_for
from gateway.console.sessions import soon_over
from rules.model import Reason

_HERE = Path(__file__).parent
STATIC = _HERE / "static"

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def _digest_of_static() -> str:
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


STATIC_URL = f"/static/{_digest_of_static()}"
"""Static files live under their own digest: browsers keep them for ever, and never mix two versions."""


WATCHDOG = Markup(
    "setTimeout(function f(){chip.className[4]||"
    'fetch("/board").then(()=>location.reload(),()=>setTimeout(f,9e3))},15e3)'
)
"""The one script that stands in a page, the board's and the wall's. When one of the others did not come over a bad
line, nothing would ever be new, and nothing would say so: the chip has no second class. It waits for the gateway, and
loads the page anew. Short: the board's first view has 15,000 bytes."""

_KEY = '<input type="hidden" name="key"'
"""In each form that answers an alert. The page says for whom it was made: somebody else may have signed in since, in
another tab of the same browser. Here, because what is shared by many readers has no name in it."""


class Tongue:
    """How to speak to one reader, now: language, time zone, and the time that "today" is about."""

    def __init__(self, language: str, timezone: ZoneInfo, now: datetime) -> None:
        self.language = words.known_language(language)
        self.timezone = timezone
        self.now = now

    def __call__(self, text: str, **values: object) -> str:
        """A msgid in the reader's language, with its blanks filled in."""
        return words.gettext(text, self.language, **values)

    def many(self, one: str, several: str, n: int) -> str:
        """A msgid with a plural."""
        return words.ngettext(one, several, n, self.language)

    def reason(self, reason: Reason) -> str:
        """A rule's reason as a sentence."""
        return words.say(reason, self.language, self.timezone, self.now)

    def at(self, at: datetime) -> str:
        """A time of day; with the date on other days."""
        return words.time_of(at, self.language, self.timezone, self.now)

    def day(self, day: date) -> str:
        """A day with its weekday, as people write it."""
        return words.day(day, self.language)

    def percent(self, value: float) -> str:
        """A percentage of 0 to 100, without decimals."""
        return words.percent(value, self.language)

    def since(self, at: datetime) -> str:
        """How long ago, in whole minutes: what changes each second would be fetched each second."""
        seconds = (self.now - at).total_seconds()
        return (
            self("{minutes} min", minutes="<1") if seconds < 60 else words.duration(seconds // 60 * 60, self.language)
        )


def tongue_for(request: Request[Any, Any, Any], visitor: Visitor | None = None) -> Tongue:
    """The reader's language: the carer's, before sign-in and by default the house's."""
    deps = console_of(request).deps
    index = deps.index()
    return Tongue(index.language_of(visitor.carer if visitor else None), index.timezone, deps.clock.now())


def render(template: str, tongue: Tongue, **context: object) -> str:
    """A template as text."""
    return _ENVIRONMENT.get_template(template).render(
        {
            "_": tongue,
            "language": tongue.language,
            "static": STATIC_URL,
            "visitor": None,
            "watchdog": WATCHDOG,
            "part": False,
            "ends": None,
            **context,
        }
    )


def page(
    request: Request[Any, Any, Any],
    template: str,
    tongue: Tongue,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: object,
) -> Response[str]:
    """A whole page as a response."""
    site = console_of(request).deps.index().site.name
    visitor = context.get("visitor")
    context["menu"] = menu_for(visitor) if isinstance(visitor, Visitor) else ()
    context["here"] = request.url.path
    if isinstance(visitor, Visitor):
        context |= _ending(request, tongue)
    csrf = ScopeState.from_scope(request.scope).csrf_token
    text = render(template, tongue, site=site, csrf=csrf if isinstance(csrf, str) else "", **context)
    if isinstance(visitor, Visitor):
        text = text.replace(_KEY, f'<input type="hidden" name="carer" value="{escape(visitor.id)}">{_KEY}')
    return Response(text, media_type=MediaType.HTML, status_code=status, headers=headers)


def _ending(request: Request[Any, Any, Any], tongue: Tongue) -> dict[str, object]:
    """When the reader is signed out, if that is soon, and where to sign in again; the wall has no room for it."""
    session = request.scope.get("session")
    end = soon_over(session, tongue.now) if isinstance(session, dict) else None
    if end is None or request.url.path in KIOSK_PATHS:
        return {}
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = here if request.method == "GET" else "/"
    return {"ends": tongue.at(end), "again": "/sign-in?" + urlencode({"again": "1", "next": back})}


def asks_for_part(request: Request[Any, Any, Any]) -> bool:
    """The script of an open page asks for what is new on it (``watch.js``)."""
    return request.query_params.get("part") == "1"


def live_page(
    request: Request[Any, Any, Any],
    template: str,
    tongue: Tongue,
    address: str,
    *,
    status: int = 200,
    **context: Any,
) -> Response[str]:
    """A page that keeps itself fresh: the whole, or its parts with an ETag when its own script asks for them.

    Args:
        request: who asks.
        template: extends ``_part.html`` where ``part`` is true.
        tongue: the reader's.
        address: where the page is asked for again, with its query.
        status: of the whole page.
        context: for the template.
    """
    asked = asks_for_part(request) and status == 200
    beat = console_of(request).changes.number
    again = f"{address}{'&' if '?' in address else '?'}part=1"
    made = page(
        request, template, tongue, status=status, part=asked, address=again, beat=beat,
        now=tongue.at(tongue.now), **context,
    )  # fmt: skip
    if not asked:
        return made
    etag = f'"{hashlib.sha256(made.content.encode()).hexdigest()[:20]}"'
    headers = {"ETag": etag, "Telecare-Version": STATIC_URL}
    if request.headers.get("if-none-match") == etag:
        return Response("", status_code=304, headers=headers)
    return Response(made.content, media_type=MediaType.HTML, headers=headers)
