"""A fleet for load: many devices over a few connections, open loop, counted, bounded by count and by time.

Open loop means that the rate does not slow down when the gateway does, as real devices would not.
"""

import asyncio
import math
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from devices.model import Bed, Continence, Help, Position, Reading, Status
from simulators.errors import OptionsError
from simulators.fleet_centre import Home, homes
from simulators.ground import EARTH_M
from simulators.link import Broker, Link, somebody_there
from simulators.messages import Event, ack_topic, acknowledged_id, payload, topic
from simulators.pace import Pace, real_seconds, real_sleep, wall_now
from simulators.run import Summary

MOST_WAITING = 50_000
"""Messages that a connection keeps: MQTT numbers them with 16 bits, so there can never be 65,536."""

UNPACED_WAITING = 1_000
"""Unacknowledged messages of a connection from which a run without a rate waits: the broker sets the pace."""

BURST = 100
"""Messages handed over before other tasks get a turn."""

FIRST_REAL_S = 3.0
"""How long the connections may take at the start, in real seconds, until we say that there is no broker."""

TURN_S = 0.002
REPEAT_S = 3.0
INSIDE_M, OUTSIDE_M = 60.0, 200.0
"""How far from home trackers go; the fleet's zones have a radius of 100 m (fleet_centre)."""

WALKING_MPS = 0.8

Message: TypeAlias = tuple[str, bytes]


class FleetOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. Device addresses are ``{site}-00001`` and so on, trackers first."""

    broker: Broker
    site: str = "fleet"
    trackers: int = 1000
    others: int = 0
    """Further devices: bed, continence, status in turn."""
    wanderers: float = 0.01
    """Share of the trackers that walk out of their zone and back, 0-1."""
    press_every: int | None = None
    """Every so many messages, a tracker's SOS key is pressed."""
    rate: float | None = None
    """Messages in a real second; None: as fast as the broker takes them."""
    count: int | None = None
    duration_real_s: float | None = None
    connections: int = 4
    start: datetime | None = None
    """UTC-aware stamp of the first message; None: now."""
    speed: float = 1.0
    settle_real_s: float = 10.0
    """How long to wait at the end for acknowledgements that are still out."""


async def run_fleet(options: FleetOptions) -> Summary:
    """Send until the count is reached or the time is over; a clean stop when cancelled.

    Raises:
        OptionsError: an option is out of range.
        LinkError: the broker refuses a connection, or there is none.
    """
    _check(options)
    fleet = _Fleet(options)
    try:
        reached = await asyncio.gather(*(link.start(within_s=FIRST_REAL_S) for link in fleet.links))
        somebody_there(options.broker, reached)
        return await fleet.run()
    finally:
        await asyncio.gather(*(link.stop() for link in fleet.links))


def _check(options: FleetOptions) -> None:
    for name, value, least in (
        ("trackers", options.trackers, 1),
        ("others", options.others, 0),
        ("connections", options.connections, 1),
        ("count", options.count, 1),
        ("press_every", options.press_every, 1),
    ):
        if value is not None and value < least:
            raise OptionsError(f"{name}: {value}: expected {least} or more")
    for name, number in (("rate", options.rate), ("duration", options.duration_real_s), ("speed", options.speed)):
        if number is not None and not 0 < number < math.inf:
            raise OptionsError(f"{name}: {number}: expected a number above 0")
    if not 0 <= options.wanderers <= 1:
        raise OptionsError(f"wanderers: {options.wanderers}: expected a share, 0 to 1")
    if options.count is None and options.duration_real_s is None:
        raise OptionsError("count, duration: none: expected at least one of them, a fleet must end")


