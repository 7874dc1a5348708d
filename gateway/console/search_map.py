"""A map without tiles: fixes, their discs, and how far the person may have gone, as an SVG drawing in metres."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from gateway.alerts.searching import likely_radius_m
from gateway.store.fixes import Fix

_METRES_PER_DEGREE: Final = 111_320.0
"""Of latitude, good to a few parts in a thousand: a drawing of some kilometres needs no more."""

_SCALES: Final = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
SIZE: Final = 600
"""Width and height of the drawing."""


class Disc(msgspec.Struct, frozen=True):
    """A circle on the drawing; ``x`` to the east, ``y`` to the south."""

    x: float
    y: float
    r: float


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the template draws, in the units of the drawing."""

    fixes: list[Disc]
    last: Disc
    likely: Disc
    path: str
    bar: float
    """Length of the scale bar."""
    bar_m: int


def draw(fixes: Sequence[Fix], now: datetime) -> Drawing:
    """The drawing of one fix or more, the oldest first; the last one is in the middle.

    Args:
        fixes: at least one.
        now: UTC-aware; the likely radius grows until then.
    """
    last = fixes[-1]
    likely_m = likely_radius_m(last.accuracy_m, (now - last.at).total_seconds())
    east = math.cos(math.radians(last.lat))

    def metres(fix: Fix) -> tuple[float, float]:
        lon = (fix.lon - last.lon + 180) % 360 - 180  # across the date line
        return lon * _METRES_PER_DEGREE * east, (last.lat - fix.lat) * _METRES_PER_DEGREE

    points = [metres(fix) for fix in fixes]
    # One fix far away (a bus ride before) must not make everything else a dot.
    reach = max(likely_m, 50.0, *(min(math.hypot(*point), 3 * max(likely_m, 500.0)) for point in points))
    scale = SIZE / 2 * 0.92 / reach
    discs = [
        Disc(_at(x, scale), _at(y, scale), round(max((fix.accuracy_m or 0) * scale, 3.0), 1))
        for fix, (x, y) in zip(fixes, points, strict=True)
    ]
    bar_m = max((size for size in _SCALES if size * scale <= SIZE / 4), default=_SCALES[0])
    return Drawing(
        fixes=discs[:-1],
        last=discs[-1],
        likely=Disc(SIZE / 2, SIZE / 2, round(likely_m * scale, 1)),
        path=" ".join(f"{disc.x},{disc.y}" for disc in discs),
        bar=round(bar_m * scale, 1),
        bar_m=bar_m,
    )


def _at(metres: float, scale: float) -> float:
    return round(SIZE / 2 + metres * scale, 1)
