"""Times in reasons: epoch milliseconds, ages, and the mark of what was heard late."""

from datetime import UTC, datetime, timedelta
from typing import Final

from rules.model import Heard, Reason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

CLOCK_LOST: Final = timedelta(days=5 * 365)
"""Older than this, a time is no time but a clock that lost it: one that begins in 1970, 1980 or 2000, or a GPS receiver
whose week number overran (1,024 weeks, 19.6 years). Such a reading counts as happening when it is heard: taken by its
word, it would look out of order for ever, and nobody would watch any more."""


def lost(at: datetime, received_at: datetime) -> bool:
    """Whether a device's time says only that its clock is wrong."""
    return received_at - at > CLOCK_LOST


def epoch_ms(at: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00Z of a UTC-aware time, for a Reason's ``_at`` values."""
    return (at - _EPOCH) // _MS


def seconds(value: timedelta) -> float:
    """Seconds with one digit, for a Reason's ``_s`` values: nobody reads more."""
    return round(value.total_seconds(), 1)


def heard_late(event: Heard, after_s: float) -> tuple[Reason, ...]:
    """A mark with the event's age when more than ``after_s`` seconds passed until it was heard; else nothing."""
    age = event.received_at - event.at
    if age.total_seconds() <= after_s:
        return ()
    return (Reason("Heard late: it happened {age_s} earlier.", {"age_s": seconds(age)}),)
