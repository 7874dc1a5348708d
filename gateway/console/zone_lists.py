"""Which zones of a large house stand on a page: a piece of the list, and those near to the one that is drawn."""

import math
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from gateway.console.residents import LONGEST_SEARCH, folded

A_PAGE: Final = 50
"""Zones on a page of the list: some 30 kB, and a map on which they can be told apart."""

MOST_NEAR: Final = 300
"""Zones that the editor draws beside the one that is drawn."""

MOST_CORNERS: Final = 20_000
"""Corners of them, some 600 kB: what is too detailed for that is left out."""

Entry = Mapping[str, Any]


class Piece(NamedTuple):
    """A page of the list, counted from 1; ``earlier`` and ``later``: addresses of the pages beside it."""

    entries: Sequence[Entry]
    total: int
    page: int
    pages: int
    earlier: str | None
    later: str | None


def piece(entries: Sequence[Entry], asked: str, page: int) -> Piece:
    """The zones whose name or short name has each of the words, and of them that page, or the last one before it.

    Args:
        entries: the zones as the centre's document holds them, in its order.
        asked: words; "": all zones.
        page: from 1 on.
    """
    asked = asked[:LONGEST_SEARCH]
    words = folded(asked).split()
    found = [one for one in entries if _has(one, words)] if words else entries
    pages = -(-len(found) // A_PAGE) or 1
    page = min(max(page, 1), pages)
    return Piece(
        entries=found[(page - 1) * A_PAGE : page * A_PAGE],
        total=len(found),
        page=page,
        pages=pages,
        earlier=_address(asked, page - 1) if page > 1 else None,
        later=_address(asked, page + 1) if page < pages else None,
    )


def nearest(entries: Iterable[Entry], at: tuple[float, float] | None) -> list[Entry]:
    """The zones with ground that are nearest to a place, as far as they can be drawn, the nearest first.

    Args:
        entries: the zones as the centre's document holds them; where one is, is where its drawing begins.
        at: (lon, lat) in degrees; None: where the first of them is.
    """
    placed = [(one, place) for one in entries if (place := begin(one.get("geometry"))) is not None]
    if not placed:
        return []
    lon, lat = at if at is not None else placed[0][1]
    shrink = math.cos(math.radians(lat))

    def away(one: tuple[Entry, tuple[float, float]]) -> float:
        east = (one[1][0] - lon + 180) % 360 - 180  # across the date line
        return math.hypot(east * shrink, one[1][1] - lat)

    found, room = [], MOST_CORNERS
    for entry, _ in nsmallest(MOST_NEAR, placed, key=away):
        corners = _corners(entry["geometry"].get("coordinates"))
        if corners <= room:
            room -= corners
            found.append(entry)
    return found


def begin(geometry: Any) -> tuple[float, float] | None:
    """The first place of a GeoJSON geometry, (lon, lat) in degrees; None: it has none."""
    found = geometry.get("coordinates") if isinstance(geometry, Mapping) else None
    while isinstance(found, Sequence) and found and isinstance(found[0], Sequence):
        found = found[0]
    if not isinstance(found, Sequence) or len(found) < 2 or not all(isinstance(one, int | float) for one in found[:2]):
        return None
    return float(found[0]), float(found[1])


def _corners(coordinates: Any) -> int:
    if not isinstance(coordinates, Sequence) or not coordinates:
        return 0
    return sum(map(_corners, coordinates)) if isinstance(coordinates[0], Sequence) else 1


def _has(one: Entry, words: Sequence[str]) -> bool:
    text = folded(f"{one['name']} {one['id']}")
    return all(word in text for word in words)


def _address(asked: str, page: int) -> str:
    said = {"q": asked, "page": str(page) if page > 1 else ""}
    query = urlencode({key: value for key, value in said.items() if value})
    return f"/zones?{query}" if query else "/zones"
