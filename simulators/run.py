"""Play a care centre: every native device of every resident, as MQTT devices, at any speed."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from simulators.device import Device, Repeats
from simulators.errors import OptionsError
from simulators.happenings import Onlooker
from simulators.life import Life
from simulators.link import Broker, somebody_there
from simulators.messages import Event
from simulators.pace import Pace, real_seconds, real_sleep, wall_now
from simulators.scene import Scene, read_scene
from simulators.script import Scripted
from simulators.staging import stage
from simulators.timeline import timeline

CROWDED = 200
"""Unacknowledged messages of one device from which an unpaced run waits for the broker."""

FIRST_REAL_S = 3.0
"""How long the devices may take to connect at the start, in real seconds, until we say that there is no broker."""

LOOK_EVERY_S = 0.05

AHEAD = 64
"""Events drawn at once."""


class SimulateOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to play. Times are simulated unless a name says real."""

    broker: Broker
    centre: Path
    seed: int = 1
    start: datetime | None = None
    """UTC-aware; None: now."""
    speed: float = 1.0
    """Simulated seconds in a real one; ``math.inf``: as fast as the broker takes it."""
    duration_s: float | None = None
    """None: until cancelled."""
    residents: tuple[str, ...] = ()
    """Ids; empty: everybody."""
    script: tuple[Scripted, ...] = ()
    life: Life | None = None
    """What comes over people in the course of weeks; None: every day is a day by itself."""
    repeats: Repeats = Repeats()
    settle_real_s: float = 5.0
    """How long to wait at the end for acknowledgements that are still out."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A device has said something."""

    at: datetime
    """Simulated time."""
    event: Event
    text: str | None
    """In words, when a person would look up: a press, a fall, a walk out of bed; None for daily routine."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was played; the same shape for a centre and for a fleet, as ``--json`` prints it."""

    devices: int
    sent: int
    """Messages handed to the broker, repeats included."""
    acked: int
    """Of these, acknowledged by the broker."""
    app_acks: int
    """Acknowledgements of the gateway."""
    dropped: int
    """Lost because a device's memory was full while the broker was away."""
    alarms: int = 0
    alarms_unacknowledged: int = 0
    """Alarms that the gateway had not acknowledged when the run ended."""
    repeated: int = 0
    seconds: float
    """Real seconds from the first to the last message, the wait for acknowledgements not counted."""
    simulated_s: float = 0.0
    by_kind: dict[str, int] = {}
    silent_devices: tuple[str, ...] = ()
    """Devices of the centre that are not simulated."""


OnProgress = Callable[[Progress], None]


async def run_centre(
    options: SimulateOptions, *, pace: Pace | None = None, progress: OnProgress | None = None
) -> Summary:
    """Play a centre until its duration is over; a clean stop when cancelled.

    Args:
        options: what to play.
        pace: given when somebody else's clock must agree, such as the demo's; else made from start and speed.
        progress: called for every event that was sent, in the event loop.

    Raises:
        OptionsError: an option is out of range.
        SceneError: the centre or the script can't be played.
        LinkError: the broker refuses a device, or there is none at the start.
    """
    _check(options)
    start = pace.start if pace is not None else options.start or wall_now()
    scene = read_scene(options.centre, at=start, residents=options.residents)
    staged = stage(options.script, scene, start=start, seed=options.seed)

    def now() -> datetime:
        return start if pace is None else pace.now()

    devices, onlooker = _devices(scene, options, now), Onlooker(scene)
    try:
        reached = await asyncio.gather(*(device.start(within_s=FIRST_REAL_S) for device in devices.values()))
        somebody_there(options.broker, reached)
        pace = pace or Pace(start, speed=options.speed)
        began, kinds, alarms, last = real_seconds(), Counter[str](), 0, start
        events = timeline(
            scene, seed=options.seed, start=start, duration_s=options.duration_s, staged=staged, life=options.life
        )
        async for event in _ahead(events):
            await pace.until(event.at)
            device = devices[event.device]
            if math.isinf(pace.speed):
                await device.link.room(at_most=CROWDED, within_s=30)
            device.send(event)
            kinds[event.kind] += 1
            alarms += event.is_alarm
            last = max(last, event.at)
            if progress is not None:
                progress(Progress(at=pace.now(), event=event, text=onlooker.sees(event)))
        seconds = real_seconds() - began
        await _settle(devices, options.settle_real_s)
        return _summary(scene, devices, seconds, (last - start).total_seconds(), kinds, alarms)
    finally:
        await asyncio.gather(*(device.stop() for device in devices.values()))


async def _ahead(events: Iterator[Event]) -> AsyncIterator[Event]:
    """Events, made in another thread: drawing a new day takes a tenth of a second, in which the loop must not stand
    still, since a demo's gateway may share it."""
    while batch := await asyncio.to_thread(lambda: list(islice(events, AHEAD))):
        for event in batch:
            yield event


def _check(options: SimulateOptions) -> None:
    if not options.speed > 0:
        raise OptionsError(f"speed: {options.speed}: expected a number above 0, or inf")
    if options.start is not None and options.start.tzinfo is None:
        raise OptionsError(f"start: {options.start}: expected a time with a time zone, such as 2026-05-01T20:00:00Z")
    if options.duration_s is not None and options.duration_s <= 0:
        raise OptionsError(f"duration: {options.duration_s}: expected seconds above 0")
    if options.duration_s is None and math.isinf(options.speed):
        raise OptionsError("duration: none: expected seconds above 0 when nothing slows the run down (speed inf)")


def _devices(scene: Scene, options: SimulateOptions, now: Callable[[], datetime]) -> dict[str, Device]:
    return {
        address: Device(
            options.broker,
            site=scene.site,
            address=address,
            client_id=f"sim-{scene.site}-{address}",
            repeats=options.repeats,
            now=now,
            resident=resident.id,
        )
        for resident in scene.residents
        for address in resident.devices.values()
    }


async def _settle(devices: dict[str, Device], real_s: float) -> None:
    """Wait until nothing is out any more: no message without PUBACK, no alarm without the gateway's word."""
    until = real_seconds() + real_s
    while any(d.link.waiting or d.unacknowledged for d in devices.values()) and real_seconds() < until:
        await real_sleep(LOOK_EVERY_S)


def _summary(
    scene: Scene, devices: dict[str, Device], seconds: float, simulated_s: float, kinds: Counter[str], alarms: int
) -> Summary:
    everyone = devices.values()
    return Summary(
        devices=len(devices),
        sent=sum(d.link.sent for d in everyone),
        acked=sum(d.link.acked for d in everyone),
        app_acks=sum(d.app_acks for d in everyone),
        dropped=sum(d.link.dropped for d in everyone),
        alarms=alarms,
        alarms_unacknowledged=sum(len(d.unacknowledged) for d in everyone),
        repeated=sum(d.repeated for d in everyone),
        seconds=round(seconds, 3),
        simulated_s=round(simulated_s, 3),
        by_kind=dict(sorted(kinds.items())),
        silent_devices=scene.silent,
    )
