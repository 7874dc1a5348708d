"""What lets people in: seen and ended by administrators; a new password, a lower role and a dismissal at once."""

from copy import deepcopy
from functools import partial
from typing import Any

import httpx
import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.console import password_links, tokens
from gateway.console.accounts import set_password
from gateway.console.tokens import Scope
from gateway.store import access
from tests.gateway.console.house import DOCUMENT, PASSWORD, House, field, sign_in

ADMIN = {"id": "ada", "name": "Ada Muscat", "role": "admin", "contacts": [{"channel": "log"}]}
NEW = "a new long password"


@pytest.fixture
async def house(house: House) -> House:
    document = deepcopy(DOCUMENT)
    document["carers"].append(ADMIN)
    house.index = CentreIndex(centre_from_document(document))
    await house.give_passwords("ada")
    return house


def _role(house: House, carer: str, role: str) -> None:
    document = deepcopy(DOCUMENT)
    document["carers"].append(ADMIN)
    for one in document["carers"]:
        if one["id"] == carer:
            one["role"] = role
    house.index = CentreIndex(centre_from_document(document))


async def _token(house: House, carer: str) -> dict[str, str]:
    made = await house.writer.write(
        lambda tx: tokens.make(tx, carer, name="a test", scopes=frozenset(Scope), days=30, by="cli:test")
    )
    return {"Authorization": f"Bearer {made}"}


async def _passkey(house: House, carer: str, number: str = "key-1") -> None:
    await house.writer.write(
        lambda tx: (
            tx.db.execute(
                "INSERT INTO passkeys (id, carer, public_key, sign_count, name, made_at)"
                " VALUES (?, ?, x'00', 0, 'Phone', 0)",
                (number, carer),
            )
            and None
        )
    )


def _left(house: House, carer: str) -> tuple[int, int, int]:
    found: list[Any] = [
        house.ask(f"SELECT count(*) FROM {table} WHERE carer = ?", carer)[0][0]
        for table in ("sessions", "api_tokens", "passkeys")
    ]
    return found[0], found[1], found[2]


async def _post(client: httpx.AsyncClient, page: str, path: str, **more: str) -> httpx.Response:
    csrf = field((await client.get(page)).text, "_csrf_token")
    return await client.post(path, data={"_csrf_token": csrf, **more})


async def test_administrators_see_and_end_what_lets_somebody_in_on_the_page(house: House) -> None:
    program = await _token(house, "nora")
    await _passkey(house, "nora")
    async with house.signed_in("ada") as ada, house.signed_in("nora") as nora, house.signed_in("sam") as sam:
        here = "/admin/users/nora"
        assert (await sam.get(here)).status_code == 403
        assert "tokens: 1" in (await ada.get("/admin/users")).text
        shown = (await ada.get(here)).text
        assert all(text in shown for text in ("127.0.0.1", "a test", "Phone", "never used"))
        number = house.ask("SELECT id FROM api_tokens")[0][0]
        assert (await _post(ada, here, f"/admin/users/sam/tokens/{number}/revoke")).status_code == 404
        assert (await _post(ada, here, f"{here}/tokens/{number}/revoke")).status_code == 303
        async with house.client(headers=program) as client:
            assert (await client.get("/api/alerts")).status_code == 401
        assert (await _post(ada, here, f"{here}/passkeys/key-1/remove")).status_code == 303
        session = dict(house.ask("SELECT carer, id FROM sessions"))["nora"]
        assert (await _post(ada, here, f"{here}/sessions/{session}/end")).status_code == 303
        assert (await nora.get("/board")).status_code == 401
        assert _left(house, "nora") == (0, 0, 0)
        await _token(house, "nora")
        await _passkey(house, "nora")
        assert (await _post(ada, here, f"{here}/end", tokens="yes")).status_code == 303
        assert _left(house, "nora") == (0, 0, 1)
    acts = [row[0] for row in house.ask("SELECT action FROM audit WHERE who = 'ada' AND object LIKE '%nora'")]
    assert {"session.revoke", "passkey.remove", "session.end_all"} <= set(acts)


