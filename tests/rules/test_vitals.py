"""Heart rate, breathing and oxygen against limits for everybody and the person's own nights."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Reading, Vitals
from rules.baseline import NIGHTS
from rules.errors import BadRuleError
from rules.model import Cleared, Raised
from rules.registry import decode_states, encode_states
from rules.vitals import VitalState
from tests.rules.nights import breath, clock, heart, story_of
from tests.rules.story import Story, rules_of

BREATHING = {"rule": "breathing", "for_s": 600, "readings": 5}
HEART = {"rule": "heart_rate", "for_s": 600, "readings": 5}
MINUTE = 60.0


def night(story: Story, day: int, reading: Any, *values: float) -> None:
    """An hour of that night from 23:00, a reading a minute, the values in turn."""
    for minute in range(60):
        story.hear(clock(f"+{day} 23:00") + minute * MINUTE, reading(values[minute % len(values)]))


def known(rule: dict[str, Any], reading: Any, *values: float, nights: int = 7) -> Story:
    """A story in which so many nights are known; it goes on in the night after them (day ``nights``)."""
    story = story_of(rule)
    for day in range(nights):
        night(story, day, reading, *values)
    return story


def minutes(story: Story, begin: str, readings: list[Reading], step: float = 120.0) -> list[str]:
    return [said for n, one in enumerate(readings) if (said := story.hear(clock(begin) + n * step, one))]


def test_out_of_the_own_range_is_told_in_words() -> None:
    story = known(BREATHING, breath, 15, 16, 17)
    assert minutes(story, "+7 23:00", [breath(24)] * 7) == ["raised medium"]
    raised = story.last(Raised)
    assert raised.reason.text == "Breathing {rate} a minute for {held_s}; the usual at night is {low} to {high}."
    assert raised.reason.values == {"rate": 24, "held_s": 600.0, "low": 13, "high": 19}
    assert len(raised.evidence) == 2
    assert minutes(story, "+7 23:20", [breath(16)] * 9) == ["cleared"]
    assert story.last(Cleared).reason.values == {"rate": 16}


CASES: dict[str, tuple[list[int], list[str]]] = {
    "for long enough": ([24] * 6, ["raised medium"]),
    "not for long enough": ([24] * 5, []),
    "one outlier": ([16, 16, 24, 16, 16, 16, 16, 16], []),
    "two outliers": ([16, 24, 16, 16, 24, 16, 16, 16], []),
    "one value that fits does not hide it": ([24, 24, 16, 24, 24, 24, 24], ["raised medium"]),
    "two that fit end it": ([24, 24, 24, 16, 16, 24, 24, 24], []),
    "too slow": ([10] * 6, ["raised medium"]),
    "too slow and too fast in turn is no state": ([10, 24] * 6, []),
    "a sensor's none": ([0] * 9, []),
    "told once": ([24] * 40, ["raised medium"]),
    "worse is told again, with the limit's priority": ([24] * 6 + [26] * 6, ["raised medium", "raised high"]),
    "beyond the limits at once": ([30] * 6, ["raised high"]),
    "clears only after as long": ([24] * 6 + [16] * 5 + [24] * 3 + [16] * 6, ["raised medium", "cleared"]),
}


@pytest.mark.parametrize("name", CASES)
def test_tonight(name: str) -> None:
    values, expected = CASES[name]
    story = known(BREATHING, breath, 15, 16, 17)
    assert minutes(story, "+7 23:00", [breath(value) for value in values]) == expected


def test_before_enough_nights_only_the_limits_count() -> None:
    story = known(BREATHING, breath, 15, 16, 17, nights=6)
    assert minutes(story, "+6 23:00", [breath(24)] * 20) == []
    assert minutes(story, "+6 23:50", [breath(25)] * 6) == ["raised high"]
    assert story.last(Raised).reason.values == {"rate": 25, "held_s": 600.0, "limit": 25.0}
    assert story.last(Raised).marks == ()


def test_beyond_the_limit_the_usual_is_a_mark() -> None:
    story = known(BREATHING, breath, 15, 16, 17)
    minutes(story, "+7 23:00", [breath(30)] * 6)
    assert story.last(Raised).reason.text.endswith("or more needs a look.")
    assert [mark.values for mark in story.last(Raised).marks] == [{"low": 13, "high": 19}]
    story = known(BREATHING, breath, 15, 16, 17)
    minutes(story, "+7 23:00", [breath(8)] * 6)
    assert story.last(Raised).reason.text.endswith("or less needs a look.")


def test_by_day_only_the_limits_count_and_a_nap_is_not_counted() -> None:
    story = known(HEART, heart, 58, 60, 62)
    before = story.states["heart_rate"]
    assert minutes(story, "+7 14:00", [heart(100)] * 20) == []
    assert story.states["heart_rate"] == before
    assert minutes(story, "+7 15:00", [heart(135)] * 6) == ["raised high"]


@pytest.mark.parametrize(
    ("rule", "make", "value", "said"),
    [
        # NEWS2, Royal College of Physicians, 2017: the bands that count 3
        (HEART, heart, 40, "raised high"),
        (HEART, heart, 41, ""),
        (HEART, heart, 131, "raised high"),
        (HEART, heart, 130, ""),
        (BREATHING, breath, 8, "raised high"),
        (BREATHING, breath, 9, ""),
        (BREATHING, breath, 25, "raised high"),
        (BREATHING, breath, 24, ""),
        ({"rule": "oxygen"}, lambda value: Vitals(device="gps", spo2_percent=value), 91, "raised high"),
        ({"rule": "oxygen"}, lambda value: Vitals(device="gps", spo2_percent=value), 92, ""),
    ],
)
def test_the_limits_for_everybody(rule: dict[str, Any], make: Any, value: float, said: str) -> None:
    story = story_of(rule)
    assert minutes(story, "23:00", [make(value)] * 6) == ([said] if said else [])


def test_oxygen_in_words_and_back() -> None:
    story = story_of({"rule": "oxygen"})
    minutes(story, "23:00", [Vitals(device="gps", spo2_percent=88.0)] * 6)
    assert story.last(Raised).reason.values == {"oxygen_percent": 88, "held_s": 600.0, "limit_percent": 91.0}
    assert minutes(story, "23:20", [Vitals(device="gps", spo2_percent=95.0)] * 6) == ["cleared"]


def test_values_of_poor_quality_are_passed_over() -> None:
    story = story_of(HEART)
    assert minutes(story, "23:00", [heart(140, quality_percent=49)] * 20) == []
    assert minutes(story, "23:50", [heart(140, quality_percent=50)] * 6) == ["raised high"]


def test_a_gap_ends_what_was_going_on() -> None:
    story = story_of(HEART)
    assert minutes(story, "23:00", [heart(140)] * 9, step=1801) == []
    assert minutes(story_of(HEART), "23:00", [heart(140)] * 9, step=600) == ["raised high"]


def test_a_gap_is_long_by_how_often_the_sensor_measures() -> None:
    story = story_of(HEART)
    assert minutes(story, "23:00", [heart(140)] * 4, step=60) == []
    assert minutes(story, "23:14", [heart(140)] * 4, step=60) == [], "eleven minutes, where it measures each minute"


@pytest.mark.parametrize("pause", [11, 15, 20, 30])
@pytest.mark.parametrize(("more", "needed"), [({}, 5), ({"for_s": 7200, "readings": 3}, 3)])
def test_a_sensor_that_measures_seldom_is_judged_too(pause: int, more: dict[str, Any], needed: int) -> None:
    story = story_of(HEART | more)
    assert minutes(story, "23:00", [heart(190)] * 12, step=pause * MINUTE) == ["raised high"]
    assert story.last(Raised).reason.values["held_s"] >= (needed - 1) * pause * MINUTE


@pytest.mark.parametrize("pause", [1, 15])
def test_one_outlier_of_a_slow_sensor_raises_nothing(pause: int) -> None:
    values = [70, 70, 190, 70, 70, 70, 190, 70, 70]
    assert minutes(story_of(HEART), "23:00", [heart(one) for one in values], step=pause * MINUTE) == []


def test_what_was_told_is_told_again_the_next_night() -> None:
    story = story_of(HEART)
    assert minutes(story, "23:00", [heart(140)] * 6) == ["raised high"]
    assert minutes(story, "+1 23:00", [heart(140)] * 6) == ["raised high"]


def test_heard_late_is_judged_by_its_own_time_and_marked() -> None:
    story = story_of(HEART)
    said = [story.hear(clock("+1 09:00"), heart(140), age=7200 - n * 120) for n in range(6)]
    assert said[-1] == "raised high"
    assert story.last(Raised).marks[0].values == {"age_s": 6600.0}


def test_without_the_own_range() -> None:
    story = known(BREATHING | {"own": False}, breath, 16)
    assert minutes(story, "+7 23:00", [breath(24)] * 9) == []
    assert story.states["breathing"] == story.rules.rules[0].start(story.begins)


def test_limits_that_overlap_are_refused() -> None:
    for rule in ("heart_rate", "breathing"):
        with pytest.raises(BadRuleError, match="must be below high"):
            rules_of(
                {
                    "rule": rule,
                    "low": 20.0 if rule == "breathing" else 100.0,
                    "high": 10.0 if rule == "breathing" else 60.0,
                }
            )


def test_the_state_stays_small_over_weeks() -> None:
    story = story_of(HEART, BREATHING)
    for day in range(20):
        for minute in range(0, 480, 4):
            rate = 50 + (minute * 7 + day) % 40
            reading = Vitals(device="gps", heart_rate_bpm=rate, respiratory_rate_bpm=10 + rate % 13)
            story.hear(clock(f"+{day} 22:30") + minute * MINUTE, reading)
    state = story.states["heart_rate"]
    assert isinstance(state, VitalState)
    assert len(state.nights) == NIGHTS
    assert len(encode_states(story.states)) < 2500


def test_a_sensor_that_reports_each_second_counts_once_a_minute() -> None:
    story = story_of(HEART)
    for second in range(600):
        story.hear(clock("23:00") + second, heart(60))
    state = story.states["heart_rate"]
    assert isinstance(state, VitalState)
    assert state.counts == {60: 10}


def test_a_short_hour_is_no_night() -> None:
    story = story_of(HEART)
    minutes(story, "23:00", [heart(60)] * 29, step=60)
    story.hear(clock("+1 23:00"), heart(60))
    minutes(story, "+1 23:01", [heart(60)] * 29, step=60)
    story.hear(clock("+2 23:00"), heart(60))
    state = story.states["heart_rate"]
    assert isinstance(state, VitalState)
    assert [night.median for night in state.nights] == [60.0]


VALUES = st.lists(st.tuples(st.sampled_from([10.0, 60.0, 120.0, 601.0]), st.integers(3, 40)), max_size=60)


@given(VALUES, st.integers(0, 60))
@settings(max_examples=60)
def test_any_values_and_a_restart(rows: list[tuple[float, int]], restart: int) -> None:
    one, two = known_breathing(), known_breathing()
    at = clock("+7 23:00")
    for number, (gap, value) in enumerate(rows):
        at += gap
        if number == restart:
            two.states = decode_states(encode_states(two.states))
        assert one.hear(at, breath(value)) == two.hear(at, breath(value))
    assert one.states == two.states
    words = [type(change.verdict) for change in one.changes if isinstance(change.verdict, Raised | Cleared)]
    assert not words or words[0] is Raised
    assert all(not (a is Cleared and b is Cleared) for a, b in pairwise(words))


@given(VALUES, st.lists(st.tuples(st.integers(1, 60), st.integers(3, 40)), max_size=10))
@settings(max_examples=60)
def test_older_values_change_nothing(rows: list[tuple[float, int]], late: list[tuple[int, int]]) -> None:
    one, two = known_breathing(), known_breathing()
    at = clock("+7 23:00")
    for gap, value in rows:
        at += gap
        assert one.hear(at, breath(value)) == two.hear(at, breath(value))
        state = two.states["breathing"]
        assert isinstance(state, VitalState)
        assert state.at is not None
        for minutes_before, old in late:
            age = two.time(at) - state.at + timedelta(minutes=minutes_before)
            assert two.hear(at, breath(old), age=age.total_seconds()) == ""
    assert one.states == two.states


_KNOWN = encode_states(known(BREATHING, breath, 15, 16, 17).states)


def known_breathing() -> Story:
    story = story_of(BREATHING)
    story.states = decode_states(_KNOWN)
    return story
