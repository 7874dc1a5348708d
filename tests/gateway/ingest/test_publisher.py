"""Publishing with a confirmation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest

from gateway.ingest.options import BrokerOptions, Subscription
from gateway.ingest.publisher import Publisher
from gateway.ingest.trouble import LinkError, Trouble
from tests.brokers import PATIENCE_S, proxied, run_mosquitto, until
from tests.gateway.ingest.conftest import Backend, lane

ALERTS = [Subscription("alerts/#", "native")]


async def test_publishes_and_waits_for_the_confirmation(backend: Backend) -> None:
    async with lane(backend.options(), subscriptions=ALERTS) as it, Publisher(backend.options()) as publisher:
        await asyncio.gather(*(publisher.publish("alerts/1", b"%d" % n) for n in range(50)))
        await publisher.publish("alerts/2", b"quality 0", qos=0)
        got = await it.receive(51, acknowledge=True)
        assert {r.frame.payload for r in got} == {b"%d" % n for n in range(50)} | {b"quality 0"}
        await publisher.publish("alerts/kept", b"old", retain=True)
    async with lane(backend.options(client_id="other"), subscriptions=ALERTS) as it:
        (kept,) = await it.receive(1)
        assert (kept.frame.payload, kept.frame.retained) == (b"old", True)


async def test_tells_when_the_broker_is_gone_and_comes_back(backend: Backend) -> None:
    async with proxied(backend.broker.port) as proxy, Publisher(backend.options(port=proxy.port)) as publisher:
        await publisher.publish("alerts/1", b"x")
        proxy.hang()
        hanging = asyncio.create_task(publisher.publish("alerts/1", b"x", timeout_s=10 * PATIENCE_S))
        await asyncio.sleep(0.05)
        proxy.cut()
        with pytest.raises(LinkError, match=r"lost|not published"):
            await asyncio.wait_for(hanging, PATIENCE_S)
        with pytest.raises(LinkError):
            await publisher.publish("alerts/1", b"x", timeout_s=0.1)
        proxy.heal()
        await until(lambda: publisher.connected)
        await publisher.publish("alerts/1", b"x")


class DeafClient:
    """A client that overhears a cancellation while it connects, as asyncio.wait_for of Python 3.11 may."""

    def __init__(self) -> None:
        self.connecting = asyncio.Event()
        self.overheard = False

    async def __aenter__(self) -> Self:
        self.connecting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        self.overheard = True
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @property
    async def messages(self) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield


async def test_it_ends_though_a_cancellation_is_overheard(monkeypatch: pytest.MonkeyPatch) -> None:
    client = DeafClient()
    monkeypatch.setattr(Publisher, "_new_client", lambda _: client)
    publisher = Publisher(BrokerOptions())
    await publisher.start()
    await client.connecting.wait()
    async with asyncio.timeout(PATIENCE_S):
        await publisher.close()
    assert client.overheard
    assert not publisher.connected


async def test_a_confirmation_that_does_not_come_is_an_error(backend: Backend) -> None:
    async with proxied(backend.broker.port) as proxy, Publisher(backend.options(port=proxy.port)) as publisher:
        await publisher.publish("alerts/1", b"x")
        proxy.hang()
        with pytest.raises(LinkError) as caught:
            await publisher.publish("alerts/1", b"x", timeout_s=0.2)
        assert caught.value.trouble is Trouble.TIMEOUT


async def test_a_topic_with_wildcards_is_refused(backend: Backend) -> None:
    async with Publisher(backend.options()) as publisher:
        for topic in ("", "a/#", "a/+/b", "a\0b", "a" * 65536, "\ud800"):
            with pytest.raises(LinkError) as caught:
                await publisher.publish(topic, b"x")
            assert caught.value.trouble is Trouble.REFUSED


@pytest.mark.mosquitto
async def test_a_refused_message_is_an_error(tmp_path: Path) -> None:
    """Mosquitto confirms a message that its access list does not allow; only with MQTT 5 it says so."""
    rules = tmp_path / "acl"
    rules.write_text("topic write allowed/#\n")
    async with run_mosquitto(tmp_path / "broker", f"allow_anonymous true\nacl_file {rules}\n") as broker:
        options = BrokerOptions(host=broker.host, port=broker.port, client_id="refused", protocol="auto")
        async with Publisher(options) as publisher:
            await publisher.publish("allowed/one", b"x")
            with pytest.raises(LinkError, match="refuses topic 'forbidden/one'"):
                await publisher.publish("forbidden/one", b"x")
            await publisher.publish("allowed/two", b"x")
