"""Devices whose clocks are behind: what they say counts as happening when it is heard.

Taken by its word, such a reading would be older than what is known, and every rule deaf until the clock catches up.
Kept in memory only: after a restart, three readings tell it again.
"""

from collections.abc import Hashable
from datetime import datetime
from typing import Final

from rules.slow_clock import ON_TIME, Slow, counted

NO_DOUBT: Final = ON_TIME
"""A reading that comes sooner than this needs no look, unless something is known of the device."""


class Clocks:
    """What is known of clocks that are behind, by device."""

    __slots__ = ("watched",)

    def __init__(self) -> None:
        self.watched: dict[Hashable, Slow] = {}
        """Devices whose readings come late. Empty in a house where all is well: so nothing is looked up."""

    def behind(self, device: Hashable, at: datetime, received_at: datetime) -> bool:
        """Whether ``received_at`` is to be taken for ``at``, the time that a reading gives (both UTC-aware).

        The same reading once more changes nothing: a batch that failed may be taken again.
        """
        before = self.watched.get(device)
        after = counted(before, at, received_at)
        if after is None:
            self.watched.pop(device, None)
            return False
        if after is not before:
            self.watched[device] = after
        return after.sure
