"""Who has which device when: the assignments of one version of a centre, made quick to ask."""

import operator
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from gateway.centre.model import Assignment


class Worn(NamedTuple):
    """A device at a resident, half open: from start until just before end. Times are UTC-aware."""

    start: datetime
    end: datetime | None
    device: str
    resident: str

    def at(self, at: datetime) -> bool:
        """Whether it is so at that time."""
        return self.start <= at and (self.end is None or at < self.end)


class Assigned:
    """The assignments, never changed. ``changes``: the times at which any begins or ends; ``handed_on``: devices that
    leave a resident at some time, or did."""

    def __init__(self, assignments: Sequence[Assignment]) -> None:
        self._assignments = assignments
        self._of_device: dict[str, list[Worn]] = {}
        self._of_resident: dict[str, list[Worn]] = {}
        for entry in sorted(assignments, key=operator.attrgetter("start")):
            worn = Worn(entry.start, entry.end, entry.device, entry.resident)
            self._of_device.setdefault(worn.device, []).append(worn)
            self._of_resident.setdefault(worn.resident, []).append(worn)
        self.changes = _times(worn for all_worn in self._of_resident.values() for worn in all_worn)
        self._changes_of = {resident: _times(all_worn) for resident, all_worn in self._of_resident.items()}
        self.handed_on: frozenset[str] = frozenset(entry.device for entry in assignments if entry.end is not None)

    def following(self, assignments: Sequence[Assignment]) -> "Assigned":
        """Those of the next version; the same object when the very same entries are in it."""
        mine = self._assignments
        same = len(mine) == len(assignments) and all(map(operator.is_, mine, assignments))
        return self if same else Assigned(assignments)

    def of_device(self, device: str) -> Sequence[Worn]:
        """Who ever has a device, in the order of time."""
        return self._of_device.get(device, ())

    def of_resident(self, resident: str) -> Sequence[Worn]:
        """What a resident ever has, in the order of time."""
        return self._of_resident.get(resident, ())

    def part_of(self, resident: str, at: datetime) -> int:
        """Which part of time between two changes of a resident's devices it is."""
        return bisect_right(self._changes_of.get(resident, ()), at)


def _times(all_worn: Iterator[Worn] | Sequence[Worn]) -> list[datetime]:
    return sorted({at for worn in all_worn for at in (worn.start, worn.end) if at is not None})
