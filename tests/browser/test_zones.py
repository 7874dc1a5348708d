"""The zone editor in a real browser: nothing that was typed or drawn is lost or changed by itself."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.barriers import barriers
from tests.browser.conftest import sign_in
from tests.gateway.console.places import GARDEN, PlacesHouse, document


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlacesHouse]:
    home = PlacesHouse(tmp_path_factory.mktemp("home"))
    await home.start()
    await home.give_passwords()
    yield home
    await home.stop()


async def _editor(phone: BrowserContext, house: PlacesHouse, zone: str = "garden") -> Page:
    await house.apply(document())
    page = await phone.new_page()
    await sign_in(page, "sam")
    await page.goto(f"/zones/{zone}")
    await expect(page.locator("#tools")).to_be_visible()
    await expect(page.locator(".handle.corner").first).to_be_visible()
    return page


def _zone(house: PlacesHouse, name: str = "garden") -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in house.newest()["zones"] if one["id"] == name)
    return found


async def _rows(page: Page) -> list[str]:
    found: list[str] = await page.locator(".point input").evaluate_all("all => all.map(one => one.value)")
    return found


async def test_a_typo_is_never_taken_for_a_corner_less(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await _editor(phone, house)
    typo = page.locator("[name='p.0.3.lat']")
    await typo.fill("35.891O")
    await typo.press("Tab")
    await expect(typo).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#faults")).to_contain_text("Corner 4: Please write a number in degrees")
    await page.locator("#map").focus()
    await page.keyboard.press("n")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("[name='p.0.0.lat']")).not_to_have_value("35.8891")
    await expect(typo).to_have_value("35.891O")
    assert await page.locator(".point").count() == len(GARDEN)
    for _ in range(2):
        await page.get_by_role("button", name="Save").click()
        await expect(typo).to_be_focused()
    await expect(page.locator(".point .error")).to_have_count(1)
    assert await barriers(page) == []
    # what the server refuses, as without scripts, comes back whole, and stays so
    await page.evaluate("document.getElementById('zone').submit()")
    await expect(page.locator("#faults")).to_contain_text("Corner 4: Please write a number in degrees")
    await expect(page.locator("#tools")).to_be_visible()
    await expect(typo).to_have_value("35.891O")
    await expect(typo).to_have_attribute("aria-invalid", "true")
    await typo.fill("35.8910")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("House and garden is saved")
    assert len(_zone(house)["geometry"]["coordinates"][0]) == len(GARDEN) + 1


async def test_a_typo_in_the_middle_of_a_circle_stays(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await _editor(phone, house, "pond")
    await page.locator("#f-lon").fill("14.4O12")
    await page.locator("#f-radius_m").fill("1O")
    await page.locator("#f-radius_m").press("Tab")
    await expect(page.locator("#f-radius_m")).to_have_attribute("aria-invalid", "true")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#f-lon")).to_be_focused()
    await expect(page.locator("#f-lon")).to_have_value("14.4O12")
    await expect(page.locator("#f-lat")).to_have_value("35.8902")
    await expect(page.locator("#e-radius_m")).to_have_text("Please write a number of metres, such as 80.")
