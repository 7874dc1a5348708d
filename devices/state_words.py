"""What the names of entities mean for a person in care, as visible tables.

A name is known by its end: ``bathroom_fall_detected`` is ``fall_detected``. A fall is known wherever it stands
(``fall_detected_bathroom``), unless the name also says that it is something else. Seeed's kits for ESPHome give the
names ``fall_detected`` and ``people_exist`` (MR60FDA2), ``has_target``, ``real_time_heart_rate`` and
``real_time_respiratory_rate`` (MR60BHA2); the others are those that people commonly give.
"""

from enum import StrEnum

from devices.zigbee2mqtt_words import FALL_WORDS, STATUS_FALLS, FallPhase


class Means(StrEnum):
    """What a binary sensor tells."""

    FALL = "fall"  # on: detected, off: ended
    SUSPECTED = "suspected"  # on: a fall is suspected, off: ended
    PRESENT = "present"
    MOVING = "moving"
    IN_BED = "in_bed"
    LOW_BATTERY = "low_battery"
    CHARGING = "charging"
    TAMPER = "tamper"
    ONLINE = "online"


BINARY: dict[str, Means] = {
    "fall_detected": Means.FALL, "fall_detection": Means.FALL, "fall_alarm": Means.FALL, "fall_alert": Means.FALL,
    "fall": Means.FALL, "fallen": Means.FALL, "falldown": Means.FALL, "fall_down": Means.FALL,
    "falldetected": Means.FALL, "human_fall": Means.FALL, "person_fall": Means.FALL,
    "fall_warning": Means.SUSPECTED, "fall_suspected": Means.SUSPECTED, "possible_fall": Means.SUSPECTED,
    "people_exist": Means.PRESENT, "someone_exist": Means.PRESENT, "has_target": Means.PRESENT,
    "presence": Means.PRESENT, "occupancy": Means.PRESENT, "occupied": Means.PRESENT, "person": Means.PRESENT,
    "motion": Means.MOVING, "moving": Means.MOVING, "moving_target": Means.MOVING,
    "in_bed": Means.IN_BED, "bed_presence": Means.IN_BED, "bed_occupancy": Means.IN_BED, "bed_occupied": Means.IN_BED,
    "battery_low": Means.LOW_BATTERY, "low_battery": Means.LOW_BATTERY,
    "charging": Means.CHARGING,
    "tamper": Means.TAMPER,
    "connectivity": Means.ONLINE, "online": Means.ONLINE,
}  # fmt: skip
"""Names of binary sensors. A call for help is known by devices.roles: its name, or the centre's model."""

NUMBERS: dict[str, tuple[str, float, float]] = {
    "heart_rate": ("heart_rate_bpm", 1, 300),  # 0 is how a radar says that it measures nobody
    "heart_rate_bpm": ("heart_rate_bpm", 1, 300),
    "heartrate": ("heart_rate_bpm", 1, 300),
    "respiratory_rate": ("respiratory_rate_bpm", 1, 200),
    "respiration_rate": ("respiratory_rate_bpm", 1, 200),
    "breathing_rate": ("respiratory_rate_bpm", 1, 200),
    "breath_rate": ("respiratory_rate_bpm", 1, 200),
    "spo2": ("spo2_percent", 1, 100),
    "body_temperature": ("temperature_c", 20, 50),
    "battery": ("battery_percent", 0, 100),
    "battery_level": ("battery_percent", 0, 100),
    "battery_percent": ("battery_percent", 0, 100),
    "steps": ("steps", 0, 1e9),
}
"""Names of sensors with a number: the field of the reading, and what the number can be. Others are not measurements."""

FALL_TEXTS: dict[str, FallPhase | None] = {
    **FALL_WORDS["fall_status"], **STATUS_FALLS,
    "maybe_fall": "suspected", "suspected": "suspected", "real": "detected", "detected": "detected",
    "on": "detected", "true": "detected", "1": "detected", "yes": "detected",
    "none": "ended", "no_fall": "ended", "off": "ended", "false": "ended", "0": "ended", "no": "ended",
    "clear": "ended", "null": None, "nan": None,
}  # fmt: skip
"""Words of text sensors about falls (``fall_status``, ``fall_state``), Seeed's MR24 and MR60 radars included."""

FALL_SENSORS = frozenset({"fall_status", "fall_state"})
"""Names of those text sensors; any other with a name of FALL_NAMES is one too."""

FALL_NAMES = tuple(
    sorted(
        (name for name, means in BINARY.items() if means in (Means.FALL, Means.SUSPECTED)), key=lambda name: -len(name)
    )
)
"""Names that are about a fall, the longest first."""

NO_ALARM_WORDS = frozenset({
    "battery", "color", "count", "counter", "decoration", "delay", "distance", "duration", "enable", "enabled",
    "free", "height", "lamp", "last", "led", "light", "lights", "mode", "rain", "range", "rssi", "scene", "schedule",
    "season", "sensitivity", "setting", "signal", "snow", "temperature", "test", "threshold", "time", "timeout",
    "timestamp", "timer", "total", "version", "volume", "water",
})  # fmt: skip
"""Beside one of these a fall in the middle of a name is a setting, a number or something else than a person's."""

CALL_TEXTS: dict[str, bool] = {
    "on": True, "true": True, "1": True, "yes": True, "pressed": True, "press": True, "single": True, "double": True,
    "triple": True, "long": True, "hold": True, "alarm": True, "active": True, "triggered": True, "called": True,
    "off": False, "false": False, "0": False, "no": False, "released": False, "release": False, "idle": False,
    "clear": False, "normal": False, "inactive": False,
}  # fmt: skip
"""Words of a text sensor whose name calls for help: whether that is a press."""

PRESSED_ACTIONS = frozenset(
    {"ON", "TOGGLE", "HOLD", "SINGLE", "DOUBLE", "TRIPLE", "QUAD", "PENTA", "INC", "POWER_INCREMENT", "POWER_INV",
     "POWER_100"}
)  # fmt: skip
"""Tasmota's actions of a switch or button that are a press."""

RELEASED_ACTIONS = frozenset({"", "OFF", "CLEAR", "RELEASE", "POWER_CLEAR", "POWER_RELEASE", "POWER_DELAY"})
"""Those that end one. Any other of a call button is an alarm that can't be read."""
