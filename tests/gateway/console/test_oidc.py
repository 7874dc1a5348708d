"""Signing in by the house's provider: who comes in, as whom, and who does not."""

from gateway.console.oidc import LASTS
from gateway.console.oidc_identities import meant_by
from gateway.console.throttle import FREE_TRIES
from tests.gateway.console.house import House, field, sign_in
from tests.gateway.console.oidc_provider import (
    TestProvider,
    go,
    house,
    linked,
    provider,
    to_callback,
    why,
    with_provider,
)

__all__ = ["house", "provider"]


def begun_sessions(house: House) -> list[tuple[str, str]]:
    return house.ask("SELECT who, action FROM audit WHERE action LIKE 'session.%' ORDER BY seq")


async def test_a_linked_account_opens_the_page_asked_for(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client:
        page = await client.get("/sign-in", params={"next": "/account"})
        assert 'href="/sign-in/oidc?next=/account">Sign in with Haven Login<' in page.text
        assert "form-action 'self'" in page.headers["content-security-policy"]
        assert provider.asked == {}, "the page itself asks nobody"
        answer = await go(client, next="/account")
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert "telecare_browser" in client.cookies, "known, should the provider be down and she use her password"
        assert "Nora Borg" in (await client.get("/account")).text
        assert (await client.get("/sign-in/oidc?next=/wards")).headers["location"] == "/wards"
    assert house.ask("SELECT detail FROM audit WHERE action = 'session.begin'") == [
        ('{"address":"127.0.0.1","with":"oidc"}',)
    ]
    assert house.ask("SELECT count(*) FROM identities WHERE used_at IS NOT NULL") == [(1,)]


async def test_the_session_is_like_any_other(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client:
        client.cookies.set("telecare", "planted")
        await go(client)
        assert client.cookies.get("telecare", domain="127.0.0.1") != "planted"
    async with house.client() as client:
        await go(client)
        house.clock.move(12 * 3600 - 1)
        page = await client.get("/")
        assert page.status_code == 200
        out = await client.post("/sign-out", data={"_csrf_token": field(page.text, "_csrf_token")})
        assert out.headers["location"] == "/sign-in"
        await go(client)
        house.clock.move(12 * 3600 + 1)
        assert (await client.get("/board")).status_code == 401
        await go(client)
        house.dismiss("nora")
        assert (await client.get("/board")).status_code == 401


async def test_nobody_comes_in_who_was_not_linked(house: House, provider: TestProvider) -> None:
    """Without a claim in the settings, no name and no address is enough."""
    provider.person = {"sub": "nora", "preferred_username": "nora", "email": "nora@example.org", "role": "admin"}
    async with house.client() as client:
        answer = await go(client, next="/account")
        assert why(answer) == "nobody"
        page = await client.get(answer.headers["location"])
        assert "Your account at Haven Login is not linked to anybody here yet." in page.text
        assert field(page.text, "next") == "/account"
        assert (await sign_in(client, "nora")).status_code == 303
    assert house.ask("SELECT count(*) FROM identities") == [(0,)]


async def test_who_is_gone_is_told_kindly_and_written_down(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    house.dismiss("nora")
    async with house.client() as client:
        answer = await go(client)
        assert why(answer) == "gone"
        assert "no longer in the list of this house" in (await client.get(answer.headers["location"])).text
    assert begun_sessions(house) == [("nora", "session.refused")]


async def test_a_claim_links_at_the_first_sign_in_and_never_again(house: House, provider: TestProvider) -> None:
    await with_provider(house, provider, claim="preferred_username")
    provider.person = {"sub": "u-9", "preferred_username": "nora"}
    async with house.client() as client:
        assert (await go(client)).headers["location"] == "/"
    detail = f'{{"by":"claim:preferred_username","issuer":"{provider.issuer}"}}'
    assert ("nora", "identity.link", detail) in house.ask("SELECT who, action, detail FROM audit")
    # the link counts, not the name: a new name changes nothing, and who is given the old one is not Nora
    provider.person = {"sub": "u-9", "preferred_username": "sam"}
    async with house.client() as client:
        assert (await go(client)).headers["location"] == "/"
        assert "Nora Borg" in (await client.get("/account")).text
    provider.person = {"sub": "u-10", "preferred_username": "nora"}
    async with house.client() as client:
        assert why(await go(client)) == "nobody"
    # a manager becomes one by hand only
    provider.person = {"sub": "u-11", "preferred_username": "sam"}
    async with house.client() as client:
        assert why(await go(client)) == "nobody"


def test_who_a_claim_means(house: House) -> None:
    def carer(number: str, role: str, *addresses: str, kind: str = "person", channel: str = "smtp") -> object:
        one = house.index.carers["nora"].model_copy(update={"id": number, "role": role, "kind": kind})
        contact = one.contacts[0]
        ways = tuple(contact.model_copy(update={"channel": channel, "address": each}) for each in addresses)
        return one.model_copy(update={"contacts": ways})

    def meant(email: str, *carers: object, verified: object = True) -> str | None:
        found = meant_by({"email": email, "email_verified": verified}, "email", carers)  # type: ignore[arg-type]
        return found.id if found else None

    bo, rita = carer("bo", "carer", "Bo@Haven.example"), carer("rita", "relative", "r@x.example", "s@x.example")
    assert meant("bo@haven.example", bo, rita) == "bo"
    assert meant("s@x.example", bo, rita) == "rita"
    assert meant("bo@haven.example", bo, verified=False) is None
    assert meant("bo@haven.example", bo, verified="true") is None
    assert meant("bo@haven.example", bo, carer("bob", "carer", "bo@haven.example")) is None
    assert meant("", carer("no", "carer", "")) is None
    for role in ("manager", "admin"):
        assert meant("bo@haven.example", carer("boss", role, "bo@haven.example")) is None
    assert meant("bo@haven.example", carer("arc", "carer", "bo@haven.example", kind="alarm_centre")) is None
    assert meant("bo@haven.example", carer("bo", "carer", "bo@haven.example", channel="webhook")) is None
    assert meant("BO@haven.example", carer("ı", "carer", "bo@haven.exampleı")) is None
    assert meant_by({"sub": "bo"}, None, [bo]) is None  # type: ignore[list-item]
    assert meant_by({"roles": ["bo"]}, "roles", [bo]) is None  # type: ignore[list-item]


async def test_guesses_of_passwords_and_the_provider_do_not_touch_each_other(
    house: House, provider: TestProvider
) -> None:
    async with house.client() as client:
        for _ in range(FREE_TRIES + 3):
            assert why(await go(client)) == "nobody"
        for _ in range(FREE_TRIES):
            assert (await sign_in(client, "nora", "wrong number")).status_code == 401
        await linked(house, provider)
        assert (await go(client)).headers["location"] == "/"
    async with house.client() as client:
        assert (await sign_in(client, "nora", "wrong number")).status_code == 429, "still counted"


async def test_an_answer_counts_once_in_its_own_browser_and_in_time(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client, house.client() as thief:
        mine = await to_callback(client)
        assert why(await thief.get(mine)) == "stale"
        theirs = await to_callback(thief)
        assert why(await client.get(theirs)) == "stale"
        kept = client.cookies["telecare_oidc"]
        assert (await client.get(mine)).headers["location"] == "/"
        assert "telecare_oidc" not in client.cookies
        async with house.client(cookies={"telecare_oidc": kept}) as again:
            assert why(await again.get(mine)) == "stale"
            # also after a restart, by the provider: a code works once
            await house.stop_serving()
            await house.serve()
            assert why(await again.get(mine)) == "refused"
    async with house.client() as late:
        mine = await to_callback(late)
        house.clock.move(LASTS.total_seconds())
        answer = await late.get(mine)
        assert why(answer) == "stale"
        assert "begun in another browser" in (await late.get(answer.headers["location"])).text
    assert provider.asked["/token"] == 2


async def test_a_restart_meanwhile_loses_nobody(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client:
        back = await to_callback(client)
        await house.stop_serving()
        await house.serve()
        assert (await client.get(back)).headers["location"] == "/"


async def test_over_https_the_cookie_belongs_to_this_host_alone(house: House, provider: TestProvider) -> None:
    house.settings |= {"secure_cookies": True, "base_url": "https://care.example.org/"}
    await with_provider(house, provider)
    async with house.client() as client:
        begun = await client.get("/sign-in/oidc")
    [cookie] = [one for one in begun.headers.get_list("set-cookie") if "oidc" in one]
    assert cookie.startswith("__Host-telecare_oidc=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax", "Max-Age=600"} <= set(cookie.split("; "))
    assert "redirect_uri=https%3A%2F%2Fcare.example.org%2Fsign-in%2Foidc%2Fcallback&" in begun.headers["location"]


async def test_the_gateway_shows_who_it_is_in_the_way_that_the_provider_takes(
    house: House, provider: TestProvider
) -> None:
    await linked(house, provider)
    provider.method = "client_secret_post"
    provider.more_metadata = {"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]}
    async with house.client() as client:
        assert (await go(client)).headers["location"] == "/"
    provider.method = "none"
    settings = provider.settings()
    settings.keep_secret(None)
    await house.stop_serving()
    house.settings["oidc"] = settings
    await house.serve()
    async with house.client() as client:
        assert (await go(client)).headers["location"] == "/"


async def test_without_a_provider_there_is_no_trace_of_one(house: House) -> None:
    await house.stop_serving()
    del house.settings["oidc"]
    await house.serve()
    async with house.signed_in() as nora:
        for path in ("/sign-in/oidc/callback?code=x&state=y", "/account/identities/link"):
            assert (await nora.get(path)).status_code == 404
        assert "Other ways" not in (await nora.get("/account")).text
    async with house.client() as client:
        assert (await client.get("/sign-in/oidc")).status_code == 404
        assert "/sign-in/oidc" not in (await client.get("/sign-in?oidc=down&next=/")).text
