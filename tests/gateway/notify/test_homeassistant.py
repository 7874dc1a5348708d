"""What Home Assistant sees of the alerts, on a real broker."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import pytest

from gateway.alerts import desk
from gateway.alerts.model import Close, Outcome
from gateway.errors import BrokerError
from gateway.ingest.options import BrokerOptions
from gateway.ingest.publisher import Publisher
from gateway.notify.homeassistant import REPEAT_S, HomeAssistantStates
from gateway.notify.mqtt_answers import AnswerMessage
from gateway.settings.providers import HomeAssistant
from tests.brokers import run_nats
from tests.gateway.notify.conftest import House, index_of

STATE = "telecare/haven/homeassistant/r01"
CONFIG = "homeassistant/binary_sensor/telecare_haven_r01/config"


class Watcher:
    """A client that keeps the last message of each topic."""

    def __init__(self) -> None:
        self.last: dict[str, bytes] = {}
        self.count = 0

    async def run(self, port: int, ready: asyncio.Event) -> None:
        async with aiomqtt.Client("127.0.0.1", port, identifier="watcher") as client:
            await client.subscribe("#", qos=1)
            ready.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                self.last[message.topic.value] = message.payload
                self.count += 1

    def json(self, topic: str) -> dict[str, Any]:
        return dict(json.loads(self.last.get(topic) or b"{}"))


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[int]:
    async with run_nats(tmp_path / "broker") as broker:
        yield broker.port


async def test_an_alert_is_on_until_it_is_closed_and_says_no_more_than_a_lock_screen(house: House, broker: int) -> None:
    house.fake("a")
    watcher, ready = Watcher(), asyncio.Event()
    async with house.running(), Publisher(BrokerOptions(host="127.0.0.1", port=broker, client_id="gw")) as publisher:
        states = HomeAssistantStates(
            HomeAssistant(), publisher=publisher, changes=house.writer.changes, index=lambda: house.index,
            path=house.path, clock=house.clock,
        )  # fmt: skip
        watching = asyncio.create_task(watcher.run(broker, ready))
        await ready.wait()
        running = asyncio.create_task(states.run())
        await house.expect(lambda: watcher.json(STATE).get("state") == "OFF")
        config = watcher.json(CONFIG)
        assert (config["name"], config["state_topic"], config["device_class"]) == ("Room 101", STATE, "safety")
        assert config["expire_after"] > REPEAT_S
        assert watcher.last[config["availability_topic"]] == b"online"
        alert = await house.fall()
        await house.expect(lambda: watcher.json(STATE).get("state") == "ON")
        assert watcher.json(STATE) == {
            "state": "ON", "alerts": 1, "alert": alert, "priority": "high", "what": "Fall", "answered": False,
        }  # fmt: skip
        assert b"Carmen" not in b"".join(watcher.last.values())
        close = Close(outcome=Outcome.REAL)
        await house.writer.write(lambda tx: desk.answer(tx, house.index, alert, close, "nora", "page"))
        await house.expect(lambda: watcher.json(STATE).get("state") == "OFF")
        before = watcher.count
        house.clock.move(REPEAT_S + 1)
        await house.expect(lambda: watcher.count >= before + 5)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await house.expect(lambda: watcher.last[config["availability_topic"]] == b"offline")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_only_what_changed_is_published_and_all_of_it_after_a_failure(house: House) -> None:
    sent: list[str] = []

    class Broken:
        failing = False

        async def publish(self, topic: str, payload: bytes, **_: Any) -> None:
            if self.failing:
                raise BrokerError("gone")
            sent.append(topic)

    publisher = Broken()
    async with house.running():
        states = HomeAssistantStates(
            HomeAssistant(), publisher=publisher, changes=house.writer.changes, index=lambda: house.index,
            path=house.path, clock=house.clock,
        )  # fmt: skip
        assert await states.publish(house.db) == 5
        assert await states.publish(house.db) == 0
        await house.fall()
        assert await states.publish(house.db) == 1
        assert sent[-1] == STATE


async def test_buttons_answer_for_one_carer_and_only_where_that_carer_can(house: House) -> None:
    sent: dict[str, bytes] = {}

    class Kept:
        async def publish(self, topic: str, payload: bytes, **_: Any) -> None:
            sent[topic] = payload

    async with house.running():
        states = HomeAssistantStates(
            HomeAssistant(answers_as="nora"), publisher=Kept(), changes=house.writer.changes,
            index=lambda: house.index, path=house.path, clock=house.clock,
        )  # fmt: skip
        await states.publish(house.db)
        assert not [topic for topic in sent if "/button/" in topic]  # nora has no mqtt contact
        house.index = index_of(nora=[("mqtt", "")])
        await states.publish(house.db)
        buttons = {topic: json.loads(body) for topic, body in sent.items() if "/button/" in topic}
        assert sorted(buttons) == [
            "homeassistant/button/telecare_haven_r01_going/config",
            "homeassistant/button/telecare_haven_r01_there/config",
        ]
        going = buttons["homeassistant/button/telecare_haven_r01_going/config"]
        assert (going["name"], going["qos"], going["retain"]) == ("Room 101: I am going", 1, False)
        assert going["command_topic"] == "telecare/haven/carers/nora/answer"
        assert going["availability_topic"] == "telecare/haven/homeassistant/status"
        # as Home Assistant fills it in
        filled = going["command_template"].replace("{{ (now().timestamp() * 1000) | int }}", "1772443800123")
        filled = filled.replace("{{ utcnow().isoformat() }}", "2026-03-02T09:30:00.123456+00:00")
        message = msgspec.json.decode(filled, type=AnswerMessage)
        assert (message.id, message.answer, message.resident) == ("ha-1772443800123", "going", "r01")
        house.index = index_of()
        await states.publish(house.db)
        assert {sent[topic] for topic in buttons} == {b""}
