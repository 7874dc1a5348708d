"""Not back in time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.errors import BadRuleError
from rules.model import Cleared, Raised, Tick
from rules.timing import epoch_ms
from tests.rules.ground import Ground, step

BY: dict[str, Any] = {"rule": "return_by", "zone": "garden", "by": "18:00"}
IN, OUT, EDGE = 0.0, 300.0, 100.0
SIX, DAY = 5 * 3600, 24 * 3600  # the stories begin on a Wednesday at 13:00 in Malta

TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, float | None, str]]]] = {
    "back before": ({}, [(0, OUT, ""), (SIX - 60, IN, ""), (SIX + 9999, None, "")]),
    "outside at that time": ({}, [(SIX - 60, OUT, ""), (SIX - 1, None, ""), (SIX, None, "raised medium")]),
    "last seen outside, hours ago": ({}, [(0, OUT, ""), (SIX, None, "raised medium")]),
    "at home and not heard of since": ({}, [(0, IN, ""), (SIX, None, "")]),
    "rough at that time, but seen inside": ({}, [(0, IN, ""), (SIX - 9, EDGE, ""), (SIX, None, "")]),
    "nobody knows": ({}, [(SIX, None, "raised low")]),
    "rough ones only": ({}, [(SIX - 9, EDGE, ""), (SIX, None, "raised low")]),
    "seen inside too long ago": ({"recent_s": 3600}, [(0, IN, ""), (SIX, None, "raised low")]),
    "late, and then back": (
        {},
        [(SIX - 60, OUT, ""), (SIX, None, "raised medium"), (SIX + 60, OUT, ""), (SIX + 600, IN, "cleared")],
    ),
    "nobody knew, and then there": ({}, [(SIX, None, "raised low"), (SIX + 9, EDGE, ""), (SIX + 10, IN, "cleared")]),
    "every day by itself": (
        {},
        [
            (0, OUT, ""),
            (SIX, None, "raised medium"),
            (SIX + 60, IN, "cleared"),
            (SIX + 70, OUT, ""),
            (SIX + DAY - 1, None, ""),
            (SIX + DAY, None, "raised medium"),
        ],
    ),
    "on other days only": (
        {"days": "sat,sun"},
        [(0, OUT, ""), (SIX + 2 * DAY, None, ""), (SIX + 3 * DAY, None, "raised medium")],
    ),
    "in certain hours only": (
        {"schedule": {"weekly": [{"days": "thu", "from": "12:00", "to": "20:00"}]}},
        [(0, OUT, ""), (SIX + 60, None, ""), (SIX + DAY, None, "raised medium")],
    ),
    "the hour passes, the next is tomorrow": (
        {"by": "12:00"},
        [(0, OUT, ""), (SIX, None, ""), (23 * 3600, None, "raised medium")],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Ground(BY | settings)
    for time, east, expected in rows:
        assert (story.wait(time) if east is None else story.at(time, east)) == expected, f"at {time}"


def test_it_says_where_and_since_when() -> None:
    story = Ground(BY)
    story.at(0, OUT, frame=3)
    story.wait(SIX)
    raised = story.last(Raised)
    assert raised.reason.text == "Not back in {zone} by {by_at}: last {out_m} from its border (accuracy {accuracy_m})."
    assert raised.reason.values["by_at"] == epoch_ms(story.time(SIX))
    assert raised.reason.values["out_m"] == 201
    assert [mark.values["age_s"] for mark in raised.marks] == [SIX]
    assert [evidence.frame for evidence in raised.evidence] == [3]


def test_it_says_that_nobody_knows() -> None:
    never, long_ago = Ground(BY), Ground(BY | {"recent_s": 3600})
    long_ago.at(0, IN)
    for story in (never, long_ago):
        story.wait(SIX)
    assert never.last(Raised).reason.text.endswith("no position yet.")
    assert long_ago.last(Raised).reason.values["silent_s"] == SIX


def test_heard_late_that_the_person_was_back_in_time() -> None:
    story = Ground(BY)
    story.at(0, OUT)
    assert story.at(SIX + 600, IN, age=900) == "raised medium, cleared"
    assert story.last(Cleared).subject == "garden"


def test_wall_clock_time_when_the_clocks_change() -> None:
    """The last Sunday of March: 18:00 is an hour earlier for the rest of the world."""
    story = Ground(BY, begins=datetime(2026, 3, 28, 12, 0, tzinfo=UTC))
    story.at(0, OUT)
    assert story.wait(5 * 3600) == "raised medium"
    assert story.wait(28 * 3600 - 1) == ""
    assert story.wait(28 * 3600) == "raised medium"


def test_a_changed_hour_counts_at_once() -> None:
    story, later = Ground(BY | {"by": "15:00"}), Ground(BY)
    story.states = later.states
    step(story, Tick(story.begins))
    story.at(0, OUT)
    assert story.wait(2 * 3600) == "raised medium"


def test_rooms() -> None:
    story = Ground({"rule": "return_by", "zone": "kitchen", "by": "18:00"})
    story.room(0, "street")
    story.wait(SIX)
    assert story.last(Raised).reason.text == "Not back in {zone} by {by_at}: last seen in {room}."


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(BadRuleError, match=r"zone is 'beach'.*garden"):
        Ground(BY | {"zone": "beach"})
    with pytest.raises(BadRuleError, match=r"calendar is 'x'"):
        Ground(BY | {"schedule": {"calendar": "x"}})
