"""What the console's board costs: ``python -m bench.console`` measures it, ``--browser`` also in a real browser.

A house of 60 residents is served by this process. A second process is the readers: each keeps an event stream and
fetches the board when it is told to, as static/live.js does. One alert is raised; what counts is when the last reader
has it, and the processor time of the server meanwhile. Memory is what the server's resident set grows by a reader.

In the browser (Chromium): bytes (headers included) and requests of a first visit until the board is live and its icon
is there, the time at which it was live, and what has come 4 s later (the sound), at 400 ms round trip and 400 kbit/s
(the "Slow 3G" of WebPageTest) with a processor four times slower. The event stream counts as a request; it never ends.
"""

import argparse
import asyncio
import hashlib
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import SystemClock, to_ms
from gateway.console.app import create_app
from gateway.console.deps import ConsoleDeps
from gateway.console.server import serve
from gateway.links import Links
from gateway.store.database import FILE, prepare
from gateway.store.writer import Tx, Writer
from rules.model import Priority, Reason

SECRET = "the secret of a bench, long enough"
COOKIE = "bench-session-of-nora"
BOARDS_EACH = 20
"""Boards of one carer; the gateway gives one session no more than 24 streams."""
MOST_READERS = 1_000
LIVE = """
document.addEventListener("DOMContentLoaded", () => {
  const chip = document.getElementById("chip");
  const look = () => { if (!window.live && chip.classList.contains("live")) window.live = performance.now(); };
  new MutationObserver(look).observe(chip, { attributes: true });
  look();
});
"""
"""Notes in the page when it got live: to ask a slowed processor from outside takes it 0.2 s and more."""

SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}


def document(residents: int) -> dict[str, Any]:
    """A house of three wards whose alerts all go to one carer."""
    names = [f"r{number:03}" for number in range(residents)]
    return {
        "centre": {"id": "bench", "name": "Bench House", "timezone": "Europe/Malta"},
        "residents": [
            {"id": name, "name": f"Resident {name}", "room": name[1:], "ward": ("north", "south", "east")[at % 3]}
            for at, name in enumerate(names)
        ],
        "carers": [
            {"id": one, "name": one.title(), "contacts": [{"channel": "log"}]}
            for one in ("nora", *(f"reader-{number}" for number in range(MOST_READERS // BOARDS_EACH)))
        ],
        "policies": [{"id": "standard", "steps": [{"to": ["nora"], "wait_s": 120}], "failsafe": ["nora"]}],
        "care_plans": [{"resident": name, "policy": "standard", "rules": [{"rule": "help"}]} for name in names],
    }


class Served:
    """A console with a store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.index = CentreIndex(centre_from_document(document(60)))
        self.url = ""
        self._tasks: list[asyncio.Task[None]] = []
        self.writer: Writer
        self.clock = SystemClock()

    async def start(self) -> None:
        """Serve, with one session that is signed in."""
        prepare(self.path)
        self.writer = Writer(self.path, clock=self.clock)
        self._tasks.append(asyncio.create_task(self.writer.run()))
        await self.writer.write(self._session)
        ready = asyncio.Event()

        def on_ready(host: str, port: int) -> None:
            self.url = f"http://{host}:{port}"
            ready.set()

        deps = ConsoleDeps(
            database=self.path,
            writer=self.writer,
            index=lambda: self.index,
            links=Links("http://bench.test", SECRET, self.clock),
            clock=self.clock,
            health=lambda: {"ok": True},
            secret=SECRET,
        )
        self._tasks.append(asyncio.create_task(serve(create_app(deps), on_ready=on_ready)))
        await ready.wait()

    async def stop(self) -> None:
        """End."""
        for task in reversed(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def raise_alert(self, number: int, priority: Priority = Priority.HIGH) -> None:
        """Somebody presses the button."""
        incident = Incident(
            rule="help",
            rule_key="help",
            priority=priority,
            reason=Reason("The help button was pressed."),
            happened_at=self.clock.now(),
            resident=f"r{number % 60:03}",
            subject=str(number),
        )
        await self.writer.write(lambda tx: desk.raise_incident(tx, self.index, incident), urgent=True)

    @staticmethod
    def _session(tx: Tx) -> None:
        end = to_ms(tx.now) + 12 * 3_600_000
        for carer in ("nora", *(f"reader-{number}" for number in range(MOST_READERS // BOARDS_EACH))):
            tx.db.execute(
                "INSERT INTO sessions (id, carer, data, expires_at) VALUES (?, ?, ?, ?)",
                (hashlib.sha256(_cookie(carer).encode()).hexdigest(), carer, json.dumps({"carer": carer}), end),
            )


def resident_bytes() -> int:
    """The resident set of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def readers(url: str, count: int) -> None:
    """The other process: prints a line when all have the board, and one with the times at which each had the next."""
    host, port = url.removeprefix("http://").split(":")
    first: list[asyncio.Future[None]] = [asyncio.get_running_loop().create_future() for _ in range(count)]
    limit = asyncio.Semaphore(20)

    async def fetch(there: Any, etag: str, at: int) -> str:
        source, target = there
        target.write(_request("/board", host, at, f"If-None-Match: {etag}\r\nAccept-Encoding: gzip\r\n"))
        head = (await source.readuntil(b"\r\n\r\n")).decode()
        found = re.search(r"(?i)content-length: (\d+)", head)
        if found:
            await source.readexactly(int(found[1]))
        named = re.search(r"(?i)etag: (\S+)", head)
        return named[1] if named else ""

    async def one(at: int) -> float:
        async with limit:
            there = await asyncio.open_connection(host, int(port))
            etag = await fetch(there, "none", at)
            source, target = await asyncio.open_connection(host, int(port))
            target.write(_request("/beats", host, at, ""))
            await source.readuntil(b"data: ")
            known = await source.readline()
            first[at].set_result(None)
        while True:
            await source.readuntil(b"data: ")
            beat = await source.readline()
            if beat == known:
                continue
            if there[0].at_eof():  # the server ended a connection that was idle; a browser opens another one too
                there = await asyncio.open_connection(host, int(port))
            if await fetch(there, etag, at) != etag:
                return time.monotonic()

    tasks = [asyncio.create_task(one(at)) for at in range(count)]
    await asyncio.gather(*first)
    print("ready", flush=True)
    print(json.dumps(await asyncio.gather(*tasks)), flush=True)


def _request(path: str, host: str, reader: int, more: str) -> bytes:
    cookie = _cookie(f"reader-{reader // BOARDS_EACH}")
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: telecare={cookie}\r\n{more}\r\n".encode()


def _cookie(carer: str) -> str:
    """What a carer's browser is known by."""
    return f"bench-session-of-{carer}"


async def fan_out(count: int, open_alerts: int) -> dict[str, float]:
    """One alert to that many open boards."""
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder))
        await served.start()
        for number in range(open_alerts):
            await served.raise_alert(number, Priority.MEDIUM)
        # what everybody's first page costs once is not a reader's
        warm = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.console", "--readers", served.url, "2", stdout=asyncio.subprocess.PIPE
        )
        assert warm.stdout is not None
        await warm.stdout.readline()
        before = resident_bytes()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.console", "--readers", served.url, str(count), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        await child.stdout.readline()
        await asyncio.sleep(0.5)
        memory = (resident_bytes() - before) / count
        began, cpu = time.monotonic(), time.process_time()
        await served.raise_alert(9_999)
        times = sorted(at - began for at in json.loads(await child.stdout.readline()))
        spent = time.process_time() - cpu
        await child.wait()
        await warm.wait()
        await served.stop()
    return {
        "median_s": statistics.median(times),
        "last_s": times[-1],
        "cpu_s": spent,
        "kib_a_reader": memory / 1024,
    }


