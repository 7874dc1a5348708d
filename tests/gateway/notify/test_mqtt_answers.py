"""Answers over MQTT, on a real broker: pressed, stored, and only then replied to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import jsonschema  # type: ignore[import-untyped]
import pytest
from structlog.testing import capture_logs

from gateway.alerts import desk, queries
from gateway.alerts.model import Acknowledge
from gateway.alerts.table import AlertState
from gateway.app.brokerfiles import plan_of
from gateway.app.mqtt_answers import AnswerLine
from gateway.ingest.broker_config import ACCESS_FILE, PASSWORD_FILE, broker_config, make_passwords
from gateway.ingest.options import BrokerOptions
from gateway.ingest.publisher import Publisher
from gateway.notify.answering import Answering
from gateway.notify.mqtt_answers import AHEAD, TOO_OLD, carer_of, schema
from gateway.settings import load_settings
from tests.brokers import Broker, run_mosquitto, run_nats, send
from tests.gateway.notify.conftest import House, index_of

ROOT = Path(__file__).parents[3]
TOPIC, REPLIES = "telecare/haven/carers/{}/answer", "telecare/haven/carers/+/reply"


class Pagers:
    """What devices hear on the broker, and what they press; ``line`` is the gateway's end."""

    def __init__(self, house: House, broker: Broker) -> None:
        self.house, self.broker = house, broker
        self.heard: list[tuple[str, dict[str, Any]]] = []

    async def press(self, carer: str, body: object, **options: Any) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        await send(self.broker.port, [(TOPIC.format(carer), payload)], **options)

    async def answer(self, carer: str, body: object, **options: Any) -> dict[str, Any]:
        """Press, and wait for the reply."""
        count = len(self.heard)
        await self.press(carer, body, **options)
        await self.house.expect(lambda: len(self.heard) > count)
        topic, reply = self.heard[-1]
        assert topic == f"telecare/haven/carers/{carer}/reply"
        return reply

    def state(self, alert: int) -> AlertState:
        return queries.alert(self.house.db, alert).state

    def said(self, alert: int) -> list[tuple[str, str | None, str | None]]:
        return [(line.event, line.who, line.via) for line in queries.history(self.house.db, alert) if line.who]

    def line(self, publisher: Any) -> AnswerLine:
        house = self.house
        answering = Answering(writer=house.writer, index=lambda: house.index, clock=house.clock)
        options = BrokerOptions(host="127.0.0.1", port=self.broker.port, client_id="gw")
        return AnswerLine(
            options, site="haven", publisher=publisher, answering=answering, clock=house.clock, path=house.path
        )

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[AnswerLine]:
        """The gateway listens."""
        options = BrokerOptions(host="127.0.0.1", port=self.broker.port, client_id="gw")
        async with Publisher(options) as publisher:
            line = self.line(publisher)
            running = asyncio.create_task(line.run())
            try:
                await self.house.sees(lambda: line.source.connected)
                yield line
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def pagers(house: House, tmp_path: Path) -> AsyncIterator[Pagers]:
    house.fake("mqtt")
    house.fake("boss")
    house.fake("a")
    house.index = index_of(nora=[("mqtt", "pagers/nora")], sam=[("a", "sam-1")], boss=[("mqtt", "pagers/boss")])
    async with run_nats(tmp_path / "broker") as broker, house.running():
        pagers = Pagers(house, broker)
        async with aiomqtt.Client("127.0.0.1", broker.port, identifier="ear") as client:
            await client.subscribe(REPLIES, qos=1)

            async def listen() -> None:
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    assert not message.retain
                    pagers.heard.append((message.topic.value, json.loads(message.payload)))

            listening = asyncio.create_task(listen())
            try:
                yield pagers
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)


