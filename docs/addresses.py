"""Write the list of the console's addresses into docs/addresses.md from the routes themselves: ``python -m docs``."""

import re
import tempfile
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from gateway.centre.index import CentreIndex
from gateway.centre.load import load_centre
from gateway.clock import ManualClock, from_ms
from gateway.console.app import create_app
from gateway.console.deps import ConsoleDeps
from gateway.links import Links
from gateway.store.database import FILE, prepare
from gateway.store.writer import Writer

PAGE = Path(__file__).with_suffix(".md")
DEMO = Path(__file__).parents[1] / "config" / "demo" / "centre.toml"
_HEAD = """# Addresses of the console

Every address, made from the routes themselves (`python -m docs`). What the pages do is told in
[the console](console.md) and the guides that it names; the JSON API is described at `/api/schema`.

| address | methods | what |
|---|---|---|
"""
_SECRET = "only to list the addresses, never used to sign"  # noqa: S105


def app() -> Litestar:
    """A console that nobody serves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        prepare(path)
        clock = ManualClock(from_ms(0))
        writer = Writer(path, clock=clock)
        index = CentreIndex(load_centre(DEMO))
        return create_app(
            ConsoleDeps(
                database=path,
                writer=writer,
                index=lambda: index,
                links=Links("http://localhost", _SECRET, clock),
                clock=clock,
                health=lambda: {"ok": True},
                secret=_SECRET,
            )
        )


def rows() -> list[tuple[str, str, str]]:
    """Address, methods and what it does, in order; what changes with the version stands as {digest}."""
    found: dict[str, list[Any]] = {}
    for route in app().routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith(("/static/", "/api/schema")):
            address = re.sub(r"/[0-9a-f]{12}(?=/|$)", "/{digest}", re.sub(r":(int|str|path)}", "}", route.path))
            found.setdefault(address, []).extend(route.route_handlers)
    lines = []
    for address, handlers in sorted(found.items()):
        methods = sorted({str(method) for handler in handlers for method in handler.http_methods} - {"OPTIONS"})
        summaries = sorted({str(handler.summary) for handler in handlers if handler.summary})
        lines.append((address, ", ".join(methods), "; ".join(summaries)))
    return lines


def files() -> dict[Path, str]:
    """The page with its text."""
    return {PAGE: _HEAD + "".join(f"| `{address}` | {methods} | {what} |\n" for address, methods, what in rows())}
