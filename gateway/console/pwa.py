"""The console as an app on a phone: its manifest, the service worker, and the empty page without a connection.

All of it is the same for everybody and holds nothing about anybody, so it is open to whoever asks.
"""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery

from gateway.console.deps import console_of
from gateway.console.ops import OPEN
from gateway.console.pages import STATIC, STATIC_URL, Tongue, page
from gateway.console.routing import Router
from gateway.words import N_, known_language

FILES: Final = (
    "console.css",
    "icon.svg",
    "icon-192.png",
    "board.js",
    "live.js",
    "picture.js",
    "queue.js",
    "rescue.js",
    "shell.js",
    "sound.js",
    "until.js",
    "whose.js",
)
"""What the board needs, with and without a connection; all of one version or none."""

COLOUR: Final = "#0b5563"

_TAKEN = N_("Your answer has arrived.")
_FAILED = N_("Your answer did not arrive. Tap here.")

_WORKER = (STATIC / "sw.js").read_text(encoding="utf-8")


class Icon(msgspec.Struct, omit_defaults=True):
    """A picture of the app."""

    src: str
    type: str
    sizes: str
    purpose: str = "any"


class Shortcut(msgspec.Struct):
    """A page of the app, reached by a long press on its icon."""

    name: str
    url: str


class Manifest(msgspec.Struct, kw_only=True):
    """A web app manifest (W3C)."""

    id: str = "/"
    name: str
    short_name: str
    lang: str
    start_url: str = "/"
    scope: str = "/"
    display: str = "standalone"
    background_color: str = COLOUR
    theme_color: str = COLOUR
    icons: list[Icon]
    shortcuts: list[Shortcut]


def router() -> Router:
    """GET /manifest.webmanifest, GET /sw.js, GET /shell."""

    @get("/manifest.webmanifest", opt=OPEN)
    async def manifest(request: Request[Any, Any, Any]) -> Response[bytes]:
        site = console_of(request).deps.index().site
        tongue = _tongue(request, site.language)
        found = Manifest(
            name=site.name,
            short_name=site.name[:12].strip(),
            lang=tongue.language,
            icons=[
                Icon(f"{STATIC_URL}/icon.svg", "image/svg+xml", "any"),
                Icon(f"{STATIC_URL}/icon-192.png", "image/png", "192x192"),
                Icon(f"{STATIC_URL}/icon-512.png", "image/png", "512x512"),
                Icon(f"{STATIC_URL}/icon-mask.png", "image/png", "512x512", "maskable"),
            ],
            shortcuts=[Shortcut(tongue(N_("This phone")), "/phone")],
        )
        return Response(msgspec.json.encode(found), media_type="application/manifest+json")

    @get("/sw.js", opt=OPEN)
    async def worker(request: Request[Any, Any, Any], lang: FromQuery[str] = "en") -> Response[str]:
        tongue = _tongue(request, lang)
        constants = {
            "STATIC": STATIC_URL,
            "LANGUAGE": tongue.language,
            "FILES": [f"{STATIC_URL}/{name}" for name in FILES],
            "WORDS": {"taken": tongue(_TAKEN), "failed": tongue(_FAILED)},
        }
        before = "".join(
            f"const {name} = {msgspec.json.encode(value).decode()};\n" for name, value in constants.items()
        )
        # no-cache: a browser asks each time whether there is a new one
        headers = {"Cache-Control": "no-cache"}
        return Response(before + _WORKER, media_type="text/javascript", headers=headers)

    @get("/shell", opt=OPEN)
    async def shell(request: Request[Any, Any, Any], of: FromQuery[str], lang: FromQuery[str] = "en") -> Response[str]:
        if of != STATIC_URL:
            # a service worker of another version: it must not keep a page that does not go with its files
            raise NotFoundException
        return page(request, "shell.html", _tongue(request, lang))

    return Router("/", route_handlers=[manifest, worker, shell], include_in_schema=False)


def _tongue(request: Request[Any, Any, Any], language: str) -> Tongue:
    deps = console_of(request).deps
    return Tongue(known_language(language), deps.index().timezone, deps.clock.now())
