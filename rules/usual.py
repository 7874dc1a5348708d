"""How long a device is usually quiet, learned from itself, in a few numbers.

Kept is the longest gap of each of the last seven days. What counts as usual is the second longest of them: what a
device does on two days of a week is its habit (the night at rest, the hour on the charger), and one bad day is not.
From three days on, a device may be quiet for ``MULTIPLE`` times that, so one whose gaps differ by less than that factor
is never told, however irregular it is.

A gap that was told counts too, or a device that was set to speak less often would be told for ever.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

DAYS_KEPT: Final = 7
DAYS_NEEDED: Final = 3
"""Fewer days say too little: a person's first evening at rest would be the first long gap."""

MULTIPLE: Final = 3.0
"""Two reports in a row may be lost on the radio; the third that is missed is a fault."""

_DAY: Final = timedelta(days=1)


class Usual(msgspec.Struct, frozen=True, omit_defaults=True):
    """The longest gaps in seconds: ``days`` of days that are over, ``today`` of the one that began at ``since``."""

    since: datetime
    today: int = 0
    days: tuple[int, ...] = ()

    def after(self, gap_s: float, now: datetime) -> "Usual":
        """With one more gap, which ended now; the same object when nothing changes."""
        longest = max(self.today, round(gap_s))
        if now - self.since >= _DAY:
            return Usual(now, 0, (*self.days[1 - DAYS_KEPT :], longest))
        return self if longest == self.today else Usual(self.since, longest, self.days)

    @property
    def limit_s(self) -> float | None:
        """How long the device may be quiet by its own habit; None: it is not known yet."""
        if len(self.days) < DAYS_NEEDED:
            return None
        # a longer gap of today counts at once as one of the two, so that a habit that changes is learned sooner
        return MULTIPLE * sorted((*self.days, self.today))[-2]
