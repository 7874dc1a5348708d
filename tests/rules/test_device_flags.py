"""Tamper, taken off, switched off."""

from typing import Any

import pytest

from devices.model import Status
from rules.errors import BadRuleError
from rules.model import Cleared, Raised
from tests.rules.story import Story, fix, rules_of

WORN = {"weekly": [{"from": "14:00", "to": "20:00"}]}  # 13:00 to 19:00 UTC; a story begins at 12:00 UTC


def status(**fields: Any) -> Status:
    return Status(device="gps", **fields)


TAMPER, CLOSED = status(tamper=True), status(tamper=False)
OFF, ON = status(removed=True), status(removed=False)
BYE, HELLO = status(online=False), status(online=True)

# settings, then (received, reading or None to wait, age, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, Any, float, str]]]] = {
    "opened": ({"rule": "tamper"}, [(1, CLOSED, 0, ""), (2, TAMPER, 0, "raised low"), (3, TAMPER, 0, ""),
                                    (4, CLOSED, 0, "cleared"), (5, TAMPER, 0, "raised low")]),
    "opened for a moment": ({"rule": "tamper", "after_s": 60}, [(1, TAMPER, 0, "pending 61"), (50, CLOSED, 0, ""),
                                                                (999, None, 0, "")]),
    "says nothing of it": ({"rule": "tamper"}, [(1, status(battery_percent=5), 0, ""), (2, fix(), 0, "")]),
    "taken off for long": ({"rule": "removed"}, [(10, OFF, 0, "pending 610"), (300, OFF, 0, ""),
                                                 (610, None, 0, "raised medium"), (700, ON, 0, "cleared")]),
    "taken off to wash": ({"rule": "removed"}, [(10, OFF, 0, "pending 610"), (500, ON, 0, ""), (5000, None, 0, "")]),
    "taken off, heard late": ({"rule": "removed"}, [(1000, OFF, 900, "raised medium")]),
    "an old word changes nothing": ({"rule": "removed"}, [(100, ON, 0, ""), (1000, OFF, 0, "pending 1600"),
                                                          (1100, ON, 500, ""), (1600, None, 0, "raised medium")]),
    "only while it should be worn": ({"rule": "removed", "schedule": WORN}, [(10, OFF, 0, "pending 3600"),
                                                                             (3600, None, 0, "raised medium")]),
    "put on before it should be worn": ({"rule": "removed", "schedule": WORN}, [(10, OFF, 0, "pending 3600"),
                                                                                (3000, ON, 0, ""),
                                                                                (9000, None, 0, "")]),
    "told while it should be worn": ({"rule": "removed", "schedule": WORN}, [(4000, OFF, 0, "pending 4600"),
                                                                             (4600, None, 0, "raised medium")]),
    "switched off": ({"rule": "switched_off"}, [(10, BYE, 0, "pending 40"), (40, None, 0, "raised medium"),
                                                (99, BYE, 0, ""), (100, HELLO, 0, "cleared")]),
    "opened and closed again and again": (
        {"rule": "tamper"},
        [
            (60, TAMPER, 0, "raised low"), (120, CLOSED, 0, "cleared"),
            (180, TAMPER, 0, "raised low"), (240, CLOSED, 0, "cleared"),
            (300, TAMPER, 0, "raised low"), (360, CLOSED, 0, "cleared"),
            (420, TAMPER, 0, "raised low"), (480, CLOSED, 0, "pending 2280"),
            (540, TAMPER, 0, "pending 2340"), (600, CLOSED, 0, "pending 2400"),
            (2340, TAMPER, 0, "pending 4140"), (2400, CLOSED, 0, "pending 4200"),
            (4199, None, 0, ""), (4200, None, 0, "cleared"),
            (4300, TAMPER, 0, "raised low"), (4400, CLOSED, 0, "cleared"),
        ],
    ),
    "back in long intervals is told each time": (
        {"rule": "tamper"},
        [(at, *rest) for hour in range(6) for at, *rest in (
            (hour * 3600 + 60, TAMPER, 0, "raised low"), (hour * 3600 + 120, CLOSED, 0, "cleared"))],
    ),
    "unsteady, and then set for long": (
        {"rule": "tamper"},
        [
            *((60 + turn * 120, TAMPER, 0, "raised low") if odd == 0 else (120 + turn * 120, CLOSED, 0, "cleared")
              for turn in range(3) for odd in range(2)),
            (420, TAMPER, 0, "raised low"), (480, CLOSED, 0, "pending 2280"), (540, TAMPER, 0, "pending 2340"),
            (2340, None, 0, "raised low"), (9999, None, 0, ""), (10_000, CLOSED, 0, "cleared"),
        ],
    ),
    "switched off and on": ({"rule": "switched_off"}, [(10, BYE, 0, "pending 40"), (30, HELLO, 0, ""),
                                                     (99, None, 0, "")]),
    "whatever it says, it is on": ({"rule": "switched_off"}, [(10, BYE, 0, "pending 40"),
                                                              (40, None, 0, "raised medium"),
                                                              (50, fix(), 0, "cleared")]),
    "what it said before it went off is late": ({"rule": "switched_off"}, [(10, BYE, 0, "pending 40"),
                                                                           (20, fix(), 15, ""),
                                                                           (40, None, 0, "raised medium")]),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Story(settings)
    for time, reading, age, expected in rows:
        said = story.wait(time) if reading is None else story.hear(time, reading, age=age)
        assert said == expected, f"at {time}"


