"""The board on bad networks: slow, hanging, gone, renewed; and messages while no page is open."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Worker, expect

from rules.model import Priority
from tests.brokers import PATIENCE_S
from tests.browser.barriers import barriers
from tests.browser.conftest import PHONE, sign_in
from tests.browser.proxy import Wire
from tests.gateway.console.house import House
from tests.gateway.console.test_push import open_push

PAGE_TIME = """AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), ms);
    return controller.signal;
}"""
"""The patience of the page goes by the clock of the test, too."""

ACKNOWLEDGED = "SELECT count(*), count(DISTINCT alert) FROM alert_events WHERE event = 'acknowledge'"


@pytest_asyncio.fixture(loop_scope="session")
async def wire(house: House) -> AsyncIterator[Wire]:
    wire = Wire(house.port)
    await wire.start()
    try:
        yield wire
    finally:
        await wire.stop()


async def _raise(house: House, count: int) -> list[int]:
    return [await house.raise_alert("r01", Priority.HIGH, subject=f"s{number}") for number in range(count)]


async def _going(page: Page, number: int) -> None:
    await page.locator(f"#a{number}").get_by_role("button", name="20 min").click()


async def _until(page: Page, condition: str) -> None:
    # not wait_for_function: it evaluates a text inside the page, which our policy forbids
    async with asyncio.timeout(PATIENCE_S):
        while not await page.evaluate(condition):
            await asyncio.sleep(0.05)


async def _ask_at_once(page: Page) -> None:
    """As if the phone said that the network is back."""
    await page.evaluate("dispatchEvent(new Event('online'))")


async def _until_kept(page: Page) -> Worker:
    """The service worker is in charge, and the last picture is on the phone."""
    await _until(page, "navigator.serviceWorker.controller !== null")
    await _ask_at_once(page)  # after a good fetch the picture is kept
    await _until(page, "caches.open('telecare-picture').then((c) => c.match('/last-picture')).then(Boolean)")
    return page.context.service_workers[0]


async def test_twenty_answers_on_a_slow_line_while_the_board_changes(phone: BrowserContext, house: House) -> None:
    numbers = await _raise(house, 20)
    page = await phone.new_page()
    await sign_in(page)
    slow = await phone.new_cdp_session(page)
    conditions = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    await slow.send("Network.emulateNetworkConditions", conditions)
    for number in numbers:
        await _going(page, number)
        house.clock.move(1)
        await house.raise_alert("r02", Priority.LOW, subject=f"other {number}")  # the board changes under the finger
    for number in numbers:
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
        await expect(page.locator(f"#a{number} .sent")).to_have_text("Sent")
    assert house.ask(ACKNOWLEDGED) == [(20, 20)]


async def test_answers_tapped_on_a_dead_wire_and_through_a_restart_arrive_once(
    browser: Browser, house: House, wire: Wire
) -> None:
    first, second, third = await _raise(house, 3)
    context = await browser.new_context(viewport=PHONE, base_url=wire.url)
    page = await context.new_page()
    await page.clock.install()
    await page.add_init_script(PAGE_TIME)
    await sign_in(page)
    wire.hang()  # the answer is under way, and nobody says so
    await _going(page, first)
    await expect(page.locator(f"#a{first} .sent")).to_have_text("Sending")
    await page.clock.run_for(15_000)
    await expect(page.locator("#chip")).to_contain_text("Not live since")
    await _going(page, second)
    await expect(page.locator(f"#a{second} .sent")).to_contain_text("Waiting to be sent.")
    await house.stop_serving()
    await _going(page, third)
    await house.serve()
    wire.flow()  # what was held back comes through now, beside what was sent again
    for number in (first, second, third):
        for _ in range(20):
            if "You are going." in (await page.locator(f"#a{number} .state").inner_text()):
                break
            await page.clock.run_for(2_000)
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
    assert house.ask(ACKNOWLEDGED) == [(3, 3)]
    await expect(page.locator("#chip")).to_have_text("Live")
    await context.close()


async def test_without_a_connection_the_last_board_is_shown_as_old_and_answers_wait(
    phone: BrowserContext, house: House
) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    await _until_kept(page)
    await house.stop_serving()
    await page.reload()
    await expect(page.locator("#notice")).to_contain_text("No connection. This is what Nora Borg saw at")
    await expect(page.locator("#chip")).to_contain_text("Not live since")
    alert = page.locator(f"#a{number}")
    await expect(alert).to_contain_text("Carmen Vella")
    await _going(page, number)
    await expect(alert.locator(".sent")).to_contain_text("Waiting to be sent.")
    await page.reload()  # still waiting
    await expect(alert.locator(".sent")).to_contain_text("Waiting to be sent.")
    assert await barriers(page) == []
    await house.serve()
    await _ask_at_once(page)
    await expect(page.locator("#chip")).to_have_text("Live")
    await expect(alert.locator(".state")).to_contain_text("You are going.")
    assert house.ask(ACKNOWLEDGED) == [(1, 1)]


async def test_a_picture_of_a_phone_whose_clock_was_wrong_is_shown_as_of_an_unknown_time(
    phone: BrowserContext, house: House
) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await page.add_init_script("const now = Date.now; Date.now = () => now() + 3 * 3_600_000")
    await sign_in(page)
    await _until_kept(page)
    await page.close()
    await house.stop_serving()
    page = await phone.new_page()  # the network has told the right time
    await page.goto("/")
    await expect(page.locator("#notice")).to_contain_text("the clock of this device was wrong, so it may be hours old")
    await expect(page.locator("#chip")).to_have_text("No connection")
    await expect(page.locator(f"#a{number}")).to_contain_text("Carmen Vella")
    await page.add_init_script("const now = Date.now; Date.now = () => now() + 8 * 3_600_000")
    await page.reload()
    await expect(page.locator(f"#a{number}")).to_contain_text("Carmen Vella")
    await page.add_init_script("const then = Date.now; Date.now = () => then() + 4.5 * 3_600_000")
    await page.reload()
    await expect(page.locator("#notice")).to_contain_text("nothing is kept on this device")


async def test_sign_out_wipes_the_picture_and_keeps_what_waits(phone: BrowserContext, house: House) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    await _until_kept(page)
    await page.route("**/answer", lambda route: route.abort())
    await _going(page, number)
    await expect(page.locator(f"#a{number} .sent")).to_contain_text("Waiting to be sent.")
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_selector("#carer")
    assert await page.evaluate("caches.has('telecare-picture')") is False
    for text in ("Carmen", "Help pressed"):
        assert text not in await _everything_kept(page), text
    assert await page.evaluate("JSON.parse(localStorage['telecare-answers']).length") == 1
    await house.stop_serving()
    await page.goto("/")
    await expect(page.locator("#notice")).to_contain_text("No connection, and nothing is kept on this device.")


async def _everything_kept(page: Page) -> str:
    text = await page.evaluate(
        """async () => {
            const texts = [];
            for (const name of await caches.keys())
                for (const one of await (await caches.open(name)).matchAll()) texts.push(await one.text());
            return texts.join();
        }"""
    )
    return str(text)


async def test_a_page_of_an_older_version_is_loaded_anew_but_not_under_ones_fingers(
    phone: BrowserContext, house: House
) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    await page.evaluate("window.old = true")
    note = page.locator(f"#a{number}").get_by_label("Note")
    await page.locator(f"#a{number}").get_by_text("Close the alert").click()
    await note.fill("She was")

    async def newer(route: Any) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, headers={**answer.headers, "telecare-version": "/static/newer"})

    async with page.expect_response("**/board"):
        await page.route("**/board", newer)
        await house.raise_alert("r02")
    await expect(page.locator("li.alert")).to_have_count(2)
    assert await page.evaluate("window.old") is True
    await expect(note).to_have_value("She was")
    async with page.expect_navigation():
        await note.fill("")
        await note.blur()
        await _ask_at_once(page)
    await page.unroute("**/board")
    assert await page.evaluate("window.old") is None


async def test_fifty_open_boards_come_back_after_a_restart(house: House) -> None:
    """Light clients that do what live.js does: a stream, a second try, a fetch."""
    told = 0

    async with house.signed_in() as nora:
        nora.timeout = PATIENCE_S

        async def board() -> None:
            nonlocal told
            while True:
                try:
                    async with nora.stream("GET", "/beats") as stream:
                        async for line in stream.aiter_lines():
                            if line == "event: beat" and "Help pressed" in (await nora.get("/board")).text:
                                told += 1
                                return
                except OSError:
                    raise
                except Exception:  # noqa: BLE001 - whatever a connection that breaks looks like
                    await asyncio.sleep(0.1)

        boards = [asyncio.create_task(board()) for _ in range(50)]
        await asyncio.sleep(0.5)
        await house.stop_serving()
        await house.serve()
        await house.raise_alert()
        await asyncio.wait_for(asyncio.gather(*boards), PATIENCE_S)
    assert told == 50


async def test_a_message_is_shown_and_answered_from_the_lock_screen(phone: BrowserContext, house: House) -> None:
    await open_push(house)
    number = await house.raise_alert()
    await phone.grant_permissions(["notifications"], origin=house.url)
    page = await phone.new_page()
    await sign_in(page)
    worker = await _until_kept(page)
    link = house.links.make(number, "nora", "alert").replace("http://house.test", house.url)
    told = {
        "title": "Room 101", "body": "Help pressed", "url": link, "tag": "alert-1", "urgency": 5,
        "actions": [{"action": "going:10", "title": "Going"}],
    }  # fmt: skip
    await worker.evaluate(
        """(told) => {
            globalThis.waits = [];
            const push = new PushEvent("push", { data: JSON.stringify(told) });
            push.waitUntil = (what) => waits.push(what);
            dispatchEvent(push);
            return Promise.all(waits).then(() => null);
        }""",
        told,
    )
    shown = (
        "registration.getNotifications().then((all) => all.map((one) => [one.title, one.body, one.requireInteraction]))"
    )
    assert await worker.evaluate(shown) == [["Room 101", "Help pressed", True]]
    for _ in range(2):  # an impatient thumb
        await worker.evaluate(
            """async () => {
                const [notification] = await registration.getNotifications();
                const waits = [];
                const click = new NotificationEvent("notificationclick", { notification, action: "going:10" });
                click.waitUntil = (what) => waits.push(what);
                dispatchEvent(click);
                await Promise.all(waits);
                return null;
            }"""
        )
    assert (await worker.evaluate(shown))[0][0] == "Your answer has arrived."
    await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
    assert house.ask(ACKNOWLEDGED) == [(1, 1)]


async def test_who_signs_out_takes_their_messages_along_and_nobody_elses(phone: BrowserContext, house: House) -> None:
    await open_push(house)
    await phone.grant_permissions(["notifications"], origin=house.url)
    page = await phone.new_page()
    here = (
        "PushManager.prototype.getSubscription = async () => ({ endpoint: 'https://push.example/1', unsubscribe() {} })"
    )
    await page.add_init_script(here)
    sql = "INSERT INTO push_subscriptions (carer, endpoint, p256dh, auth, created_at) VALUES (?, ?, 'p', 'a', 1)"

    async def allowed_by(carer: str) -> None:
        await house.writer.write(lambda tx: tx.db.execute(sql, (carer, "https://push.example/1")))

    await allowed_by("bo")  # whose session was over by the time
    await sign_in(page)
    worker = await _until_kept(page)
    await worker.evaluate(f"{here}; null")
    await expect(page.locator("#whose")).to_have_text("Messages on this phone go to somebody else. Change that here.")
    await _sign_out(page)
    await page.wait_for_url("**/sign-in")
    assert house.ask("SELECT carer FROM push_subscriptions") == [("bo",)], "lent for a moment"
    await house.writer.write(lambda tx: tx.db.execute("DELETE FROM push_subscriptions"))
    await allowed_by("nora")
    await sign_in(page)
    await worker.evaluate("registration.showNotification('Room 101', {})")
    await _sign_out(page)
    await expect(page.get_by_role("alert")).to_contain_text("Your messages do not come to this phone any more.")
    assert house.ask("SELECT count(*) FROM push_subscriptions") == [(0,)]
    assert await worker.evaluate("registration.getNotifications().then((all) => all.length)") == 0


async def _sign_out(page: Page) -> None:
    await page.get_by_text("Menu", exact=True).click()
    await page.get_by_role("button", name="Sign out").click()


async def test_an_alert_that_is_opened_on_a_dead_wire_shows_the_last_board_soon(
    browser: Browser, house: House, wire: Wire
) -> None:
    number = await house.raise_alert()
    context = await browser.new_context(viewport=PHONE, base_url=wire.url)
    page = await context.new_page()
    await sign_in(page)
    worker = await _until_kept(page)
    await worker.evaluate("{ const wait = setTimeout; setTimeout = (what, ms) => wait(what, ms / 20); }")
    wire.hang()
    await page.goto(f"/alerts/{number}")
    await expect(page.locator("#chip")).to_contain_text("Not live since")
    await expect(page.locator(f"#a{number}")).to_contain_text("Carmen Vella")
    await context.close()
