"""What Zigbee2MQTT's words mean for a person in care, as visible tables.

The words are those of the device pages on zigbee2mqtt.io and of the definitions behind them
(Koenkk/zigbee-herdsman-converters); each table names the devices. A word that a property about falls or calls for help
does not have is refused, so that a person hears of it; any other unknown word is no error, because new devices come
every week. Capitals don't count.
"""

from typing import Literal, TypeAlias

from devices.roles import OTHER_WORDS

FallPhase: TypeAlias = Literal["suspected", "detected", "ended"]

HELP_ACTIONS = frozenset({"emergency", "help", "panic", "sos"})
"""Words of an ``action`` that is a call for help: Tuya TS0215A_sos (emergency), keypads (panic), Tuya ZG-101Z (sos).
Other words may stand around them (``emergency_2``, ``1_emergency``, ``sos_button``), only not one of QUIET_WORDS."""

QUIET_WORDS = OTHER_WORDS | {
    "cancel",
    "canceled",
    "cancelled",
    "clear",
    "cleared",
    "end",
    "ended",
    "exit",
    "idle",
    "no",
    "none",
    "off",
    "release",
    "released",
    "reset",
    "stop",
    "stopped",
}
"""Words that say of an action about help or a fall that it is none: ``sos_off``, ``emergency_light``."""

HELP_PROPERTIES = (
    "sos", "panic", "emergency", "sos_button", "panic_button", "emergency_button", "sos_alarm", "panic_alarm",
    "emergency_alarm", "sos_call", "emergency_call", "help_button", "nurse_call", "sos_state", "sos_status", "help",
    "help_call", "call_for_help", "panic_state", "emergency_state",
)  # fmt: skip
"""Properties that are true while a call for help is on: Feibit SEB01ZB, PB206. False is the rest position, repeated
with every report, and no cancel."""

YES_WORDS = frozenset({"true", "on", "yes", "1", "alarm", "active", "triggered", "pressed", "press", "detected", "sos"})
NO_WORDS = frozenset({"", "false", "off", "no", "0", "none", "normal", "ok", "clear", "idle", "inactive", "released",
                      "standby", "unknown", "null"})  # fmt: skip
"""Words of these properties; any other is an alarm that can't be read."""

PRESS_ACTIONS = frozenset({"single", "double", "triple", "quadruple", "many", "hold", "long", "on", "off", "toggle",
                           "press", "click", "short_press", "long_press"})  # fmt: skip
"""Presses of an ordinary button; a call for help only where the centre says that the device is a call button."""

NO_PRESS_WORDS = frozenset({"drop", "fall", "idle", "none", "release", "released", "stop", "stopped", "tilt",
                            "vibration"})  # fmt: skip
"""Words of an action that is no press. Whatever else a call button says is one: a new word, or that of one key."""

FALL_WORDS: dict[str, dict[str, FallPhase | None]] = {
    "fall_status": {  # Heiman HS2FD-EF1-3.0
        "fall_warning": "suspected",
        "fall_alarm": "detected",
        "normal": "ended",
        "unknown": None,
    },
    "fall_down_status": {  # Tuya MIR-HE200-TY
        "maybe_fall": "suspected",
        "fall": "detected",
        "none": None,  # the rest position of the data point, also before anything was measured: no end of anything
    },
}
"""Properties that are about falls of persons and nothing else."""

FALL_FLAGS = (
    "fall", "fall_detected", "fall_detection", "fall_alarm", "fall_alert", "fall_state", "falling", "fallen",
    "person_fall", "person_fallen", "fall_down", "falldown", "fall_down_state", "human_fall", "fall_detection_status",
    "fall_detected_status", "fall_event",
)  # fmt: skip
"""Properties that are true, or one of FLAG_FALLS, while a fall is on."""

FLAG_FALLS: dict[str, FallPhase] = {
    "maybe_fall": "suspected", "fall_warning": "suspected", "suspected": "suspected",
    "fall": "detected", "falling": "detected", "fallen": "detected", "fall_alarm": "detected",
    "fall_detected": "detected", "fall_down": "detected", "no_fall": "ended",
}  # fmt: skip
"""Words of these properties besides YES_WORDS (detected) and NO_WORDS (ended)."""

FALL_SETTING = "fall_detection"
"""The one of them that may also be a setting: ON and OFF are how Zigbee2MQTT writes settings, true and false are how
it writes what was found."""

