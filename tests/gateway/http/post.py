"""A listener with a real pipeline and a real database behind it; and HTTP as a badly made device speaks it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.alerts import queries
from gateway.alerts.model import Alert
from gateway.clock import ManualClock
from gateway.ingest.http_auth import HttpAuth
from gateway.ingest.http_listener import HttpListener
from gateway.ingest.http_options import HttpOptions, HttpSender
from gateway.ingest.http_source import HttpSource
from gateway.pipeline.lanes import Lane
from gateway.pipeline.pipeline import HTTP_ALARMS, HTTP_TELEMETRY, Pipeline
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Tx, Writer
from tests.brokers import PATIENCE_S
from tests.gateway.pipeline.chain import START, applied, with_traccar

SECRET = "a-secret-for-tests-only"
BEARER = {"Authorization": f"Bearer {SECRET}"}

SENDERS = (
    HttpSender(
        name="traccar", format="traccar", lane=HTTP_ALARMS, topic="traccar/events",
        auth=HttpAuth(kind="header", secret=SECRET, header="X-Telecare-Key"),
    ),
    HttpSender(
        name="positions", format="traccar", lane=HTTP_TELEMETRY, topic="traccar/positions",
        auth=HttpAuth(kind="basic", secret=SECRET, username="traccar"),
    ),
    HttpSender(
        name="home", format="native", lane=HTTP_ALARMS, topic="telecare/haven/{path}",
        auth=HttpAuth(kind="bearer", secret=SECRET),
    ),
    HttpSender(
        name="hook", format="native", lane=HTTP_TELEMETRY, topic="telecare/haven/gps-r01/position",
        auth=HttpAuth(kind="path", secret=SECRET),
    ),
)  # fmt: skip
"""Who may POST, each in another way."""


def sos(**more: Any) -> dict[str, Any]:
    """An SOS of Carmen's Traccar pendant without id and time: the same bytes for every press."""
    return {"event": {"type": "alarm", "attributes": {"alarm": "sos"}}, "device": {"uniqueId": "8640001"}, **more}


def position(number: int, *, device: str = "gps-r01") -> bytes:
    return json.dumps({"v": 1, "id": f"p-{device}-{number}", "lon": 14.4, "lat": 35.89}).encode()


class Held:
    """A writer whose commits can be held back, as a disk that hangs does."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._free = asyncio.Event()
        self._free.set()
        commit = writer._commit

        async def held() -> asyncio.CancelledError | None:
            await self._free.wait()
            return await commit()

        writer._commit = held  # type: ignore[method-assign]

    def hold(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()


@dataclass
class Life:
    """One run of listener, lanes and store over a folder."""

    path: Path
    clock: ManualClock
    listener: HttpListener
    lanes: dict[str, HttpSource]
    held: Held
    url: str
    port: int
    client: httpx.AsyncClient
    serving: "asyncio.Task[None]"
    tasks: "list[asyncio.Task[Any]]" = field(default_factory=list)

    async def press(self, body: Any = None) -> httpx.Response:
        """Carmen presses, and Traccar says so."""
        content = json.dumps(sos() if body is None else body).encode()
        return await self.client.post("/in/traccar", content=content, headers={"X-Telecare-Key": SECRET})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(reader(self.path)) as db:
            return [tuple(row) for row in db.execute(query)]

    def journal(self) -> int:
        return int(self.rows("SELECT count(*) FROM journal")[0][0])

    def alerts(self, rule: str) -> list[Alert]:
        with closing(reader(self.path)) as db:
            return queries.alerts(db, queries.Filter(rule=rule))


@asynccontextmanager
async def living(
    folder: Path,
    *,
    senders: tuple[HttpSender, ...] = SENDERS,
    options: HttpOptions | None = None,
    lanes: dict[str, HttpSource] | None = None,
    clock: ManualClock | None = None,
    scheme: str = "http",
    verify: Any = True,
) -> AsyncIterator[Life]:
    """Start everything; end it as the daemon does."""
    path = folder / FILE
    clock = clock or ManualClock(START)
    prepare(path)
    index = applied(path, with_traccar(), clock)
    writer = Writer(path, clock=clock)
    held = Held(writer)
    lanes = lanes or {name: HttpSource(name=name, clock=clock) for name in (HTTP_ALARMS, HTTP_TELEMETRY)}
    with closing(reader(path)) as db:
        pipeline = Pipeline(db, lambda: index)
        where: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        listener = HttpListener(
            options or HttpOptions(), senders=senders, lanes=lanes, on_ready=lambda _host, port: where.set_result(port)
        )
        writing = asyncio.create_task(writer.run())
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(Lane(lane, pipeline, writer, urgent=lane.name == HTTP_ALARMS).run())
            for lane in lanes.values()
        ]
        tick = await writer.write(lambda tx: pipeline.tick(tx, list(index.residents)))
        assert tick >= 0
        serving = asyncio.create_task(listener.serve())
        async with asyncio.timeout(PATIENCE_S):
            port = await where
        url = f"{scheme}://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, verify=verify) as client:
            try:
                yield Life(path, clock, listener, lanes, held, url, port, client, serving, tasks)
            finally:
                held.release()
                for task in (serving, *tasks):
                    task.cancel()
                await asyncio.gather(serving, *tasks, return_exceptions=True)
                writing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await writing


async def raw(port: int, data: bytes, *, limit_s: float = PATIENCE_S) -> bytes:
    """Send these bytes and nothing more; what comes back until the other side closes."""
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    try:
        writing.write(data)
        async with asyncio.timeout(limit_s):
            return await reading.read()
    except ConnectionResetError:
        return b""
    finally:
        writing.close()


def held_by(tx: Tx) -> int:
    """How many frames a transaction sees."""
    return int(tx.db.execute("SELECT count(*) FROM journal").fetchone()[0])
