"""How often devices speak: the silence limit of a device, by its own setting, model, format or type.

Data only, and the order in which it counts. Limits are seconds. A limit is wide enough for reports that get lost on the
way, and never shorter than what the maker promises.
"""

from typing import Final

import msgspec

from devices.zigbee2mqtt_words import is_mains
from rules.model import DeviceInfo

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY_AND_MORE: Final = 26 * _HOUR
"""Devices with a daily sign of life, with two hours for a late one."""

HUB_S: Final = 90.0
"""A hub on the mains with a sign of life each 30 s: two may be lost, the third is missed at 90 s. Through it comes
everything of its sensors, so it must be found that soon."""

LIMITS_S: Final[dict[str, float]] = {
    "tracker": _HOUR,  # long for a tracker on the move; set more where it sleeps at rest
    "fall_detector": _DAY_AND_MORE,  # a daily sign of life
    "bed_sensor": _DAY_AND_MORE,  # used at least once a day
    "continence_sensor": 12 * _HOUR,  # off between products, but worn again within half a day
    "sos_button": _DAY_AND_MORE,  # sleeps until pressed, with a daily sign of life
    "hub": 15 * _MINUTE,  # nobody said that it is on the mains: it may save its battery
    "door_sensor": _DAY_AND_MORE,
    "motion_sensor": _DAY_AND_MORE,
    "room_sensor": _DAY_AND_MORE,
    "lamp": _DAY_AND_MORE,
    "other": _DAY_AND_MORE,
}
"""Our choice of a silence limit by device type, where neither the device nor the care plan sets one. These are wide,
so that they raise little that is false, and find a dead device late: set the maker's own interval on the device
(``silent_after_s``), or leave it to the rule to learn how often the device speaks."""

MAINS_S: Final[dict[str, float]] = {
    "hub": HUB_S,
    "bed_sensor": 2 * _HOUR,
    "fall_detector": 2 * _HOUR,
    "motion_sensor": 2 * _HOUR,
    "room_sensor": 2 * _HOUR,
}
"""The same for devices on the mains, which need not save a battery. A sensor reports at least every hour (Zigbee's
usual longest reporting interval is 3,600 s); two hours allow for one lost report."""

_ZIGBEE_BATTERY_S: Final = 25 * _HOUR
"""A battery device checks in within 25 h (Zigbee2MQTT guide, Device-Availability: passive devices)."""

_ZIGBEE_HUB_S: Final = 25 * _MINUTE
"""Zigbee2MQTT publishes bridge/health every 10 minutes (its settings' schema: health.interval); two and a half of
these. Its last will tells of a crash much sooner."""


class ModelInterval(msgspec.Struct, frozen=True):
    """How often a model speaks when nothing happens, and how long it may be silent; ``source`` says who says so."""

    every_s: float
    limit_s: float
    mains: bool
    source: str


MODELS: Final[dict[str, ModelInterval]] = {
    "browan/tbms100": ModelInterval(_HOUR, 3 * _HOUR, False, "Motion sensor manual, 4.1.1: every 60 minutes when free"),
    "sensecap/t1000": ModelInterval(_HOUR, 3 * _HOUR, False, "our choice: the uplink interval is set by its app"),
    "milesight/ws101": ModelInterval(18 * _HOUR, 38 * _HOUR, False, "WS101 user guide: by default every 1,080 minutes"),
}
"""Models whose usual interval is known, by ``maker/model`` or the beginning of it; most can be set to another one, and
then the device needs its own ``silent_after_s``. The limit is two lost reports."""


class Limit(msgspec.Struct, frozen=True):
    """How long a device may be silent. ``given``: somebody said so, so nothing is learned that would shorten it."""

    limit_s: float
    given: bool


def limit_of(device: DeviceInfo, after_s: float | None) -> Limit:
    """The silence limit: the device's own, else the care plan's (``after_s``), else its model's, format's or type's."""
    if device.silent_after_s is not None:
        return Limit(device.silent_after_s, given=True)
    if after_s is not None:
        return Limit(after_s, given=True)
    return Limit(_by_kind(device), given=False)


def _by_kind(device: DeviceInfo) -> float:
    kind = device.type or "other"
    model = (device.model or "").lower()
    for name, interval in MODELS.items():
        if model.startswith(name):
            return interval.limit_s
    if device.format == "zigbee2mqtt":
        return _of_zigbee(kind, device.model)
    limit = LIMITS_S.get(kind, _DAY_AND_MORE)
    return min(limit, MAINS_S.get(kind, limit)) if device.mains else limit


def _of_zigbee(kind: str, model: str | None) -> float:
    if kind == "hub":
        return _ZIGBEE_HUB_S
    if is_mains(model):
        # Where its availability is on, Zigbee2MQTT itself finds such a device gone after 10 minutes.
        return 2 * _HOUR
    return max(LIMITS_S.get(kind, _DAY_AND_MORE), _ZIGBEE_BATTERY_S)
