"""The console in a real browser, on a phone."""

from playwright.async_api import Browser, BrowserContext, Page, expect

from gateway.clock import monotonic
from gateway.store.protection import Kept, store
from rules.model import Priority, Reason
from rules.protection import Level
from tests.browser.barriers import barriers
from tests.browser.conftest import PHONE, sign_in
from tests.gateway.console.house import NOW, House
from tests.pace import pace


async def _going(page: Page, number: int, minutes: int) -> None:
    await page.locator(f"#a{number}").get_by_role("button", name=f"{minutes} min").click()


async def _end_session(page: Page) -> None:
    """The session ends, and the page does not learn of it before the next tap."""
    await page.route("**/board", lambda route: route.abort())
    await page.context.clear_cookies(name="telecare")


async def test_from_sign_in_to_closed(phone: BrowserContext, house: House) -> None:
    page = await phone.new_page()
    await sign_in(page, typed=True)
    await expect(page.get_by_text("No open alerts.")).to_be_visible()
    await expect(page.locator("#chip")).to_have_text("Live")
    async with pace() as machine:
        began = monotonic()
        number = await house.raise_alert()
        alert = page.locator(f"#a{number}")
        await expect(alert).to_be_visible()
        assert monotonic() - began <= machine.allows(2)
    await expect(page.get_by_role("alert")).to_have_text("New alert: Act now. Room 101. Help pressed.")
    await expect(page).to_have_title("(1) Alerts · Haven House")
    await _going(page, number, 10)
    await expect(alert.locator(".state")).to_have_text("You are going. There by 03:22. 10 minutes left")
    await expect(alert.locator(".sent")).to_have_text("Sent")
    await alert.get_by_role("button", name="I am there").click()
    await expect(alert.locator(".state")).to_have_text("You are there since 03:12.")
    await alert.get_by_label("What was it?").select_option("real")
    await alert.get_by_label("Note").fill("Helped her up.")
    assert await barriers(page) == []
    await alert.get_by_role("button", name="Close it").click()
    await expect(page.get_by_text("No open alerts.")).to_be_visible()
    await expect(page.locator("#notice")).to_contain_text("Closed by Nora Borg at 03:12: Real: help was given.")
    assert house.ask("SELECT outcome, note FROM alerts") == [("real", "Helped her up.")]


async def test_the_sign_of_protection_comes_goes_and_stays_open(phone: BrowserContext, house: House) -> None:
    async def keep(level: Level, *missing: str) -> None:
        kept = Kept(level, tuple(Reason(text) for text in missing), NOW)
        await house.writer.write(lambda tx: store(tx.db, "r01", kept))
        house.writer.changes.bump()

    await house.raise_alert(resident="r02")
    page = await phone.new_page()
    await sign_in(page)
    sign = page.locator("#protection")
    await expect(sign).to_have_count(0)
    await keep(Level.UNPROTECTED, "No device can call for help.")
    await expect(sign).to_contain_text("1 resident is not protected")
    await expect(sign.get_by_role("listitem")).to_be_hidden()
    await sign.get_by_text("1 resident").click()
    await expect(sign.get_by_role("listitem")).to_contain_text("101, not protected since")
    await keep(Level.DEGRADED, "No continence sensor is there.")
    await expect(sign.get_by_role("listitem")).to_contain_text("No continence sensor is there.")  # still open
    await expect(sign.get_by_text("1 resident")).to_be_focused()
    assert await barriers(page) == []
    await keep(Level.PROTECTED)
    await expect(sign).to_have_count(0)
    await expect(page.locator("li.alert")).to_have_count(1)


async def test_an_answer_tapped_while_the_server_is_down_arrives_once(phone: BrowserContext, house: House) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    await house.stop_serving()
    await _going(page, number, 20)
    sent = page.locator(f"#a{number} .sent")
    await expect(sent).to_contain_text("Waiting to be sent.")
    assert house.ask("SELECT state FROM alerts") == [("open",)]
    await house.serve()
    await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
    await expect(sent).to_have_text("Sent")
    assert house.ask("SELECT count(*) FROM alert_events WHERE event = 'acknowledge'") == [(1,)]
    assert await page.evaluate("localStorage['telecare-answers']") == "[]"


async def test_the_alert_page_keeps_answers_too(phone: BrowserContext, house: House) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    await page.goto(f"/alerts/{number}")
    await house.stop_serving()
    await page.get_by_role("button", name="I am there").click()
    await expect(page.locator(".sent")).to_contain_text("Waiting to be sent.")
    await house.serve()
    await expect(page.locator(".state")).to_contain_text("You are there")
    assert house.ask("SELECT count(*) FROM alert_events WHERE event = 'arrive'") == [(1,)]