async def test_going_there_closed_from_a_pager(pagers: Pagers) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        going = await pagers.answer("nora", {"v": 1, "id": "1", "alert": alert, "answer": "going", "eta_minutes": 5})
        assert (going["id"], going["alert"], going["result"], going["state"]) == ("1", alert, "taken", "acknowledged")
        assert going["text"].startswith("You are going. There by")
        assert going["why"] is None
        taken = queries.alert(pagers.house.db, alert)
        assert taken.taken_by == "nora"
        assert taken.eta_at == pagers.house.clock.now() + timedelta(minutes=5)
        assert (await pagers.answer("nora", {"v": 1, "id": "2", "alert": alert, "answer": "there"}))[
            "state"
        ] == "attended"
        closed = {"v": 1, "id": "3", "alert": alert, "answer": "close", "outcome": "real", "note": "On the floor."}
        assert (await pagers.answer("nora", closed))["state"] == "closed"
        assert pagers.said(alert) == [(e, "nora", "mqtt") for e in ("acknowledge", "arrive", "close")]
        # whoever answers a message has got it
        assert {r["state"] for r in pagers.house.rows("carer = 'nora' AND purpose = 'alert'")} == {"read"}


async def test_the_same_answer_again_changes_nothing(pagers: Pagers) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        body = {"v": 1, "id": "1", "alert": alert, "answer": "cant"}
        assert (await pagers.answer("nora", body))["result"] == "taken"
        assert (await pagers.answer("nora", body))["result"] == "repeated"
        assert len(pagers.said(alert)) == 1
        other = await pagers.answer("nora", body | {"answer": "going"})
        assert other["result"] == "refused"
        assert "used for another answer" in other["why"]
        assert len(pagers.said(alert)) == 1


async def test_an_illegal_step_changes_nothing_and_says_why(pagers: Pagers) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        await pagers.answer("nora", {"v": 1, "id": "1", "alert": alert, "answer": "close", "outcome": "false"})
        reply = await pagers.answer("nora", {"v": 1, "id": "2", "alert": alert, "answer": "going"})
        assert (reply["result"], reply["text"]) == ("refused", "The alert is closed already.")
        assert reply["why"] == "The alert is closed and can't be acknowledged. A person can: reopen."
        assert len(pagers.said(alert)) == 1


async def test_somebody_was_first(pagers: Pagers) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        await pagers.answer("nora", {"v": 1, "id": "1", "alert": alert, "answer": "more_help"})  # the boss hears of it
        await pagers.answer("nora", {"v": 1, "id": "2", "alert": alert, "answer": "going"})
        reply = await pagers.answer("boss", {"v": 1, "id": "1", "alert": alert, "answer": "going"})
        assert (reply["result"], reply["state"]) == ("refused", None)
        assert reply["text"].startswith("Nora Borg was first")
        assert pagers.house.db.execute("SELECT taken_by FROM alerts").fetchone()[0] == "nora"


async def test_a_room_stands_for_its_most_urgent_alert_and_a_repeat_for_the_same_one(pagers: Pagers) -> None:
    async with pagers.taken():
        first, second = await pagers.house.fall(1), await pagers.house.fall(2)
        body = {"v": 1, "id": "w1", "resident": "r01", "answer": "going"}
        assert (await pagers.answer("nora", body))["alert"] == first
        await pagers.answer("nora", {"v": 1, "id": "x", "alert": first, "answer": "close", "outcome": "real"})
        again = await pagers.answer("nora", body)
        assert (again["result"], again["alert"]) == ("repeated", first)
        assert pagers.state(second) is AlertState.OPEN
        assert (await pagers.answer("nora", body | {"id": "w2"}))["alert"] == second
        assert (await pagers.answer("nora", body | {"id": "w3", "resident": "r99"}))["result"] == "unknown"


