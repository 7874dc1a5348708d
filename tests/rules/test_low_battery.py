from typing import Any

import pytest
from pydantic import ValidationError

from devices.model import Status
from rules.low_battery import LowBatterySettings
from rules.model import Cleared, Raised
from tests.rules.story import Story


def status(**fields: Any) -> Status:
    return Status(device="gps", **fields)


def at(percent: float) -> Status:
    return status(battery_percent=percent)


FLAG, NO_FLAG = status(low_battery=True), status(low_battery=False)

# (reading, age, expected), one a minute
TIMELINES: dict[str, list[tuple[Status, float, str]]] = {
    "fine": [(at(100), 0, ""), (at(21), 0, "")],
    "low once": [(at(20), 0, "raised low"), (at(19), 0, ""), (at(11), 0, "")],
    "low, then critical": [(at(20), 0, "raised low"), (at(10), 0, "raised medium"), (at(3), 0, "")],
    "critical at once": [(at(0), 0, "raised medium")],
    "wavers around the limit": [(at(20), 0, "raised low"), (at(24), 0, ""), (at(19), 0, ""), (at(25), 0, "cleared")],
    "charged, and low again": [(at(20), 0, "raised low"), (at(90), 0, "cleared"), (at(20), 0, "raised low")],
    "wavers around critical": [
        (at(10), 0, "raised medium"),
        (at(14), 0, ""),
        (at(9), 0, ""),
        (at(15), 0, ""),
        (at(9), 0, "raised medium"),
    ],
    "from critical to full": [(at(5), 0, "raised medium"), (at(25), 0, "cleared")],
    "only a flag": [(NO_FLAG, 0, ""), (FLAG, 0, "raised low"), (FLAG, 0, ""), (NO_FLAG, 0, "cleared")],
    "a flag makes it low, whatever the percentage": [(status(battery_percent=40, low_battery=True), 0, "raised low")],
    "a percentage says more than a flag that is not set": [
        (status(battery_percent=5, low_battery=False), 0, "raised medium")
    ],
    "a flag alone does not lower critical": [(at(5), 0, "raised medium"), (FLAG, 0, "")],
    "on the charger": [
        (status(battery_percent=15, charging=True), 0, ""),
        (status(battery_percent=16, charging=False), 0, "raised low"),
        (status(battery_percent=17, charging=True), 0, ""),
        (status(battery_percent=30, charging=True), 0, "cleared"),
    ],
    "a late level from before the last change": [(at(20), 0, "raised low"), (at(90), 0, "cleared"), (at(15), 90, "")],
    "nothing of the battery": [(status(online=True), 0, "")],
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    story = Story({"rule": "low_battery"})
    for minute, (reading, age, expected) in enumerate(TIMELINES[name], 1):
        assert story.hear(minute * 60, reading, age=age) == expected, f"at {minute}"


def test_each_device_has_its_own() -> None:
    story = Story({"rule": "low_battery"})
    assert story.hear(1, at(20), device="gps") == "raised low"
    assert story.last(Raised).subject == "gps"
    assert story.hear(2, at(20), device="sos") == "raised low"
    assert story.last(Raised).subject == "sos"
    assert story.hear(3, at(99), device="gps") == "cleared"
    assert story.last(Cleared).subject == "gps"


@pytest.mark.parametrize(
    ("reading", "text", "values"),
    [
        (at(18.5), "The battery of {device} is low: {battery_percent}.", {"device": "gps", "battery_percent": 18.5}),
        (at(2), "The battery of {device} is nearly empty: {battery_percent}.", {"device": "gps", "battery_percent": 2}),
        (FLAG, "{device} says that its battery is low.", {"device": "gps"}),
    ],
)
def test_reasons(reading: Status, text: str, values: dict[str, Any]) -> None:
    story = Story({"rule": "low_battery"})
    story.hear(1, reading, frame=8)
    raised = story.last(Raised)
    assert (raised.reason.text, raised.reason.values) == (text, values)
    assert [e.frame for e in raised.evidence] == [8]


def test_levels_of_the_care_plan() -> None:
    story = Story({"rule": "low_battery", "low_percent": 50, "critical_percent": 30})
    assert story.hear(1, at(50)) == "raised low"
    assert story.hear(2, at(30)) == "raised medium"


def test_critical_must_be_below_low() -> None:
    with pytest.raises(ValidationError, match="critical_percent must be below low_percent"):
        LowBatterySettings(low_percent=10)


def test_percent_by_percent_nothing_is_stored() -> None:
    story = Story({"rule": "low_battery"})
    for minute in range(79):
        story.hear(minute * 60, at(100 - minute))
    assert story.changes == []
