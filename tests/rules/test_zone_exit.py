from datetime import timedelta
from typing import Any

import pytest

from devices.model import Bed, Position
from rules.errors import BadRuleError
from rules.model import Cleared, Raised
from rules.zone_fix import Side, side_of
from tests.rules.story import Story, fix, rules_of

ZONE = {"rule": "zone_exit", "zone": "garden"}
IN, OUT, EDGE = -50.0, 50.0, 3.0  # metres from the border; the fixes' accuracy is 5 m

# settings, then (received, distance or None to wait, age, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, float | None, float, str]]]] = {
    "inside is quiet": ({}, [(10, IN, 0, ""), (20, IN, 0, ""), (999, None, 0, "")]),
    "two positions outside": ({}, [(10, IN, 0, ""), (20, OUT, 0, "pending 80"), (30, OUT, 0, "raised high")]),
    "one position outside, then nothing": (
        {},
        [
            (10, IN, 0, ""),
            (20, OUT, 0, "pending 80"),
            (79, None, 0, ""),
            (80, None, 0, "raised high"),
            (999, None, 0, ""),
        ],
    ),
    "one position outside, then unknown ones": (
        {},
        [
            (20, OUT, 0, "pending 80"),
            (30, EDGE, 0, "pending 80"),
            (40, -EDGE, 0, "pending 80"),
            (80, None, 0, "raised high"),
        ],
    ),
    "a single position outside between two inside": (
        {},
        [(10, IN, 0, ""), (20, OUT, 0, "pending 80"), (30, IN, 0, ""), (40, OUT, 0, "pending 100"), (50, IN, 0, "")],
    ),
    "unknown is not outside": (
        {"unsure_after_s": 0},
        [(10, EDGE, 0, ""), (20, EDGE, 0, ""), (30, EDGE, 0, ""), (999, None, 0, "")],
    ),
    "unknown with its centre outside, for a quarter of an hour": (
        {},
        [
            (10, EDGE, 0, "pending 910"),
            (20, EDGE, 0, "pending 910"),
            (909, None, 0, ""),
            (910, None, 0, "raised medium"),
            (920, EDGE, 0, ""),
            (9999, None, 0, ""),
        ],
    ),
    "perhaps outside, and then certainly": (
        {},
        [
            (10, EDGE, 0, "pending 910"),
            (910, None, 0, "raised medium"),
            (920, OUT, 0, "pending 980"),
            (930, OUT, 0, "raised high"),
            (940, IN, 0, "cleared"),
        ],
    ),
    "perhaps outside, then one certain position, then nothing": (
        {},
        [
            (10, EDGE, 0, "pending 910"),
            (910, None, 0, "raised medium"),
            (920, OUT, 0, "pending 980"),
            (980, None, 0, "raised high"),
        ],
    ),
    "a certain one while it waits": (
        {},
        [(10, EDGE, 0, "pending 910"), (20, OUT, 0, "pending 80"), (80, None, 0, "raised high")],
    ),
    "perhaps outside, taken back": ({}, [(10, EDGE, 0, "pending 910"), (20, IN, 0, ""), (9999, None, 0, "")]),
    "a centre inside takes it back too": ({}, [(10, EDGE, 0, "pending 910"), (20, -EDGE, 0, ""), (9999, None, 0, "")]),
    "perhaps outside, told, and back": (
        {},
        [(10, EDGE, 0, "pending 910"), (910, None, 0, "raised medium"), (920, -EDGE, 0, ""), (930, IN, 0, "cleared")],
    ),
    "an older inside does not take it back": (
        {},
        [(100, EDGE, 0, "pending 1000"), (110, IN, 60, "pending 1000"), (1000, None, 0, "raised medium")],
    ),
    "raised again soon after: two inside in a row": (
        {},
        [
            (0, OUT, 0, "pending 60"),
            (60, None, 0, "raised high"),
            (70, IN, 0, "cleared"),
            (80, OUT, 0, "pending 140"),
            (140, None, 0, "raised high"),
            (150, IN, 0, ""),
            (160, OUT, 0, ""),
            (170, IN, 0, ""),
            (180, EDGE, 0, ""),
            (190, IN, 0, "cleared"),
        ],
    ),
    "raised again later: one inside": (
        {},
        [
            (0, OUT, 0, "pending 60"),
            (60, None, 0, "raised high"),
            (70, IN, 0, "cleared"),
            (680, OUT, 0, "pending 740"),
            (740, None, 0, "raised high"),
            (750, IN, 0, "cleared"),
        ],
    ),
    "far outside at once, reported every five minutes: the next one decides": (
        {},
        [
            (0, IN, 0, ""),
            (300, IN, 0, ""),
            (600, 100, 0, "pending 960"),
            (900, IN, 0, ""),
            (1200, 100, 0, "pending 1560"),
            (1500, 100, 0, "raised high"),
        ],
    ),
    "the same, and then nothing": (
        {},
        [(0, IN, 0, ""), (120, IN, 0, ""), (240, 100, 0, "pending 390"), (390, None, 0, "raised high")],
    ),
    "one position alone was told and taken back: for a night near ones wait, too": (
        {},
        [
            (0, IN, 0, ""),
            (120, IN, 0, ""),
            (240, OUT - 5, 0, "pending 300"),
            (300, None, 0, "raised high"),
            (360, IN, 0, "cleared"),
            (480, IN, 0, ""),
            (600, OUT - 5, 0, "pending 750"),
            (720, IN, 0, ""),
            (840, OUT - 5, 0, "pending 990"),
            (960, OUT - 5, 0, "raised high"),
        ],
    ),
    "near the border nothing waits for it": ({}, [(0, IN, 0, ""), (300, IN, 0, ""), (600, 49, 0, "pending 660")]),
    "a tracker that reports every minute has no longer wait": (
        {},
        [(0, IN, 0, ""), (60, IN, 0, ""), (120, 100, 0, "pending 180")],
    ),
    "nor one that reports more often now": ({}, [(0, IN, 0, ""), (300, IN, 0, ""), (330, 100, 0, "pending 390")]),
    "switched off with the jumps": (
        {"jump_within_s": 0},
        [(0, IN, 0, ""), (300, IN, 0, ""), (600, 100, 0, "pending 660")],
    ),
    "one confirmation tells at once": (
        {"confirmations": 1},
        [(0, IN, 0, ""), (300, IN, 0, ""), (600, 100, 0, "raised high")],
    ),
    "unknown between two outside does not start anew": (
        {},
        [(10, OUT, 0, "pending 70"), (20, EDGE, 0, "pending 70"), (30, OUT, 0, "raised high")],
    ),
    "the first position ever is outside": ({"confirmations": 1}, [(10, OUT, 0, "raised high")]),
    "told once per exit": (
        {},
        [
            (10, OUT, 0, "pending 70"),
            (20, OUT, 0, "raised high"),
            (30, OUT, 0, ""),
            (40, EDGE, 0, ""),
            (50, OUT, 0, ""),
        ],
    ),
    "back inside clears, and the next exit is a new one": (
        {},
        [
            (10, OUT, 0, "pending 70"),
            (20, OUT, 0, "raised high"),
            (30, EDGE, 0, ""),
            (40, IN, 0, "cleared"),
            (50, IN, 0, ""),
            (60, OUT, 0, "pending 120"),
            (70, OUT, 0, "raised high"),
        ],
    ),
    "three confirmations": (
        {"confirmations": 3},
        [(10, OUT, 0, "pending 70"), (20, OUT, 0, "pending 70"), (30, OUT, 0, "raised high")],
    ),
    "decided at once": ({"decide_within_s": 0}, [(10, OUT, 0, "raised high")]),
    "an older position changes nothing": (
        {},
        [(100, IN, 0, ""), (101, OUT, 50, ""), (102, OUT, 40, ""), (110, OUT, 0, "pending 170"), (111, IN, 20, "")],
    ),
    "the same position again is no confirmation": ({}, [(10, OUT, 0, "pending 70"), (20, OUT, 10, "")]),
    "an old inside does not clear": (
        {},
        [(100, OUT, 0, "pending 160"), (110, OUT, 0, "raised high"), (120, IN, 60, ""), (130, IN, 0, "cleared")],
    ),
    "late positions are judged, and the deadline counts from when they were heard": (
        {},
        [(1000, OUT, 900, "pending 1060"), (1060, None, 0, "raised high")],
    ),
    "late positions confirm each other": ({}, [(1000, OUT, 900, "pending 1060"), (1001, OUT, 890, "raised high")]),
    "an inside at the deadline comes after it": ({}, [(20, OUT, 0, "pending 80"), (80, IN, 0, "raised high, cleared")]),
    "priority by the care plan": ({"priority": "medium", "confirmations": 1}, [(10, OUT, 0, "raised medium")]),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Story(ZONE | settings)
    for time, distance, age, expected in rows:
        said = story.wait(time) if distance is None else story.hear(time, fix(), distance=distance, age=age)
        assert said == expected, f"at {time}"