@pytest.mark.parametrize(
    ("carer", "body", "result", "why"),
    [
        ("nora", b"going", "unreadable", "malformed"),
        ("nora", b"\xff\xfe", "unreadable", ""),
        ("nora", b'{"v":1,"id":"1","alert":1,"answer":"going","note":"' + b"x" * 9000 + b'"}', "unreadable", "at most"),
        ("nora", {"v": 2, "id": "1", "alert": 1, "answer": "going"}, "unreadable", "$.v"),
        ("nora", {"v": 1, "alert": 1, "answer": "going"}, "unreadable", "id"),
        ("nora", {"v": 1, "id": "1", "alert": 1, "answer": "perhaps"}, "unreadable", "$.answer"),
        ("nora", {"v": 1, "id": "1", "answer": "going"}, "refused", "alert: expected its number"),
        ("nora", {"v": 1, "id": "1", "alert": 1, "resident": "r01", "answer": "going"}, "refused", "one of them"),
        ("nora", {"v": 1, "id": "1", "resident": "r01", "answer": "close", "outcome": "real"}, "refused", "number"),
        ("nora", {"v": 1, "id": "1", "alert": 1, "answer": "close"}, "refused", "outcome: missing"),
        ("nora", {"v": 1, "id": "1", "alert": 1, "answer": "close", "outcome": "other"}, "refused", "note: empty"),
        ("nora", {"v": 1, "id": "1", "alert": 1, "answer": "hand_over"}, "refused", "to: missing"),
        ("nora", {"v": 1, "id": "1", "alert": 1, "answer": "hand_over", "to": "bos"}, "refused", "'bos'"),
        ("nora", {"v": 1, "id": "1", "alert": 1, "answer": "going", "eta_minutes": 9999}, "refused", "minutes: 9999"),
        ("nora", {"v": 1, "id": "1", "alert": 99, "answer": "going"}, "unknown", ""),
        ("boss", {"v": 1, "id": "1", "alert": 1, "answer": "going"}, "unknown", ""),  # was never told of it
        ("sam", {"v": 1, "id": "1", "alert": 1, "answer": "going"}, "refused", "no mqtt contact"),
    ],
)
async def test_what_can_not_be_taken_changes_nothing(
    pagers: Pagers, carer: str, body: object, result: str, why: str
) -> None:
    async with pagers.taken():
        assert await pagers.house.fall() == 1
        reply = await pagers.answer(carer, body)
        assert reply["result"] == result, reply
        assert why in (reply["why"] or "")
        assert (pagers.state(1), pagers.said(1)) == (AlertState.OPEN, [])


async def test_an_old_press_promises_nothing(pagers: Pagers) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        pressed = (pagers.house.clock.now() - TOO_OLD - timedelta(seconds=1)).isoformat()
        reply = await pagers.answer("nora", {"v": 1, "id": "1", "alert": alert, "answer": "going", "t": pressed})
        assert reply["result"] == "refused"
        assert "press again" in reply["why"]
        assert reply["text"] == "This may be too old. Please press again."
        ahead = (pagers.house.clock.now() + AHEAD + timedelta(seconds=1)).isoformat()
        reply = await pagers.answer("nora", {"v": 1, "id": "2", "alert": alert, "answer": "going", "t": ahead})
        assert (reply["result"], "in the future" in reply["why"]) == ("refused", True)
        assert pagers.state(alert) is AlertState.OPEN


@pytest.mark.parametrize(
    ("eta", "age_s", "left"), [(5, 59, 5), (5, 240, 1), (5, 241, 1), (None, 540, 1), (None, 30, 10), (5, -100, 5)]
)
async def test_a_promise_counts_from_the_press(pagers: Pagers, eta: int | None, age_s: int, left: int) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        now = pagers.house.clock.now()
        body = {"v": 1, "id": "1", "alert": alert, "answer": "going", "t": (now - timedelta(seconds=age_s)).isoformat()}
        body |= {"eta_minutes": eta} if eta else {}
        assert (await pagers.answer("nora", body))["result"] == "taken"
        assert queries.alert(pagers.house.db, alert).eta_at == now + timedelta(minutes=left)
        pagers.house.clock.move(60)
        assert (await pagers.answer("nora", body))["result"] == "repeated"


async def test_a_promise_whose_time_is_over_is_none(pagers: Pagers) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        pressed = (pagers.house.clock.now() - timedelta(minutes=9)).isoformat()
        body = {"v": 1, "id": "1", "alert": alert, "answer": "going", "eta_minutes": 5, "t": pressed}
        reply = await pagers.answer("nora", body)
        assert (reply["result"], "the time is over" in reply["why"]) == ("refused", True)
        assert pagers.state(alert) is AlertState.OPEN