async def in_browser(open_alerts: int) -> dict[str, float]:
    """A first visit with an empty cache, on a slow line with a slow processor."""
    from playwright.async_api import async_playwright

    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder))
        await served.start()
        for number in range(open_alerts):
            await served.raise_alert(number, Priority.MEDIUM)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
            )
            context = await browser.new_context(viewport={"width": 360, "height": 740}, base_url=served.url)
            await context.add_cookies([{"name": "telecare", "value": COOKIE, "url": served.url}])
            page = await context.new_page()
            session = await context.new_cdp_session(page)
            asked: list[str] = []
            loaded: dict[str, float] = {}
            await session.send("Network.enable")
            session.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
            session.on(
                "Network.loadingFinished",
                lambda event: loaded.__setitem__(event["requestId"], event["encodedDataLength"]),
            )
            await session.send("Network.emulateNetworkConditions", SLOW_3G)
            await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            await page.add_init_script(LIVE)
            await page.goto("/", wait_until="load")
            await page.wait_for_selector("#chip.live")
            ready = float(await page.evaluate("window.live")) / 1000
            # the icon comes after the page is live, but belongs to the first view
            async with asyncio.timeout(30):
                while not any(url.endswith("icon.svg") for url in asked) or len(loaded) < len(asked) - 1:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)  # the browser tells by its events only
            result = {"ready_s": ready, "requests": len(asked), "bytes": sum(loaded.values())}
            await asyncio.sleep(4)  # the sound and what is kept for later
            result |= {"requests_in_all": len(asked), "bytes_in_all": sum(loaded.values())}
            await browser.close()
        await served.stop()
    return result


async def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", nargs=2, metavar=("URL", "N"), help="be the readers (used by the bench itself)")
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--browser", action="store_true")
    arguments = parser.parse_args()
    if arguments.readers:
        await readers(arguments.readers[0], int(arguments.readers[1]))
        return
    print(datetime.now(UTC).isoformat(timespec="seconds"))
    for alerts in (5, 200):
        print(f"{alerts} open, one more to {arguments.boards} boards:", await fan_out(arguments.boards, alerts))
    if arguments.browser:
        for alerts in (0, 5, 200):
            print(f"{alerts} open, in a browser:", await in_browser(alerts))


if __name__ == "__main__":
    asyncio.run(main())
