"""A house with three carers, a database, a writer that runs, and channels that do what a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.alerts.desk import raise_incident
from gateway.alerts.model import Incident, Told
from gateway.centre.index import CentreIndex
from gateway.centre.model import CarePlan, Carer, Centre, Contact, Policy, Resident, Site, Step
from gateway.clock import Clock, ManualClock
from gateway.links import Links
from gateway.notify.channel import Channel, Outgoing, Sent
from gateway.notify.dispatcher import Dispatcher
from gateway.store.database import prepare, reader
from gateway.store.writer import Tx, Writer
from rules.model import Priority, Reason
from tests.brokers import PATIENCE_S

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _contact(channel: str, address: str) -> Contact:
    values: dict[str, Any] = {"channel": channel, "address": address}  # channels that no centre file knows
    return Contact.model_construct(**values)


def index_of(**carers: list[tuple[str, str]]) -> CentreIndex:
    """A centre where ``nora`` is told first, then ``sam``, and ``boss`` is the failsafe; contacts as given."""
    contacts = {"nora": [("a", "nora-1"), ("b", "nora-2")], "sam": [("a", "sam-1")], "boss": [("boss", "boss-1")]}
    contacts.update(carers)
    people = tuple(
        Carer(
            id=name,
            name=f"{name.title()} Borg",
            language="de" if name == "sam" else "en",
            contacts=tuple(_contact(*way) for way in ways),
        )
        for name, ways in contacts.items()
    )
    policy = Policy(id="standard", steps=(Step(to=("nora",), wait_s=3600),), failsafe=("boss",))
    return CentreIndex(
        Centre(
            centre=Site(id="haven", name="Haven House", timezone="Europe/Malta"),
            residents=(Resident(id="r01", name="Carmen Vella", room="101", note="Has a walker."),),
            carers=people,
            policies=(policy,),
            care_plans=(CarePlan(resident="r01", policy="standard"),),
        )
    )


class FakeChannel:
    """Keeps what it is given; ``script`` decides what happens to it."""

    def __init__(self, name: str, *, workers: int = 4, timeout_s: float = 5.0) -> None:
        self.name = name
        self.workers = workers
        self.timeout_s = timeout_s
        self.heard: list[Outgoing] = []
        self.script: Callable[[Outgoing], Any] | None = None

    def destination(self, address: str) -> str:
        return address.partition("@")[2]

    async def send(self, message: Outgoing) -> Sent:
        self.heard.append(message)
        if self.script is not None:
            await self.script(message)
        return Sent(f"provider-{message.notification}")

    async def close(self) -> None:
        return


class House:
    """A running dispatcher, and what a test asks of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gateway.db"
        self.clock = ManualClock(START)
        self.index = index_of()
        self.channels: dict[str, Channel] = {}
        self.links = Links("https://care.example.org", "not a secret", self.clock)
        self.writer: Writer
        self.dispatcher: Dispatcher
        prepare(self.path)
        self.db = reader(self.path)

    def fake(self, name: str, **options: Any) -> FakeChannel:
        channel = FakeChannel(name, **options)
        self.channels[name] = channel
        return channel

    @contextlib.asynccontextmanager
    async def running(self, owner: str = "this", **options: Any) -> AsyncIterator[None]:
        """Writer and dispatcher at work."""
        self.writer = Writer(self.path, clock=self.clock, owner=owner)
        self.dispatcher = Dispatcher(
            writer=self.writer,
            channels=self.channels,
            index=lambda: self.index,
            links=self.links,
            clock=self.clock,
            path=self.path,
            owner=owner,
            random=Random(1),
            **({"parting_s": 0.0} | options),
        )
        writing = asyncio.create_task(self.writer.run())
        sending = asyncio.create_task(self.dispatcher.run())
        try:
            yield
        finally:
            for task in (sending, writing):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def fall(self, number: int = 0) -> int:
        """A resident fell; returns the alert."""
        return (await self.writer.write(lambda tx: self.raise_in(tx, number))).alert

    def raise_in(self, tx: Tx, number: int = 0) -> Told:
        incident = Incident(
            rule="fall",
            rule_key="fall",
            subject=str(number),
            priority=Priority.HIGH,
            reason=Reason("A fall was detected."),
            happened_at=tx.now - timedelta(seconds=2),
            resident="r01",
            device="gps-r01",
        )
        return raise_incident(tx, self.index, incident)

    def rows(self, where: str = "1") -> list[dict[str, Any]]:
        return [dict(row) for row in self.db.execute(f"SELECT * FROM notifications WHERE {where} ORDER BY id")]

    def states(self) -> list[tuple[str, int, str, str]]:
        return [(row["carer"], row["contact"], row["purpose"], row["state"]) for row in self.rows()]

    async def expect(self, condition: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
        """Wait until something is true, and until the writer has told everybody; the clock does not move."""
        await self.sees(condition, limit_s)
        if not self.writer.failed:
            await self.settled()

    async def sees(self, condition: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
        """Wait until something is true, and write nothing."""
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.005)

    async def forward(self, seconds: float) -> None:
        """Let time pass, second by second, with room for what is due."""
        for _ in range(round(seconds)):
            self.clock.move(1)
            await self.settled()

    async def settled(self) -> None:
        """Until what is due was found and sent: each empty write comes back after those that wait before it."""
        for _ in range(2):
            for _ in range(20):
                await asyncio.sleep(0)
            await self.writer.write(lambda tx: None)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def outgoing(clock: Clock, address: str, **changes: Any) -> Outgoing:
    """A message as a channel gets it."""
    values: dict[str, Any] = {
        "notification": 7, "idempotency": "a1b2c3", "alert": 3, "purpose": "alert", "address": address, "carer": "nora",
        "language": "en", "title": "!!! Room 101: Fall", "body": "Act now. Since 10:30.",
        "link": "https://care.example.org/a/token", "link_words": "See more and answer", "site": "haven",
        "resident": "r01", "room": "101", "device": "gps-r01", "rule": "fall", "priority": "high",
        "raised_at": START, "observed_at": START - timedelta(seconds=2), "now": clock.now(),
    }  # fmt: skip
    return Outgoing(**(values | changes))
