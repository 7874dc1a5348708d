"""A restless night against the person's own, and a bed sensor that falls silent under somebody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Reading, Status
from rules.baseline import NIGHTS
from rules.engine import Failed
from rules.errors import BadRuleError
from rules.model import Cleared, Raised, State, Tick
from rules.registry import decode_states, encode_states
from rules.restless_night import RestlessNightState
from tests.rules.nights import asleep, bed, breath, clock, story_of
from tests.rules.story import Story, heard, rules_of

NIGHT = {"rule": "restless_night", "nights": 7}


def state(story: Story) -> RestlessNightState:
    found = story.states["restless_night"]
    assert isinstance(found, RestlessNightState)
    return found


def night(story: Story, day: int, visits: int = 1, minutes: float = 10, awake: int = 0, moved: float = 5.0) -> str:
    """A night in bed from 21:30 to 07:00 with so many visits, minutes awake and movement; what was said in the end."""
    story.hear(clock(f"+{day} 21:30"), bed(True))
    begin = clock(f"+{day} 22:30")
    for visit in range(visits):
        story.hear(begin + visit * 1800, bed(False))
        story.hear(begin + visit * 1800 + minutes * 60, bed(True))
    begin = clock(f"+{day + 1} 04:30")
    for minute in range(60):
        story.hear(begin + minute * 60, asleep(minute >= awake, movement_percent=moved))
    said = story.hear(clock(f"+{day + 1} 07:00"), bed(False))
    return said + story.wait(clock(f"+{day + 1} 12:00"))


TONIGHT: dict[str, tuple[dict[str, Any], str]] = {
    "as usual": ({}, ""),
    "a visit or two more": ({"visits": 3}, ""),
    "many visits": ({"visits": 6, "minutes": 2}, "raised low"),
    "few but long visits": ({"visits": 3, "minutes": 20}, "raised low"),
    "long awake": ({"awake": 55}, "raised low"),
    "much movement": ({"moved": 30.0}, "raised low"),
    "a little more movement": ({"moved": 15.0}, ""),
    "calmer than usual": ({"visits": 0, "moved": 0.0}, ""),
}


@pytest.mark.parametrize("name", TONIGHT)
def test_tonight(name: str) -> None:
    how, expected = TONIGHT[name]
    story = story_of(NIGHT)
    assert [night(story, day) for day in range(7)] == [""] * 7
    assert night(story, 7, **how) == expected
    assert night(story, 8) == ""


def test_in_words() -> None:
    story = story_of(NIGHT)
    for day in range(7):
        night(story, day)
    night(story, 7, visits=6, minutes=12, awake=55)
    raised = story.last(Raised)
    assert raised.reason.text == "A restless night: {exits} times out of bed; usually up to {usual}."
    assert raised.reason.values == {"exits": 6, "usual": 3}
    out, awake = raised.marks
    assert out.values == {"out_s": 4320.0, "usual_s": 1800}
    assert awake.values["awake_s"] == 3300.0
    assert raised.evidence


def test_too_few_nights_say_nothing() -> None:
    story = story_of(NIGHT)
    for day in range(6):
        night(story, day)
    assert night(story, 6, visits=9, minutes=5) == ""


def test_getting_up_is_no_visit_and_naps_are_none() -> None:
    story = story_of(NIGHT)
    story.hear(clock("13:00"), bed(True))
    story.hear(clock("14:00"), bed(False))
    story.hear(clock("14:10"), bed(True))
    story.hear(clock("15:00"), bed(False))
    story.hear(clock("21:30"), bed(True))
    story.hear(clock("+1 05:30"), bed(False))
    story.wait(clock("+1 12:00"))
    (rest,) = state(story).last
    assert (rest.day.isoformat(), rest.exits, rest.out_s) == ("2026-01-14", 0, 0)


def test_a_night_without_a_word_counts_as_calm() -> None:
    story = story_of(NIGHT)
    story.hear(clock("21:30"), bed(True))
    story.wait(clock("+2 12:00"))  # who stays in bed has another night
    assert [(rest.exits, rest.out_s, rest.awake_s, rest.moved) for rest in state(story).last] == [
        (0, 0, None, None)
    ] * 2


def test_a_night_elsewhere_is_none() -> None:
    story = story_of(NIGHT)
    story.hear(clock("21:30"), bed(False))
    story.wait(clock("+2 12:00"))
    assert state(story).last == ()


def test_late_words_of_a_night_that_was_looked_at_change_nothing() -> None:
    story = story_of(NIGHT)
    night(story, 0)
    before = state(story).last
    late = clock("+1 15:00")
    story.hear(late, bed(True), age=14 * 3600)
    story.hear(late, bed(False), age=13 * 3600)
    story.hear(late, asleep(False), age=13 * 3600)
    story.wait(clock("+1 20:00"))
    assert state(story).last == before


def test_words_heard_late_but_in_time_count() -> None:
    story = story_of(NIGHT)
    story.hear(clock("21:30"), bed(True))
    at = clock("+1 06:10")
    story.hear(at, bed(False), age=4 * 3600)
    story.hear(at, bed(True), age=3 * 3600)
    story.wait(clock("+1 12:00"))
    (rest,) = state(story).last
    assert (rest.exits, rest.out_s) == (1, 3600)


@pytest.mark.parametrize(
    ("begins", "looked_at"),
    [
        (datetime(2026, 3, 28, 19, 0, tzinfo=UTC), datetime(2026, 3, 29, 4, 30, tzinfo=UTC)),
        (datetime(2026, 10, 24, 19, 0, tzinfo=UTC), datetime(2026, 10, 25, 5, 30, tzinfo=UTC)),
    ],
)
def test_when_clocks_change(begins: datetime, looked_at: datetime) -> None:
    story = story_of(NIGHT, begins=begins)
    story.hear(3600, bed(True))
    assert story.rules.wake_at(story.states) == looked_at
    story.hear(2 * 3600, bed(False))  # the night begins at 20:00 UTC in summer, at 21:00 in winter
    story.hear(5 * 3600, bed(True))
    story.hear(6 * 3600, bed(False))
    story.hear(6.5 * 3600, bed(True))
    story.wait((looked_at - begins).total_seconds())
    assert (state(story).last[0].exits, state(story).last[0].out_s) == (2, 3 * 3600 + 1800)


def test_the_state_stays_small() -> None:
    story = story_of(NIGHT)
    for day in range(20):
        night(story, day)
    assert len(state(story).last) == NIGHTS
    assert len(encode_states(story.states)) < 1500


def test_no_time_before_the_next_night_is_refused() -> None:
    with pytest.raises(BadRuleError, match="no time before the next one"):
        rules_of(NIGHT | {"from": "20:00", "to": "20:00"})
    with pytest.raises(BadRuleError, match="no time before the next one"):
        rules_of(NIGHT | {"from": "20:00", "to": "18:00", "settle_minutes": 120})


SILENT = {"rule": "bed_sensor_silent", "minutes": 30}
DUE = 1800 * 1.05

# (seconds, reading or None to wait, how, expected)
SILENCES: dict[str, list[tuple[float, Reading | None, dict[str, Any], str]]] = {
    "silent in bed": [(0, bed(True), {}, "pending 1890"), (1890, None, {}, "raised medium"), (9999, None, {}, "")],
    "heard all the time": [
        (0, bed(True), {}, "pending 1890"),
        (1000, breath(16), {}, "pending 2890"),
        (2800, breath(16), {}, "pending 4690"),
        (4600, bed(False), {}, ""),
        (99_999, None, {}, ""),
    ],
    "in between it is not stored": [(0, bed(True), {}, "pending 1890"), (80, breath(16), {}, "")],
    "nobody in bed": [(0, bed(False), {}, ""), (5, breath(16), {}, ""), (99_999, None, {}, "")],
    "heard again": [(0, bed(True), {}, "pending 1890"), (3600, breath(16), {}, "raised medium, cleared")],
    "out of bed at last": [(0, bed(True), {}, "pending 1890"), (3600, bed(False), {}, "raised medium, cleared")],
    "another device's word is no sign of life": [
        (0, bed(True), {}, "pending 1890"),
        (1800, breath(16), {"device": "sos"}, ""),
        (1890, None, {}, "raised medium"),
    ],
    "nor is the broker's": [
        (0, bed(True), {}, "pending 1890"),
        (1800, Status(device="gps", online=False), {}, ""),
        (1890, None, {}, "raised medium"),
    ],
    "a late word counts when it is received": [
        (0, bed(True), {}, "pending 1890"),
        (1800, breath(16), {"age": 1700}, "pending 3690"),
    ],
    "an older in bed changes nothing": [
        (0, bed(True), {}, "pending 1890"),
        (60, bed(False), {}, ""),
        (90, bed(True), {"age": 60}, ""),
        (9999, None, {}, ""),
    ],
    "two sensors are one incident": [
        (0, bed(True), {}, "pending 1890"),
        (0, bed(True), {"device": "sos"}, "pending 1890"),
        (1890, None, {}, "raised medium"),
        (2000, breath(16), {}, ""),  # the other one is still silent
        (2010, breath(16), {"device": "sos"}, "cleared"),
    ],
}


@pytest.mark.parametrize("name", SILENCES)
def test_silent_in_use(name: str) -> None:
    story = story_of(SILENT)
    for seconds, reading, how, expected in SILENCES[name]:
        said = story.wait(seconds) if reading is None else story.hear(seconds, reading, **how)
        assert said == expected, f"at {seconds}"


def test_silence_in_words() -> None:
    story = story_of(SILENT)
    story.hear(0, bed(True), frame=3)
    story.wait(9999)
    assert story.last(Raised).reason.values == {"device": "gps", "silent_s": DUE}
    assert [seen.frame for seen in story.last(Raised).evidence] == [3]
    story.hear(3600, breath(16))
    assert story.last(Cleared).reason.values == {"device": "gps", "silent_s": 3600.0}


def test_the_gateways_own_silence_does_not_count() -> None:
    story = story_of(SILENT)
    story.hear(0, bed(True))
    (change,) = story.rules.resumed(story.states, story.time(600), story.time(4200))
    story.states[change.rule_key] = change.after
    assert story.wait(1890 + 3599) == ""
    assert story.wait(1890 + 3600) == "raised medium"
    assert story.rules.resumed(story.states, story.time(9000), story.time(9600)) == []


RULES = rules_of(
    {"rule": "bed_exit"}, {"rule": "not_back"}, {"rule": "not_in_bed_by"}, {"rule": "not_up_by"},
    NIGHT | {"nights": 3}, SILENT,
)  # fmt: skip
READINGS = st.one_of(
    st.builds(bed, st.booleans()),
    st.builds(asleep, st.sampled_from([None, True, False]), movement_percent=st.sampled_from([None, 0.0, 50.0])),
    st.just(breath(16)),
)
WORDS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 60.0, 600.0, 1800.0, 3600.0, 8 * 3600.0, 30 * 3600.0]),
        READINGS,
        st.sampled_from([0.0, 0.0, 30.0, 3600.0, 40_000.0, 200_000.0]),
        st.sampled_from(["gps", "sos"]),
    ),
    max_size=25,
)


@given(WORDS, st.integers(0, 25))
@settings(max_examples=80)
def test_any_order_of_words_and_a_restart(words: list[Any], restart: int) -> None:
    at = datetime(2026, 3, 27, 20, 0, tzinfo=UTC)
    one: dict[str, State] = {}
    two: dict[str, State] = {}
    for number, (gap, reading, age, device) in enumerate(words):
        at += timedelta(seconds=gap)
        if number == restart:
            two = decode_states(encode_states(two))
        event = heard(reading, at, at=at - timedelta(seconds=age), device=device, frame=number)
        for step in (event, Tick(at)):
            first, second = RULES.judge(one, step), RULES.judge(two, step)
            assert first == second
            for change in first:
                assert not isinstance(change.verdict, Failed), change
                assert not isinstance(change.verdict, Raised) or change.verdict.evidence
                one[change.rule_key] = two[change.rule_key] = change.after
        due = RULES.wake_at(one)
        assert due is None or due > at, "a Tick settles all that is due"
    assert len(encode_states(one)) < 6000
