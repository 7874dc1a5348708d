"""Linking an account of the provider at "My account", and taking the link away."""

from gateway.console import oidc_identities as identities
from tests.gateway.console.house import House, field
from tests.gateway.console.oidc_provider import (
    TestProvider,
    go,
    house,
    linked,
    provider,
    to_callback,
    why,
)

__all__ = ["house", "provider"]

LINK = "/account/identities/link"


async def test_a_person_links_her_account_and_signs_in_with_it(house: House, provider: TestProvider) -> None:
    async with house.signed_in("nora") as nora:
        page = await nora.get("/account")
        assert f'href="{LINK}">Link my account at Haven Login<' in page.text
        asked = await go(nora, LINK)
        assert asked.status_code == 200
        assert "Is this your account?" in asked.text
        assert "nora.b" in asked.text
        assert house.ask("SELECT count(*) FROM identities") == [(0,)], "looking links nothing: only the form does"
        form = {name: field(asked.text, name) for name in ("account", "_csrf_token")}
        assert (await nora.post("/account/identities", data={**form, "_csrf_token": "stale"})).status_code == 403
        assert house.ask("SELECT count(*) FROM identities") == [(0,)]
        form["_csrf_token"] = field((await nora.get("/account")).text, "_csrf_token")
        done = await nora.post("/account/identities", data=form)
        assert done.headers["location"] == "/account?did=linked"
        page = await nora.get(done.headers["location"])
        assert "Your account is linked." in page.text
        assert "Haven Login: nora.b" in page.text
        assert LINK not in page.text, "one is enough"
        twice = await nora.post("/account/identities", data=form)
        assert why(twice) == "taken"
        assert "is linked already" in (await nora.get(twice.headers["location"])).text
        [one] = (await nora.get("/api/account/identities")).json()["identities"]
        assert (one["carer"], one["subject"], one["linked_by"], one["used_at"]) == ("nora", "u-1", "nora", None)
        assert (await nora.get("/api/identities")).status_code == 403
    async with house.client() as phone:
        assert (await go(phone)).headers["location"] == "/"
        assert "Nora Borg" in (await phone.get("/account")).text
    detail = f'{{"by":"nora","issuer":"{provider.issuer}"}}'
    assert ("nora", "identity.link", "carer/nora", detail) in house.ask("SELECT who, action, object, detail FROM audit")


async def test_nobody_links_an_account_to_somebody_else(house: House, provider: TestProvider) -> None:
    async with house.signed_in("nora") as nora, house.signed_in("bo") as bo:
        asked = await go(nora, LINK)
        csrf = field((await bo.get("/account")).text, "_csrf_token")
        stolen = await bo.post(
            "/account/identities", data={"account": field(asked.text, "account"), "_csrf_token": csrf}
        )
        assert why(stolen) == "stale"
        # an answer that another began is not taken here, and neither is one after signing in as another
        assert why(await nora.get(await to_callback(bo, LINK))) == "stale"
        back = await to_callback(nora, LINK)
        await sign_out(nora)
        assert why(await nora.get(back)) == "stale"
        # a form that lay about for too long
        asked = await go(bo, LINK)
        house.clock.move(600)
        form = {name: field(asked.text, name) for name in ("account", "_csrf_token")}
        assert why(await bo.post("/account/identities", data=form)) == "stale"
        assert why(await bo.post("/account/identities", data={**form, "account": "made up"})) == "stale"
        # stopped at the provider: back to the account, which says so
        provider.callback = {"code": None, "error": "access_denied"}
        answer = await go(bo, LINK)
        assert answer.headers["location"] == "/account?oidc=denied"
        assert "Det blev stoppet hos Haven Login. Intet blev ændret." in (await bo.get("/account?oidc=denied")).text
    async with house.client() as nobody:
        assert (await nobody.get(LINK)).headers["location"].startswith("/sign-in?next=")
    assert house.ask("SELECT count(*) FROM identities") == [(0,)]


