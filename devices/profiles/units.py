"""Units in which devices measure, and the ranges of the fields that they become.

A conversion is ``value * factor + offset``. Sources: the international nautical mile (1,852 m), foot (0.3048 m) and
mile (1,609.344 m) are exact by definition.
"""

import msgspec

from devices.model import READING_TYPES

CONVERSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "speed": {"m/s": (1, 0), "km/h": (1 / 3.6, 0), "knots": (1852 / 3600, 0), "mph": (0.44704, 0), "cm/s": (0.01, 0)},
    "temperature": {"C": (1, 0), "F": (5 / 9, -160 / 9), "K": (1, -273.15)},
    "percent": {"%": (1, 0), "fraction": (100, 0)},
    "length": {"m": (1, 0), "cm": (0.01, 0), "mm": (0.001, 0), "km": (1000, 0), "ft": (0.3048, 0)},
    "angle": {"deg": (1, 0), "1e-6 deg": (1e-6, 0), "1e-7 deg": (1e-7, 0), "rad": (57.29577951308232, 0)},
    "rate": {"1/min": (1, 0), "Hz": (60, 0)},
    "number": {},
    "count": {},
    "time": {},
    "word": {},
    "truth": {},
    "text": {},
}
"""Dimension → unit → (factor, offset) to SI, percent or degrees."""

TIME_UNITS = ("iso", "s", "ms", "s ago")
"""RFC 3339 text, seconds and milliseconds since 1970, seconds before the message's own time."""


class Field(msgspec.Struct, frozen=True):
    """One field of a reading: what is measured, its range after conversion, whether the reading is nothing without,
    and whether it is a list of such values.
    """

    dimension: str
    low: float = 0
    high: float = 0
    words: tuple[str, ...] = ()
    required: bool = False
    many: bool = False


_PERCENT = Field("percent", 0, 100)
_TEMPERATURE = Field("temperature", -60, 120)
_TIME = Field("time")
_TRUTH = Field("truth")
_TEXT = Field("text")

# The ranges are those of the own contract (devices.native_messages), where each says why.
FIELDS: dict[str, dict[str, Field]] = {
    "position": {
        "lon": Field("angle", -180, 180, required=True),
        "lat": Field("angle", -90, 90, required=True),
        "accuracy_m": Field("length", 0, 20_040_000),
        "altitude_m": Field("length", -12_000, 100_000),
        "speed_mps": Field("speed", 0, 1_000),
        "course_deg": Field("angle", 0, 360),
        "fixed_at": _TIME,
        "source": Field("word", words=("gnss", "wifi", "cell", "beacon", "gateway")),
    },
    "help": {"phase": Field("word", words=("pressed", "cancelled"), required=True)},
    "fall": {
        "phase": Field("word", words=("suspected", "detected", "confirmed", "cancelled", "ended"), required=True),
        "impact_g": Field("number", 0, 1_000),
    },
    "bed": {"in_bed": Field("truth", required=True)},
    "sleep": {
        "asleep": _TRUTH,
        "stage": Field("word", words=("awake", "light", "deep", "rem")),
        "movement_percent": _PERCENT,
        "score": Field("number", 0, 100),
        "start": _TIME,
        "end": _TIME,
    },
    "vitals": {
        "heart_rate_bpm": Field("rate", 0, 500),
        "respiratory_rate_bpm": Field("rate", 0, 200),
        "spo2_percent": _PERCENT,
        "temperature_c": _TEMPERATURE,
        "quality_percent": _PERCENT,
    },
    "continence": {
        "state": Field("word", words=("dry", "some", "change_due", "leak", "error", "off")),
        "saturation_percent": _PERCENT,
        "zones_percent": Field("percent", 0, 100, many=True),
        "temperature_c": _TEMPERATURE,
    },
    "room": {"room": _TEXT, "present": Field("truth", required=True)},
    "motion": {
        "moving": _TRUTH,
        "steps": Field("count", 0, 1e9),
        "posture": Field("word", words=("lying", "sitting", "standing", "walking", "upright")),
    },
    "status": {
        "battery_percent": _PERCENT,
        "low_battery": _TRUTH,
        "online": _TRUTH,
        "tamper": _TRUTH,
        "removed": _TRUTH,
        "charging": _TRUTH,
        "firmware": _TEXT,
    },
}
"""Kind → field. Kept equal to devices.model by a test."""

TYPES = {str(reading.__struct_config__.tag): reading for reading in READING_TYPES}
"""Kind → type of its reading."""
