"""What leaving a safe zone and entering a forbidden one remember between two events; see rules.zone_watch."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from rules.model import Evidence, State
from rules.zone_fix import Behind, Spot


class Stand(StrEnum):
    """Where the rule is."""

    FINE = "fine"  # on the good side, or nothing heard, or not watched
    DOUBT = "doubt"  # on the bad side, not confirmed
    ACCOMPANIED = "accompanied"  # on the bad side, with a companion
    TOLD = "told"
    RETURNING = "returning"  # told, and one position on the good side that nobody could have walked to


class How(StrEnum):
    """What a decision rests on."""

    ROW = "row"  # enough positions
    ALONE = "alone"  # fewer, and nothing good since
    START = "start"  # it was so when the watch began
    COMPANION = "companion"  # the companion is gone
    NEAR = "near"  # not certain, but for too long
    THROUGH = "through"  # between two positions


class Where(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The last bad fix in figures: metres from the border and accuracy, or the room; ``age_s`` of the oldest when it
    was heard; the way and time of a jump, when the only fix is one."""

    distance_m: float = 0.0
    accuracy_m: float = 0.0
    room: str | None = None
    age_s: float = 0.0
    jump_m: float = 0.0
    jump_s: float = 0.0


class Parted(State, frozen=True, omit_defaults=True):
    """What rules.zone_each keeps: ``device``, the tracker whose the state itself is ("": there is none; None: nobody
    said, as in each of ``each``); and ``each``, the same of the person's further trackers, by device."""

    device: str | None = None
    each: Mapping[str, "Parted"] = {}


class WatchState(Parted, frozen=True, omit_defaults=True):
    """``good_at`` and ``bad_at`` are the latest certain fixes of either side; ``fixes`` the bad ones that count now.

    ``spot`` is the last place that can be believed, ``out`` the last bad one, ``company`` those of companions by
    device. ``told``: an alert stands. ``active`` and ``change_at`` are the schedule's. ``every_s`` is the time between
    the last two good fixes, ``cleared_at`` when the last alert was taken back, ``wavers`` that the standing one came
    again soon after that, ``single`` that the last one rested on one fix alone; these only where leaving is watched.
    """

    stand: Stand = Stand.FINE
    good_at: datetime | None = None
    bad_at: datetime | None = None
    until: datetime | None = None
    told: bool = False
    how: How = How.ALONE
    fixes: tuple[Evidence, ...] = ()
    where: Where | None = None
    spot: Spot | None = None
    out: Spot | None = None
    company: dict[str, Spot] = {}  # noqa: RUF012 - msgspec copies it
    behind: Behind | None = None
    active: bool = True
    change_at: datetime | None = None
    every_s: float = 0.0
    cleared_at: datetime | None = None
    wavers: bool = False
    single: bool = False


class ZoneExitState(WatchState, frozen=True, tag="zone_exit", omit_defaults=True):
    """See WatchState; bad is outside."""

    each: Mapping[str, "ZoneExitState"] = {}
