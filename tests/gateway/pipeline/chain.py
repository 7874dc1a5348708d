"""The demo centre, a real database and a clock moved by hand: frames go in, rows and alerts come out."""

import asyncio
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from devices.model import Frame
from gateway.alerts import queries
from gateway.alerts.model import Alert
from gateway.centre.index import CentreIndex
from gateway.centre.load import load_centre
from gateway.centre.model import Assignment, Centre, Device
from gateway.clock import ManualClock
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import ALARMS, TELEMETRY, Pipeline, Taken
from gateway.store import centres
from gateway.store.database import FILE, connect, prepare, reader
from gateway.store.writer import Tx, write_now

START = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
DEMO_FILE = Path(__file__).parents[3] / "config" / "demo" / "centre.toml"
DEMO = load_centre(DEMO_FILE)

T = TypeVar("T")
_IDS = itertools.count(1)


def applied(path: Path, centre: Centre, clock: ManualClock) -> CentreIndex:
    """Put a centre in force, as the command line does."""
    write_now(path, lambda tx: centres.apply(tx, centre, who="cli:test"), clock=clock)
    return CentreIndex(centre)


def frame(
    device: str,
    kind: str,
    at: datetime,
    *,
    raw: bytes | None = None,
    dup: bool = False,
    retained: bool = False,
    resumed: bool = False,
    session: int = 1,
    **fields: Any,
) -> Receipt:
    """A native message; it gets an id of its own unless one is given."""
    payload = {"v": 1, "id": f"id-{next(_IDS)}", **fields}
    data = json.dumps(payload).encode() if raw is None else raw
    topic = f"telecare/haven/{device}/{kind}"
    made = Frame(topic=topic, payload=data, received_at=at, dup=dup, retained=retained, resumed=resumed)
    return Receipt(frame=made, format="native", packet_id=7, session=session)


def foreign(
    form: str, topic: str, payload: object, at: datetime, dup: bool = False, resumed: bool = False,
    retained: bool = False, session: int = 1,
) -> Receipt:  # fmt: skip
    """A message of another format: no ids, no application acknowledgement."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    made = Frame(topic=topic, payload=data, received_at=at, dup=dup, resumed=resumed, retained=retained)
    return Receipt(frame=made, format=form, packet_id=7, session=session)


class Chain:
    """A pipeline over a database, one batch a transaction; ``restart()`` begins its next life."""

    def __init__(self, folder: Path, centre: Centre = DEMO) -> None:
        self.path = folder / FILE
        self.clock = ManualClock(START)
        prepare(self.path)
        self.index = applied(self.path, centre, self.clock)
        self.db = connect(self.path, synchronous="OFF")
        self.pipeline = Pipeline(self.db, lambda: self.index)
        self.tick(everybody=True)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def take(self, *batch: Receipt, lane: str | None = None) -> Taken:
        """Hand in a batch; the lane is that of its first topic unless named."""
        alarm = batch[0].frame.topic.endswith(("/help", "/fall", "/event", "/events"))
        name = lane or (ALARMS if alarm else TELEMETRY)
        return self.write(lambda tx: self.pipeline.take(tx, list(batch), lane=name))

    def tick(self, *, everybody: bool = False) -> int:
        residents = list(self.index.judged) if everybody else None
        return self.write(lambda tx: self.pipeline.tick(tx, residents))

    def write(self, work: Callable[[Tx], T]) -> T:
        self.db.execute("BEGIN")
        tx = Tx(self.db, self.clock.now())
        try:
            result = work(tx)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return result

    def restart(self) -> None:
        """kill -9 and a new process: only the database is left."""
        self.pipeline = Pipeline(self.db, lambda: self.index)
        self.tick(everybody=True)

    def alerts(self, rule: str | None = None) -> list[Alert]:
        """All alerts, the oldest first."""
        found = queries.alerts(self.db, queries.Filter(rule=rule))
        return sorted(found, key=lambda alert: alert.id)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.db.execute(query, values)]

    def count(self, table: str) -> int:
        return int(self.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(reader(path)) as db:
        yield db


class ScriptedSource:
    """A lane without a network: gives the batches it was made with, and notes what is said to it."""

    def __init__(self, name: str, *batches: list[Receipt], path: Path | None = None) -> None:
        self.name = name
        self._batches = batches
        self._path = path
        self.acknowledged: list[list[Receipt]] = []
        self.published: list[tuple[str, bytes]] = []
        self.journaled_at_ack: list[int] = []
        """How many frames another connection could see when an acknowledgement was given."""
        self.said: list[str] = []
        """What was said, in its order: ``device``, ``broker``."""
        self.waiting = 0

    async def batches(self, limit: int) -> AsyncIterator[list[Receipt]]:
        for batch in self._batches:
            assert len(batch) <= limit
            yield batch

    def acknowledge(self, batch: list[Receipt]) -> None:
        self.said.append("broker")
        self.acknowledged.append(batch)
        if self._path is not None:
            with reading(self._path) as db:
                self.journaled_at_ack.append(db.execute("SELECT count(*) FROM journal").fetchone()[0])

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        self.said.append("device")
        self.published += messages


@asynccontextmanager
async def ending(task: "asyncio.Task[None]") -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def with_traccar(centre: Centre = DEMO) -> Centre:
    """The demo centre, and Carmen (r01) has a Traccar pendant too: a format whose alarms may carry no id."""
    pendant = Device(id="trk-r01", type="tracker", format="traccar", address="8640001")
    worn = Assignment.model_validate({"device": "trk-r01", "resident": "r01", "from": datetime(2025, 1, 1, tzinfo=UTC)})
    return centre.model_copy(update={"devices": (*centre.devices, pendant), "assignments": (*centre.assignments, worn)})


def press(at: datetime, **marks: Any) -> Receipt:
    """An SOS of Carmen's Traccar pendant that carries neither id nor time: every press is the same bytes."""
    event = {"event": {"type": "alarm", "attributes": {"alarm": "sos"}}, "device": {"uniqueId": "8640001"}}
    return foreign("traccar", "traccar/events", event, at, **marks)
