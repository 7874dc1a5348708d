"""Whether two positions are two places."""

import math
from typing import Final

import msgspec

_DEGREE_M: Final = 111_320.0
"""Metres of a degree of latitude, WGS 84, within 1 %: enough to tell a walk from a wandering fix."""


class Fix(msgspec.Struct, frozen=True, array_like=True):
    """A place (degrees WGS 84) with the radius of its accuracy in metres."""

    lon: float
    lat: float
    accuracy_m: float = 0.0


def moved(before: Fix, now: Fix, moved_m: float) -> bool:
    """Whether ``now`` is farther from ``before`` than ``moved_m`` and both accuracies together (metres)."""
    east = abs(now.lon - before.lon)
    if east > 180:
        east = 360 - east
    away = math.hypot((now.lat - before.lat) * _DEGREE_M, east * _DEGREE_M * math.cos(math.radians(now.lat)))
    return away > moved_m + before.accuracy_m + now.accuracy_m