# (distance, accuracy, source) -> side
SIDES: list[tuple[float, float | None, Any, Side]] = [
    (-10, 10, None, Side.INSIDE),
    (-9.9, 10, None, Side.UNKNOWN),
    (0, 0, None, Side.INSIDE),
    (9.9, 10, None, Side.UNKNOWN),
    (10, 10, None, Side.UNKNOWN),
    (10.1, 10, None, Side.OUTSIDE),
    (-30, None, None, Side.INSIDE),
    (-29, None, "gnss", Side.UNKNOWN),
    (31, None, "wifi", Side.OUTSIDE),
    (5000, None, "cell", Side.UNKNOWN),
    (5001, None, "cell", Side.OUTSIDE),
    (15_000, None, "gateway", Side.UNKNOWN),
    (50_000, None, "gateway", Side.OUTSIDE),
    (-5000, None, "gateway", Side.UNKNOWN),
    (5000, 800, "cell", Side.OUTSIDE),
    (500, 800, "cell", Side.UNKNOWN),
]


@pytest.mark.parametrize(("distance", "accuracy", "source", "side"), SIDES)
def test_the_disc_of_accuracy(distance: float, accuracy: float | None, source: Any, side: Side) -> None:
    position = Position(device="gps", lon=0, lat=0, accuracy_m=accuracy, source=source)
    assert side_of(position, distance, 30.0)[0] is side


