"""The sound of the board, and the wall screen, in a real browser."""

import asyncio

from playwright.async_api import Browser, BrowserContext, Page, expect

from rules.model import Priority
from tests.browser.barriers import barriers
from tests.browser.conftest import sign_in
from tests.gateway.console.house import House

COUNT = """
window.rung = [];
document.addEventListener("telecare-sound", (event) => window.rung.push(event.detail));
"""

CUT = """() => [...document.querySelectorAll(".panel .room, .panel .eta, .panel .age, .panel h2, .rest")]
    .map((e) => [e, e.getBoundingClientRect().bottom, e.closest(".panel")?.getBoundingClientRect().bottom])
    .filter(([e, low, edge]) => e.scrollWidth > e.clientWidth + 1 || low > Math.min(innerHeight, edge ?? low))
    .map(([e]) => e.className + e.textContent)"""


async def rung(page: Page, times: int) -> list[str]:
    """What was rung, once it is that often."""
    async with asyncio.timeout(30):
        while len(found := await page.evaluate("window.rung")) < times:
            await asyncio.sleep(0.05)
    return list(found)


async def test_it_rings_until_somebody_is_going(phone: BrowserContext, house: House) -> None:
    page = await phone.new_page()
    await page.clock.install()
    await page.add_init_script(COUNT)
    await sign_in(page)
    switch = page.locator("#sound-switch")
    await expect(switch).to_have_text("Sound is off")
    low = await house.raise_alert("r02", Priority.LOW)
    await expect(page.locator(f"#a{low}")).to_be_visible()
    assert await rung(page, 0) == []
    await page.get_by_role("button", name="Test the sound").click()
    await expect(switch).to_have_text("Sound is on")
    await expect(switch).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#sound-say")).to_contain_text("That was the most urgent tone.")
    assert (await rung(page, 1))[:1] == ["high"]
    door, row = page.locator("#sound-open"), page.locator("#sound")
    await expect(door).to_be_hidden()
    await page.locator("#main").focus()
    await page.clock.run_for(21_000)
    await expect(row).to_be_hidden()  # a sound that is on takes one letter
    await expect(door).to_have_accessible_name("Sound is on")
    await door.click()
    await expect(row).to_be_visible()
    await door.click()
    await expect(row).to_be_hidden()
    high = await house.raise_alert("r01", Priority.HIGH)
    await expect(page.locator(f"#a{high}")).to_be_visible()
    await page.clock.run_for(7_000)
    assert (await rung(page, 3))[-2:] == ["high", "high"], "again and again"
    await page.locator(f"#a{high}").get_by_role("button", name="10 min").click()
    await expect(page.locator(f"#a{high} .sent")).to_have_text("Sent")
    before = len(await rung(page, 3))
    await page.clock.run_for(46_000)
    assert (await rung(page, before + 1))[-1] == "low", "the other one is still nobody's"
    await page.locator(f"#a{low}").get_by_role("button", name="10 min").click()
    await expect(page.locator("[data-rings]")).to_have_count(0)
    await page.reload()
    await expect(switch).not_to_have_text("Sound is off")  # it is remembered


async def test_it_says_when_the_browser_holds_it_back(browser: Browser, house: House) -> None:
    context = await browser.new_context(base_url=house.url)
    page = await context.new_page()
    # a browser that lets nothing sound before a tap, however often it is asked
    await page.add_init_script(
        """localStorage["telecare-sound"] = JSON.stringify({ on: true });
        AudioContext.prototype.resume = () => new Promise(() => {});
        Object.defineProperty(AudioContext.prototype, "state", { get: () => "suspended" });"""
    )
    await sign_in(page)
    await expect(page.locator("#sound-switch")).to_have_text("Your browser holds the sound back. Tap here.")
    await expect(page.locator("#sound-say")).to_have_text("Please test the sound at the beginning of your shift.")
    assert await barriers(page) == []
    await context.close()


async def test_the_wall_fits_whatever_happens(browser: Browser, house: House) -> None:
    context = await browser.new_context(base_url=house.url)
    page = await context.new_page()
    await sign_in(page, "sam")
    await page.goto("/wall")
    await expect(page.get_by_text("No open alerts.")).to_be_visible()
    await expect(page.locator("#clock")).to_have_text("03:12")
    raised = 0
    for wanted, shown in ((3, 3), (40, 24)):
        for number in range(raised, wanted):
            resident, priority = (("r03", Priority.HIGH), ("r01", Priority.LOW))[number % 2]
            await house.raise_alert(resident, priority, subject=f"s{number}")
        raised = wanted
        await expect(page).to_have_title(f"({wanted}) Wall screen · Haven House")
        await expect(page.locator(".panel")).to_have_count(shown)
        for width, height in ((1920, 1080), (1280, 720), (1080, 1920)):
            await page.set_viewport_size({"width": width, "height": height})
            size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert size == [width, height]
            assert await page.evaluate(CUT) == []
    await expect(page.get_by_text("16 more alerts have no place here")).to_be_visible()
    await context.close()
