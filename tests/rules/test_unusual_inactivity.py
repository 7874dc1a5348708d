from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Motion, Room
from rules.model import DeviceInfo, Raised
from rules.unusual_inactivity import DAYS, DAYS_NEEDED, gaps, limits
from tests.rules.story import CONTEXT, Story

H, DAY = 3600.0, 86_400.0
PIR = DeviceInfo("pir", "native", type="motion_sensor")
HOME = msgspec.structs.replace(CONTEXT, devices=(PIR,))
MIDNIGHT = datetime(2026, 1, 13, 23, 0, tzinfo=UTC)
"""Midnight in Malta."""
MOVES = Motion(device="pir", moving=True)
HABIT = (7, 8, 9, 11, 12, 14, 16, 17, 19, 21)
"""Hours of the day in which this person moves."""
RULE = {"rule": "unusual_inactivity"}


def mask(hours: Iterable[int]) -> int:
    return sum(1 << hour for hour in hours)


def lived(days: int, begins: datetime = MIDNIGHT) -> Story:
    """So many days of the habit."""
    story = Story(RULE, context=HOME, begins=begins)
    for day in range(days):
        for hour in HABIT:
            story.hear(day * DAY + hour * H + 600, MOVES, device="pir")
    return story


def test_nothing_is_told_before_a_week_is_learned() -> None:
    # the first day has no day before it, by which its gaps would begin
    story = lived(DAYS_NEEDED)
    assert story.wait(DAYS_NEEDED * DAY + 30 * H) == ""
    assert not any(isinstance(change.verdict, Raised) for change in story.changes)


def test_a_steady_fortnight_tells_nothing_and_a_quiet_day_is_told_once() -> None:
    story = lived(14)
    assert not any(isinstance(change.verdict, Raised) for change in story.changes)
    day = 14 * DAY
    assert story.hear(day + 7 * H + 600, MOVES, device="pir") == ""
    # usual is one hour at most at any hour of the day; 4 hours at 13:00 are still within "two hours later"
    assert story.wait(day + 14 * H - 1) == ""
    assert story.wait(day + 14 * H) == "raised low"
    assert story.wait(day + 40 * H) == ""
    raised = story.last(Raised)
    assert raised.reason.values["days"] == 14
    assert raised.reason.values["still_s"] >= 3 * H
    assert [one.device for one in raised.evidence] == ["pir"]
    assert story.hear(day + 41 * H, MOVES, device="pir") == "cleared"


def test_the_night_is_usual_and_sleeping_in_by_an_hour_too() -> None:
    story = lived(14)
    assert story.hear(14 * DAY + 8.5 * H, MOVES, device="pir") == ""


def test_not_up_in_the_morning_is_told() -> None:
    story = lived(14)
    assert story.wait(14 * DAY + 10 * H - 1) == ""
    assert story.wait(14 * DAY + 10 * H) == "raised low"


def test_a_late_riser_is_not_told_of_in_the_morning() -> None:
    story = Story(RULE, context=HOME, begins=MIDNIGHT)
    for day in range(14):
        for hour in (11 + day % 2, 13, 14, 16, 18, 20, 22):
            assert story.hear(day * DAY + hour * H, MOVES, device="pir") == ""


def test_a_week_away_is_not_learned_as_quiet() -> None:
    story = lived(14)
    before = limits(story.states["unusual_inactivity"].before, 3)  # type: ignore[attr-defined]
    story.wait(21 * DAY)
    for hour in HABIT:
        story.hear(22 * DAY + hour * H, MOVES, device="pir")
    story.hear(23 * DAY + 7 * H, MOVES, device="pir")
    assert story.states["unusual_inactivity"].limits == before  # type: ignore[attr-defined]


def test_movement_that_was_held_up_fills_its_own_hour() -> None:
    story = lived(14)
    day = 14 * DAY
    story.hear(day + 7 * H, MOVES, device="pir")
    story.hear(day + 9 * H, MOVES, device="pir")
    assert story.hear(day + 9.5 * H, MOVES, device="pir", age=1.5 * H) == ""
    assert story.states["unusual_inactivity"].hours == mask((7, 8, 9))  # type: ignore[attr-defined]
    assert story.hear(day + 9.6 * H, MOVES, device="pir", age=DAY) == ""


def test_movement_that_was_held_up_too_long_takes_nothing_back() -> None:
    story = lived(14)
    day = 14 * DAY
    story.hear(day + 7 * H, MOVES, device="pir")
    assert story.wait(day + 16 * H) == "raised low"
    assert story.hear(day + 16 * H, MOVES, device="pir", age=8 * H) == ""
    assert story.hear(day + 17 * H, MOVES, device="pir") == "cleared"


def test_a_room_that_says_the_same_again_is_no_movement() -> None:
    story = lived(14)
    there = Room(device="pir", present=True)
    day = 14 * DAY
    story.hear(day + 7 * H, there, device="pir")
    said = [story.hear(day + hour * H, there, device="pir") for hour in range(8, 17)]
    assert said.count("raised low") == 1


@pytest.mark.parametrize("begins", [datetime(2026, 3, 14, 23, tzinfo=UTC), datetime(2026, 10, 10, 22, tzinfo=UTC)])
def test_the_nights_when_the_clocks_change_raise_nothing(begins: datetime) -> None:
    story = Story(RULE, context=HOME, begins=begins)
    zone = HOME.timezone
    for day in range(20):
        for hour in HABIT:
            local = (begins + timedelta(hours=12)).astimezone(zone).replace(hour=hour, minute=10) + timedelta(days=day)
            assert story.hear((local.astimezone(UTC) - begins).total_seconds(), MOVES, device="pir") == ""


def test_while_the_gateway_was_deaf_nobody_is_unusually_quiet() -> None:
    story = lived(14)
    day = 14 * DAY
    story.hear(day + 7 * H, MOVES, device="pir")
    for change in story.rules.resumed(story.states, story.time(day + 8 * H), story.time(day + 20 * H)):
        story.states[change.rule_key] = change.after
    assert story.wait(day + 40 * H) == ""


def test_one_write_an_hour() -> None:
    story = Story(RULE, context=HOME, begins=MIDNIGHT)
    for minute in range(600):
        story.hear(minute * 60, MOVES, device="pir")
    assert len(story.changes) == 10


def test_gaps_and_limits() -> None:
    habit = mask(HABIT)
    (one,) = zip(*gaps([habit, habit]), strict=True)
    assert one[6] == 9, "from ten in the evening to seven"
    assert (one[7], one[10], one[13], one[15]) == (0, 1, 1, 1)
    assert limits([habit] * DAYS_NEEDED, 3) == (), "a day less is known to its beginning"
    learned = limits([habit] * 8, 3)
    assert learned[6] == 11, "the median 9, and 3 x half an hour, as whole hours"
    assert learned[7:10] == (12, 13, 4), "two hours later than usual is not unusual, three are"


@given(st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=30), st.integers(1, 24))
def test_limits_are_never_below_the_least(days: list[int], least: int) -> None:
    found = limits(days, least)
    assert len(found) in (0, 24)
    assert all(limit >= least - 1 for limit in found)
    assert len(gaps(days)[0]) <= DAYS


@given(st.lists(st.integers(0, 23), max_size=6))
def test_a_few_odd_days_move_the_limits_little(odd: list[int]) -> None:
    """Three strange days of fourteen: the median stands."""
    steady = [mask(HABIT)] * 15
    strange = list(steady)
    strange[3] = strange[7] = strange[11] = mask(odd)
    for usual, now in zip(limits(steady, 3), limits(strange, 3), strict=True):
        assert abs(usual - now) <= 2
