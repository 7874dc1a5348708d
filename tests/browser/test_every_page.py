"""Every page of the console, found by walking its routes: nobody is kept out, by day and by night, and nobody else is
asked for anything. A new page is walked over as soon as it has a route."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.routes import HTTPRoute
from playwright.async_api import Browser, BrowserContext, expect

from gateway.console.pages import STATIC_URL
from tests.browser.barriers import barriers, bring_axe
from tests.browser.conftest import PHONE, let_in
from tests.browser.lived import LivedHouse

PLACES = {"resident": "r01", "carer": "nora", "device": "gps-r01", "table": "residents", "key": "r01", "place": "0"}
"""What stands in an address, by its name in the route."""

SPECIAL = {
    "/shell": f"/shell?of={STATIC_URL}",
    "/zones/{name}": "/zones/garden",
    "/admin/versions/{number}": "/admin/versions/2",
    "/admin/pair/device": "/admin/pair/device?format=native&address=new-7",
}
"""Where the name alone does not say it; the house knows more of them."""

NO_PAGES = (
    "/api/", "/static/", "/leaflet/", "/tiles/",
    "/sign-in/oidc", "/account/identities/link",  # they only lead to another house's sign-in, and back
)  # fmt: skip
"""What is there for programs and for pages."""

OTHERS = {
    "": ("/sign-in", "/nowhere", "/a/forged"),
    "rita": ("/", "/residents", "/residents/r01", "/residents/r01/sleep", "/residents/r01/looks", "/map"),
    "nora": ("/residents/r01/consent", "/residents/r02", "/residents/r02/break-glass", "/residents?q=nobody"),
}
"""Pages that look different for others than an administrator; nobody is signed in at "" yet."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LivedHouse]:
    house = LivedHouse(tmp_path_factory.mktemp("lived"))
    await house.start()
    await house.live()
    yield house
    await house.stop()


def addresses(app: Litestar, found: dict[str, str]) -> Iterator[str]:
    """Something to open for each route that can be opened."""
    for route in app.routes:
        pattern = route.path_format
        if not isinstance(route, HTTPRoute) or "GET" not in route.methods or pattern.startswith(NO_PAGES):
            continue
        special = {**SPECIAL, **found}.get(pattern)
        try:
            yield special or pattern.format_map(PLACES)
        except KeyError as error:
            pytest.fail(f"{pattern}: say in PLACES or in the house what stands in place of {error}")


async def pages(house: LivedHouse) -> list[str]:
    """Those of them that are whole pages, with a policy that lets no script of others in."""
    whole = []
    async with house.signed_in("ada") as ada:
        for address in addresses(house.app, house.found):
            async with ada.stream("GET", address) as answer:
                if not answer.headers.get("content-type", "").startswith("text/html") or address == "/sign-in":
                    continue
                text = (await answer.aread()).decode()
            assert answer.status_code == 200, (address, text)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy, address
            assert "unsafe" not in policy, address
            if "<html" in text:
                whole.append(address)
    return whole


async def test_no_page_keeps_anybody_out_by_day_or_by_night(browser: Browser, house: LivedHouse) -> None:
    whole = await pages(house)
    assert len(whole) > 55, whole
    context = await browser.new_context(viewport=PHONE, base_url=house.url, has_touch=True, is_mobile=True)
    await bring_axe(context)
    page = await context.new_page()
    asked: set[str] = set()
    wrong: list[str] = []
    page.on("request", lambda request: asked.add("/".join(request.url.split("/")[:3])))
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on("console", lambda said: wrong.append(f"{page.url}: {said.text}") if "Policy" in said.text else None)
    await page.route("**/board", lambda route: route.abort())  # so the page for lost connections stays
    for carer, paths in {**OTHERS, "ada": whole}.items():
        await context.clear_cookies()
        if carer:
            await let_in(context, carer)
        for path in paths:
            await page.goto(path)
            wrong += [f"{carer} {path}: {one}" for one in await barriers(page)]
    await page.goto("/residents/r01/looks")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    for only_on_screens in await page.locator(".noprint, header.bar").all():
        await expect(only_on_screens).to_be_hidden()
    await context.close()
    assert wrong == [], "\n".join(wrong)
    assert asked == {house.url}


async def test_pages_tell_within_fifteen_seconds_that_they_are_old(phone: BrowserContext, house: LivedHouse) -> None:
    await let_in(phone)
    open_pages = [await phone.new_page() for _ in range(4)]
    for page, path in zip(open_pages, ("/residents/r01", "/rounds", "/wall", "/residents/r01/vitals"), strict=True):
        await page.clock.install()
        await page.goto(path)
        await expect(page.locator("#chip")).to_have_text("Live")
    await house.stop_serving()
    for page in open_pages:
        await page.clock.run_for(15_000)
        await expect(page.locator("#chip")).to_contain_text("Not live since")
    number = await house.raise_alert("r01")
    await house.serve()
    for page in open_pages:
        await page.clock.run_for(6_000)
        await expect(page.locator("#chip")).to_have_text("Live")
    await expect(open_pages[0].locator(f"#a{number}")).to_contain_text("Help pressed")


async def test_answers_on_a_residents_page_wait_like_those_on_the_board(
    phone: BrowserContext, house: LivedHouse
) -> None:
    number = await house.raise_alert("r01", rule="fall")
    await let_in(phone)
    page = await phone.new_page()
    await page.goto("/residents/r01")
    await expect(page.locator("#chip")).to_have_text("Live")
    alert = page.locator(f"#a{number}")
    await alert.get_by_text("Ask a colleague").or_(alert.get_by_text("Close the alert")).first.click()
    note = alert.get_by_label("Note")
    await note.fill("She sits on")
    await house.stop_serving()
    await alert.get_by_role("button", name="20 min").press("Enter")
    await expect(alert.locator(".sent")).to_contain_text("Waiting to be sent.")
    await house.serve()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(alert.locator(".state")).to_contain_text("You are going.")
    await expect(note).to_have_value("She sits on")  # not taken away from under the finger
    await note.fill("")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await alert.get_by_role("button", name="I am there").press("Enter")
    await expect(alert.locator(".state")).to_contain_text("You are there")
    await expect(alert.locator(".sent")).to_have_text("Sent")
    answered = (
        "SELECT event, count(*) FROM alert_events WHERE alert = ? AND event IN ('acknowledge', 'arrive') GROUP BY 1"
    )
    assert house.ask(answered, number) == [("acknowledge", 1), ("arrive", 1)]


async def test_without_scripts_they_show_and_answer(browser: Browser, house: LivedHouse) -> None:
    number = await house.raise_alert("r01", subject="again")
    context = await browser.new_context(viewport=PHONE, base_url=house.url, java_script_enabled=False)
    await let_in(context)
    page = await context.new_page()
    await page.goto("/residents/r01")
    await page.locator(f"#a{number}").get_by_role("button", name="10 min").click()
    await expect(page.locator(".notice")).to_contain_text("You are going.")
    await page.goto(f"/alerts/{number}")
    await page.get_by_role("button", name="I am there").click()
    await expect(page.locator(".notice")).to_contain_text("You are there")
    for tab, text in (("timeline", "Seen in: Kitchen"), ("continence", "Changed once"), ("vitals", "beats a minute")):
        await page.goto(f"/residents/r01/{tab}")
        await expect(page.get_by_text(text).first).to_be_visible()
    await page.goto("/rounds")
    await page.get_by_role("button", name="Done").first.click()
    await expect(page.get_by_text("Nothing is due.")).to_be_visible()
    await context.close()
