"""Times in reasons: epoch milliseconds, ages, and the mark of what was heard late."""

from datetime import UTC, datetime, timedelta
from typing import Final

from rules.model import Heard, Reason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


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
