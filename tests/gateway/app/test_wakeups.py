"""The rules hear the time: at their deadlines, after what the broker had kept, and when the centre changes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.alerts import queries
from gateway.app import alive, backlog, wakeups
from gateway.app.backlog import Backlog
from gateway.app.wakeups import RuleWakeups
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import Pipeline
from gateway.store.database import FILE, connect, prepare, reader
from gateway.store.writer import Writer
from tests.brokers import PATIENCE_S, until
from tests.gateway.pipeline.chain import DEMO, applied, frame

NIGHT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Shell:
    """Writer, pipeline and wake-ups, over a backlog that is opened by hand."""

    def __init__(self, path: Path) -> None:
        prepare(path)
        self.path = path
        self.clock = ManualClock(NIGHT)
        self.index = applied(path, DEMO, self.clock)
        self.db = reader(path)
        self.writer = Writer(path, clock=self.clock)
        self.heard = asyncio.Event()
        self.pipeline = Pipeline(self.db, lambda: self.index)
        waiting = cast("Any", SimpleNamespace(heard=self.heard.wait))
        self.wakeups = RuleWakeups(self.pipeline, self.writer, lambda: self.index, self.clock, backlog=waiting)
        self.tasks = [asyncio.create_task(self.writer.run()), asyncio.create_task(self.wakeups.run())]

    async def take(self, *batch: Receipt) -> None:
        await self.writer.write(lambda tx: self.pipeline.take(tx, list(batch), lane="telemetry"))

    async def began(self) -> None:
        """Wait until every resident's rules have a state."""
        self.heard.set()
        await until(lambda: len(self.rows("SELECT * FROM rule_states")) == len(self.index.judged))

    def rows(self, query: str) -> list[Any]:
        return self.db.execute(query).fetchall()

    def told(self, rule: str) -> list[str | None]:
        return [alert.resident for alert in queries.alerts(self.db, queries.Filter(rule=rule))]

    async def end(self) -> None:
        for task in reversed(self.tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.db.close()


@pytest.fixture
async def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shell]:
    monkeypatch.setattr(wakeups, "_LOOK_EVERY_S", 0.002)
    made = Shell(tmp_path / FILE)
    yield made
    await made.end()


async def test_a_deadline_is_told_by_itself(shell: Shell) -> None:
    await shell.began()
    await shell.take(frame("bed-r03", "bed", NIGHT, in_bed=True))
    shell.clock.move(60)
    await shell.take(frame("bed-r03", "bed", shell.clock.now(), in_bed=False))
    shell.clock.move(15 * 60 - 1)
    await asyncio.sleep(0.03)
    assert shell.told("bed_exit") == []
    shell.clock.move(1)
    await until(lambda: shell.told("bed_exit") == ["r03"])


async def test_what_the_broker_had_kept_is_heard_first(shell: Shell) -> None:
    """She was back in bed before the deadline; the message waited in the broker while we were away."""
    await shell.take(frame("bed-r03", "bed", NIGHT, in_bed=True))
    await shell.take(frame("bed-r03", "bed", NIGHT + timedelta(seconds=1), in_bed=False))
    shell.clock.move(14 * 60)
    await asyncio.sleep(0.02)
    assert len(shell.rows("SELECT * FROM rule_states")) == 1  # nobody was told the time yet
    await shell.take(frame("bed-r03", "bed", shell.clock.now(), in_bed=True))
    shell.clock.move(10 * 60)
    await shell.began()
    assert shell.told("bed_exit") == []


async def test_a_new_centre_begins_its_rules(shell: Shell) -> None:
    await shell.began()
    fewer = {plan.resident for plan in DEMO.care_plans[:1]}
    shell.index = CentreIndex(
        DEMO.model_copy(
            update={
                "residents": tuple(r for r in DEMO.residents if r.id in fewer),
                "care_plans": DEMO.care_plans[:1],
                "assignments": tuple(a for a in DEMO.assignments if a.resident in fewer),
            }
        )
    )
    await shell.wakeups.everybody()
    shell.clock.move(3 * 3600)
    await until(lambda: shell.told("silent"))
    assert set(shell.told("silent")) - {None} == {"r01"}  # who moved out is watched no more; the house is


# --- since when nothing was heard ----------------------------------------------------------------------------------


@pytest.fixture
def db_path(tmp_path: Path) -> Iterator[Path]:
    prepare(tmp_path / FILE)
    yield tmp_path / FILE  # noqa: PT022 - the folder is the fixture's


