"""Signing in by the provider on a phone, as the browser really does it: two sites, cookies of one, no script needed."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS, PHONE
from tests.gateway.console.house import PASSWORD, House
from tests.gateway.console.oidc_provider import provider_on, with_provider


async def test_linked_once_by_hand_then_signed_in_without_a_password(browser: Browser, house: House) -> None:
    # another site than ours: 127.0.0.1 and localhost are, so that SameSite means something
    with provider_on(house.clock, "localhost") as provider:
        provider.asks_first = True
        await with_provider(house, provider)
        context = await browser.new_context(viewport=PHONE, base_url=house.url, java_script_enabled=False)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()

        await page.goto("/account")
        await page.get_by_role("link", name="Sign in with Haven Login").click()
        await page.get_by_role("link", name="Go on as Nora").click()
        await expect(page.get_by_role("alert")).to_contain_text("is not linked to anybody here yet")
        assert "code=" not in page.url

        await page.fill("#carer", "nora")
        await page.fill("#password", PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("link", name="Link my account at Haven Login").click()
        await page.get_by_role("link", name="Go on as Nora").click()
        await expect(page.get_by_text("nora.b")).to_be_visible()
        await page.get_by_role("button", name="Yes, link it").click()
        await expect(page.get_by_text("Your account is linked.")).to_be_visible()

        await context.clear_cookies()
        await page.goto("/account")
        await page.get_by_role("link", name="Sign in with Haven Login").click()
        await page.get_by_role("link", name="Go on as Nora").click()
        await expect(page.get_by_text("You are Nora Borg.")).to_be_visible()
        await context.close()


async def test_its_pages_can_be_read_and_pressed_by_everybody(browser: Browser, house: House) -> None:
    with provider_on(house.clock) as provider:
        name = "Identitätsverwaltung Haven-Pflegegruppe"
        provider.person["preferred_username"] = "wilhelmina.featherstonehaugh-montgomery@haven.example"
        await with_provider(house, provider, name=name)
        context = await browser.new_context(viewport=PHONE, base_url=house.url)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        await page.goto("/sign-in?oidc=untrusted&next=/account")
        await is_good(page)
        await page.fill("#carer", "nora")
        await page.fill("#password", PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.get_by_role("link", name=f"Link my account at {name}").click()
        await expect(page.get_by_role("heading", name="Is this your account?")).to_be_visible()
        await is_good(page)
        await page.get_by_role("button", name="Yes, link it").click()
        await is_good(page)
        await context.close()


async def is_good(page: Page) -> None:
    """No barrier by day and by night, nothing wider than the phone, and the ways of the provider big enough to hit."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = (await Axe().run(page)).response["violations"]
        assert not found, (page.url, scheme, [one["id"] for one in found])
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for one in await page.locator("a.button.other, button").all():
        box = await one.bounding_box()
        assert box is None or box["height"] >= 48, await one.inner_text()
