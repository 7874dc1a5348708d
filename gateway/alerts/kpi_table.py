"""A stretch of key figures as a row of a table of numbers: for CSV, from the command line and from the page."""

from collections.abc import Iterator
from typing import Final

import msgspec

from gateway.alerts.kpi import LIMITS, Figures, Spread

TIMES: Final = ("notified", "acknowledged", "attended")


def columns(figures: Figures) -> Iterator[tuple[str, object]]:
    """Name and value of each column; times are RFC 3339 in UTC or seconds, what is not known is empty."""
    yield "period", figures.label
    yield "from", msgspec.to_builtins(figures.since)
    yield "to", msgspec.to_builtins(figures.until)
    for name in ("alerts", "tests", "closed", "unanswered", "promises_not_kept"):
        yield name, getattr(figures, name)
    for name in TIMES:
        spread: Spread = getattr(figures, name)
        yield from ((f"{name}_alerts", spread.alerts), (f"{name}_median_s", spread.median_s))
        yield f"{name}_p90_s", spread.p90_s
    for name in LIMITS:
        share = figures.shares[name]
        yield name, None if share.share is None else round(share.share, 4)
        yield f"{name}_of", share.of
