"""Who is protected how far, from the rules' states."""

from typing import Any

import pytest

from devices.model import Bed, Help, Motion, Status
from rules.model import Context, DeviceInfo
from rules.protection import LIFE_SAFETY, NEEDS, NO_POSITION, NO_POSITION_AT_ALL, TYPES, Level, Protection, Protections
from rules.registry import RULES, decode_states, encode_states
from tests.rules.story import CONTEXT, Story, fix

HOUR = 3600
GPS, SOS = "gps", "sos"
SILENT = {"rule": "silent", "after_s": 1000}
PLAN = ({"rule": "help"}, {"rule": "zone_exit", "zone": "garden"}, SILENT)
TRACKER = DeviceInfo(GPS, "native", type="tracker", hub="hub")
BUTTON = DeviceInfo(SOS, "native", type="sos_button")
HUB = DeviceInfo("hub", "native", type="hub", mains=True)


class House(Story):
    """A resident with a tracker and a button, both heard."""

    def __init__(
        self, *more: dict[str, Any], plan: Any = PLAN, devices: tuple[DeviceInfo, ...] = (TRACKER, BUTTON)
    ) -> None:
        super().__init__(*plan, *more, context=Context(CONTEXT.timezone, CONTEXT.zones, devices, surroundings=(HUB,)))
        self.devices = devices
        self.at = 0.0
        for device in devices:
            self.says(1, device.id)

    def says(self, at: float, device: str, **status: Any) -> None:
        if device == GPS and not status:
            self.hear(at, fix(), device=GPS, distance=-50)
        else:
            self.hear(at, Status(device=device, **(status or {"firmware": "1"})), device=device)

    def now(self, at: float | None = None) -> Protection:
        states = decode_states(encode_states(self.states))
        return Protections(self.rules.rules, self.devices).of(states, self.time(self.at if at is None else at))

    def hear(self, received: float, *args: Any, **kwargs: Any) -> str:
        self.at = received
        return super().hear(received, *args, **kwargs)

    def wait(self, until: float) -> str:
        self.at = until
        return super().wait(until)


def words(protection: Protection) -> list[str]:
    return [reason.text for reason in protection.missing]


def test_everything_is_there() -> None:
    assert House().now() == Protection(Level.PROTECTED)


def test_one_of_two_is_gone() -> None:
    house = House()
    house.wait(900)
    house.says(900, GPS)
    house.wait(1060)
    found = house.now()
    assert found.level is Level.DEGRADED
    assert words(found) == ["{device} is silent since {heard_at}."]
    assert found.missing[0].values["device"] == SOS
    assert found.untold == ()


def test_nothing_is_left_and_the_silent_alerts_tell_it() -> None:
    house = House()
    house.wait(2000)
    found = house.now()
    assert found.level is Level.UNPROTECTED
    assert words(found)[:2] == [
        "No device can call for help.",
        "No device says where the person is: the zones are not watched.",
    ]
    assert len(found.missing) == 4
    assert found.untold == ()


def test_a_plan_without_the_device_for_it_is_told_by_nobody_else() -> None:
    found = House(devices=(BUTTON,)).now()
    assert found.level is Level.UNPROTECTED
    assert [reason.text for reason in found.untold] == [
        "No device says where the person is: the zones are not watched."
    ]


@pytest.mark.parametrize(
    ("plan", "devices"),
    [
        ((), ()),
        ((), (BUTTON,)),
        (({"rule": "silent"}, {"rule": "low_battery"}), (TRACKER, BUTTON)),
        (({"rule": "no_movement"},), ()),
    ],
)
def test_nothing_watches_over_somebody(plan: Any, devices: tuple[DeviceInfo, ...]) -> None:
    found = House(plan=plan, devices=devices).now()
    assert (found.level, words(found)[0]) == (Level.UNPROTECTED, "Nothing watches over this resident.")
    assert found.untold == ()


def test_a_rule_that_counts_on_no_device_in_particular_watches() -> None:
    assert House(plan=({"rule": "no_movement"}, SILENT)).now().level is Level.PROTECTED


