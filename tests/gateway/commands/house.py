"""A centre with devices that can be told something, its store, and a publisher that notes what it was given."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from devices.model import Frame
from gateway.centre.index import CentreIndex
from gateway.centre.model import Assignment, Centre, Device
from gateway.clock import ManualClock
from gateway.commands import queue
from gateway.commands.queue import Command, Wanted
from gateway.commands.ways import CommandOptions
from gateway.errors import BrokerError
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import TELEMETRY, Pipeline
from gateway.store.database import FILE, connect, prepare, reader
from gateway.store.writer import Tx, write_now
from tests.gateway.pipeline.chain import DEMO, START, applied

T = TypeVar("T")

OPTIONS = CommandOptions(tts_application="haven@ttn", chirpstack_application="2c6b0000-0000-4000-8000-00000000a901")

_MORE: list[dict[str, Any]] = [
    {
        "id": "abeeway", "type": "tracker", "format": "tts", "address": "abeeway-1", "commands": ["locate", "ring"],
        "downlinks": {
            "locate": {"port": 2, "payload": "0201"},
            "ring": {"port": 2, "payload": "0A", "confirmed": False},
        },
    },
    {
        "id": "at101", "type": "tracker", "format": "chirpstack", "address": "24E124FFFEF00001", "commands": ["locate"],
        "downlinks": {"locate": {"port": 85, "payload": "FF03"}},
    },
    {"id": "lamp", "type": "other", "format": "zigbee2mqtt", "address": "lamp-101"},
    {"id": "dimmer", "type": "lamp", "format": "zigbee2mqtt"},
    {
        "id": "siren", "type": "other", "format": "zigbee2mqtt", "address": "siren", "commands": ["ring"],
        "downlinks": {"ring": {"set": {"warning": {"mode": "emergency", "duration": 10}}}},
    },
    {"id": "mute", "type": "tracker", "format": "native", "address": "mute", "commands": []},
]  # fmt: skip


def with_commands(centre: Centre = DEMO) -> Centre:
    """The demo centre and devices of every format that can be told something; nobody wears these."""
    return centre.model_copy(update={"devices": (*centre.devices, *map(Device.model_validate, _MORE))})


def consenting(centre: Centre, resident: str, location: str) -> Centre:
    """The centre in which that resident agreed to that much."""
    plans = tuple(
        plan.model_copy(update={"consents": plan.consents.model_copy(update={"location": location})})
        if plan.resident == resident
        else plan
        for plan in centre.care_plans
    )
    return centre.model_copy(update={"care_plans": plans})


class Desk:
    """Asks for commands on a real store."""

    def __init__(self, folder: Path, centre: Centre | None = None) -> None:
        self.path = folder / FILE
        self.clock = ManualClock(START)
        prepare(self.path)
        self.index: CentreIndex = applied(self.path, centre or with_commands(), self.clock)
        self._frames = 0

    def write(self, work: Callable[[Tx], T]) -> T:
        return write_now(self.path, work, clock=self.clock)

    def ask(self, device: str, command: Any, options: CommandOptions = OPTIONS, **more: Any) -> Command:
        given = {"who": "nora", "why": "She can't find it.", **more}
        wanted = Wanted(device=device, command=command, **given)
        return self.write(lambda tx: queue.request(tx, self.index, options, wanted))

    def command(self, number: str) -> Command:
        with self.db() as db:
            return queue.command(db, number)

    def db(self) -> "closing[sqlite3.Connection]":
        return closing(reader(self.path))

    def audited(self) -> list[tuple[str | None, str, str, dict[str, Any]]]:
        with self.db() as db:
            rows = db.execute(
                "SELECT who, action, object, detail FROM audit WHERE action LIKE 'command.%' ORDER BY seq"
            )
            return [(row[0], row[1], row[2], json.loads(row[3])) for row in rows]

    def comes(self, topic: str, payload: Any, *, form: str = "native") -> None:
        """A message, through the real pipeline."""
        self._frames += 1
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        receipt = Receipt(Frame(topic=topic, payload=data, received_at=self.clock.now()), form, 7, 1)
        with closing(connect(self.path)) as db:
            pipeline = Pipeline(db, lambda: self.index)
            self.write(lambda tx: pipeline.take(tx, [receipt], lane=TELEMETRY))


class Post:
    """A publisher that notes what it was given, or fails when told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.fails = False

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, timeout_s: float = 5.0
    ) -> None:
        if self.fails:
            raise BrokerError("broker 127.0.0.1:1883: not there")
        assert (qos, retain) == (1, False)
        self.sent.append((topic, json.loads(payload)))


def worn(device: str, resident: str) -> Assignment:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return Assignment.model_validate({"device": device, "resident": resident, "from": start})
