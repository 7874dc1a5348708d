"""Rules over times, places and lost trails, with two trackers of which one stays at home."""

from collections.abc import Mapping

import msgspec
import pytest

from devices.model import Status
from rules.model import Cleared, DeviceInfo, Raised
from rules.registry import decode_states, encode_states
from tests.rules.ground import AROUND, Ground

PHONE, PENDANT = (DeviceInfo(name, "native", type="tracker") for name in ("phone", "pendant"))
ORDERS = [(PHONE, PENDANT), (PENDANT, PHONE)]
H = 3600.0  # the story begins at 13:00
BACK = {"rule": "return_by", "zone": "garden", "by": "18:00"}
EXPECTED = {
    "rule": "not_where_expected",
    "zone": "garden",
    "schedule": {"weekly": [{"days": "daily", "from": "14:00", "to": "20:00"}]},
}
SIGHT = {"rule": "out_of_sight", "zones": ["garden"]}


def ground(settings: Mapping[str, object], *devices: DeviceInfo) -> Ground:
    return Ground(settings, context=msgspec.structs.replace(AROUND, devices=devices))


@pytest.mark.parametrize("devices", ORDERS)
class TestBothAreAsked:
    def test_who_is_not_back_with_one_of_them_is_told(self, devices: tuple[DeviceInfo, ...]) -> None:
        story = ground(BACK, *devices)
        story.at(4.8 * H, 500, device="pendant")
        story.at(4.99 * H, 0, device="phone")
        assert story.wait(5 * H) == "raised medium"
        (mark,) = [mark for mark in story.last(Raised).marks if "left behind" in mark.text]
        assert (mark.values["device"], mark.values["other"]) == ("pendant", "phone")
        assert story.at(5.1 * H, 0, device="phone") == ""
        assert story.at(5.2 * H, 0, device="pendant") == "cleared"

    def test_one_that_was_lost_outside_days_ago_does_not_tell_every_day(self, devices: tuple[DeviceInfo, ...]) -> None:
        story = ground(BACK, *devices)
        story.at(H, 500, device="pendant")
        story.at(2 * H, 0, device="phone")
        assert story.wait(5 * H) == "raised medium"
        for day in (1, 2):
            story.at((24 * day + 4) * H, 0, device="phone")
        assert len(story.verdicts(Raised)) == 1
        assert len(story.verdicts(Cleared)) == 1

    def test_who_is_elsewhere_with_one_of_them_is_told(self, devices: tuple[DeviceInfo, ...]) -> None:
        story = ground(EXPECTED, *devices)
        story.at(0.9 * H, 500, device="pendant")
        story.at(1.1 * H, 500, device="pendant")
        story.at(1.2 * H, 0, device="phone")
        assert story.wait(1.5 * H) == "raised medium"
        assert [mark.values["other"] for mark in story.last(Raised).marks if "left behind" in mark.text] == ["phone"]
        story.at(1.6 * H, 0, device="phone")
        assert story.verdicts(Cleared) == []
        assert story.at(1.7 * H, 0, device="pendant") == "cleared"

    def test_who_is_there_is_not_unknown_when_the_other_ones_word_is_old(self, devices: tuple[DeviceInfo, ...]) -> None:
        story = ground(EXPECTED | {"grace_minutes": 90}, *devices)
        story.at(1.05 * H, 500, device="pendant")
        story.at(1.1 * H, 0, device="phone")
        assert story.wait(3 * H) == ""

    def test_a_telephone_at_home_is_no_trail_of_the_pendant(self, devices: tuple[DeviceInfo, ...]) -> None:
        story = ground(SIGHT, *devices)
        story.at(0, 500, device="pendant")
        said = [story.at(60.0 * minute, 0, device="phone") for minute in range(1, 30)]
        assert [one for one in said if one] == ["raised high"]
        assert said.index("raised high") == 14, "15 minutes after the pendant's last word"
        assert story.at(1900, 500, device="pendant") == "cleared"

    def test_the_battery_that_is_low_is_that_of_the_one_outside(self, devices: tuple[DeviceInfo, ...]) -> None:
        story = ground(SIGHT, *devices)
        story.at(0, 0, device="phone")
        story.at(10, 500, device="pendant")
        for device, expected in (("phone", ""), ("pendant", "raised medium")):
            event = story.event(20, Status(device=device, battery_percent=5), "status", 0, device, None)
            assert story._judge(event) == expected


@pytest.mark.parametrize("left", ORDERS[0])
def test_the_one_that_remains_goes_on_and_takes_nothing_over(left: DeviceInfo) -> None:
    gone = "phone" if left is PENDANT else "pendant"
    for settings, at, word in ((BACK, 4.9 * H, "raised low"), (SIGHT, 0.0, ""), (EXPECTED, 0.95 * H, "raised low")):
        story = ground(settings, PHONE, PENDANT)
        story.at(at, 500, device=gone)
        after = ground(settings, left)
        after.states = decode_states(encode_states(story.states))
        assert after.wait(6.5 * H).split(", ")[-1] == word, "what is gone is not where the person is"
        goes_on = ground(settings, PHONE, PENDANT)
        goes_on.at(at, 500, device=left.id)
        after = ground(settings, left)
        after.states = decode_states(encode_states(goes_on.states))
        assert "raised" in after.wait(6.5 * H)
        assert after.last(Raised).evidence[-1].device == left.id


def test_no_trail_is_lost_while_the_gateway_was_deaf() -> None:
    story = ground(SIGHT, PHONE, PENDANT)
    story.at(0, 500, device="phone")
    story.at(0, 500, device="pendant")
    for change in story.rules.resumed(story.states, story.time(10), story.time(5000)):
        story.states[change.rule_key] = change.after
    assert story.wait(5800) == ""
    assert story.wait(6000) == "raised high"
