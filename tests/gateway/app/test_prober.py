"""The prober: when it tells people, and a round trip through the whole gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime
from itertools import product
from pathlib import Path

import httpx
import pytest

from gateway.alerts import queries
from gateway.app import backlog
from gateway.app.gateway import Gateway
from gateway.app.outage import TABLE, TO_SAY, Event, Outage, Stand
from gateway.app.prober import Prober
from gateway.app.shout import Tried, Words
from gateway.clock import ManualClock, SystemClock
from gateway.notify.channel import Outgoing, Sent, TemporaryFailure
from gateway.notify.channels.log import LogChannel
from gateway.settings import model
from gateway.store import probes
from gateway.store.database import FILE, prepare, reader
from simulators.link import Broker as SimulatedBroker
from simulators.prober import Outcome, Probed, ask
from tests.brokers import PATIENCE_S, Broker, free_port, nats_broker, until  # noqa: F401 - one is a fixture
from tests.gateway.cli.desk import telecare
from tests.gateway.pipeline.chain import START, applied
from tests.gateway.pipeline.test_probes import with_probe

HEARD = Probed(outcome=Outcome.ACKNOWLEDGED, round_trip_ms=12.5)
MISSED = Probed(outcome=Outcome.NOT_ACKNOWLEDGED)
AWAY = Probed(outcome=Outcome.NO_BROKER)


def test_the_table_has_every_pair_that_can_happen() -> None:
    asked = {Event.ANSWERED, Event.MISSED, Event.MISSED_ENOUGH}
    assert set(TABLE) == {*product(Stand, asked), *product(TO_SAY, {Event.REACHED})}
    with pytest.raises(KeyError):
        Outage().reached()


class Desk:
    """A prober whose answers, ways to people and watcher are in the test's hand."""

    def __init__(self, folder: Path, *, enough: int = 3) -> None:
        self.clock = ManualClock(START)
        self.folder = folder
        self.told: list[Words] = []
        self.tries = [Tried("smtp", "sam", None), Tried("log", "sam", None)]
        self.pings = 0
        self.broken_ping = False
        self.before: list[float | None] = []
        self.answer = HEARD
        self._enough = enough
        self.begin()

    def begin(self) -> None:
        self.prober = Prober(
            ask=self._ask, tell=self._tell, ping=self._ping, clock=self.clock, every_s=60, enough=self._enough,
            folder=self.folder,
        )  # fmt: skip

    async def _ask(self, _at: datetime, before_ms: float | None) -> Probed:
        self.before.append(before_ms)
        return self.answer

    async def _tell(self, words: Words) -> list[Tried]:
        self.told.append(words)
        return self.tries

    async def _ping(self) -> None:
        self.pings += 1
        if self.broken_ping:
            raise TemporaryFailure("status 503")

    async def probe(self, answer: Probed, times: int = 1) -> list[str]:
        """That answer, so many times; what was said by then."""
        self.answer = answer
        for _ in range(times):
            await self.prober.once()
            self.clock.move(60)
        return [words.purpose for words in self.told]


async def test_people_are_told_once_and_once_when_it_is_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert await desk.probe(HEARD) == []
    assert await desk.probe(MISSED, 2) == []
    assert await desk.probe(HEARD) == []  # not three in a row
    assert await desk.probe(MISSED, 2) == []
    assert await desk.probe(MISSED) == ["alert"]
    assert desk.told[0].times["since"] == START.replace(minute=4)  # the first of the three
    assert await desk.probe(MISSED, 20) == ["alert"]
    assert await desk.probe(HEARD) == ["alert", "cleared"]
    assert await desk.probe(HEARD, 5) == ["alert", "cleared"]
    assert await desk.probe(MISSED, 3) == ["alert", "cleared", "alert"]


async def test_until_somebody_is_reached_it_is_tried_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, enough=1)
    desk.tries = [Tried("smtp", "sam", "TemporaryFailure"), Tried("log", "sam", None)]  # the log wakes nobody
    assert await desk.probe(MISSED, 2) == ["alert", "alert"]
    desk.tries = [Tried("smtp", "sam", None), Tried("log", "sam", None)]
    assert await desk.probe(MISSED, 5) == ["alert"] * 3
    desk.tries = []
    assert await desk.probe(HEARD, 2) == [*["alert"] * 3, "cleared", "cleared"]
    assert await desk.probe(MISSED) == [*["alert"] * 3, "cleared", "cleared"]  # what they know last is true again
    desk.tries = [Tried("log", "sam", None)]  # there is nothing but the log
    assert await desk.probe(HEARD, 3) == [*["alert"] * 3, *["cleared"] * 3]


async def test_where_nobody_heard_of_it_nobody_hears_that_it_is_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path, enough=1)
    desk.tries = []
    await desk.probe(MISSED)
    assert await desk.probe(HEARD, 2) == ["alert"]


async def test_a_prober_that_starts_anew_knows_what_people_know(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "made", enough=1)
    await desk.probe(MISSED)
    desk.begin()
    assert await desk.probe(MISSED, 3) == ["alert"]
    desk.begin()
    assert await desk.probe(HEARD) == ["alert", "cleared"]
    assert desk.told[-1].times["since"] == START
    desk.begin()
    assert await desk.probe(HEARD) == ["alert", "cleared"]
    (tmp_path / "made" / "probe-told").write_text("not a time")
    desk.begin()
    assert await desk.probe(HEARD) == ["alert", "cleared"]