def test_the_last_sign_of_life_is_the_later_of_note_and_message(tmp_path: Path, db_path: Path) -> None:
    with closing(connect(db_path)) as db:
        assert alive.last(tmp_path, db) is None
        alive.note(tmp_path, NIGHT)
        assert alive.last(tmp_path, db) == NIGHT
        later = int((NIGHT.timestamp() + 60) * 1000)
        db.execute(
            "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (1, 'native', 't', x'', ?)", [later]
        )
        assert alive.last(tmp_path, db) == NIGHT + timedelta(seconds=60)
        alive.note(tmp_path, NIGHT + timedelta(seconds=90))
        assert alive.last(tmp_path, db) == NIGHT + timedelta(seconds=90)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-02T01:00:00", "\x00"])
def test_a_spoiled_note_is_no_reason_not_to_start(tmp_path: Path, db_path: Path, text: str) -> None:
    alive.note(tmp_path, NIGHT)
    (tmp_path / "alive").write_text(text)
    with closing(connect(db_path)) as db:
        db.execute("INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (1, 'native', 't', x'', 0)")
        assert alive.last(tmp_path, db) is not None


def test_a_note_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "alive").mkdir()
    alive.note(tmp_path, NIGHT)


class Lane:
    def __init__(self) -> None:
        self.frames, self.waiting, self.connected = 0, 0, True

    def health(self) -> "Lane":
        return self


async def test_the_backlog_is_heard_when_all_lanes_are_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "QUIET_S", 0.05)
    monkeypatch.setattr(backlog, "_LOOK_EVERY_S", 0.002)
    lanes = [Lane(), Lane()]
    lanes[1].waiting = 1
    hearing = asyncio.create_task(Backlog(cast("Any", lanes)).heard())
    await asyncio.sleep(0.1)
    assert not hearing.done()
    lanes[1].waiting, lanes[1].frames = 0, 1
    assert await asyncio.wait_for(hearing, PATIENCE_S) is True


async def test_the_backlog_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "PATIENCE_S", 0.05)
    monkeypatch.setattr(backlog, "_LOOK_EVERY_S", 0.002)
    gone = Lane()
    gone.connected = False
    assert await asyncio.wait_for(Backlog(cast("Any", [gone])).heard(), PATIENCE_S) is False


async def test_a_pending_fall_is_told_when_its_rule_leaves_the_plan(shell: Shell) -> None:
    """Nobody would decide it any more; and should the rule come back in a week, it must not come up again."""
    old = shell.index
    await shell.began()
    await shell.take(frame("fall-r04", "fall", shell.clock.now(), phase="detected"))
    assert shell.told("fall") == []
    plans = tuple(
        plan.model_copy(update={"rules": tuple(rule for rule in plan.rules if rule.name != "fall")})
        for plan in old.centre.care_plans
    )
    shell.index = CentreIndex(old.centre.model_copy(update={"care_plans": plans}))
    await shell.wakeups.changed(old)
    assert shell.told("fall") == ["r04"]
    shell.index = old
    await shell.wakeups.everybody()
    shell.clock.move(3600)
    await shell.wakeups.everybody()
    assert shell.told("fall") == ["r04"]


@pytest.mark.parametrize("more", [0, 2])
async def test_a_pending_fall_is_told_also_when_its_rule_left_the_plan_while_we_were_away(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Nobody was there to take up the new centre; at the next start the fall must not be forgotten."""
    await shell.began()
    await shell.take(frame("fall-r04", "fall", shell.clock.now(), phase="detected"))
    path, now = shell.path, shell.clock.now()
    await shell.end()
    plans = tuple(
        plan.model_copy(update={"rules": tuple(rule for rule in plan.rules if rule.name != "fall")})
        for plan in DEMO.care_plans
    )
    without = DEMO.model_copy(update={"care_plans": plans})
    for number in range(more + 1):
        site = DEMO.centre.model_copy(update={"name": f"Haven House {number}"})
        last = without.model_copy(update={"centre": site})
        applied(path, last, shell.clock)
    monkeypatch.setattr("tests.gateway.app.test_wakeups.DEMO", last)
    again = Shell(path)
    again.clock.move_to(now)
    again.heard.set()
    await until(lambda: bool(again.told("fall")))
    assert again.told("fall") == ["r04"]
    await again.end()


async def test_a_clock_that_is_set_back_makes_no_fall_wait(shell: Shell) -> None:
    """Ten minutes back, and the half minute in which a suspicion may be taken back would become ten and a half."""
    await shell.began()
    fell = frame("fall-r04", "fall", shell.clock.now(), phase="suspected")
    await shell.writer.write(lambda tx: shell.pipeline.take(tx, [fell], lane="alarms"))
    assert shell.told("fall") == []
    looks = shell.wakeups.looks
    await until(lambda: shell.wakeups.looks > looks)
    shell.clock._now -= timedelta(minutes=10)
    await until(lambda: shell.told("fall") == ["r04"])
