"""Traps of the board: forms in use, clocks, two carers in one browser, answers that fail, rows that move."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, BrowserContext, Error, Page, Route, expect

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge, Answer, Close, Decline, Outcome
from rules.model import Priority
from tests.brokers import PATIENCE_S
from tests.browser.conftest import PHONE, let_in
from tests.browser.test_offline import PAGE_TIME
from tests.gateway.console.house import House

COUNT = """
window.rung = [];
document.addEventListener("telecare-sound", (event) => window.rung.push(event.detail));
localStorage["telecare-sound"] ??= JSON.stringify({ on: true, tested: Date.now() });
"""
QUEUE = "JSON.parse(localStorage['telecare-answers'] ?? '[]').map((one) => one.carer + ' ' + one.body)"


@asynccontextmanager
async def _board(browser: Browser, house: House, carer: str = "nora", *, clock: bool = False) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=PHONE, base_url=house.url)
    context.set_default_timeout(1000 * PATIENCE_S)
    await let_in(context, carer)
    page = await context.new_page()
    if clock:
        await page.clock.install()
        await page.add_init_script(PAGE_TIME)
    await page.add_init_script(COUNT)
    await page.goto("/")
    await page.wait_for_selector("#chip.live")
    yield page
    await context.close()


async def _says(house: House, number: int, answer: Answer, who: str = "sam") -> None:
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, answer, who, "page"))


async def _until(page: Page, condition: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await page.evaluate(condition):
            await asyncio.sleep(0.05)


async def _refuse(route: Route) -> None:
    await route.fulfill(status=500, content_type="application/json", body='{"detail": "x"}')


async def test_a_form_in_use_does_not_freeze_its_row(browser: Browser, house: House) -> None:
    number = await house.raise_alert("r01", Priority.MEDIUM)
    await _says(house, number, Acknowledge(5), "nora")
    async with _board(browser, house) as page:
        row = page.locator(f"#a{number}")
        await row.get_by_text("Close the alert").click()
        await row.get_by_label("What was it?").select_option("real")
        await row.get_by_label("Note").press_sequentially("She was on")
        house.clock.move(301)
        await house.writer.write(lambda tx: desk.escalate_due(tx, house.index))
        await expect(row.locator(".state")).to_contain_text("Nobody is going yet.")
        await expect(row).to_have_attribute("data-rings", "medium")
        await expect(row.get_by_role("button", name="Going, 5 min")).to_have_count(1)
        await house.raise_alert("r01", Priority.HIGH)
        await expect(row).to_have_attribute("data-rings", "high")
        await expect(row.locator(".badge")).to_contain_text("Act now")
        await expect(row).to_have_class("alert high open")
        await page.keyboard.type(" the floor")
        await expect(row.get_by_label("Note")).to_have_value("She was on the floor")
        # closed elsewhere: what was written can still be read
        other = await house.raise_alert("r02")
        await _says(house, number, Close(Outcome.FALSE))
        await expect(row.locator(".state")).to_contain_text("Closed by Sam Pace")
        await expect(row.get_by_label("Note")).to_have_value("She was on the floor")
        await expect(row.get_by_role("button", name="Close it")).to_be_disabled()
        await expect(page).to_have_title("(1) Alerts · Haven House")
        await _says(house, other, Close(Outcome.FALSE))
        await expect(page.locator("li.alert")).to_have_count(1)
        await row.get_by_label("What was it?").select_option("")
        await row.get_by_label("Note").fill("")
        await row.get_by_label("Note").blur()
        await house.raise_alert("r02")
        await expect(row).to_have_count(0)


async def test_a_clock_that_is_set_back_hides_nothing(browser: Browser, house: House) -> None:
    number = await house.raise_alert()
    async with _board(browser, house, clock=True) as page:
        await page.mouse.click(3, 300)
        await _until(page, "window.rung.length > 0")
        now = await page.evaluate("Date.now()")
        await page.clock.set_system_time((now - 3_600_000) / 1000)
        assert await page.evaluate("Date.now()") < now - 3_000_000
        await page.evaluate("window.rung.length = 0")
        await page.clock.run_for(7_000)
        assert "high" in await page.evaluate("window.rung")
        await house.stop_serving()
        await page.clock.run_for(15_000)
        await expect(page.locator("#chip")).to_contain_text("Not live since")
        # an answer that waits is silent for a minute, and then says that somebody has to call
        await page.locator(f"#a{number}").get_by_role("button", name="20 min").click()
        await expect(page.locator(f"#a{number} .sent")).to_contain_text("Waiting to be sent.")
        await page.clock.run_for(6_000)
        await page.evaluate("window.rung.length = 0")
        await page.clock.run_for(20_000)
        assert "high" not in await page.evaluate("window.rung")
        await page.clock.run_for(50_000)
        await expect(page.locator(f"#a{number} .sent")).to_have_text("NOT sent. Please call.")
        assert "high" in await page.evaluate("window.rung")
        await house.serve()


async def test_one_answer_that_fails_holds_up_no_other_and_silences_nothing(browser: Browser, house: House) -> None:
    first, second = await house.raise_alert("r01"), await house.raise_alert("r03")
    async with _board(browser, house) as page:
        await page.route(f"**/alerts/{first}/answer", _refuse)
        await page.locator(f"#a{first}").get_by_role("button", name="20 min").click()
        sent = page.locator(f"#a{first} .sent")
        await expect(sent).to_have_text("NOT sent. Please call.")
        await page.locator(f"#a{second}").get_by_role("button", name="20 min").click()
        await expect(page.locator(f"#a{second} .state")).to_contain_text("You are going.")
        await page.mouse.click(3, 300)
        await _until(page, "window.rung.includes('high')")
        # what is no answer of the gateway settles nothing
        await page.unroute("**/answer")

        async def portal(route: Route) -> None:
            await route.fulfill(status=404, content_type="application/json", body='{"message": "no route"}')

        await page.unroute(f"**/alerts/{first}/answer")
        await page.route("**/answer", portal)
        row = page.locator(f"#a{first}")
        await row.get_by_text("Close the alert").click()
        await row.get_by_label("What was it?").select_option("false")
        await row.get_by_role("button", name="Close it").click()
        # a correction takes the place of what it corrects
        await row.get_by_label("What was it?").select_option("real")
        await row.get_by_label("Note").fill("On the floor.")
        await row.get_by_role("button", name="Close it").click()
        queue = await page.evaluate(QUEUE)
        assert [("outcome=real" in one, "floor" in one) for one in queue if "close" in one] == [(True, True)]
        await page.unroute("**/answer")
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(row).to_have_count(0)
    assert house.ask("SELECT state, outcome, note FROM alerts WHERE id = ?", first) == [
        ("closed", "real", "On the floor.")
    ]


async def test_nobody_answers_in_the_name_of_another(browser: Browser, house: House) -> None:
    first, second = await house.raise_alert("r01"), await house.raise_alert("r03")
    async with _board(browser, house) as page:
        await page.route("**/answer", lambda route: route.abort())
        await page.locator(f"#a{first}").get_by_role("button", name="20 min").click()
        await expect(page.locator(f"#a{first} .sent")).to_contain_text("Waiting")
        await page.route("**/board", lambda route: route.abort())  # it does not learn of it before the next tap
        await page.context.clear_cookies()
        await let_in(page.context, "sam")
        # tapped on Nora's page while nothing goes out: it may load anew as Sam's as soon as something does
        await page.locator(f"#a{second}").get_by_role("button", name="20 min").click()
        await expect(page.locator(f"#a{second} .sent")).to_contain_text("Waiting")
        await page.unroute("**/answer")
        await page.evaluate("dispatchEvent(new Event('online'))")
        await page.wait_for_selector("body[data-carer=sam]")
        await expect(page.locator("#queue")).to_contain_text("Answers of Nora Borg wait on this phone")
        assert house.ask("SELECT DISTINCT state FROM alerts") == [("open",)]
        await page.unroute("**/board")
        await page.wait_for_selector("#chip.live")
        await page.context.clear_cookies()
        await let_in(page.context, "nora")
        await house.raise_alert("r02")  # the next picture is another carer's
        await page.wait_for_selector("body[data-carer=nora]")
        await expect(page.locator(f"#a{second} .state")).to_contain_text("You are going.")
    assert house.ask("SELECT taken_by FROM alerts ORDER BY id") == [("nora",), ("nora",), (None,)]


async def test_what_is_new_does_not_come_under_the_finger(browser: Browser, house: House) -> None:
    aimed = await house.raise_alert("r01", Priority.MEDIUM)
    await house.raise_alert("r03", Priority.LOW)
    async with _board(browser, house) as page:
        button = page.locator(f"#a{aimed}").get_by_role("button", name="20 min")
        box = await button.bounding_box()
        assert box is not None
        other = await house.raise_alert("r02", Priority.HIGH)
        await page.wait_for_selector(f"#a{other}", state="attached")
        await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await expect(page.locator(f"#a{aimed} .state")).to_contain_text("You are going.")
        assert house.ask("SELECT state FROM alerts WHERE id = ?", other) == [("open",)]
        above = page.get_by_role("button", name="New alert above")
        await above.click()
        await expect(page.locator(f"#a{other}")).to_be_in_viewport()
        await expect(above).to_be_hidden()
        # what had to move takes no tap for a moment
        await _says(house, other, Acknowledge(5))
        await expect(page.locator(f"#a{other} .state")).to_contain_text("Sam Pace is going")
        await page.wait_for_selector(f"#a{other}.moved", state="attached")
        # old words go when the alert stands otherwise than they say
        await expect(page.locator(f"#a{aimed} .sent")).to_have_text("Sent")
        await _says(house, aimed, Decline(), "nora")
        await expect(page.locator(f"#a{aimed} .state")).to_contain_text("Nobody is going")
        await expect(page.locator(f"#a{aimed} .sent")).to_be_hidden()


async def test_six_boards_in_one_browser(browser: Browser, house: House) -> None:
    number = await house.raise_alert()
    async with _board(browser, house) as first:
        others = [await first.context.new_page() for _ in range(5)]
        for page in others:
            await page.add_init_script("const wait = AbortSignal.timeout; AbortSignal.timeout = (ms) => wait(ms / 20);")
            await page.goto("/", wait_until="commit")
            await page.wait_for_selector("#chip")
        await first.locator(f"#a{number}").get_by_role("button", name="20 min").click()
        await expect(first.locator(f"#a{number} .state")).to_contain_text("You are going.")
        for page in others:
            await expect(page.locator("#chip.live")).to_have_count(1)


async def test_the_board_without_a_connection_rings_and_stands_only_for_the_board(
    phone: BrowserContext, house: House
) -> None:
    await house.raise_alert()
    await let_in(phone)
    page = await phone.new_page()
    await page.add_init_script(COUNT)
    await page.goto("/")
    await _until(page, "navigator.serviceWorker.controller !== null")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await _until(page, "caches.open('telecare-picture').then((c) => c.match('/last-picture')).then(Boolean)")
    await house.stop_serving()
    await page.reload()
    await expect(page.locator("#notice")).to_contain_text("No connection. This is what Nora Borg saw at")
    await page.mouse.click(3, 300)
    await _until(page, "window.rung.includes('high')")
    with pytest.raises(Error, match="ERR_CONNECTION"):
        await page.goto("/wall")
    await expect(page.locator("body")).not_to_contain_text("Carmen")
    await house.serve()


async def test_a_button_is_not_replaced_while_a_finger_is_on_it(browser: Browser, house: House) -> None:
    """An alert comes between the finger's coming down and its going up: the tap counts, and the alert is there."""
    number = await house.raise_alert("r01", Priority.MEDIUM)
    async with _board(browser, house) as page:
        button = page.locator(f"#a{number}").get_by_role("button", name="20 min")
        await button.scroll_into_view_if_needed()
        box = await button.bounding_box()
        assert box
        await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await page.mouse.down()
        async with page.expect_response("**/board") as coming:
            await _says(house, number, Decline())  # its own row changes, which is drawn anew
        await (await coming.value).finished()
        await page.evaluate("new Promise((done) => setTimeout(done, 100))")  # what was fetched would be drawn by now
        await page.mouse.up()
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
        await expect(page.locator(f"#a{number}")).to_contain_text("Sam")
