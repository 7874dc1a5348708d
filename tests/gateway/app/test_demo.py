"""The demo as somebody sees it who has just cloned the repository."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import httpx
import pytest

from tests.brokers import PATIENCE_S

SCRIPT = Path(sys.executable).with_name("telecare")


@pytest.mark.slow
async def test_the_demo_shows_its_page_and_an_alert_and_ends_by_itself(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        SCRIPT, "demo", "--for", "9", "--speed", "120",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    seen = ""
    async with asyncio.timeout(3 * PATIENCE_S):
        while "The page: " not in seen:
            seen += (await process.stdout.readline()).decode()
        page = re.search(r"http://127\.0\.0\.1:\d+", seen)
        assert page is not None
        async with httpx.AsyncClient(follow_redirects=True) as client:
            answer = await client.get(page[0])
        assert answer.status_code == 200
        rest, errors = await process.communicate()
    seen += rest.decode()
    assert process.returncode == 0, errors.decode()
    # at this speed a machine that is busy for half a second keeps a message waiting for a minute: it says so, rightly
    assert [line for line in errors.decode().splitlines() if "event=notify.nobody_told" not in line] == []
    over = re.search(r"The demo is over: (\d+) alerts, (\d+) messages to carers\.", seen)
    assert over is not None, seen
    assert int(over[1]) >= 1
    assert int(over[2]) >= int(over[1])
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


@pytest.mark.slow
async def test_the_demo_ends_on_ctrl_c_and_keeps_its_data_where_it_was_told(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    process = await asyncio.create_subprocess_exec(
        SCRIPT, "demo", "--no-carers", "--folder", str(folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(3 * PATIENCE_S):
        while b"The page: " not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"The demo is over" in rest
    assert b"Traceback" not in errors
    assert (folder / "gateway" / "gateway.db").exists()
