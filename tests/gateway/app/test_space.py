"""Too little space on the disk is an alert while alarms can still be stored."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.alerts import queries
from gateway.app.space import Space
from gateway.centre.index import CentreIndex
from gateway.clock import SystemClock
from gateway.store.database import prepare, reader
from gateway.store.standing import TOO_LITTLE_SPACE
from gateway.store.writer import Writer
from tests.gateway.centre.roster import house


async def test_too_little_space_is_told_once_and_cleared_when_there_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    prepare(path)
    left = [TOO_LITTLE_SPACE]
    index = CentreIndex(house())
    writer = Writer(path, clock=SystemClock(), synchronous="OFF")
    writing = asyncio.create_task(writer.run())
    space = Space(tmp_path, writer, lambda: index, free=lambda _: left[0])
    db = reader(path)

    def alerts() -> list[tuple[str, str, str]]:
        return [(one.rule, one.priority.value, one.state.value) for one in queries.open_alerts(db)]

    try:
        await space.look()
        assert alerts() == []
        left[0] -= 1
        await space.look()
        await space.look()
        assert alerts() == [("space_short", "high", "open")]
        [alert] = queries.open_alerts(db)
        assert (alert.repeats, alert.reason.values) == (0, {"megabytes": 299})
        left[0] = TOO_LITTLE_SPACE + 1
        await space.look()
        assert alerts() == [("space_short", "high", "open")], "not back and forth"
        left[0] = 2 * TOO_LITTLE_SPACE
        await space.look()
        assert alerts() == [("space_short", "high", "cleared")]
    finally:
        db.close()
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


async def test_a_disk_that_can_not_be_asked_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def gone(_: Path) -> int:
        raise OSError("Stale file handle")

    space = Space(tmp_path, Writer(tmp_path / "x", clock=SystemClock()), lambda: CentreIndex(house()), free=gone)
    await space.look()
    assert "space.not_seen" in capsys.readouterr().out
