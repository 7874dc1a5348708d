"""What the first view of the board costs on a slow line: counted, not timed."""

from playwright.async_api import Browser, expect

from tests.brokers import until
from tests.browser.conftest import let_in
from tests.gateway.console.house import House

MOST_BYTES = 15_000
MOST_REQUESTS = 8


async def test_the_first_view_of_the_board_is_small(browser: Browser, house: House) -> None:
    for number in range(5):
        await house.raise_alert(subject=str(number))
    context = await browser.new_context(viewport={"width": 360, "height": 740}, base_url=house.url)
    await let_in(context, "nora")
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    asked: dict[str, str] = {}
    loaded: dict[str, float] = {}
    first: list[str] = []
    await session.send("Network.enable")
    session.on(
        "Network.requestWillBeSent", lambda event: asked.__setitem__(event["requestId"], event["request"]["url"])
    )
    session.on(
        "Network.loadingFinished", lambda event: loaded.__setitem__(event["requestId"], event["encodedDataLength"])
    )
    page.on("load", lambda _: first.extend(asked))
    await page.goto("/", wait_until="load")
    await expect(page.locator("#chip.live")).to_be_visible()
    # the event stream never ends; what comes a second after the page is for later
    view = [one for one in first if not asked[one].endswith("/beats")]
    await until(lambda: all(one in loaded for one in view), what="the files of the first view")
    assert 3 <= len(first) <= MOST_REQUESTS, list(asked.values())
    assert sum(loaded[one] for one in view) <= MOST_BYTES, {asked[one]: loaded[one] for one in view}
    await context.close()