async def test_a_room_stands_for_the_alert_that_the_answer_can_change(pagers: Pagers) -> None:
    async with pagers.taken():
        first, second = await pagers.house.fall(1), await pagers.house.fall(2)
        house = pagers.house
        await house.writer.write(lambda tx: desk.answer(tx, house.index, first, Acknowledge(), "sam", "page"))
        body = {"v": 1, "resident": "r01", "answer": "going"}
        reply = await pagers.answer("nora", body | {"id": "1"})
        assert (reply["result"], reply["alert"]) == ("taken", second)
        assert (await pagers.answer("nora", body | {"id": "2", "answer": "there"}))["alert"] == second
        assert queries.alert(house.db, first).taken_by == "sam"
        assert (await pagers.answer("nora", body | {"id": "3", "answer": "cant"}))["alert"] == second
        await house.writer.write(lambda tx: desk.answer(tx, house.index, second, Acknowledge(), "sam", "page"))
        refused = await pagers.answer("nora", body | {"id": "4"})
        assert (refused["result"], refused["text"][:19]) == ("refused", "Sam Borg was first,"), "there is no other one"


async def test_a_retained_answer_is_ignored_and_logged(pagers: Pagers) -> None:
    alert = await pagers.house.fall()
    # nobody listens yet, so the broker hands on the copy that it keeps
    await pagers.press("nora", {"v": 1, "id": "1", "alert": alert, "answer": "going"}, retain=True)
    with capture_logs() as logs:
        async with pagers.taken():
            await pagers.house.expect(lambda: any(line["event"] == "mqtt_answer.retained" for line in logs))
            assert (pagers.state(alert), pagers.heard) == (AlertState.OPEN, [])
            # a real press is taken all the same
            await pagers.answer("nora", {"v": 1, "id": "2", "alert": alert, "answer": "going"})
    assert pagers.said(alert) == [("acknowledge", "nora", "mqtt")]


async def test_a_stranger_gets_no_reply(pagers: Pagers) -> None:
    async with pagers.taken():
        alert = await pagers.house.fall()
        with capture_logs() as logs:
            await pagers.press("mallory", {"v": 1, "id": "1", "alert": alert, "answer": "going"})
            await pagers.answer("nora", {"v": 1, "id": "1", "alert": alert, "answer": "going"})
        assert [line["event"] for line in logs if "stranger" in line["event"]] == ["mqtt_answer.stranger"]
        assert {topic for topic, _ in pagers.heard} == {"telecare/haven/carers/nora/reply"}


async def test_an_answer_while_the_gateway_is_away_waits_at_the_broker(pagers: Pagers) -> None:
    alert = await pagers.house.fall()
    async with pagers.taken():
        pass  # the broker knows us from now on
    body = {"v": 1, "alert": alert, "answer": "going"}
    await pagers.press("nora", body | {"id": "1"})
    await pagers.press("nora", body | {"id": "2", "answer": "there", "t": pagers.house.clock.now().isoformat()})
    async with pagers.taken():
        await pagers.house.expect(lambda: len(pagers.heard) == 2)
    found = {reply["id"]: (reply["result"], reply["why"]) for _, reply in pagers.heard}
    assert found["1"] == ("refused", "t: missing: it may have waited at the broker for any time; press again.")
    assert found["2"][0] == "taken"
    assert pagers.said(alert) == [("arrive", "nora", "mqtt")]


async def test_the_reply_comes_after_the_commit(pagers: Pagers) -> None:
    house = pagers.house
    seen: list[AlertState] = []

    class Watching:
        async def publish(self, topic: str, payload: bytes, **_: Any) -> None:
            seen.append(pagers.state(json.loads(payload)["alert"]))  # by a connection that sees committed rows only

    line = pagers.line(Watching())
    running = asyncio.create_task(line.run())
    await house.sees(lambda: line.source.connected)
    alert = await house.fall()
    await pagers.press("nora", {"v": 1, "id": "1", "alert": alert, "answer": "going"})
    await house.expect(lambda: seen)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert seen == [AlertState.ACKNOWLEDGED]


