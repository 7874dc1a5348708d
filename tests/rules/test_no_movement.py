from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Bed, Help, Motion, Position, Reading, Room, Status, Vitals
from rules.errors import BadRuleError
from rules.model import DeviceInfo, Raised
from tests.rules.story import CONTEXT, Story, rules_of

H = 3600.0
PIR = DeviceInfo("pir", "native", type="motion_sensor", room="101")
MAT = DeviceInfo("mat", "native", type="bed_sensor")
RADAR = DeviceInfo("radar", "native", type="fall_detector")
GPS = DeviceInfo("gps", "native", type="tracker")
DOOR = DeviceInfo("door", "native", type="door_sensor")
ALL = msgspec.structs.replace(CONTEXT, devices=(PIR, MAT, RADAR, GPS, DOOR))
REPORTING = msgspec.structs.replace(CONTEXT, devices=(RADAR, GPS))
EIGHT = datetime(2026, 1, 14, 7, 0, tzinfo=UTC)
"""08:00 in Malta: the waking hours begin."""

RULE = {"rule": "no_movement"}  # told after 4 h 12 min: 4 h and 5 %
MOVES, STILL = Motion(device="pir", moving=True), Motion(device="pir", moving=False)
THERE, GONE = Room(device="radar", present=True), Room(device="radar", present=False)


def place(lat: float) -> Position:
    return Position(device="gps", lon=14.5, lat=lat, accuracy_m=10)


# (hours since 08:00, reading, device, age in hours, expected); no reading: wait
Row = tuple[float, Reading | None, str, float, str]
STORIES: dict[str, list[Row]] = {
    "moved in the morning, then not": [
        (1, MOVES, "pir", 0, ""),
        (5.19, None, "", 0, ""),
        (5.2, None, "", 0, "raised medium"),
        (14, None, "", 0, ""),
    ],
    "moves now and then": [(hour, MOVES, "pir", 0, "") for hour in (1, 4, 8, 11, 13.9)],
    "never moved at all": [(4.2, None, "", 0, "raised medium")],
    "moves again": [(1, MOVES, "pir", 0, ""), (6, MOVES, "pir", 0, "raised medium, cleared"), (9, None, "", 0, "")],
    "nobody is awake at night": [
        *[(hour, MOVES, "pir", 0, "") for hour in (4, 8, 12, 13.5)],
        (23.9, None, "", 0, ""),
    ],
    "the night does not count, the next morning does": [
        *[(hour, MOVES, "pir", 0, "") for hour in (4, 8, 12, 13.5)],
        (24 + 4.19, None, "", 0, ""),
        (24 + 4.2, None, "", 0, "raised medium"),
    ],
    "two trackers at two places that take turns do not move": [
        *[
            (quarter / 4, place(lat), name, 0, "")
            for quarter in range(1, 8)
            for lat, name in ((35.9, "gps"), (36, "phone"))
        ],
        (4.44, None, "", 0, ""),
        (4.46, None, "", 0, "raised medium"),
    ],
    "told again the next day": [(4.2, None, "", 0, "raised medium"), (24 + 4.2, None, "", 0, "raised medium")],
    "a radar that always sees somebody says nothing of movement": [
        (0, THERE, "radar", 0, ""),
        *[(hour, THERE, "radar", 0, "") for hour in (1, 2, 3, 4)],
        (4.2, None, "", 0, "raised medium"),
    ],
    "coming and going is movement": [(0, THERE, "radar", 0, ""), (3, GONE, "radar", 0, ""), (7, None, "", 0, "")],
    "a bed that is left is movement": [
        (1, Bed(device="mat", in_bed=True), "mat", 0, ""),
        (4, Bed(device="mat", in_bed=False), "mat", 0, ""),
        (8, None, "", 0, ""),
    ],
    "a bed sensor that says again that somebody lies there is none": [
        (1, Bed(device="mat", in_bed=True), "mat", 0, ""),
        (4, Bed(device="mat", in_bed=True), "mat", 0, ""),
        (5.2, None, "", 0, "raised medium"),
    ],
    "asleep in the day": [
        (1, MOVES, "pir", 0, ""),
        (4, Vitals(device="mat", heart_rate_bpm=60), "mat", 0, ""),
        (8, None, "", 0, ""),
    ],
    "a heart on the wrist may beat on the floor": [
        (1, MOVES, "pir", 0, ""),
        (4, Vitals(device="gps", heart_rate_bpm=60), "gps", 0, ""),
        (5.2, None, "", 0, "raised medium"),
    ],
    "a fix that wanders is no movement": [
        (1, place(35.9), "gps", 0, ""),
        (4, place(35.9005), "gps", 0, ""),
        (5.2, None, "", 0, "raised medium"),
    ],
    "another place is": [(1, place(35.9), "gps", 0, ""), (4, place(35.91), "gps", 0, ""), (8.1, None, "", 0, "")],
    "a door that stands open is reported again and again": [
        (1, Motion(device="door", moving=True), "door", 0, ""),
        *[(hour, Motion(device="door", moving=True), "door", 0, "") for hour in (2, 3, 4, 5)],
        (5.2, None, "", 0, "raised medium"),
    ],
    "a door that is closed was closed by somebody": [
        (1, Motion(device="door", moving=True), "door", 0, ""),
        (4, Motion(device="door", moving=False), "door", 0, ""),
        (8, None, "", 0, ""),
    ],
    "who calls for help moves": [(4, Help(device="gps", phase="pressed"), "gps", 0, ""), (8, None, "", 0, "")],
    "movement that was held up counts for its time": [
        (1, MOVES, "pir", 0, ""),
        (5, MOVES, "pir", 2, ""),
        (7.19, None, "", 0, ""),
        (7.2, None, "", 0, "raised medium"),
    ],
    "held up so long that it is too long ago": [
        (1, MOVES, "pir", 0, ""),
        (7, MOVES, "pir", 5.5, "raised medium"),
        (8, MOVES, "pir", 0, "cleared"),
    ],
}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    story = Story(RULE, context=ALL, begins=EIGHT)
    for hours, reading, device, age, expected in STORIES[name]:
        said = story.wait(hours * H) if reading is None else story.hear(hours * H, reading, device=device, age=age * H)
        assert said == expected, f"at {hours} h"