async def test_administrators_see_and_end_what_lets_somebody_in_by_the_api(house: House) -> None:
    program = await _token(house, "ada")
    await _token(house, "nora")
    await _passkey(house, "nora")
    async with house.client(headers=program) as client:
        assert (await client.get("/api/users")).status_code == 403, "no token sees or ends what lets people in"
    async with house.signed_in("sam") as sam:
        assert (await sam.get("/api/users")).status_code == 403
        assert len((await sam.get("/api/sessions")).json()["sessions"]) == 1
    async with house.signed_in("ada") as ada, house.signed_in("nora"):
        listed = (await ada.get("/api/users", params={"limit": 2})).json()
        assert [one["id"] for one in listed["users"]] == ["ada", "bo"]
        rest = (await ada.get("/api/users", params={"cursor": listed["next"]})).json()
        assert [one["id"] for one in rest["users"]] == ["nora", "rita", "sam"]
        assert rest["next"] is None
        one = (await ada.get("/api/users/nora")).json()
        assert one["user"]["has"] == {
            "password": True,
            "sessions": 1,
            "tokens": 1,
            "passkeys": 1,
            "identities": 0,
            "browsers": 0,
        }
        assert (await ada.delete("/api/users/nora/passkeys/key-1")).status_code == 204
        assert (await ada.delete(f"/api/users/nora/tokens/{one['tokens'][0]['id']}")).status_code == 204
        assert (await ada.delete(f"/api/users/nora/tokens/{one['tokens'][0]['id']}")).status_code == 404
        ended = await ada.post("/api/users/nora/end", json={"passkeys": True})
        assert ended.json() == {"sessions": 1, "tokens": 0, "passkeys": 0, "browsers": 0, "links": 0}
        assert (await ada.delete("/api/users/nora")).status_code == 409
        link = (await ada.post("/api/users/nora/password-link")).json()["link"]
        assert "/set-password/" in link


async def _told(house: House, carer: str, *names: str) -> None:
    """Messages are allowed in browsers."""
    for name in names:
        await house.writer.write(
            lambda tx, name=name: (
                tx.db.execute(
                    "INSERT INTO push_subscriptions (carer, endpoint, p256dh, auth, created_at)"
                    " VALUES (?, ?, '', '', 0)",
                    (carer, f"https://push.{name}.test/{carer}"),
                )
                and None
            )
        )


def _browsers(house: House) -> dict[str, int]:
    return dict(house.ask("SELECT carer, count(*) FROM push_subscriptions GROUP BY carer"))


async def test_a_lost_phone_gets_no_more_alarms_and_says_so(house: House) -> None:
    await _told(house, "nora", "one", "two")
    await _told(house, "sam", "one")
    async with house.signed_in("ada") as ada, house.signed_in("nora") as nora:
        here = "/admin/users/nora"
        shown = (await ada.get(here)).text
        assert "push.one.test" in shown
        assert "No phone of theirs gets alarms any more" in shown
        listed = (await ada.get("/api/users/nora")).json()["browsers"]
        assert [one["service"] for one in listed] == ["push.two.test", "push.one.test"]
        assert (await ada.delete(f"/api/users/sam/browsers/{listed[0]['id']}")).status_code == 404
        assert (await _post(ada, here, f"{here}/browsers/{listed[0]['id']}/end")).status_code == 303
        assert _browsers(house) == {"nora": 1, "sam": 1}
        assert "push.one.test" in (await nora.get("/account")).text
        (own,) = (await nora.get("/api/account/browsers")).json()["browsers"]
        (sams,) = (one[0] for one in house.ask("SELECT id FROM push_subscriptions WHERE carer = 'sam'"))
        assert (await nora.delete(f"/api/account/browsers/{sams}")).status_code == 404
        assert (await _post(nora, "/account", f"/account/browsers/{own['id']}/end")).status_code == 303
        assert _browsers(house) == {"sam": 1}
        await _told(house, "nora", "one", "two")
        assert (await ada.post("/api/users/nora/end", json={})).json()["browsers"] == 2
    assert _browsers(house) == {"sam": 1}


@pytest.mark.parametrize(("own", "left"), [(True, {"nora": 1}), (False, {})])
async def test_ones_own_new_password_keeps_the_phone_and_one_that_others_set_does_not(
    house: House, own: bool, left: dict[str, int]
) -> None:
    await _told(house, "nora", "one")
    link = await house.writer.write(lambda tx: password_links.make(tx, "nora", by="ada"))
    async with house.signed_in() as nora, house.client() as stranger:
        if own:
            done = await nora.post("/api/account/password", json={"old": PASSWORD, "new": NEW})
            assert done.status_code in {200, 204}, done.text
            assert (await stranger.get(f"/set-password/{link}")).status_code != 200, "the link ends with the password"
        else:
            page = await stranger.get(f"/set-password/{link}")
            assert "no alarms until you allow messages" in page.text
            done = await _post(stranger, f"/set-password/{link}", f"/set-password/{link}", password=NEW, again=NEW)
            assert "Your phone gets no alarms" in done.text
    assert _browsers(house) == left


