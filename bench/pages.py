"""How long the console's pages take at the server: ``python -m bench.pages /residents "/residents/r00001?tab=sleep"``.

Without addresses: every page and every part of the API that can be read, the slowest first, and saving an entry.

A house of 10,000 residents and a million readings (bench.house), a real server and a real writer with durable commits;
each page is asked for some times by a carer who is signed in, one after the other. The times are those of the whole
request, as a client in a thread of this process sees them. "Held" is how long the event loop was busy with one thing at
the most: for so long an alarm would have waited.
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

import httpx

from bench.addresses import addresses
from bench.house import BUSY, NOW, make
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock
from gateway.console.accounts import hash_password, store_hash
from gateway.console.app import create_app
from gateway.console.deps import ConsoleDeps
from gateway.console.server import serve
from gateway.links import Links
from gateway.store import centres
from gateway.store.centres import Stored
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Writer

LIMIT_MS = 300.0
"""No page may take longer than that. A download of the whole centre may, beside the event loop."""
HELD_MS = 150.0
"""Nothing may hold the event loop up for longer: an alarm waits meanwhile."""
DOWNLOADS = ("/admin/exchange/",)
PASSWORD = "a password for measuring"
SECRET = "a secret for measuring, long enough"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("page", nargs="*", help="addresses, from / on; default: all of them")
    parser.add_argument("--house", type=Path, help="folder of a house made by bench.house; default: one is made")
    parser.add_argument("--carer", default="ada", help="who looks: nora (carer), sam (manager), ada (admin), rita")
    parser.add_argument("--residents", type=int, default=10_000)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as scratch:
        folder = args.house or Path(scratch)
        if not (folder / FILE).exists():
            make(folder, residents=args.residents, readings=args.readings)
        asyncio.run(_measure(folder / FILE, args.page, args.carer, args.times))


async def _measure(path: Path, pages: list[str], carer: str, times: int) -> None:
    prepare(path)
    db = reader(path)
    found = centres.latest(db)
    assert found is not None, "no centre in that house"
    db.close()
    index, clock = CentreIndex(found.centre), ManualClock(NOW)
    index.warm(NOW)
    gc.collect()
    gc.freeze()  # as the daemon does
    gc.set_threshold(10_000, 20, 50)
    writer = Writer(path, clock=clock)
    writing = asyncio.create_task(writer.run())
    at: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    deps = ConsoleDeps(
        database=path, writer=writer, index=lambda: index, links=Links("http://bench.test", SECRET, clock),
        clock=clock, health=lambda: {"ok": True}, secret=SECRET,
    )  # fmt: skip
    app = create_app(deps)
    serving = asyncio.create_task(serve(app, on_ready=lambda host, port: at.set_result(f"http://{host}:{port}")))
    try:
        await writer.write(partial(store_hash, carer=carer, password_hash=hash_password(PASSWORD), by=None))
        with httpx.Client(base_url=await at, timeout=60) as client:
            await asyncio.to_thread(_sign_in, client, carer)
            print(f"  {'median ms':>9} {'first ms':>8} {'most ms':>8} {'held ms':>8} {'kB':>8}  page")
            found_pages = [await _one(client, page, times) for page in pages or addresses(app)]
            for line in found_pages if pages else sorted(found_pages, reverse=True):
                print(line.text())
            if not pages and carer in {"sam", "ada"}:
                await _save(client, path, index)
    finally:
        for task in (serving, writing):
            task.cancel()
        await asyncio.gather(serving, writing, return_exceptions=True)


class Line(NamedTuple):
    """A page: milliseconds (median, first, most; the event loop held up at the most), bytes and status."""

    median: float
    first: float
    most: float
    held: float
    size: int
    status: int
    page: str

    def text(self) -> str:
        """For a person; what takes too long is marked."""
        slow = max(self.median, self.first) > LIMIT_MS and not self.page.startswith(DOWNLOADS)
        mark = ("!" if slow else " ") + ("#" if self.held > HELD_MS else " ")
        note = "" if self.status == 200 else f"  ({self.status})"
        numbers = f"{self.median:9.1f} {self.first:8.1f} {self.most:8.1f} {self.held:8.1f} {self.size / 1000:8.1f}"
        return f"{mark}{numbers}  {self.page}{note}"


async def _one(client: httpx.Client, page: str, times: int) -> Line:
    found, held = [], 0.0
    for _ in range(times):
        async with _Longest() as longest:
            found.append(await asyncio.to_thread(_get, client, page))
        held = max(held, longest.s)
    took = [ms for ms, _, _ in found]
    return Line(statistics.median(took), took[0], max(took), 1000 * held, *found[-1][1:], page)


def _get(client: httpx.Client, page: str) -> tuple[float, int, int]:
    """Milliseconds, bytes and status; what comes is let go at once, so that this thread costs the server little."""
    begun = time.perf_counter()
    with client.stream("GET", page) as answer:
        size = sum(len(part) for part in answer.iter_raw())
    return 1000 * (time.perf_counter() - begun), size, answer.status_code


async def _save(client: httpx.Client, path: Path, index: CentreIndex) -> None:
    """Save a note of one resident, and take the new version up as the daemon does; how long the loop was held up."""
    for number in range(3):
        answer = await asyncio.to_thread(client.get, f"/api/centre/tables/residents/{BUSY}")
        entry = answer.json()["entry"] | {"note": f"Note {number} of {time.time()}"}
        headers = {"If-Match": answer.headers["etag"], "Origin": str(client.base_url)}
        async with _Longest() as held:
            begun = time.perf_counter()
            address = f"/api/centre/tables/residents/{BUSY}"
            answer = await asyncio.to_thread(client.put, address, json=entry, headers=headers)
            saved = time.perf_counter() - begun
        assert answer.status_code == 200, answer.text
        print(f"saved in {saved:.2f} s; the loop was held up for {1000 * held.s:.0f} ms at the most")
        with closing(reader(path)) as db:
            async with _Longest() as held:
                begun = time.perf_counter()
                stored = centres.stored_at(db, centres.latest_number(db))
                assert stored is not None
                index = await asyncio.to_thread(_taken_up, stored, index)
                taken = time.perf_counter() - begun
        print(f"taken up in {taken:.2f} s; the loop was held up for {1000 * held.s:.0f} ms at the most")


def _taken_up(stored: Stored, before: CentreIndex) -> CentreIndex:
    index = CentreIndex(centres.read(stored).centre, before)
    index.warm(NOW)
    return index


class _Longest:
    """How long, in seconds, the event loop was busy with one thing at the most."""

    def __init__(self) -> None:
        self.s = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            self.s = max(self.s, time.perf_counter() - begun - 0.001)


def _sign_in(client: httpx.Client, carer: str) -> None:
    form = client.get("/sign-in").text
    token = form.split('name="_csrf_token" value="')[1].split('"')[0]
    answer = client.post("/sign-in", data={"carer": carer, "password": PASSWORD, "next": "/", "_csrf_token": token})
    assert answer.status_code == 303, answer.text


if __name__ == "__main__":
    main()
