"""Medians, spreads and windows: numbers worked out by hand, and what must hold for any."""

from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.baseline import NIGHTS, Night, kept, median_and_spread, usual
from rules.night import Daily
from rules.nights import Windows, next_wall_clock

MALTA = ZoneInfo("Europe/Malta")
DAY = date(2026, 1, 1)


def nights(*medians: float, spread: float = 0.0) -> tuple[Night, ...]:
    return tuple(Night(DAY + timedelta(days=n), value, spread) for n, value in enumerate(medians))


@given(st.lists(st.integers(20, 200), min_size=1, max_size=200))
def test_a_counted_median_is_the_median(values: list[int]) -> None:
    counts = {value: values.count(value) for value in set(values)}
    middle, spread = median_and_spread(counts)
    assert middle == median(values)
    assert spread == pytest.approx(1.4826 * median(abs(value - middle) for value in values))


def test_nothing_counted_has_no_median() -> None:
    with pytest.raises(ValueError, match="nothing was counted"):
        median_and_spread({})


def test_the_usual_by_hand() -> None:
    # medians 14..18: middle 16, MAD 1, so between 1.4826; within 2; together 2.4896
    own = usual(nights(14, 15, 16, 17, 18, spread=2.0), needed=5, least_spread=0.5, factor=3.5)
    assert own is not None
    assert own.middle == 16
    assert own.low == pytest.approx(16 - 2 * 2.4896, abs=1e-3)
    assert own.upper == pytest.approx(16 + 3.5 * 2.4896, abs=1e-3)


def test_a_very_steady_person_has_a_least_spread() -> None:
    own = usual(nights(60, 60, 60), needed=3, least_spread=4.0)
    assert own is not None
    assert (own.low, own.high, own.lower, own.upper) == (52, 68, 46, 74)


def test_too_few_nights() -> None:
    assert usual(nights(60, 60), needed=3, least_spread=4.0) is None


@given(st.lists(st.integers(55, 65), min_size=8, max_size=8), st.lists(st.integers(20, 250), min_size=6, max_size=6))
def test_six_odd_nights_of_fourteen_move_the_middle_only_among_the_usual(calm: list[int], odd: list[int]) -> None:
    own = usual(nights(*odd, *calm), needed=7, least_spread=1.0)
    assert own is not None
    assert 55 <= own.middle <= 65


def test_fourteen_nights_are_kept_and_a_day_once() -> None:
    last: tuple[Night, ...] = ()
    for day in range(20):
        last = kept(last, Night(DAY + timedelta(days=day), day))
    assert [night.median for night in last] == list(range(6, 20))
    again = kept(last, Night(DAY + timedelta(days=19), 99))
    assert len(again) == NIGHTS
    assert again[-1].median == 99


TIMES = st.integers(0, 230 * 24 * 60).map(
    lambda minutes: datetime(2026, 3, 20, tzinfo=UTC) + timedelta(minutes=minutes)
)
WALL = st.sampled_from([time(22), time(6), time(2, 30), time(3), time(0), time(1, 59)])


@given(WALL, WALL, st.lists(TIMES, min_size=1, max_size=8))
def test_a_window_is_found_whatever_was_asked_before(since: time, until: time, asked: list[datetime]) -> None:
    daily = Daily(since, until, MALTA)
    windows = Windows(daily)
    for at in asked:
        found = windows.at(at)
        assert found == Windows(daily).at(at)
        assert found.start <= at < found.end
        today = at.astimezone(MALTA).date()
        around = [daily.window(today + timedelta(days=days)) for days in (-1, 0, 1)]
        assert found.inside is any(start <= at < end for start, end in around)
        following = windows.next_start(at)
        assert following >= at
        assert windows.at(following).start == following
        assert windows.at(following).inside
        assert following - at <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-01-14T20:00", "2026-01-14T20:00"),  # 21:00 on the wall: now
        ("2026-01-14T20:01", "2026-01-15T01:30"),
        ("2026-01-15T01:31", "2026-01-15T20:00"),
        ("2026-03-29T00:00", "2026-03-29T01:30"),  # 02:30 is skipped: 03:30 on the wall
        ("2026-10-25T00:00", "2026-10-25T00:30"),  # 02:30 twice: the first, ...
        ("2026-10-25T00:31", "2026-10-25T20:00"),  # ... and not again an hour later
    ],
)
def test_the_next_time_on_the_wall(after: str, expected: str) -> None:
    at = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = next_wall_clock([time(21), time(2, 30)], MALTA, at)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)
