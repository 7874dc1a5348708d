"""A device's own habit, links that come and go, batteries that were low, and what a device was heard to send."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Bed, Help, Motion, Reading, Status
from rules.intervals import LIMITS_S, MODELS, limit_of
from rules.model import Cleared, Context, DeviceInfo, Raised
from rules.registry import decode_states, encode_states
from rules.silent import SilentState
from rules.usual import DAYS_KEPT, Usual
from tests.rules.story import T0, Story, fix

MINUTE, HOUR, DAY = 60, 3600, 86_400
HERE = Motion(device="gps", moving=True)
GONE, BACK = Status(device="gps", online=False), Status(device="gps", online=True)


def context(**fields: Any) -> Context:
    device = DeviceInfo("gps", "native", **({"type": "bed_sensor"} | fields))
    return Context(ZoneInfo("Europe/Malta"), {}, (device,))


def story_of(settings_: dict[str, Any] | None = None, **device: Any) -> Story:
    return Story({"rule": "silent"} | (settings_ or {}), context=context(**device))


def speaks(story: Story, since: float, until: float, every: float) -> float:
    """Heard regularly; when it was heard last."""
    at = since
    while at <= until:
        assert story.hear(at, HERE) == "", f"at {at}"
        at += every
    return at - every


def told_after(story: Story, last: float) -> float:
    """Seconds from the last reading until it was told."""
    due = story.rules.wake_at(story.states)
    assert due is not None
    after = (due - story.begins).total_seconds()
    assert story.wait(after) == "raised medium"
    return after - last


def state(story: Story) -> SilentState:
    found = story.states["silent:gps"]
    assert isinstance(found, SilentState)
    return found


# --- its own habit -------------------------------------------------------------------------------------------------


def test_a_regular_device_is_told_after_three_of_its_intervals() -> None:
    story = story_of()
    last = speaks(story, 600, 8 * DAY, 600)
    assert 1800 <= told_after(story, last) <= 1.1 * 1800
    reason = story.last(Raised).reason
    assert reason.text == "{device} was not heard for {silent_s}; by its habit it speaks within {limit_s}."


def test_before_three_days_the_limit_of_its_type_counts() -> None:
    story = story_of()
    last = speaks(story, 600, 2.9 * DAY, 600)
    assert told_after(story, last) >= LIMITS_S["bed_sensor"]


@pytest.mark.parametrize(
    ("settings_", "device", "limit"),
    [
        ({}, {"silent_after_s": 5 * HOUR}, 5 * HOUR),
        ({"after_s": 5 * HOUR}, {}, 5 * HOUR),
        ({"learn": False}, {}, LIMITS_S["bed_sensor"]),
    ],
)
def test_what_somebody_gave_is_not_shortened(settings_: dict[str, Any], device: dict[str, Any], limit: float) -> None:
    story = story_of(settings_, **device)
    last = speaks(story, 600, 8 * DAY, 600)
    assert limit * 0.95 <= told_after(story, last) <= 1.06 * limit


def test_never_sooner_than_the_floor() -> None:
    story = story_of({"not_before_s": 2000})
    last = speaks(story, 100, 5 * DAY, 100)
    assert 1900 <= told_after(story, last) <= 1.1 * 2000


def test_never_later_than_the_limit() -> None:
    story = story_of()
    last = speaks(story, 0, 9 * DAY, 20 * HOUR)
    assert told_after(story, last) <= 1.05 * LIMITS_S["bed_sensor"]


def test_one_bad_day_does_not_make_it_later_and_a_new_habit_is_learned() -> None:
    usual = Usual(T0)
    for day in range(1, 8):
        usual = usual.after(600 if day != 4 else 9 * HOUR, T0 + timedelta(days=day))
    assert usual.limit_s == 1800
    assert len(usual.days) == DAYS_KEPT
    for day in range(8, 10):
        usual = usual.after(HOUR, T0 + timedelta(days=day))
    assert usual.limit_s == 3 * HOUR
    assert usual.after(10, T0 + timedelta(days=9, seconds=10)).after(5, T0 + timedelta(days=9, seconds=20)).today == 10


@given(
    st.lists(st.floats(1.0, 2.7), min_size=40, max_size=200), st.sampled_from([10, 60, 600, 3000]), st.integers(0, 200)
)
@settings(max_examples=60, deadline=None)
def test_jitter_never_flaps(gaps: list[float], unit: float, restart: int) -> None:
    """A device whose gaps differ by less than a factor of three is never told, over weeks."""
    story = story_of(type="other")
    at, number = 0.0, 0
    span = max(1.0, 9 * DAY / (unit * sum(gaps)))
    for _ in range(int(span) + 1 if unit >= 600 else 2):
        for gap in gaps:
            at += gap * unit
            number += 1
            if number == restart:
                story.states = decode_states(encode_states(story.states))
            assert story.hear(at, HERE) == ""


@given(st.lists(st.integers(30, 40_000), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_dead_device_is_always_found_within_its_limit(gaps: list[int]) -> None:
    """Whatever it did before: steady, within 105 % of the limit of its type; unsteady, within three times that."""
    story = story_of(type="tracker")
    at = 0
    for gap in gaps:
        at += gap
        story.hear(at, HERE)
    unsteady = (drops := state(story).drops) is not None and drops.steady_from is not None
    story.changes.clear()
    story.wait(at + (3 if unsteady else 1) * 1.05 * LIMITS_S["tracker"] + 1)
    assert any(isinstance(change.verdict, Raised) for change in story.changes)


def test_few_states_are_written_when_the_habit_is_known() -> None:
    story = story_of()
    last = speaks(story, 10, 4 * DAY, 300)
    story.changes.clear()
    speaks(story, last + 10, last + HOUR, 10)
    assert len(story.changes) <= 1 + HOUR / (900 * 0.05)


# --- comes and goes ------------------------------------------------------------------------------------------------

UNSTEADY = {"after_s": 600, "steady_after_s": 3600}


def comes_and_goes(story: Story, times: int, since: float = 0.0) -> tuple[float, list[str]]:
    said, at = [], since
    for _ in range(times):
        said.append(story.hear(at, HERE))
        said.append(story.wait(at + 700))
        at += 710
    return at, [word for word in said if word]


def test_a_link_that_comes_and_goes_is_one_alert() -> None:
    story = story_of(UNSTEADY)
    at, said = comes_and_goes(story, 12)
    assert said == ["raised medium", "cleared", "raised medium", "cleared", "raised medium"]
    assert story.last(Raised).marks[-1].values == {"times": 3}
    last = at
    for last in range(int(at), int(at) + 3500, 300):
        assert story.hear(last, HERE) == ""
    assert "cleared" in story.wait(last + 500)
    assert story.last(Cleared).reason.text == "{device} has a steady link again."
    assert story.wait(last + 700) == "raised medium"


def test_an_unsteady_device_that_dies_is_told_again() -> None:
    story = story_of(UNSTEADY)
    at, _ = comes_and_goes(story, 4)
    assert story.wait(at - 710 + 3 * 630 - 1) == ""
    assert story.wait(at - 710 + 3 * 630) == "raised medium"


def test_offline_and_online_again_and_again_is_one_alert() -> None:
    story = story_of(UNSTEADY)
    said, at = [], 0.0
    for _ in range(10):
        said += [story.hear(at, GONE), story.wait(at + 95), story.hear(at + 100, BACK)]
        at += 200
    assert [word for word in said if word.startswith(("raised", "cleared"))] == [
        "raised medium", "cleared", "raised medium", "cleared", "raised medium",
    ]  # fmt: skip


def test_seldom_silences_are_told_one_by_one() -> None:
    story = story_of(UNSTEADY | {"unsteady_within_s": 60})
    at = 0.0
    for _ in range(4):
        assert story.hear(at, HERE) in {"", "cleared"}
        assert story.wait(at + 3000) == "raised medium"
        at += 3000


# --- a battery that was low ----------------------------------------------------------------------------------------

FLAT_AT = "Its battery was at {battery_percent} when it was last heard: it is probably flat."
FLAT = "Its battery was low when it was last heard: it is probably flat."


@pytest.mark.parametrize(
    ("before", "marks"),
    [
        ([Status(device="gps", battery_percent=8.0)], [FLAT_AT]),
        ([Status(device="gps", low_battery=True)], [FLAT]),
        ([Status(device="gps", battery_percent=8.0), Status(device="gps", battery_percent=90.0)], []),
        ([Status(device="gps", battery_percent=8.0, charging=True)], []),
        ([Status(device="gps", battery_percent=80.0)], []),
    ],
)  # fmt: skip
def test_silent_after_a_low_battery_says_so(before: list[Status], marks: list[str]) -> None:
    story = story_of({"after_s": 600})
    for second, status in enumerate(before, 1):
        story.hear(second, status)
    story.hear(10, HERE)
    story.wait(5000)
    assert story.marks() == marks


def test_a_falling_battery_is_noted_every_five_percent() -> None:
    story = story_of({"after_s": 6000})
    for second, percent in enumerate((20, 19, 18, 16, 15, 13, 10)):
        story.hear(1 + second, Status(device="gps", battery_percent=float(percent)))
    assert state(story).battery_percent == 10


# --- what it sends -------------------------------------------------------------------------------------------------


def test_what_a_device_is_good_for_is_noted_once() -> None:
    story = story_of({"after_s": 6000})
    words: tuple[Reading, ...] = (Help(device="gps", phase="pressed"), Bed(device="gps", in_bed=True))
    for second, reading in enumerate(words * 5):
        story.hear(10 + second, reading)
    assert state(story).gives == ("help", "bed")
    assert len(story.changes) == 2


def test_positions_are_noted_even_between_other_words() -> None:
    story = story_of({"after_s": 1000})
    for second in range(1, 2000, 10):
        story.hear(second, HERE)
        story.hear(second + 5, fix())
    placed = state(story).placed_at
    assert placed is not None
    assert story.time(1996) - placed <= timedelta(seconds=60)


# --- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "limit_s"),
    [
        (DeviceInfo("d", "native", type="hub", mains=True), 90),
        (DeviceInfo("d", "native", type="hub"), 900),
        (DeviceInfo("d", "native", type="bed_sensor", mains=True), 7200),
        (DeviceInfo("d", "native", type="lamp", mains=True), 26 * HOUR),
        (DeviceInfo("d", "native", type="hub", mains=True, silent_after_s=40), 40),
        (DeviceInfo("d", "zigbee2mqtt", type="hub", mains=True), 1500),
        (DeviceInfo("d", "tts", model="browan/tbms100", type="motion_sensor"), 3 * HOUR),
        (DeviceInfo("d", "chirpstack", model="SenseCAP/T1000-A", type="tracker"), 3 * HOUR),
    ],
)
def test_the_limit_of_a_device(device: DeviceInfo, limit_s: float) -> None:
    assert limit_of(device, None).limit_s == limit_s


def test_every_model_may_lose_a_report() -> None:
    for name, interval in MODELS.items():
        assert interval.limit_s >= 2 * interval.every_s, name
        assert interval.source, name
