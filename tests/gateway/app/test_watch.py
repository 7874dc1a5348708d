"""A broker that is gone is an alarm too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.alerts import queries
from gateway.alerts.model import Alert
from gateway.app import watch as watching
from gateway.app.watch import BROKER_GONE_S, Watch
from gateway.clock import ManualClock
from gateway.ingest.health import SourceHealth
from gateway.ingest.trouble import Trouble
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Writer
from tests.gateway.pipeline.chain import DEMO, START, applied


class FakeSource:
    """A lane whose connection is switched by hand."""

    def __init__(self, name: str, since: datetime) -> None:
        self.name = name
        self.connected = False
        self._since = since

    def health(self) -> SourceHealth:
        return SourceHealth(
            name=self.name, protocol="5", connected=self.connected, since=self._since,
            trouble=None if self.connected else Trouble.UNREACHABLE, detail="", session=1, reconnects=0, frames=0,
            payload_bytes=0, acked=0, waiting=3, unacknowledged=2, salvaged=0, unpublished=0, paused=False, pauses=0,
            last_frame_at=None,
        )  # fmt: skip


class Post:
    """A watch over two lanes, and the real time that it sees."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        prepare(path)
        self.path = path
        self.clock = ManualClock(START)
        self.index = applied(path, DEMO, self.clock)
        self.writer = Writer(path, clock=self.clock)
        self.writing = asyncio.create_task(self.writer.run())
        self.seconds = 1000.0
        self.messages: dict[str, float] = {}
        monkeypatch.setattr(watching, "monotonic", lambda: self.seconds)
        self.sources = [FakeSource("alarms", START), FakeSource("telemetry", START)]
        self.watch = self.begin()

    def begin(self) -> Watch:
        """The watch of a new process."""
        return Watch(
            sources=cast("Any", self.sources),
            lanes={},
            writer=self.writer,
            dispatcher=cast("Any", SimpleNamespace(in_hand=4)),
            index=lambda: self.index,
            version=lambda: 7,
            messages=lambda: self.messages,
        )

    def connect(self, *, connected: bool = True) -> None:
        for source in self.sources:
            source.connected = connected

    async def after(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock.move(seconds)
        await self.watch._look()

    def alerts(self) -> list[Alert]:
        with closing(reader(self.path)) as db:
            return sorted(queries.alerts(db), key=lambda alert: alert.subject)


@pytest.fixture
async def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    made = Post(tmp_path / FILE, monkeypatch)
    yield made
    made.writing.cancel()
    await asyncio.gather(made.writing, return_exceptions=True)


async def test_a_restart_of_the_broker_is_no_alarm(post: Post) -> None:
    await post.after(0)
    await post.after(BROKER_GONE_S - 1)
    post.connect()
    await post.after(1)
    post.connect(connected=False)
    await post.after(1)  # counts from here again
    await post.after(BROKER_GONE_S - 1)
    assert post.alerts() == []


async def test_a_broker_that_stays_away_is_told_once_for_each_lane(post: Post) -> None:
    await post.after(0)
    for _ in range(3):
        await post.after(BROKER_GONE_S)
    alarms, telemetry = post.alerts()
    assert (alarms.rule, alarms.subject, alarms.priority, alarms.resident) == ("broker_gone", "alarms", "high", None)
    assert (telemetry.subject, telemetry.repeats, alarms.repeats) == ("telemetry", 0, 0)
    assert alarms.reason.values == {"since_at": int(START.timestamp() * 1000)}
    assert alarms.policy == "standard"
    with closing(reader(post.path)) as db:
        assert [told.carer for told in queries.notifications_of(db, alarms.id)] == ["nora"]


async def test_the_broker_is_back(post: Post) -> None:
    await post.after(0)
    await post.after(BROKER_GONE_S)
    post.connect()
    await post.after(1)
    assert [alert.state for alert in post.alerts()] == ["cleared", "cleared"]  # a person still looks
    post.connect(connected=False)
    await post.after(1)
    await post.after(BROKER_GONE_S)
    assert [(alert.state, alert.repeats) for alert in post.alerts()] == [("open", 1), ("open", 1)]


async def test_a_new_process_clears_what_the_one_before_told(post: Post) -> None:
    await post.after(0)
    await post.after(BROKER_GONE_S)
    post.watch = post.begin()
    post.connect()
    await post.after(1)
    assert [alert.state for alert in post.alerts()] == ["cleared", "cleared"]


async def test_health_is_ok_only_when_all_is(post: Post) -> None:
    assert post.watch.health()["ok"] is False
    post.connect()
    health = post.watch.health()
    assert health["ok"] is True
    assert health["centre"] == {"version": 7, "residents": 12}
    assert health["notifications"] == {"in_hand": 4}
    lanes = cast("dict[str, dict[str, object]]", health["lanes"])
    assert (lanes["alarms"]["waiting"], lanes["alarms"]["unacknowledged"], lanes["alarms"]["trouble"]) == (3, 2, None)
    # messages that wait are told; only an alert that reaches nobody makes it ill
    for untold, ok in ((0, True), (1, False)):
        post.messages = {"waiting": 2, "oldest_s": 133.0, "untold": untold}
        health = post.watch.health()
        assert health["notifications"] == {"in_hand": 4, **post.messages}
        assert health["ok"] is ok
    post.messages = {}
    post.sources[0].connected = False
    assert post.watch.health()["ok"] is False


async def test_the_supervisor_hears_no_heartbeat_of_a_failed_store(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd restarts what does not say WATCHDOG=1."""
    said: list[str] = []
    monkeypatch.setattr(post.watch._supervisor, "notify", said.append)
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.001)

    async def run_for(words: int) -> None:
        said.clear()
        task = asyncio.create_task(post.watch.run())
        while len(said) < words:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await run_for(3)
    assert said[:3] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    assert said[-1] == "STOPPING=1"
    monkeypatch.setattr(Writer, "failed", property(lambda _: object()))
    await run_for(1)
    await asyncio.sleep(0.01)
    assert "WATCHDOG=1" not in said


async def test_nobody_can_post_is_an_alarm_and_its_end_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post(tmp_path / FILE, monkeypatch)
    try:
        post.connect()
        lane = SimpleNamespace(
            name="http-alarms", health=lambda: SimpleNamespace(frames=3, acked=2, unanswered=1, waiting=0)
        )
        http = SimpleNamespace(listening=False, lanes=(lane,))
        post.watch._http = cast("Any", http)
        await post.after(1)
        assert (post.watch.health()["ok"], post.alerts()) == (False, [])
        posted = {"http-alarms": {"requests": 3, "answered": 2, "unanswered": 1, "waiting": 0}}
        assert post.watch.health()["http"] == {"listening": False, "lanes": posted}
        await post.after(BROKER_GONE_S)
        assert [(alert.rule, alert.state) for alert in post.alerts()] == [("http_gone", "open")]
        http.listening = True
        await post.after(1)
        assert [(alert.rule, alert.state) for alert in post.alerts()] == [("http_gone", "cleared")]
        assert post.watch.health()["ok"] is True
    finally:
        post.writing.cancel()
        await asyncio.gather(post.writing, return_exceptions=True)


async def test_a_suspended_decoder_is_told_and_so_is_its_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(tmp_path / FILE, monkeypatch)
    try:
        post.connect()
        codecs = SimpleNamespace(models=frozenset({"v/a", "v/b"}), suspended=frozenset())
        post.watch._codecs = cast("Any", codecs)
        await post.after(1)
        assert post.alerts() == []
        codecs.suspended = frozenset({"v/a"})
        await post.after(1)
        await post.after(1)
        (alert,) = post.alerts()
        assert (alert.rule, alert.state, alert.reason.values) == ("codec_suspended", "open", {"model": "v/a"})
        assert post.watch.health()["codecs"] == {"suspended": ["v/a"]}
        again = post.begin()
        codecs.suspended = frozenset()
        again._codecs = cast("Any", codecs)
        await again._look()
        assert [(alert.rule, alert.state) for alert in post.alerts()] == [("codec_suspended", "cleared")]
    finally:
        post.writing.cancel()
        await asyncio.gather(post.writing, return_exceptions=True)
