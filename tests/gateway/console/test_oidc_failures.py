"""Everything that a provider, or somebody in between, can get wrong: nobody comes in, and nobody is kept out."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from werkzeug import Response

from gateway.console.oidc_provider import ANEW_AFTER, LEEWAY_S, PAPERS_LAST
from tests.gateway.console.house import House, sign_in
from tests.gateway.console.oidc_provider import (
    CLIENT,
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

Change = Callable[[dict[str, Any]], dict[str, Any]]


def without(name: str) -> Change:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def later(name: str, seconds: int) -> Change:
    return lambda claims: {**claims, name: claims["iat"] + seconds}


def instead(**values: object) -> Change:
    return lambda claims: {**claims, **values}


WRONG: dict[str, Change] = {
    "no issuer": without("iss"),
    "another issuer": instead(iss="http://127.0.0.1:1/realms/care"),
    "another realm": lambda claims: {**claims, "iss": claims["iss"] + "2"},
    "no audience": without("aud"),
    "another client's": instead(aud="another"),
    "two audiences, and nobody says for whom": instead(aud=[CLIENT, "another"]),
    "made for another client": instead(aud=[CLIENT, "another"], azp="another"),
    "one audience, but made for another": instead(azp="another"),
    "no expiry": without("exp"),
    "expired": later("exp", -LEEWAY_S),
    "an expiry that is no time": instead(exp=float("nan")),
    "from the future": later("iat", LEEWAY_S + 1),
    "not yet valid": later("nbf", LEEWAY_S + 1),
    "no nonce": without("nonce"),
    "the nonce of another sign-in": instead(nonce="an older one"),
    "the hash of another access token": instead(at_hash="of another one"),
    "no subject": without("sub"),
    "an empty subject": instead(sub=""),
    "a subject that is no text": instead(sub=1),
}


async def test_an_id_token_with_wrong_claims_signs_nobody_in(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client:
        for name, change in WRONG.items():
            provider.claims = change
            assert why(await go(client)) == "untrusted", name
        # and that it is these claims: with little differences it works
        for change in (later("exp", 1 - LEEWAY_S), instead(aud=[CLIENT]), instead(aud=[CLIENT, "b"], azp=CLIENT)):
            provider.claims = change
            async with house.client() as other:
                assert (await go(other)).headers["location"] == "/"
    assert house.ask("SELECT count(*) FROM sessions") == [(3,)]


async def test_an_id_token_that_the_provider_did_not_sign(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client:
        for sign in (
            provider.unsigned,
            provider.with_public_key,
            provider.with_client_secret,
            provider.with_other_key,
            lambda claims: provider._signed(claims)[:-4] + "AAAA",
            lambda _: "no.token.at-all",
            lambda _: "",
        ):
            provider.sign = sign
            answer = await go(client)
            assert why(answer) == "untrusted"
        told = await client.get(answer.headers["location"])
        assert "The answer of Haven Login can’t be trusted" in told.text
        # not even when the provider publishes a shared secret among its keys
        provider.symmetric_too = True
        house.clock.move(PAPERS_LAST.total_seconds())
        provider.sign = provider.with_client_secret
        assert why(await go(client)) == "untrusted"
    assert house.ask("SELECT count(*) FROM sessions") == [(0,)]


async def test_keys_that_the_provider_changed_are_fetched_anew(house: House, provider: TestProvider) -> None:
    await linked(house, provider)

    async def enters() -> bool:
        async with house.client() as client:
            return (await go(client)).headers["location"] == "/"

    assert await enters()
    assert await enters()
    assert provider.asked["/keys"] == 1
    assert provider.asked["/.well-known/openid-configuration"] == 1
    provider.change_key("two")
    assert not await enters(), "fetched just now"
    house.clock.move(ANEW_AFTER.total_seconds())
    assert await enters()
    assert provider.asked["/keys"] == 2
    house.clock.move(ANEW_AFTER.total_seconds())
    provider.change_key("two")  # another key under the same name
    assert await enters()
    assert provider.asked["/keys"] == 3
    house.clock.move(ANEW_AFTER.total_seconds())
    provider.change_key("three", publish=False)
    assert not await enters(), "a key that is nowhere"
    house.clock.move(PAPERS_LAST.total_seconds())
    provider.published = [provider.key]
    assert await enters()
    assert provider.asked["/.well-known/openid-configuration"] == 2


async def test_what_comes_back_instead_of_a_code(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    cases: tuple[tuple[dict[str, str | None], str, str], ...] = (
        ({"code": None, "error": "access_denied"}, "denied", "it was stopped at Haven Login"),
        ({"code": None, "error": "server_error"}, "refused", "Haven Login could not sign you in"),
        ({"code": None}, "refused", "Haven Login could not sign you in"),
        ({"code": "made up"}, "refused", "Haven Login could not sign you in"),
        ({"iss": "https://evil.example"}, "untrusted", "can’t be trusted"),
        ({"iss": "https://evil.example", "error": "access_denied"}, "untrusted", "can’t be trusted"),
        ({"state": "made-up"}, "stale", "begun in another browser"),
        ({"state": None}, "stale", "begun in another browser"),
    )
    for differs, expected, told in cases:
        provider.callback = differs
        provider.asked.clear()
        async with house.client() as client:
            answer = await go(client, next="/account")
            assert why(answer) == expected, differs
            assert provider.asked["/token"] == (1 if differs.get("code") else 0)
            page = await client.get(answer.headers["location"])
            assert page.status_code == 200
            assert told in page.text
            assert "/sign-in/oidc?next=" in page.text
            assert (await client.get("/board")).status_code == 401
            # the other ways are open
            assert (await sign_in(client, "nora")).status_code == 303


async def test_a_provider_that_says_who_it_is_must_always_say_it(house: House, provider: TestProvider) -> None:
    """RFC 9207: or else the code of another provider could be slipped in."""
    await linked(house, provider)
    provider.callback = {"iss": None}
    async with house.client() as client:
        assert (await go(client)).headers["location"] == "/"
    provider.more_metadata = {"authorization_response_iss_parameter_supported": True}
    house.clock.move(PAPERS_LAST.total_seconds())
    async with house.client() as client:
        assert why(await go(client)) == "untrusted"
        provider.callback = {}
        assert (await go(client)).headers["location"] == "/"


async def test_a_discovery_document_that_can_not_be_right_is_not_used(house: House, provider: TestProvider) -> None:
    async with house.client() as client:
        for differs in (
            {"issuer": "http://127.0.0.1:1/realms/care"},
            {"token_endpoint": "http://login.example.org/token"},
            {"authorization_endpoint": "http://login.example.org/authorize"},
            {"jwks_uri": None},
        ):
            provider.more_metadata = differs
            assert why(await client.get("/sign-in/oidc")) == "down", differs
        provider.more_metadata = {}
        assert (await client.get("/sign-in/oidc")).headers["location"].startswith(provider.issuer), "tried again"


async def test_a_token_endpoint_with_a_fault(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client:
        for answer, expected in (
            (Response("<h1>Not now</h1>", 503), "down"),
            (Response('{"error": "invalid_client"}', 401), "refused"),
            (Response("<h1>Too many</h1>", 429), "refused"),
            (Response("<h1>Hello</h1>", 200), "untrusted"),
            (Response('["id_token"]', 200), "untrusted"),
            (Response('{"access_token": "x"}', 200), "untrusted"),
            (Response("", 302, headers={"Location": f"{provider.issuer}/elsewhere"}), "refused"),
        ):
            provider.token_answer = answer
            assert why(await go(client)) == expected, answer
        assert provider.asked["/elsewhere"] == 0


async def test_a_provider_that_is_down_or_hangs_keeps_nobody_out(house: House, provider: TestProvider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, and never answers
        port = silent.getsockname()[1]
        await with_provider(house, provider, issuer=f"http://127.0.0.1:{port}", timeout_s=1)
        async with house.client() as client, house.client() as other:
            waiting = asyncio.create_task(client.get("/sign-in/oidc", params={"next": "/account"}))
            also = asyncio.create_task(house.client().get("/sign-in/oidc"))
            assert (await sign_in(other, "nora")).status_code == 303
            assert (await other.get("/board")).status_code == 200
            assert not waiting.done(), "the others went on meanwhile"
            answer = await waiting
            assert why(answer) == "down"
            assert why(await also) == "down"
            page = await client.get(answer.headers["location"])
            assert "Haven Login can’t be reached at the moment. Please use your password or a passkey." in page.text
            assert (await sign_in(client, "sam", to="/account")).headers["location"] == "/account"
    async with house.client() as client:  # now nobody listens there at all
        assert why(await client.get("/sign-in/oidc")) == "down"


async def test_a_provider_that_goes_down_in_between_is_told_kindly(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as client:
        back = await to_callback(client)
        provider.stop()
        assert why(await client.get(back)) == "down"
