from typing import Any

import pytest

from devices.model import Fall, Help
from rules.model import Priority, Raised
from tests.rules.story import Story

PRESS = Help(device="gps", phase="pressed")
CANCEL = Help(device="gps", phase="cancelled")

# (received, reading, how it is heard, expected)
TIMELINES: dict[str, list[tuple[float, Any, dict[str, Any], str]]] = {
    "a press is told at once": [(1, PRESS, {}, "raised high")],
    "every press is told": [(1, PRESS, {}, "raised high"), (2, PRESS, {}, "raised high")],
    "the wearer takes it back": [(1, PRESS, {}, "raised high"), (9, CANCEL, {}, "cleared"), (10, CANCEL, {}, "")],
    "a cancel without a press": [(1, CANCEL, {}, "")],
    "pressed again after a cancel": [
        (1, PRESS, {}, "raised high"),
        (2, CANCEL, {}, "cleared"),
        (3, PRESS, {}, "raised high"),
    ],
    "a late cancel does not take back a newer press": [
        (10, PRESS, {}, "raised high"),
        (20, PRESS, {}, "raised high"),
        (30, CANCEL, {"age": 15}, ""),
        (31, CANCEL, {}, "cleared"),
    ],
    "a press heard after newer ones is told too, and does not make the latest older": [
        (20, PRESS, {}, "raised high"),
        (21, PRESS, {"age": 15}, "raised high"),
        (30, CANCEL, {"age": 15}, ""),
    ],
    "a cancel on one device leaves the other's call": [
        (1, PRESS, {}, "raised high"),
        (2, PRESS, {"device": "sos"}, "raised high"),
        (3, CANCEL, {}, ""),
        (4, CANCEL, {"device": "sos"}, "cleared"),
    ],
    "other kinds are none of its business": [(1, Fall(device="gps", phase="detected"), {}, "")],
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    story = Story({"rule": "help"})
    for received, reading, how, expected in TIMELINES[name]:
        assert story.hear(received, reading, **how) == expected, f"at {received}"


@pytest.mark.parametrize(("age", "marked"), [(0, False), (60, False), (61, True), (3 * 86_400, True)])
def test_an_old_press_is_told_with_its_age(age: float, marked: bool) -> None:
    story = Story({"rule": "help"})
    assert story.hear(1, PRESS, age=age) == "raised high"
    marks = story.last(Raised).marks
    assert [(mark.text, mark.values) for mark in marks] == (
        [("Pressed {age_s} ago.", {"age_s": age})] if marked else []
    )


def test_the_evidence_is_the_press() -> None:
    story = Story({"rule": "help"})
    story.hear(5, PRESS, frame=77)
    raised = story.last(Raised)
    assert raised.priority is Priority.HIGH
    assert raised.subject == ""
    assert [(e.frame, e.kind, e.device, e.at) for e in raised.evidence] == [(77, "help", "gps", story.time(5))]
