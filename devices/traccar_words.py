"""What Traccar's words mean for a person in care: alarms and event types, as visible tables.

The alarm words are the ALARM_ constants of Traccar's Position, the event types the TYPE_ constants of its Event
(traccar/traccar, src/main/java/org/traccar/model). A word that is not here is no error: Traccar speaks over 200
protocols and grows; the message's Status is still a sign of life.
"""

from typing import Any

HELP_WORD = "sos"
FALL_WORD = "fallDown"
LIFE_SAFETY_WORDS = frozenset({HELP_WORD, FALL_WORD})

HELP_SPELLINGS = frozenset({"sos", "panic", "emergency", "help"})
FALL_SPELLINGS = frozenset({"fall", "falldown", "falldetected", "falldetection", "fallalarm", "mandown"})
"""The same in the spelling of servers between, in small letters and without ``_`` and ``-``."""

STATUS_OF_ALARM: dict[str, dict[str, Any]] = {
    "lowBattery": {"low_battery": True},
    "lowPower": {"low_battery": True},  # a worn tracker has no other power than its battery
    "powerOff": {"online": False},  # the device's last word before it switches off
    "powerOn": {"online": True},
    "powerCut": {"charging": False},  # taken off its charger or mains
    "powerRestored": {"charging": True},
    "removing": {"removed": True},  # the strap was opened, the pendant taken off
    "tampering": {"tamper": True},
}
"""Alarm words that say something of the device itself: the fields of its Status."""

PASSED_OVER_ALARMS = frozenset({
    # Of vehicles.
    "accident", "bonnet", "fatigueDriving", "footBrake", "fuelLeak", "gpsAntennaCut", "hardAcceleration",
    "hardBraking", "hardCornering", "highRpm", "idle", "laneChange", "lowspeed", "overspeed", "parking", "tow",
    # Zones and places judged by the device: the gateway judges its own zones, with accuracy and confirmation.
    "geofence", "geofenceEnter", "geofenceExit",
    # Too little said to wake anybody: no word of who or what.
    "door", "fault", "general", "jamming", "lock", "movement", "shock", "temperature", "unlock", "vibration",
})  # fmt: skip
"""Known alarm words that give no more than the Status of every message."""

STATUS_OF_EVENT: dict[str, dict[str, Any]] = {
    "deviceOnline": {"online": True},
    "deviceOffline": {"online": False},
    "deviceUnknown": {"online": False},  # Traccar lost it without a word from the network
    "deviceInactive": {"online": False},
}
"""Event types that say whether the device is there."""

ROOM_OF_EVENT: dict[str, bool] = {"geofenceEnter": True, "geofenceExit": False}
"""Event types of Traccar's own geofences: present in the named region, or not."""