async def test_the_words_say_what_is_known(tmp_path: Path) -> None:
    said = {}
    for outcome in (Outcome.NO_BROKER, Outcome.REFUSED, Outcome.NOT_ACKNOWLEDGED, Outcome.NOT_TAKEN):
        desk = Desk(tmp_path / outcome, enough=1)
        await desk.probe(Probed(outcome=outcome))
        said[outcome] = desk.told[0].body
    assert "only the probe is cut off" in said[Outcome.NO_BROKER]
    assert "Alarms may still be heard" in said[Outcome.REFUSED]
    assert "alarms may not be heard" in said[Outcome.NOT_ACKNOWLEDGED]
    assert said[Outcome.NOT_TAKEN] == said[Outcome.NOT_ACKNOWLEDGED]


async def test_somebody_outside_hears_of_each_answer_and_of_nothing_else(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.probe(HEARD, 2)
    await desk.probe(AWAY, 4)
    assert desk.pings == 2
    desk.broken_ping = True  # which is no reason to tell anybody
    await desk.probe(HEARD)
    assert desk.pings == 3
    assert desk.before == [None, 12.5, 12.5, None, None, None, None]


async def test_it_asks_again_after_a_while(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    task = asyncio.create_task(desk.prober.run())
    await until(lambda: len(desk.before) == 1)
    desk.clock.move(59)
    await asyncio.sleep(0)
    assert len(desk.before) == 1
    desk.clock.move(1)
    await until(lambda: len(desk.before) == 2)
    task.cancel()


class Heard(LogChannel):
    """The terminal, listened to."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Outgoing] = []

    async def send(self, message: Outgoing) -> Sent:
        self.messages.append(message)
        return Sent()


@asynccontextmanager
async def running(settings: model.Settings) -> AsyncIterator[Gateway]:
    """The gateway in this process, ready to hear."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    gateway = Gateway(settings, on_ready=lambda at: ready.set_result(at.console), log=Heard())
    task = asyncio.create_task(gateway.run())
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    assert ready.done(), task
    try:
        async with httpx.AsyncClient(base_url=ready.result()) as client:
            # what is published to a new broker before somebody subscribed is kept for nobody
            async with asyncio.timeout(PATIENCE_S):
                while not all(
                    lane.get("connected", True) for lane in (await client.get("/healthz")).json()["lanes"].values()
                ):
                    await asyncio.sleep(0.02)
        yield gateway
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_round_trip_through_the_whole_gateway(
    tmp_path: Path,
    nats_broker: Broker,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Heard while it runs; stopped, told once; back, told once; and no alert of it ever."""
    monkeypatch.setattr(backlog, "PATIENCE_S", 0.0)
    data = tmp_path / "data"
    prepare(data / FILE)
    applied(data / FILE, with_probe(), ManualClock(SystemClock().now()))
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\ndata = "data"\n[broker]\nhost = "127.0.0.1"\nport = {nats_broker.port}\nprotocol = "3.1.1"\n'
        f"[probe]\nwithin_s = 20\n"
    )
    settings = model.Settings(
        gateway=model.Gateway(data=data),
        broker=model.Broker(host="127.0.0.1", port=nats_broker.port, protocol="3.1.1"),
        console=model.Console(port=0),
    )
    desk = Desk(tmp_path, enough=2)
    broker, limit = SimulatedBroker(port=nats_broker.port), 20.0

    async def really(at: datetime, before_ms: float | None) -> Probed:
        return await ask(broker, site="haven", device="gate", at=at, within_s=limit, before_ms=before_ms)

    desk.prober = Prober(
        ask=really, tell=desk._tell, ping=None, clock=SystemClock(), every_s=60, enough=2, folder=tmp_path
    )
    async with running(settings):
        first = await desk.prober.once()
        assert first.outcome is Outcome.ACKNOWLEDGED
        await desk.prober.once()
        with closing(reader(data / FILE)) as db:  # committed before it was acknowledged
            heard = probes.last(db, "gate")
        assert heard is not None
        assert heard.round_trip_ms == first.round_trip_ms
        ran = await asyncio.to_thread(telecare, "probe", "--once", "--json", "--config", config)
        assert (ran.code, ran.json()[0]["outcome"]) == (0, "acknowledged"), ran.err
    limit = 0.3
    assert [(await desk.prober.once()).outcome for _ in range(2)] == [Outcome.NOT_ACKNOWLEDGED] * 2
    assert [words.purpose for words in desk.told] == ["alert"]
    limit = 20.0
    async with running(settings):
        assert (await desk.prober.once()).outcome is Outcome.ACKNOWLEDGED
    assert [words.purpose for words in desk.told] == ["alert", "cleared"]
    with closing(reader(data / FILE)) as db:
        alerts = queries.alerts(db, queries.Filter())
    assert [alert.rule for alert in alerts if "outside" in {alert.device, alert.subject}] == []


async def test_without_a_broker_it_says_so(tmp_path: Path) -> None:
    nobody = SimulatedBroker(port=free_port())
    probed = await ask(nobody, site="haven", device="gate", at=START, within_s=0.3)
    assert probed == AWAY
