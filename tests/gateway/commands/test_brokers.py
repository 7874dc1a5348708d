"""Commands over a real broker: the daemon's publisher on one side, simulated and made-up devices on the other."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.model import Position
from gateway.clock import SystemClock
from gateway.commands import queue
from gateway.commands.queue import Command, Wanted
from gateway.commands.runner import Runner
from gateway.ingest.mqtt_source import MqttSource
from gateway.ingest.options import BrokerOptions, Subscription
from gateway.ingest.publisher import Publisher
from gateway.pipeline.lanes import Lane
from gateway.pipeline.pipeline import TELEMETRY, Pipeline
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Writer, write_now
from simulators.device import Device, Repeats
from simulators.link import Broker as SimulatedBroker
from simulators.messages import Event
from tests.brokers import PATIENCE_S, Broker, mosquitto_broker, nats_broker, needs_mosquitto, until  # noqa: F401 - two are fixtures
from tests.gateway.commands.house import OPTIONS, consenting, with_commands
from tests.gateway.pipeline.chain import applied

CENTRE = consenting(with_commands(), "r01", "always")
CLOCK = SystemClock()


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=needs_mosquitto)])
def broker(request: pytest.FixtureRequest) -> Broker:
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found


class Gate:
    """The parts of the daemon that commands need."""

    def __init__(self, path: Path, index: Any) -> None:
        self.path = path
        self._index = index

    def ask(self, device: str, command: Any, **more: Any) -> Command:
        wanted = Wanted(device=device, command=command, who="nora", why="test", **more)
        return write_now(self.path, lambda tx: queue.request(tx, self._index, OPTIONS, wanted), clock=CLOCK)

    def state(self, number: str) -> str:
        with closing(reader(self.path)) as db:
            return queue.command(db, number).state.value

    async def reaches(self, number: str, state: str) -> None:
        await until(lambda: self.state(number) == state, what=f"{state} of {number}")


@asynccontextmanager
async def gate(folder: Path, broker: Broker) -> AsyncIterator[Gate]:
    path = folder / FILE
    prepare(path)
    index = applied(path, CENTRE, CLOCK)  # type: ignore[arg-type]
    options = BrokerOptions(port=broker.port, client_id="telecare-haven", protocol="3.1.1")
    filters = ["telecare/haven/+/position", "telecare/haven/+/status"]
    source = MqttSource(
        options, name=TELEMETRY, clock=CLOCK, subscriptions=[Subscription(topic, "native") for topic in filters]
    )
    writer, publisher = Writer(path, clock=CLOCK), Publisher(options)
    with closing(reader(path)) as db:
        lane = Lane(source, Pipeline(db, lambda: index), writer, urgent=False)
        runner = Runner(
            publisher=publisher, writer=writer, index=lambda: index, clock=CLOCK, path=path, options=OPTIONS
        )
        async with publisher, source:
            await source.ready(10)
            tasks = [asyncio.create_task(work) for work in (writer.run(), lane.run(), runner.run())]
            try:
                yield Gate(path, index)
            finally:
                for task in reversed(tasks):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task


@asynccontextmanager
async def device(broker: Broker, address: str) -> AsyncIterator[Device]:
    made = Device(
        SimulatedBroker(port=broker.port), site="haven", address=address, client_id=f"sim-{address}", repeats=Repeats()
    )
    await made.start(within_s=PATIENCE_S)
    try:
        yield made
    finally:
        await made.stop()


def at_home(number: int = 1) -> Event:
    place = Position(device="gps-r01", lon=14.4, lat=35.89, accuracy_m=5)
    return Event(at=CLOCK.now(), id=f"p-{number}", resident="r01", reading=place)


async def test_a_tracker_rings_and_says_where_it_is(tmp_path: Path, broker: Broker) -> None:
    async with gate(tmp_path, broker) as house, device(broker, "gps-r01") as tracker:
        ring = house.ask("gps-r01", "ring")
        await house.reaches(ring.id, "confirmed")
        assert [told.command for told in tracker.done] == ["ring"]
        tracker.send(at_home())
        locate = house.ask("gps-r01", "locate")
        await house.reaches(locate.id, "confirmed")
        with closing(reader(house.path)) as db:
            query = "SELECT kind, device, resident, payload FROM readings JOIN journal ON frame = journal.seq"
            rows = [(*row[:3], json.loads(row[3])["id"]) for row in db.execute(f"{query} ORDER BY frame")]
        assert rows[0] == ("status", "gps-r01", "r01", ring.id)
        assert rows[-1] == ("position", "gps-r01", "r01", locate.id)


async def test_a_device_that_was_away_is_told_again(tmp_path: Path, nats_broker: Broker) -> None:  # noqa: F811
    async with gate(tmp_path, nats_broker) as house:
        ring = house.ask("gps-r01", "ring", expires_s=60)
        await house.reaches(ring.id, "sent")  # to nobody
        async with device(nats_broker, "gps-r01") as tracker:
            await house.reaches(ring.id, "confirmed")
            assert [told.id for told in tracker.done] == [ring.id]


async def test_a_broker_that_dies_delays_a_command(tmp_path: Path, nats_broker: Broker) -> None:  # noqa: F811
    async with gate(tmp_path, nats_broker) as house:
        await nats_broker.kill()
        ring = house.ask("gps-r01", "ring", expires_s=120)
        await asyncio.sleep(0.5)
        assert house.state(ring.id) == "queued"
        await nats_broker.start()
        async with device(nats_broker, "gps-r01"):
            await house.reaches(ring.id, "confirmed")


async def test_a_device_does_a_repeat_once_and_nothing_that_is_too_late(nats_broker: Broker) -> None:  # noqa: F811
    async with device(nats_broker, "gps-r01") as tracker:
        heard: list[Any] = []
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_message = lambda _c, _u, message: heard.append((message.topic, json.loads(message.payload)))
        ready: list[bool] = []
        client.on_connect = lambda c, *_: c.subscribe("telecare/haven/gps-r01/status", 1)
        client.on_subscribe = lambda *_: ready.append(True)
        client.connect("127.0.0.1", nats_broker.port)
        client.loop_start()
        try:
            await until(lambda: ready)

            def tell(**more: Any) -> None:
                told = {"v": 1, "id": "c-1", "command": "ring", "expires_at": "2100-01-01T00:00:00Z", **more}
                client.publish("telecare/haven/gps-r01/command", msgspec.json.encode(told), 1)

            tell(id="old", expires_at="2020-01-01T00:00:00Z")
            tell(id="other version", v=2)
            tell(id="no time zone", expires_at="2100-01-01T00:00:00")
            client.publish("telecare/haven/gps-r01/command", b"{", 1)
            tell()
            tell()
            await until(lambda: len(heard) == 2)
            assert [said["id"] for _, said in heard] == ["c-1", "c-1"]
            assert heard[0] == heard[1]  # a repeat is a repeat
            assert [told.id for told in tracker.done] == ["c-1"]
        finally:
            client.disconnect()
            client.loop_stop()
