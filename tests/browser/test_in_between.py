"""Something between browser and gateway answers in its place, or loses a file: nobody takes it for the gateway."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Route, expect

from tests.browser.conftest import PHONE, let_in
from tests.browser.test_offline import _ask_at_once, _until_kept
from tests.gateway.console.house import House

PORTAL = "<!doctype html><title>Guests</title><h1>Please accept the terms</h1>"


class Between:
    """A proxy before the gateway: it passes on, or answers itself."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.says: str | None = None
        """A status line; None: it passes on."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if self.says is not None:
                await reader.read(0)
                body = PORTAL.encode()
                line = f"HTTP/1.1 {self.says}\r\nContent-Type: text/html\r\nConnection: close\r\n"
                writer.write(f"{line}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
            else:
                await self._pass_on(head, reader, writer)
        writer.close()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        back.write(re.sub(rb"\r\n[Cc]onnection:[^\r]*", b"", head)[:-4] + b"\r\nConnection: close\r\n\r\n")

        async def up() -> None:
            while data := await reader.read(65_536):
                back.write(data)

        sending = asyncio.create_task(up())
        try:
            while self.says is None and (data := await there.read(65_536)):
                writer.write(data)
                await writer.drain()
        finally:
            sending.cancel()
            back.close()


@pytest_asyncio.fixture(loop_scope="session")
async def between(house: House) -> AsyncIterator[Between]:
    between = Between(house.port)
    await between.start()
    yield between
    between.stop()


async def _open(browser: Browser, url: str, workers: str = "block") -> BrowserContext:
    allowed = {"service_workers": workers}
    context = await browser.new_context(viewport=PHONE, base_url=url, has_touch=True, **allowed)  # type: ignore[arg-type]
    await let_in(context, "nora")
    return context


@pytest.mark.parametrize("path", ["/", "/wall", "/map"])
async def test_a_portal_that_answers_everything_is_not_shown(browser: Browser, house: House, path: str) -> None:
    await house.raise_alert()
    context = await _open(browser, house.url)
    page = await context.new_page()
    await page.clock.install()
    await page.goto(path)
    await expect(page.locator("#chip.live")).to_be_visible()
    shown = await page.locator("main").inner_text()

    async def portal(route: Route) -> None:
        await route.fulfill(status=200, content_type="text/html", body=PORTAL)

    await context.route("**/*", portal)
    await page.clock.run_for(16_000)
    await expect(page.locator("#chip.stale")).to_be_visible()
    assert "Please accept" not in await page.locator("body").inner_text()
    assert shown.splitlines()[0] in await page.locator("main").inner_text()
    await context.unroute("**/*")
    await _ask_at_once(page)
    await expect(page.locator("#chip.live")).to_be_visible()
    await context.close()


@pytest.mark.parametrize("status", ["502 Bad Gateway", "200 OK"])
async def test_a_proxy_without_a_gateway_shows_the_last_board(
    browser: Browser, house: House, between: Between, status: str
) -> None:
    await house.raise_alert()
    context = await _open(browser, between.url, "allow")
    page = await context.new_page()
    await page.goto("/")
    await _until_kept(page)
    between.says = status
    await page.reload()
    await expect(page.locator("#notice")).to_contain_text("No connection")
    await expect(page.locator("#alerts")).to_contain_text("Carmen Vella")
    assert await page.locator(".moved").count() == 0
    between.says = None
    await expect(page.locator("#chip.live")).to_be_visible()  # the real page came back by itself
    await context.close()


async def test_a_script_that_was_lost_is_fetched_again(browser: Browser, house: House) -> None:
    await house.raise_alert()
    context = await _open(browser, house.url)
    page = await context.new_page()
    await page.clock.install()

    async def lose(route: Route) -> None:
        await route.abort()

    await page.route("**/live.js", lose, times=2)  # the hint, and the script
    await page.goto("/")
    await page.clock.run_for(14_000)
    await expect(page.locator("#chip")).not_to_have_class(re.compile("live|stale"))
    await page.clock.run_for(2_000)
    await expect(page.locator("#chip.live")).to_be_visible()
    await context.close()
