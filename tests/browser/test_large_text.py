"""Letters of twice the size on the smallest phone: nothing that is tapped is cut off (WCAG 1.4.4, 1.4.10)."""

from playwright.async_api import BrowserContext

from rules.model import Priority
from tests.browser.conftest import sign_in
from tests.gateway.console.house import House

OUTSIDE = """() => [document.documentElement.scrollWidth - innerWidth,
  ...[...document.querySelectorAll(".skip, .bar *, main *")].filter((one) => {
    const { width, left, right } = one.getBoundingClientRect();
    const tiny = width < 2 || !one.checkVisibility() || one.closest(".wards, .wide, .map");
    return !tiny && (left < 0 || right > innerWidth + 1);
  }).map((one) => one.outerHTML.slice(0, 80))]"""


async def test_large_letters_cut_nothing_off(house: House, phone: BrowserContext) -> None:
    page = await phone.new_page()
    await page.set_viewport_size({"width": 320, "height": 640})
    devtools = await phone.new_cdp_session(page)
    await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 32}})
    alert = await house.raise_alert("r01", Priority.HIGH, "fall")

    await sign_in(page)
    assert await page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"

    for address in ("/", f"/alerts/{alert}", "/residents", "/residents/r01", "/map", "/rounds"):
        await page.goto(address)
        assert await page.evaluate(OUTSIDE) == [0], address
        if address != "/residents":
            continue
        await page.locator(".menu summary").click()
        assert await page.evaluate(OUTSIDE) == [0], "the menu"