def test_no_position_for_long() -> None:
    house = House(plan=({"rule": "zone_exit", "zone": "garden"}, {"rule": "silent", "after_s": 50 * HOUR}))
    for hour in range(1, 14):
        house.says(hour * HOUR, GPS, firmware="1")
    limit, at_all = NO_POSITION.total_seconds(), NO_POSITION_AT_ALL.total_seconds()
    assert house.now(1 + limit).level is Level.PROTECTED
    few = house.now(2 + limit)
    assert (few.level, words(few), few.untold) == (
        Level.DEGRADED, ["No position since {placed_at}: the zones are not watched."], (),
    )  # fmt: skip
    none = house.now(2 + at_all)
    assert (none.level, none.untold) == (Level.UNPROTECTED, none.missing)


@pytest.mark.parametrize(
    ("rule", "says", "text"),
    [
        ({"rule": "switched_off", "after_s": 0}, {"online": False}, "{device} is switched off since {off_at}."),
        ({"rule": "removed", "after_s": 0}, {"removed": True}, "{device} is not worn since {off_at}."),
    ],
)
def test_a_device_that_is_off_gives_nothing(rule: dict[str, Any], says: dict[str, Any], text: str) -> None:
    house = House(rule, devices=(TRACKER,))
    house.says(10, GPS, **says)
    found = house.now()
    assert found.level is Level.UNPROTECTED
    assert text in words(found)
    assert found.untold == ()


def test_behind_a_hub_that_is_gone() -> None:
    house = House(devices=(TRACKER,))
    house.hear(20, Status(device="hub", online=True), device="hub")
    house.hear(900, Status(device="hub", online=False), device="hub")
    house.wait(1100)
    found = house.now()
    assert (found.level, found.untold) == (Level.UNPROTECTED, ())
    assert found.missing[-1].values == {"device": GPS, "hub": "hub"}


@pytest.mark.parametrize(
    ("rules", "says", "text"),
    [
        ((), {"battery_percent": 8.0}, "The battery of {device} is at {battery_percent}."),
        ((), {"low_battery": True}, "The battery of {device} is low."),
        (({"rule": "low_battery", "low_percent": 50},), {"battery_percent": 45.0}, "The battery of {device} is low."),
        (({"rule": "tamper"},), {"tamper": True}, "Somebody opened or moved {device}."),
    ],
)
def test_what_is_doubtful_degrades(rules: Any, says: dict[str, Any], text: str) -> None:
    house = House(*rules)
    house.says(10, SOS, **says)
    assert (house.now().level, words(house.now())) == (Level.DEGRADED, [text])


def test_an_unsteady_link_degrades() -> None:
    house = House()
    for drop in range(4):
        house.says(3000 * drop + 1, SOS)
        for second in range(3000 * drop, 3000 * drop + 3000, 500):
            house.says(second + 2, GPS)
    house.says(12_010, SOS)
    assert words(house.now()) == ["The link of {device} is unsteady."]


def test_without_a_silent_rule_nobody_would_know() -> None:
    found = House(plan=({"rule": "help"},)).now()
    assert found.level is Level.DEGRADED
    assert set(words(found)) == {"Nobody would be told if {device} fell silent."}


def test_a_device_that_was_not_heard_yet() -> None:
    house = House()
    house.states = house.rules.start(house.begins)
    assert words(house.now()) == ["{device} was not heard yet."] * 2
    house.wait(5000)
    assert "{device} was never heard." in words(house.now())


def test_what_a_device_was_heard_to_send_counts() -> None:
    other = DeviceInfo("thing", "native", type="other")
    house = House(plan=({"rule": "help"}, {"rule": "bed_exit"}, SILENT), devices=(other,))
    assert house.now().level is Level.UNPROTECTED
    house.hear(10, Help(device="thing", phase="pressed"), device="thing")
    assert words(house.now()) == ["No device watches the bed."]
    house.hear(11, Bed(device="thing", in_bed=True), device="thing")
    assert house.now().level is Level.PROTECTED


def test_no_need_no_protection_to_lose() -> None:
    house = House(plan=(SILENT, {"rule": "no_movement"}))
    house.hear(10, Motion(device=GPS, moving=True), device=GPS)
    house.wait(9000)
    assert house.now() == Protection(Level.PROTECTED)


def test_every_need_is_of_a_rule_and_of_a_type() -> None:
    assert set(NEEDS) <= {rule.name for rule in RULES}
    given = frozenset().union(*TYPES.values())
    assert set(NEEDS.values()) | set(LIFE_SAFETY) == given
