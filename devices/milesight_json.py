"""Milesight VS373 (radar) when it speaks plain JSON by itself, over MQTT or HTTP, instead of LoRaWAN.

After its user guide, "Trigger report": ``device_info`` and ``trigger_data`` with the numbers in EVENTS and STATUSES.
The guide itself writes the keys with ``_`` in some examples and with a space in others, and puts ``trigger data``
inside ``device info`` in some; both are read. The device's ``time`` has no zone, so readings have no time.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from devices import bed, values
from devices.errors import UnreadableError, Why
from devices.model import Bed, Fall, Motion, Reading, Room, Status
from devices.refusals import is_broken_text, shown

EVENTS = {
    0: "fall", 1: "motionless", 2: "dwell", 3: "out_of_bed", 4: "occupied", 5: "vacant", 6: "bradypnea",
    7: "tachypnea", 8: "lying",
}  # fmt: skip
"""``event``. 0 is a fall, the gravest of all: a test for "is there an event" must not be a test for truth."""

Situation: TypeAlias = Literal["alarm", "resolved", "ignored", "report"]
STATUSES: dict[int, Situation] = {1: "alarm", 2: "resolved", 3: "ignored", 4: "report"}
"""``status``: it begins, the sensor sees it no more, somebody dismissed it, it is so at a regular report."""

FALL_PHASES: dict[Situation, Literal["detected", "cancelled", "ended"]] = {
    "alarm": "detected",
    "report": "detected",  # it still holds; told again rather than not at all, if the alarm itself was lost
    "resolved": "ended",  # not a word on how: somebody got up, or was carried; a person still looks
    "ignored": "cancelled",  # dismissed by hand
}
LYING_PHASES: dict[Situation, Literal["suspected", "cancelled", "ended"]] = {
    "alarm": "suspected",  # lying where no bed is: often a fall that was slow; told when it isn't taken back soon
    "report": "suspected",
    "resolved": "ended",
    "ignored": "cancelled",
}


def is_report(message: dict[str, Any]) -> bool:
    """Whether it is such a report."""
    return "device_info" in message or "device info" in message


def decode(message: dict[str, Any], address: str | None) -> tuple[Reading, ...]:
    """The readings of a report, the device's Status always last; ``address`` stands in for a missing serial number.

    A fall is never lost because a side field of its message is bad. Raises UnreadableError.
    """
    info = _object(_plain(message).get("device_info"), "device_info")
    serial = info.get("device_sn") or info.get("device_mac")
    device = bed.name(serial, "device_info.device_sn") if serial is not None else address
    if not device:
        raise UnreadableError(Why.MISSING_FIELD, "is missing; expected the serial number", "device_info.device_sn")
    status = Status(device=device)
    trigger = _plain(message).get("trigger_data", info.get("trigger_data"))
    if trigger is None:  # a periodic report: a sign of life
        return (status,)
    trigger = _object(trigger, "trigger_data")
    event, situation = _event(trigger)
    build = _BUILDERS.get(event)
    found = () if build is None else build(device, situation, _key(info, trigger, situation))
    return (*found, status)


def _event(trigger: dict[str, Any]) -> tuple[str, Situation]:
    number = values.whole(trigger.get("event"), "trigger_data.event", 0, 255)
    if number is None:  # on the way, bridges leave out what is 0: it can only have been a fall
        number = 0
    if number not in EVENTS:
        raise UnreadableError(Why.OUT_OF_RANGE, f"{number}; expected 0 to {max(EVENTS)}", "trigger_data.event")
    stands = trigger.get("status", 1)  # a report without it is about something that begins
    situation = STATUSES.get(stands) if isinstance(stands, int) and not isinstance(stands, bool) else None
    if situation is None:
        if number == 0:  # a fall whose status can't be read is a fall
            return EVENTS[0], "alarm"
        raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(stands)}; expected 1 to 4", "trigger_data.status")
    return EVENTS[number], situation


def _key(info: dict[str, Any], trigger: dict[str, Any], situation: Situation) -> str | None:
    """The trigger's number with the device's own time: the number alone begins anew when the device restarts.

    One trigger begins and ends under one number, so what it says is a part of the key.
    """
    number, time = trigger.get("trigger_id"), info.get("time")
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(time, str):
        return None
    return None if is_broken_text(time) or len(time) > 40 else f"{number}:{time}:{situation}"


def _fall(device: str, situation: Situation, key: str | None) -> tuple[Reading, ...]:
    return (Fall(device=device, event_id=key, phase=FALL_PHASES[situation]),)


def _lying(device: str, situation: Situation, key: str | None) -> tuple[Reading, ...]:
    return (Fall(device=device, event_id=key, phase=LYING_PHASES[situation]),)


def _out_of_bed(device: str, situation: Situation, key: str | None) -> tuple[Reading, ...]:
    if situation == "ignored":  # says what somebody thought of it, not where the person is
        return ()
    return (Bed(device=device, event_id=key, in_bed=situation == "resolved"),)


def _motionless(device: str, situation: Situation, key: str | None) -> tuple[Reading, ...]:
    return () if situation == "ignored" else (Motion(device=device, event_id=key, moving=situation == "resolved"),)


def _present(device: str, situation: Situation, key: str | None) -> tuple[Reading, ...]:
    return (Room(device=device, event_id=key, present=True),) if situation in ("alarm", "report") else ()


def _absent(device: str, situation: Situation, key: str | None) -> tuple[Reading, ...]:
    return (Room(device=device, event_id=key, present=False),) if situation in ("alarm", "report") else ()


_BUILDERS: dict[str, Callable[[str, Situation, str | None], tuple[Reading, ...]]] = {
    "fall": _fall,
    "lying": _lying,
    "out_of_bed": _out_of_bed,
    "motionless": _motionless,
    "dwell": _present,
    "occupied": _present,
    "vacant": _absent,
}
"""bradypnea and tachypnea come without a rate: nothing that a rule could judge, so they are the Status only."""


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    return {key.replace(" ", "_"): value for key, value in message.items()}


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(Why.WRONG_TYPE, f"{shown(value)}; expected an object", field)
    return _plain(value)
