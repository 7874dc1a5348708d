"""Checked values: numbers, percentages, texts, times and places from what a bridge sent.

``value`` is anything that JSON can hold, ``field`` its path for the refusal. None stays None: what a device did not
say is not an error here. Every function raises UnreadableError with the reason, the shortened value and what is
expected.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from devices.errors import UnreadableError, Why
from devices.refusals import MAX_INTEGER, shown

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_EPOCH_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, where Python's datetime and RFC 3339 end."""
MAX_EPOCH_S = MAX_EPOCH_MS // 1000
_EXACT_MS = 2**32 * 1000
"""Up to 2106 a float of seconds keeps milliseconds exactly, and is turned into a time twice as fast as by adding."""

_TIME_EXPECTED = "expected a time with its zone, like 2026-01-31T10:00:00Z, from 1970 to the year 9999"


def number(value: Any, field: str, low: float = -math.inf, high: float = math.inf) -> float | None:
    """A finite number from low to high."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected a number", field)
    if isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        raise UnreadableError(Why.BIG_INTEGER, f"{shown(value)}; expected an integer of at most 63 bits", field)
    if not math.isfinite(value):
        raise UnreadableError(Why.NOT_FINITE, f"{shown(value)}; expected a finite number", field)
    if not low <= value <= high:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected a number from {low:g} to {high:g}", field)
    return float(value)


def percent(value: Any, field: str) -> float | None:
    """A number from 0 to 100."""
    return number(value, field, 0, 100)


def whole(value: Any, field: str, low: int = 0, high: int = MAX_INTEGER) -> int | None:
    """An integer from low to high; a float without a fraction counts as one."""
    checked = number(value, field, low, high)
    if checked is None:
        return None
    if checked != int(checked):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected a whole number", field)
    return int(value)


def text(value: Any, field: str) -> str | None:
    """Text."""
    if value is None or isinstance(value, str):
        return value
    raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected text", field)


def place(lon: float, lat: float, field: str) -> None:
    """Refuse coordinates that are not on Earth, NaN included.

    0/0 is allowed: what it means is the format's to say (see is_no_place).
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise UnreadableError(
            Why.BAD_POSITION,
            f"{shown([lon, lat])}; expected a longitude of -180 to 180 and a latitude of -90 to 90",
            field,
        )


def is_no_place(lon: float, lat: float) -> bool:
    """Exactly 0/0: in the sea off Ghana, and what a receiver without a fix says."""
    return lon == 0 and lat == 0


def utc(at: datetime | int | None, field: str) -> datetime | None:
    """A time as UTC: an aware datetime, or whole milliseconds since 1970.

    Raises UnreadableError (BAD_TIME) before 1970, beyond the year 9999, or without a zone.
    """
    if at is None:
        return None
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise _bad_time(at.isoformat(), field)
        try:
            moved = at if at.tzinfo is UTC else at.astimezone(UTC)
        except OverflowError:
            raise _bad_time(at.isoformat(), field) from None
        if moved < EPOCH:
            raise _bad_time(at.isoformat(), field)
        return moved
    if not 0 <= at <= MAX_EPOCH_MS:
        raise _bad_time(at, field)
    if at < _EXACT_MS:
        return datetime.fromtimestamp(at / 1000, UTC)
    return EPOCH + timedelta(milliseconds=at)


def to_ms(at: datetime) -> int:
    """Whole milliseconds since 1970 of an aware time, rounded down."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def epoch_seconds(value: float | str | None, field: str) -> datetime | None:
    """Seconds since 1970, as a number or as text with a number in it."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected seconds since 1970", field)
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        raise _bad_time(value, field) from None
    if not 0 <= seconds <= MAX_EPOCH_S:  # NaN fails every comparison
        raise _bad_time(value, field)
    return datetime.fromtimestamp(seconds, UTC)


def moment(value: Any, field: str) -> datetime | None:
    """ISO 8601 text with a zone, or whole milliseconds since 1970."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; {_TIME_EXPECTED}", field)
    if isinstance(value, int):
        return utc(value, field)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise _bad_time(value, field) from None
    return utc(at, field)


def _bad_time(value: Any, field: str) -> UnreadableError:
    return UnreadableError(Why.BAD_TIME, f"{shown(value)}; {_TIME_EXPECTED}", field)
