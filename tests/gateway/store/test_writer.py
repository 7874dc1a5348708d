import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock
from gateway.errors import StoreError, StoreFailedError
from gateway.store import writer as writing
from gateway.store.database import reader
from gateway.store.writer import Tx, Writer, write_now
from tests.brokers import PATIENCE_S, until
from tests.gateway.store.desk import START, ended, filled, made, names, running, session


async def test_what_waits_becomes_one_transaction(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with running(path) as writer:
        await asyncio.gather(*(writer.write(session(f"s{n:02}")) for n in range(20)))
        assert writer.commits == 1
        assert len(names(path)) == 20


async def test_what_comes_during_a_commit_joins_the_next_one(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with running(path) as writer:
        first = asyncio.create_task(writer.write(session("a")))
        await asyncio.sleep(0)  # it waits
        await asyncio.sleep(0)  # it is in the transaction, and the commit is under way
        others = [asyncio.create_task(writer.write(session(name))) for name in "bcd"]
        await asyncio.gather(first, *others)
        assert writer.commits == 2
        assert names(path) == ["a", "b", "c", "d"]


async def test_work_is_on_disk_when_its_caller_hears_of_it(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with running(path) as writer:
        for name in "abc":
            await writer.write(session(name))
            assert names(path)[-1] == name


async def test_work_gives_back_its_result_and_has_one_time(tmp_path: Path) -> None:
    async with running(made(tmp_path), owner="daemon-1") as writer:
        assert await writer.write(lambda tx: (tx.now, tx.owner)) == (START, "daemon-1")


async def test_urgent_work_goes_first(tmp_path: Path) -> None:
    order: list[str] = []

    def noting(name: str) -> Callable[[Tx], None]:
        return lambda tx: order.append(name)

    async with running(made(tmp_path)) as writer:
        await asyncio.gather(
            writer.write(noting("telemetry 1")),
            writer.write(noting("telemetry 2")),
            writer.write(noting("alarm 1"), urgent=True),
            writer.write(noting("alarm 2"), urgent=True),
        )
    assert order == ["alarm 1", "alarm 2", "telemetry 1", "telemetry 2"]


async def test_a_failing_piece_is_undone_alone(tmp_path: Path) -> None:
    path = made(tmp_path)
    called: list[str] = []

    def bad(tx: Tx) -> None:
        session("half")(tx)
        tx.alerts.append(7)
        tx.owed.append(8)
        tx.after_commit(lambda: called.append("bad"))
        raise ValueError("no")

    def good(tx: Tx) -> None:
        session("good")(tx)
        tx.alerts.append(1)
        tx.owed.append(2)
        tx.after_commit(lambda: called.append("good"))

    async with running(path) as writer:
        owed: list[list[int]] = []
        writer.on_owed = owed.append
        first, second, third = await asyncio.gather(
            writer.write(session("before")), writer.write(bad), writer.write(good), return_exceptions=True
        )
        assert (first, third) == (None, None)
        assert isinstance(second, ValueError)
        assert names(path) == ["before", "good"]
        assert called == ["good"]
        assert owed == [[2]]
        assert writer.changes.number == 1
        assert writer.failed is None


async def test_a_refused_row_is_an_error_of_its_work_only(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with running(path) as writer:
        await writer.write(session("a"))
        twice, other = await asyncio.gather(
            writer.write(session("a")), writer.write(session("b")), return_exceptions=True
        )
        assert isinstance(twice, StoreError)
        assert not isinstance(twice, StoreFailedError)
        assert other is None
        assert names(path) == ["a", "b"]


async def test_nobody_hears_of_work_that_did_not_commit(tmp_path: Path) -> None:
    """after_commit, on_owed and the board's nudge come after the disk, never before."""
    path = made(tmp_path)
    seen: list[list[str]] = []

    def work(tx: Tx) -> None:
        session("a")(tx)
        tx.owed.append(1)
        tx.after_commit(lambda: seen.append(names(path)))

    async with running(path) as writer:
        writer.on_owed = lambda ids: seen.append(names(path))
        await writer.write(work)
        assert seen == [["a"], ["a"]]
        assert writer.changes.number == 0  # no alert was touched


async def test_work_whose_caller_gave_up_before_it_began_is_not_done(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with running(path) as writer:
        gone = asyncio.create_task(writer.write(session("gone")))
        stays = asyncio.create_task(writer.write(session("stays")))
        await asyncio.sleep(0)
        gone.cancel()
        await stays
        assert gone.cancelled()
        assert names(path) == ["stays"]


async def test_work_whose_caller_gives_up_during_the_commit_is_done(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with running(path) as writer:
        gone = asyncio.create_task(writer.write(session("gone")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the commit is under way
        gone.cancel()
        await writer.write(session("next"))
        assert names(path) == ["gone", "next"]


async def test_the_writer_waits_while_another_process_writes(tmp_path: Path) -> None:
    path = made(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with running(path) as writer:
            job = asyncio.create_task(writer.write(session("a")))
            await asyncio.sleep(0.05)
            assert not job.done()
            other.execute("COMMIT")
            await job
            assert names(path) == ["a"]


async def test_another_process_that_never_lets_go_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BUSY_PATIENCE_S", 0.05)
    path = made(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = Writer(path, clock=ManualClock(START))
        task = asyncio.create_task(writer.run())
        with pytest.raises(StoreFailedError, match="Another process"):
            await writer.write(session("a"))
        assert isinstance(await ended(task), StoreFailedError)
        other.execute("ROLLBACK")
    assert names(path) == []


async def test_a_full_disk_fails_the_store_for_good(tmp_path: Path) -> None:
    path = made(tmp_path)
    writer = Writer(path, clock=ManualClock(START))
    pages = writer._db.execute("PRAGMA page_count").fetchone()[0]
    writer._db.execute(f"PRAGMA max_page_count={pages + 4}")
    heard: list[str] = []

    def telling(tx: Tx) -> None:
        filled("small", 10)(tx)
        tx.after_commit(lambda: heard.append("told"))

    task = asyncio.create_task(writer.run())
    outcomes = await asyncio.gather(
        writer.write(telling), writer.write(filled("big", 200_000)), writer.write(session("c")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StoreFailedError] * 3
    assert "full" in str(outcomes[0])
    with pytest.raises(StoreFailedError):
        await writer.write(session("later"))
    assert isinstance(await ended(task), StoreFailedError)
    assert isinstance(writer.failed, StoreFailedError)
    assert heard == []
    assert names(path) == []
    async with running(path) as anew:  # the next process finds a sound database
        await anew.write(session("anew"))
    assert names(path) == ["anew"]


async def test_a_commit_that_fails_is_told_to_everybody_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path)
    writer = Writer(path, clock=ManualClock(START))

    class Failing:
        def __init__(self, db: sqlite3.Connection) -> None:
            self._db = db

        def execute(self, statement: str, *values: Any) -> object:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return self._db.execute(statement, *values)

        def close(self) -> None:
            self._db.close()

    monkeypatch.setattr(writer, "_db", Failing(writer._db))
    task = asyncio.create_task(writer.run())
    outcomes = await asyncio.gather(writer.write(session("a")), writer.write(session("b")), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["The database failed: disk I/O error"] * 2
    assert isinstance(await ended(task), StoreFailedError)
    assert names(path) == []


async def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    path = made(tmp_path)
    writer = Writer(path, clock=ManualClock(START))
    task = asyncio.create_task(writer.run())
    first = asyncio.create_task(writer.write(session("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the commit of the first is under way
    second = asyncio.create_task(writer.write(session("b")))
    await asyncio.sleep(0)
    assert isinstance(await ended(task), asyncio.CancelledError)
    await asyncio.wait_for(asyncio.gather(first, second), PATIENCE_S)
    assert names(path) == ["a", "b"]
    with pytest.raises(StoreFailedError, match="closed"):
        await writer.write(session("c"))


async def test_the_end_while_another_process_writes_loses_nothing(tmp_path: Path) -> None:
    path = made(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = Writer(path, clock=ManualClock(START))
        task = asyncio.create_task(writer.run())
        job = asyncio.create_task(writer.write(session("a")))
        await asyncio.sleep(0.02)  # it waits for the other process
        task.cancel()
        await asyncio.sleep(0.02)
        other.execute("COMMIT")
        await asyncio.wait_for(job, PATIENCE_S)
        assert isinstance(await ended(task), asyncio.CancelledError)
    assert names(path) == ["a"]


async def test_the_board_is_nudged_once_a_commit_that_changed_alerts(tmp_path: Path) -> None:
    async with running(made(tmp_path)) as writer:
        looking = asyncio.create_task(writer.changes.after(0))
        await asyncio.gather(*(writer.write(lambda tx, n=n: tx.alerts.append(n)) for n in range(3)))  # type: ignore[misc]
        assert await asyncio.wait_for(looking, PATIENCE_S) == 1
        assert await writer.changes.after(0) == 1
        later = asyncio.create_task(writer.changes.after(1))
        await asyncio.sleep(0)
        assert not later.done()
        writer.changes.bump()
        assert await asyncio.wait_for(later, PATIENCE_S) == 2


async def test_the_loop_goes_on_while_the_disk_works(tmp_path: Path) -> None:
    async with running(made(tmp_path)) as writer:
        turns = 0
        job = asyncio.create_task(writer.write(filled("big", 3_000_000)))
        while not job.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 3


def test_a_tool_writes_in_one_transaction(tmp_path: Path) -> None:
    path = made(tmp_path)
    called: list[str] = []

    def work(tx: Tx) -> str:
        session("a")(tx)
        tx.after_commit(lambda: called.append("after"))
        return f"{tx.now:%H:%M} {tx.owner}"

    assert write_now(path, work, clock=ManualClock(START)) == "22:00 None"
    assert called == ["after"]

    def bad(tx: Tx) -> None:
        session("b")(tx)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_now(path, bad, clock=ManualClock(START))
    with pytest.raises(StoreError, match="UNIQUE"):
        write_now(path, session("a"), clock=ManualClock(START))
    assert names(path) == ["a"]


async def test_a_tool_waits_for_a_running_daemon(tmp_path: Path) -> None:
    path = made(tmp_path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    tool = asyncio.create_task(asyncio.to_thread(write_now, path, session("tool"), clock=ManualClock(START)))
    await asyncio.sleep(0.05)
    assert not tool.done()
    other.execute("COMMIT")
    await asyncio.wait_for(tool, PATIENCE_S)
    other.close()
    assert names(path) == ["tool"]


async def test_the_daemon_sees_what_a_tool_wrote(tmp_path: Path) -> None:
    path = made(tmp_path)
    async with running(path) as writer:
        with closing(reader(path)) as db:
            before = db.execute("PRAGMA data_version").fetchone()[0]
            await asyncio.to_thread(write_now, path, session("tool"), clock=ManualClock(START))
            await until(lambda: db.execute("PRAGMA data_version").fetchone()[0] != before)
        found = await writer.write(lambda tx: tx.db.execute("SELECT count(*) FROM sessions").fetchone()[0])
        assert found == 1
