"""Where should the writing of a batch happen? ``python -m bench.commits`` measures it; docs/adr/0003-store.md decides.

Rows like those of the journal and the readings go into SQLite (WAL, synchronous=FULL) in three ways: all of it in the
event loop, only COMMIT in a thread, all of it in a thread; the loop has work of its own meanwhile.
"""

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.store.database import FILE, connect, prepare
from gateway.store.migrations import READINGS_PER_FRAME

BATCH = 500
ROUNDS = 100
PLACE = {False: "loop", True: "thread"}
FIELDS = json.dumps({"lon": 14.5101, "lat": 35.8992, "accuracy_m": 8.0, "speed_mps": 0.9, "source": "gnss"})
JOURNAL = "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, ?, ?, ?, ?)"
READINGS = (
    "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def batches(size: int) -> Iterator[tuple[list[tuple[object, ...]], list[tuple[object, ...]]]]:
    """Rows for one transaction after the other."""
    first = 1
    while True:
        seqs = range(first, first + size)
        yield (
            [(s, "native", f"telecare/haven/gps-r{s % 99:02}/position", b"x" * 187, 1_767_225_600_000) for s in seqs],
            [(s * READINGS_PER_FRAME, s, f"gps-r{s % 99:02}", f"r{s % 99:02}", "position", 0, 0, FIELDS) for s in seqs],
        )
        first += size


def insert(db: sqlite3.Connection, rows: tuple[list[tuple[object, ...]], list[tuple[object, ...]]]) -> None:
    """Everything of a transaction but its COMMIT."""
    db.execute("BEGIN IMMEDIATE")
    db.executemany(JOURNAL, rows[0])
    db.executemany(READINGS, rows[1])


def low_ms(times: list[float]) -> float:
    """Seconds to the first quartile in ms."""
    return statistics.quantiles(times, n=4)[0] * 1000


def spread(times: list[float]) -> str:
    """Seconds to the first quartile and the median in ms: the machine may have other work."""
    low, middle, _ = statistics.quantiles(times, n=4)
    return f"{low * 1000:,.1f} / {middle * 1000:,.1f}"


class Loop:
    """An event loop with work of its own: decodes for half a millisecond, lets others run, and so on."""

    def __init__(self) -> None:
        self.done = 0
        self.pauses: list[float] = []

    async def work(self) -> None:
        """Until cancelled; notes how long each turn had to wait."""
        while True:
            end = time.perf_counter() + 0.0005
            while time.perf_counter() < end:
                json.loads(FIELDS)
                self.done += 1
            began = time.perf_counter()
            await asyncio.sleep(0)
            self.pauses.append(time.perf_counter() - began)


class Timed:
    """How long the parts of the transactions took, in seconds."""

    def __init__(self) -> None:
        self.inserts: list[float] = []
        self.commits: list[float] = []


async def arrangement(path: Path, *, inserts_in_thread: bool, commit_in_thread: bool) -> str:
    """One row of the first table: transactions one after the other beside a busy loop."""
    db, timed, loop = connect(path), Timed(), Loop()
    waits: list[float] = []
    worker = asyncio.create_task(loop.work())
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:

        async def run(work: Callable[[], object], *, in_thread: bool) -> float:
            start = time.perf_counter()
            if in_thread:
                await asyncio.get_running_loop().run_in_executor(pool, work)
            else:
                work()
            return time.perf_counter() - start

        source = batches(BATCH)
        for _ in range(ROUNDS):
            rows = next(source)
            mark = len(loop.pauses)
            timed.inserts.append(await run(lambda rows=rows: insert(db, rows), in_thread=inserts_in_thread))  # type: ignore[misc]
            timed.commits.append(await run(lambda: db.execute("COMMIT"), in_thread=commit_in_thread))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waits.append(max(loop.pauses[mark:]))
    seconds = time.perf_counter() - began
    worker.cancel()
    db.close()
    decoded = loop.done / seconds / 1000
    return f"| {spread(timed.inserts)} | {spread(timed.commits)} | {spread(waits)} | {decoded:,.0f} |"


def time_sizes(path: Path, size: int) -> tuple[float, float]:
    """First quartile in ms of (inserts, COMMIT) for transactions of that many messages, nothing else running."""
    db = connect(path)
    inserts: list[float] = []
    commits: list[float] = []
    source = batches(size)
    for _ in range(ROUNDS):
        rows = next(source)
        began = time.perf_counter()
        insert(db, rows)
        middle = time.perf_counter()
        db.execute("COMMIT")
        inserts.append(middle - began)
        commits.append(time.perf_counter() - middle)
    db.close()
    return low_ms(inserts), low_ms(commits)


def time_numbers(path: Path, size: int, *, given: bool) -> float:
    """First quartile in ms to insert a batch of readings found by frame: by their number, or by an index."""
    db = connect(path)
    if not given:
        db.execute("CREATE INDEX readings_by_frame ON readings (frame)")
    source = batches(size)
    times = []
    for _ in range(ROUNDS):
        journal, readings = next(source)
        began = time.perf_counter()
        insert(db, (journal, readings))
        times.append(time.perf_counter() - began)
        db.execute("COMMIT")
    db.close()
    return low_ms(times[ROUNDS // 2 :])


def fresh(folder: Path) -> Path:
    """An empty database of the gateway."""
    path = folder / f"{time.monotonic_ns()}" / FILE
    prepare(path)
    return path


def main() -> None:
    """Print the tables of the decision."""
    with tempfile.TemporaryDirectory(prefix="telecare-commits-") as name:
        folder = Path(name)
        print(f"{BATCH} messages and {BATCH} readings in a transaction, synchronous=FULL; quartile / median\n")
        print("| inserts | COMMIT | inserts, ms | COMMIT, ms | wait of the loop, ms | decoded beside, 1,000/s |")
        print("|---|---|---|---|---|---|")
        for inserts, commit in ((False, False), (False, True), (True, True)):
            row = asyncio.run(arrangement(fresh(folder), inserts_in_thread=inserts, commit_in_thread=commit))
            print(f"| {PLACE[inserts]} | {PLACE[commit]} {row}", flush=True)
        print("\n| messages in a transaction | inserts, ms | COMMIT, ms | µs a message |\n|---|---|---|---|")
        for size in (1, 10, 100, 500, 1000):
            ms, ms_commit = time_sizes(fresh(folder), size)
            print(f"| {size:,} | {ms:.2f} | {ms_commit:.2f} | {(ms + ms_commit) * 1000 / size:,.0f} |", flush=True)
        print("\n| readings of a frame are found by | inserts of a batch, ms |\n|---|---|")
        for given in (True, False):
            ms = time_numbers(fresh(folder), BATCH, given=given)
            print(f"| {'their number' if given else 'an index'} | {ms:.2f} |")


if __name__ == "__main__":
    main()
