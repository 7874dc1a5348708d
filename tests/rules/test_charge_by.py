"""On the charger by its hour."""

from typing import Any

import msgspec
import pytest

from devices.model import Status
from rules.model import DeviceInfo, Raised
from tests.rules.story import CONTEXT, Story, fix, rules_of

HOUR = 3600
BY = 9.5 * HOUR  # 22:30 in Malta; a story begins at 13:00 there
DAY = 24 * HOUR


def status(**fields: Any) -> Status:
    return Status(device="gps", **fields)


LOW, FULL = status(battery_percent=40.0), status(battery_percent=80.0)
CHARGES, FREE = status(charging=True, battery_percent=40.0), status(charging=False, battery_percent=40.0)

TIMELINES: dict[str, list[tuple[float, Any, str]]] = {
    "never said anything": [(10, fix(), ""), (3 * DAY, None, "")],
    "low and not charging": [(10, LOW, ""), (BY - 1, None, ""), (BY, None, "raised low"), (BY + 60, LOW, "")],
    "again the next evening": [(10, LOW, ""), (BY, None, "raised low"), (BY + DAY, None, "raised low")],
    "put on in time": [(10, LOW, ""), (BY - 60, CHARGES, ""), (2 * DAY, None, "")],
    "put on after it was told": [(10, FREE, ""), (BY, None, "raised low"), (BY + 60, CHARGES, "cleared"),
                                (BY + DAY, None, "")],
    "full enough": [(10, FULL, ""), (2 * DAY, None, "")],
    "full in the morning, low at night": [(10, FULL, ""), (8 * HOUR, LOW, ""), (BY, None, "raised low")],
    "taken off the charger too soon": [(10, CHARGES, ""), (HOUR, FREE, ""), (BY, None, "raised low")],
}  # fmt: skip


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    story = Story({"rule": "charge_by"})
    for time, reading, expected in TIMELINES[name]:
        assert (story.wait(time) if reading is None else story.hear(time, reading)) == expected, f"at {time}"


def test_an_old_word_changes_nothing() -> None:
    story = Story({"rule": "charge_by"})
    story.hear(8 * HOUR, CHARGES)
    story.hear(8 * HOUR + 10, LOW, age=600)
    assert story.wait(2 * DAY) == ""


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (LOW, "{device} is not on the charger; its battery is at {battery_percent}."),
        (status(charging=False), "{device} is not on the charger."),
    ],
)
def test_words(reading: Status, text: str) -> None:
    story = Story({"rule": "charge_by"})
    story.hear(10, reading, frame=4)
    story.wait(BY)
    raised = story.last(Raised)
    assert (raised.reason.text, raised.subject, [e.frame for e in raised.evidence]) == (text, "gps", [4])


def test_only_what_is_worn_and_charged_is_asked_for() -> None:
    devices = (*CONTEXT.devices, DeviceInfo("fall", "native", type="fall_detector"),
               DeviceInfo("radar", "native", type="fall_detector", mains=True))  # fmt: skip
    rules = rules_of({"rule": "charge_by"}, context=msgspec.structs.replace(CONTEXT, devices=devices))
    assert [rule.key for rule in rules.rules] == ["charge_by:gps", "charge_by:fall"]


def test_few_states_are_written() -> None:
    story = Story({"rule": "charge_by"})
    for percent in range(100, 0, -1):
        story.hear(110 - percent, status(battery_percent=float(percent)))
    assert len(story.changes) <= 22
