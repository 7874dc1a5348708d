"""Passkeys in a real browser, with a virtual authenticator: made, used, used again by a thief, removed."""

from playwright.async_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS, PHONE, sign_in
from tests.gateway.console.house import House


async def test_a_passkey_is_made_signs_in_without_typing_and_is_removed(browser: Browser, house: House) -> None:
    # passkeys belong to a name, not to an address
    context = await browser.new_context(viewport=PHONE, base_url=house.url.replace("127.0.0.1", "localhost"))
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    device = await context.new_cdp_session(page)
    await device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = await device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    await sign_in(page, typed=True)
    await page.goto("/account")
    await page.get_by_label("Name of this device").fill("Nora's phone")
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_text("Your passkey is kept.")).to_be_visible()
    await expect(page.get_by_text("Nora's phone", exact=True)).to_be_visible()

    await context.clear_cookies()
    await page.goto("/sign-in")
    await page.get_by_role("button", name="Use a passkey").click()
    await page.wait_for_selector("#alerts")
    counted = house.ask("SELECT sign_count, used_at IS NOT NULL FROM passkeys")
    assert counted[0][0] > 0
    assert counted[0][1] == 1

    # whoever has a copy of the key counts from an older number
    await house.writer.write(lambda tx: tx.db.execute("UPDATE passkeys SET sign_count = 1000") and None)
    await context.clear_cookies()
    await page.goto("/sign-in")
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_text("That passkey did not work.")).to_be_visible()

    # a device that does not check who holds it is not enough
    await house.writer.write(lambda tx: tx.db.execute("UPDATE passkeys SET sign_count = 1") and None)
    about = {"authenticatorId": made["authenticatorId"], "isUserVerified": False}
    await device.send("WebAuthn.setUserVerified", about)
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.locator("#passkey-said")).to_contain_text("passkey")
    await page.goto("/account")
    await expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()

    await sign_in(page, typed=True)
    await page.goto("/account")
    await page.get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("It is ended.")).to_be_visible()
    assert house.ask("SELECT count(*) FROM passkeys") == [(0,)]
    await context.close()
