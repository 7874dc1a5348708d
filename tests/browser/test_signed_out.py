"""Pages that stand open when their session ends: names and places don't stay on the screen."""

import re

from playwright.async_api import BrowserContext, expect

from tests.browser.conftest import sign_in
from tests.gateway.console.house import House


async def test_a_page_whose_session_was_ended_leads_to_the_sign_in(phone: BrowserContext, house: House) -> None:
    page = await phone.new_page()
    await sign_in(page)
    await page.goto("/residents/r01")
    await expect(page.locator("#chip")).to_have_class(re.compile("live"))
    await house.writer.write(lambda tx: tx.db.execute("DELETE FROM sessions"))
    await page.wait_for_url("**/sign-in?next=%2Fresidents%2Fr01")
    assert "Carmen" not in await page.locator("body").inner_text()
