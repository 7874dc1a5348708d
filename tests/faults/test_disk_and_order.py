"""A full disk, and the order on the wire: nothing is acknowledged that is not on disk."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import send, until
from tests.faults.harness.scene import scene_in
from tests.faults.harness.ward import mixed, position

pytestmark = pytest.mark.slow

MESSAGES = 4_000
SMALL_DISK = "3m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB of its own."""
    place = tmp_path / "small"
    place.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("a small file system can be mounted by root only")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no small file system here: {made.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run([umount, "-l", place], check=True)


async def test_a_full_disk_stops_acknowledging_and_the_process_and_nothing_is_lost(
    tmp_path: Path, small_disk: Path
) -> None:
    messages = mixed(100, MESSAGES, seed=3)
    async with scene_in(tmp_path, residents=100, data=small_disk / "data") as scene:
        await send(scene.broker.port, messages)
        code = await scene.daemon.ended()
        said = scene.daemon.said()
        assert code not in (0, None)
        assert "store.failed" in said
        stored = scene.book.frames()
        assert 0 < stored < MESSAGES
        assert scene.book.is_sound()
        grow = [str(shutil.which("mount")), "-o", "remount,size=200m", str(small_disk)]
        subprocess.run(grow, check=True)
        await scene.daemon.start()
        await until(lambda: scene.book.frames() == MESSAGES, what="what was not acknowledged comes again")
        await until(lambda: scene.book.waiting() == 0, what="everybody told")
        assert Counter(scene.book.payloads()) == Counter(payload for _, payload in messages)
        assert {one.data["alert"] for one in scene.web.of("desk")} == {row["id"] for row in scene.book.alerts()}
        rules = Counter(row["rule"] for row in scene.book.alerts())
        assert rules.pop("space_short") == 1, "the house was told while there was space left"
        assert rules.total() == 100
        print(f"\ndisk full after {stored} of {MESSAGES} messages: exit code {code}; all stored when there was room")


STRACE = shutil.which("strace")
PUBACK = re.compile(r'"\\x40\\x02')
WAL = re.compile(re.escape("".join(f"\\x{byte:02x}" for byte in b"gateway.db-wal")))
"""strace -xx writes names as hexadecimal too."""


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
async def test_every_puback_is_written_after_the_log_of_its_batch_is_flushed(tmp_path: Path) -> None:
    """Seen by the kernel: between two writes of PUBACKs there is always a flush of the write-ahead log."""
    trace = tmp_path / "trace"
    before = [
        str(STRACE), "-f", "-D", "-tt", "-y", "-xx", "-s", "8", "-o", str(trace),
        "-e", "trace=sendto,sendmsg,write,writev,pwrite64,fsync,fdatasync",
    ]  # fmt: skip
    async with scene_in(tmp_path, residents=1, before=before) as scene:
        for number in range(40):
            await send(scene.broker.port, [position(0, 1_795_000_000 + number, out=False, serial=number)])
            await until(lambda: scene.book.frames() == number + 1, what="stored")  # noqa: B023
        await scene.daemon.stop()
    events = list(of_the_store(trace.read_text(errors="replace")))
    assert events.count("ack") >= 20, "acknowledgements were seen"
    dirty = flushed = 0
    for event in events:
        if event == "log":
            dirty, flushed = 1, 0
        elif event == "flush" and dirty:
            dirty, flushed = 0, 1
        elif event == "ack":
            assert not dirty, "an acknowledgement went out before the flush of what it acknowledges"
            assert flushed, "an acknowledgement without a flush since the last one"
            flushed = 0
    print(f"\n{Counter(events)}: no acknowledgement before its flush")


def of_the_store(trace: str) -> Iterator[str]:
    """``log`` for a write to the log, ``flush`` for a finished flush of it, ``ack`` for a write of PUBACKs."""
    pending: set[str] = set()
    for line in trace.splitlines():
        thread, _, call = line.split(maxsplit=2)
        if "resumed>" in call:
            if thread in pending:
                pending.discard(thread)
                yield "flush"
        elif call.startswith("pwrite64(") and WAL.search(call):
            yield "log"
        elif call.startswith(("fsync(", "fdatasync(")) and WAL.search(call):
            if "unfinished" in call:
                pending.add(thread)
            else:
                yield "flush"
        elif call.startswith(("sendto(", "sendmsg(", "write(", "writev(")) and PUBACK.search(call):
            yield "ack"
