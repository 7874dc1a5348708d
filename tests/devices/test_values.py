"""Checked values from what a bridge sent."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import values
from devices.errors import UnreadableError, Why

EIGHT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (values.number, 5, 5.0),
        (values.number, -2.5, -2.5),
        (values.percent, 100, 100.0),
        (values.percent, 0, 0.0),
        (values.whole, 7.0, 7),
        (values.text, "x", "x"),
        (values.epoch_seconds, 1772352000, EIGHT),
        (values.epoch_seconds, "1772352000", EIGHT),
        (values.epoch_seconds, 1772352000.5, EIGHT + timedelta(seconds=0.5)),
        (values.moment, "2026-03-01T08:00:00Z", EIGHT),
        (values.moment, "2026-03-01T09:00:00.000+0100", EIGHT),
        (values.moment, 1772352000000, EIGHT),
    ],
)
def test_good_values(check: Callable[[Any, str], Any], value: Any, result: Any) -> None:
    got = check(value, "f")
    assert got == result
    assert type(got) is type(result)


@pytest.mark.parametrize("check", [values.number, values.percent, values.whole, values.text, values.moment])
def test_nothing_said_stays_nothing(check: Callable[[Any, str], Any]) -> None:
    assert check(None, "f") is None


@pytest.mark.parametrize(
    ("check", "value", "why"),
    [
        (values.number, True, Why.WRONG_TYPE),
        (values.number, "5", Why.WRONG_TYPE),
        (values.number, math.nan, Why.NOT_FINITE),
        (values.number, math.inf, Why.NOT_FINITE),
        (values.number, 2**63, Why.BIG_INTEGER),
        (values.number, -(2**63) - 1, Why.BIG_INTEGER),
        (values.percent, 100.5, Why.OUT_OF_RANGE),
        (values.percent, -1, Why.OUT_OF_RANGE),
        (values.whole, 1.5, Why.WRONG_TYPE),
        (values.whole, -1, Why.OUT_OF_RANGE),
        (values.text, 5, Why.WRONG_TYPE),
        (values.epoch_seconds, "noon", Why.BAD_TIME),
        (values.epoch_seconds, "nan", Why.BAD_TIME),
        (values.epoch_seconds, -1, Why.BAD_TIME),
        (values.epoch_seconds, 253402300800, Why.BAD_TIME),
        (values.epoch_seconds, 10**400, Why.BAD_TIME),
        (values.epoch_seconds, True, Why.WRONG_TYPE),
        (values.moment, "2026-03-01T08:00:00", Why.BAD_TIME),
        (values.moment, "2026-03-01", Why.BAD_TIME),
        (values.moment, "1969-12-31T23:00:00Z", Why.BAD_TIME),
        (values.moment, -1, Why.BAD_TIME),
        (values.moment, 1.5, Why.WRONG_TYPE),
        (values.moment, True, Why.WRONG_TYPE),
    ],
)
def test_bad_values(check: Callable[[Any, str], Any], value: Any, why: Why) -> None:
    with pytest.raises(UnreadableError) as caught:
        check(value, "a.b")
    assert (caught.value.why, caught.value.field) == (why, "a.b")
    assert "expected" in caught.value.detail


@pytest.mark.parametrize(("lon", "lat"), [(math.nan, 0), (0, math.nan), (180.1, 0), (0, -90.1), (math.inf, 0)])
def test_places_off_the_earth(lon: float, lat: float) -> None:
    with pytest.raises(UnreadableError) as caught:
        values.place(lon, lat, "position")
    assert caught.value.why is Why.BAD_POSITION


def test_the_corners_of_the_earth_are_places() -> None:
    for lon, lat in ((-180, -90), (180, 90), (0, 0)):
        values.place(lon, lat, "position")
    assert values.is_no_place(0, -0.0)
    assert not values.is_no_place(0, 1e-9)


def test_utc_moves_zones_and_keeps_milliseconds() -> None:
    there = timezone(timedelta(hours=-3))
    assert values.utc(datetime(2026, 3, 1, 5, tzinfo=there), "t") == EIGHT
    assert values.utc(datetime(2026, 3, 1, 5, tzinfo=there), "t").utcoffset() == timedelta(0)  # type: ignore[union-attr]
    assert values.utc(1772352000001, "t") == EIGHT + timedelta(milliseconds=1)
    assert values.to_ms(EIGHT + timedelta(microseconds=1999)) == 1772352000001
    assert values.utc(values.MAX_EPOCH_MS, "t") == datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
    with pytest.raises(UnreadableError):
        values.utc(datetime(2026, 3, 1), "t")  # noqa: DTZ001 a naive time is what is tested


@given(st.integers(0, values.MAX_EPOCH_MS) | st.integers(2**32 * 1000 - 5000, 2**32 * 1000 + 5000))
def test_every_millisecond_is_kept(ms: int) -> None:
    at = values.utc(ms, "t")
    assert at is not None
    assert at.microsecond % 1000 == 0
    assert values.to_ms(at) == ms
