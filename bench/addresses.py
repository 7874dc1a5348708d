"""Every address of the console that can be read, with the names of the large house in it."""

from collections.abc import Iterator
from itertools import product
from typing import Final

from litestar import Litestar
from litestar.routes import HTTPRoute

from bench.house import BUSY

_SAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "resident": (BUSY,),
    "device": (f"bed-{BUSY}",),
    "carer": ("nora",),
    "number": ("1",),
    "table": ("residents", "devices", "assignments", "care_plans", "carers", "policies"),
    "place": ("0",),
}
_KEYS: Final = {
    "residents": BUSY, "devices": f"bed-{BUSY}", "assignments": f"bed-{BUSY}/{BUSY}/2026-01-01T00:00:00Z",
    "care_plans": BUSY, "carers": "nora", "policies": "standard",
}  # fmt: skip
_NOT: Final = ("/beats", "/tiles", "/static", "/leaflet", "/api/schema", "/sign-in/oidc")
"""What never ends, or is a file."""
_WITH: Final[dict[str, tuple[str, ...]]] = {
    "/residents": ("q=vella", "page=100"),
    "/audit": ("who=nora",),
    "/admin/list/residents": ("q=vella",),
    "/map": (f"resident={BUSY}",),
    f"/residents/{BUSY}/sleep": ("nights=14",),
    "/api/residents": ("limit=500",),
    "/api/centre/pairing": ("code=70B3D57ED0000001",),
}
"""Questions with which an address is asked too; the last one must be asked so."""


def addresses(app: Litestar) -> list[str]:
    """Every address that answers GET and whose parts are known here, in the order of the alphabet."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, HTTPRoute) and "GET" in route.methods:
            for path in _filled(route):
                if not path.startswith(_NOT):
                    found |= {path, *(f"{path}?{query}" for query in _WITH.get(path, ()))}
    return sorted(found)


def _filled(route: HTTPRoute) -> Iterator[str]:
    names = [part for part in route.path_components if not isinstance(part, str)]
    if any(part.name not in {*_SAMPLES, "key"} for part in names):
        return
    choices = [_SAMPLES[part.name] for part in names if part.name != "key"]
    for chosen in product(*choices):
        values = dict(zip((part.name for part in names if part.name != "key"), chosen, strict=True))
        if any(part.name == "key" for part in names):
            values["key"] = _KEYS[values["table"]]
        parts = [part if isinstance(part, str) else values[part.name] for part in route.path_components]
        yield "/" + "/".join(parts)
