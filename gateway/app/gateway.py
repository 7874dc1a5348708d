"""The daemon: every part started in order, watched, and stopped in the opposite order."""

import asyncio
import gc
import os
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, closing
from uuid import uuid4

import msgspec
import structlog

from devices.profiles import library
from gateway.alerts import undelivered
from gateway.app import alive, chores, noting, parts
from gateway.app.backlog import Backlog
from gateway.app.channels import Answers, make_channels, push_key_of
from gateway.app.contact_tests import ContactTester
from gateway.app.contacts import channels_there
from gateway.app.coverage import CoverageWatch
from gateway.app.deafness import Deafness
from gateway.app.keeper import CentreKeeper
from gateway.app.mqtt_answers import AnswerLine
from gateway.app.retention import RetentionRun
from gateway.app.rotas import RotaFetcher
from gateway.app.shout import shout
from gateway.app.space import Space
from gateway.app.trying import ProcessTrier
from gateway.app.wakeups import RuleWakeups
from gateway.app.watch import Watch
from gateway.clock import Clock, SystemClock
from gateway.clockwork.clockwork import Clockwork
from gateway.codecs import Codecs
from gateway.commands.runner import Runner
from gateway.console.app import create_app
from gateway.console.deps import ConsoleDeps
from gateway.console.server import free_port
from gateway.errors import StoreFailedError
from gateway.ingest.mqtt_source import MqttSource
from gateway.ingest.publisher import Publisher
from gateway.links import Links, secret_in
from gateway.notify.channels.log import LogChannel
from gateway.notify.dispatcher import Dispatcher
from gateway.notify.homeassistant import HomeAssistantStates
from gateway.pipeline.lanes import Lane
from gateway.pipeline.pipeline import ALARMS, HTTP_ALARMS, TELEMETRY, Pipeline
from gateway.settings import Settings
from gateway.settings.profiles import library_of
from gateway.store import compact
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

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            SettingsError: a device profile or a codec can't be used.
            StoreError: another daemon uses the folder, or the database can't be used, or no centre was applied.
            ExceptionGroup: with what broke a part; the process ends with an error, and whoever supervises it
                (systemd) starts it anew.
        """
        with closing(Codecs.load(self._settings.devices.codecs)) as codecs:
            library.install(library_of(self._settings, codecs.decoders()))
            await self._run_alone(codecs)

    async def _run_alone(self, codecs: Codecs) -> None:
        lock = DataLock(self._settings.gateway.data)
        lock.acquire()
        try:
            ran = prepare(self._path)
            if ran:
                _LOG.info("store.migrated", versions=ran)
            compact.clear_copies(self._path.parent)
            with closing(reader(self._path)) as db:
                try:
                    await self._run(db, codecs)
                except* StoreFailedError:
                    await self._tell_store_failed(db)
                    raise
        finally:
            lock.release()

    async def _run(self, db: sqlite3.Connection, codecs: Codecs) -> None:
        settings, clock = self._settings, self._clock
        secret = secret_in(settings.secret_file)
        keeper = CentreKeeper(db, clock=clock)
        # A name that no earlier process had: what those had leased is free.
        owner = f"{os.getpid()}-{uuid4().hex[:12]}"
        writer = Writer(self._path, clock=clock, owner=owner)
        pipeline = Pipeline(db, keeper.index, commands=parts.command_options(settings))
        options = parts.broker_options(settings, keeper.index().site.id)
        sources = [
            MqttSource(options, name=name, subscriptions=wanted, clock=clock)
            for name in (ALARMS, TELEMETRY)
            if (wanted := parts.subscriptions(settings, name))
        ]
        lanes = {source.name: Lane(source, pipeline, writer, urgent=source.name == ALARMS) for source in sources}
        http = parts.http_listener(settings, clock)
        for lane in http.lanes if http else ():
            lanes[lane.name] = Lane(lane, pipeline, writer, urgent=lane.name == HTTP_ALARMS)
        wakeups = RuleWakeups(
            pipeline,
            writer,
            keeper.index,
            clock,
            backlog=Backlog(sources),
            deafness=Deafness(sources, pipeline, writer, clock),
            speed=self._speed,
        )
        keeper.on_change = wakeups.changed
        # A free port is chosen before anything is told, because the links in the messages lead there.
        port = settings.console.port or free_port(settings.console.host)
        base_url = settings.console.base_url if settings.console.port else f"http://{settings.console.host}:{port}"
        links = Links(base_url, secret, clock, map_link=settings.console.map_link)
        publisher = Publisher(options)
        channels = make_channels(
            settings, publisher, log=self._log, links=links, clock=clock, database=self._path, writer=writer
        )
        dispatcher = Dispatcher(
            writer=writer,
            channels=channels,
            index=keeper.index,
            links=links,
            clock=clock,
            path=self._path,
            owner=owner,
        )
        answers = Answers(
            settings,
            channels=channels,
            dispatcher=dispatcher,
            writer=writer,
            index=keeper.index,
            links=links,
            clock=clock,
            database=self._path,
        )
        by_mqtt = (
            AnswerLine(
                options,
                site=keeper.index().site.id,
                publisher=publisher,
                answering=answers.answering,
                clock=clock,
                path=self._path,
            )
            if settings.channels.mqtt.answers
            else None
        )
        homeassistant = (
            HomeAssistantStates(
                settings.channels.mqtt.homeassistant,
                publisher=publisher,
                changes=writer.changes,
                index=keeper.index,
                path=self._path,
                clock=clock,
            )
            if settings.channels.mqtt.homeassistant
            else None
        )
        tester = ContactTester(
            settings.contact_tests,
            writer=writer,
            channels=channels,
            index=keeper.index,
            links=links,
            clock=clock,
            path=self._path,
        )
        watch = Watch(
            sources=sources,
            lanes=lanes,
            writer=writer,
            dispatcher=dispatcher,
            index=keeper.index,
            version=lambda: keeper.version,
            http=http,
            codecs=codecs if codecs.models else None,
            probes=lambda: pipeline.probes.standing(clock.now()),
            messages=lambda: undelivered.standing(db, clock.now()),
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
                base_url=base_url,
                secure_cookies=settings.console.secure_cookies,
                more_routes=answers.routes,
                push_key=push_key_of(channels),
                channels=channels_there(settings),
                coverage=settings.coverage,
                map=settings.console.map,
                oidc=settings.console.oidc,
                trier=ProcessTrier(self._path),
                test_contact=tester.test,
                certificates=parts.certificate_files(settings),
                certificates_in_use=lambda: parts.certificates_in_use(http),
            )
        )
        commands = Runner(
            publisher=publisher,
            writer=writer,
            index=keeper.index,
            clock=clock,
            path=self._path,
            options=parts.command_options(settings),
        )
        fetcher = RotaFetcher(
            writer=writer, index=keeper.index, clock=clock, settings=settings.shifts, speed=self._speed
        )
        coverage = CoverageWatch(
            writer=writer,
            index=keeper.index,
            clock=clock,
            path=self._path,
            settings=settings.coverage,
            channels=channels_there(settings),
            speed=self._speed,
        )
        retention = RetentionRun(
            writer=writer, index=keeper.index, clock=clock, path=self._path, settings=settings.retention
        )
        clockwork = Clockwork(writer=writer, index=keeper.index, path=self._path, clock=clock)
        async with asyncio.TaskGroup() as outer:
            # outermost, so that it is the last to end: whatever the others still have to write is written
            writing = outer.create_task(writer.run(), name="writer")
            try:
                await self._resume(db, pipeline, writer)
                # What is there now stays: the collector need not look at it again and again (a full round over the
                # rules of 1,000 residents stops everything for some 30 ms), only at what comes and goes.
                gc.collect()
                gc.freeze()
                gc.set_threshold(10_000, 20, 50)
                async with AsyncExitStack() as stack:
                    await stack.enter_async_context(publisher)
                    for source in sources:
                        await stack.enter_async_context(source)
                    await self._work(
                        dispatcher.run(),
                        clockwork.run(),
                        commands.run(),
                        tester.run(),
                        *([homeassistant.run()] if homeassistant else []),
                        *([by_mqtt.run()] if by_mqtt else []),
                        *(run() for run in answers.running),
                        wakeups.run(),
                        keeper.run(),
                        noting.keep_noted(writer, db),
                        watch.run(),
                        fetcher.run(),
                        coverage.run(),
                        retention.run(),
                        Space(settings.gateway.data, writer, keeper.index).run(),
                        chores.stay_alive(settings.gateway.data, clock),
                        chores.check_broker(options, clock),
                        chores.serve_again(console, settings.console.host, port, on_ready=self._listens),
                        *(lane.run() for lane in lanes.values()),
                        *([http.run()] if http else []),
                    )
            finally:
                answers.close()
                writing.cancel()

    async def _tell_store_failed(self, db: sqlite3.Connection) -> None:
        """Tell a person without the store; the daemon ends, and whoever supervises it starts it anew."""
        settings = self._settings
        index = CentreKeeper(db).index()
        async with Publisher(parts.broker_options(settings, index.site.id), name="last-words") as publisher:
            links = Links(settings.console.base_url, secret_in(settings.secret_file), self._clock)
            channels = make_channels(
                settings, publisher, log=self._log, links=links, clock=self._clock, database=self._path
            )
            await shout(channels, index, self._clock, settings.console.base_url, folder=settings.gateway.data)

    async def _resume(self, db: sqlite3.Connection, pipeline: Pipeline, writer: Writer) -> None:
        """Tell the rules since when nothing was heard, so that no device is called silent for our own absence."""
        stopped = alive.last(self._settings.gateway.data, db)
        if stopped is not None:
            await writer.write(lambda tx: pipeline.resumed(tx, stopped))

    @staticmethod
    async def _work(*parts_of_it: Coroutine[object, object, None]) -> None:
        """Run the parts until one breaks or we are cancelled; then all of them end."""
        async with asyncio.TaskGroup() as tasks:
            for part in parts_of_it:
                tasks.create_task(part)

    def _listens(self, host: str, port: int) -> None:
        if self._on_ready:
            self._on_ready(Ready(f"http://{host}:{port}"))
