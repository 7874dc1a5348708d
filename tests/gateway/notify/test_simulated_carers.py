"""Simulated carers answer by every way but the link (tests/simulators): the gateway's own parts on the other side."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from random import Random

import pytest
from litestar import Litestar
from pydantic import SecretStr

from gateway.alerts import queries
from gateway.app.channels import say_by_sms
from gateway.app.mqtt_answers import AnswerLine
from gateway.clock import SystemClock
from gateway.console.deps import STOPPING
from gateway.console.server import serve
from gateway.ingest.options import BrokerOptions
from gateway.ingest.publisher import Publisher
from gateway.links import Links
from gateway.notify.answering import Answering
from gateway.notify.callbacks import sms_route, voice_route
from gateway.notify.channels.mqtt import MqttChannel
from gateway.notify.channels.sms import HttpSmsChannel
from gateway.notify.channels.telegram import TelegramApi, TelegramChannel
from gateway.notify.channels.voice import VoiceChannel
from gateway.notify.sms_answers import SmsAnswers
from gateway.notify.telegram_answers import HOLD_S, TelegramAnswers
from gateway.notify.template import Template
from gateway.settings.providers import Inbound, Voice
from simulators.carer import CHARACTERS, Carer, Character, Outcome, Visit
from simulators.link import Broker
from simulators.messaging import Messaging
from simulators.pace import Pace
from simulators.ways import Chat, Pager, Telephones, Visits
from tests.brokers import free_port, run_nats
from tests.gateway.notify.conftest import START, House, index_of

NUMBER = "+35679000000"
WAYS = {"sms": NUMBER, "voice": NUMBER, "telegram": "1234", "mqtt": "pagers/nora"}


def carer(character: Character) -> Carer:
    return Carer(rng=Random(1), manners=CHARACTERS[character], pace=Pace(START, speed=math.inf))


class Town:
    """nora's telephone, chat and pager, and the gateway's parts that speak to them."""

    def __init__(self, house: House, folder: Path, character: Character) -> None:
        self.house, self.folder, self.character = house, folder, character
        self.telephones = Telephones({NUMBER: carer(character)})
        self.chat = Chat({1234: carer(character)})
        self.pager: Pager
        house.fake("a")
        house.fake("boss")

    def visits(self, way: str) -> list[Visit]:
        found: dict[str, Visits] = {"telegram": self.chat, "mqtt": self.pager}
        return found.get(way, self.telephones).visits

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        house, port = self.house, free_port()
        base_url = f"http://127.0.0.1:{port}"
        house.links = Links(base_url, "not a secret", house.clock)
        provider = Messaging(rng=Random(1), pace=Pace(START, speed=1000), on_message=self.telephones.ring)
        self.telephones.provider = provider
        self.telephones.inbound_url = f"{base_url}/sms/guess-me-not"
        body = {"to": "{to}", "text": "{text}", "id": "{id}"}
        async with contextlib.AsyncExitStack() as stack:
            api = await stack.enter_async_context(provider.running())
            chat = await stack.enter_async_context(self.chat.running())
            broker = await stack.enter_async_context(run_nats(self.folder / "broker"))
            options = BrokerOptions(host="127.0.0.1", port=broker.port, client_id="gw")
            publisher = await stack.enter_async_context(Publisher(options))
            sms = HttpSmsChannel(Template(url=f"{api}/sms", body=body, id_pointer="/id"), receipt_url=str, timeout_s=30)
            voice = VoiceChannel(
                Template(url=f"{api}/voice", body=body | {"answer_url": "{answer_url}"}, id_pointer="/id"),
                answer_url=partial(house.links.callback, "voice"), receipt_url=str, timeout_s=30,
            )  # fmt: skip
            telegram = TelegramChannel(TelegramApi(server=chat, token="t"))
            for channel in (sms, voice, telegram, MqttChannel(publisher)):
                house.channels[channel.name] = channel
                stack.push_async_callback(channel.close)
            await stack.enter_async_context(house.running())
            answering = Answering(writer=house.writer, index=lambda: house.index, clock=house.clock)
            answers = SmsAnswers(answering, partial(say_by_sms, sms, house.clock, answering), house.path)
            stack.callback(answers.close)
            inbound = Inbound(sender="From", text="Body", id="MessageSid")
            inbound.keep_secret(SecretStr("guess-me-not"))
            calls = voice_route(
                Voice(url=f"{api}/voice", form={}), links=house.links, db=lambda: house.db, answering=answering,
                report=house.dispatcher.receipt, clock=house.clock,
            )  # fmt: skip
            app = Litestar([sms_route(inbound, answers), calls], openapi_config=None)
            app.state[STOPPING] = asyncio.Event()
            ready = asyncio.Event()
            line = AnswerLine(
                options, site="haven", publisher=publisher, answering=answering, clock=house.clock, path=house.path
            )
            fetching = TelegramAnswers(TelegramApi(server=chat, token="t", hold_s=HOLD_S), answering, SystemClock())
            tasks = [
                asyncio.create_task(serve(app, "127.0.0.1", port, on_ready=lambda *_: ready.set())),
                asyncio.create_task(line.run()),
                asyncio.create_task(fetching.run()),
            ]
            self.pager = Pager(
                Broker(port=broker.port), site="haven", carer_id="nora", carer=carer(self.character), topic=WAYS["mqtt"]
            )
            await ready.wait()
            await self.pager.start_listening()
            await house.sees(lambda: line.source.connected)
            try:
                yield
            finally:
                await self.pager.stop_listening()
                await self.telephones.stop()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def said(house: House, alert: int) -> list[tuple[str, str | None, str | None]]:
    return [(line.event, line.who, line.via) for line in queries.history(house.db, alert) if line.who]


@pytest.mark.parametrize("way", WAYS)
async def test_a_carer_goes_by_each_way(house: House, tmp_path: Path, way: str) -> None:
    town = Town(house, tmp_path, Character.ANSWERS)
    house.index = index_of(nora=[(way, WAYS[way])])
    async with town.running():
        alert = await house.fall()
        await house.expect(lambda: town.visits(way))
        events = ["acknowledge", "arrive", "close"]
        # nobody closes by SMS or a key, and a chat has two buttons
        expected = {"mqtt": 3, "telegram": 1}.get(way, 2)
        assert said(house, alert) == [(event, "nora", way) for event in events[:expected]]
        [visit] = town.visits(way)
        assert [outcome for _, outcome in visit.steps[:expected]] == [Outcome.TAKEN] * expected
        assert len(visit.steps) == min(3, expected + 1)


@pytest.mark.parametrize("way", WAYS)
async def test_a_carer_declines_by_each_way_and_the_failsafe_is_told(house: House, tmp_path: Path, way: str) -> None:
    town = Town(house, tmp_path, Character.DECLINES)
    house.index = index_of(nora=[(way, WAYS[way])])
    async with town.running():
        alert = await house.fall()
        await house.expect(lambda: town.visits(way))
        assert said(house, alert) == [("decline", "nora", way)]
        await house.expect(lambda: house.rows("carer = 'boss' AND state = 'sent'"))


async def test_a_carer_who_ignores_it_answers_nothing(house: House, tmp_path: Path) -> None:
    town = Town(house, tmp_path, Character.IGNORES)
    house.index = index_of(nora=[("sms", NUMBER)])
    async with town.running():
        alert = await house.fall()
        await house.expect(lambda: town.telephones.visits)
        assert town.telephones.visits[0].steps == ((None, Outcome.NOT_SEEN),)
        assert said(house, alert) == []


def test_the_late_one_comes_after_the_promise() -> None:
    assert CHARACTERS[Character.LATE].arrive_after_s[0] > 10 * 60
