"""Forbidden zones: a pond 20 m wide, a road 6 m wide, the kitchen at night."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.model import Cleared, Pending, Raised
from tests.rules.ground import Ground

POND: dict[str, Any] = {"rule": "zone_entry", "zone": "pond"}
ROAD: dict[str, Any] = {"rule": "zone_entry", "zone": "road"}

# settings, then (received, metres east or None to wait, accuracy, expected); the pond reaches to 10 m
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, float | None, float | None, str]]]] = {
    "outside is quiet": ({}, [(0, 50, 5, ""), (60, 20, 5, ""), (999, None, 0, "")]),
    "one certain position is told at once": ({}, [(0, 30, 5, ""), (30, 3, 5, "raised high")]),
    "the very first position too": ({}, [(0, 0, 5, "raised high")]),
    "told once, over when certainly outside": (
        {},
        [(0, 0, 5, "raised high"), (30, 2, 5, ""), (60, 11, 5, ""), (90, 40, 5, "cleared"), (120, 40, 5, "")],
    ),
    "and the next one is a new one": (
        {},
        [(0, 0, 5, "raised high"), (60, 40, 5, "cleared"), (120, 0, 5, "raised high")],
    ),
    "beside it is nothing": ({}, [(0, 30, 5, ""), (30, 12, 5, ""), (60, 12, 20, ""), (999, None, 0, "")]),
    "a disc too big for the pond, its centre inside": (
        {},
        [(0, 40, 15, ""), (60, 0, 15, "pending 90"), (80, 3, 15, "pending 90"), (90, None, 0, "raised medium")],
    ),
    "that, and then beside": ({}, [(0, 40, 15, ""), (60, 0, 15, "pending 90"), (80, 15, 15, ""), (999, None, 0, "")]),
    "that, and then certainly inside": ({}, [(0, 40, 15, ""), (60, 0, 15, "pending 90"), (70, 0, 5, "raised high")]),
    "told as likely, and again when certain": (
        {},
        [(0, 0, 15, "pending 30"), (30, None, 0, "raised medium"), (40, 0, 15, ""), (60, 0, 5, "raised high")],
    ),
    "too rough to be likely": ({}, [(0, 0, 51, ""), (999, None, 0, "")]),
    "likely ones switched off": (
        {"near_accuracy_m": 0},
        [(0, 0, 15, ""), (999, None, 0, ""), (1000, 0, 5, "raised high")],
    ),
    "likely, told at once": ({"near_s": 0}, [(0, 0, 15, "raised medium")]),
    "a jump waits for a second one": ({}, [(0, 300, 5, ""), (30, 0, 5, "pending 90"), (60, 0, 5, "raised high")]),
    "a jump, and then nothing": ({}, [(0, 300, 5, ""), (30, 0, 5, "pending 90"), (90, None, 0, "raised high")]),
    "a jump, and back": ({}, [(0, 300, 5, ""), (30, 0, 5, "pending 90"), (60, 300, 5, ""), (999, None, 0, "")]),
    "a jump that is only likely is nothing": ({}, [(0, 300, 5, ""), (30, 0, 15, ""), (999, None, 0, "")]),
    "more positions asked for": (
        {"confirmations": 2},
        [(0, 30, 5, ""), (30, 0, 5, "pending 50"), (40, 0, 5, "raised high")],
    ),
    "more asked for, and then nothing": (
        {"confirmations": 2},
        [(0, 30, 5, ""), (30, 0, 5, "pending 50"), (50, None, 0, "raised high")],
    ),
    "less urgent by the care plan": ({"priority": "low"}, [(0, 0, 15, "pending 30"), (30, None, 0, "raised low")]),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Ground(POND | settings)
    for time, east, accuracy, expected in rows:
        said = story.wait(time) if east is None else story.at(time, east, accuracy=accuracy)
        assert said == expected, f"at {time}"


# (west end, pause, accuracy, east end), the road lies from 200 to 206 m -> said of the second position
@pytest.mark.parametrize(
    ("before", "pause", "accuracy", "after", "said"),
    [
        (190, 30, 5, 215, "raised medium"),
        (190, 60, 5, 215, "raised medium"),
        (190, 61, 5, 215, ""),
        (190, 5, 5, 240, ""),  # nobody walks so fast
        (150, 30, 5, 190, ""),
        (150, 30, 60, 275, ""),
        (190, 30, 12, 215, ""),  # the discs touch the road: not certain that it was crossed
    ],
)
def test_the_way_between_two_positions(before: float, pause: float, accuracy: float, after: float, said: str) -> None:
    story = Ground(ROAD)
    assert story.at(0, before, accuracy=accuracy) == ""
    assert story.at(pause, after, accuracy=accuracy, frame=2) == said
    if said:
        raised = story.last(Raised)
        assert raised.reason.text == "The straight way between the last two positions leads through {zone}."
        assert [evidence.frame for evidence in raised.evidence] == [2]
        assert story.at(pause + 30, after + 30) == "cleared"


def test_into_the_road_after_it_was_crossed_is_told_with_full_priority() -> None:
    story = Ground(ROAD)
    story.at(0, 190)
    assert story.at(30, 215) == "raised medium"
    assert story.at(60, 203, accuracy=2) == "raised high"


def test_the_way_can_be_switched_off() -> None:
    story = Ground(ROAD | {"crossing_s": 0})
    story.at(0, 190)
    assert story.at(30, 215) == ""


def test_the_reasons_have_figures() -> None:
    story = Ground(POND)
    story.at(0, 0, accuracy=15)
    assert story.last(Pending).reason.values == {"zone": "Pond", "in_m": 10, "accuracy_m": 15, "fixes": 1}
    story.wait(30)
    raised = story.last(Raised)
    assert raised.reason.text == "Probably in {zone}: {in_m} from its border, but accurate to {accuracy_m} only."
    story.at(60, 4, accuracy=5)
    assert (
        story.last(Raised).reason.text
        == "In {zone}: {in_m} from its border (accuracy {accuracy_m}), positions: {fixes}."
    )
    assert story.last(Raised).reason.values["in_m"] == 6


NIGHT = {"rule": "zone_entry", "zone": "kitchen", "schedule": {"weekly": [{"from": "22:00", "to": "06:00"}]}}


class TestKitchenAtNight:
    def begin(self) -> Ground:
        """At 21:00 local time."""
        return Ground(NIGHT, begins=datetime(2026, 1, 14, 20, 0, tzinfo=UTC))

    def test_by_day_it_is_allowed(self) -> None:
        story = self.begin()
        assert story.room(0, "kitchen") == ""
        assert story.room(600, "hall") == ""
        assert story.wait(10_000) == ""

    def test_by_night_it_is_told(self) -> None:
        story = self.begin()
        assert story.room(4000, "pantry") == "raised high"
        assert story.last(Raised).reason.text == "In {zone}: seen in {room}."
        assert story.room(4100, "hall") == "cleared"
        assert story.last(Cleared).subject == "kitchen"

    def test_in_it_already_when_the_night_begins(self) -> None:
        story = self.begin()
        story.room(3000, "kitchen")
        assert story.wait(3719) == ""
        assert story.wait(3720) == "raised high"
        assert story.last(Raised).reason.text == "Already in {zone} when the watch began."


def test_with_a_carer_beside_the_pond_is_allowed() -> None:
    story = Ground(POND | {"companions": ["nora"]})
    story.at(0, 20, device="phone-nora")
    assert story.at(10, 0) == "pending 300"
    assert story.wait(300) == "raised high"
    assert story.last(Raised).reason.text == "In {zone}, and no companion near any more."
