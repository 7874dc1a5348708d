"""A resident's page in a real browser, on a phone: from the list to a night, without barriers, asking nobody else."""

from playwright.async_api import BrowserContext, Request, expect

from tests.browser.conftest import sign_in
from tests.gateway.console import lives
from tests.gateway.console.house import House


async def test_from_the_list_to_a_note_and_a_night(phone: BrowserContext, house: House) -> None:
    lives.move_in(house)
    await lives.hear(house, "r01", lives.a_day(), noted=True)
    await house.raise_alert("r01")
    asked: list[str] = []
    page = await phone.new_page()
    page.on("request", lambda request: asked.append(_host(request)))
    await sign_in(page)
    await page.goto("/residents")
    await page.get_by_label("Room or name").fill("vella")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Carmen Vella").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Carmen Vella")
    await expect(page.get_by_text("Go and ask what is needed.")).to_be_in_viewport()
    await page.get_by_label("A note for the others").fill("Tea at four.")
    await page.get_by_role("button", name="Keep the note").click()
    await expect(page.locator("#notes")).to_contain_text("Tea at four.")
    await page.get_by_text("more about this person").click()
    await page.get_by_role("link", name="Sleep").click()
    await expect(page.get_by_text("In bed 22:30 to 06:45")).to_be_visible()
    await expect(page.locator("svg.band")).to_have_count(1)
    await page.emulate_media(forced_colors="active")  # the key of a chart must say which is which there too
    marks = await page.evaluate(
        "[...document.querySelectorAll('.key span')].map((one) => getComputedStyle(one, '::before').backgroundColor)"
    )
    assert len(set(marks)) == len(marks) == 3, marks
    assert set(asked) == {house.url}


def _host(request: Request) -> str:
    return "/".join(request.url.split("/")[:3])
