"""kill -9 in the middle of thousands of messages, ten times: nothing lost, everybody told, hardly anybody twice."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from gateway.clock import monotonic
from tests.brokers import PROMPT_CONFIG, Broker, needs_mosquitto, run_mosquitto, run_nats, send, until
from tests.faults.harness.book import Book
from tests.faults.harness.process import daemon_of
from tests.faults.harness.receivers import Ear, Web
from tests.faults.harness.ward import DAY_S, SITE, apply, mixed, write_centre, write_config

KILLS = {"mosquitto": 10, "nats": 5}
"""Ten for the broker that care centres run; starting the daemon again is most of what this test costs."""

SHARE = 1_000
"""Messages in each life of the daemon."""

RESIDENTS = 200
SEED = 20260301
MORE_WORKERS = re.compile(r"workers=(\d+) event=notify\.more_workers")


QUICK_CONFIG = PROMPT_CONFIG.replace("autosave_on_changes true", "autosave_on_changes false")
"""Here only the gateway is killed: a broker that writes its whole store at every change would take most of the time,
and reads acknowledgements so late that it has not heard them when the gateway is gone."""


@contextlib.asynccontextmanager
async def broker_of(kind: str, folder: Path) -> AsyncIterator[Broker]:
    async with run_nats(folder) if kind == "nats" else run_mosquitto(folder, QUICK_CONFIG) as broker:
        yield broker


def on_their_way(log: str) -> int:
    """How many messages a life of the daemon sent at the same time, at most: so many may be repeated after its end.

    One, unless the machine was so busy that a send took half a second (docs/adr/0006-delivery.md, 4).
    """
    return max([1, *map(int, MORE_WORKERS.findall(log))])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "protocol"),
    [pytest.param("nats", "3.1.1", id="nats-3.1.1"), pytest.param("mosquitto", "5", marks=needs_mosquitto)],
)
async def test_kills_in_the_middle_of_thousands_of_messages(kind: str, protocol: str, tmp_path: Path) -> None:
    rng = Random(SEED)
    kills, share = KILLS[kind], SHARE
    count = kills * share
    messages = mixed(RESIDENTS, count, seed=SEED)
    web = Web()
    began = monotonic()
    moments: list[int] = []
    restarts: list[float] = []
    doubt: list[int] = []
    async with broker_of(kind, tmp_path / "broker") as broker, web.running():
        centre = write_centre(
            tmp_path, residents=RESIDENTS, carers={"desk": [("webhook", web.url)]}, steps=[(["desk"], DAY_S)],
            failsafe=["desk"],
        )  # fmt: skip
        config = write_config(tmp_path, port=broker.port, protocol=protocol)
        await apply(centre, config)
        book = Book(tmp_path / "data")
        async with Ear(broker.port, f"telecare/{SITE}/+/ack") as ear, daemon_of(config) as daemon:
            for number in range(kills):
                part = messages[number * share : (number + 1) * share]
                if number == 0:
                    sending = asyncio.create_task(send(broker.port, part))
                else:
                    # half of it waits at the broker when the daemon comes back, half comes while it works
                    await send(broker.port, part[: share // 2])
                    again = monotonic()
                    web.life += 1  # only now: a busy machine hands over the last requests of the life before late
                    await daemon.start()
                    restarts.append(monotonic() - again)
                    sending = asyncio.create_task(send(broker.port, part[share // 2 :]))
                before = number * share
                wanted = before + rng.randrange(1, share * 9 // 10)
                await until(lambda: book.frames() >= wanted, what=f"{wanted} messages in the store")  # noqa: B023
                await asyncio.sleep(rng.uniform(0, 0.03))
                await daemon.kill()
                doubt.append(on_their_way(daemon.said()))
                await sending
                moments.append(book.frames() - before)
                await asyncio.sleep(0.1)  # what was sent before the end is heard by now
                assert ear.ids() <= book.stored_ids(), "acknowledged, and not stored"
            web.life += 1
            await daemon.start()
            await until(lambda: book.frames() >= count, what="every message in the store")
            await until(lambda: book.waiting() == 0, what="everything sent")
            # Every press is said once and never again: a device that waits for its acknowledgement must get it.
            pressed = {f"press-{SEED}-{n}" for n in range(RESIDENTS // 2)}
            await until(lambda: ear.ids() >= pressed, what="an acknowledgement of every press")
            await daemon.stop()
            doubt.append(on_their_way(daemon.said()))

    log = daemon.log.read_text()
    stored = Counter(book.payloads())
    redelivered = book.number("SELECT sum(redelivered) FROM journal")
    deliveries = web.times()
    twice = web.repeated_by_life()
    told = {one.data["alert"] for one in web.deliveries}
    print(
        f"\n{kind} {protocol}: {count} messages, {kills} kills, after {moments} of {share} messages; "
        f"stored {len(stored)}, lost {count - len(stored)}, "
        f"twice in the journal {sum(stored.values()) - len(stored)}, "
        f"redelivered {redelivered}; alerts {len(book.alerts())}, told {len(told)}; notifications {len(deliveries)}, "
        f"told twice {sum(twice.values())} (by life {dict(twice)}, at most {max(doubt)} at a time); "
        f"restart to connected {max(restarts):.1f} s at most; {monotonic() - began:.0f} s in all"
    )
    assert stored == Counter(payload for _, payload in messages), "each message once, and no other"
    assert not book.quarantine()
    incidents = Counter((row["resident"], row["rule"]) for row in book.alerts())
    expected = {(f"r{n}", "help" if n < RESIDENTS // 2 else "zone_exit"): 1 for n in range(RESIDENTS)}
    assert incidents == expected, "one alert for each who pressed or left"
    assert told == {row["id"] for row in book.alerts()}, "every alert told"
    assert all(count <= doubt[life] for life, count in twice.items()), f"more than were on their way: {twice}, {doubt}"
    assert web.forged == 0
    assert "_failed" not in log, log[log.index("_failed") - 500 :][:1000]
    assert book.is_sound()
