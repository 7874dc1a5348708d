from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from simulators.link import Broker as Address
from simulators.link import Link
from simulators.scene import Scene, read_scene
from tests.brokers import Broker, nats_broker, until  # noqa: F401

CENTRE = Path(__file__).parent / "centre" / "centre.toml"
START = datetime(2026, 5, 12, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def scene() -> Scene:
    return read_scene(CENTRE, at=START)


class Ear:
    """Hears everything of a site, as a gateway would, and acknowledges when told to."""

    def __init__(self, address: Address, *, acknowledges: bool = True) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.acknowledges = acknowledges
        self.link = Link(address, "ear", subscribe="telecare/+/+/+", on_message=self._hear)

    def ids(self, kind: str = "") -> list[str]:
        return [msgspec.json.decode(body)["id"] for topic, body in self.heard if topic.endswith(kind)]

    def _hear(self, topic: str, body: bytes) -> None:
        if topic.endswith("/ack"):
            return
        self.heard.append((topic, body))
        if self.acknowledges:
            answer = msgspec.json.encode({"id": msgspec.json.decode(body)["id"]})
            self.link.publish(topic.rpartition("/")[0] + "/ack", answer)


@pytest.fixture
async def ear(nats_broker: Broker) -> AsyncIterator[Ear]:  # noqa: F811
    listener = Ear(Address(port=nats_broker.port))
    await listener.link.start()
    yield listener
    await listener.link.stop()
