from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devices.model import Bed, Help, Motion, Status
from rules.model import Context, DeviceInfo, Raised
from rules.silent import SilentSettings, silence_limit_s
from tests.rules.story import Story, fix

SILENT = {"rule": "silent", "after_s": 1000}  # told after 1000 to 1050 s
ONE = Context(ZoneInfo("Europe/Malta"), {}, (DeviceInfo("gps", "native", type="tracker"),))
HERE, GONE, BACK = (
    Motion(device="gps", moving=True),
    Status(device="gps", online=False),
    Status(device="gps", online=True),
)

# settings, then (received, reading or None to wait, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, Any, str]]]] = {
    "never heard": ({}, [(1049, None, ""), (1050, None, "raised medium"), (9999, None, "")]),
    "heard in time": ({}, [(900, HERE, ""), (1800, HERE, ""), (2700, HERE, "")]),
    "silent, then heard again": (
        {},
        [
            (10, HERE, ""),
            (1060, None, "raised medium"),
            (2000, HERE, "cleared"),
            (2100, HERE, ""),
            (3150, None, "raised medium"),
        ],
    ),
    "heard at the deadline is too late": ({}, [(10, HERE, ""), (1060, HERE, "raised medium, cleared")]),
    "offline, and back in time": ({}, [(10, HERE, ""), (20, GONE, "pending 110"), (109, BACK, ""), (999, None, "")]),
    "offline, and heard in time": ({}, [(10, HERE, ""), (20, GONE, "pending 110"), (109, HERE, ""), (999, None, "")]),
    "offline for long": (
        {},
        [
            (10, HERE, ""),
            (20, GONE, "pending 110"),
            (50, GONE, "pending 110"),
            (110, None, "raised medium"),
            (999, GONE, ""),
            (1000, BACK, "cleared"),
        ],
    ),
    "offline is told at once where the care plan says so": ({"offline_after_s": 0}, [(20, GONE, "raised medium")]),
    "offline does not count as heard": (
        {"offline_after_s": 5000},
        [(10, HERE, ""), (900, GONE, "pending 1060"), (1060, None, "raised medium")],
    ),
    "priority by the care plan": ({"priority": "low"}, [(1050, None, "raised low")]),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Story(SILENT | settings, context=ONE)
    for time, reading, expected in rows:
        assert (story.wait(time) if reading is None else story.hear(time, reading)) == expected, f"at {time}"


@pytest.mark.parametrize("gap", [1, 20, 49, 50, 51, 333])
def test_told_after_100_to_105_percent_of_the_limit(gap: int) -> None:
    story = Story(SILENT, context=ONE)
    last = 0
    for last in range(gap, 2000, gap):
        assert story.hear(last, HERE) == ""
    assert story.wait(last + 999) == ""
    assert story.wait(last + 1051) == "raised medium"


def test_few_states_are_written() -> None:
    story = Story(SILENT, context=ONE)
    for second in range(1, 1001):
        story.hear(second, HERE)
    assert len(story.changes) == 20


def test_each_device_is_watched() -> None:
    story = Story({"rule": "silent"})
    story.hear(1, Help(device="sos", phase="pressed"), device="sos")
    assert story.wait(2 * 3600) == "raised medium"
    assert story.last(Raised).subject == "gps"
    assert story.wait(26 * 3600) == ""
    assert story.wait(27 * 3600) == "raised medium"
    assert story.last(Raised).subject == "sos"


def test_a_wrong_clock_is_not_silence() -> None:
    story = Story(SILENT, context=ONE)
    assert story.hear(1000, HERE, age=5000) == ""
    assert story.wait(1999) == ""


REASONS: list[tuple[list[Any], str, dict[str, float]]] = [
    ([], "{device} was never heard in {silent_s}; it should be every {limit_s}.", {"silent_s": 1050, "limit_s": 1000}),
    (
        [HERE],
        "{device} was not heard for {silent_s}; it should be every {limit_s}.",
        {"silent_s": 1050, "limit_s": 1000},
    ),
    ([HERE, GONE], "{device} has been offline for {offline_s}.", {"offline_s": 90}),
]


@pytest.mark.parametrize(("before", "text", "values"), REASONS)
def test_reasons(before: list[Any], text: str, values: dict[str, float]) -> None:
    story = Story(SILENT, context=ONE)
    for second, reading in enumerate(before, 1):
        story.hear(second, reading)
    story.wait(5000)
    reason = story.last(Raised).reason
    assert reason.text == text
    assert reason.values["device"] == "gps"
    assert {name: reason.values[name] for name in values} == values


LIMITS: list[tuple[DeviceInfo, dict[str, Any], float]] = [
    (DeviceInfo("d", "native", silent_after_s=77), {"after_s": 500}, 77),
    (DeviceInfo("d", "native", type="tracker"), {"after_s": 500}, 500),
    (DeviceInfo("d", "native", type="tracker"), {}, 3600),
    (DeviceInfo("d", "native", type="sos_button"), {}, 26 * 3600),
    (DeviceInfo("d", "native"), {}, 26 * 3600),
    (DeviceInfo("d", "native", type="a new word"), {}, 26 * 3600),
    (DeviceInfo("d", "zigbee2mqtt", type="tracker"), {}, 25 * 3600),
]


@pytest.mark.parametrize(("device", "settings", "limit"), LIMITS)
def test_whose_limit_counts(device: DeviceInfo, settings: dict[str, Any], limit: float) -> None:
    assert silence_limit_s(SilentSettings(**settings), device) == limit


def test_the_evidence_of_offline_is_the_report() -> None:
    story = Story(SILENT, context=ONE)
    story.hear(10, GONE, frame=6)
    story.wait(100)
    assert [(e.frame, e.kind) for e in story.last(Raised).evidence] == [(6, "status")]
    story.hear(200, HERE)
    story.wait(5000)
    assert story.last(Raised).evidence == ()


def resume(story: Story, stopped: float, at: float) -> list[str]:
    changes = story.rules.resumed(story.states, story.time(stopped), story.time(at))
    for change in changes:
        story.states[change.rule_key] = change.after
    return [change.rule_key for change in changes]


def test_the_time_in_which_the_gateway_was_deaf_is_no_silence() -> None:
    story = Story(SILENT, context=ONE)
    story.hear(100, HERE)
    assert resume(story, 500, 5000) == ["silent:gps"]
    assert resume(story, 5100, 5200) == ["silent:gps"]
    assert story.wait(100 + 1050 + 4500 + 100 - 1) == ""
    assert story.wait(100 + 1050 + 4500 + 100) == "raised medium"
    assert [mark.values for mark in story.last(Raised).marks] == [{"deaf_s": 4600.0}]
    assert resume(story, 6000, 7000) == []
    assert story.hear(8000, HERE) == "cleared"
    assert story.wait(9050) == "raised medium"
    assert story.last(Raised).marks == ()


def test_a_restart_right_after_it_was_heard_changes_nothing() -> None:
    story = Story(SILENT, context=ONE)
    story.hear(100, HERE)
    assert resume(story, 50, 100) == []


def test_an_offline_device_may_come_back_after_the_restart() -> None:
    story = Story(SILENT, context=ONE)
    story.hear(100, GONE)
    resume(story, 110, 1000)
    assert story.wait(1079) == ""
    assert story.wait(1080) == "raised medium"


def test_any_kind_counts_as_heard() -> None:
    for reading in (fix(), Bed(device="gps", in_bed=True), Status(device="gps", battery_percent=50)):
        story = Story(SILENT, context=ONE)
        story.hear(1000, reading)
        assert story.wait(1999) == ""
