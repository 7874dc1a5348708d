"""How long the console's pages take at the server: ``python -m bench.pages /residents "/residents/r00001?tab=sleep"``.

A house of 10,000 residents and a million readings (bench.house), a real server and a real writer with durable commits;
each page is asked for some times by a carer who is signed in, one after the other. The times are those of the whole
request in this process, as a client on the same machine sees them.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import httpx

from bench.house import NOW, make
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock
from gateway.console.accounts import hash_password, store_hash
from gateway.console.app import create_app
from gateway.console.deps import ConsoleDeps
from gateway.console.server import serve
from gateway.links import Links
from gateway.store import centres
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import Writer

PAGES = ("/", "/board", "/residents", "/residents?q=vella", "/residents/r00001", "/api/residents?limit=100")
PASSWORD = "a password for measuring"
SECRET = "a secret for measuring, long enough"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("page", nargs="*", default=list(PAGES), help="addresses, from / on")
    parser.add_argument("--house", type=Path, help="folder of a house made by bench.house; default: one is made")
    parser.add_argument("--carer", default="nora", help="who looks: nora (carer), sam (manager), ada (admin), rita")
    parser.add_argument("--residents", type=int, default=10_000)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=10)
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
    writer = Writer(path, clock=clock)
    writing = asyncio.create_task(writer.run())
    at: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    deps = ConsoleDeps(
        database=path, writer=writer, index=lambda: index, links=Links("http://bench.test", SECRET, clock),
        clock=clock, health=lambda: {"ok": True}, secret=SECRET,
    )  # fmt: skip
    serving = asyncio.create_task(
        serve(create_app(deps), on_ready=lambda host, port: at.set_result(f"http://{host}:{port}"))
    )
    try:
        await writer.write(partial(store_hash, carer=carer, password_hash=hash_password(PASSWORD), by=None))
        async with httpx.AsyncClient(base_url=await at, timeout=60) as client:
            await _sign_in(client, carer)
            print(f"{'median ms':>10} {'most ms':>8} {'kB':>7}  page")
            for page in pages:
                await _one(client, page, times)
    finally:
        for task in (serving, writing):
            task.cancel()
        await asyncio.gather(serving, writing, return_exceptions=True)


async def _one(client: httpx.AsyncClient, page: str, times: int) -> None:
    took, size, status = [], 0, 0
    for _ in range(times):
        begun = time.perf_counter()
        answer = await client.get(page)
        took.append(1000 * (time.perf_counter() - begun))
        size, status = len(answer.content), answer.status_code
    note = "" if status == 200 else f"  ({status})"
    print(f"{statistics.median(took):10.1f} {max(took):8.1f} {size / 1000:7.1f}  {page}{note}")


async def _sign_in(client: httpx.AsyncClient, carer: str) -> None:
    form = (await client.get("/sign-in")).text
    token = form.split('name="_csrf_token" value="')[1].split('"')[0]
    answer = await client.post(
        "/sign-in", data={"carer": carer, "password": PASSWORD, "next": "/", "_csrf_token": token}
    )
    assert answer.status_code == 303, answer.text


if __name__ == "__main__":
    main()
