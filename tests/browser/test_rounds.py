"""Check-offs of a round on bad networks, and a session that ends while its page is open."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import timedelta

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, expect

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.store.writer import Tx
from rules.continence import ContinenceState, Stand
from rules.registry import encode_states
from tests.browser.barriers import barriers
from tests.browser.conftest import PHONE, let_in, sign_in
from tests.browser.proxy import Wire
from tests.browser.test_offline import PAGE_TIME
from tests.gateway.console.house import DOCUMENT, PASSWORD, House

HOUR = timedelta(hours=1)
PEOPLE = ("r01", "r02", "r03")
CHECKS = "SELECT resident, result, who FROM round_checks ORDER BY resident"


@pytest_asyncio.fixture(loop_scope="session")
async def due(house: House) -> AsyncIterator[House]:
    """A change is due for each of them."""
    document, before = deepcopy(DOCUMENT), house.index
    for plan in document["care_plans"]:
        plan |= {"rules": [{"rule": "help"}, {"rule": "continence"}], "consents": {"continence": True}}
    house.index = CentreIndex(centre_from_document(document))
    now = house.clock.now()
    state = ContinenceState(Stand.DUE, now, now - HOUR, now + HOUR, now + HOUR / 2)

    def work(tx: Tx) -> None:
        for resident in PEOPLE:
            states = encode_states({"continence": state}).decode()
            tx.db.execute("INSERT INTO rule_states (resident, states) VALUES (?, ?)", (resident, states))

    await house.writer.write(work)
    yield house
    house.index = before


def _row(page: Page, room: str) -> Locator:
    return page.locator("li.row").filter(has=page.locator(".room", has_text=room))


async def _tap(page: Page, room: str, word: str) -> None:
    await _row(page, room).get_by_role("button", name=word).click()


async def _online(page: Page) -> None:
    """As if the phone said that the network is back."""
    await page.evaluate("dispatchEvent(new Event('online'))")


async def test_check_offs_on_a_dead_wire_through_a_restart_and_a_reload_arrive_once(
    browser: Browser, due: House
) -> None:
    wire = Wire(due.port)
    await wire.start()
    context = await browser.new_context(viewport=PHONE, base_url=wire.url)
    page = await context.new_page()
    await page.clock.install()
    await page.add_init_script(PAGE_TIME)
    await let_in(context)
    await page.goto("/rounds?by=room")
    await expect(page.locator("#chip")).to_have_text("Live")
    wire.hang()  # it is under way, and nobody says what became of it
    await _tap(page, "101", "Done")
    await expect(_row(page, "101").locator(".sent")).to_have_text("Sending")
    await page.clock.run_for(15_000)
    await _tap(page, "102", "Later")
    await expect(_row(page, "102").locator(".sent")).to_contain_text("Waiting to be sent.")
    await due.stop_serving()
    await _tap(page, "Garden Wing", "Not needed")
    await page.clock.run_for(61_000)
    for room in ("101", "102", "Garden Wing"):  # however long: nobody has to be called for it
        await expect(_row(page, room).locator(".sent")).to_contain_text("Waiting to be sent.")
    await expect(page.locator(".failed")).to_have_count(0)
    assert await barriers(page) == []
    due.clock.move(76)
    await due.serve()
    wire.flow()  # what was held back comes through now, beside what is sent again
    await page.reload()
    for _ in range(20):
        if await page.get_by_text("2 lines were dealt with").count() == 1:
            break
        await page.clock.run_for(2_000)
    await expect(page.locator("li.row")).to_have_count(1)
    await expect(_row(page, "102")).to_contain_text("Nora Borg, 03:12: later")  # when it was tapped
    assert due.ask(CHECKS) == [("r01", "done", "nora"), ("r02", "later", "nora"), ("r03", "not_needed", "nora")]
    assert await page.evaluate("localStorage['telecare-answers']") == "[]"
    await context.close()
    await wire.stop()


async def test_a_check_off_waits_for_its_own_carer_and_says_why_it_was_refused(
    phone: BrowserContext, due: House
) -> None:
    await let_in(phone)
    page = await phone.new_page()
    await page.goto("/rounds")
    await page.route("**/rounds/check", lambda route: route.abort())
    await _tap(page, "101", "Done")
    await _tap(page, "102", "Later")
    await expect(_row(page, "102").locator(".sent")).to_contain_text("Waiting to be sent.")
    await phone.clear_cookies()
    await let_in(phone, "sam")
    await page.unroute("**/rounds/check")
    await page.goto("/rounds")
    await expect(page.locator("#queue")).to_contain_text("Answers of Nora Borg wait on this phone")
    await _online(page)
    await expect(page.locator("#chip")).to_have_text("Live")
    assert due.ask(CHECKS) == []
    await due.writer.write(lambda tx: tx.db.execute("DELETE FROM rule_states WHERE resident = 'r02'") and None)
    await phone.clear_cookies()
    await sign_in(page)  # on the board: it goes out from wherever its carer is
    await expect(page.locator("#notice")).to_contain_text("102: This is not on the list any more.")
    assert due.ask(CHECKS) == [("r01", "done", "nora")]


async def test_an_alerts_answer_goes_before_the_check_offs_that_wait(phone: BrowserContext, due: House) -> None:
    number = await due.raise_alert("r03")
    await sign_in(page := await phone.new_page())
    posted: list[str] = []
    page.on("request", lambda sent: posted.append(sent.url.rpartition("/")[2]) if sent.method == "POST" else None)
    await page.goto("/rounds")

    async def unsaid(route: Route) -> None:
        await route.fetch()  # the gateway takes it, and its word is lost
        await route.abort()

    await page.route("**/rounds/check", unsaid)
    await _tap(page, "101", "Later")
    await expect(_row(page, "101").locator(".sent")).to_contain_text("Waiting to be sent.")
    await page.goto(f"/alerts/{number}")
    await page.route("**/answer", lambda route: route.abort())
    await page.get_by_role("button", name="20 min").click()
    await expect(page.locator(".sent")).to_contain_text("Waiting to be sent.")
    async with asyncio.timeout(10):
        while "answer" not in posted:
            await asyncio.sleep(0.02)
    posted.clear()
    await page.unroute_all()
    await _online(page)
    await expect(page.locator(".state")).to_contain_text("You are going.")
    await expect(page.locator("#queue")).to_be_hidden()
    assert next(one for one in posted if one in {"check", "answer"}) == "answer"
    assert due.ask(CHECKS) == [("r01", "later", "nora")]


async def test_an_open_board_says_when_its_carer_is_signed_out_and_how_to_stay(
    phone: BrowserContext, due: House
) -> None:
    number = await due.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    due.clock.move(11 * 3600 - 60)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url.rpartition("/")[2]))
    async with page.expect_response("**/board"):
        await _online(page)
    assert "until.js" not in asked
    due.clock.move(60)
    await _online(page)
    line = page.locator("#until")
    await expect(line).to_contain_text("You will be signed out at 15:12. Sign in again before then.")
    assert await barriers(page) == []
    await expect(page.locator(f"#a{number}")).to_be_visible()
    await page.goto("/rounds")  # that is use, and the night begins anew
    await expect(page.locator("#chip")).to_have_text("Live")
    await expect(line).to_have_count(0)
    due.clock.move(11 * 3600)
    await page.goto("/rounds?by=room")
    due.clock.move(3600 + 60)
    await _online(page)
    await expect(line).to_contain_text("You will be signed out at 03:12")
    await line.get_by_role("link").click()
    await page.fill("#carer", "nora")
    await page.fill("#password", PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/rounds?by=room")
    await expect(page.locator("#chip")).to_have_text("Live")
    await expect(line).to_have_count(0)
