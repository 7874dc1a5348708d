"""Under-mattress sensors that say what they feel in plain JSON: one reader for the words that bridges use for it.

Used by devices.emfit for messages that are not Emfit's own. Nothing is guessed: a word stands for one thing, several
words may stand for the same, and the first that is there counts. Heart rate and breathing of 0 mean "not felt".
"""

from typing import Any

from devices import values
from devices.errors import UnreadableError, Why
from devices.model import Bed, Reading, Sleep, Status, Vitals
from devices.refusals import is_broken_text, shown

DEVICE_WORDS = ("device", "device_id", "deviceId", "serial", "ser", "mac", "id")
TIME_WORDS = ("t", "ts", "time", "timestamp")
IN_BED_WORDS = ("in_bed", "inBed", "bed_presence", "presence", "pres", "occupied", "occupancy")
OUT_OF_BED_WORDS = ("out_of_bed", "outOfBed", "bed_exit", "bedExit")
HEART_WORDS = ("heart_rate_bpm", "heart_rate", "heartRate", "hr")
BREATH_WORDS = ("respiratory_rate_bpm", "respiratory_rate", "respiration_rate", "breathing_rate", "breathRate", "rr")
QUALITY_WORDS = ("quality_percent", "quality", "signal_quality", "signalQuality", "confidence")
MOVEMENT_WORDS = ("movement_percent", "movement")
ASLEEP_WORDS = ("asleep", "sleeping")
STAGE_WORDS = ("stage", "sleep_stage", "sleepStage")
SCORE_WORDS = ("score", "sleep_score", "sleepScore")
START_WORDS = ("start", "time_start", "startdate", "sleep_start")
END_WORDS = ("end", "time_end", "enddate", "sleep_end")
BATTERY_WORDS = ("battery_percent", "battery")

STAGES = {"awake": "awake", "wake": "awake", "light": "light", "deep": "deep", "rem": "rem"}
_YES_NO = {0: False, 1: True, "0": False, "1": True}

MAX_RATE = 500
"""Beats or breaths a minute that the readings can hold; whether one is healthy is a rule's to say."""

_SECONDS_BELOW = 100_000_000_000
"""A number below this is seconds since 1970 (until the year 5138), above it milliseconds (from 1973)."""


def readings(device: str, message: dict[str, Any]) -> tuple[Reading, ...]:
    """Bed, vitals, sleep and status in a message, in this order; none when it has none of the words.

    Raises UnreadableError with the field to blame.
    """
    at = time_of(message)
    found: list[Reading] = []
    in_bed = _in_bed(message)
    if in_bed is not None:
        found.append(Bed(device=device, observed_at=at, in_bed=in_bed))
    heart, breath = rate(message, HEART_WORDS), rate(message, BREATH_WORDS)
    if (heart is not None or breath is not None) and in_bed is not False:
        quality = _percent(message, QUALITY_WORDS)
        found.append(
            Vitals(
                device=device,
                observed_at=at,
                heart_rate_bpm=heart,
                respiratory_rate_bpm=breath,
                quality_percent=quality,
            )
        )
    sleep = {
        "asleep": _yes_no(message, ASLEEP_WORDS),
        "stage": _stage(message),
        "movement_percent": _percent(message, MOVEMENT_WORDS),
        "score": _percent(message, SCORE_WORDS),
        "start": moment(message, START_WORDS),
        "end": moment(message, END_WORDS),
    }
    if sleep["start"] is not None and sleep["end"] is not None and sleep["end"] < sleep["start"]:
        word, value = first(message, END_WORDS)
        raise UnreadableError(Why.BAD_TIME, f"{shown(value)} is before its begin; expected a later time", word)
    if any(value is not None for value in sleep.values()):
        found.append(Sleep(device=device, observed_at=at or sleep["end"], **sleep))
    battery = _percent(message, BATTERY_WORDS)
    if battery is not None:
        found.append(Status(device=device, observed_at=at, battery_percent=battery))
    return tuple(found)


def device_of(message: dict[str, Any], otherwise: str | None) -> str:
    """The device that the message names, or else the one of its topic. Raises UnreadableError (MISSING_FIELD)."""
    word, value = first(message, DEVICE_WORDS)
    if value is None or value == "":
        if otherwise:
            return otherwise
        raise UnreadableError(Why.MISSING_FIELD, f"is missing; expected {' or '.join(DEVICE_WORDS)}", "device")
    return name(value, word)


def name(value: Any, field: str) -> str:
    """A device's name or number as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected the device's name", field)
    if not value or len(value) > 128 or is_broken_text(value):
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected 1 to 128 whole characters", field)
    return value


def first(message: dict[str, Any], words: tuple[str, ...]) -> tuple[str, Any]:
    """The first of the words that the message has, with its value; the first word and None when it has none."""
    for word in words:
        if message.get(word) is not None:
            return word, message[word]
    return words[0], None


def time_of(message: dict[str, Any]) -> Any:
    """When it was felt (UTC), or None; 0 is a clock that was never set."""
    return moment(message, TIME_WORDS)


def moment(message: dict[str, Any], words: tuple[str, ...]) -> Any:
    """A time as UTC: ISO 8601 text with a zone, seconds or milliseconds since 1970; None when it is 0 or not there."""
    word, value = first(message, words)
    if value is None or value in (0, "0", ""):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return values.epoch_seconds(value, word)
    if isinstance(value, float) or (isinstance(value, int) and 0 < value < _SECONDS_BELOW):
        return values.epoch_seconds(value, word)
    return values.moment(value, word)


def rate(message: dict[str, Any], words: tuple[str, ...]) -> float | None:
    """Beats or breaths a minute; 0 is "not felt"."""
    word, value = first(message, words)
    return values.number(value, word, 0, MAX_RATE) or None


def _in_bed(message: dict[str, Any]) -> bool | None:
    inside = _yes_no(message, IN_BED_WORDS)
    if inside is not None:
        return inside
    outside = _yes_no(message, OUT_OF_BED_WORDS)
    return None if outside is None else not outside


def _yes_no(message: dict[str, Any], words: tuple[str, ...]) -> bool | None:
    word, value = first(message, words)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | str) and value in _YES_NO:
        return _YES_NO[value]
    raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected true, false, 1 or 0", word)


def _percent(message: dict[str, Any], words: tuple[str, ...]) -> float | None:
    word, value = first(message, words)
    return values.percent(value, word)


def _stage(message: dict[str, Any]) -> Any:
    word, value = first(message, STAGE_WORDS)
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in STAGES:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {', '.join(STAGES)}", word)
    return STAGES[value.lower()]
