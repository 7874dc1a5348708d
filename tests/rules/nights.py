"""Wall-clock times in stories of beds and nights."""

from datetime import UTC, datetime, timedelta
from typing import Any

from devices.model import Bed, Sleep, Vitals
from tests.rules.story import Story

BEGINS = datetime(2026, 1, 14, 11, 0, tzinfo=UTC)
"""Noon in Malta, in winter."""


def clock(text: str) -> float:
    """Seconds since noon in Malta on 14 January, of "22:05" then or "+1 05:50" a day later; no change of clocks."""
    day, _, hours = text.rpartition(" ")
    hour, minute, *second = map(int, hours.split(":"))
    return int(day or 0) * 86_400 + (hour - 12) * 3600 + minute * 60 + sum(second)


def story_of(*settings: dict[str, Any], begins: datetime = BEGINS) -> Story:
    return Story(*settings, begins=begins)


def bed(in_bed: bool, device: str = "gps") -> Bed:
    return Bed(device=device, in_bed=in_bed)


def asleep(asleep: bool | None = None, **more: Any) -> Sleep:
    return Sleep(device="gps", asleep=asleep, **more)


def heart(rate: float | None, **more: Any) -> Vitals:
    return Vitals(device="gps", heart_rate_bpm=rate, **more)


def breath(rate: float | None, **more: Any) -> Vitals:
    return Vitals(device="gps", respiratory_rate_bpm=rate, **more)


def told(story: Story, rows: list[tuple[str, str | None, float, str]]) -> None:
    """Tell rows of (when, "in"/"out"/None to wait, age in s, expected, pending times as clock times)."""
    for when, what, age, expected in rows:
        at = clock(when)
        said = story.wait(at) if what is None else story.hear(at, bed(what == "in"), age=age)
        if expected.startswith("pending "):
            assert said == f"pending {clock(expected.removeprefix('pending ')):g}", f"at {when}"
        else:
            assert said == expected, f"at {when}"


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
