from typing import Any, get_args

import pytest

from devices.model import Fall
from rules.fall import TABLE, Stand
from rules.model import Raised
from tests.rules.story import Story


def fall(phase: Any) -> Fall:
    return Fall(device="gps", phase=phase)


NOW: dict[str, Any] = {}
WINDOW = {"cancel_within_s": 20}
# settings, then (time, phase or None to wait, how it is heard, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, str | None, dict[str, Any], str]]]] = {
    "detected is told at once": (NOW, [(1, "detected", {}, "raised high")]),
    "confirmed is told at once, window or not": (WINDOW, [(1, "confirmed", {}, "raised high")]),
    "detected waits for the wearer": (WINDOW, [(1, "detected", {}, "pending 21"), (30, None, {}, "raised high")]),
    "the wearer takes it back in time": (
        WINDOW,
        [(1, "detected", {}, "pending 21"), (20, "cancelled", {}, ""), (99, None, {}, "")],
    ),
    "taken back too late": (
        WINDOW,
        [(1, "detected", {}, "pending 21"), (21, "cancelled", {}, "raised high, cleared"), (99, None, {}, "")],
    ),
    "confirmed while it waits": (
        WINDOW,
        [(1, "detected", {}, "pending 21"), (5, "confirmed", {}, "raised high"), (99, None, {}, "")],
    ),
    "repeats do not put the deadline off": (
        WINDOW,
        [
            (1, "detected", {}, "pending 21"),
            (11, "detected", {}, "pending 21"),
            (15, "suspected", {}, "pending 21"),
            (21, None, {}, "raised high"),
        ],
    ),
    "ended is not taken back: the person may be out of sight": (
        WINDOW,
        [(1, "detected", {}, "pending 21"), (5, "ended", {}, "pending 21"), (21, None, {}, "raised high")],
    ),
    "suspected is told as medium when nothing takes it back": (
        NOW,
        [(1, "suspected", {}, "pending 31"), (31, None, {}, "raised medium"), (999, None, {}, "")],
    ),
    "a suspicion that is dropped": (
        NOW,
        [(1, "suspected", {}, "pending 31"), (9, "ended", {}, ""), (99, None, {}, "")],
    ),
    "a suspicion that is taken back": (NOW, [(1, "suspected", {}, "pending 31"), (9, "cancelled", {}, "")]),
    "a suspicion that is detected": (NOW, [(1, "suspected", {}, "pending 31"), (9, "detected", {}, "raised high")]),
    "a suspicion that is detected waits for the wearer from then on": (
        WINDOW,
        [(1, "suspected", {}, "pending 31"), (9, "detected", {}, "pending 29"), (29, None, {}, "raised high")],
    ),
    "cancelled after it was told": (NOW, [(1, "detected", {}, "raised high"), (9, "cancelled", {}, "cleared")]),
    "ended after it was told does not clear": (
        NOW,
        [(1, "detected", {}, "raised high"), (9, "ended", {}, ""), (10, "cancelled", {}, "cleared")],
    ),
    "ended clears where the care plan says so": (
        {"ended_clears": True},
        [(1, "detected", {}, "raised high"), (9, "ended", {}, "cleared")],
    ),
    "a fall that was told does not swallow the next": (
        NOW,
        [(1, "detected", {}, "raised high"), (9, "detected", {}, "raised high"), (20, "confirmed", {}, "raised high")],
    ),
    "nor a suspicion": (
        NOW,
        [(1, "detected", {}, "raised high"), (99, "suspected", {}, "pending 129"), (129, None, {}, "raised medium")],
    ),
    "a dropped suspicion leaves the fall that was told": (
        NOW,
        [
            (1, "detected", {}, "raised high"),
            (99, "suspected", {}, "pending 129"),
            (100, "ended", {}, ""),
            (101, "cancelled", {}, "cleared"),
        ],
    ),
    "nothing to take back": (NOW, [(1, "cancelled", {}, ""), (2, "ended", {}, "")]),
    "a late fall is told": (NOW, [(1, "detected", {"age": 86_400}, "raised high")]),
    "a late fall does not wait for a window that is over": (WINDOW, [(1, "detected", {"age": 25}, "raised high")]),
    "a late suspicion neither": (NOW, [(1, "suspected", {"age": 45}, "raised medium")]),
    "a cancel from before the fall takes nothing back": (
        NOW,
        [(50, "detected", {}, "raised high"), (60, "cancelled", {"age": 30}, "")],
    ),
    "a cancel of one sensor leaves the other's fall": (
        NOW,
        [
            (1, "detected", {}, "raised high"),
            (2, "detected", {"device": "sos"}, "raised high"),
            (3, "cancelled", {}, ""),
            (4, "cancelled", {"device": "sos"}, "cleared"),
        ],
    ),
    "two sensors' waiting falls are told each at its time": (
        WINDOW,
        [
            (1, "suspected", {"device": "sos"}, "pending 31"),
            (5, "detected", {}, "pending 25"),
            (40, None, {}, "raised high, raised medium"),
        ],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Story({"rule": "fall"} | settings)
    for time, phase, how, expected in rows:
        said = story.wait(time) if phase is None else story.hear(time, fall(phase), **how)
        assert said == expected, f"at {time}"


def test_the_table_names_every_case() -> None:
    phases = get_args(Fall.__annotations__["phase"])
    assert set(TABLE) == {(stand, phase) for stand in Stand for phase in phases}


@pytest.mark.parametrize(("age", "marked"), [(0, []), (60, []), (600, [600.0])])
def test_a_late_fall_is_marked_with_its_age(age: float, marked: list[float]) -> None:
    story = Story({"rule": "fall"})
    story.hear(1, fall("detected"), age=age)
    assert [mark.values["age_s"] for mark in story.last(Raised).marks] == marked


def test_the_age_survives_the_waiting() -> None:
    story = Story({"rule": "fall", "suspected_after_s": 600})
    assert story.hear(100, fall("suspected"), age=90) == "pending 610"
    assert story.wait(700) == "raised medium"
    assert story.marks() == ["Heard late: it happened {age_s} earlier."]


def test_the_evidence_is_all_that_led_to_it() -> None:
    story = Story({"rule": "fall"})
    story.hear(1, fall("suspected"), frame=1)
    story.hear(2, fall("confirmed"), frame=2)
    assert [e.frame for e in story.last(Raised).evidence] == [1, 2]
    story.hear(3, fall("confirmed"), frame=3)
    assert [e.frame for e in story.last(Raised).evidence] == [3]
