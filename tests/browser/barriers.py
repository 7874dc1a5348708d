"""What keeps people out of a page: what axe finds by day and by night, what is too wide, what is too small to tap."""

import json

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import BrowserContext, Page

_RUN = """(async (options) => {
    const { violations } = await axe.run(document, options);
    return violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 200))}`);
})(%s)"""
_ALL = {"resultTypes": ["violations"], "selectors": False, "iframes": False}
_COLOURS = {**_ALL, "runOnly": ["color-contrast"]}

_SMALL = """() => [...document.querySelectorAll(
        "button, summary, select, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), textarea, a")]
    .filter((one) => !one.matches(".skip, .sr, p a, li a, dd a, td a"))
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.height < 47.5 || box.width < 47.5))
    .map(([one, box]) => `too small: ${one.outerHTML.slice(0, 120)} ${box.width}x${box.height}`)"""


async def bring_axe(where: Page | BrowserContext) -> None:
    """From now on every page there has axe: sent to the browser once, not for each look."""
    # from outside, so our own policy against foreign scripts stays in force
    await where.add_init_script(AXE_SCRIPT)


async def barriers(page: Page) -> list[str]:
    """What axe finds, and what does not fit a thumb or the screen.

    At night only the colours are looked at again, as nothing else changes.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(f"{AXE_SCRIPT};null")
    found: list[str] = await page.evaluate(_RUN % json.dumps(_ALL))
    await page.emulate_media(color_scheme="dark")
    found += [f"at night: {one}" for one in await page.evaluate(_RUN % json.dumps(_COLOURS))]
    await page.emulate_media(color_scheme="light")
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, *await page.evaluate(_SMALL), *([f"{wide} px too wide"] if wide > 0 else [])]
