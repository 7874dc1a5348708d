"""What devices say of themselves: the regular sign of life with the battery, draining and charged."""

from datetime import date, datetime, timedelta

from devices.model import Reading, Status
from simulators.charging import Power
from simulators.habits import stream
from simulators.outline import Outline

STATUS_EVERY_S = 1200
"""A sign of life every 20 minutes: three may be lost before an hour's silence."""

LOW_PERCENT = 15.0

TRACKER_PERCENT_PER_HOUR = 2.2
"""A pendant with GPS lives about two days."""

FORGOTTEN_PERCENT = 60.0
"""A tracker that was not charged wakes with what a day has left."""

LIFE_DAYS = {"fall_detector": 8, "continence_sensor": 90, "sos_button": 400}
"""Days until the staff changes or charges it. A bed sensor has mains power."""

CHARGED_AT_PERCENT = 26.0
"""Where the staff usually charges it; now and then it is forgotten, and goes down to FORGOTTEN_AT_PERCENT."""

FORGOTTEN_AT_PERCENT = 4.0
FORGOTTEN_CHANCE = 0.08

_DAY = timedelta(days=1)


def status_readings(
    seed: int,
    resident: str,
    day: date,
    course: Outline,
    device_type: str,
    device: str,
    power: Power | None = None,
) -> list[tuple[datetime, Reading]]:
    """The signs of life of one device on a local day; ``power``: of a tracker whose weeks are played."""
    rng = stream(seed, device, "status")
    phase, age_days = rng.randrange(STATUS_EVERY_S), rng.random() * LIFE_DAYS.get(device_type, 1)
    said: list[tuple[datetime, Reading]] = []
    at, every = course.midnight + timedelta(seconds=phase), timedelta(seconds=STATUS_EVERY_S)
    life, last = -1, 0.0
    while at < course.end:
        if device_type == "tracker" and power is not None:
            left = power.percent(at)
            reading = battery_status(device, left or 0.0, charging=power.charging(at))
        elif device_type == "tracker":
            reading = _tracker(course, at, device)
        elif device_type in LIFE_DAYS:
            lives = (day.toordinal() + (at - course.midnight) / _DAY + age_days) / LIFE_DAYS[device_type]
            if int(lives) != life:
                life = int(lives)
                forgotten = stream(seed, device, "battery", life).random() < FORGOTTEN_CHANCE
                last = FORGOTTEN_AT_PERCENT if forgotten else CHARGED_AT_PERCENT
            reading = battery_status(device, 100 - (100 - last) * (lives % 1))
        else:
            reading = Status(device=device, online=True)
        said.append((at, reading))
        at += every
    return said


def battery_status(device: str, percent: float, *, charging: bool | None = None) -> Status:
    """The sign of life of a device with that much left (0-100)."""
    return Status(
        device=device,
        battery_percent=round(percent, 1),
        low_battery=percent < LOW_PERCENT,
        online=True,
        charging=charging,
    )


def _tracker(course: Outline, at: datetime, device: str) -> Status:
    woke_with = 100.0 if course.charged else FORGOTTEN_PERCENT
    awake_h = max(0.0, (min(at, course.bedtime) - course.wake) / timedelta(hours=1))
    percent = woke_with - TRACKER_PERCENT_PER_HOUR * awake_h
    on_charger = (at < course.wake and course.charged) or (at >= course.bedtime and course.charges_tonight)
    if at >= course.bedtime and course.charges_tonight:
        charged_h = (at - course.bedtime) / timedelta(hours=1)
        percent = min(100.0, percent + 50 * charged_h)
    return battery_status(device, max(2.0, percent), charging=on_charger)
