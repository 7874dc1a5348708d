"""My account: the own password, sessions and tokens; wall screens that nobody is signed in at."""

import re
from copy import deepcopy

import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.console import tokens
from gateway.console.signed_in import browser_family
from gateway.console.throttle import FREE_TRIES
from gateway.console.tokens import Scope
from gateway.store import access
from gateway.store.access import SCREEN
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


async def _token(house: House, carer: str, *scopes: Scope, days: int = 30) -> dict[str, str]:
    made = await house.writer.write(
        lambda tx: tokens.make(tx, carer, name="a test", scopes=frozenset(scopes), days=days, by="cli:test")
    )
    return {"Authorization": f"Bearer {made}"}


async def test_own_password_is_changed_only_with_the_old_one_and_ends_the_other_sessions(house: House) -> None:
    async with house.signed_in() as here, house.signed_in() as there:
        csrf = field((await here.get("/account")).text, "_csrf_token")
        form = {"_csrf_token": csrf, "old": "a wrong one!", "password": NEW, "again": NEW}
        assert "Your old password is wrong." in (await here.post("/account/password", data=form)).text
        assert (await there.get("/board")).status_code == 200
        short = await here.post("/account/password", data={**form, "old": PASSWORD, "password": "x", "again": "x"})
        assert short.status_code == 422
        differ = await here.post("/account/password", data={**form, "old": PASSWORD, "again": "another long one"})
        assert "The two passwords differ." in differ.text
        done = await here.post("/account/password", data={**form, "old": PASSWORD})
        assert "Your password is changed." in done.text
        assert (await here.get("/board")).status_code == 200
        assert (await there.get("/board")).status_code == 401
        assert (await sign_in(there, "nora")).status_code == 401
        assert (await sign_in(there, "nora", NEW)).status_code == 303


async def test_the_old_password_can_not_be_guessed_at_a_phone_left_open(house: House) -> None:
    async with house.signed_in() as nora:
        csrf = field((await nora.get("/account")).text, "_csrf_token")
        form = {"_csrf_token": csrf, "old": "a wrong one!", "password": NEW, "again": NEW}
        for _ in range(FREE_TRIES):
            assert (await nora.post("/account/password", data=form)).status_code == 422
        assert (await nora.post("/account/password", data={**form, "old": PASSWORD})).status_code == 429


async def test_sessions_are_listed_and_ended_one_by_one_and_all_others(house: House) -> None:
    phone = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
    sent = {"Origin": house.url, "User-Agent": phone}
    async with house.signed_in() as here, house.signed_in() as third, house.client(headers=sent) as there:
        await sign_in(there, "nora")
        page = (await here.get("/account")).text
        assert "Chrome, Android" in page
        assert "127.0.0.1" in page
        assert page.count("Sign out there") == 2
        listed = (await here.get("/api/account/sessions")).json()["sessions"]
        assert [one["session"]["browser"] for one in listed if one["here"]] == [""]
        other = next(one["session"]["id"] for one in listed if one["session"]["browser"])
        csrf = {"_csrf_token": field(page, "_csrf_token")}
        ended = await here.post(f"/account/sessions/{other}/end", data=csrf)
        assert ended.status_code == 303
        assert (await there.get("/board")).status_code == 401
        await here.post("/account/sessions/others/end", data=csrf)
        assert (await third.get("/board")).status_code == 401
        assert (await here.get("/board")).status_code == 200


async def test_managers_end_sessions_of_others_but_not_of_administrators(house: House) -> None:
    async with house.signed_in("ada") as ada, house.signed_in("nora") as nora, house.signed_in("sam") as sam:
        assert (await nora.get("/account/sessions/all")).status_code == 403
        page = (await sam.get("/account/sessions/all")).text
        assert "Nora Borg" in page
        ids = dict(house.ask("SELECT carer, id FROM sessions"))
        csrf = {"_csrf_token": field(page, "_csrf_token")}
        assert (await sam.post(f"/account/sessions/{ids['ada']}/end", data=csrf)).status_code == 404
        assert (await sam.post(f"/account/sessions/{ids['nora']}/end", data=csrf)).status_code == 303
        assert (await nora.get("/board")).status_code == 401
        mine = {"_csrf_token": field((await ada.get("/account")).text, "_csrf_token")}
        assert (await ada.post(f"/account/sessions/{ids['sam']}/end", data=mine)).status_code == 303
        assert (await sam.get("/board")).status_code == 401
    revoked = house.ask("SELECT who, object FROM audit WHERE action = 'session.revoke'")
    assert revoked == [("sam", "carer/nora"), ("ada", "carer/sam")]


