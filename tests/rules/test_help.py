from typing import Any

import pytest

from devices.model import Fall, Help
from rules.model import Priority, Raised
from tests.rules.story import Story, fix

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


# (received, device, age), and the number of presses in what is told last
PRESSES: dict[str, tuple[list[tuple[float, str, float]], int | None]] = {
    "once": ([(1, "gps", 0)], None),
    "again": ([(1, "gps", 0), (40, "gps", 0)], 2),
    "on two devices": ([(1, "gps", 0), (40, "sos", 0), (50, "gps", 0)], 3),
    "much later": ([(1, "gps", 0), (700, "gps", 0)], None),
    "each soon after the last": ([(1, "gps", 0), (500, "gps", 0), (1000, "gps", 0)], 3),
    "an old one that was held up": ([(100, "gps", 0), (130, "gps", 90)], 2),
    "one from yesterday": ([(100, "gps", 0), (130, "gps", 86_400)], None),
}


@pytest.mark.parametrize("name", PRESSES)
def test_repeats_say_how_often(name: str) -> None:
    story = Story({"rule": "help"})
    presses, expected = PRESSES[name]
    for received, device, age in presses:
        assert story.hear(received, PRESS, device=device, age=age) == "raised high", "each is told"
    counted = [mark.values for mark in story.last(Raised).marks if "presses" in mark.values]
    assert [values["presses"] for values in counted] == ([] if expected is None else [expected])


def test_the_span_of_the_presses_is_told() -> None:
    story = Story({"rule": "help"})
    for at in (10, 70, 190):
        story.hear(at, PRESS)
    (mark,) = story.last(Raised).marks
    assert mark.values == {"presses": 3, "span_s": 180.0}


def test_a_call_that_was_taken_back_begins_anew() -> None:
    story = Story({"rule": "help"})
    story.hear(1, PRESS)
    story.hear(5, CANCEL)
    story.hear(9, PRESS)
    assert story.marks() == []


@pytest.mark.parametrize("place", ["none", "before", "after", "unusable"])
def test_a_call_needs_no_position(place: str) -> None:
    story = Story({"rule": "help"}, {"rule": "fall"}, {"rule": "zone_exit", "zone": "garden"})
    bad = {"accuracy_m": 5000.0} if place == "unusable" else {}
    if place in ("before", "unusable"):
        story.hear(1, fix(**bad))
    assert story.hear(2, PRESS) == "raised high"
    if place == "after":
        assert story.hear(2, fix(), distance=-50) == ""