def test_whose_topic_it_is() -> None:
    assert carer_of("telecare/haven/carers/nora/answer", "haven") == "nora"
    for wrong in (
        "other/carers/nora/answer",
        "haven/carers//answer",
        "haven/carers/a/b/answer",
        "haven/carers/nora/reply",
    ):
        topic = f"telecare/{wrong}"
        assert carer_of(topic, "haven") is None


def test_the_schema_in_the_docs_is_current_and_takes_what_is_taken() -> None:
    written = json.loads((ROOT / "docs" / "schema" / "carer-answer.json").read_text("utf-8"))
    assert written == schema()
    jsonschema.validate({"v": 1, "id": "1", "alert": 1, "answer": "going", "eta_minutes": 5}, written)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"v": 1, "id": "1", "alert": 1, "answer": "perhaps"}, written)


@pytest.mark.mosquitto
async def test_the_brokers_access_list_binds_a_topic_to_its_carer(house: House, tmp_path: Path) -> None:
    """With the files of ``telecare broker-config``: who speaks on a carer's topic has that carer's password."""
    file = tmp_path / "gateway.toml"
    file.write_text('[channels.mqtt]\nanswers = true\n[channels.mqtt.homeassistant]\nanswers_as = "boss"\n')
    house.index = index_of(nora=[("mqtt", "pagers/{carer}/{alert}")], sam=[("a", "s")], boss=[("mqtt", "")])
    plan = plan_of(house.index.centre, load_settings(file, {}))
    assert [one.id for one in plan.devices] == ["carer-nora", "carer-boss", "homeassistant"]
    passwords = make_passwords(plan)
    files = broker_config(plan, passwords)
    for name in (PASSWORD_FILE, ACCESS_FILE):
        (tmp_path / name).write_text(files[name])
    config = f"allow_anonymous false\npassword_file {tmp_path / PASSWORD_FILE}\nacl_file {tmp_path / ACCESS_FILE}"
    heard: dict[str, list[tuple[str, bytes]]] = {"gateway": [], "carer-nora": [], "homeassistant": []}
    async with run_mosquitto(tmp_path / "broker", config) as broker, contextlib.AsyncExitStack() as stack:
        for user, kept in heard.items():
            client = aiomqtt.Client("127.0.0.1", broker.port, username=user, password=passwords[user])
            await stack.enter_async_context(client)
            await client.subscribe("#", qos=1)

            async def listen(client: aiomqtt.Client, kept: list[tuple[str, bytes]]) -> None:
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    kept.append((message.topic.value, message.payload))

            listening = asyncio.create_task(listen(client, kept))
            stack.callback(listening.cancel)
        for user, topic in [
            ("carer-nora", TOPIC.format("boss")),
            ("carer-nora", "telecare/haven/carers/nora/reply"),
            ("homeassistant", TOPIC.format("nora")),
            ("gateway", TOPIC.format("nora")),
            # What is allowed comes last: when it is there, what was refused would have been there too.
            ("carer-nora", TOPIC.format("nora")),
            ("homeassistant", TOPIC.format("boss")),
            ("gateway", "telecare/haven/carers/boss/reply"),
            ("gateway", "telecare/haven/alert/7"),
            ("gateway", "homeassistant/button/x/config"),
            ("gateway", "pagers/nora/7"),
            ("gateway", "telecare/haven/carers/nora/reply"),
            ("gateway", "telecare/haven/homeassistant/r01"),
        ]:
            await send(broker.port, [(topic, user.encode())], username=user, password=passwords[user])
        await house.sees(lambda: len(heard["gateway"]) >= 8 and heard["carer-nora"][1:] and heard["homeassistant"][1:])
    assert [line for line in heard["gateway"] if line[0].endswith("/answer")] == [
        (TOPIC.format("nora"), b"carer-nora"),
        (TOPIC.format("boss"), b"homeassistant"),
    ]
    assert [topic for topic, _ in heard["carer-nora"]] == ["pagers/nora/7", "telecare/haven/carers/nora/reply"]
    assert [topic for topic, _ in heard["homeassistant"]] == [
        "homeassistant/button/x/config",
        "telecare/haven/homeassistant/r01",
    ]