async def test_a_carer_can_not_end_anothers_session(house: House) -> None:
    async with house.signed_in("sam") as sam, house.signed_in("nora") as nora:
        session = dict(house.ask("SELECT carer, id FROM sessions"))["sam"]
        csrf = {"_csrf_token": field((await nora.get("/account")).text, "_csrf_token")}
        assert (await nora.post(f"/account/sessions/{session}/end", data=csrf)).status_code == 404
        assert (await nora.delete(f"/api/account/sessions/{session}")).status_code == 404
        assert (await sam.get("/board")).status_code == 200


def test_browsers_are_told_by_family_only() -> None:
    firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"
    safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Mobile Safari/604.1"
    assert browser_family(firefox) == "Firefox, Windows"
    assert browser_family(safari) == "Safari, iPhone"
    assert browser_family("curl/8") == ""


async def test_a_token_is_shown_once_and_kept_as_a_hash(house: House) -> None:
    async with house.signed_in() as nora:
        csrf = field((await nora.get("/account")).text, "_csrf_token")
        form = {"_csrf_token": csrf, "name": "Night report", "read": "yes", "days": "30"}
        found = re.search(r"tct_[\w-]{40,}", (await nora.post("/account/tokens", data=form)).text)
        assert found
        page = (await nora.get("/account")).text
        assert "Night report" in page
        assert found[0] not in page
        assert found[0] not in str(house.ask("SELECT * FROM api_tokens"))
        for wrong in ({"days": "0"}, {"days": "366"}, {"days": "x"}, {"read": ""}, {"name": " "}):
            assert (await nora.post("/account/tokens", data={**form, **wrong})).status_code == 422, wrong
    async with house.client(headers={"Authorization": f"Bearer {found[0]}"}) as program:
        assert (await program.get("/api/alerts")).status_code == 200
        assert (await program.get("/")).status_code == 303, "pages are for people"
        assert "telecare" not in program.cookies
    assert house.ask("SELECT who, action FROM audit WHERE action LIKE 'token.%'") == [("nora", "token.make")]
    assert house.ask("SELECT used_at FROM api_tokens") != [(None,)]


async def test_a_token_may_what_its_scopes_say(house: House) -> None:
    number = await house.raise_alert()
    going = {"type": "acknowledge", "eta_minutes": 5}
    async with house.client(headers=await _token(house, "nora", Scope.READ)) as reader:
        assert (await reader.get("/api/alerts")).status_code == 200
        refused = await reader.post(f"/api/alerts/{number}/answer", json=going)
        assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    async with house.client(headers=await _token(house, "nora", Scope.ANSWER)) as pager:
        refused = await pager.get("/api/alerts")
        assert (refused.status_code, refused.json()["detail"]) == (403, "This token has not the scope 'read'.")
        answered = await pager.post(f"/api/alerts/{number}/answer", json=going)
        assert (answered.status_code, answered.json()["alert"]["taken_by"]) == (200, "nora")
        assert (await pager.post("/api/shelves", json={})).status_code == 403


async def test_a_token_has_its_carers_role_and_never_more(house: House) -> None:
    every = tuple(Scope)
    async with house.client(headers=await _token(house, "nora", *every)) as program:
        assert (await program.get("/api/audit")).status_code == 403
        assert (await program.get("/api/account/tokens")).status_code == 403, "no token makes or sees others"
        house.dismiss("nora")
        assert (await program.get("/api/alerts")).status_code == 401


async def test_a_token_begins_nothing_that_outlives_it(house: House) -> None:
    browser = {"endpoint": "https://push.test/1", "keys": {"p256dh": "x" * 87, "auth": "y" * 22}}
    async with house.client(headers=await _token(house, "ada", *Scope)) as program:
        assert (await program.post("/api/push/subscribe", json=browser)).status_code == 403
        assert (await program.post("/api/kiosk/codes", json={"name": "Hall"})).status_code == 403
    assert house.ask("SELECT * FROM push_subscriptions") == house.ask("SELECT * FROM kiosk_codes") == []


async def test_a_token_ends_with_its_time_and_when_revoked(house: House) -> None:
    async with house.client(headers=await _token(house, "nora", Scope.READ, days=1)) as program:
        house.clock.move(24 * 3600 + 1)
        assert (await program.get("/api/alerts")).status_code == 401
    async with house.client(headers=await _token(house, "nora", Scope.READ)) as program:
        number = house.ask("SELECT max(id) FROM api_tokens")[0][0]
        async with house.signed_in("sam") as sam:
            assert (await sam.delete(f"/api/account/tokens/{number}")).status_code == 404
        assert (await program.get("/api/alerts")).status_code == 200
        async with house.signed_in("nora") as nora:
            assert (await nora.delete(f"/api/account/tokens/{number}")).status_code == 204
        assert (await program.get("/api/alerts")).status_code == 401


