"""Which night is it? A daily window by instant, and the next wall-clock time; right also when the clocks change."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from rules.night import Daily

_DAY = timedelta(days=1)


class Stretch(msgspec.Struct, frozen=True):
    """A window, or the time between two windows: from ``start`` to just before ``end`` (UTC)."""

    start: datetime
    end: datetime
    inside: bool


class Windows:
    """A daily window, asked by instant.

    The last answer is kept, because the next reading is nearly always of the same night; it changes no answer.
    """

    __slots__ = ("_daily", "_last")

    def __init__(self, daily: Daily) -> None:
        self._daily = daily
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        self._last = Stretch(epoch, epoch, inside=False)

    def at(self, at: datetime) -> Stretch:
        """The window in which ``at`` (UTC-aware) lies, or the time between two windows."""
        last = self._last
        if last.start <= at < last.end:
            return last
        self._last = found = self._find(at)
        return found

    def next_start(self, at: datetime) -> datetime:
        """The first beginning of a window at or after ``at``."""
        now = self.at(at)
        if not now.inside:
            return now.end
        if at == now.start:
            return at
        after = self.at(now.end)
        return after.start if after.inside else after.end

    def _find(self, at: datetime) -> Stretch:
        today = at.astimezone(self._daily.zone).date()
        before: datetime | None = None
        for day in (today - _DAY, today, today + _DAY):
            start, end = self._daily.window(day)
            if at < start:
                # never the first of the three: yesterday's window began before now
                return Stretch(before or start - _DAY, start, inside=False)
            if at < end:
                return Stretch(start, end, inside=True)
            before = end
        raise AssertionError("tomorrow's window ends after now")  # pragma: no cover


def next_wall_clock(times: Sequence[time], zone: ZoneInfo, after: datetime) -> datetime:
    """The first instant (UTC) at or after ``after`` when a clock on the wall shows one of ``times``.

    A time that does not exist (spring) counts by the offset before the change; of one that exists twice the first
    counts. ``times`` must not be empty.
    """
    today = after.astimezone(zone).date()
    return min(
        at
        for days in (-1, 0, 1, 2)
        for one in times
        if (at := datetime.combine(today + days * _DAY, one, zone).astimezone(UTC)) >= after
    )
