from typing import Any, get_args, get_type_hints

import pytest
from pydantic import ValidationError

from devices.model import Continence, Motion
from rules.continence import TABLE, ContinenceSettings, Stand
from rules.model import Raised
from tests.rules.story import Story, heard


def state(word: Any) -> Continence:
    return Continence(device="gps", state=word)


# settings, then (minute, state or saturation or None to wait, age in minutes, expected with pending in minutes)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, str | float | None, float, str]]]] = {
    "dry and some are quiet": ({}, [(1, "dry", 0, ""), (2, "some", 0, ""), (999, None, 0, "")]),
    "due goes on the round list, and is changed in time": (
        {},
        [(1, "change_due", 0, "pending 61"), (40, "dry", 0, ""), (999, None, 0, "")],
    ),
    "due, then overdue, then changed": (
        {},
        [
            (1, "change_due", 0, "pending 61"),
            (61, None, 0, "raised medium"),
            (999, None, 0, ""),
            (1000, "dry", 0, "cleared"),
        ],
    ),
    "repeats and wavering do not put it off": (
        {},
        [
            (1, "change_due", 0, "pending 61"),
            (9, "change_due", 0, "pending 61"),
            (20, "some", 0, "pending 61"),
            (61, None, 0, "raised medium"),
        ],
    ),
    "overdue is told once": (
        {},
        [(1, "change_due", 0, "pending 61"), (70, "change_due", 0, "raised medium"), (80, "some", 0, "")],
    ),
    "a leak is told at once": ({}, [(1, "leak", 0, "raised medium"), (2, "leak", 0, ""), (9, "dry", 0, "cleared")]),
    "a leak while due": ({}, [(1, "change_due", 0, "pending 61"), (2, "leak", 0, "raised medium"), (999, None, 0, "")]),
    "a leak after overdue": (
        {},
        [(1, "change_due", 0, "pending 61"), (61, None, 0, "raised medium"), (70, "leak", 0, "raised medium")],
    ),
    "a leak, then only some: a new product": (
        {},
        [(1, "leak", 0, "raised medium"), (9, "some", 0, "cleared"), (10, "leak", 0, "raised medium")],
    ),
    "a leak, then due: the same product": ({}, [(1, "leak", 0, "raised medium"), (9, "change_due", 0, "")]),
    "off and error change nothing": (
        {},
        [(1, "change_due", 0, "pending 61"), (2, "off", 0, ""), (3, "error", 0, ""), (61, None, 0, "raised medium")],
    ),
    "told when due, where the care plan says so": (
        {"tell_when_due": True},
        [(1, "change_due", 0, "raised low"), (61, None, 0, "raised medium"), (70, "dry", 0, "cleared")],
    ),
    "told when due and changed clears": (
        {"tell_when_due": True},
        [(1, "change_due", 0, "raised low"), (9, "dry", 0, "cleared")],
    ),
    "heard late and overdue already": ({}, [(100, "change_due", 70, "raised medium")]),
    "heard late, not overdue": ({}, [(100, "change_due", 30, "pending 130")]),
    "an older reading changes nothing": ({}, [(100, "dry", 0, ""), (101, "leak", 30, ""), (102, "change_due", 30, "")]),
    "a saturation without a limit says nothing": ({}, [(1, 99.0, 0, "")]),
    "a saturation with a limit": (
        {"due_percent": 60},
        [
            (1, 59.0, 0, ""),
            (2, 60.0, 0, "pending 62"),
            (3, 30.0, 0, "pending 62"),
            (4, 10.0, 0, ""),
            (999, None, 0, ""),
        ],
    ),
    "another limit and priority": (
        {"overdue_after_minutes": 30, "priority": "low"},
        [(1, "change_due", 0, "pending 31"), (31, None, 0, "raised low")],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Story({"rule": "continence"} | settings)
    for minute, what, age, expected in rows:
        if isinstance(what, str):
            said = story.hear(minute * 60, state(what), age=age * 60)
        elif what is not None:
            said = story.hear(minute * 60, Continence(device="gps", saturation_percent=what), age=age * 60)
        else:
            said = story.wait(minute * 60)
        if expected.startswith("pending "):
            assert said == f"pending {float(expected.removeprefix('pending ')) * 60:g}", f"at {minute}"
        else:
            assert said == expected, f"at {minute}"


def test_the_table_names_every_case() -> None:
    states = set(get_args(get_args(get_type_hints(Continence)["state"])[0])) - {"error", "off"}
    assert set(TABLE) == {(stand, state) for stand in Stand for state in states}


def test_the_sensors_own_state_wins_over_its_saturation() -> None:
    story = Story({"rule": "continence", "due_percent": 60})
    assert story.hear(1, Continence(device="gps", state="some", saturation_percent=90)) == ""


def test_the_reason_and_the_evidence() -> None:
    story = Story({"rule": "continence"})
    story.hear(600, Continence(device="gps", state="change_due"), age=400, frame=4)
    story.wait(9999)
    raised = story.last(Raised)
    assert raised.reason.values == {"due_s": 3600.0, "limit_s": 3600.0}
    assert [e.frame for e in raised.evidence] == [4]
    assert raised.marks[0].values == {"age_s": 400.0}
    story.hear(10_000, Continence(device="gps", state="leak"), frame=5)
    assert [e.frame for e in story.last(Raised).evidence] == [4, 5]
    assert story.last(Raised).marks == ()


@pytest.mark.parametrize(("word", "said"), [("error", "an error"), ("off", "off or not attached")])
def test_what_the_sensor_can_not_say_is_said_in_words(word: str, said: str) -> None:
    story = Story({"rule": "continence"})
    rule = story.rules.rules[0]
    _, verdict = rule.step(story.states["continence"], heard(state(word), story.time(1)))
    assert said in verdict.reason.text


def test_other_kinds_are_none_of_its_business() -> None:
    assert Story({"rule": "continence"}).hear(1, Motion(device="gps", moving=True)) == ""


def test_dry_must_be_below_due() -> None:
    with pytest.raises(ValidationError, match="dry_percent must be below due_percent"):
        ContinenceSettings(due_percent=10, dry_percent=10)