async def test_wrong_tokens_wait_and_right_ones_never(house: House) -> None:
    async with house.client(headers={"Authorization": "Bearer tct_wrong"}) as guesser:
        for _ in range(FREE_TRIES):
            assert (await guesser.get("/api/alerts")).status_code == 401
        refused = await guesser.get("/api/alerts")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
    async with house.client(headers=await _token(house, "nora", Scope.READ)) as program:
        assert (await program.get("/api/alerts")).status_code == 200


async def test_a_wrong_token_beside_a_cookie_is_refused(house: House) -> None:
    async with house.signed_in() as nora:
        refused = await nora.get("/api/alerts", headers={"Authorization": "Bearer tct_wrong"})
        assert refused.status_code == 401
        assert (await nora.get("/api/alerts")).status_code == 200


async def test_a_wall_screen_is_paired_once_and_sees_the_wall_only(house: House) -> None:
    await house.raise_alert()
    async with house.signed_in("ada") as ada, house.client() as screen, house.client() as second:
        form = {"_csrf_token": field((await ada.get("/kiosk/codes")).text, "_csrf_token"), "name": "Day room"}
        found = re.search(r"[A-Z2-9]{4} [A-Z2-9]{4}", (await ada.post("/kiosk/codes", data=form)).text)
        assert found
        assert found[0].replace(" ", "") not in str(house.ask("SELECT * FROM kiosk_codes"))
        typed = {"_csrf_token": field((await screen.get("/kiosk")).text, "_csrf_token"), "code": found[0].lower()}
        paired = await screen.post("/kiosk", data=typed)
        assert (paired.status_code, paired.headers["location"]) == (303, "/wall")
        cookie = next(one for one in paired.headers.get_list("set-cookie") if one.startswith("telecare="))
        assert "HttpOnly" in cookie
        assert f"Max-Age={180 * 24 * 3600}" in cookie
        assert "101" in (await screen.get("/wall")).text
        assert (await screen.get("/wall/board")).status_code == 200
        assert (await screen.get("/")).status_code == 303
        for path in ("/board", "/waiting", "/api/alerts", "/api/residents", "/api/account/sessions"):
            assert (await screen.get(path)).status_code == 401, path
        again = {"_csrf_token": field((await second.get("/kiosk")).text, "_csrf_token"), "code": found[0]}
        assert (await second.post("/kiosk", data=again)).status_code == 422
        # its key in another kind of browser opens nothing
        copied = await screen.get("/wall", headers={"User-Agent": "Mozilla/5.0 (iPhone) Firefox/140.0"})
        assert (copied.status_code, "101" in copied.text) == (303, False)
        house.clock.move(100 * 24 * 3600)
        assert (await screen.get("/wall")).status_code == 200
        house.clock.move(100 * 24 * 3600)
        assert (await screen.get("/wall")).status_code == 200, "it is renewed by use"
        await sign_in(ada, "ada")
        listed = (await ada.get("/account/sessions/all")).text
        assert "Day room" in listed
        session = dict(house.ask("SELECT carer, id FROM sessions"))[SCREEN]
        end = {"_csrf_token": field(listed, "_csrf_token")}
        assert (await ada.post(f"/account/sessions/{session}/end", data=end)).status_code == 303
        assert (await screen.get("/wall")).status_code == 303


async def test_a_code_for_a_screen_is_made_by_administrators_and_gets_too_old(house: House) -> None:
    async with house.signed_in("sam") as sam:
        assert (await sam.get("/kiosk/codes")).status_code == 403
    async with house.signed_in("ada") as ada, house.client() as screen:
        form = {"_csrf_token": field((await ada.get("/kiosk/codes")).text, "_csrf_token"), "name": "Day room"}
        found = re.search(r"[A-Z2-9]{4} [A-Z2-9]{4}", (await ada.post("/kiosk/codes", data=form)).text)
        assert found
        typed = {"_csrf_token": field((await screen.get("/kiosk")).text, "_csrf_token"), "code": found[0]}
        house.clock.move(10 * 60 + 1)
        for _ in range(FREE_TRIES):
            assert (await screen.post("/kiosk", data=typed)).status_code == 422
        assert (await screen.post("/kiosk", data=typed)).status_code == 429


async def test_a_carer_who_is_called_like_the_wall_is_no_wall(house: House) -> None:
    document = to_document(house.index.centre)
    document["carers"].append({"id": "kiosk", "name": "Kio Sk", "role": "carer", "contacts": [{"channel": "log"}]})
    house.index = CentreIndex(centre_from_document(document))
    await house.give_passwords("kiosk")
    async with house.signed_in("kiosk") as carer:
        assert len((await carer.get("/api/account/sessions")).json()) > 0
        gone = frozenset(one.id for one in house.index.centre.carers) - {"kiosk"}
        await house.writer.write(lambda tx: access.keep_only(tx, gone, by=None))
        assert house.ask("SELECT carer FROM sessions") == []
    assert house.ask("SELECT carer FROM accounts WHERE carer = 'kiosk'") == []
