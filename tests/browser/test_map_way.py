"""The way of one person in a real browser: it follows the person, says when it can't, and goes when it may not be."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from gateway.store.writer import Tx
from tests.browser.barriers import barriers
from tests.browser.conftest import sign_in
from tests.gateway.console.places import PlacesHouse, before


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[PlacesHouse]:
    """r02 agreed to be shown in an alarm, and one is open."""
    house = PlacesHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    await house.stand("r02", at=before(20))
    await house.raise_alert("r02")
    try:
        yield house
    finally:
        await house.stop()


def close(tx: Tx) -> None:
    """The alert is closed."""
    tx.db.execute("UPDATE alerts SET state = 'closed'")


async def test_it_follows_and_goes_when_it_may_not_be_shown_any_more(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await phone.new_page()
    await sign_in(page)
    await page.goto("/map?resident=r02")
    await expect(page.locator("#chip")).to_have_text("Live")
    await expect(page.locator("#newest")).to_contain_text("20 minutes ago, old")
    await expect(page.locator("path.dot")).to_have_count(1)
    assert await barriers(page) == []
    await house.stand("r02", lon=14.43, at=house.clock.now() - timedelta(minutes=2))
    await expect(page.locator("path.dot")).to_have_count(2, timeout=8_000)
    await expect(page.locator("#newest")).to_contain_text("2 minutes ago")
    await expect(page.locator("path.dot").last).to_be_in_viewport()
    box = await page.locator("#map").bounding_box()
    dot = await page.locator("path.dot").last.bounding_box()
    assert box is not None
    assert dot is not None
    assert box["x"] <= dot["x"] <= box["x"] + box["width"], "the map goes after the person"
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await house.writer.write(close)
    await expect(page.locator("#way-who")).to_contain_text("None is open now.", timeout=8_000)
    await expect(page.locator("path.dot")).to_have_count(0)
    whole = await page.content()
    assert "Joseph" not in whole
    assert "14.43" not in whole
    assert ">102<" not in whole
    await house.raise_alert("r02", subject="again")
    await expect(page.locator("path.dot")).to_have_count(2, timeout=8_000)


async def test_what_can_not_be_fetched_is_told(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await phone.new_page()
    await sign_in(page)
    await page.clock.install()
    await page.goto("/map?resident=r02")
    await expect(page.locator("#chip")).to_have_text("Live")
    await page.route("**/map?*part=1*", lambda route: route.abort())
    await page.clock.run_for(15_000)
    await expect(page.locator("#chip")).to_contain_text("Not live since")
    await expect(page.locator("#stale")).to_be_visible()