async def test_a_link_that_is_out_is_seen_and_ended(house: House) -> None:
    async with house.signed_in("ada") as ada, house.client() as stranger:
        links = [(await ada.post("/api/users/nora/password-link")).json()["link"] for _ in range(2)]
        paths = [httpx.URL(one).path for one in links]
        assert [(await stranger.get(path)).status_code == 200 for path in paths] == [False, True]
        here = "/admin/users/nora"
        assert "made by Ada Muscat" in (await ada.get(here)).text
        assert (await ada.get("/api/users/nora")).json()["password_link"]["made_by"] == "ada"
        assert (await _post(ada, here, f"{here}/password-link/end")).status_code == 303
        assert (await stranger.get(paths[1])).status_code != 200
        assert (await ada.delete("/api/users/nora/password-link")).status_code == 404
        third = httpx.URL((await ada.post("/api/users/nora/password-link")).json()["link"]).path
        assert (await ada.post("/api/users/nora/end", json={})).json()["links"] == 1
        assert (await stranger.get(third)).status_code != 200


async def test_what_is_left_of_somebody_who_is_gone_is_taken_away(house: House) -> None:
    await _passkey(house, "nora")
    await _token(house, "nora")
    async with house.signed_in("ada") as ada:
        document = deepcopy(DOCUMENT)
        document["carers"] = [one for one in document["carers"] if one["id"] != "nora"] + [ADMIN]
        for step in (step for policy in document["policies"] for step in policy["steps"]):
            step["to"] = [one if one != "nora" else "sam" for one in step["to"]]
        house.index = CentreIndex(centre_from_document(document))
        assert "nora" in (await ada.get("/admin/users")).text
        here = "/admin/users/nora"
        assert "is gone" in (await ada.get(here)).text
        assert (await _post(ada, here, f"{here}/remove")).status_code == 303
        assert (await ada.get(here)).status_code == 404
        assert (await _post(ada, "/admin/users", "/admin/users/sam/remove")).status_code == 403
    assert _left(house, "nora") == (0, 0, 0)
    assert house.ask("SELECT * FROM accounts WHERE carer = 'nora'") == []


@pytest.mark.parametrize("by_link", [True, False])
async def test_a_password_that_others_set_anew_ends_sessions_and_tokens(house: House, by_link: bool) -> None:
    await _token(house, "nora")
    await _token(house, "sam")
    await _passkey(house, "nora")
    async with house.signed_in() as nora, house.client() as stranger:
        if by_link:
            link = await house.writer.write(lambda tx: password_links.make(tx, "nora", by="ada"))
            path = f"/set-password/{link}"
            done = await _post(stranger, path, path, password=NEW, again=NEW)
            assert "1 token for programs is revoked." in done.text
            assert "Your passkeys stay" in done.text
        else:
            ended = await house.writer.write(partial(set_password, carer="nora", password=NEW, by="cli:root"))
            assert (ended.sessions, ended.tokens) == (1, 1)
        assert (await nora.get("/board")).status_code == 401
    assert _left(house, "nora") == (0, 0, 1)
    assert _left(house, "sam") == (0, 1, 0)


@pytest.mark.parametrize("revoke", [True, False])
async def test_ones_own_new_password_says_what_ends_and_what_stays(house: House, revoke: bool) -> None:
    await _token(house, "nora")
    async with house.signed_in() as nora, house.signed_in() as there:
        page = (await nora.get("/account")).text
        assert 'name="tokens" value="revoke" checked' in page
        form = {"old": PASSWORD, "password": NEW, "again": NEW} | ({"tokens": "revoke"} if revoke else {})
        done = (await _post(nora, "/account", "/account/password", **form)).text
        assert "You are signed out everywhere else." in done
        assert ("1 token for programs is revoked." in done) is revoke
        assert ("Your tokens for programs stay." in done) is not revoke
        assert (await nora.get("/board")).status_code == 200
        assert (await there.get("/board")).status_code == 401
    assert _left(house, "nora") == (1, 0 if revoke else 1, 0)


async def test_ones_own_password_by_the_api(house: House) -> None:
    await _token(house, "nora")
    at = "/api/account/password"
    async with house.signed_in() as nora, house.signed_in() as there:
        wrong = await nora.post(at, json={"old": "something else", "new": NEW})
        assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
        assert (await nora.post(at, json={"old": PASSWORD, "new": "short"})).status_code == 400
        done = await nora.post(at, json={"old": PASSWORD, "new": NEW}, headers={"Idempotency-Key": "k"})
        assert done.json() == {"sessions": 1, "tokens": 1, "passkeys": 0, "browsers": 0, "links": 0}
        assert (await there.get("/api/alerts")).status_code == 401
        assert (await sign_in(there, "nora", NEW)).status_code == 303
        assert (await nora.post("/api/account/sessions/end-others")).json() == {"sessions": 1}
        assert NEW not in str(house.ask("SELECT * FROM requests_once"))


