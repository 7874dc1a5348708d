"""Two trackers of one person, of which one stays at home, or in a car."""

import itertools
from typing import Any

import msgspec
import pytest

from rules.model import Cleared, DeviceInfo, Raised
from rules.registry import decode_states, encode_states
from rules.zone_state import ZoneExitState
from tests.rules.ground import AROUND, Ground
from tests.rules.story import BUTTON

PHONE, PENDANT, WATCH = (DeviceInfo(name, "native", type="tracker") for name in ("phone", "pendant", "watch"))
BOTH = msgspec.structs.replace(AROUND, devices=(PHONE, PENDANT, BUTTON))
ZONE = {"rule": "zone_exit", "zone": "garden"}
HOME, OUT, FAR = 0.0, 160.0, 400.0  # metres east; the garden ends at 100

# settings, then (received, device or None to wait, metres east, expected)
TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, str | None, float, str]]]] = {
    "the telephone at home hides nothing": (
        {},
        [
            (0, "pendant", HOME, ""),
            (10, "phone", HOME, ""),
            (90, "pendant", OUT, "pending 150"),
            (100, "phone", HOME, ""),
            (120, "pendant", OUT, "raised high"),
            (130, "phone", HOME, ""),
            (200, "pendant", FAR, ""),
            (400, "pendant", HOME, "cleared"),
        ],
    ),
    "nor by being heard after the pendant's only word": (
        {},
        [
            (0, "pendant", HOME, ""),
            (90, "pendant", OUT, "pending 150"),
            (100, "phone", HOME, ""),
            (149, None, 0, ""),
            (150, None, 0, "raised high"),
        ],
    ),
    "each needs its own second position": (
        {},
        [
            (0, "pendant", HOME, ""),
            (0, "phone", HOME, ""),
            (90, "pendant", OUT, "pending 150"),
            (95, "phone", OUT, "pending 155"),
            (100, "pendant", 30.0, ""),
            (105, "phone", 30.0, ""),
            (999, None, 0, ""),
        ],
    ),
    "in a car by itself: told once, and the way out with the other one is told again": (
        {},
        [
            (0, "phone", HOME, ""),
            (0, "pendant", HOME, ""),
            (90, "phone", OUT, "pending 150"),
            (100, "phone", OUT, "raised high"),
            *((60.0 * minute, "phone", OUT, "") for minute in range(2, 60)),
            (3600, "pendant", HOME, ""),
            (3700, "pendant", OUT, "pending 3825"),
            (3730, "pendant", OUT, "raised high"),
            (3800, "pendant", HOME + 60, ""),
            (3900, "phone", HOME + 60, "cleared"),
        ],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_each_tracker_is_judged_by_itself(name: str) -> None:
    settings, timeline = TIMELINES[name]
    story = Ground(ZONE | settings, context=BOTH)
    for number, (received, device, east, expected) in enumerate(timeline):
        said = story.wait(received) if device is None else story.at(received, east, device=device, frame=number)
        assert said == expected, (received, device)


def test_the_alert_names_the_tracker_that_says_otherwise() -> None:
    story = Ground(ZONE, context=BOTH)
    story.at(0, HOME, device="pendant")
    story.at(10, HOME, device="phone")
    story.at(90, OUT, device="pendant")
    story.at(120, OUT, device="pendant")
    (mark,) = story.last(Raised).marks
    assert mark.text.startswith("{device} says so. {other} was inside at {inside_at}")
    assert (mark.values["device"], mark.values["other"]) == ("pendant", "phone")
    assert mark.values["inside_at"] == int(story.time(10).timestamp() * 1000)


def test_one_that_is_outside_as_well_is_not_named() -> None:
    story = Ground(ZONE, context=BOTH)
    for moment, device in itertools.product((0, 90, 120), ("pendant", "phone")):
        story.at(moment, HOME if moment == 0 else OUT, device=device)
    first, second = (change.verdict for change in story.changes if isinstance(change.verdict, Raised))
    assert [mark.values["other"] for mark in first.marks] == []
    assert second.marks == ()


def test_a_companion_beside_either_tracker_is_heard_by_both() -> None:
    story = Ground(ZONE | {"companions": ["nora"]}, context=BOTH)
    for device in ("phone", "pendant"):
        story.at(0, HOME, device=device)
    story.at(80, OUT, device="phone-nora")
    for device in ("phone", "pendant"):
        assert story.at(90, OUT, device=device).startswith("pending")
        assert story.at(100, OUT, device=device).startswith("pending")
    assert story.wait(800).count("raised high") == 1, "both are told of at one moment"


@pytest.mark.parametrize("restart", [True, False])
def test_what_is_known_of_each_survives_a_restart(restart: bool) -> None:
    story = Ground(ZONE, context=BOTH)
    story.at(0, HOME, device="phone")
    story.at(0, HOME, device="pendant")
    story.at(90, OUT, device="pendant")
    if restart:
        story.states = decode_states(encode_states(story.states))
    assert story.wait(999) == "raised high"


def test_one_tracker_or_a_named_one_is_judged_as_ever() -> None:
    for context, settings in ((AROUND, {}), (BOTH, {"device": "pendant"})):
        story = Ground(ZONE | settings, context=context)
        device = "pendant" if settings else "gps"
        story.at(0, HOME, device=device)
        story.at(90, OUT, device=device)
        assert story.at(120, OUT, device=device) == "raised high"
        state = story.states["zone_exit:garden"]
        assert isinstance(state, ZoneExitState)
        assert state.each == {}


def test_a_tracker_that_went_away_no_longer_keeps_the_alert() -> None:
    story = Ground(ZONE, context=BOTH)
    for device in ("phone", "pendant"):
        story.at(0, HOME, device=device)
        story.at(90, OUT, device=device)
        story.at(120, OUT, device=device)
    alone = Ground(ZONE, context=msgspec.structs.replace(BOTH, devices=(PHONE, BUTTON)))
    alone.states = story.states
    assert alone.at(400, 20.0, device="phone") == "cleared"


# trackers that come and go: what is known belongs to a device, not to a place in the list


def of(*devices: DeviceInfo) -> Any:
    return msgspec.structs.replace(AROUND, devices=(*devices, BUTTON))


def go_on(story: Ground, *devices: DeviceInfo, **settings: Any) -> Ground:
    """The same person after a restart, with these devices and settings."""
    after = Ground({"rule": story.rules.rules[0].name, "zone": "garden"} | settings, context=of(*devices))
    after.states = decode_states(encode_states(story.states))
    return after


def both_at_home(*devices: DeviceInfo) -> Ground:
    story = Ground(ZONE, context=of(*(devices or (PHONE, PENDANT))))
    story.at(0, HOME, device="phone")
    story.at(0, HOME, device="pendant")
    return story


HANDOVERS: dict[str, tuple[tuple[DeviceInfo, ...], dict[str, Any]]] = {
    "the first one's assignment ended": ((PENDANT,), {}),
    "the plan names the pendant": ((PHONE, PENDANT), {"device": "pendant"}),
    "the order changed": ((PENDANT, PHONE), {}),
    "a third one came first": ((WATCH, PHONE, PENDANT), {}),
    "nothing changed": ((PHONE, PENDANT), {}),
}


@pytest.mark.parametrize("name", HANDOVERS)
@pytest.mark.parametrize("old", [False, True])
class TestHandover:
    def after(self, story: Ground, name: str, old: bool) -> Ground:
        if old:  # as an earlier version stored it: nobody said whose the state is
            state = story.states["zone_exit:garden"]
            story.states = {"zone_exit:garden": msgspec.structs.replace(state, device=None)}
        devices, settings = HANDOVERS[name]
        return go_on(story, *devices, **settings)

    def test_what_the_first_was_told_of_does_not_hide_the_second(self, name: str, old: bool) -> None:
        story = both_at_home()
        story.at(600, OUT, device="phone")
        assert story.at(630, FAR, device="phone") == "raised high"
        story.at(3600, HOME, device="pendant")
        story = self.after(story, name, old)
        assert story.at(7200, 200, device="pendant").startswith("pending")
        assert story.at(7260, 270, device="pendant") == "raised high"

    def test_what_waits_is_decided(self, name: str, old: bool) -> None:
        story = both_at_home()
        story.at(90, OUT, device="pendant")
        assert self.after(story, name, old).wait(5000) == "raised high"

    def test_perhaps_outside_is_told(self, name: str, old: bool) -> None:
        story = both_at_home()
        assert story.at(60, 115, accuracy=30, device="pendant") == "pending 960"
        assert self.after(story, name, old).wait(9999) == "raised medium"

    def test_what_was_told_stands_and_is_taken_back(self, name: str, old: bool) -> None:
        story = both_at_home()
        story.at(90, OUT, device="pendant")
        story.at(120, OUT, device="pendant")
        story = self.after(story, name, old)
        assert story.at(200, 200, device="pendant") == ""
        assert story.at(500, HOME, device="pendant") == "cleared"


def test_a_new_tracker_that_comes_first_takes_nothing_over() -> None:
    story = Ground(ZONE, context=of(PENDANT))
    story.at(0, HOME, device="pendant")
    story.at(90, OUT, device="pendant")
    story = go_on(story, PHONE, PENDANT)
    assert story.at(100, HOME, device="phone") == ""
    assert story.wait(9999) == "raised high"


def test_an_old_state_of_somebody_with_one_tracker_goes_on() -> None:
    story = Ground(ZONE, context=of(PENDANT))
    story.at(0, HOME, device="pendant")
    story.at(90, OUT, device="pendant")
    stored = encode_states(story.states).replace(b'"device":"pendant",', b"", 1)
    assert stored != encode_states(story.states)
    story.states = decode_states(stored)
    assert story.wait(999) == "raised high"
    assert story.at(1100, HOME, device="pendant") == "cleared"


def test_an_old_state_that_rests_on_a_device_that_is_gone_is_told_anew() -> None:
    story = Ground(ZONE, context=of(PHONE))
    for second in (0, 90, 120):
        story.at(second, OUT if second else HOME, device="phone")
    state = story.states["zone_exit:garden"]
    story.states = {"zone_exit:garden": msgspec.structs.replace(state, device=None)}
    story = go_on(story, PENDANT)
    story.at(300, OUT, device="pendant")
    assert story.at(330, OUT, device="pendant") == "raised high"


@pytest.mark.parametrize("devices", [(PHONE,), (WATCH, PHONE)])
def test_who_comes_back_after_weeks_begins_anew(devices: tuple[DeviceInfo, ...]) -> None:
    story = both_at_home()
    story.at(90, OUT, device="pendant")
    story.at(120, OUT, device="pendant")
    story = go_on(story, *devices)
    story.at(1000, HOME, device="phone")
    story = go_on(story, PHONE, PENDANT)
    month = 30 * 86_400.0
    story.at(month, OUT, device="pendant")
    assert "raised high" in story.at(month + 60, FAR, device="pendant")
    story.at(month + 1000, OUT, device="phone")
    story.at(month + 1030, OUT, device="phone")
    assert story.at(month + 2000, HOME, device="pendant") == ""
    assert story.at(month + 3000, HOME, device="phone") == "cleared"


def test_what_another_kind_of_device_said_is_decided_when_the_first_tracker_goes() -> None:
    other = DeviceInfo("car", "native", type="other")
    story = Ground(ZONE, context=of(PHONE, other))
    story.at(0, HOME, device="car")
    assert story.at(90, OUT, device="car") == "pending 150"
    assert go_on(story, PENDANT, other).wait(999) == "raised high"


# several at one moment


@pytest.mark.parametrize("devices", [(PHONE, PENDANT), (PENDANT, PHONE)])
def test_the_certain_exit_is_told_when_an_uncertain_one_is_due_at_the_same_moment(
    devices: tuple[DeviceInfo, ...],
) -> None:
    story = both_at_home(*devices)
    assert story.at(10, 110, accuracy=30, device="phone") == "pending 910"
    story.at(700, HOME, device="pendant")
    assert story.at(850, 115, device="pendant") == "pending 910"
    assert story.wait(910) == "raised high"
    raised = story.last(Raised)
    assert {proof.device for proof in raised.evidence} == {"phone", "pendant"}, "both are told, and both are named"
    assert raised.evidence[-1].device == "pendant"
    assert raised.marks == ()
    story.at(1000, 200, device="phone")
    assert story.at(1030, 200, device="phone") == "raised high", "the uncertain one is told when it is certain"


# wavering


def test_it_wavers_by_the_person_and_not_by_the_tracker() -> None:
    story = both_at_home()
    said: list[str] = []
    for number in range(12):
        for place in (115.0, 115.0, 60.0):
            said.append(story.at(60 + 30 * len(said), place, device=("phone", "pendant")[number % 2]))
    rings = [one for one in said if "raised" in one or one == "cleared"]
    assert rings == ["raised high", "cleared", "raised high", "raised high"]


def test_who_wavers_while_another_stays_out_is_told_less_often() -> None:
    story = both_at_home()
    story.at(60, 130, device="pendant")
    assert story.at(90, 130, device="pendant") == "raised high"
    for minute in range(40):
        story.at(180 + 60 * minute, (115, 115, 60, 60)[minute % 4], device="phone")
    rings = story.verdicts(Raised)
    assert [one.quiet_s for one in rings[:2]] == [0.0, 0.0], "each tracker's first is told as ever"
    assert all(one.quiet_s == 600.0 for one in rings[2:])
    assert story.verdicts(Cleared) == []


# forbidden zones

POND_SIDE: tuple[float, ...] = (60.0, 200.0, 3000.0)


@pytest.mark.parametrize("beside", POND_SIDE)
@pytest.mark.parametrize("devices", [(PHONE, PENDANT), (PENDANT, PHONE)])
def test_a_telephone_elsewhere_does_not_hide_who_is_in_the_pond(devices: tuple[DeviceInfo, ...], beside: float) -> None:
    story = Ground({"rule": "zone_entry", "zone": "pond"}, context=of(*devices))
    story.at(0, beside, device="phone")
    story.at(5, 200, device="pendant")
    for minute in range(1, 20):
        story.at(60 * minute, beside, device="phone")
        story.at(60 * minute + 30, max(200 - 60 * minute, 0), accuracy=3, device="pendant")
    (raised,) = story.verdicts(Raised)
    assert raised.marks[-1].text.startswith("{device} says so. {other} was outside at {outside_at}")
    assert story.verdicts(Cleared) == []
    assert story.at(2000, 200, accuracy=3, device="pendant") == "cleared"
