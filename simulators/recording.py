"""A recording for ``telecare replay``: weeks of a centre, with faults, as JSON lines. Nobody need wait for it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from simulators.clocks import Drift, Jump, LostClock, Skew
from simulators.errors import OptionsError
from simulators.faults import DeadZone, Delay, Duplicates, Layer, Loss, Reorder, Signal, disturbed
from simulators.life import Life
from simulators.messages import payload, topic
from simulators.satellites import ColdStart, IndoorDrift, StaleFix, UrbanCanyon
from simulators.scene import Scene
from simulators.staging import Staged
from simulators.timeline import timeline


class Fault(StrEnum):
    """Faults by name; each can be had with its usual strength."""

    LOSS = "loss"
    DUPLICATES = "duplicates"
    DELAY = "delay"
    REORDER = "reorder"
    DEAD_ZONE = "dead-zone"
    SKEW = "skew"
    DRIFT = "drift"
    JUMP = "jump"
    LOST_CLOCK = "lost-clock"
    CANYON = "canyon"
    INDOOR = "indoor"
    STALE = "stale"
    COLD_START = "cold-start"


LAYERS: dict[Fault, Callable[[int], Layer]] = {
    Fault.COLD_START: ColdStart,
    Fault.INDOOR: IndoorDrift,
    Fault.CANYON: UrbanCanyon,
    Fault.STALE: StaleFix,
    Fault.SKEW: Skew,
    Fault.DRIFT: Drift,
    Fault.JUMP: Jump,
    Fault.LOST_CLOCK: LostClock,
    Fault.DEAD_ZONE: DeadZone,
    Fault.LOSS: Loss,
    Fault.DELAY: Delay,
    Fault.REORDER: Reorder,
    Fault.DUPLICATES: Duplicates,
}
"""From the device to the broker: satellites, clock, radio."""


def layers(seed: int, faults: Iterable[Fault]) -> tuple[Layer, ...]:
    """The layers of these faults, in the order from the device to the broker."""
    wanted = frozenset(faults)
    return tuple(make(seed) for fault, make in LAYERS.items() if fault in wanted)


def signals(
    scene: Scene,
    *,
    seed: int,
    start: datetime,
    duration_s: float,
    life: Life | None = None,
    faults: Iterable[Layer] = (),
    staged: Staged | None = None,
) -> Iterator[Signal]:
    """What the gateway hears of a centre from ``start`` (UTC-aware) on, in the order of hearing."""
    events = timeline(scene, seed=seed, start=start, duration_s=duration_s, staged=staged, life=life)
    return disturbed(events, tuple(faults))


def lines(site: str, heard: Iterable[Signal]) -> Iterator[bytes]:
    """The signals as lines of a recording, each with its line end."""
    encode = msgspec.json.encode
    for signal in heard:
        at, where = encode(signal.heard_at.astimezone(UTC)), encode(topic(site, signal.event))
        mark = b',"dup":true' if signal.dup else b""
        yield b'{"received_at":%b,"topic":%b,"payload":%b%b}\n' % (at, where, payload(signal.event), mark)


def write_recording(file: Path, site: str, heard: Iterable[Signal]) -> int:
    """Write a recording; returns how many messages it has.

    Raises:
        OptionsError: the file can't be written.
    """
    try:
        with file.open("wb") as out:
            count = 0
            for line in lines(site, heard):
                out.write(line)
                count += 1
            return count
    except OSError as error:
        raise OptionsError(f"--out: {file}: {error.strerror}: expected a file that can be written") from error
