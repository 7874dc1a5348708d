"""What is usual for a person: the median and the spread of their own last nights.

Medians instead of means, and the median absolute deviation (MAD) instead of the standard deviation: up to six odd
nights of fourteen, a fever or a sensor that slipped, move the usual hardly at all. A night is kept as two numbers, so a
baseline is a few hundred bytes however often the sensor reports.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from statistics import median
from typing import Final

import msgspec

NIGHTS: Final = 14
"""Nights that count. Two weeks hold every weekday twice, and forget an illness after two weeks."""

NIGHTS_NEEDED: Final = 7
"""With fewer nights nothing is usual yet: a week has every day of the house's routine once."""

NORMAL: Final = 1.4826
"""MAD times this is the standard deviation where values are spread normally (Rousseeuw and Croux, 1993)."""

OUTLIER: Final = 3.5
"""So many spreads from the median are out of the ordinary (Iglewicz and Hoaglin, How to Detect and Handle Outliers,
1993: a modified z-score above 3.5)."""

USUAL: Final = 2.0
"""So many spreads to both sides hold about 95 % of what is usual; told as "usually 14 to 18"."""


class Night(msgspec.Struct, frozen=True, array_like=True):
    """One night: the local day on which it began, its median, and its spread (MAD times NORMAL)."""

    day: date
    median: float
    spread: float = 0.0


class Usual(msgspec.Struct, frozen=True):
    """What is usual (``low`` to ``high``), and from where on it is out of the person's own range."""

    middle: float
    low: float
    high: float
    lower: float
    upper: float


def kept(nights: tuple[Night, ...], night: Night) -> tuple[Night, ...]:
    """The last NIGHTS nights with one more; the same day again takes the place of the earlier one."""
    return (*(one for one in nights if one.day != night.day), night)[-NIGHTS:]


def usual(nights: Iterable[Night], *, needed: int, least_spread: float, factor: float = OUTLIER) -> Usual | None:
    """The person's own range; None: too few nights.

    The spread is the root of two squares: how the nights' medians differ, and how values differ within a night.

    Args:
        nights: the last nights.
        needed: how many there must be.
        least_spread: the spread is never taken for less; else a very steady person would be told at every change.
        factor: spreads from the middle that are out of range.
    """
    nights = tuple(nights)
    if len(nights) < needed:
        return None
    middle = median(night.median for night in nights)
    between = NORMAL * median(abs(night.median - middle) for night in nights)
    within = median(night.spread for night in nights)
    spread = max(least_spread, (between * between + within * within) ** 0.5)
    return Usual(
        middle,
        middle - USUAL * spread,
        middle + USUAL * spread,
        middle - factor * spread,
        middle + factor * spread,
    )


def median_and_spread(counts: Mapping[int, int]) -> tuple[float, float]:
    """Median, and MAD times NORMAL, of values that were counted (value -> how often); in the values' own unit.

    Raises:
        ValueError: nothing was counted.
    """
    middle = _median(sorted(counts.items()))
    away: dict[float, int] = {}
    for value, count in counts.items():
        away[abs(value - middle)] = away.get(abs(value - middle), 0) + count
    return middle, NORMAL * _median(sorted(away.items()))


def _median(counted: list[tuple[int, int]] | list[tuple[float, int]]) -> float:
    total = sum(count for _, count in counted)
    if not total:
        raise ValueError("nothing was counted")
    lower, upper = (total - 1) // 2, total // 2
    passed, low = 0, None
    for value, count in counted:
        passed += count
        if low is None and passed > lower:
            low = value
        if passed > upper:
            assert low is not None
            return (low + value) / 2
    raise AssertionError("a median is among its values")  # pragma: no cover
