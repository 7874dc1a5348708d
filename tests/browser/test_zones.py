"""The zone editor in a real browser: nothing that was typed or drawn is lost or changed by itself."""

import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Dialog, Page, expect

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
    await expect(page.locator("path.mine.unsure")).to_have_count(1)
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


async def test_keys_act_on_the_corner_that_has_the_focus(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await _editor(phone, house)
    before = await _rows(page)
    await page.locator("#map").focus()
    for _ in range(8):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.title") == "Corner 1":
            break
    await expect(page.locator(".handle.chosen")).to_have_attribute("title", "Corner 1")
    await page.keyboard.press("ArrowUp")
    after = await _rows(page)
    assert (after[1], after[:1] + after[2:]) == ("35.8891449", before[:1] + before[2:])
    await expect(page.locator(".handle.chosen")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Delete")
    assert await _rows(page) == [*after[:2], *after[4:]]


async def test_the_edge_of_a_circle_by_keys(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await _editor(phone, house, "pond")
    edge = page.locator(".handle[data-edge]")
    await edge.focus()
    for radius in ("17", "22", "27"):
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#f-radius_m")).to_have_value(radius)
        await expect(edge).to_be_focused()
    await page.keyboard.press("Delete")
    await expect(page.locator("#f-lon")).to_have_value("14.4012")


async def test_enter_only_checks_and_leaving_asks(phone: BrowserContext, house: PlacesHouse) -> None:
    page = await _editor(phone, house, "pond")
    version = house.version()
    await page.locator("#why").fill("Dug out")
    await page.locator("#f-radius_m").fill("1")
    await page.locator("#f-radius_m").press("Enter")
    await expect(page.locator("#faults")).to_contain_text("This can be used.")
    await expect(page.locator("#why")).to_have_value("Dug out")
    assert house.version() == version
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.locator("#why").click()  # browsers ask only those who did something
    await page.get_by_role("link", name="All places").click(no_wait_after=True)
    await expect(page.locator("#f-radius_m")).to_have_value("1")
    assert asked == ["beforeunload"]
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Pond is saved")
    assert asked == ["beforeunload"]
    await page.goto("/zones/pond")
    await page.get_by_role("link", name="All places").click()
    await expect(page).to_have_url(f"{house.url}/zones")
    assert asked == ["beforeunload"], "nothing was changed, nothing is asked"
    await page.goto("/zones?q=pond")
    await expect(page.locator(".rows .row")).to_have_count(1)
    assert await barriers(page) == []


async def test_a_hole_stays_a_hole(phone: BrowserContext, house: PlacesHouse) -> None:
    holed = document()
    hole = [[14.3998, 35.8898], [14.4004, 35.8898], [14.4004, 35.8903], [14.3998, 35.8898]]
    holed["zones"][0]["geometry"]["coordinates"].append(hole)
    page = await _editor(phone, house)
    await house.apply(holed)
    await page.goto("/zones/garden")
    await page.get_by_label("Way (corridor)").check()
    await expect(page.locator("[name='p.1.role']")).to_have_value("line")
    await page.get_by_label("Area with corners").check()
    await expect(page.locator("[name='p.1.role']")).to_have_value("hole")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("House and garden is saved")
    assert _zone(house)["geometry"] == holed["zones"][0]["geometry"]


async def test_across_the_date_line(phone: BrowserContext, house: PlacesHouse) -> None:
    far = document()
    ring = [[179.999, -17.0], [-179.999, -17.0], [-179.999, -16.998], [179.999, -16.998], [179.999, -17.0]]
    far["zones"][0]["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    far["zones"][1]["geometry"] = {"type": "Point", "coordinates": [-179.9985, -17.0]}
    far["zones"][2]["geometry"] = {"type": "LineString", "coordinates": [[179.9985, -17.0], [-179.9985, -16.999]]}
    page = await _editor(phone, house)
    await house.apply(far)
    await page.goto("/zones/garden")
    await expect(page.locator(".handle.corner")).to_have_count(4)
    wide = await page.locator("path.mine").bounding_box()
    assert wide is not None
    assert 50 < wide["width"] < 360, "not round the world"
    await page.locator("#map").focus()
    await page.keyboard.press("n")
    await page.keyboard.press("Insert")
    assert (await _rows(page))[2:4] == ["180", "-17"]
    await page.keyboard.press("ArrowRight")
    assert (await _rows(page))[2] == "-179.999953"
    await expect(page.locator(".handle.chosen")).to_be_in_viewport()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("House and garden is saved")
    await house.stand("r01", lon=-179.9995, lat=-16.999, at=house.clock.now() - timedelta(minutes=3))
    await page.goto("/map")
    zones = await page.locator("path.zone").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert len(zones) == 4
    assert all(20 < wide < 1500 for wide in zones)
    area = await page.locator("path.zone").first.bounding_box()
    pin = await page.locator(".pin").bounding_box()
    assert area is not None
    assert pin is not None
    assert area["x"] < pin["x"] + pin["width"] / 2 < area["x"] + area["width"]


async def test_very_many_corners(phone: BrowserContext, house: PlacesHouse) -> None:
    many = document()
    ring = [
        [14.4 + 0.004 * math.cos(at / 600 * math.pi), 35.89 + 0.004 * math.sin(at / 600 * math.pi)]
        for at in range(1200)
    ]
    many["zones"][0]["geometry"]["coordinates"] = [[*ring, ring[0]]]
    page = await _editor(phone, house)
    await house.apply(many)
    await page.goto("/zones/garden")
    await expect(page.locator(".handle.chosen")).to_have_count(1)
    assert await page.locator(".handle").count() <= 301
    await page.locator("#map").focus()
    await page.keyboard.press("n")
    await page.keyboard.press("ArrowUp")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("House and garden is saved")
    assert len(_zone(house)["geometry"]["coordinates"][0]) == 1201


async def test_no_corner_lies_under_a_button(phone: BrowserContext, house: PlacesHouse) -> None:
    square = [[14.4, 35.89], [14.4015, 35.89], [14.4015, 35.8916], [14.4, 35.8916], [14.4, 35.89]]
    centre = document()
    centre["zones"].append({"id": "sq", "name": "Square", "geometry": {"type": "Polygon", "coordinates": [square]}})
    await house.apply(centre)
    page = await phone.new_page()
    await sign_in(page, "sam")
    await page.goto("/zones/sq")
    await expect(page.locator(".handle.corner")).to_have_count(4)
    met = await page.locator(".handle.corner").evaluate_all(
        """all => all.map((one) => {
          const { x, y, width, height } = one.getBoundingClientRect();
          return one.contains(document.elementFromPoint(x + width / 2, y + height / 2));
        })"""
    )
    assert met == [True] * 4