def test_sensors_that_were_heard_are_told_apart_from_sensors_that_were_not() -> None:
    silent = Story(RULE, context=ALL, begins=EIGHT)
    silent.hear(H, MOVES, device="pir")
    silent.wait(6 * H)
    assert "or the sensors are silent" in silent.last(Raised).reason.text
    heard = Story(RULE, context=ALL, begins=EIGHT)
    heard.hear(H, MOVES, device="pir")
    heard.hear(3 * H, Status(device="mat", battery_percent=50), device="mat")
    heard.wait(6 * H)
    assert "though the sensors were heard" in heard.last(Raised).reason.text
    assert [one.device for one in heard.last(Raised).evidence] == ["pir"]


def test_silence_of_sensors_that_report_is_not_taken_for_no_movement() -> None:
    story = Story(RULE, context=REPORTING, begins=EIGHT)
    assert story.wait(20 * H) == ""
    story = Story(RULE, context=REPORTING, begins=EIGHT)
    story.hear(0, THERE, device="radar")
    assert story.wait(6 * H) == "", "silent, and told by the rule for silent devices"
    assert story.hear(7 * H, THERE, device="radar") == "", "heard again: time begins anew"
    for hour in (8, 9, 10, 11):
        assert story.hear(hour * H, THERE, device="radar") == ""
    assert story.wait(11.2 * H) == "raised medium"


def test_only_the_named_devices_count() -> None:
    """A sensor of a room that others use: a visitor's movement is not the person's."""
    story = Story(RULE | {"devices": ["pir"]}, context=ALL, begins=EIGHT)
    for hour in (1, 2, 3, 4):
        story.hear(hour * H, Motion(device="radar", moving=True), device="radar")
    assert story.wait(4.2 * H) == "raised medium"
    with pytest.raises(BadRuleError, match="devices names 'gone'; the resident's are: pir, mat, radar, gps, door"):
        rules_of(RULE | {"devices": ["gone"]}, context=ALL)


def test_a_new_sensor_in_place_of_the_old_one_goes_on() -> None:
    story = Story(RULE, context=ALL, begins=EIGHT)
    story.hear(1 * H, MOVES, device="pir")
    story.rules = rules_of(
        RULE, context=msgspec.structs.replace(ALL, devices=(MAT, DeviceInfo("new", "native", type="motion_sensor")))
    )
    story.hear(4 * H, Motion(device="new", moving=True), device="new")
    assert story.wait(8 * H) == ""


@pytest.mark.parametrize(
    ("stopped", "back", "told"),
    [(2, 3, 6.2), (1, 6, 10.2), (13, 20, 28.2)],
    ids=["an hour", "longer than the limit", "over the evening"],
)
def test_the_time_in_which_the_gateway_was_deaf_does_not_count(stopped: float, back: float, told: float) -> None:
    story = Story(RULE, context=ALL, begins=EIGHT)
    story.hear((1 if stopped < 10 else 12.9) * H, MOVES, device="pir")
    for change in story.rules.resumed(story.states, story.time(stopped * H), story.time(back * H)):
        story.states[change.rule_key] = change.after
    assert story.wait(told * H - 1) == ""
    assert story.wait(told * H) == "raised medium"


@pytest.mark.parametrize(("day", "first"), [((2026, 3, 29), 6), ((2026, 10, 25), 7)], ids=["spring", "autumn"])
def test_the_waking_hours_begin_by_the_wall_clock_when_the_clocks_change(day: tuple[int, int, int], first: int) -> None:
    evening = datetime(*day, tzinfo=UTC) - timedelta(hours=6)
    story = Story(RULE, context=ALL, begins=evening)
    story.hear(H, MOVES, device="pir")
    due = (datetime(*day, first, tzinfo=UTC) - evening).total_seconds() + 4.2 * H
    assert story.wait(due - 1) == ""
    assert story.wait(due) == "raised medium"


def test_a_limit_that_does_not_fit_in_the_day_is_refused() -> None:
    with pytest.raises(BadRuleError, match="after_hours is 13, but the day from 08:00 to 22:00 is too short"):
        rules_of(RULE | {"after_hours": 13}, context=ALL)


def test_few_readings_cost_a_write() -> None:
    story = Story(RULE, context=ALL, begins=EIGHT)
    for minute in range(240):
        story.hear(minute * 60, MOVES, device="pir")
        story.hear(minute * 60, Status(device="pir", battery_percent=50), device="pir")
    assert len(story.changes) <= 1 + 240 / 12


@given(
    st.lists(st.tuples(st.floats(0.01, 6), st.sampled_from([MOVES, STILL, THERE, GONE]), st.booleans()), max_size=15)
)
def test_never_told_while_somebody_moves_and_always_when_nobody_does(rows: list[Any]) -> None:
    story = Story(RULE, context=ALL, begins=EIGHT)
    at = 0.0
    for gap, reading, _ in rows:
        at += gap
        story.hear(at * H, reading, device=reading.device)
    for change in story.changes:
        if isinstance(change.verdict, Raised):
            still = change.verdict.reason.values["still_s"]
            assert isinstance(still, float)
            assert still >= 4 * H
    story.hear(at * H + 60, MOVES, device="pir")
    assert "raised" in story.wait(at * H + 48 * H)
