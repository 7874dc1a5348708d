from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Bed, Motion, Status
from rules.errors import BadRuleError
from rules.model import Cleared, DeviceInfo, Heard, Raised
from tests.rules.story import CONTEXT, Story, rules_of

ROOM = DeviceInfo("room", "native", type="motion_sensor")
MAT = DeviceInfo("mat", "native", type="bed_sensor")
DOOR = DeviceInfo("door", "native", type="door_sensor")
FRONT = DeviceInfo("front", "native", type="door_sensor")
BACK = DeviceInfo("back", "native", type="door_sensor")
BED_AND_DOOR = msgspec.structs.replace(CONTEXT, devices=(MAT, DOOR), surroundings=(FRONT, BACK))
ROOM_AND_DOOR = msgspec.structs.replace(CONTEXT, devices=(ROOM, DOOR), surroundings=(FRONT, BACK))
HOUSE = msgspec.structs.replace(CONTEXT, devices=(), surroundings=(FRONT, BACK), house=True)
TEN = datetime(2026, 1, 14, 21, 0, tzinfo=UTC)
"""22:00 in Malta."""

MESSAGES: dict[str, tuple[str, Any]] = {
    "in": ("mat", Bed(device="mat", in_bed=True)),
    "out": ("mat", Bed(device="mat", in_bed=False)),
    "seen": ("room", Motion(device="room", moving=True)),
    "still": ("room", Motion(device="room", moving=False)),
}
FRONT_DOOR: dict[str, Any] = {"doors": ["door", "front"]}


def hear(story: Story, second: float, what: str, age: float = 0.0) -> str:
    """``open front``, ``close door``, a word of MESSAGES, or ``wait``."""
    if what == "wait":
        return story.wait(second)
    verb, _, door = what.partition(" ")
    device, reading = (door, Motion(device=door, moving=verb == "open")) if door else MESSAGES[what]
    said = story.wait(second)
    own = device in {"mat", "door", "room"} or story.house  # type: ignore[attr-defined]
    event = Heard(
        reading,
        "bed" if isinstance(reading, Bed) else "motion",
        device,
        story.time(second - age),
        story.time(second),
        own=own,
    )
    return ", ".join(filter(None, [said, story._judge(event)]))


def begin(context: Any, settings: dict[str, Any], begins: datetime = TEN) -> Story:
    story = Story({"rule": "door_at_night"} | settings, context=context, begins=begins)
    story.house = context.house  # type: ignore[attr-defined]
    return story