async def test_the_queue_survives_a_reload_and_a_sign_out(phone: BrowserContext, house: House) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    await _end_session(page)
    await _going(page, number, 20)
    queue = page.locator("#queue")
    await expect(queue).to_contain_text("Your answer is kept, but not sent yet.")
    assert house.ask("SELECT state FROM alerts") == [("open",)]
    await page.unroute("**/board")
    await queue.get_by_role("link", name="Sign in").click()
    await sign_in(page, typed=True)
    await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
    assert house.ask("SELECT taken_by FROM alerts") == [("nora",)]


async def test_nobody_sends_the_answers_of_another(phone: BrowserContext, house: House) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await sign_in(page)
    await _end_session(page)
    await _going(page, number, 20)
    await expect(page.locator("#queue")).to_contain_text("not sent yet")
    await page.unroute("**/board")
    await sign_in(page, "sam")
    await expect(page.locator("#queue")).to_contain_text("Answers of Nora Borg wait on this phone")
    assert house.ask("SELECT state FROM alerts") == [("open",)]


async def test_the_second_carer_reads_who_was_first(phone: BrowserContext, browser: Browser, house: House) -> None:
    number = await house.raise_alert()
    first = await phone.new_page()
    await sign_in(first, "sam")
    context = await browser.new_context(viewport=PHONE, base_url=house.url)
    second = await context.new_page()
    await sign_in(second, "nora")
    await context.route("**/board", lambda route: route.abort())  # the second one sees an old picture
    await _going(first, number, 5)
    await expect(first.locator(f"#a{number} .state")).to_contain_text("You are going.")
    await _going(second, number, 5)
    await expect(second.locator(f"#a{number} .sent")).to_have_text("Sam Pace was first, at 03:12.")
    await context.close()


async def test_the_chip_tells_when_the_board_is_old(phone: BrowserContext, house: House) -> None:
    page = await phone.new_page()
    await page.clock.install()
    await sign_in(page)
    await expect(page.locator("#chip")).to_have_text("Live")
    await house.stop_serving()
    await page.clock.run_for(15_000)
    await expect(page.locator("#chip")).to_contain_text("Not live since")
    await house.serve()
    await page.clock.run_for(6_000)
    await expect(page.locator("#chip")).to_have_text("Live")


async def test_a_half_written_note_stays_while_the_board_changes(phone: BrowserContext, house: House) -> None:
    number = await house.raise_alert("r01", Priority.LOW)
    page = await phone.new_page()
    await sign_in(page)
    alert = page.locator(f"#a{number}")
    await alert.get_by_text("Close the alert").click()
    await alert.get_by_label("Note").type("She was on the")
    other = await house.raise_alert("r02", Priority.HIGH)
    await expect(page.locator(f"#a{other}")).to_be_visible()
    house.clock.move(40)
    await house.raise_alert("r01", Priority.LOW)
    await expect(alert.locator(".why")).to_contain_text("Happened once more.")
    await page.keyboard.type(" floor")
    await expect(alert.get_by_label("Note")).to_have_value("She was on the floor")
    await alert.get_by_label("What was it?").select_option("test")
    await alert.get_by_role("button", name="Close it").click()
    await expect(alert).to_have_count(0)
    assert house.ask("SELECT note FROM alerts WHERE id = ?", number) == [("She was on the floor",)]


async def test_keyboard_only(phone: BrowserContext, house: House) -> None:
    number = await house.raise_alert()
    page = await phone.new_page()
    await page.goto("/")
    await expect(page.locator("#carer")).to_be_focused()
    for text in ("nora", "correct horse battery"):
        await page.keyboard.type(text)
        await page.keyboard.press("Tab" if text == "nora" else "Enter")
    await expect(page.locator("#chip")).to_have_text("Live")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await expect(page.locator("#sound-switch")).to_be_enabled()
    for name in ("Sound is off", "Test the sound"):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name=name)).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Help pressed")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Going, 5 min")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
    await expect(page.locator(f"#a{number}")).to_be_focused()  # no other answer has it: a second Enter gives none
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Help pressed")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="I am there")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(f"#a{number} .state")).to_contain_text("You are there")


async def test_the_link_works_without_scripts(browser: Browser, house: House) -> None:
    number = await house.raise_alert()
    context = await browser.new_context(viewport=PHONE, base_url=house.url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(house.links.make(number, "nora", "alert").removeprefix("http://house.test"))
    await page.get_by_role("button", name="10 min").click()
    await expect(page.locator(".state")).to_have_text("You are going. There by 03:22. 10 minutes left")
    await page.goto("/")  # and so does the board
    await page.fill("#carer", "nora")
    await page.fill("#password", "correct horse battery")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="I am there").click()
    await expect(page.locator(".notice")).to_have_text("Room 101, Help pressed: You are there since 03:12.")
    await context.close()
