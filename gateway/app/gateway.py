"""The daemon: every part started in order, watched, and stopped in the opposite order."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing

import msgspec
import structlog

from gateway.app import parts
from gateway.app.keeper import CentreKeeper
from gateway.app.wakeups import RuleWakeups
from gateway.app.watch import Watch
from gateway.clock import Clock, SystemClock
from gateway.clockwork.clockwork import Clockwork
from gateway.console.app import create_app
from gateway.console.deps import ConsoleDeps
from gateway.console.server import serve
from gateway.ingest.mqtt_source import MqttSource
from gateway.ingest.publisher import Publisher
from gateway.links import Links, secret_in
from gateway.notify.channels.log import LogChannel
from gateway.notify.dispatcher import Dispatcher
from gateway.pipeline.lanes import Lane
from gateway.pipeline.pipeline import ALARMS, TELEMETRY, Pipeline
from gateway.settings import Settings
from gateway.store.database import FILE, DataLock, prepare, reader
from gateway.store.writer import Writer

_LOG = structlog.get_logger(__name__)


class Ready(msgspec.Struct, frozen=True):
    """The daemon listens: where its page is."""

    console: str


class Gateway:
    """One daemon over one data folder.

    Args:
        settings: gateway.toml.
        clock: the gateway's time; the machine's unless a demo speeds it up.
        speed: how much faster that clock runs, for waits of real time that follow it.
        log: the log channel, where a demo wants its own.
        on_ready: called once when the lanes are started and the page listens.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        speed: float = 1.0,
        log: LogChannel | None = None,
        on_ready: Callable[[Ready], None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._speed = speed
        self._log = log or LogChannel()
        self._on_ready = on_ready
        self._path = settings.gateway.data / FILE
        self._sources: list[MqttSource] = []
        self._lanes: dict[str, Lane] = {}

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            StoreError: another daemon uses the folder, or the database can't be used, or no centre was applied.
            ExceptionGroup: with what broke a part; the process ends with an error, and whoever supervises it
                (systemd) starts it anew.
        """
        lock = DataLock(self._settings.gateway.data)
        lock.acquire()
        try:
            ran = prepare(self._path)
            if ran:
                _LOG.info("store.migrated", versions=ran)
            with closing(reader(self._path)) as db:
                await self._run(db)
        finally:
            lock.release()

    async def _run(self, db: sqlite3.Connection) -> None:
        settings, clock = self._settings, self._clock
        secret = secret_in(settings.secret_file)
        keeper = CentreKeeper(db)
        # A name that no earlier process had: what those had leased is free.
        owner = secret_owner()
        writer = Writer(self._path, clock=clock, owner=owner)
        pipeline = Pipeline(db, keeper.index)
        wakeups = RuleWakeups(pipeline, writer, keeper.index, clock, speed=self._speed)
        keeper.on_change = wakeups.everybody
        options = parts.broker_options(settings, keeper.index().site.id)
        publisher = Publisher(options)
        links = Links(settings.console.base_url, secret, clock)
        dispatcher = Dispatcher(
            writer=writer,
            channels=parts.make_channels(settings, publisher, log=self._log),
            index=keeper.index,
            links=links,
            clock=clock,
            path=self._path,
            owner=owner,
        )
        clockwork = Clockwork(writer=writer, index=keeper.index, path=self._path, clock=clock)
        wake = asyncio.Event()
        for name in (ALARMS, TELEMETRY):
            wanted = parts.subscriptions(settings, name)
            if wanted:
                source = MqttSource(options, name=name, subscriptions=wanted, clock=clock, wake=None)
                self._sources.append(source)
                self._lanes[name] = Lane(source, pipeline, writer, urgent=name == ALARMS)
        watch = Watch(
            sources=self._sources,
            lanes=self._lanes,
            writer=writer,
            dispatcher=dispatcher,
            index=keeper.index,
            options=options,
        )
        console = create_app(
            ConsoleDeps(
                database=self._path,
                writer=writer,
                index=keeper.index,
                links=links,
                clock=clock,
                health=watch.health,
                secret=secret,
                base_url=settings.console.base_url,
                secure_cookies=settings.console.secure_cookies,
            )
        )
        del wake
        async with asyncio.TaskGroup() as store_tasks:
            writing = store_tasks.create_task(writer.run(), name="writer")
            try:
                await wakeups.everybody()
                async with asyncio.TaskGroup() as tasks:
                    start = tasks.create_task
                    start(publisher.run(), name="publisher")
                    start(dispatcher.run(), name="dispatcher")
                    start(clockwork.run(), name="clockwork")
                    start(wakeups.run(), name="rule-wakeups")
                    start(keeper.run(), name="centre")
                    start(watch.run(), name="watch")
                    start(self._serve(console), name="console")
                    for source in self._sources:
                        await source.start()
                    for name, lane in self._lanes.items():
                        start(lane.run(), name=f"lane-{name}")
            finally:
                for source in self._sources:
                    await source.close()
                # last: whatever the others still had to write is written
                writing.cancel()

    async def _serve(self, console: object) -> None:
        settings = self._settings.console

        def ready(host: str, port: int) -> None:
            if self._on_ready:
                self._on_ready(Ready(f"http://{host}:{port}"))

        await serve(console, settings.host, settings.port, on_ready=ready)  # type: ignore[arg-type]


def secret_owner() -> str:
    """A name for this life of the daemon, for its leases."""
    import os
    import uuid

    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


__all__ = ["Gateway", "Mapping", "Ready"]
