"""Out of sight outside."""

from datetime import timedelta
from typing import Any

import pytest

from rules.errors import BadRuleError
from rules.model import Raised
from tests.rules.ground import Ground

SIGHT: dict[str, Any] = {"rule": "out_of_sight", "zones": ["garden"]}
IN, OUT, EDGE = 0.0, 300.0, 100.0

# (received, metres east, a status, or None to wait, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, float | dict[str, Any] | None, str]]]] = {
    "inside nobody is out of sight": ({}, [(0, IN, ""), (9_999, None, "")]),
    "never heard is none of its business": ({}, [(9_999, None, "")]),
    "outside, and then nothing": ({}, [(0, OUT, "pending 900"), (899, None, ""), (900, None, "raised high")]),
    "every new position waits anew": (
        {},
        [(0, OUT, "pending 900"), (600, OUT, "pending 1500"), (1500, None, "raised high")],
    ),
    "a rough position is a sign too": ({}, [(0, OUT, "pending 900"), (600, EDGE, "pending 1500")]),
    "rough ones only are not outside": ({}, [(0, EDGE, ""), (9_999, None, "")]),
    "back in time": ({}, [(0, OUT, "pending 900"), (600, IN, ""), (9_999, None, "")]),
    "seen again outside": (
        {},
        [(0, OUT, "pending 900"), (900, None, "raised high"), (1000, OUT, "cleared"), (1900, None, "raised high")],
    ),
    "seen again inside": (
        {},
        [(0, OUT, "pending 900"), (900, None, "raised high"), (1000, IN, "cleared"), (9999, None, "")],
    ),
    "told once": ({}, [(0, OUT, "pending 900"), (900, None, "raised high"), (99_999, None, "")]),
    "low while outside": (
        {},
        [(0, OUT, "pending 900"), (10, {"battery_percent": 15}, "raised medium"), (20, {"battery_percent": 14}, "")],
    ),
    "low inside, and then out": ({}, [(0, IN, ""), (10, {"low_battery": True}, ""), (60, OUT, "raised medium")]),
    "not low yet": ({}, [(0, OUT, "pending 900"), (10, {"battery_percent": 16}, "")]),
    "low, then the trail is lost, then seen again": (
        {},
        [
            (0, OUT, "pending 900"),
            (10, {"battery_percent": 9}, "raised medium"),
            (900, None, "raised high"),
            (1000, OUT, "pending 1900"),
            (1100, IN, "cleared"),
        ],
    ),
    "charged on the way": (
        {},
        [
            (0, OUT, "pending 900"),
            (10, {"battery_percent": 9}, "raised medium"),
            (20, {"battery_percent": 18}, ""),
            (30, {"battery_percent": 21}, "cleared"),
        ],
    ),
    "switched off outside": (
        {},
        [(0, OUT, "pending 900"), (60, {"online": False}, "pending 180"), (180, None, "raised high")],
    ),
    "a tunnel": (
        {},
        [(0, OUT, "pending 900"), (60, {"online": False}, "pending 180"), (90, {"online": True}, "pending 900")],
    ),
    "a position ends being offline": (
        {},
        [(0, OUT, "pending 900"), (60, {"online": False}, "pending 180"), (90, OUT, "pending 990")],
    ),
    "switched off inside": ({}, [(0, IN, ""), (60, {"online": False}, ""), (9_999, None, "")]),
    "nothing of the battery": (
        {},
        [(0, OUT, "pending 900"), (10, {"firmware": "2"}, ""), (20, {"battery_percent": 80}, "")],
    ),
    "a limit of its own": ({"after_s": 60}, [(0, OUT, "pending 60"), (60, None, "raised high")]),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Ground(SIGHT | settings)
    for time, what, expected in rows:
        if what is None:
            said = story.wait(time)
        elif isinstance(what, dict):
            said = story.status(time, **what)
        else:
            said = story.at(time, what)
        assert said == expected, f"at {time}"


def test_a_message_that_repeats_its_fix_is_no_new_position() -> None:
    story = Ground(SIGHT)
    story.at(100, OUT, fixed_at=story.time(90))
    assert story.at(500, OUT, fixed_at=story.time(90)) == ""
    assert story.wait(1000) == "raised high"


@pytest.mark.parametrize("rough", [{"accuracy": 501}, {"accuracy": None, "source": "cell"}])
def test_a_rough_position_that_says_nothing_is_no_new_one(rough: dict[str, Any]) -> None:
    story = Ground(SIGHT)
    story.at(0, OUT)
    assert story.at(600, OUT, **rough) == ""
    assert story.wait(900) == "raised high"
    assert story.at(1000, OUT, **rough) == ""
    assert story.at(1100, 20_000, **rough) == "cleared"


def test_it_says_where_and_how_long_ago() -> None:
    story = Ground(SIGHT)
    story.at(0, OUT, frame=4)
    story.status(10, battery_percent=20)
    story.status(20, battery_percent=11)
    story.wait(900)
    raised = story.last(Raised)
    assert raised.reason.text == "Outside {zone}, last {out_m} from its border, and no new position for {silent_s}."
    assert raised.reason.values == {"zone": "Garden", "out_m": 201, "accuracy_m": 5, "silent_s": 900.0}
    assert [evidence.frame for evidence in raised.evidence] == [4]
    age, battery = raised.marks
    assert age.values["age_s"] == 900.0
    assert battery.values == {"battery_percent": 11}


def test_inside_any_of_the_zones_is_inside() -> None:
    story = Ground({"rule": "out_of_sight", "zones": ["garden", "road"]})
    assert story.at(0, 203, accuracy=1) == ""
    assert story.at(60, 260) == "pending 960"
    story.wait(960)
    assert story.last(Raised).reason.values["zone"] == "Road"
    assert story.last(Raised).reason.values["out_m"] == 54


def test_rooms() -> None:
    story = Ground({"rule": "out_of_sight", "zones": ["kitchen"]})
    story.room(0, "kitchen")
    assert story.room(60, "street") == "pending 960"
    story.wait(960)
    assert story.last(Raised).reason.text == "Outside {zone}, last seen in {room}, and not seen for {silent_s}."


def test_the_time_in_which_the_gateway_was_deaf_does_not_count() -> None:
    story = Ground(SIGHT)
    story.at(0, OUT)
    for change in story.rules.resumed(story.states, story.time(300), story.time(3900)):
        story.states[change.rule_key] = change.after
    assert story.wait(4499) == ""
    assert story.wait(4500) == "raised high"
    assert story.rules.resumed(story.states, story.time(5000), story.time(5000) + timedelta(hours=1)) == []


def test_a_zone_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadRuleError, match=r"zones is 'beach'.*garden"):
        Ground({"rule": "out_of_sight", "zones": ["beach"]})
    with pytest.raises(BadRuleError, match=r"device is 'x'.*gps"):
        Ground(SIGHT | {"device": "x"})
