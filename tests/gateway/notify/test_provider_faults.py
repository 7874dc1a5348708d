"""What providers do, one fault after the other, against the real dispatcher; real HTTP, and time moved by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from random import Random
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.console.deps import STOPPING
from gateway.console.server import serve
from gateway.links import Links
from gateway.notify.callbacks import receipts_route
from gateway.notify.channels.sms import HttpSmsChannel
from gateway.notify.http import BODY_WITHIN_S
from gateway.notify.states import Event, State
from gateway.notify.template import Template
from gateway.settings.providers import Receipts
from simulators.messaging import Conduct, Fate, Messaging
from simulators.pace import Pace
from tests.brokers import free_port
from tests.gateway.notify.conftest import START, FakeChannel, House, index_of

NUMBER = "+35679000000"
RANK = {None: 0, State.SENT: 1, State.DELIVERED: 2, State.READ: 3}


class Sms:
    """A house that tells nora by SMS and then by ``b``; its provider; and what its receipts made of the states."""

    def __init__(self, house: House, seed: int = 1) -> None:
        self.house = house
        self.port = free_port()
        house.links = Links(f"http://127.0.0.1:{self.port}", "not a secret", house.clock)
        house.index = index_of(nora=[("sms", NUMBER), ("b", "nora-2")])
        self.b: FakeChannel = house.fake("b")
        self.boss: FakeChannel = house.fake("boss")
        self.provider = Messaging(rng=Random(seed), pace=Pace(START, speed=1000))
        self.seen: list[str] = []

    def does(self, fate: Fate, **options: Any) -> None:
        self.provider.conduct = Conduct(weights={fate: 1.0}, **options)

    def states(self) -> list[tuple[str, int, str]]:
        return [(carer, contact, state) for carer, contact, _, state in self.house.states()]

    @contextlib.asynccontextmanager
    async def running(self, *, timeout_s: float = 60.0) -> AsyncIterator[None]:
        house = self.house
        async with self.provider.running() as base:
            template = Template(
                url=f"{base}/sms",
                body={"to": "{to}", "text": "{text}", "id": "{id}", "receipt_url": "{receipt_url}"},
                success=(202,),
                id_pointer="/id",
            )
            receipt = partial(house.links.callback, "receipt")
            channel = house.channels["sms"] = HttpSmsChannel(template, receipt_url=receipt, timeout_s=timeout_s)
            async with house.running():
                ways = {"sms": Receipts(state="MessageStatus", read=("read",))}
                app = Litestar([receipts_route(ways, house.links, lambda: house.db, self._report)], openapi_config=None)
                app.state[STOPPING] = asyncio.Event()
                ready = asyncio.Event()
                serving = asyncio.create_task(serve(app, "127.0.0.1", self.port, on_ready=lambda *_: ready.set()))
                await ready.wait()
                try:
                    yield
                finally:
                    serving.cancel()
                    await asyncio.gather(serving, return_exceptions=True)
            await channel.close()

    async def _report(self, number: int, event: Event, detail: str | None) -> State | None:
        found = await self.house.dispatcher.receipt(number, event, detail)
        self.seen.append(self.house.rows(f"id = {number}")[0]["state"])
        return found


@pytest.fixture
def sms(house: House) -> Sms:
    return Sms(house)


async def test_hanging_the_next_contact_is_told_after_ten_seconds(sms: Sms) -> None:
    sms.does(Fate.HANGING)
    async with sms.running():
        await sms.house.fall()
        await sms.house.expect(lambda: sms.provider.attempts)
        await sms.house.forward(9)
        assert sms.states() == [("nora", 0, "pending")]
        await sms.house.forward(2)
        await sms.house.expect(lambda: sms.states() == [("nora", 0, "pending"), ("nora", 1, "sent")])
        assert len(sms.b.heard) == 1
        assert not sms.boss.heard, "one carer who was told is enough"


async def test_throttled_its_wait_is_kept_and_the_next_contact_is_told_at_once(sms: Sms) -> None:
    sms.does(Fate.THROTTLING, retry_after_s=100)
    async with sms.running():
        await sms.house.fall()
        await sms.house.expect(lambda: sms.states() == [("nora", 0, "failed_for_now"), ("nora", 1, "sent")])
        assert sms.house.clock.now() == START, "whoever says 100 s need not be waited for"
        sms.does(Fate.SILENT)
        await sms.house.forward(98)
        assert len(sms.provider.attempts) == 1, "not once before its time"
        await sms.house.forward(4)
        await sms.house.expect(lambda: sms.states()[0] == ("nora", 0, "sent"))
        assert [fate for _, fate in sms.provider.attempts] == [Fate.THROTTLING, Fate.SILENT]
        assert len(sms.b.heard) == 1


async def test_throttled_for_a_moment_wakes_nobody_else(sms: Sms) -> None:
    sms.does(Fate.THROTTLING, retry_after_s=3)
    async with sms.running():
        await sms.house.fall()
        await sms.house.expect(lambda: sms.states() == [("nora", 0, "failed_for_now")])
        sms.does(Fate.SILENT)
        await sms.house.forward(2)
        assert len(sms.provider.attempts) == 1
        await sms.house.forward(2)
        await sms.house.expect(lambda: sms.states() == [("nora", 0, "sent")])
        await sms.house.forward(20)
    assert (len(sms.b.heard), len(sms.boss.heard)) == (0, 0)


async def test_a_body_that_never_ends_is_bounded_and_what_was_taken_is_not_sent_again(
    sms: Sms, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BODY_WITHIN_S < 10
    monkeypatch.setattr("gateway.notify.http.BODY_WITHIN_S", 0.2)
    sms.does(Fate.DRIPPING)
    async with sms.running():
        await sms.house.fall()
        await sms.house.expect(lambda: sms.states() == [("nora", 0, "sent")])
        await sms.house.forward(30)
    assert (len(sms.provider.messages), len(sms.b.heard)) == (1, 0)


async def test_a_slow_body_is_bounded_by_the_channels_timeout_too(sms: Sms) -> None:
    sms.does(Fate.DRIPPING)
    async with sms.running(timeout_s=0.3):
        await sms.house.fall()
        await sms.house.expect(lambda: sms.states() == [("nora", 0, "failed_for_now")])
    assert sms.house.rows()[0]["detail"] == "no answer within 0.3 s"


@pytest.mark.parametrize("seed", range(6))
async def test_receipts_in_any_order_never_move_a_state_back(house: House, seed: int) -> None:
    sms = Sms(house, seed)
    sms.does(Fate.SHUFFLED)
    async with sms.running():
        await house.fall()
        await house.expect(lambda: len(sms.provider.receipts) == 5)
    [row] = house.rows()
    assert row["state"] == "read"
    assert [status for *_, status in sms.provider.receipts] == [204] * 5
    ranks = [RANK[State(state)] for state in sms.seen]
    assert ranks == sorted(ranks)
    assert row["provider_id"] == "m-0001"


async def test_orders_differ_by_seed_and_repeat_with_it() -> None:
    async def order(seed: int) -> list[str]:
        async with Messaging(rng=Random(seed), pace=Pace(START, speed=1000)).running():
            pass
        provider = Messaging(
            rng=Random(seed), conduct=Conduct(weights={Fate.SHUFFLED: 1.0}), pace=Pace(START, speed=1000)
        )
        async with provider.running() as base, httpx.AsyncClient() as client:
            await client.post(f"{base}/sms", json={"to": "1", "text": "x", "id": "1", "receipt_url": f"{base}/nowhere"})
            async with asyncio.timeout(10):
                while len(provider.receipts) < 5:
                    await asyncio.sleep(0.005)
        return [state for _, state, _ in provider.receipts]

    orders = [await order(seed) for seed in (1, 1, 2, 3)]
    assert orders[0] == orders[1]
    assert len({tuple(found) for found in orders}) >= 2


async def test_undelivered_after_it_was_taken_makes_the_next_contact_owed_at_once(sms: Sms) -> None:
    sms.does(Fate.UNDELIVERED)
    async with sms.running():
        await sms.house.fall()
        await sms.house.expect(lambda: sms.states() == [("nora", 0, "failed_for_good"), ("nora", 1, "sent")])
        assert sms.house.rows()[0]["detail"] == "the provider says undelivered"
        assert sms.house.clock.now() == START


async def test_undelivered_by_every_contact_tells_the_failsafe(sms: Sms) -> None:
    sms.house.index = index_of(nora=[("sms", NUMBER)])
    sms.does(Fate.UNDELIVERED)
    async with sms.running():
        await sms.house.fall()
        await sms.house.expect(lambda: sms.boss.heard)
    assert sms.boss.heard[0].purpose == "undeliverable"


@pytest.mark.parametrize(
    ("fate", "state", "attempts", "others"),
    [
        (Fate.REFUSING, "failed_for_good", 1, 1),
        (Fate.FAILING, "failed_for_now", 4, 1),  # after 0, 1, 3 and 7 s, each wait a quarter more or less
        (Fate.SILENT, "sent", 1, 0),  # taken is taken: without a receipt nobody else is woken
    ],
)
async def test_refusing_failing_and_silent(sms: Sms, fate: Fate, state: str, attempts: int, others: int) -> None:
    sms.does(fate)
    async with sms.running():
        await sms.house.fall()

        def tried(number: int) -> Callable[[], bool]:
            return lambda: len(sms.provider.attempts) >= number and sms.states()[0][2] != "pending"

        for second in range(12):
            await sms.house.expect(tried({0: 1, 2: min(2, attempts), 5: min(3, attempts)}.get(second, 1)))
            await sms.house.forward(1)
        await sms.house.expect(lambda: len(sms.provider.attempts) == attempts)
        await sms.house.expect(lambda: len(sms.b.heard) == others)
    assert sms.states()[0] == ("nora", 0, state)
    assert len({number for number, _ in sms.provider.attempts}) == 1, "every attempt has the same key"
