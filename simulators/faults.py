"""What the radio, the clock and the satellites do to what a device says: layers that can be put together.

A layer gets one signal after the other and gives none, one or several. Each has its own stream of random numbers for
each device, so that another layer, or another device, never shifts it: the same seed gives the same bytes.
:func:`disturbed` puts layers together and gives the signals in the order in which they are heard.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Protocol

import msgspec

from simulators.habits import stream
from simulators.messages import Event

REPEATS_S = (3.0, 8.0, 16.0, 29.0, 50.0, 84.0)
"""An alarm is said again until it is acknowledged: a lost one comes with the next repeat, these seconds after it."""


class Signal(msgspec.Struct, frozen=True, gc=False):
    """An event on its way: ``event.at`` is what the device's clock says, ``heard_at`` when the gateway hears it.

    ``dup``: the broker marks it as delivered again.
    """

    event: Event
    heard_at: datetime
    dup: bool = False


class Layer(Protocol):
    """One fault. It keeps what it needs to know of each device."""

    def concerns(self, device: str, kind: str) -> bool:
        """Whether it ever does anything to readings of that kind of that device."""

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """What becomes of a signal that it concerns; nothing is heard before ``signal.heard_at``."""


class Streams:
    """A stream of random numbers for each device that has the fault; ``share`` of them have it."""

    def __init__(self, seed: int, fault: str, share: float) -> None:
        self._seed, self._fault, self._share = seed, fault, share
        self._streams: dict[str, Random] = {}

    def __getitem__(self, device: str) -> Random:
        """The stream of a device that has the fault."""
        return self._streams[device]

    def has(self, device: str) -> bool:
        """Whether the device has the fault."""
        if device not in self._streams:
            rng = stream(self._seed, self._fault, device)
            if rng.random() >= self._share:
                return False
            self._streams[device] = rng
        return True


class Loss:
    """A message is lost. An alarm comes with a later repeat, or, in one of some thousand cases, not at all."""

    def __init__(self, seed: int, *, chance: float = 0.02, share: float = 1.0) -> None:
        self._streams, self._chance = Streams(seed, "loss", share), chance

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """None, or the same; an alarm later."""
        rng = self._streams[signal.event.device]
        if rng.random() >= self._chance:
            return (signal,)
        if not signal.event.is_alarm:
            return ()
        for after_s in REPEATS_S:
            if rng.random() >= self._chance:
                return (msgspec.structs.replace(signal, heard_at=signal.heard_at + timedelta(seconds=after_s)),)
        return ()


class Duplicates:
    """A message comes twice: from the device with the same id, with a new one, or from the broker, marked."""

    def __init__(self, seed: int, *, chance: float = 0.02, share: float = 1.0) -> None:
        self._streams, self._chance = Streams(seed, "duplicates", share), chance

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, and perhaps a second one some seconds later."""
        rng = self._streams[signal.event.device]
        if rng.random() >= self._chance:
            return (signal,)
        kind, later = rng.randrange(3), signal.heard_at + timedelta(seconds=round(rng.uniform(1, 40), 3))
        if kind == 0 and not signal.event.is_alarm:  # a press with a new id is a press
            event = msgspec.structs.replace(signal.event, id=f"{signal.event.id}-again")
            return (signal, msgspec.structs.replace(signal, event=event, heard_at=later))
        return (signal, msgspec.structs.replace(signal, heard_at=later, dup=kind == 1))


class Delay:
    """A message is held up for a while; those behind it may overtake it."""

    name = "delay"

    def __init__(self, seed: int, *, chance: float = 0.01, most_s: float = 900.0, share: float = 1.0) -> None:
        self._streams, self._chance, self._most_s = Streams(seed, self.name, share), chance, most_s

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, now or later."""
        rng = self._streams[signal.event.device]
        if rng.random() >= self._chance:
            return (signal,)
        later = signal.heard_at + timedelta(seconds=round(rng.uniform(5, self._most_s), 3))
        return (msgspec.structs.replace(signal, heard_at=later),)


class Reorder(Delay):
    """Small jitter of the network: what follows within seconds may arrive before."""

    name = "reorder"

    def __init__(self, seed: int, *, chance: float = 0.05, most_s: float = 20.0, share: float = 1.0) -> None:
        super().__init__(seed, chance=chance, most_s=most_s, share=share)


class DeadZone:
    """For a while nothing of a device gets out; then all of it comes at once, each with its own time."""

    def __init__(
        self, seed: int, *, a_day: float = 0.5, minutes: tuple[float, float] = (5.0, 50.0), share: float = 0.5
    ) -> None:
        self._streams, self._a_day, self._minutes = Streams(seed, "dead zone", share), a_day, minutes
        self._next: dict[str, tuple[datetime, datetime]] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, or held until the device is in reach again."""
        device, at = signal.event.device, signal.heard_at
        rng = self._streams[device]
        begin, end = self._next.get(device) or self._draw(rng, at)
        while at >= end:
            begin, end = self._draw(rng, end)
        self._next[device] = begin, end
        return (msgspec.structs.replace(signal, heard_at=end),) if at >= begin else (signal,)

    def _draw(self, rng: Random, after: datetime) -> tuple[datetime, datetime]:
        begin = after + timedelta(days=rng.expovariate(self._a_day))
        return begin, begin + timedelta(minutes=rng.uniform(*self._minutes))


def disturbed(events: Iterable[Event], layers: Sequence[Layer]) -> Iterator[Signal]:
    """The events as they are heard, in the order of hearing (equal times in the order said).

    Args:
        events: in order of time.
        layers: the first one is nearest to the device: clock and satellites before the radio, the broker last.
    """
    waiting: list[tuple[datetime, int, Signal]] = []
    number = 0
    ways: dict[tuple[str, str], tuple[Layer, ...]] = {}
    for event in events:
        while waiting and waiting[0][0] <= event.at:
            yield heappop(waiting)[2]
        source = event.device, event.kind
        way = ways.get(source)
        if way is None:
            way = ways[source] = tuple(layer for layer in layers if layer.concerns(*source))
        for signal in _through(way, Signal(event, event.at)):
            if signal.heard_at == event.at:
                yield signal
            else:
                number += 1
                heappush(waiting, (signal.heard_at, number, signal))
    while waiting:
        yield heappop(waiting)[2]


def _through(layers: Sequence[Layer], signal: Signal) -> tuple[Signal, ...]:
    for number, layer in enumerate(layers, 1):
        out = layer.pass_on(signal)
        if len(out) != 1:
            return tuple(end for one in out for end in _through(layers[number:], one))
        signal = out[0]
    return (signal,)
