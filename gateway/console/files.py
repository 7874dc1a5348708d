"""Our own styles, scripts and pictures: read once, sent without their comments, packed, and kept for a year.

There is no build step. What is in ``static/`` is what a browser gets, less the comments, the indentation and the empty
lines: on a slow line they take a fifth of a script's bytes and help nobody.
"""

import asyncio
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get, head
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from zopfli import gzip

from gateway.console.ops import OPEN
from gateway.console.packing import SMALLEST, takes_gzip
from gateway.console.pages import STATIC, STATIC_URL
from gateway.console.routing import Router

YEAR_S: Final = 365 * 24 * 3600

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}

_REMARK = re.compile(r"\s+// [^\"'`]*$")
"""At the end of a line of a script. A string's own // has its closing mark behind it, and is left alone."""


def lean_script(text: str) -> str:
    """A script without comments and indentation; its lines stay lines. No text of it may go over several lines."""
    lines = (_REMARK.sub("", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def lean_style(text: str) -> str:
    """A style without comments, and without the blanks that mean nothing."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"\s*([{};,])\s*", r"\1", text)).strip()


class _File:
    """A file as it is sent: ``small`` where that is worth it."""

    def __init__(self, path: Path) -> None:
        self.type = _TYPES[path.suffix]
        match path.suffix:
            case ".js":
                text = lean_script(path.read_text(encoding="utf-8"))
            case ".css":
                text = lean_style(path.read_text(encoding="utf-8"))
            case ".svg":
                text = path.read_text(encoding="utf-8")
            case _:
                text = ""
        self.whole = text.encode() if text else path.read_bytes()
        self._text = text

    @cached_property
    def small(self) -> bytes | None:
        """As gzip, made at the first use and then kept: Zopfli takes up to 0.1 s, for 2 % less than zlib makes."""
        return gzip.compress(self._text.encode()) if len(self._text) >= SMALLEST else None


@cache
def _files() -> dict[str, _File]:
    return {path.name: _File(path) for path in sorted(STATIC.iterdir()) if path.suffix in _TYPES}


def router() -> Router:
    """GET and HEAD of the files under STATIC_URL."""
    files = _files()

    async def sent(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
        found = files.get(name)
        if found is None:
            raise NotFoundException
        # the first time it is work of a thread; alarms don't wait for it
        small = await asyncio.to_thread(lambda: found.small) if "small" not in vars(found) else found.small
        if small is None:
            return Response(found.whole, media_type=found.type)
        headers = {"Vary": "Accept-Encoding"}
        if not takes_gzip(request):
            return Response(found.whole, media_type=found.type, headers=headers)
        return Response(small, media_type=found.type, headers=headers | {"Content-Encoding": "gzip"})

    # the address changes with the content
    keep = CacheControlHeader(max_age=YEAR_S, public=True, immutable=True)

    @get("/{name:str}", opt=OPEN, cache_control=keep)
    async def file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        return await sent(request, name)

    @head("/{name:str}", opt=OPEN, cache_control=keep)
    async def only_headers(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[None]:
        found = await sent(request, name)
        return Response(None, media_type=found.media_type, headers=found.headers)

    return Router(STATIC_URL, route_handlers=[file, only_headers], include_in_schema=False)
