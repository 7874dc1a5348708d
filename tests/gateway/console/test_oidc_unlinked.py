"""What a claim may not do: bring back a link that was taken away, or open anything to managers and administrators."""

import httpx
import pytest

from gateway.console import oidc_identities as identities
from gateway.errors import IdentityError
from gateway.store import access
from gateway.store.writer import Tx
from tests.gateway.console.house import House, field, sign_in
from tests.gateway.console.oidc_provider import TestProvider, go, house, linked, provider, why, with_provider

__all__ = ["house", "provider"]

CLAIM = "preferred_username"


def links(house: House) -> list[tuple[object, ...]]:
    return house.ask("SELECT carer, subject, linked_by FROM identities ORDER BY id")


def give_role(house: House, carer: str, role: str) -> None:
    centre = house.index.centre
    carers = tuple(one.model_copy(update={"role": role}) if one.id == carer else one for one in centre.carers)
    house.index = type(house.index)(centre.model_copy(update={"carers": carers}))


async def link_by_hand(client: httpx.AsyncClient) -> httpx.Response:
    asked = await go(client, "/account/identities/link")
    form = {name: field(asked.text, name) for name in ("account", "_csrf_token")}
    return await client.post("/account/identities", data=form)


def a_passkey_and_no_password(tx: Tx) -> None:
    tx.db.execute("INSERT INTO passkeys VALUES ('k1', 'nora', x'00', 0, 'phone', 1, NULL)")
    tx.db.execute("DELETE FROM accounts WHERE carer = 'nora'")


async def test_a_link_that_was_taken_away_comes_back_by_hand_only(house: House, provider: TestProvider) -> None:
    await with_provider(house, provider, claim=CLAIM)
    provider.person = {"sub": "u-1", CLAIM: "nora"}
    async with house.client() as phone:
        assert (await go(phone)).headers["location"] == "/"
    [(number,)] = house.ask("SELECT id FROM identities")
    give_role(house, "sam", "admin")
    async with house.signed_in("sam") as sam:
        page = await sam.get("/admin/users/nora")
        assert "does not come back by itself" in page.text
        assert "does not come back by itself" in (await sam.get("/admin/users")).text
        csrf = {"_csrf_token": field(page.text, "_csrf_token")}
        await sam.post(f"/admin/users/nora/identities/{number}/unlink", data=csrf)
    # the same account, another of the same name, and the same account with the name of somebody else
    for subject, name in (("u-1", "nora"), ("u-2", "nora"), ("u-1", "bo")):
        provider.person = {"sub": subject, CLAIM: name}
        async with house.client() as phone:
            assert why(await go(phone)) == "nobody", (subject, name)
    assert links(house) == []
    # a new version of the centre forgets nothing; by hand it is hers again, and then nothing is remembered
    await house.writer.write(lambda tx: access.keep_only(tx, {"nora", "sam", "bo"}, by="sam"))
    assert house.ask("SELECT carer, subject, unlinked_by FROM unlinked") == [("nora", "u-1", "sam")]
    provider.person = {"sub": "u-1", CLAIM: "nora"}
    async with house.signed_in("nora") as nora:
        assert (await link_by_hand(nora)).headers["location"] == "/account?did=linked"
        assert "does not come back by itself" in (await nora.get("/account")).text
    assert links(house) == [("nora", "u-1", "nora")]
    assert house.ask("SELECT count(*) FROM unlinked") == [(0,)]
    async with house.client() as phone:
        assert (await go(phone)).headers["location"] == "/"
    # it leaves with the carer
    await house.writer.write(lambda tx: identities.unlink(tx, number + 1, by="nora"))
    await house.writer.write(lambda tx: access.keep_only(tx, {"sam", "bo"}, by="sam"))
    assert house.ask("SELECT count(*) FROM unlinked") == [(0,)]


@pytest.mark.parametrize("role", ["manager", "admin"])
async def test_a_claims_link_opens_nothing_to_who_manages(house: House, provider: TestProvider, role: str) -> None:
    await with_provider(house, provider, claim=CLAIM)
    provider.person = {"sub": "u-1", CLAIM: "nora"}
    async with house.client() as phone, house.client() as later:
        assert (await go(phone)).headers["location"] == "/"
        assert (await phone.get("/account")).status_code == 200
        give_role(house, "nora", role)
        assert (await phone.get("/account")).headers["location"].startswith("/sign-in"), (
            "her session began by the claim"
        )
        refused = await go(later)
        assert why(refused) == "byhand"
        assert "not enough for your role" in (await later.get(refused.headers["location"])).text
        assert ("nora", "session.refused") in house.ask("SELECT who, action FROM audit")
        # with her password she is in, and links the same account by hand
        await sign_in(later, "nora")
        page = await later.get("/account")
        assert "it opens nothing until the account is linked by hand" in page.text
        await house.writer.write(a_passkey_and_no_password)
        assert (await later.delete("/api/account/passkeys/k1")).status_code == 409, "the link is no way in for her now"
        assert (await link_by_hand(later)).headers["location"] == "/account?did=linked"
        assert "it opens nothing until" not in (await later.get("/account")).text
    assert links(house) == [("nora", "u-1", "nora")]
    async with house.client() as phone:
        assert (await go(phone)).headers["location"] == "/"
        assert (await phone.get("/account/sessions/all")).status_code == 200


async def test_an_operators_link_ends_what_was_remembered_and_a_claims_does_not(
    house: House, provider: TestProvider
) -> None:
    await linked(house, provider)
    [(number,)] = house.ask("SELECT id FROM identities")
    await house.writer.write(lambda tx: identities.unlink(tx, number, by="cli:root"))
    with pytest.raises(IdentityError, match="by hand"):
        await house.writer.write(
            lambda tx: identities.link(tx, "nora", provider.issuer, "u-3", shown="", by="claim:email")
        )
    assert links(house) == []
    await linked(house, provider)
    assert links(house) == [("nora", "u-1", "cli:root")]
    assert house.ask("SELECT count(*) FROM unlinked") == [(0,)]
