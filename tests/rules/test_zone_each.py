"""Two trackers of one person, of which one stays at home, or in a car."""

import itertools
from typing import Any

import msgspec
import pytest

from rules.model import DeviceInfo, Raised
from rules.registry import decode_states, encode_states
from rules.zone_state import ZoneExitState
from tests.rules.ground import AROUND, Ground
from tests.rules.story import BUTTON

PHONE, PENDANT = DeviceInfo("phone", "native", type="tracker"), DeviceInfo("pendant", "native", type="tracker")
BOTH = msgspec.structs.replace(AROUND, devices=(PHONE, PENDANT, BUTTON))
ZONE = {"rule": "zone_exit", "zone": "garden"}
HOME, OUT, FAR = 0.0, 160.0, 400.0  # metres east; the garden ends at 100

# settings, then (received, device or None to wait, metres east, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, str | None, float, str]]]] = {
    "the telephone at home hides nothing": (
        {},
        [
            (0, "pendant", HOME, ""),
            (10, "phone", HOME, ""),
            (90, "pendant", OUT, "pending 150"),
            (100, "phone", HOME, ""),
            (120, "pendant", OUT, "raised high"),
            (130, "phone", HOME, ""),
            (200, "pendant", FAR, ""),
            (400, "pendant", HOME, "cleared"),
        ],
    ),
    "nor by being heard after the pendant's only word": (
        {},
        [
            (0, "pendant", HOME, ""),
            (90, "pendant", OUT, "pending 150"),
            (100, "phone", HOME, ""),
            (149, None, 0, ""),
            (150, None, 0, "raised high"),
        ],
    ),
    "each needs its own second position": (
        {},
        [
            (0, "pendant", HOME, ""),
            (0, "phone", HOME, ""),
            (90, "pendant", OUT, "pending 150"),
            (95, "phone", OUT, "pending 155"),
            (100, "pendant", 30.0, ""),
            (105, "phone", 30.0, ""),
            (999, None, 0, ""),
        ],
    ),
    "in a car by itself: told once, and the way out with the other one is told again": (
        {},
        [
            (0, "phone", HOME, ""),
            (0, "pendant", HOME, ""),
            (90, "phone", OUT, "pending 150"),
            (100, "phone", OUT, "raised high"),
            *((60.0 * minute, "phone", OUT, "") for minute in range(2, 60)),
            (3600, "pendant", HOME, ""),
            (3700, "pendant", OUT, "pending 3825"),
            (3730, "pendant", OUT, "raised high"),
            (3800, "pendant", HOME + 60, ""),
            (3900, "phone", HOME + 60, "cleared"),
        ],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_each_tracker_is_judged_by_itself(name: str) -> None:
    settings, timeline = TIMELINES[name]
    story = Ground(ZONE | settings, context=BOTH)
    for number, (received, device, east, expected) in enumerate(timeline):
        said = story.wait(received) if device is None else story.at(received, east, device=device, frame=number)
        assert said == expected, (received, device)


def test_the_alert_names_the_tracker_that_says_otherwise() -> None:
    story = Ground(ZONE, context=BOTH)
    story.at(0, HOME, device="pendant")
    story.at(10, HOME, device="phone")
    story.at(90, OUT, device="pendant")
    story.at(120, OUT, device="pendant")
    (mark,) = story.last(Raised).marks
    assert mark.text.startswith("{device} says so. {other} was inside at {inside_at}")
    assert (mark.values["device"], mark.values["other"]) == ("pendant", "phone")
    assert mark.values["inside_at"] == int(story.time(10).timestamp() * 1000)


def test_one_that_is_outside_as_well_is_not_named() -> None:
    story = Ground(ZONE, context=BOTH)
    for second, device in itertools.product((0, 90, 120), ("pendant", "phone")):
        story.at(second, HOME if second == 0 else OUT, device=device)
    first, second = (change.verdict for change in story.changes if isinstance(change.verdict, Raised))
    assert [mark.values["other"] for mark in first.marks] == []
    assert second.marks == ()


def test_a_companion_beside_either_tracker_is_heard_by_both() -> None:
    story = Ground(ZONE | {"companions": ["nora"]}, context=BOTH)
    for device in ("phone", "pendant"):
        story.at(0, HOME, device=device)
    story.at(80, OUT, device="phone-nora")
    for device in ("phone", "pendant"):
        assert story.at(90, OUT, device=device).startswith("pending")
        assert story.at(100, OUT, device=device).startswith("pending")
    assert story.wait(800).count("raised high") == 1, "both are told of at one moment"


@pytest.mark.parametrize("restart", [True, False])
def test_what_is_known_of_each_survives_a_restart(restart: bool) -> None:
    story = Ground(ZONE, context=BOTH)
    story.at(0, HOME, device="phone")
    story.at(0, HOME, device="pendant")
    story.at(90, OUT, device="pendant")
    if restart:
        story.states = decode_states(encode_states(story.states))
    assert story.wait(999) == "raised high"


def test_one_tracker_or_a_named_one_is_judged_as_ever() -> None:
    for context, settings in ((AROUND, {}), (BOTH, {"device": "pendant"})):
        story = Ground(ZONE | settings, context=context)
        device = "pendant" if settings else "gps"
        story.at(0, HOME, device=device)
        story.at(90, OUT, device=device)
        assert story.at(120, OUT, device=device) == "raised high"
        state = story.states["zone_exit:garden"]
        assert isinstance(state, ZoneExitState)
        assert state.each == {}


def test_a_tracker_that_went_away_no_longer_keeps_the_alert() -> None:
    story = Ground(ZONE, context=BOTH)
    for device in ("phone", "pendant"):
        story.at(0, HOME, device=device)
        story.at(90, OUT, device=device)
        story.at(120, OUT, device=device)
    alone = Ground(ZONE, context=msgspec.structs.replace(BOTH, devices=(PHONE, BUTTON)))
    alone.states = story.states
    assert alone.at(400, 20.0, device="phone") == "cleared"
