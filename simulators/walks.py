"""Where a resident is: the way of a walk at walking speed, and what a GPS receiver makes of it."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import msgspec

from devices.model import Position
from simulators.ground import Ground, Point

MOVING_FIX_S = 30.0
"""Seconds between fixes on a walk: usual for a pendant that feels movement."""

RESTING_FIX_S = 900.0
"""Seconds between fixes at rest: a pendant saves its battery."""

STRIDE_M = 200.0
"""The longest straight piece of a stroll."""

BEYOND_M = (120.0, 320.0)
"""How far beyond the safe zone's farthest corner an outing goes: well outside any fix's accuracy."""

NOISE_MEMORY = 0.9
"""Share of the last fix's error in the next one: GPS errors drift, they do not jump."""

ACCURACY_SIGMAS = 2.45
"""A radius that holds 95 % of fixes is 2.45 standard deviations per axis (Rayleigh distribution)."""


class Fix(msgspec.Struct, frozen=True, gc=False):
    """A position at a time, UTC."""

    at: datetime
    position: Position


class Receiver:
    """The GPS receiver of one tracker: drifting noise, and an accuracy that fits it."""

    def __init__(self, rng: Random, ground: Ground, device: str) -> None:
        self._rng, self._ground, self._device = rng, ground, device
        self._error = (rng.gauss(0, 1), rng.gauss(0, 1))

    def fix(self, at: datetime, true: Point, *, indoors: bool, speed_mps: float = 0.0, course_deg: float = 0.0) -> Fix:
        """A fix of the true place. Indoors the place comes from Wi-Fi: rougher, but known to be the house."""
        rng, keep = self._rng, NOISE_MEMORY
        fresh = math.sqrt(1 - keep * keep)
        self._error = (self._error[0] * keep + rng.gauss(0, fresh), self._error[1] * keep + rng.gauss(0, fresh))
        accuracy = rng.uniform(14, 22) if indoors else rng.uniform(5, 11)
        sigma = min(accuracy / ACCURACY_SIGMAS, self._ground.inner_m / 6 if indoors else math.inf)
        lon, lat = self._ground.to_degrees((true[0] + self._error[0] * sigma, true[1] + self._error[1] * sigma))
        position = Position(
            device=self._device,
            lon=round(lon, 7),
            lat=round(lat, 7),
            accuracy_m=round(accuracy, 1),
            speed_mps=None if indoors else round(speed_mps, 2),
            course_deg=None if indoors else round(course_deg % 360, 1) % 360,
            fixed_at=at,
            source="wifi" if indoors else "gnss",
        )
        return Fix(at, position)


def walk_way(rng: Random, ground: Ground, *, metres: float, leaves_zone: bool) -> list[Point]:
    """Corners of a way that begins and ends at home.

    Args:
        metres: about how long a walk inside the zone is; an outing is as long as it needs to get outside and back.
        leaves_zone: an outing, or a stroll that stays inside by a margin.
    """
    if leaves_zone:
        return _outing(rng, ground)
    way, length, here = [ground.home], 0.0, ground.home
    margin = max(1.0, min(15.0, ground.inner_m / 2))
    for _ in range(200):
        if length >= metres / 2 and len(way) > 1:
            break
        there = _near(rng, here, min(ground.reach_m, metres / 2, STRIDE_M))
        if _stays_inside(ground, here, there, margin):
            way.append(there)
            length += math.dist(here, there)
            here = there
    return [*way, *reversed(way[:-1])]


def along(
    way: list[Point], start: datetime, speed_mps: float, every_s: float
) -> Iterator[tuple[datetime, Point, float]]:
    """(time, place, course in degrees) every so many seconds from setting out until home again."""
    at_s, next_s = 0.0, 0.0
    for a, b in pairwise(way):
        leg_s = math.dist(a, b) / speed_mps
        while leg_s > 0 and next_s <= at_s + leg_s:
            share = (next_s - at_s) / leg_s
            place = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
            yield start + timedelta(seconds=next_s), place, math.degrees(math.atan2(b[0] - a[0], b[1] - a[1]))
            next_s += every_s
        at_s += leg_s


def _outing(rng: Random, ground: Ground) -> list[Point]:
    bearing = rng.uniform(0, 2 * math.pi)
    far = ground.reach_m + rng.uniform(*BEYOND_M)
    out = []
    for step in range(1, 6):
        turn = bearing + (rng.gauss(0, 0.06) if step < 5 else 0.0)
        out.append((math.sin(turn) * far * step / 5, math.cos(turn) * far * step / 5))
    back = [(x + rng.gauss(0, 8), y + rng.gauss(0, 8)) for x, y in reversed(out[:-1])]
    return [ground.home, *out, *back, ground.home]


def _near(rng: Random, here: Point, most_m: float) -> Point:
    stride = rng.uniform(0.2, 1.0) * most_m
    turn = rng.uniform(0, 2 * math.pi)
    return here[0] + math.sin(turn) * stride, here[1] + math.cos(turn) * stride


def _stays_inside(ground: Ground, a: Point, b: Point, margin: float) -> bool:
    # Between two samples a margin apart, nobody is closer to the border than half a margin. Where a sample is deep
    # inside, those within that depth of it are deep enough too, and need not be looked at.
    length = math.dist(a, b)
    steps = max(1, math.ceil(length / margin))
    step = 1
    while step <= steps:
        spare = ground.depth((a[0] + (b[0] - a[0]) * step / steps, a[1] + (b[1] - a[1]) * step / steps)) - margin
        if spare < 0:
            return False
        step += 1 + int(spare / (length / steps)) if length else steps
    return True
