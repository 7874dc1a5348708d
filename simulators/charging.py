"""How full a tracker is over weeks: charged at night or forgotten, down to silence, found and charged again."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from simulators.habits import draw_habits, stream

LIFE_H = 45.0
"""Hours from full to flat: a pendant with GPS lives about two days."""

FULL_AT = time(6, 0)
"""Local time at which one that was charged in the night leaves its charger."""

FOUND_AT = time(11, 0)
"""Local time at which the staff finds a silent one, on the next day at the latest."""

FIND_H = 3.0
CHARGING_H = 2.0
BLOCK_DAYS = 14
"""On the first day of each fortnight every tracker is charged: the staff looks after the devices. So a day can be drawn
without all the days before it."""

FORGOTTEN_IN_BOUT = 0.8


class Power(msgspec.Struct, frozen=True):
    """When the tracker left its charger full, in order."""

    full_at: tuple[datetime, ...]

    def percent(self, at: datetime) -> float | None:
        """What is left (0-100); None: it is flat, and says nothing. On the charger it counts up to full."""
        place = bisect_right(self.full_at, at)
        if place < len(self.full_at) and at >= self.full_at[place] - timedelta(hours=CHARGING_H):
            return 100.0 - 50.0 * ((self.full_at[place] - at) / timedelta(hours=1))
        hours = (at - self.full_at[place - 1]) / timedelta(hours=1)
        return None if hours >= LIFE_H else 100.0 * (1 - hours / LIFE_H)

    def charging(self, at: datetime) -> bool:
        """Whether it is on the charger."""
        place = bisect_right(self.full_at, at)
        return place < len(self.full_at) and at >= self.full_at[place] - timedelta(hours=CHARGING_H)


def tracker_power(seed: int, resident: str, day: date, timezone: ZoneInfo, forgets: Callable[[date], bool]) -> Power:
    """The power of a resident's tracker on a local day.

    Args:
        seed: another seed is another life.
        resident: the resident's id.
        day: the local day.
        timezone: of the house.
        forgets: whether the resident is in a bout of forgetting on a day.
    """
    usually = draw_habits(seed, resident).forgets_charging

    def local(on: date, clock: time) -> datetime:
        return datetime.combine(on, clock, tzinfo=timezone).astimezone(UTC)

    first = date.fromordinal(day.toordinal() // BLOCK_DAYS * BLOCK_DAYS)
    if day == first:
        # before six it still runs on what the last fortnight left it
        first -= timedelta(days=BLOCK_DAYS)
    full = [local(first, FULL_AT)]
    for number in range(1, (day - first).days + 2):
        on = first + timedelta(days=number)
        flat_at = full[-1] + timedelta(hours=LIFE_H)
        found = local(on, FOUND_AT)
        chance = FORGOTTEN_IN_BOUT if forgets(on) else usually
        if stream(seed, resident, on, "left off the charger").random() >= chance or number % BLOCK_DAYS == 0:
            full.append(local(on, FULL_AT))
        elif flat_at + timedelta(hours=FIND_H) <= found:
            full.append(found + timedelta(hours=CHARGING_H))
    return Power(tuple(full))