# context, settings, then (second, what, expected)
STORIES: dict[str, tuple[Any, dict[str, Any], list[tuple[float, str, str]]]] = {
    "out of bed and through the door": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [(10, "in", ""), (3600, "out", ""), (3660, "open front", "raised medium"), (3670, "close front", "")],
    ),
    "back in bed": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [(10, "in", ""), (3600, "out", ""), (3660, "open door", "raised medium"), (4000, "in", "cleared")],
    ),
    "staff on their round": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [(10, "in", ""), (3600, "open door", "pending 3720"), (3630, "close door", ""), (9999, "wait", "")],
    ),
    "the bed sensor is slower than the person": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [(10, "in", ""), (3600, "open door", "pending 3720"), (3655, "out", "raised medium")],
    ),
    "up long after somebody else came": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [(10, "in", ""), (3600, "open door", "pending 3720"), (3800, "out", "")],
    ),
    "not in bed yet": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [(-7200, "out", ""), (60, "open front", "pending 180"), (200, "wait", "")],
    ),
    "in the day": (BED_AND_DOOR, FRONT_DOOR, [(10, "in", ""), (36_000, "out", ""), (36_060, "open front", "")]),
    "a contact that says it again": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [(10, "in", ""), (60, "out", ""), (90, "open front", "raised medium"), (999, "open front", "")],
    ),
    "another door, the same incident": (
        BED_AND_DOOR,
        FRONT_DOOR,
        [
            (10, "in", ""),
            (60, "out", ""),
            (90, "open door", "raised medium"),
            (120, "open front", "raised medium"),
            (500, "in", "cleared"),
        ],
    ),
    "a door that is not named": (BED_AND_DOOR, {}, [(10, "in", ""), (60, "out", ""), (90, "open front", "")]),
    "seen, then the door": (ROOM_AND_DOOR, FRONT_DOOR, [(60, "seen", ""), (150, "open front", "raised medium")]),
    "seen long ago": (
        ROOM_AND_DOOR,
        FRONT_DOOR,
        [(60, "seen", ""), (600, "open front", "pending 720"), (800, "wait", ""), (801, "seen", "")],
    ),
    "the door, then seen": (
        ROOM_AND_DOOR,
        FRONT_DOOR,
        [(600, "open door", "pending 720"), (650, "seen", "raised medium")],
    ),
    "a sensor that sees nobody": (ROOM_AND_DOOR, FRONT_DOOR, [(60, "still", ""), (90, "open door", "pending 210")]),
    "anybody": (BED_AND_DOOR, {"by": "anybody"}, [(10, "in", ""), (60, "open door", "raised medium"), (90, "in", "")]),
    "a door of the house": (
        HOUSE,
        {"priority": "low"},
        [
            (60, "open front", "raised low"),
            (70, "open back", "raised low"),
            (90, "close front", "cleared"),
            (99, "close back", "cleared"),
        ],
    ),
    "a door of the house that was opened in the evening": (
        HOUSE,
        {},
        [(-60, "open front", ""), (60, "close front", ""), (90, "open front", "raised medium")],
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    context, settings, rows = STORIES[name]
    story = begin(context, settings)
    for second, what, expected in rows:
        assert hear(story, second, what) == expected, f"{what} at {second}"


def test_each_door_of_the_house_is_an_incident() -> None:
    story = begin(HOUSE, {})
    hear(story, 60, "open front")
    assert story.last(Raised).subject == "front"
    assert story.last(Raised).reason.values["device"] == "front"
    hear(story, 90, "close front")
    assert story.last(Cleared).subject == "front"


def test_late_is_told_and_marked_and_what_is_older_changes_nothing() -> None:
    story = begin(HOUSE, {})
    assert hear(story, 4000, "open front", age=600) == "raised medium"
    assert story.marks() == ["Heard late: it happened {age_s} earlier."]
    assert hear(story, 4010, "close front", age=700) == ""
    assert hear(story, 4020, "open front", age=650) == ""


def test_what_a_contact_says_of_itself_is_no_opening() -> None:
    story = begin(HOUSE, {})
    at = story.time(10)
    assert story._judge(Heard(Status(device="front", battery_percent=80), "status", "front", at, at)) == ""
    assert story._judge(Heard(Motion(device="front"), "motion", "front", at, at)) == ""


@pytest.mark.parametrize(("day", "hour", "told"), [(28, 20, False), (28, 21, True), (29, 3, True), (29, 4, False)])
def test_the_night_when_the_clocks_go_forward(day: int, hour: int, told: bool) -> None:
    story = begin(HOUSE, {}, datetime(2026, 3, day, hour, 30, tzinfo=UTC))
    assert hear(story, 0, "open front") == ("raised medium" if told else "")


def test_a_schedule_in_the_place_of_the_night() -> None:
    story = begin(HOUSE, {"schedule": {"weekly": [{"days": "sat,sun", "from": "13:00", "to": "14:00"}]}})
    assert hear(story, 60, "open front") == ""


def test_what_can_not_work_is_refused() -> None:
    lonely = msgspec.structs.replace(CONTEXT, devices=(DOOR,))
    with pytest.raises(BadRuleError, match='write by = "anybody"'):
        rules_of({"rule": "door_at_night"}, context=lonely)
    assert rules_of({"rule": "door_at_night", "by": "anybody"}, context=lonely).rules
    with pytest.raises(BadRuleError, match="no door sensor"):
        rules_of({"rule": "door_at_night"}, context=CONTEXT)
    with pytest.raises(
        BadRuleError, match="doors names 'gone'; the devices of the resident and of the house are: back"
    ):
        rules_of({"rule": "door_at_night", "doors": ["gone"]}, context=BED_AND_DOOR)
    assert rules_of({"rule": "door_at_night", **FRONT_DOOR}, context=BED_AND_DOOR).others == {"front"}


STEPS = st.sampled_from(["in", "out", "open door", "close door", "open front", "close front"])


@given(st.lists(st.tuples(st.floats(1, 900), STEPS), max_size=25))
def test_never_told_of_somebody_who_stayed_in_bed(rows: list[tuple[float, str]]) -> None:
    story = begin(BED_AND_DOOR, FRONT_DOOR)
    second = 1.0
    hear(story, second, "in")
    up: list[float] = []
    for gap, what in rows:
        second += gap
        said = hear(story, second, what)
        if what == "out":
            up.append(second)
        if "raised" in said:
            assert up, "nobody was up"
