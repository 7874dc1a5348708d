"""What the rules of the night share: when the night is, and where somebody was seen."""

from datetime import datetime, time, timedelta
from typing import Final

from devices.model import Motion, Room
from rules.model import Context, DeviceInfo, Heard
from rules.schedule import Schedule, ScheduleSettings, Weekly, build_schedule

SEEN_SLACK: Final = timedelta(seconds=30)
"""That somebody was seen is stored again only after so long: who is seen each second costs two writes a minute."""


def night_of(since: time, until: time, schedule: ScheduleSettings | None, context: Context) -> Schedule:
    """The schedule, or every night from ``since`` to ``until`` (wall-clock times) where there is none.

    Raises:
        BadRuleError: the schedule names a calendar that is not there.
    """
    every_night = ScheduleSettings(weekly=(Weekly(days="daily", since=since, until=until),))
    return build_schedule(schedule or every_night, context)


def rooms_of(devices: tuple[DeviceInfo, ...]) -> dict[str, str]:
    """The place that each device watches: its room, or its own id where nobody said."""
    return {device.id: device.room or device.id for device in devices}


def place_of(event: Heard, rooms: dict[str, str]) -> str | None:
    """Where somebody is, by a reading of motion or room; None: it says nothing of that."""
    reading = event.reading
    if isinstance(reading, Room):
        return None if reading.present is False else reading.room or rooms.get(event.device, event.device)
    if isinstance(reading, Motion) and reading.moving:
        return rooms.get(event.device, event.device)
    return None


def newer(at: datetime, than: datetime | None) -> bool:
    """Whether ``at`` is not before ``than``; anything is newer than nothing."""
    return than is None or at >= than
