"""Faults of a device's clock: a constant error, drift, a jump, and a clock that has lost its time."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from devices.model import Position
from simulators.faults import Signal, Streams
from simulators.messages import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def set_clock(event: Event, at: datetime) -> Event:
    """The event with another time on the device's clock; the time of a fix goes with it."""
    reading = event.reading
    if isinstance(reading, Position) and reading.fixed_at is not None:
        moved = reading.fixed_at + (at - event.at)
        reading = replace(reading, fixed_at=max(moved, _EPOCH))
    return replace(event, at=at, reading=reading)


class Skew:
    """The clock of some devices is off by up to ``most_s``, always by the same."""

    def __init__(self, seed: int, *, most_s: float = 7200.0, share: float = 0.05) -> None:
        self._streams, self._most_s = Streams(seed, "skew", share), most_s
        self._off: dict[str, timedelta] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same with another time on it."""
        device = signal.event.device
        rng = self._streams[device]
        if device not in self._off:
            self._off[device] = timedelta(seconds=round(rng.uniform(-self._most_s, self._most_s)))
        return (replace(signal, event=set_clock(signal.event, signal.event.at + self._off[device])),)


class Drift:
    """The clock of some devices gains or loses up to ``most_s_a_day``, and is set right once a week."""

    def __init__(self, seed: int, *, most_s_a_day: float = 30.0, share: float = 0.1) -> None:
        self._streams, self._most = Streams(seed, "drift", share), most_s_a_day
        self._rate: dict[str, float] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same with another time on it."""
        device = signal.event.device
        rng = self._streams[device]
        if device not in self._rate:
            self._rate[device] = rng.uniform(-self._most, self._most)
        days = (signal.event.at - _LONG_AGO) / timedelta(days=7) % 1 * 7
        off = timedelta(milliseconds=round(self._rate[device] * days * 1000))
        return (replace(signal, event=set_clock(signal.event, signal.event.at + off)),)


class Jump:
    """A clock jumps by hours (a wrong time zone, a bad fix) and is right again after half an hour to half a day."""

    def __init__(self, seed: int, *, a_day: float = 0.05, share: float = 0.2) -> None:
        self._streams, self._a_day = Streams(seed, "jump", share), a_day
        self._wrong: dict[str, tuple[datetime, datetime, timedelta]] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, with another time on it while the clock is wrong."""
        device, at = signal.event.device, signal.heard_at
        rng = self._streams[device]
        begin, end, off = self._wrong.get(device, (at, at, timedelta(0)))
        while at >= end:
            begin = end + timedelta(days=rng.expovariate(self._a_day))
            end = begin + timedelta(hours=rng.uniform(0.5, 12))
            off = timedelta(hours=rng.choice((-2, -1, 1, 2, 24)))
        self._wrong[device] = begin, end, off
        if at < begin:
            return (signal,)
        return (replace(signal, event=set_clock(signal.event, signal.event.at + off)),)


class LostClock:
    """After a flat battery a device does not know the time: it counts from 1970 until it hears the network's time."""

    def __init__(self, seed: int, *, a_day: float = 0.03, hours: float = 6.0, share: float = 0.2) -> None:
        self._streams, self._a_day, self._hours = Streams(seed, "lost clock", share), a_day, hours
        self._lost: dict[str, tuple[datetime, datetime]] = {}

    def concerns(self, device: str, kind: str) -> bool:
        """Every kind."""
        return self._streams.has(device)

    def pass_on(self, signal: Signal) -> tuple[Signal, ...]:
        """The same, or with a time in 1970 on it."""
        device, at = signal.event.device, signal.heard_at
        rng = self._streams[device]
        begin, end = self._lost.get(device, (at, at))
        while at >= end:
            begin = end + timedelta(days=rng.expovariate(self._a_day))
            end = begin + timedelta(hours=rng.uniform(0.1, self._hours))
        self._lost[device] = begin, end
        if at < begin:
            return (signal,)
        return (replace(signal, event=set_clock(signal.event, _EPOCH + (at - begin))),)
