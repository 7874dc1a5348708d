import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge, Close, Outcome
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock, SystemClock
from gateway.clockwork import clockwork as clockwork_module
from gateway.clockwork import loop as loop_module
from gateway.clockwork.clockwork import Clockwork
from gateway.errors import StoreError, StoreFailedError
from gateway.store.writer import Tx, Writer, write_now
from tests.gateway.alerts.ward import START, centre
from tests.gateway.clockwork.night import WallClock, a_few_looks, night, press_elsewhere, until

FAR = 60.0
"""No look by itself within a test: what happens was caused by a nudge or by the clock."""


async def test_expect_forward_expect(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock, look_s=FAR) as here:
        await here.press()
        await a_few_looks()
        clock.move(119)
        await a_few_looks()
        assert here.carers() == ["nora"]
        clock.move(1)
        await until(lambda: here.carers() == ["nora", "ben", "ida"])
        clock.move(60)
        await until(lambda: here.carers() == ["nora", "ben", "ida", "sam"])
        await until(lambda: here.clockwork.steps == 2)


async def test_an_answer_stops_it(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock, look_s=FAR) as here:
        await here.press()
        await here.answer(Acknowledge(5))
        clock.move(299)
        await a_few_looks()
        assert here.alert().state is AlertState.ACKNOWLEDGED
        clock.move(1)
        await until(lambda: here.alert().state is AlertState.OPEN)
        await here.answer(Close(Outcome.REAL))
        told = here.carers()
        clock.move(86400)
        await a_few_looks()
        assert here.carers() == told


async def test_after_a_restart_what_fell_due_takes_one_step_at_once(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock) as here:
        await here.press()
    clock.move(86400)
    async with night(tmp_path / "g.db", clock, look_s=FAR) as here:
        await until(lambda: here.carers() == ["nora", "ben", "ida"])
        await until(lambda: here.clockwork.steps == 1)
        await a_few_looks()
        assert here.clockwork.steps == 1


async def test_what_another_process_does_is_noticed(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock) as here:
        before = here.writer.changes.number
        press_elsewhere(here.path, clock)
        await until(lambda: here.writer.changes.number > before)  # the boards look again
        clock.move(120)
        await until(lambda: here.carers() == ["nora", "ben", "ida"])
        close = Close(Outcome.TEST)
        write_now(here.path, lambda tx: desk.answer(tx, centre(), 1, close, "cli:root", "cli"), clock=clock)
        clock.move(86400)
        await a_few_looks()
        assert here.carers() == ["nora", "ben", "ida"]


async def test_an_own_change_wakes_the_boards_once_and_a_restart_not_at_all(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock, look_s=FAR) as here:
        await here.press()
        await until(lambda: here.clockwork._last_event == 1)
        assert here.writer.changes.number == 1
    async with night(tmp_path / "g.db", clock) as here:
        await a_few_looks()
        assert here.writer.changes.number == 0


async def test_telemetry_does_not_wake_the_boards(tmp_path: Path) -> None:
    async with night(tmp_path / "g.db", ManualClock(START)) as here:
        await here.press()
        await a_few_looks()
        before = here.writer.changes.number

        def journal(tx: Tx) -> None:
            tx.db.execute("INSERT INTO journal (format, topic, payload, received_at) VALUES ('native', 't', x'00', 0)")

        for _ in range(3):
            await here.writer.write(journal)
            await a_few_looks()
        assert here.writer.changes.number == before


async def test_the_wall_clock_set_forward_makes_deadlines_pass(tmp_path: Path) -> None:
    clock = WallClock()
    async with night(tmp_path / "g.db", clock) as here:
        await here.press()
        clock.offset = timedelta(hours=1)
        await until(lambda: here.carers() == ["nora", "ben", "ida"])


async def test_the_wall_clock_set_back_delays_nothing(tmp_path: Path) -> None:
    clock = WallClock()
    async with night(tmp_path / "g.db", clock) as here:
        await here.press()
        clock.move(60)
        await until(lambda: here.clockwork._seen_at == clock.now())
        clock.offset = timedelta(hours=-1)
        await until(lambda: here.alert().escalate_at == START + timedelta(seconds=120, hours=-1))
        clock.move(59)
        await a_few_looks()
        assert here.carers() == ["nora"]
        clock.move(1)
        await until(lambda: here.carers() == ["nora", "ben", "ida"])
        actions = [row[0] for row in here.db.execute("SELECT action FROM audit WHERE action LIKE 'clock.%'")]
        assert actions == ["clock.set_back"]


async def test_the_wall_clock_set_back_while_the_daemon_was_down_delays_nothing(tmp_path: Path) -> None:
    clock = WallClock()
    async with night(tmp_path / "g.db", clock) as here:
        await here.press()
    clock.offset = timedelta(hours=-1)
    async with night(tmp_path / "g.db", clock) as here:
        await until(lambda: here.alert().escalate_at == START + timedelta(seconds=120, hours=-1))
        clock.move(120)
        await until(lambda: here.carers() == ["nora", "ben", "ida"])


async def test_a_time_server_that_slews_moves_no_deadline(tmp_path: Path) -> None:
    clock = WallClock()
    async with night(tmp_path / "g.db", clock) as here:
        await here.press()
        clock.offset = timedelta(milliseconds=-900)
        await a_few_looks()
        assert here.alert().escalate_at == START + timedelta(seconds=120)


async def test_a_fast_clock_runs_the_night_fast(tmp_path: Path) -> None:
    clock = SystemClock(speed=1200, start=START)
    async with night(tmp_path / "g.db", clock, look_s=1.0) as here:
        await here.press()
        await until(lambda: "sam" in here.carers())  # by our clock it would take five minutes


async def test_trouble_with_the_centre_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "PAUSE_S", 0.01)
    clock, broken = ManualClock(START), True

    def index() -> CentreIndex:
        if broken:
            raise RuntimeError("being replaced")
        return centre()

    async with night(tmp_path / "g.db", clock, index=index) as here:
        await here.press()
        clock.move(120)
        await a_few_looks()
        assert here.carers() == ["nora"]
        broken = False
        await until(lambda: here.carers() == ["nora", "ben", "ida"])


async def test_a_failed_store_ends_it(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock) as here:
        await here.press()
    writer = Writer(tmp_path / "g.db", clock=clock)
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    clock.move(120)
    with pytest.raises(ExceptionGroup) as failed:
        await Clockwork(writer=writer, index=centre, path=tmp_path / "g.db", clock=clock).run()
    assert failed.group_contains(StoreFailedError)


async def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock) as here:
        clockwork = Clockwork(writer=here.writer, index=centre, path=tmp_path / "none.db", clock=clock)
        with pytest.raises(StoreError, match=r"none\.db"):
            await clockwork.run()


async def test_after_a_long_downtime_an_alarm_need_not_wait_for_all_that_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clockwork_module, "BATCH", 2)
    clock = ManualClock(START)
    async with night(tmp_path / "g.db", clock) as here:
        for subject in "abcde":
            await here.press(subject)
        commits = here.writer.commits
        clock.move(86400)
        await until(lambda: here.clockwork.steps == 5)
        assert here.writer.commits - commits == 3
        assert len(here.carers()) == 5 + 2 * 5


async def test_the_next_deadline_is_found_by_its_index(tmp_path: Path) -> None:
    async with night(tmp_path / "g.db", ManualClock(START)) as here:
        ask = "EXPLAIN QUERY PLAN SELECT min(escalate_at) FROM alerts WHERE escalate_at IS NOT NULL"
        assert any("alerts_due" in row["detail"] for row in here.db.execute(ask))