STATUS_FALLS: dict[str, FallPhase] = {"falling": "detected", "fall": "detected", "fallen": "detected"}
"""Falls in the ``status`` of a radar (OWON FDS315). ``status`` is used for many things, so its other words are free,
as long as they are not about a fall."""

FALL_ACTIONS: dict[str, FallPhase] = {
    "fall_detected": "detected",
    "fall_down": "detected",
    "fall_alarm": "detected",
    "falling": "detected",
    "fallen": "detected",
    "fall_warning": "suspected",
    "maybe_fall": "suspected",
}
"""Values of ``action`` that can only be a person's fall; ``fall`` alone is in DROPPED_ACTIONS. Any other that begins
with ``fall`` can't be read."""

DROPPED_ACTIONS = frozenset({"fall", "free_fall", "drop"})
"""The sensor itself fell: Aqara P100 DWZTCGQ11LM, Aqara cubes MFKZQ01LM and CTP-R01, Aqara DJT11LM (drop).
``fall`` beside a property of PERSON_PROPERTIES is taken for a person's, see devices.zigbee2mqtt."""

PERSON_PROPERTIES = frozenset({
    "fall_status", "fall_down_status", "sos", "heart_rate", "breathing_rate", "respiratory_rate", "presence",
    "occupancy", "posture",
})  # fmt: skip
"""What only a device that watches a person reports, if it is not null."""

THING_PROPERTIES = frozenset({
    "action_angle", "action_from_side", "action_side", "action_to_side", "angle", "angle_x", "angle_y", "angle_z",
    "contact", "device_mode", "orientation", "side", "strength", "tilt", "vibration",
})  # fmt: skip
"""What only a sensor reports that is fixed to a thing, and that may drop with it: P100, DJT11LM, cubes."""

STATUS_POSTURES: dict[str, tuple[bool, bool]] = {
    "unoccupied": (False, False),
    "occupied": (True, False),
    "sitting": (True, False),
    "low_posture": (True, False),
    "falling": (True, False),
    "on_the_bed": (True, True),
}
"""``status`` of OWON FDS315: whether somebody is there, and in bed. Out of bed is told only by a radar that was shown
where the bed is (POSTURE_SETTINGS, or a model that names a bed): any other would see an empty bed for ever."""

POSTURE_SETTINGS = "fall_detection_settings"
"""Property of OWON FDS315 with the corners of the bed first."""

NO_BED = "-21931"
"""The corner of a bed that it was never shown."""

PRESENCE_EVENTS: dict[str, bool] = {
    "enter": True, "left_enter": True, "right_enter": True,
    "leave": False, "left_leave": False, "right_leave": False,
}  # fmt: skip
"""``presence_event`` of Aqara FP1 RTCZCGQ11LM: somebody came into the room or left it."""

MOVEMENT_EVENTS = frozenset({"approach", "away"})
"""``presence_event`` values that are movement within the room."""

REGION_EVENTS: dict[str, bool] = {"enter": True, "occupied": True, "leave": False, "unoccupied": False}
"""``action: region_N_…`` of Aqara FP1: presence in a part of the room."""

MOTION_STATES: dict[str, bool] = {
    "large": True, "small": True, "move": True, "large_movement": True, "small_movement": True, "moving": True,
    "none": False, "static": False, "still": False, "peaceful": False, "presence": False,
}  # fmt: skip
"""``motion_state`` and ``presence_state`` of Tuya radars (ZG-204ZM and kin): whether somebody moves."""

BED_PROPERTIES = ("in_bed", "bed_presence", "bed_occupancy", "bed_occupied")
"""Properties that say whether somebody is in bed."""

BED_COMPANY = frozenset({"presence_delay", "presence_time", "work_state"})
"""Beside these, ``occupancy`` is that of a bed: Tuya TS0601_bed_presence_sensor, a strap below the mattress."""

BATTERY_STATES: dict[str, bool] = {"low": True, "medium": False, "high": False}
"""``battery_state`` of devices that don't count percents."""

MAINS_MODELS = frozenset({"fds315", "hs2fd-ef1-3.0", "mir-he200-ty", "rtczcgq11lm"})
"""Sensors of persons that hang on the mains, in lower case: they report at least every hour."""


def is_mains(model: str | None) -> bool:
    """Whether a model (``vendor/MODEL`` or ``MODEL``) hangs on the mains, as far as it is known here."""
    return model is not None and model.rpartition("/")[2].lower() in MAINS_MODELS
