"""Quiet hours in the look ahead: who would hear an alert that is not of high priority only afterwards."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from gateway.centre.index import CentreIndex
from rules.night import Daily

_DAY = timedelta(days=1)


class QuietTimes:
    """The quiet hours of all carers of a centre, in its time zone."""

    def __init__(self, index: CentreIndex) -> None:
        self._zone = index.timezone
        self._of = {
            carer.id: Daily(carer.quiet.start, carer.quiet.end, self._zone)
            for carer in index.carers.values()
            if carer.quiet is not None
        }

    def awake(self, carers: Collection[str], at: datetime) -> set[str]:
        """Those of the carers who have no quiet hours at that time (UTC)."""
        return {one for one in carers if one not in self._of or self._of[one].end_of(at) == at}

    def edges(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """When somebody's quiet hours begin or end, from a day before ``begin`` until ``end`` (UTC)."""
        for daily in set(self._of.values()):
            day = begin.astimezone(self._zone).date() - _DAY
            while day <= end.astimezone(self._zone).date():
                yield from daily.window(day)
                day += _DAY
