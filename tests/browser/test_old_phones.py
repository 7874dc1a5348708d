"""Phones that are old, full, set to another time, or used by somebody else before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.conftest import PHONE, let_in, sign_in
from tests.browser.test_in_between import Between, between  # noqa: F401 - a fixture
from tests.browser.test_offline import _ask_at_once
from tests.gateway.console.house import House
from tests.gateway.console.test_push import open_push


@asynccontextmanager
async def _board(browser: Browser, url: str, script: str = "") -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=PHONE, base_url=url, has_touch=True, service_workers="block")
    await let_in(context, "nora")
    page = await context.new_page()
    if script:
        await page.add_init_script(script)
    await page.clock.install()
    await page.goto("/")
    await expect(page.locator("#chip.live")).to_be_visible()
    yield page
    await context.close()


async def _lost(route: Route) -> None:
    await route.abort()


@pytest.mark.parametrize(("button", "minutes"), [("Going, 5 min", 10), ("I am there", 40)])
async def test_a_clock_that_is_set_back_makes_no_answer_young(
    browser: Browser, house: House, button: str, minutes: int
) -> None:
    number = await house.raise_alert()
    async with _board(browser, house.url) as page:
        await page.route("**/answer", _lost)
        await page.locator(f"#a{number}").get_by_role("button", name=button).click()
        await expect(page.locator(f"#a{number} .sent")).to_contain_text("Waiting")
        await page.clock.run_for(minutes * 60_000)
        await page.evaluate(f"(() => {{ const was = Date.now; Date.now = () => was() - {minutes * 60_000}; }})()")
        await page.unroute("**/answer")
        await _ask_at_once(page)
        await expect(page.locator("#notice")).to_contain_text("too late")
    assert house.ask("SELECT state FROM alerts") == [("open",)]


@pytest.mark.parametrize(
    "script",
    [
        "delete AbortSignal.timeout",
        "{ const New = FormData; window.FormData = function (form) { return new New(form); }; }",
        "Object.defineProperty(SubmitEvent.prototype, 'submitter', { value: undefined });",
    ],
    ids=["no patience", "form data without a button", "no button"],
)
async def test_an_old_browser_answers_too(browser: Browser, house: House, script: str) -> None:
    number = await house.raise_alert()
    async with _board(browser, house.url, script) as page:
        await page.locator(f"#a{number}").get_by_role("button", name="Going, 5 min").click()
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
    assert house.ask("SELECT state FROM alerts") == [("acknowledged",)]


async def test_where_nothing_can_be_stored_an_answer_waits_as_long_as_the_page_stands(
    browser: Browser, house: House
) -> None:
    number = await house.raise_alert()
    full = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
    async with _board(browser, house.url, full) as page:
        await page.route("**/answer", _lost)
        await page.locator(f"#a{number}").get_by_role("button", name="Going, 5 min").click()
        await expect(page.locator(f"#a{number} .sent")).to_contain_text("Waiting")
        await page.unroute("**/answer")
        await _ask_at_once(page)
        await expect(page.locator(f"#a{number} .state")).to_contain_text("You are going.")
    assert house.ask("SELECT state FROM alerts") == [("acknowledged",)]


async def test_a_stream_that_a_proxy_ended_is_opened_again(
    browser: Browser,
    house: House,
    between: Between,  # noqa: F811
) -> None:
    async with _board(browser, between.url) as page:
        async with page.expect_response(lambda answer: answer.url.endswith("/beats") and answer.status == 502):
            between.says = "502 Bad Gateway"
            await house.raise_alert()  # ends the stream there
        between.says = None
        async with page.expect_request(lambda request: request.url.endswith("/beats")):
            await page.clock.run_for(6_000)
        await expect(page.locator("#alerts li.alert")).to_have_count(1)


async def test_messages_of_who_used_the_phone_before_are_not_mine(phone: BrowserContext, house: House) -> None:
    await open_push(house)
    await phone.grant_permissions(["notifications"], origin=house.url)
    page = await phone.new_page()
    await page.add_init_script(
        "PushManager.prototype.getSubscription = async () =>"
        " ({ endpoint: 'https://push.example/1', toJSON() { return {}; } });"
    )
    sql = "INSERT INTO push_subscriptions (carer, endpoint, p256dh, auth, created_at) VALUES (?, ?, 'p', 'a', 1)"
    await house.writer.write(lambda tx: tx.db.execute(sql, ("nora", "https://push.example/1")))
    await sign_in(page, "sam")
    await page.goto("/phone")
    await expect(page.locator("#push-on")).to_be_visible()
    await expect(page.locator("#push-off")).to_be_hidden()
    await house.writer.write(lambda tx: tx.db.execute("UPDATE push_subscriptions SET carer = 'sam'"))
    await page.reload()
    await expect(page.locator("#push-off")).to_be_visible()
    await house.writer.write(lambda tx: tx.db.execute("UPDATE push_subscriptions SET gone_at = 5"))
    await page.reload()
    await expect(page.locator("#push-on")).to_be_visible()
