"""What is under a finger, or has the focus, is what was meant: nothing else is answered, and no tap gets lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, CDPSession, Locator, Page, Route, expect

from gateway.alerts.model import Acknowledge
from rules.model import Priority
from tests.browser.conftest import PHONE, let_in
from tests.browser.test_board_traps import COUNT, _says
from tests.gateway.console.house import House


@asynccontextmanager
async def _phone(browser: Browser, house: House, more: str = "") -> AsyncIterator[tuple[Page, CDPSession]]:
    context = await browser.new_context(viewport=PHONE, base_url=house.url, has_touch=True, service_workers="block")
    await let_in(context, "nora")
    page = await context.new_page()
    await page.add_init_script(COUNT + more)
    await page.goto("/")
    await page.wait_for_selector("#chip.live")
    yield page, await context.new_cdp_session(page)
    await context.close()


async def _middle(one: Locator) -> dict[str, float]:
    await one.scroll_into_view_if_needed()
    box = await one.bounding_box()
    assert box
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


async def _press(wire: CDPSession, at: dict[str, float]) -> None:
    await wire.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})


async def _lift(wire: CDPSession) -> None:
    await wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def _pass(page: Page, ms: int) -> None:
    """Time of the page: what a finger, or a picture, takes."""
    await page.evaluate("(ms) => new Promise((done) => setTimeout(done, ms))", ms)


def _events(house: House, number: int) -> list[str]:
    return [row[0] for row in house.ask(f"SELECT event FROM alert_events WHERE alert = {number} ORDER BY rowid")]


def _going(page: Page, number: int) -> Locator:
    return page.locator(f"#a{number}").get_by_role("button", name="Going, 5 min")


async def test_a_second_enter_and_one_that_is_held_give_no_other_answer(browser: Browser, house: House) -> None:
    number = await house.raise_alert("r01", Priority.HIGH)
    async with _phone(browser, house) as (page, _):
        await _going(page, number).focus()
        for _ in range(3):
            await page.keyboard.down("Enter")  # each but the first says that it is a repetition
        await page.keyboard.up("Enter")
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
        assert await page.evaluate("document.activeElement.id") == f"a{number}"
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")  # and the way on begins at the alert
        assert await page.evaluate("document.activeElement.closest('li').id") == f"a{number}"
        await _pass(page, 200)
        assert _events(house, number) == ["raised", "acknowledge"]
        await page.goto(f"/alerts/{number}")
        await page.get_by_role("button", name="I am there").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".state")).to_contain_text("You are there")
        await page.keyboard.press("Enter")
        await _pass(page, 200)
        assert _events(house, number) == ["raised", "acknowledge", "arrive"]


async def test_the_space_bar_and_a_second_finger_hold_the_picture_back_too(browser: Browser, house: House) -> None:
    first, second = await house.raise_alert("r01", Priority.MEDIUM), await house.raise_alert("r03", Priority.MEDIUM)
    async with _phone(browser, house) as (page, wire):
        await _going(page, first).focus()
        await page.keyboard.down("Space")
        async with page.expect_response("**/board"):
            await house.raise_alert("r01", Priority.MEDIUM)  # once more: its row is drawn anew
        await _pass(page, 150)
        await page.keyboard.up("Space")
        await expect(page.locator(f"#a{first} .state")).to_contain_text("You are going.")

        button = await _middle(_going(page, second))
        await _pass(page, 600)
        await _press(wire, {"x": 3, "y": button["y"]})
        async with page.expect_response("**/board"):
            await house.raise_alert("r03", Priority.MEDIUM)
        await _pass(page, 100)
        await _lift(wire)  # it taps nothing
        await _press(wire, button)
        await _pass(page, 150)
        await _lift(wire)
        await expect(page.locator(f"#a{second} .state")).to_contain_text("You are going.")


async def test_what_comes_above_the_rows_leads_no_tap_astray(browser: Browser, house: House) -> None:
    first, second = await house.raise_alert("r01", Priority.HIGH), await house.raise_alert("r02", Priority.HIGH)
    async with _phone(browser, house) as (page, wire):

        async def old(route: Route) -> None:
            await route.abort()  # this phone has not heard of it

        await page.route("**/board", old)
        await _says(house, first, Acknowledge(5), "sam")
        aim = page.locator(f"#a{second}").get_by_role("button", name="I can’t")
        answered = asyncio.Event()

        async def wait(route: Route) -> None:
            reply = await route.fetch()
            await answered.wait()
            await route.fulfill(response=reply)

        await page.route("**/answer*", wait)
        await _going(page, first).dispatch_event("click")
        meant = await _middle(aim)
        await _press(wire, meant)  # the finger is down when the refusal comes
        answered.set()
        await _pass(page, 150)
        await _lift(wire)
        await page.unroute("**/board")
        await expect(page.locator("#notice")).to_contain_text("Sam Pace was first")
        await expect(page.locator(f"#a{second} .sent")).to_have_text("Sent")
        assert _events(house, second) == ["raised", "decline"]


async def test_a_second_tap_on_the_same_place_is_no_other_answer(browser: Browser, house: House) -> None:
    number = await house.raise_alert("r01", Priority.HIGH)
    async with _phone(browser, house) as (page, wire):
        at = await _middle(_going(page, number))
        await _press(wire, at)
        await _lift(wire)
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
        await _press(wire, at)
        await _lift(wire)
        await _pass(page, 200)
        assert _events(house, number) == ["raised", "acknowledge"]


async def test_a_picture_from_before_the_answer_does_not_ring(browser: Browser, house: House) -> None:
    number = await house.raise_alert("r01", Priority.HIGH)
    async with _phone(browser, house) as (page, _):
        late = asyncio.Event()
        asked = asyncio.Event()

        async def slow(route: Route) -> None:
            reply = await route.fetch()
            asked.set()
            await late.wait()
            await route.fulfill(response=reply)

        await page.route("**/board", slow, times=1)
        await house.raise_alert("r02", Priority.LOW)
        await asked.wait()
        async with page.expect_response("**/answer*") as answer:
            await _going(page, number).click()
        await (await answer.value).finished()
        before = await page.evaluate("window.rung.length")
        late.set()
        await expect(page.locator("li.alert")).to_have_count(2)
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
        assert await page.evaluate("window.rung.slice(" + str(before) + ").includes('high')") is False
