"""A resident's page in a real browser, on a phone: from the list to a night, without barriers, asking nobody else."""

import re

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, Request, expect

from tests.browser.conftest import sign_in
from tests.gateway.console import lives
from tests.gateway.console.house import House

_SMALL = """() => [...document.querySelectorAll('main a, main button, main summary, main input:not([type=hidden])')]
    .filter(e => { const r = e.getBoundingClientRect(); return r.width && r.height < 47 }).map(e => e.outerHTML)"""


async def _fine(page: Page) -> None:
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate(_SMALL) == []


async def test_from_the_list_to_a_note_and_a_night(phone: BrowserContext, house: House) -> None:
    lives.move_in(house)
    await lives.hear(house, "r01", lives.a_day(), noted=True)
    await house.raise_alert("r01")
    asked: list[str] = []
    page = await phone.new_page()
    page.on("request", lambda request: asked.append(_host(request)))
    await sign_in(page)
    await page.goto("/residents")
    await _fine(page)
    await page.get_by_label("Room or name").fill("vella")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Carmen Vella").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Carmen Vella")
    await expect(page.get_by_text("Go and ask what is needed.")).to_be_in_viewport()
    await _fine(page)
    await page.get_by_label("A note for the others").fill("Tea at four.")
    await page.get_by_role("button", name="Keep the note").click()
    await expect(page.locator("#notes")).to_contain_text("Tea at four.")
    await page.get_by_text("more about Carmen Vella").click()
    await page.get_by_role("link", name="Sleep").click()
    await expect(page.get_by_text("In bed 22:30 to 06:45")).to_be_visible()
    await expect(page.locator("svg.band")).to_have_count(1)
    await _fine(page)
    assert set(asked) == {house.url}


async def test_without_scripts_all_of_it_is_there(phone: BrowserContext, house: House) -> None:
    lives.move_in(house)
    await lives.hear(house, "r01", lives.a_day())
    page = await phone.new_page()
    await sign_in(page)
    await page.route(re.compile(r"\.js$"), lambda route: route.abort())
    for tab, text in (("timeline", "Seen in: Kitchen"), ("continence", "Changed once"), ("vitals", "beats a minute")):
        await page.goto(f"/residents/r01/{tab}")
        await expect(page.get_by_text(text).first).to_be_visible()
        await _fine(page)


def _host(request: Request) -> str:
    return "/".join(request.url.split("/")[:3])
