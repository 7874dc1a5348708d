"""The administration in a real browser, on a phone: a device comes in, and a rule is set."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from gateway.clock import to_ms
from tests.browser.barriers import barriers
from tests.browser.conftest import sign_in
from tests.gateway.console.living import HOME, LivingHouse
from tests.gateway.console.test_admin import heard


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    house = LivingHouse(tmp_path)
    await house.start()
    await house.apply(HOME)
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def test_a_device_is_brought_in_on_a_phone(phone: BrowserContext, house: LivingHouse) -> None:
    page = await phone.new_page()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    await sign_in(page, "sam")
    await house.writer.write(lambda tx: heard(tx, "native:new-7", to_ms(house.clock.now()), 1))
    await page.goto("/admin")
    await page.get_by_role("link", name="Bring in a new device").click()
    await page.get_by_role("link", name="new-7").click()
    await expect(page.get_by_label("What it is")).to_have_value("sos_button")
    await page.get_by_label("Who gets it").select_option("r02")
    await page.get_by_role("button", name="Save, then press").click()
    await expect(page.get_by_text("Press the button of")).to_be_visible()
    assert await barriers(page) == []
    house.clock.move(5)
    await house.writer.write(lambda tx: heard(tx, "d01", to_ms(house.clock.now()), 2))
    await expect(page.get_by_text("It came.")).to_be_visible()
    assert hosts == {urlsplit(house.url).netloc}


async def test_wrong_fields_are_marked_and_a_rule_is_saved_and_undone(
    phone: BrowserContext, house: LivingHouse
) -> None:
    page = await phone.new_page()
    await sign_in(page, "sam")
    await page.goto("/admin/plan/r01")
    await page.get_by_label("Rule", exact=True).select_option("fall")
    await page.get_by_role("button", name="Next: its settings").click()
    await page.get_by_label("Suspected after").fill("soon")
    await page.get_by_role("button", name="Save").last.click()
    await expect(page.get_by_text("Please write a number.")).to_be_visible()
    assert await barriers(page) == []
    await page.get_by_label("Suspected after").fill("45")
    await page.get_by_role("button", name="Save").last.click()
    await expect(page.get_by_text("Version 3 is in force.")).to_be_visible()
    await expect(page.get_by_role("link", name="Fall")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Version 4 is in force.")).to_be_visible()
    assert [rule.name for rule in house.index.plan_of("r01").rules] == ["help"]
