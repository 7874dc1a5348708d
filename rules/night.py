"""A daily window of wall-clock time, in the resident's time zone, on both nights when the clocks change.

Inside, everything is UTC: a window is a pair of UTC instants. ``zoneinfo`` does the time-zone maths; a wall-clock time
that does not exist (spring) counts by the offset before the change, and of one that exists twice (autumn) the first
begins a window and the last ends it, so that a night is never cut short.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from pydantic import AfterValidator, BeforeValidator

_DAY = timedelta(days=1)


def _not_a_number(value: object) -> object:
    # pydantic would read 22 as 22 seconds after midnight
    if isinstance(value, int | float):
        raise ValueError('write a time of the day as "22:00"')  # noqa: TRY004 - pydantic collects ValueErrors only
    return value


def _wall_clock(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("leave the offset out: the centre's time zone counts")
    return value


WallClock = Annotated[time, BeforeValidator(_not_a_number), AfterValidator(_wall_clock)]
"""A setting that is a time of the day on the wall, such as "22:00"."""


class Daily(msgspec.Struct, frozen=True):
    """From a wall-clock time to a wall-clock time every day; across midnight where ``until`` is not later.

    Equal times mean the whole day.
    """

    since: time
    until: time
    zone: ZoneInfo

    def window(self, day: date) -> tuple[datetime, datetime]:
        """Start and end (UTC, end exclusive) of the window that begins on that local day."""
        return _window(self, day)

    def moment(self, since: datetime, lasting: timedelta) -> datetime:
        """The first instant (UTC) when, since ``since``, one window has lasted at least that long without a break.

        Args:
            since: UTC-aware.
            lasting: shorter than every window (see ``shortest``).
        """
        day = since.astimezone(self.zone).date() - _DAY
        while True:
            start, end = self.window(day)
            reached = max(start, since) + lasting
            if reached < end:
                return reached
            day += _DAY

    def end_of(self, at: datetime) -> datetime:
        """The end (UTC) of the window in which ``at`` lies; ``at`` itself where it lies in none."""
        today = at.astimezone(self.zone).date()
        for start, end in (self.window(today - _DAY), self.window(today)):
            if start <= at < end:
                return end
        return at

    @property
    def shortest(self) -> timedelta:
        """A window's length on the night that loses an hour, the bound for ``moment``'s ``lasting``."""
        day = date(2000, 1, 3)
        last = day if self.until > self.since else day + _DAY
        return datetime.combine(last, self.until) - datetime.combine(day, self.since) - timedelta(hours=1)


@lru_cache(maxsize=256)
def _window(daily: Daily, day: date) -> tuple[datetime, datetime]:
    """See Daily.window; kept, because a house has few nights and asks for each of them often."""
    last = day if daily.until > daily.since else day + _DAY
    return (
        instant(datetime.combine(day, daily.since), daily.zone),
        instant(datetime.combine(last, daily.until), daily.zone, ends=True),
    )


def instant(wall: datetime, zone: tzinfo, *, ends: bool = False) -> datetime:
    """The instant (UTC) of a wall-clock time (naive) in a time zone.

    Of a time that exists twice (autumn) the first, or the last when a window ``ends`` then; one that does not exist
    (spring) counts by the offset before the change.
    """
    at = wall.replace(tzinfo=zone, fold=1 if ends else 0)
    # in the gap of spring fold=1 would count by the offset after the change, an hour early
    if ends and at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall.replace(fold=0):
        at = at.replace(fold=0)
    return at.astimezone(UTC)
