"""A clock that is behind is known by its pace; what was held up, however it comes, is none."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.slow_clock import Slow, counted

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

# seconds after noon: (taken by the device's clock, heard)
BEHIND = [
    pytest.param([(-7200, 0), (-6900, 300), (-6600, 600)], id="two hours, every five minutes"),
    pytest.param([(-3600, 0), (-3590, 10), (-3578, 20)], id="every ten seconds, the network wavers"),
    pytest.param([(-3600, 0), (-3600, 0), (-3600, 1), (-3540, 60), (-3480, 120)], id="parts and copies don't count"),
    pytest.param([(-9000, 0), (-3600, 0), (-3540, 60), (-3480, 120)], id="a held-up one first"),
    pytest.param([(-320, 0), (-260, 60), (-200, 120)], id="five minutes and a bit"),
    pytest.param([(-3600, 0), (-3540, 60), (-3480, 120), (-1000, 200), (20, 200)], id="sure: bursts change nothing"),
]
NOT_BEHIND = [
    pytest.param([(-3600, 0), (-3540, 60)], id="two are too few"),
    pytest.param([(-3600, 0), (-3000, 1), (-2400, 2), (-1800, 3), (-1200, 4)], id="a burst"),
    pytest.param([(-3600, 0), (-3540, 6), (-3480, 12), (-3420, 18)], id="a store that is sent slowly"),
    pytest.param([(-3600, 0), (-3605, 60), (-3610, 120), (-3615, 180)], id="backwards"),
    pytest.param([(-3600, 0), (-3600, 60), (-3600, 120), (-3600, 180)], id="the same time again and again"),
    pytest.param([(-200, 0), (-140, 60), (-80, 120), (-20, 180)], id="three minutes are a slow network"),
    pytest.param([(-3600, 0), (-3540, 60), (110, 120), (-3420, 180), (-3360, 240)], id="on time in between"),
    pytest.param([(-3600, 0), (-3300, 60), (-3000, 120)], id="not at the same pace"),
]


def after(readings: list[tuple[float, float]]) -> Slow | None:
    known: Slow | None = None
    for taken, heard in readings:
        known = counted(known, NOON + timedelta(seconds=taken), NOON + timedelta(seconds=heard))
    return known


@pytest.mark.parametrize("readings", BEHIND)
def test_a_steady_pace_is_a_clock(readings: list[tuple[float, float]]) -> None:
    known = after(readings)
    assert known is not None
    assert known.sure


@pytest.mark.parametrize("readings", NOT_BEHIND)
def test_a_delay_is_none(readings: list[tuple[float, float]]) -> None:
    known = after(readings)
    assert known is None or not known.sure


def test_one_reading_on_time_proves_the_clock_right() -> None:
    steady: list[tuple[float, float]] = [(-3600, 0), (-3540, 60), (-3480, 120)]
    assert after(steady) is not None
    assert after([*steady, (180 - 121, 180)]) is not None
    assert after([*steady, (180 - 119, 180)]) is None


def test_the_same_reading_once_more_changes_nothing() -> None:
    once: list[tuple[float, float]] = [(-3600, 0), (-3540, 60)]
    assert after([*once, once[-1]]) == after(once)