class _Fleet:
    def __init__(self, options: FleetOptions) -> None:
        self._options = options
        self._pace = Pace(options.start or wall_now(), speed=options.speed)
        self._run = f"{int(self._pace.start.timestamp() * 1000):x}"
        self._homes = homes(options.trackers)
        self._pressed: dict[str, tuple[float, Link, Message]] = {}
        self._kinds: dict[str, int] = {}
        self._app_acks = self._repeated = 0
        self.links = [
            Link(
                options.broker,
                f"sim-{options.site}-{self._run}-{number}",
                subscribe=ack_topic(options.site, "+") if number == 0 else None,
                on_message=self._acknowledged,
                memory=MOST_WAITING,
                in_flight=MOST_WAITING,
            )
            for number in range(options.connections)
        ]

    async def run(self) -> Summary:
        alarms, began = 0, real_seconds()
        number = 0
        while not self._over(number, began):
            for _ in range(min(BURST, self._due(number, began))):
                device = number % (self._options.trackers + self._options.others)
                event = self._event(number, device)
                link, message = self.links[device % len(self.links)], (topic(self._options.site, event), payload(event))
                if event.is_alarm:
                    alarms += 1
                    self._pressed[event.id] = (real_seconds() + REPEAT_S, link, message)
                link.publish(*message)
                self._kinds[event.kind] = self._kinds.get(event.kind, 0) + 1
                number += 1
            self._repeat()
            await real_sleep(0 if self._options.rate is None else TURN_S)
            if self._options.rate is None:
                await asyncio.gather(*(link.room(at_most=UNPACED_WAITING, within_s=30) for link in self.links))
        seconds = real_seconds() - began
        await self._settle()
        return Summary(
            devices=self._options.trackers + self._options.others,
            sent=sum(link.sent for link in self.links),
            acked=sum(link.acked for link in self.links),
            app_acks=self._app_acks,
            dropped=sum(link.dropped for link in self.links),
            alarms=alarms,
            alarms_unacknowledged=len(self._pressed),
            repeated=self._repeated,
            seconds=round(seconds, 3),
            simulated_s=round(seconds * self._options.speed, 3),
            by_kind=dict(sorted(self._kinds.items())),
        )

    def _over(self, number: int, began: float) -> bool:
        options = self._options
        counted = options.count is not None and number >= options.count
        return counted or (options.duration_real_s is not None and real_seconds() - began >= options.duration_real_s)

    def _due(self, number: int, began: float) -> int:
        """How many messages should be on their way by now and are not."""
        left = BURST if self._options.count is None else self._options.count - number
        if self._options.rate is None:
            return left
        return max(0, min(left, int((real_seconds() - began) * self._options.rate) + 1 - number))

    def _event(self, number: int, device: int) -> Event:
        at = self._pace.now()
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        address = f"{self._options.site}-{device + 1:05d}"
        every = self._options.press_every
        reading: Reading
        if device >= self._options.trackers:
            reading = _other(address, number, device)
        elif every is not None and number % every == every - 1:
            reading = Help(device=address, phase="pressed")
        else:
            seconds = (at - self._pace.start) / timedelta(seconds=1)
            wanders = device < round(self._options.trackers * self._options.wanderers)
            reading = _position(
                address, self._homes[device], seconds + 37.0 * device, OUTSIDE_M if wanders else INSIDE_M
            )
        return Event(at=at, id=f"{address}-{self._run}-{number:x}", resident=address, reading=reading)

    def _repeat(self) -> None:
        """Say again what nobody has acknowledged for a while; oldest first, so the first young one ends it."""
        now = real_seconds()
        while self._pressed:
            event_id, (due, link, message) = next(iter(self._pressed.items()))
            if due > now:
                return
            del self._pressed[event_id]
            self._pressed[event_id] = (now + REPEAT_S, link, message)
            if link.ready:
                link.publish(*message)
                self._repeated += 1

    async def _settle(self) -> None:
        until = real_seconds() + self._options.settle_real_s
        while (self._pressed or any(link.waiting for link in self.links)) and real_seconds() < until:
            self._repeat()
            await real_sleep(0.02)

    def _acknowledged(self, _topic: str, message: bytes) -> None:
        event_id = acknowledged_id(message)
        if event_id is not None and f"-{self._run}-" in event_id:
            self._app_acks += 1
            self._pressed.pop(event_id, None)


def _position(address: str, home: Home, seconds: float, reach_m: float) -> Position:
    """Straight out from home to the reach and back, again and again, at walking speed."""
    walked = seconds * WALKING_MPS % (2 * reach_m)
    metres = walked if walked <= reach_m else 2 * reach_m - walked
    return Position(
        device=address,
        lon=home.lon,
        lat=round(home.lat + math.degrees(metres / EARTH_M), 7),
        accuracy_m=8.0,
        speed_mps=WALKING_MPS,
        source="gnss",
    )


def _other(address: str, number: int, device: int) -> Reading:
    match device % 3:
        case 0:
            return Bed(device=address, in_bed=number % 2 == 0)
        case 1:
            percent = float(number % 50)
            return Continence(device=address, state="dry" if percent < 15 else "some", saturation_percent=percent)
        case _:
            return Status(device=address, battery_percent=80.0, low_battery=False, online=True)
