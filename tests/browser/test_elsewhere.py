"""Away from the board a new alarm is seen and heard all the same."""

import asyncio
import re
from functools import partial

from playwright.async_api import Browser, BrowserContext, expect

from gateway.store.writer import Tx
from rules.model import Priority
from tests.browser.barriers import barriers
from tests.browser.conftest import sign_in
from tests.browser.test_sound import COUNT, rung
from tests.gateway.console.house import House


def _close(tx: Tx, number: int) -> None:
    tx.db.execute("UPDATE alerts SET state = 'closed' WHERE id = ?", (number,))


async def test_every_page_says_and_rings_what_came_meanwhile(phone: BrowserContext, house: House) -> None:
    page = await phone.new_page()
    await page.add_init_script(COUNT)
    await page.add_init_script("""localStorage["telecare-sound"] = JSON.stringify({ on: true, tested: Date.now() })""")
    own = await house.raise_alert("r02", Priority.LOW)
    await sign_in(page)
    await page.locator("#main").click()
    bar = page.locator(".elsewhere")
    await page.goto(f"/alerts/{own}")
    await expect(page).to_have_title(re.compile(r"^\(1\) "))
    await expect(bar).to_have_count(0)  # the page itself says it
    for address, subject in ((f"/alerts/{own}", "a"), ("/residents", "b")):  # one that is live, and one that is not
        await page.goto(address)
        number = await house.raise_alert("r03", Priority.HIGH, "fall", subject)
        await expect(bar.locator(".badge.high")).to_have_text("!!! Act now")
        await expect(bar).to_contain_text("Nobody is going yet.")
        assert "high" in await rung(page, 1)
        await expect(page).to_have_title(re.compile(r"^\(\d\) "))
        assert await barriers(page) == []
        await house.writer.write(partial(_close, number=number))
    await bar.get_by_role("link").click()
    await expect(page.locator(f"#a{own}")).to_be_visible()
    assert await bar.count() == 0
    # the wards that were chosen on the board hold for the pages after it
    await page.goto("/?ward=north")
    async with page.expect_request("**/waiting?ward=north"):
        await page.locator(f"#a{own} h2 a").click()


async def test_a_sound_that_was_interrupted_comes_back_by_itself(browser: Browser, house: House) -> None:
    context = await browser.new_context(base_url=house.url)
    page = await context.new_page()
    await page.add_init_script(COUNT)
    await page.add_init_script(
        """window.made = [];
        window.AudioContext = class extends AudioContext { constructor() { super(); made.push(this); } };"""
    )
    await sign_in(page)
    await page.get_by_role("button", name="Test the sound").click()
    await rung(page, 1)
    await page.evaluate("made[0].suspend()")  # a call came in; nobody touches the page any more
    async with asyncio.timeout(30):
        while await page.evaluate("made[0].state") != "running":
            await asyncio.sleep(0.05)
    await page.evaluate("rung.length = 0")
    await house.raise_alert("r01", Priority.HIGH)
    assert (await rung(page, 1))[0] == "high"
    await context.close()
