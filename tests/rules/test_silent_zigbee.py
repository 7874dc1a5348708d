"""Silence limits of Zigbee devices: a battery may be quiet for 25 h, a radar on the mains for 2 h."""

import pytest

from rules.model import DeviceInfo
from rules.silent import SilentSettings, silence_limit_s

HOUR = 3600


@pytest.mark.parametrize(
    ("device", "hours"),
    [
        (DeviceInfo("a", "zigbee2mqtt", type="sos_button"), 26),
        (DeviceInfo("a", "zigbee2mqtt", type="tracker"), 25),
        (DeviceInfo("a", "zigbee2mqtt", type="continence_sensor"), 25),
        (DeviceInfo("a", "zigbee2mqtt", model="heiman/HS2FD-EF1-3.0", type="fall_detector"), 2),
        (DeviceInfo("a", "zigbee2mqtt", model="FDS315", type="fall_detector"), 2),
        (DeviceInfo("a", "zigbee2mqtt", model="tuya/TS0215A_sos", type="sos_button"), 26),
        (DeviceInfo("a", "native", model="heiman/HS2FD-EF1-3.0", type="fall_detector"), 26),
        (DeviceInfo("a", "zigbee2mqtt", model="owon/FDS315", silent_after_s=HOUR / 2, type="fall_detector"), 0.5),
    ],
)
def test_the_limit_of_a_zigbee_device(device: DeviceInfo, hours: float) -> None:
    assert silence_limit_s(SilentSettings(), device) == hours * HOUR


def test_the_care_plan_counts_more_than_the_model() -> None:
    device = DeviceInfo("a", "zigbee2mqtt", model="owon/FDS315")
    assert silence_limit_s(SilentSettings(after_s=600), device) == 600
