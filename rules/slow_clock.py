"""Is a device's clock behind? Pure counting of how late its readings come; the gateway's shell asks it for every kind.

What comes late was held up, or its time is wrong. A clock that is behind gives itself away by its pace: its readings
come one after the other as fast as they say that they were taken. What was held up comes in a burst.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

LATE: Final = timedelta(minutes=5)
"""A reading that is older than this may be from a clock that is behind."""

ON_TIME: Final = timedelta(minutes=2)
"""A reading that comes within this proves the clock right: as much as `clock_wrong` allows a clock to be ahead."""

IN_A_ROW: Final = 3
"""So many late readings in a row, in order and at a steady pace, are a clock and not a delay."""

APART: Final = timedelta(seconds=5)
"""Readings nearer to each other, or heard nearer to each other, than this don't count: a burst has no pace."""

STEADY: Final = 0.2
"""How far the pace of the readings may be from that at which they are heard, as a part of the latter ..."""

UNSTEADY_LEAST: Final = timedelta(seconds=2)
UNSTEADY_MOST: Final = timedelta(seconds=30)
"""... but never less nor more than this: a network that wavers by some seconds is usual, and a store that is sent
slowly must not look like a clock."""


class Slow(msgspec.Struct, frozen=True, gc=False):
    """Late readings in a row; ``at`` and ``heard_at`` are those of the last that counted."""

    readings: int
    at: datetime
    heard_at: datetime

    @property
    def sure(self) -> bool:
        """Whether it is the clock."""
        return self.readings >= IN_A_ROW


def counted(before: Slow | None, at: datetime, heard_at: datetime) -> Slow | None:
    """What is known after a reading of device time ``at`` was heard (both UTC-aware); None: nothing speaks against the
    clock."""
    lag = heard_at - at
    sure = before is not None and before.sure
    if lag < ON_TIME or (lag <= LATE and not sure):
        return None
    if before is None or sure:
        return before or Slow(1, at, heard_at)
    taken, heard = at - before.at, heard_at - before.heard_at
    if abs(taken) < APART and heard < APART:  # the same once more, or another part of the same message
        return before
    steady = abs(taken - heard) <= min(max(heard * STEADY, UNSTEADY_LEAST), UNSTEADY_MOST)
    in_order = taken >= APART and heard >= APART
    return Slow(before.readings + 1 if steady and in_order else 1, at, heard_at)
