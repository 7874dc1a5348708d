from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Fall
from rules.model import Raised
from tests.rules.story import Story

HOUR, DAY = 3600.0, 86_400.0
TWO: dict[str, Any] = {}
THREE = {"falls": 3, "days": 7}


def fall(phase: Any = "detected", device: str = "gps") -> Fall:
    return Fall(device=device, phase=phase)


# settings, then (time, phase, device), and when "falls often" is told
STORIES: dict[str, tuple[dict[str, Any], list[tuple[float, str, str]], list[float]]] = {
    "one fall": (TWO, [(0, "detected", "gps")], []),
    "two falls in a year": (TWO, [(0, "detected", "gps"), (200 * DAY, "detected", "gps")], [200 * DAY + HOUR]),
    "two falls in more than a year": (TWO, [(0, "detected", "gps"), (366 * DAY, "detected", "gps")], []),
    "each further fall": (
        TWO,
        [(0, "detected", "gps"), (DAY, "detected", "gps"), (9 * DAY, "detected", "gps")],
        [DAY + HOUR, 9 * DAY + HOUR],
    ),
    "two sensors that see one fall": (TWO, [(0, "detected", "gps"), (5, "confirmed", "sos")], []),
    "a fall that is told again": (TWO, [(0, "detected", "gps"), (500, "detected", "gps")], []),
    "a fall that was taken back": (
        TWO,
        [(0, "detected", "gps"), (DAY, "detected", "gps"), (DAY + 60, "cancelled", "gps")],
        [],
    ),
    "a suspicion that was taken back": (
        TWO,
        [(0, "detected", "gps"), (DAY, "suspected", "gps"), (DAY + 9, "ended", "gps")],
        [],
    ),
    "three in a week": (
        THREE,
        [(0, "detected", "gps"), (2 * DAY, "detected", "gps"), (6 * DAY, "detected", "gps")],
        [6 * DAY + HOUR],
    ),
    "three in more than a week": (
        THREE,
        [(0, "detected", "gps"), (2 * DAY, "detected", "gps"), (8 * DAY, "detected", "gps")],
        [],
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    settings, falls, told = STORIES[name]
    story = Story({"rule": "fall"}, {"rule": "falls_often"} | settings)
    when: list[float] = []
    for at, phase, device in falls:
        before = len(story.changes)
        story.hear(at, fall(phase, device), device=device)
        when += _told(story, before)
    before = len(story.changes)
    story.wait(falls[-1][0] + 2 * DAY)
    when += _told(story, before)
    assert when == told


def _told(story: Story, since: int) -> list[float]:
    found = []
    for change in story.changes[since:]:
        if change.rule_name == "falls_often" and isinstance(change.verdict, Raised):
            assert change.verdict.priority == "medium"
            assert change.verdict.evidence
            last = change.after.falls[-1]  # type: ignore[attr-defined]
            found.append((last - story.begins).total_seconds() + HOUR)
    return found


def test_what_is_told() -> None:
    story = Story({"rule": "fall"}, {"rule": "falls_often"})
    story.hear(0, fall())
    story.hear(10 * DAY, fall())
    story.wait(10 * DAY + HOUR)
    raised = next(c.verdict for c in story.changes if c.rule_name == "falls_often" and isinstance(c.verdict, Raised))
    assert raised.reason.values == {"falls": 2, "span_s": 10 * DAY}


def test_an_alarm_does_not_look_as_if_this_rule_judged_it() -> None:
    assert not Story({"rule": "falls_often"}).rules.concerned("fall", "gps")


@given(st.lists(st.floats(0, 400 * DAY), max_size=12).map(sorted))
def test_never_with_fewer_falls_than_asked_for(times: list[float]) -> None:
    story = Story({"rule": "fall", "long_lie_after_s": 0}, {"rule": "falls_often", "falls": 3, "days": 7})
    for at in times:
        story.hear(at, fall())
    story.wait(500 * DAY)
    often = [c for c in story.changes if c.rule_name == "falls_often" and isinstance(c.verdict, Raised)]
    crowded = any(sum(at <= other <= at + 7 * DAY for other in times) >= 3 for at in times)
    assert crowded or not often
