import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright, expect

from gateway.store.writer import Tx
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import NOW, PASSWORD, House, field

UNSEEN = (
    "PreloadTopChromeWebUI", "InitialWebUI", "WebUIReloadButton", "SpareRendererForSitePerProcess",
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup",
)  # fmt: skip
"""The browser's own windows beside each page: four times the work of a page of ours, and nobody looks at them."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(UNSEEN)}",
)
PATIENCE_MS = 1000 * PATIENCE_S
expect.set_options(timeout=PATIENCE_MS)

HAPPENED = (
    "answers", "alert_events", "notifications", "shelved", "shelves", "alerts", "sessions", "protection",
    "push_subscriptions", "passkeys", "break_glass", "round_checks", "rule_states",
)  # fmt: skip
"""Tables of what happens, in an order in which they can be emptied."""

PHONE: ViewportSize = {"width": 360, "height": 740}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.xdist_group("browser"))
            # one loop for all of them, because one browser serves them all: starting it takes the most time
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    home = House(tmp_path_factory.mktemp("home"))
    await home.start()
    await home.give_passwords()
    yield home
    await home.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def house(home: House) -> AsyncIterator[House]:
    """The house of a module, as if nothing had ever happened in it: making a new one takes longer than most tests."""
    yield home
    await home.writer.write(forget)
    home.clock.move_to(_next(home.clock.now()))  # the same time of another day: nothing drawn before fits
    if home.settings or not home.serving:
        home.settings.clear()
        await home.stop_serving()
        await home.serve()


def _next(at: datetime) -> datetime:
    days = (at - NOW).days + 1
    return NOW + timedelta(days=days)


def forget(tx: Tx) -> None:
    """Nothing ever happened; who may sign in stays."""
    for table in HAPPENED:
        tx.db.execute(f"DELETE FROM {table}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser, house: House) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=PHONE, base_url=house.url, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE_MS)
    yield context
    await context.close()


async def sign_in(page: Page, carer: str = "nora", *, typed: bool = False) -> None:
    """The carer's board, live. ``typed``: by the form; otherwise as if they had signed in before."""
    if typed:
        await page.goto("/")
        await page.fill("#carer", carer)
        await page.fill("#password", PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
    else:
        await let_in(page.context, carer)
        await page.goto("/")
    await page.wait_for_selector("#alerts")
    # A tap before the scripts are there is a plain form's, which is another test.
    await page.wait_for_selector("#chip.live")


async def let_in(context: BrowserContext, carer: str = "nora") -> None:
    """A context in which that carer is signed in."""
    form = await (await context.request.get("/sign-in")).text()
    sent = {name: field(form, name) for name in ("next", "_csrf_token")}
    answer = await context.request.post(
        "/sign-in", form={**sent, "carer": carer, "password": PASSWORD}, max_redirects=0
    )
    assert answer.status == 303, await answer.text()
