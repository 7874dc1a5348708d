import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulators.scene import Scene, read_scene
from tests.brokers import Broker, nats_broker, until  # noqa: F401

CENTRE = Path(__file__).parent / "centre" / "centre.toml"
START = datetime(2026, 5, 12, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def scene() -> Scene:
    return read_scene(CENTRE, at=START)


class Ear:
    """Hears everything of a site, as a gateway would: with a session that the broker keeps, so that nothing is missed
    while either of them is away. Acknowledges when told to."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.acknowledges = True
        self.listens = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ear", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe("telecare/+/+/+", qos=1)
        self._client.on_subscribe = lambda *_: setattr(self, "listens", True)
        self._client.on_message = self._hear
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def ids(self, kind: str = "") -> list[str]:
        """The ids heard, repeats too; of one kind with ``/kind``."""
        return [msgspec.json.decode(body)["id"] for topic, body in list(self.heard) if topic.endswith(kind)]

    def say(self, topic: str, body: bytes) -> None:
        """Publish."""
        self._client.publish(topic, body, qos=1)

    async def close(self) -> None:
        """Go away."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _hear(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/ack"):
            return
        self.heard.append((message.topic, bytes(message.payload)))
        if self.acknowledges:
            answer = msgspec.json.encode({"id": msgspec.json.decode(message.payload)["id"]})
            self.say(message.topic.rpartition("/")[0] + "/ack", answer)


@pytest.fixture
async def ear(nats_broker: Broker) -> AsyncIterator[Ear]:  # noqa: F811
    listener = Ear(nats_broker.port)
    await until(lambda: listener.listens, what="the ear's subscription")
    yield listener
    await listener.close()
