"""Faults of a tracker's positions: between houses, indoors, an old fix again, a receiver that has none yet."""

import math
from datetime import datetime, timedelta
from random import Random

from msgspec.structs import replace

from devices.model import Position
from simulators.faults import Signal, Streams

A_DEGREE_M = 111_194.9
"""Of a great circle on the mean Earth (IUGG radius)."""


def moved(position: Position, east_m: float, north_m: float) -> Position:
    """The position so many metres away."""
    lon = position.lon + east_m / (A_DEGREE_M * max(0.01, math.cos(math.radians(position.lat))))
    return replace(position, lon=round(lon, 7), lat=round(position.lat + north_m / A_DEGREE_M, 7))


def _with(signal: Signal, position: Position) -> tuple[Signal]:
    return (replace(signal, event=replace(signal.event, reading=position)),)


def _away(rng: Random, least_m: float, most_m: float) -> tuple[float, float]:
    metres, bearing = rng.uniform(least_m, most_m), rng.uniform(0, 2 * math.pi)
    return metres * math.sin(bearing), metres * math.cos(bearing)


class UrbanCanyon:
    """One fix by an echo between houses: 80 to 300 m off, with an accuracy that knows nothing of it."""

    def __init__(self, seed: int, *, chance: float = 0.01, metres: tuple[float, float] = (80.0, 300.0)) -> None:
        self._streams, self._chance, self._metres = Streams(seed, "urban canyon", 1.0), chance, metres

    def concerns(self, device: str, kind: str) -> bool:
        """Positions only."""
        return kind == "position" and self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, or a position somewhere else."""
        position, rng = signal.event.reading, self._streams[signal.event.device]
        if not isinstance(position, Position) or rng.random() >= self._chance:
            return (signal,)
        away = moved(position, *_away(rng, *self._metres))
        return _with(signal, replace(away, accuracy_m=round(rng.uniform(2, 6), 1)))


class IndoorDrift:
    """Indoors the error grows for hours as a walk at random, and the accuracy admits half of it."""

    def __init__(self, seed: int, *, step_m: float = 12.0, share: float = 0.5) -> None:
        self._streams, self._step_m = Streams(seed, "indoor drift", share), step_m
        self._off: dict[str, tuple[float, float]] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Positions only."""
        return kind == "position" and self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, or a position that has drifted away; one under the sky starts anew."""
        position, device = signal.event.reading, signal.event.device
        rng = self._streams[device]
        if not isinstance(position, Position):
            return (signal,)
        if position.source == "gnss":
            self._off[device] = (0.0, 0.0)
            return (signal,)
        east, north = self._off.get(device, (0.0, 0.0))
        # pulled back a little each time: the receiver hears some satellites through the window
        east, north = east * 0.9 + rng.gauss(0, self._step_m), north * 0.9 + rng.gauss(0, self._step_m)
        self._off[device] = east, north
        accuracy = (position.accuracy_m or 20.0) + 0.5 * math.hypot(east, north)
        return _with(signal, replace(moved(position, east, north), accuracy_m=round(accuracy, 1)))


class StaleFix:
    """For a while a tracker says an old fix again: the place and the time of the fix stay, its ``t`` goes on."""

    def __init__(
        self, seed: int, *, chance: float = 0.01, times: tuple[int, int] = (3, 12), share: float = 0.5
    ) -> None:
        self._streams, self._chance, self._times = Streams(seed, "stale fix", share), chance, times
        self._old: dict[str, tuple[Position, int]] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Positions only."""
        return kind == "position" and self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, or the old position."""
        position, device = signal.event.reading, signal.event.device
        rng = self._streams[device]
        if not isinstance(position, Position):
            return (signal,)
        old, left = self._old.get(device, (position, 0))
        if left:
            self._old[device] = old, left - 1
            return _with(signal, old)
        if rng.random() < self._chance:
            self._old[device] = position, rng.randint(*self._times)
        return (signal,)


class ColdStart:
    """After hours without a position the first one is none: 0/0, as a receiver says that has no fix."""

    def __init__(self, seed: int, *, after_h: float = 4.0, chance: float = 0.3) -> None:
        self._streams, self._after, self._chance = Streams(seed, "cold start", 1.0), timedelta(hours=after_h), chance
        self._last: dict[str, datetime] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Positions only."""
        return kind == "position" and self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, or with 0/0 for a place."""
        position, device, at = signal.event.reading, signal.event.device, signal.heard_at
        rng = self._streams[device]
        if not isinstance(position, Position):
            return (signal,)
        last = self._last.get(device)
        self._last[device] = at
        if (last is None or at - last >= self._after) and rng.random() < self._chance:
            return _with(signal, replace(position, lon=0.0, lat=0.0, accuracy_m=None))
        return (signal,)
