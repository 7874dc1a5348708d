"""One position or room against one zone: on which side it is, when it was, and whether it can be true.

Pure arithmetic that all zone rules share. Places are lon, lat in degrees WGS 84, distances metres, times UTC-aware.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from devices.model import Position, Room
from rules.model import Heard, Reason
from rules.timing import CLOCK_LOST, seconds

WALKING_MPS: Final = 1.4
"""A usual walking speed: mean comfortable gait is 1.27 to 1.46 m/s at any age (Bohannon 1997, Age and Ageing 26:15-19).
How far two people who walk together may be apart on the map when their positions are not of the same second."""

FASTEST_MPS: Final = 2.5
"""Nobody in care walks faster: the fastest mean of any group, men in their twenties, is 2.53 m/s (Bohannon 1997)."""

_EARTH_M: Final = 6_371_008.8
"""Mean radius (IUGG, GRS 80). The Earth is no ball: distances are right to 0.6 %, which for nearness and speed is
enough; zones are measured exactly (rules.geometry)."""

ROUGH: Final = frozenset({"cell", "gateway"})
"""A position from a radio mast says where the mast is: without an accuracy it is never assumed exact."""

_REACH_M: Final = {"cell": 5_000.0, "gateway": 15_000.0}
"""How far from such a mast somebody may be who is heard through it: a mobile cell reaches a few kilometres, a LoRaWAN
gateway 5 km in towns and 15 in the open country (Semtech, What are LoRa and LoRaWAN). So near the zone such a position
says nothing, and 50 km away it is outside. Some reach farther: give the accuracy where the network knows it."""

SHARP_M: Final = 50.0
"""A position up to this accuracy tells where the person was well enough to ask how fast the next one would be."""

_BEHIND: Final = timedelta(minutes=5)
"""What comes this much later than it happened, though something newer is known, may be from a clock that is behind."""

_IN_A_ROW: Final = 3
"""So many in a row, in order and at the pace at which they are heard, are a clock and not a delay."""

_APART_S: Final = 5.0
"""Fixes nearer to each other, or heard nearer to each other, than this don't count: a burst has no pace."""

_STEADY: Final = 0.5
"""Pace of the fixes against pace of hearing: a store of old positions comes in a burst, a clock that is behind does
not. Half leaves room for a network that wavers."""


class Side(StrEnum):
    """Where a fix is. UNKNOWN is not OUTSIDE."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class Spot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where somebody was, to which accuracy (m), and when."""

    lon: float
    lat: float
    accuracy_m: float
    at: datetime


class Behind(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Fixes in a row that came older than what is known; ``at`` and ``heard_at`` are those of the last."""

    fixes: int
    at: datetime
    heard_at: datetime

    @property
    def sure(self) -> bool:
        """Whether it is the clock."""
        return self.fixes >= _IN_A_ROW

    def mark(self) -> Reason:
        """What a carer should know of it."""
        late_s = seconds(self.heard_at - self.at)
        return Reason(
            "The tracker's clock seems to be {late_s} behind; the time of hearing counts.", {"late_s": late_s}
        )


def side_of(position: Position, distance_m: float, assumed_m: float) -> tuple[Side, float]:
    """Where a fix is whose centre is ``distance_m`` from the border (negative inside), and its accuracy (m).

    The disc of its accuracy wholly inside is INSIDE, wholly outside OUTSIDE, anything else UNKNOWN. ``assumed_m`` is
    the accuracy of a fix that gives none; from a radio mast it is the reach of such a mast.
    """
    accuracy = position.accuracy_m
    if accuracy is None:
        accuracy = assumed_m if position.source is None else _REACH_M.get(position.source, assumed_m)
    if distance_m > accuracy:
        return Side.OUTSIDE, accuracy
    return (Side.INSIDE if distance_m <= -accuracy else Side.UNKNOWN), accuracy


def room_side(room: Room, rooms: frozenset[str]) -> Side:
    """Where a room says that the person is, of a zone of these rooms.

    Seen in a room is certain. Left one of several says nothing yet: the next room does.
    """
    if room.room is None or room.present is False:
        return Side.UNKNOWN
    return Side.INSIDE if room.room in rooms else Side.OUTSIDE


def fixed_at(event: Heard) -> datetime:
    """When the fix was taken: never in the future, and a clock that lost its time does not count."""
    reading = event.reading
    fixed = reading.fixed_at if isinstance(reading, Position) else None
    if fixed is None:
        return event.at
    received_at = event.received_at
    if fixed >= received_at:
        return received_at
    return event.at if received_at - fixed > CLOCK_LOST else fixed


def behind(before: Behind | None, at: datetime, heard_at: datetime) -> Behind | None:
    """Count a fix of time ``at`` that is not newer than what is known; None: an ordinary delay.

    When :attr:`Behind.sure`, take ``heard_at`` as its time: else a clock that was set back by hours would make a rule
    deaf for hours.
    """
    if heard_at - at <= _BEHIND:
        return before
    if before is None or (at < before.at and heard_at - before.heard_at > _BEHIND):
        return Behind(1, at, heard_at)
    fixes, heard = (at - before.at).total_seconds(), (heard_at - before.heard_at).total_seconds()
    if min(fixes, heard) < _APART_S:  # a copy, one of a burst, or a tracker that repeats its last fix
        return before
    if not before.sure and abs(fixes - heard) > _STEADY * max(fixes, heard):
        return Behind(1, at, heard_at)
    return Behind(min(before.fixes + 1, _IN_A_ROW), at, heard_at)


def apart_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Metres between two places in degrees: the haversine formula (Sinnott 1984), on a ball."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def jumped_m(spot: Spot, position: Position, accuracy_m: float, at: datetime, fastest_mps: float) -> float:
    """Metres from ``spot`` to a fix when nobody could have walked there in the time; else 0.

    Both accuracies are taken off the way first, so that two fixes that only waver are no jump.
    """
    way = apart_m(spot.lon, spot.lat, position.lon, position.lat)
    took_s = max(abs((at - spot.at).total_seconds()), 1.0)
    return way if way - spot.accuracy_m - accuracy_m > fastest_mps * took_s else 0.0


def together(one: Spot, other: Spot, within_m: float, fresh: timedelta) -> bool:
    """Whether two people are near each other by their last positions.

    These are rarely of one second: who walks with somebody may be as far apart on the map as both walk in between.
    """
    between = abs(one.at - other.at)
    if between >= fresh or max(one.accuracy_m, other.accuracy_m) > within_m:
        return False
    reach = within_m + WALKING_MPS * between.total_seconds()
    return apart_m(one.lon, one.lat, other.lon, other.lat) <= reach


def near_until(own: Spot | None, company: Iterable[Spot], within_m: float, fresh: timedelta) -> datetime | None:
    """Until when (exclusive) somebody of ``company`` counts as near ``own``; None: nobody does.

    The older of the two positions decides: when either tracker falls silent, nobody knows any more.
    """
    if own is None:
        return None
    near = [min(spot.at, own.at) + fresh for spot in company if together(own, spot, within_m, fresh)]
    return max(near, default=None)