async def test_a_link_is_taken_away_by_its_owner_or_an_administrator(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    [(number,)] = house.ask("SELECT id FROM identities")
    async with house.signed_in("bo") as bo:
        csrf = {"_csrf_token": field((await bo.get("/account")).text, "_csrf_token")}
        assert (await bo.post(f"/account/identities/{number}/unlink", data=csrf)).status_code == 404
        assert (await bo.post(f"/admin/users/identities/{number}/unlink", data=csrf)).status_code == 403
        assert (await bo.delete(f"/api/account/identities/{number}")).status_code == 404
        assert (await bo.delete(f"/api/account/identities/{2**63}")).status_code == 404
    async with house.signed_in("nora") as nora:
        csrf = {"_csrf_token": field((await nora.get("/account")).text, "_csrf_token")}
        gone = await nora.post(f"/account/identities/{number}/unlink", data=csrf)
        assert gone.headers["location"] == "/account?did=ended"
        assert why(await go(house.client())) == "nobody"
    assert ("nora", "identity.unlink", "carer/nora") in house.ask("SELECT who, action, object FROM audit")

    await linked(house, provider)
    [(number,)] = house.ask("SELECT id FROM identities")
    await make_admin(house, "sam")
    async with house.signed_in("sam") as sam:
        page = await sam.get("/admin/users")
        assert "Linked: Haven Login" in page.text
        assert f'action="/admin/users/identities/{number}/unlink"' in page.text
        assert [one["carer"] for one in (await sam.get("/api/identities")).json()["identities"]] == ["nora"]
        assert (await sam.delete(f"/api/identities/{number}")).status_code == 204
        assert (await sam.delete(f"/api/identities/{number}")).status_code == 404
    assert ("sam", "identity.unlink", "carer/nora") in house.ask("SELECT who, action, object FROM audit")


async def test_an_administrator_takes_a_link_away_at_the_page_of_that_person(
    house: House, provider: TestProvider
) -> None:
    await linked(house, provider)
    [(number,)] = house.ask("SELECT id FROM identities")
    await make_admin(house, "sam")
    async with house.signed_in("bo") as bo:
        csrf = {"_csrf_token": field((await bo.get("/account")).text, "_csrf_token")}
        assert (await bo.post(f"/admin/users/nora/identities/{number}/unlink", data=csrf)).status_code == 403
        assert (await bo.delete(f"/api/users/nora/identities/{number}")).status_code == 403
    async with house.signed_in("sam") as sam:
        assert "Other ways to sign in" not in (await sam.get("/admin/users/bo")).text
        page = await sam.get("/admin/users/nora")
        assert f'action="/admin/users/nora/identities/{number}/unlink"' in page.text
        assert "Haven Login" in page.text
        csrf = {"_csrf_token": field(page.text, "_csrf_token")}
        for other in (f"bo/identities/{number}", f"nora/identities/{number + 1}", f"nora/identities/{2**63}"):
            assert (await sam.post(f"/admin/users/{other}/unlink", data=csrf)).status_code == 404
            assert (await sam.delete(f"/api/users/{other}")).status_code == 404
        assert house.ask("SELECT count(*) FROM identities") == [(1,)]
        done = await sam.post(f"/admin/users/nora/identities/{number}/unlink", data=csrf)
        assert done.headers["location"] == "/admin/users/nora?did=ended"
        assert "Remove the link" not in (await sam.get("/admin/users/nora")).text
    assert ("sam", "identity.unlink", "carer/nora") in house.ask("SELECT who, action, object FROM audit")
    assert why(await go(house.client())) == "nobody"


async def test_everybodys_links_come_in_pieces(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    await house.writer.write(lambda tx: identities.link(tx, "bo", provider.issuer, "bo-at-it", shown="", by="sam"))
    await make_admin(house, "sam")
    async with house.signed_in("sam") as sam:
        first = (await sam.get("/api/identities", params={"limit": 1})).json()
        assert [one["carer"] for one in first["identities"]] == ["bo"]
        rest = (await sam.get("/api/identities", params={"limit": 1, "cursor": first["next"]})).json()
        assert ([one["carer"] for one in rest["identities"]], rest["next"]) == (["nora"], None)


async def test_an_administrators_program_sees_and_removes_the_links_of_a_person(
    house: House, provider: TestProvider
) -> None:
    await linked(house, provider)
    await make_admin(house, "sam")
    async with house.signed_in("sam") as sam:
        (one,) = (await sam.get("/api/users/nora")).json()["identities"]
        assert one["carer"] == "nora"
        assert (await sam.get("/api/users/bo")).json()["identities"] == []
        assert (await sam.delete(f"/api/users/nora/identities/{one['id']}")).status_code == 204
        assert (await sam.get("/api/users/nora")).json()["identities"] == []
    assert ("sam", "identity.unlink", "carer/nora") in house.ask("SELECT who, action, object FROM audit")


async def test_the_only_way_in_is_not_thrown_away(house: House, provider: TestProvider) -> None:
    await linked(house, provider)
    async with house.client() as nora:
        await go(nora)
        await house.writer.write(lambda tx: tx.db.execute("DELETE FROM accounts") and None)
        page = await nora.get("/account")
        [(number,)] = house.ask("SELECT id FROM identities")
        csrf = {"_csrf_token": field(page.text, "_csrf_token")}
        kept = await nora.post(f"/account/identities/{number}/unlink", data=csrf)
        assert "This is your only way to sign in" in (await nora.get(kept.headers["location"])).text
        assert (await nora.delete(f"/api/account/identities/{number}")).status_code == 409
    assert house.ask("SELECT count(*) FROM identities") == [(1,)]


async def test_links_of_an_earlier_provider_count_no_more_and_can_be_taken_away(
    house: House, provider: TestProvider
) -> None:
    await linked(house, provider)
    provider.issuer += "-moved"
    await house.writer.write(lambda tx: tx.db.execute("UPDATE identities SET issuer = 'https://old.example/'") and None)
    async with house.signed_in("nora") as nora:
        page = await nora.get("/account")
        assert "old.example" in page.text
        assert LINK in page.text
    await house.stop_serving()
    house.settings["oidc"] = None
    await house.serve()
    async with house.signed_in("nora") as nora:
        page = await nora.get("/account")
        assert "old.example" in page.text
        assert LINK not in page.text


async def sign_out(client: object) -> None:
    page = await client.get("/account")  # type: ignore[attr-defined]
    await client.post("/sign-out", data={"_csrf_token": field(page.text, "_csrf_token")})  # type: ignore[attr-defined]


async def make_admin(house: House, carer: str) -> None:
    found = house.index.carers[carer].model_copy(update={"role": "admin"})
    centre = house.index.centre
    others = tuple(one for one in centre.carers if one.id != carer)
    house.index = type(house.index)(centre.model_copy(update={"carers": (*others, found)}))
