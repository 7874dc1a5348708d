"""A run of the demo, recorded: its terminal as an SVG, its page as PNGs. ``python -m docs.shots`` runs it."""

import asyncio
import io
import re
import shutil
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from gateway.app.demo import Demo

IMAGES = Path(__file__).parent / "images"
TERMINAL, BOARD, ALERT = IMAGES / "demo.svg", IMAGES / "board.png", IMAGES / "alert.png"

RUN_S = 36.0
"""Real seconds: at 60 simulated seconds in one, the bundled evening has raised every kind of alert by then."""
ROWS = 4
"""Open alerts on the picture of the board."""
COLUMNS = 104
LINES = 34
"""Of the recording: what fits a screen."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE: ViewportSize = {"width": 760, "height": 960}
PHONE: ViewportSize = {"width": 390, "height": 780}

# Web fonts would make the picture depend on another host; every viewer has a monospaced font.
_SVG = re.sub(r"@font-face \{\{.*?\n    \}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_GREETING = re.compile(r"The page: (\S+)\s+sign in as (\S+) with the password (\S+)")


def chromium() -> str | None:
    """Where Chromium is; None: not installed, and no picture of the page can be made."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


async def record() -> None:
    """Run the demo once and write all pictures; needs Chromium."""
    console = Console(record=True, file=io.StringIO(), width=COLUMNS, force_terminal=True, highlight=False)
    demo = Demo(speed=60, port=0, folder=None, answers=True, out=console)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(demo.run(RUN_S))
        tasks.create_task(_page(console, running))
    IMAGES.mkdir(exist_ok=True)
    TERMINAL.write_text(_svg(console), encoding="utf-8")


def _svg(console: Console) -> str:
    """The first lines of the recording, and the last one."""
    lines = console.export_text(styles=True).splitlines()
    short = Console(record=True, file=io.StringIO(), width=COLUMNS, force_terminal=True, highlight=False)
    for line in [*lines[:LINES], "...", lines[-1]]:
        short.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis")
    svg = short.export_svg(title="make demo", code_format=_SVG, theme=MONOKAI, unique_id="demo")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


async def _page(console: Console, demo: "asyncio.Task[None]") -> None:
    """Wait for the greeting, then look at the page as its reader would."""
    while not (greeting := _GREETING.search(console.export_text(clear=False))):
        if demo.done():
            raise RuntimeError("The demo ended without telling its address and password in the words expected here.")
        await asyncio.sleep(0.1)  # the console has no event to wait on
    url, name, password = greeting.groups()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            context = await browser.new_context(base_url=url, viewport=WIDE, device_scale_factor=1)
            page = await context.new_page()
            await page.goto("/")
            await page.fill("#carer", name)
            await page.fill("#password", password)
            await page.get_by_role("button", name="Sign in").click()
            await page.wait_for_function(
                "rows => document.querySelectorAll('#alerts li').length >= rows", arg=ROWS, timeout=RUN_S * 1000
            )
            await page.screenshot(path=BOARD, animations="disabled")
            await _alert(page)
        finally:
            await browser.close()


async def _alert(page: Page) -> None:
    """The page of the most urgent alert, on a telephone."""
    await page.set_viewport_size(PHONE)
    await page.locator("#alerts li a").first.click()
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=ALERT, animations="disabled")