@pytest.mark.parametrize(
    ("rule", "first", "then", "words"),
    [
        ("tamper", TAMPER, CLOSED,
         ("Somebody opened or moved {device}.", "{device} is closed and in its place again.")),
        ("removed", OFF, ON, ("{device} was taken off {set_s} ago and should be worn.", "{device} is worn again.")),
        ("switched_off", BYE, HELLO, ("{device} was switched off {set_s} ago.", "{device} is on again.")),
    ],
)  # fmt: skip
def test_words(rule: str, first: Status, then: Status, words: tuple[str, str]) -> None:
    story = Story({"rule": rule})
    story.hear(1, first, frame=7)
    story.wait(2000)
    story.hear(2001, then)
    raised, cleared = story.last(Raised), story.last(Cleared)
    assert (raised.reason.text, cleared.reason.text) == words
    assert (raised.subject, cleared.subject) == ("gps", "gps")
    assert [e.frame for e in raised.evidence] == [7]
    assert raised.reason.values["device"] == "gps"


def test_what_was_heard_late_is_marked() -> None:
    story = Story({"rule": "tamper"})
    story.hear(1000, TAMPER, age=900)
    assert story.last(Raised).marks[0].values == {"age_s": 900}


def test_outside_its_schedule_nothing_is_due_when_it_never_comes() -> None:
    story = Story({"rule": "removed", "schedule": WORN})
    assert story.hear(7 * 3600, OFF) == "pending 90000"  # 13:00 UTC of the next day
    assert story.wait(7 * 3600 + 100) == ""


@pytest.mark.parametrize("rule", ["removed", "switched_off", "charge_by"])
def test_a_device_that_is_not_the_residents_is_refused(rule: str) -> None:
    with pytest.raises(BadRuleError, match="'watch'"):
        rules_of({"rule": rule, "device": "watch"})
    assert [one.key for one in rules_of({"rule": rule, "device": "gps"}).rules] == [f"{rule}:gps"]


def test_switched_off_is_told_once_and_not_as_silent_too() -> None:
    story = Story({"rule": "silent", "after_s": 1000}, {"rule": "switched_off", "device": "gps"})
    story.hear(5, Status(device="sos", battery_percent=90.0), device="sos")
    story.hear(10, BYE)
    assert story.wait(45) == "raised medium"
    assert story.wait(900) == ""
    said = story.wait(5000)
    assert [c.rule_key for c in story.changes if isinstance(c.verdict, Raised)] == ["switched_off:gps", "silent:sos"], (
        said
    )
    assert story.hear(5001, HELLO) == "cleared"  # by switched_off alone
    assert story.wait(9000) == "raised medium"  # and it is watched again