def test_a_missing_accuracy_is_a_setting() -> None:
    story = Story(ZONE | {"assumed_accuracy_m": 60, "confirmations": 1, "unsure_after_s": 0})
    assert story.hear(1, fix(accuracy_m=None), distance=59) == ""
    assert story.hear(2, fix(accuracy_m=None), distance=61) == "raised high"


def test_the_time_of_the_fix_counts_not_that_of_the_message() -> None:
    story = Story(ZONE | {"confirmations": 1})
    assert story.hear(100, fix(fixed_at=story.time(90)), distance=IN) == ""
    assert story.hear(110, fix(fixed_at=story.time(80)), distance=OUT) == ""
    assert story.hear(120, fix(fixed_at=story.time(95)), distance=OUT) == "raised high"


def test_a_clock_from_the_future_silences_nothing() -> None:
    story = Story(ZONE | {"confirmations": 1})
    assert story.hear(100, fix(fixed_at=story.time(999_999)), distance=IN) == ""
    assert story.hear(110, fix(fixed_at=story.time(110)), distance=OUT) == "raised high"


@pytest.mark.parametrize(("age", "marks"), [(0, []), (300, []), (301, [301.0])])
def test_an_old_position_is_told_with_its_age(age: float, marks: list[float]) -> None:
    story = Story(ZONE | {"confirmations": 1})
    assert story.hear(1000, fix(), distance=OUT, age=age) == "raised high"
    assert [mark.values["age_s"] for mark in story.last(Raised).marks] == marks


def test_the_age_of_the_oldest_survives_the_waiting() -> None:
    story = Story(ZONE)
    story.hear(1000, fix(), distance=OUT, age=400)
    story.hear(1010, fix(), distance=OUT)
    assert story.last(Raised).marks[0].values == {"age_s": 400.0}


def test_the_reason_says_where_and_how_far_in_data() -> None:
    story = Story(ZONE)
    story.hear(10, fix(accuracy_m=8.2), distance=41.0, frame=1)
    story.hear(20, fix(accuracy_m=12.4), distance=73.6, frame=2)
    raised = story.last(Raised)
    assert raised.reason.values == {"zone": "Garden", "out_m": 74, "accuracy_m": 12, "fixes": 2}
    assert raised.subject == "garden"
    assert [(e.frame, e.at) for e in raised.evidence] == [(1, story.time(10)), (2, story.time(20))]
    story.hear(30, fix(), distance=IN)
    assert story.last(Cleared).subject == "garden"


def test_evidence_has_the_time_of_the_fix() -> None:
    story = Story(ZONE | {"confirmations": 1})
    story.hear(100, fix(fixed_at=story.time(70)), distance=OUT)
    assert story.last(Raised).evidence[0].at == story.time(100) - timedelta(seconds=30)


def test_only_the_named_device_counts() -> None:
    story = Story(ZONE | {"confirmations": 1, "device": "gps"})
    assert story.hear(1, fix(), distance=OUT, device="sos") == ""
    assert story.hear(2, fix(), distance=OUT, device="gps") == "raised high"


def test_other_kinds_are_none_of_its_business() -> None:
    assert Story(ZONE).hear(1, Bed(device="gps", in_bed=False)) == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"zone": "beach"}, "zone is 'beach'.*garden"), ({"device": "nobody"}, "device is 'nobody'.*gps, sos")],
)
def test_what_is_not_there_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRuleError, match=said):
        rules_of(ZONE | settings)
