"""What the ingest tests share: every backend on a real broker, and short waits."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.ingest.connect import open_source
from gateway.ingest.mqtt_source import MqttSource
from gateway.ingest.options import BrokerOptions, Subscription
from gateway.ingest.source import Receipt
from tests.brokers import (
    PATIENCE_S,
    Broker,
    certificates,
    mosquitto_broker,
    nats_broker,
    needs_mosquitto,
    run_mosquitto,
    run_nats,
    until,
)

__all__ = ["certificates", "mosquitto_broker", "nats_broker"]

SUBSCRIPTIONS = [Subscription("telecare/#", "native"), Subscription("owntracks/+/+", "owntracks")]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Backend:
    """A running broker and the version of MQTT to speak to it."""

    def __init__(self, broker: Broker, protocol: str) -> None:
        self.broker = broker
        self.protocol = protocol

    def options(self, **changes: Any) -> BrokerOptions:
        """Options with short waits."""
        values: dict[str, Any] = {
            "host": self.broker.host,
            "port": self.broker.port,
            "protocol": self.protocol,
            "client_id": "test",
            "backoff_first_s": 0.02,
            "backoff_cap_s": 0.2,
        }
        return BrokerOptions(**(values | changes))


BACKENDS = [
    pytest.param(("nats", "3.1.1"), id="nats-3.1.1"),
    pytest.param(("mosquitto", "5"), id="mosquitto-5", marks=needs_mosquitto),
    pytest.param(("mosquitto", "3.1.1"), id="mosquitto-3.1.1", marks=needs_mosquitto),
]


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Each pair of a broker and a version of MQTT."""
    name, protocol = request.param
    run = run_nats if name == "nats" else run_mosquitto
    async with run(tmp_path / name) as broker:
        yield Backend(broker, protocol)


class Lane:
    """A source with a consumer that collects, for tests."""

    def __init__(self, source: MqttSource) -> None:
        self.source = source
        self.got: list[Receipt] = []

    @property
    def payloads(self) -> list[bytes]:
        return [r.frame.payload for r in self.got]

    def take(self) -> list[Receipt]:
        """Take what waits, without acknowledging it."""
        batch = self.source.take(100_000)
        self.got.extend(batch)
        return batch

    async def receive(self, count: int, *, acknowledge: bool = False, limit_s: float = PATIENCE_S) -> list[Receipt]:
        """Take until ``count`` frames are there."""
        got: list[Receipt] = []

        def enough() -> bool:
            batch = self.take()
            if acknowledge:
                self.source.acknowledge(batch)
            got.extend(batch)
            return len(got) >= count

        await until(enough, limit_s, f"{count} frames")
        return got


@contextlib.asynccontextmanager
async def lane(
    options: BrokerOptions,
    name: str = "telemetry",
    *,
    ready: bool = True,
    subscriptions: list[Subscription] | None = None,
    clock: SystemClock | ManualClock | None = None,
) -> AsyncIterator[Lane]:
    """An open source."""
    source = await open_source(options, name, subscriptions or SUBSCRIPTIONS, clock or SystemClock())
    try:
        if ready:
            await source.ready(PATIENCE_S)
        yield Lane(source)
    finally:
        await source.close()


OpenLane = Callable[..., contextlib.AbstractAsyncContextManager[Lane]]


def numbered(count: int, start: int = 0, topic: str = "telecare/haven/gps-1/position") -> list[tuple[str, bytes]]:
    """Messages that can be told apart."""
    return [(topic, b'{"n":%d}' % n) for n in range(start, start + count)]
