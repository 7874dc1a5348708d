from typing import Any, get_args

import msgspec
import pytest

from devices.model import Bed, Fall, Help, Motion, Position, Reading, Room, Vitals
from rules.fall import TABLE, Stand
from rules.model import DeviceInfo, Heard, Raised
from tests.rules.story import CONTEXT, Story, fix


def fall(phase: Any, **fields: Any) -> Fall:
    return Fall(device="gps", phase=phase, **fields)


def at(lat: float, accuracy_m: float = 5.0, source: Any = "gnss") -> Position:
    return Position(device="gps", lon=14.5, lat=lat, accuracy_m=accuracy_m, source=source)


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
        [(1, "suspected", {}, "pending 31"), (31, None, {}, "raised medium"), (599, None, {}, "")],
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
    "two sensors suspect a fall": (
        NOW,
        [
            (1, "suspected", {}, "pending 31"),
            (9, "suspected", {"device": "sos"}, "raised high"),
            (99, None, {}, ""),
        ],
    ),
    "suspected again soon after the first was told": (
        NOW,
        [(1, "suspected", {}, "pending 31"), (31, None, {}, "raised medium"), (300, "suspected", {}, "raised high")],
    ),
    "suspected again, with time for the wearer": (
        WINDOW,
        [(1, "suspected", {}, "pending 31"), (31, None, {}, "raised medium"), (300, "suspected", {}, "pending 320")],
    ),
    "each suspicion by itself where the care plan says so": (
        {"again_within_s": 0, "long_lie_after_s": 0},
        [(1, "suspected", {}, "pending 31"), (2, "suspected", {"device": "sos"}, "pending 32")],
    ),
    "a second suspicion much later": (
        {"long_lie_after_s": 0},
        [(1, "suspected", {}, "pending 31"), (900, "suspected", {}, "raised medium, pending 930")],
    ),
    "a suspicion that was taken back makes the next no stronger": (
        NOW,
        [(1, "suspected", {}, "pending 31"), (9, "cancelled", {}, ""), (60, "suspected", {}, "pending 90")],
    ),
    "a long lie is told three times": (
        NOW,
        [
            (1, "detected", {}, "raised high"),
            (601, None, {}, "raised high"),
            (1800, None, {}, ""),
            (1801, None, {}, "raised high"),
            (4201, None, {}, "raised high"),
            (999_999, None, {}, ""),
        ],
    ),
    "a fall that is confirmed later does not put the long lie off": (
        NOW,
        [(1, "detected", {}, "raised high"), (500, "confirmed", {}, "raised high"), (601, None, {}, "raised high")],
    ),
    "a new fall begins the long lie anew": (
        NOW,
        [
            (1, "detected", {}, "raised high"),
            (601, None, {}, "raised high"),
            (1700, "suspected", {}, "pending 1730"),
            (1750, None, {}, "raised medium"),
            (2299, None, {}, ""),
            (2300, None, {}, "raised high"),
        ],
    ),
    "a new suspicion that is taken back does not put the long lie off": (
        NOW,
        [
            (1, "detected", {}, "raised high"),
            (601, None, {}, "raised high"),
            (1790, "suspected", {}, "pending 1820"),
            (1810, "cancelled", {}, ""),
            (1811, None, {}, "raised high"),
            (2999, None, {}, ""),
        ],
    ),
    "a fall that was taken back is no long lie": (
        NOW,
        [(1, "detected", {}, "raised high"), (300, "cancelled", {}, "cleared"), (9999, None, {}, "")],
    ),
    "a sensor that no longer sees the fall is no sign of getting up": (
        NOW,
        [(1, "detected", {}, "raised high"), (300, "ended", {}, ""), (601, None, {}, "raised high")],
    ),
    "a long lie ends the waiting of a suspicion": (
        {"suspected_after_s": 3600},
        [(1, "suspected", {}, "pending 3601"), (601, None, {}, "raised high")],
    ),
    "a late fall lies from when it was heard, for nothing is known of before": (
        NOW,
        [(5000, "detected", {"age": 4000}, "raised high"), (5599, None, {}, ""), (5600, None, {}, "raised high")],
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
    assert story.wait(699) == "raised medium"
    assert story.marks() == ["Heard late: it happened {age_s} earlier."]


def test_the_evidence_is_all_that_led_to_it() -> None:
    story = Story({"rule": "fall"})
    story.hear(1, fall("suspected"), frame=1)
    story.hear(2, fall("confirmed"), frame=2)
    assert [e.frame for e in story.last(Raised).evidence] == [1, 2]
    story.hear(3, fall("confirmed"), frame=3)
    assert [e.frame for e in story.last(Raised).evidence] == [3]


ROOMS = (
    DeviceInfo("gps", "native", type="fall_detector"),
    DeviceInfo("pir", "native", type="motion_sensor"),
    DeviceInfo("mat", "native", type="bed_sensor"),
    DeviceInfo("hall", "native", type="room_sensor"),
    DeviceInfo("door", "native", type="door_sensor"),
)
INDOORS = msgspec.structs.replace(CONTEXT, devices=ROOMS)
STILL = Motion(device="gps", moving=False)
LYING = Motion(device="gps", posture="lying")
MOVING = Motion(device="gps", moving=True)

# what is heard after a fall at 1 (seconds, reading, device), and whether it ends the long lie
SIGNS: dict[str, tuple[list[tuple[float, Reading, str]], bool]] = {
    "nothing": ([], False),
    "movement": ([(100, MOVING, "gps")], True),
    "movement in the room": ([(100, MOVING, "pir")], True),
    "movement that is the fall itself": ([(20, MOVING, "gps")], False),
    "a door that stands open": ([(100, MOVING, "door")], False),
    "no movement": ([(100, STILL, "gps")], False),
    "standing": ([(100, Motion(device="gps", posture="standing"), "gps")], True),
    "sitting may be on the floor": ([(100, Motion(device="gps", moving=False, posture="sitting"), "gps")], False),
    "in bed": ([(100, Bed(device="mat", in_bed=True), "mat")], True),
    "a bed sensor that is sure only now that nobody is in bed": ([(60, Bed(device="mat", in_bed=False), "mat")], False),
    "a heart that the bed measures": ([(100, Vitals(device="mat", heart_rate_bpm=70), "mat")], True),
    "a heart that the wrist measures": ([(100, Vitals(device="gps", heart_rate_bpm=70), "gps")], False),
    "a radar that sees somebody all the time": (
        [(when, Room(device="hall", present=True), "hall") for when in (10, 100, 200)],
        False,
    ),
    "another room": (
        [(100, Room(device="hall", room="bath"), "hall"), (200, Room(device="hall", room="bed"), "hall")],
        True,
    ),
    "a radar that sees nobody": ([(100, Room(device="hall", present=False), "hall")], False),
    "a fix that wanders": ([(100, fix(), "gps"), (200, at(35.9005), "gps")], False),
    "another place": ([(100, fix(), "gps"), (200, at(35.901), "gps")], True),
    "another place, but nobody knows how far": (
        [(100, fix(), "gps"), (200, at(35.901, accuracy_m=90), "gps")],
        False,
    ),
    "two trackers at two places, each where it was": (
        [(when, here, device) for when in (100, 200) for here, device in ((at(35.9), "gps"), (at(35.95), "phone"))],
        False,
    ),
    "one of two trackers goes": (
        [(100, at(35.95), "phone"), (150, at(35.9), "gps"), (200, at(35.901), "gps")],
        True,
    ),
    "another mast": ([(100, fix(source="cell"), "gps"), (200, at(36.9, source="cell"), "gps")], False),
    "steps": ([(100, Motion(device="gps", steps=400), "gps"), (200, Motion(device="gps", steps=420), "gps")], True),
    "a step counter that says the same": (
        [(100, Motion(device="gps", steps=400), "gps"), (200, Motion(device="gps", steps=401), "gps")],
        False,
    ),
    "steps that began anew at midnight": (
        [(100, Motion(device="gps", steps=400), "gps"), (200, Motion(device="gps", steps=0), "gps")],
        False,
    ),
}


@pytest.mark.parametrize("name", SIGNS)
def test_signs_of_getting_up(name: str) -> None:
    heard_after, ends = SIGNS[name]
    story = Story({"rule": "fall"}, context=INDOORS)
    assert story.hear(1, fall("detected")) == "raised high"
    for when, reading, device in heard_after:
        assert story.hear(when, reading, device=device) == "", "a sign never clears a fall"
    assert story.wait(700) == ("" if ends else "raised high")
    if not ends:
        assert story.last(Raised).again, "a reminder, which says nothing of an alert that was closed"
        assert story.last(Raised).reason.values == {"lie_s": 600.0}
    assert story.hear(800, fall("cancelled")) == "cleared"


def test_signs_from_before_the_fall_do_not_count() -> None:
    story = Story({"rule": "fall"}, context=INDOORS)
    story.hear(100, fall("detected"))
    assert story.hear(200, MOVING, age=150) == ""
    assert story.wait(700) == "raised high"


def test_who_takes_a_help_call_back_is_not_helpless() -> None:
    story = Story({"rule": "fall"}, {"rule": "help"}, context=INDOORS)
    story.hear(1, fall("detected"))
    story.hear(100, Help(device="gps", phase="pressed"))
    assert story.hear(110, Help(device="gps", phase="cancelled")) == "cleared"
    assert story.wait(9999) == ""


def test_no_long_lie_while_the_gateway_was_deaf() -> None:
    story = Story({"rule": "fall"}, context=INDOORS)
    story.hear(1, fall("detected"))
    for change in story.rules.resumed(story.states, story.time(100), story.time(4100)):
        story.states[change.rule_key] = change.after
    assert story.wait(4600) == ""
    assert story.wait(4601) == "raised high"


# settings, then (time, reading, expected) after a suspicion at 1
STILLNESS: dict[str, tuple[dict[str, Any], list[tuple[float, Reading | None, str]]]] = {
    "nothing moves": ({}, [(5, STILL, "pending 21"), (21, None, "raised high")]),
    "lying": ({}, [(10, LYING, "pending 21"), (21, None, "raised high")]),
    "lying, said late": ({}, [(25, LYING, "raised high")]),
    "up again": ({}, [(5, STILL, "pending 21"), (20, fall("ended"), ""), (99, None, "")]),
    "the struggle after it is no getting up": (
        {"suspected_after_s": 60},
        [(5, STILL, "pending 21"), (15, MOVING, ""), (61, None, "raised high")],
    ),
    "moves again after the struggle": (
        {"suspected_after_s": 60, "still_after_s": 50},
        [(5, STILL, "pending 51"), (40, MOVING, ""), (61, None, "raised medium")],
    ),
    "told already, and still": ({}, [(31, None, "raised medium"), (60, LYING, "raised high"), (90, LYING, "")]),
    "sitting down hard": (
        {},
        [(5, Motion(device="gps", moving=False, posture="sitting"), ""), (31, None, "raised medium")],
    ),
}


@pytest.mark.parametrize("name", STILLNESS)
def test_a_suspicion_after_which_nothing_moves(name: str) -> None:
    settings, rows = STILLNESS[name]
    story = Story({"rule": "fall"} | settings, context=INDOORS)
    assert story.hear(1, fall("suspected")).startswith("pending")
    for when, reading, expected in rows:
        assert (story.wait(when) if reading is None else story.hear(when, reading)) == expected, f"at {when}"


def test_a_room_where_nothing_moves_says_nothing_of_who_fell_elsewhere() -> None:
    story = Story({"rule": "fall"}, context=INDOORS)
    story.hear(1, fall("suspected"))
    assert story.hear(5, STILL, device="pir") == ""
    assert story.wait(40) == "raised medium"


def test_a_hard_impact_counts_as_detected_where_the_care_plan_says_so() -> None:
    for settings, said in (
        ({}, "pending 31"),
        ({"hard_impact_g": 3.0}, "raised high"),
        ({"hard_impact_g": 4}, "pending 31"),
    ):
        story = Story({"rule": "fall"} | settings)
        assert story.hear(1, fall("suspected", impact_g=3.52)) == said
    story.wait(40)
    assert story.last(Raised).marks[0].values == {"impact": 3.5}


def test_other_readings_cost_no_write_when_nobody_fell() -> None:
    story = Story({"rule": "fall"}, context=INDOORS)
    for reading in (MOVING, STILL, Bed(device="mat", in_bed=True), fix()):
        assert story.rules.judge(story.states, Heard(reading, "motion", "gps", story.time(1), story.time(1))) == []
