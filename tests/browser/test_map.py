"""The map and the zone editor in a real browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Request, expect

from rules.model import Priority
from tests.browser.barriers import barriers
from tests.browser.conftest import sign_in
from tests.gateway.console.places import GARDEN, LON, PlacesHouse, before


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[PlacesHouse]:
    house = PlacesHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    await house.stand("r01", at=before(3))
    try:
        yield house
    finally:
        await house.stop()


async def test_the_map_on_a_phone(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await phone.new_page()
    hosts = await _watched(page)
    await page.emulate_media(reduced_motion="reduce")
    await sign_in(page)
    await page.goto("/map")
    pin = page.locator(".pin")
    await expect(pin).to_have_text("101")
    await expect(page.locator("path.disc")).to_have_count(1)
    await expect(page.locator("path.zone")).to_have_count(4)
    await expect(page.locator("#chip")).to_have_text("Live")
    await page.get_by_role("button", name="On the map Room 101").click()
    await house.stand("r02", lon=14.45, at=before(40))
    await house.raise_alert("r02")
    await expect(page.locator(".pin.aged.high")).to_have_text("!!! 102")
    await expect(page.locator(".pin.aged.high")).to_be_in_viewport(ratio=1)  # 4 km beside what was seen
    await page.get_by_role("button", name="On the map Room 101").click()
    await expect(page.locator(".leaflet-popup-content")).to_contain_text("in House and garden")
    assert await barriers(page) == []
    assert hosts == {house.url}
    assert await _sideways(page) <= 0


async def test_people_at_one_place_are_one_sign_that_names_all_and_hides_no_alarm(
    phone: BrowserContext, house: PlacesHouse
) -> None:
    await house.stand("r02", at=before(3), accuracy_m=5000.0, source="cell")
    await house.raise_alert("r02", Priority.LOW)
    page = await phone.new_page()
    await page.emulate_media(reduced_motion="reduce")
    await sign_in(page)
    await page.goto("/map")
    pin = page.locator(".pin")
    await expect(pin).to_have_count(1)
    await expect(pin).to_have_text("! 102 +1")
    await expect(pin).to_have_class(re.compile(r"\blow\b"))
    # the disc of a mast has no say in how near the house is looked at
    await expect(page.locator(".leaflet-control-scale-line")).to_have_text(re.compile(r"^\d+ m$"))
    await house.raise_alert("r01", Priority.HIGH)
    await expect(pin).to_have_text("!!! 101 ! 102")
    await expect(pin).to_have_class(re.compile(r"\bhigh\b"))
    assert (await pin.get_attribute("title") or "").startswith("People here: 2. !!! Room 101, Carmen Vella")
    await pin.press("Enter")
    people = page.get_by_role("group", name="People here: 2")
    await expect(people).to_be_focused()
    await expect(people.get_by_role("link", name="Help pressed")).to_have_count(2)
    assert await barriers(page) == []
    await page.keyboard.press("Escape")
    await expect(people).to_have_count(0)
    await expect(pin).to_be_focused()
    await house.stand("r02", lon=LON + 0.01)
    await house.raise_alert("r02", Priority.LOW)
    await expect(pin).to_have_text(["!!! 101", "! 102"])


async def test_a_map_that_can_not_be_fetched_says_so(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await phone.new_page()
    await sign_in(page)
    await page.clock.install()
    await page.goto("/map")
    await expect(page.locator("#chip")).to_have_text("Live")
    await page.route("**/map/part*", lambda route: route.abort())
    await page.clock.run_for(15_000)
    await expect(page.locator("#chip")).to_contain_text("Not live since")
    await expect(page.locator("#stale")).to_be_visible()


async def test_a_circle_by_one_tap_is_saved_and_in_force(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await phone.new_page()
    await sign_in(page, "sam")
    await page.goto("/zones/new")
    await expect(page.locator("#tools")).to_be_visible()
    box = await page.locator("#map").bounding_box()
    assert box is not None
    await page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await expect(page.locator("path.mine")).to_have_count(1)
    await page.get_by_label("Name of the place").fill("Bench")
    await page.get_by_label("Short name").fill("bench")
    await page.get_by_label("Radius in metres").fill("25")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Bench is saved, and in force from now on.")
    shape = house.index.zone("bench")
    assert shape.radius_m == 25
    assert abs(shape.lon - 14.4) < 0.02
    assert await _sideways(page) <= 0


async def test_a_crossing_is_shown_and_refused_and_undone(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await phone.new_page()
    await sign_in(page, "sam")
    await page.goto("/zones/garden")
    corners = page.locator(".handle.corner")
    await expect(corners).to_have_count(len(GARDEN))
    first = await corners.nth(0).bounding_box()
    far = await corners.nth(3).bounding_box()
    assert first is not None
    assert far is not None
    middle = [(one["x"] + one["width"] / 2, one["y"] + one["height"] / 2) for one in (first, far)]
    await page.mouse.move(*middle[0])
    await page.mouse.down()
    await page.mouse.move(middle[1][0] + 12, middle[1][1] - 40, steps=5)
    await page.mouse.up()
    await expect(page.locator(".handle.crossing")).to_have_count(1)
    await expect(page.locator("#faults")).to_contain_text("The border crosses or touches itself")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("This can’t be saved yet:")).to_be_visible()
    await expect(page.locator(".handle.crossing")).to_have_count(1)
    assert await barriers(page) == []
    assert house.version() == 2
    await page.goto("/zones/garden")
    await page.mouse.move(*middle[0])
    await page.mouse.down()
    await page.mouse.move(middle[0][0] + 20, middle[0][1] + 20, steps=3)
    await page.mouse.up()
    await expect(page.locator("[name='p.0.0.lon']")).not_to_have_value("14.3988")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("[name='p.0.0.lon']")).to_have_value("14.3988")


async def test_the_keyboard_alone(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await phone.new_page()
    await sign_in(page, "sam")
    await page.goto("/zones/garden")
    await page.locator("#map").focus()
    await page.keyboard.press("n")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("[name='p.0.0.lat']")).to_have_value("35.8891898")
    await page.keyboard.press("Insert")
    await expect(page.locator(".handle.corner")).to_have_count(len(GARDEN) + 1)
    await page.keyboard.press("Delete")
    await page.keyboard.press("p")
    await page.keyboard.press("Delete")
    await expect(page.locator(".handle.corner")).to_have_count(len(GARDEN) - 1)
    await page.keyboard.press("Control+z")
    await expect(page.locator(".handle.corner")).to_have_count(len(GARDEN))
    await page.get_by_role("button", name="Save").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("House and garden is saved")
    [zone] = [one for one in house.newest()["zones"] if one["id"] == "garden"]
    assert zone["geometry"]["coordinates"][0][0] == [14.3988, 35.8891898]


async def _watched(page: Page) -> set[str]:
    hosts: set[str] = set()

    def note(request: Request) -> None:
        scheme, _, rest = request.url.partition("://")
        hosts.add(f"{scheme}://{rest.split('/')[0]}")

    page.on("request", note)
    return hosts


async def _sideways(page: Page) -> int:
    wide: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wide
