"""Charts as SVG, made by the server: bands over a time, bars, lines with gaps. Only numbers and our own class names
go in, so nothing needs escaping; words stand beside a chart, never in it, because a chart is stretched to its place.

Fractions: 0 is the beginning (or the bottom), 1 the end (or the top). What a chart says stands beside it as text too,
so it is hidden from screen readers.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from markupsafe import Markup

WIDTH: Final = 1000
_GRID: Final = (0.25, 0.5, 0.75)


class Span(NamedTuple):
    """A part of a band: from, to, how it looks (a class of resident.css), and its height."""

    start: float
    end: float
    look: str
    height: float = 1.0


class Point(NamedTuple):
    """A value at a time."""

    at: datetime
    value: float


def fraction(at: datetime, start: datetime, end: datetime) -> float:
    """Where a time lies between two others, cut off at both ends."""
    return min(1.0, max(0.0, (at - start) / (end - start)))


def band(spans: Iterable[Span], height: int = 24) -> Markup:
    """Parts side by side; looks differ in height too, so that colour alone says nothing."""
    marks = "".join(
        f'<rect class="{part.look}" x="{part.start * WIDTH:.1f}" y="{height * (1 - part.height):.1f}"'
        f' width="{max(2.0, (part.end - part.start) * WIDTH):.1f}" height="{height * part.height:.1f}"/>'
        for part in spans
    )
    return _svg("band", height, _lines_down(height) + marks)


def bars(values: Sequence[float | None], most: float, height: int = 32) -> Markup:
    """One bar for each value; None has none, and 0 a line at the bottom."""
    each = WIDTH / max(1, len(values))
    marks = ""
    for place, value in enumerate(values):
        if value is not None:
            tall = max(1.5, height * min(1.0, value / most if most else 0.0))
            marks += (
                f'<rect class="bar" x="{place * each + 2:.1f}" y="{height - tall:.1f}"'
                f' width="{each - 4:.1f}" height="{tall:.1f}"/>'
            )
    return _svg("bars", height, _lines_down(height) + marks)


def lines(
    points: Sequence[Point],
    start: datetime,
    end: datetime,
    bottom: float,
    top: float,
    *,
    usual: tuple[float, float] | None = None,
    gap: timedelta,
    height: int = 160,
) -> Markup:
    """A line through points in the order of time; where nothing came for longer than ``gap`` it is broken.

    Args:
        points: the values.
        start: left end.
        end: right end.
        bottom: value of the lower edge.
        top: value of the upper edge.
        usual: lower and upper value of the band of what is usual; None: not known.
        gap: the longest time that a line bridges.
        height: of the drawing, in its own units.
    """

    def y(value: float) -> float:
        return height * (1 - min(1.0, max(0.0, (value - bottom) / (top - bottom))))

    drawn = ""
    if usual is not None:
        low, high = y(usual[0]), y(usual[1])
        drawn += f'<rect class="usual" x="0" y="{high:.1f}" width="{WIDTH}" height="{max(1.0, low - high):.1f}"/>'
    for piece in _pieces(points, gap):
        places = [(fraction(point.at, start, end) * WIDTH, y(point.value)) for point in piece]
        if len(places) == 1:
            x, at = places[0]
            places.append((x + 1.5, at))
        drawn += '<polyline class="line" points="' + " ".join(f"{x:.1f},{at:.1f}" for x, at in places) + '"/>'
    return _svg("lines", height, _lines_down(height) + drawn)


def _pieces(points: Sequence[Point], gap: timedelta) -> Iterable[list[Point]]:
    piece: list[Point] = []
    for point in points:
        if piece and point.at - piece[-1].at > gap:
            yield piece
            piece = []
        piece.append(point)
    if piece:
        yield piece


def _lines_down(height: int) -> str:
    return "".join(
        f'<line class="grid" x1="{at * WIDTH:.0f}" y1="0" x2="{at * WIDTH:.0f}" y2="{height}"/>' for at in _GRID
    )


def _svg(look: str, height: int, inner: str) -> Markup:
    return Markup(  # noqa: S704 - numbers and our own words only
        f'<svg class="chart {look}" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" aria-hidden="true"'
        f' focusable="false">{inner}</svg>'
    )