async def test_a_lower_role_counts_at_once_for_sessions_and_tokens(house: House) -> None:
    program = await _token(house, "sam")
    async with house.signed_in("sam") as sam, house.client(headers=program) as client:
        assert [(await one.get("/api/audit")).status_code for one in (sam, client)] == [200, 200]
        assert (await client.get("/api/account")).json()["scopes"] == ["answer", "read", "write"]
        _role(house, "sam", "carer")
        assert [(await one.get("/api/audit")).status_code for one in (sam, client)] == [403, 403]
        assert [(await one.get("/api/account")).json()["role"] for one in (sam, client)] == ["carer", "carer"]


async def test_ones_own_passkeys_are_listed_and_removed_by_the_api(house: House) -> None:
    await _passkey(house, "nora")
    await _passkey(house, "sam", "key-2")
    async with house.signed_in() as nora:
        assert [one["id"] for one in (await nora.get("/api/account/passkeys")).json()["passkeys"]] == ["key-1"]
        assert (await nora.delete("/api/account/passkeys/key-2")).status_code == 404
        assert (await nora.delete("/api/account/passkeys/key-1")).status_code == 204
    assert house.ask("SELECT id FROM passkeys") == [("key-2",)]


async def test_the_only_way_in_is_not_thrown_away_with_a_passkey(house: House) -> None:
    await _passkey(house, "nora")
    await _passkey(house, "nora", "key-2")
    async with house.signed_in() as nora, house.signed_in("ada") as ada:
        await house.writer.write(lambda tx: tx.db.execute("DELETE FROM accounts WHERE carer = 'nora'") and None)
        assert (await nora.delete("/api/account/passkeys/key-2")).status_code == 204
        assert (await nora.delete("/api/account/passkeys/key-1")).status_code == 409
        kept = await _post(nora, "/account", "/account/passkeys/key-1/remove")
        assert "This is your only way to sign in" in (await nora.get(kept.headers["location"])).text
        assert house.ask("SELECT id FROM passkeys") == [("key-1",)]
        # an administrator may: a lost phone's key has to go, and a link to set a password helps its owner
        assert (await ada.delete("/api/users/nora/passkeys/key-1")).status_code == 204


async def test_whoever_leaves_the_centre_loses_all_that_let_them_in(house: House) -> None:
    await _token(house, "nora")
    await _token(house, "sam")
    await _passkey(house, "nora")
    for table, columns in (
        ("identities (carer, issuer, subject, shown, linked_by, linked_at)", "'i', 's', '', '', 0"),
        ("push_subscriptions (carer, endpoint, p256dh, auth, created_at)", "'https://e', '', '', 0"),
        ("password_links (carer, token_hash, made_by, made_at, expires_at)", "'h', 'ada', 0, 9000000000000"),
        ("kiosk_codes (made_by, code_hash, name, made_at, expires_at)", "'h', 'hall', 0, 9000000000000"),
    ):
        await _put(house, f"INSERT INTO {table} VALUES ('nora', {columns})")
    for who in ("nora", "sam", "cli:root"):
        await _put(
            house,
            "INSERT INTO searches (resident, token_hash, made_at, made_by, expires_at) "
            f"VALUES ('r01', '{who}', 0, '{who}', 9000000000000)",
        )
    async with house.signed_in():
        await house.writer.write(lambda tx: access.keep_only(tx, ["sam", "ada"], by="ada"))
    assert house.ask("SELECT made_by, ended_by FROM searches WHERE ended_at IS NOT NULL") == [("nora", "ada")]
    assert _left(house, "nora") == (0, 0, 0)
    assert _left(house, "sam") == (0, 1, 0)
    for table, whose in (
        ("accounts", "carer"), ("identities", "carer"), ("push_subscriptions", "carer"), ("password_links", "carer"),
        ("kiosk_codes", "made_by"),
    ):  # fmt: skip
        assert house.ask(f"SELECT count(*) FROM {table} WHERE {whose} = 'nora'") == [(0,)], table
    assert house.ask("SELECT count(*) FROM accounts WHERE carer = 'sam'") == [(1,)]
    assert ("ada", "carer/nora") in house.ask("SELECT who, object FROM audit WHERE action = 'access.end'")


async def _put(house: House, statement: str) -> None:
    await house.writer.write(lambda tx: tx.db.execute(statement) and None)
