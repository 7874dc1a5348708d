"""Killed with SIGKILL again and again: everything is told, and each kill repeats at most one."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from gateway.clock import SystemClock
from gateway.notify.channel import Outgoing
from gateway.store.writer import write_now
from tests.brokers import PATIENCE_S
from tests.gateway.notify.conftest import House

ALERTS = 200
KILLS = 3


async def child(folder: Path) -> None:
    """A gateway that only sends: each message is a line in ``told``."""
    house = House(folder)
    house.clock = SystemClock()  # type: ignore[assignment]
    told = os.open(folder / "told", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def tell(message: Outgoing) -> None:
        os.write(told, f"{message.idempotency}\n".encode())

    house.fake("a").script = tell
    # patient: on a busy test machine a commit may take as long as a slow server, and then a lane adds workers
    async with house.running(f"process-{os.getpid()}", patience_s=5.0):
        await asyncio.Event().wait()


async def test_each_kill_repeats_at_most_one_and_loses_none(tmp_path: Path) -> None:
    house = House(tmp_path)
    write_now(house.path, lambda tx: [house.raise_in(tx, number) for number in range(ALERTS)], clock=SystemClock())
    told = tmp_path / "told"
    told.touch()

    def lines() -> list[str]:
        return told.read_text("ascii").split()

    for run in range(KILLS + 1):
        target = ALERTS * (run + 1) // (KILLS + 1)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.gateway.notify.test_crash",
            str(tmp_path),
            stdout=asyncio.subprocess.DEVNULL,
            cwd=Path(__file__).parents[3],
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(set(lines())) < target or (run == KILLS and house.rows("channel = 'a' AND state != 'sent'")):
                    await asyncio.sleep(0.001)
        finally:
            process.kill()
            await process.wait()
    times = Counter(lines())
    assert len(times) == ALERTS
    assert sum(times.values()) - ALERTS <= KILLS
    assert {row["state"] for row in house.rows("channel = 'a'")} == {"sent"}


if __name__ == "__main__":
    asyncio.run(child(Path(sys.argv[1])))
