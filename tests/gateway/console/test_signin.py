"""Signing in and out: sessions, CSRF, slow-down, and what is written down."""

import asyncio
import threading

import httpx
import pytest

from gateway.clock import ManualClock
from gateway.console import signin
from gateway.console.accounts import Check, check, set_password, verify
from gateway.console.throttle import FREE_TRIES, LONGEST_WAIT_S, Throttle
from gateway.errors import PasswordError
from gateway.store.database import reader
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import NOW, PASSWORD, House, field, sign_in


async def test_right_password_opens_the_page_asked_for(house: House) -> None:
    number = await house.raise_alert()
    async with house.client() as client:
        answer = await sign_in(client, "nora", to=f"/alerts/{number}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{number}")
        assert (await client.get(f"/alerts/{number}")).status_code == 200
        assert (await client.get("/sign-in")).headers["location"] == "/"
    assert house.ask("SELECT who, action FROM audit WHERE action LIKE 'session.%'") == [("nora", "session.begin")]


@pytest.mark.parametrize(("carer", "password"), [("nora", "wrong password"), ("nobody", PASSWORD)])
async def test_wrong_name_and_wrong_password_read_the_same(house: House, carer: str, password: str) -> None:
    async with house.client() as client:
        answer = await sign_in(client, carer, password)
        assert answer.status_code == 401
        assert "Name or password is wrong." in answer.text
        assert (await client.get("/")).status_code == 303
    refused = [("nora", "session.refused")] if carer == "nora" else []
    assert house.ask("SELECT who, action FROM audit WHERE action LIKE 'session.%'") == refused


async def test_a_carer_who_left_the_centre_is_out_at_once(house: House) -> None:
    async with house.signed_in() as nora:
        assert (await nora.get("/")).status_code == 200
        house.dismiss("nora")
        assert (await nora.get("/")).status_code == 303
        assert (await sign_in(nora, "nora")).status_code == 401


async def test_cookies_can_be_read_by_no_script_and_sent_by_no_other_site(house: House) -> None:
    async with house.client() as client:
        form = await client.get("/sign-in")
        answer = await sign_in(client, "nora")
    cookies = [*form.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    assert {cookie.split("=")[0] for cookie in cookies} == {"csrf", "telecare", "telecare_browser"}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie or "SameSite=strict" in cookie
        assert "Secure" not in cookie


async def test_cookies_are_for_https_only_when_configured(house: House) -> None:
    await house.stop_serving()
    house.settings["secure_cookies"] = True
    await house.serve()
    async with house.client() as client:
        form = await client.get("/sign-in")
        csrf = form.cookies["__Host-csrf"]
        answer = await client.post(
            "/sign-in",
            headers={"Cookie": f"__Host-csrf={csrf}"},
            data={"carer": "nora", "password": PASSWORD, "_csrf_token": field(form.text, "_csrf_token")},
        )
    assert answer.status_code == 303
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    cookies = answer.headers.get_list("set-cookie")
    assert any(cookie.startswith("__Host-telecare=") for cookie in cookies)
    assert all("Secure" in cookie for cookie in [*cookies, *form.headers.get_list("set-cookie")])


async def test_visitors_leave_no_session_behind(house: House) -> None:
    async with house.client() as client:
        for path in ("/", "/sign-in", "/healthz", "/nowhere"):
            answer = await client.get(path)
            assert not [c for c in answer.headers.get_list("set-cookie") if c.startswith("telecare=")], path
    assert house.ask("SELECT count(*) FROM sessions") == [(0,)]


async def test_an_id_of_somebody_elses_making_is_never_adopted(house: House) -> None:
    async with house.client() as client:
        client.cookies.set("telecare", "planted")
        await sign_in(client, "nora")
        assert client.cookies.get("telecare", domain="127.0.0.1") != "planted"
    async with house.client(cookies={"telecare": "planted"}) as other:
        assert (await other.get("/")).status_code == 303


async def test_the_database_holds_no_usable_session(house: House) -> None:
    async with house.signed_in() as nora:
        assert nora.cookies["telecare"] not in str(house.ask("SELECT * FROM sessions"))


async def test_a_session_is_renewed_by_use_for_a_day_and_not_by_an_open_page(house: House) -> None:
    async with house.signed_in() as nora:
        house.clock.move(11 * 3600)
        assert "sign out and in again" not in (await nora.get("/")).text
        house.clock.move(10 * 3600)
        assert "sign out and in again" in (await nora.get("/")).text
        house.clock.move(3 * 3600 - 1)
        assert (await nora.get("/account")).status_code == 200
        house.clock.move(2)
        assert (await nora.get("/board")).status_code == 401
    async with house.signed_in() as nora:
        for path in ("/board", "/rounds"):  # a part of a page that asks again says what it has
            house.clock.move(6 * 3600 - 60)
            assert (await nora.get(path, headers={"If-None-Match": '""'})).status_code == 200
        house.clock.move(120)
        assert (await nora.get("/board")).status_code == 401


async def test_a_restart_signs_nobody_out(house: House) -> None:
    async with house.signed_in() as nora:
        await house.stop_serving()
        await house.serve()
        assert (await nora.get("/board")).status_code == 200


async def test_signing_out_ends_the_session_for_good(house: House) -> None:
    async with house.signed_in() as nora:
        page = await nora.get("/")
        cookie = nora.cookies["telecare"]
        answer = await nora.post("/sign-out", data={"_csrf_token": field(page.text, "_csrf_token")})
        assert answer.headers["location"] == "/sign-in"
        assert (await nora.get("/")).status_code == 303
    async with house.client(cookies={"telecare": cookie}) as thief:
        assert (await thief.get("/")).status_code == 303
    assert house.ask("SELECT count(*) FROM sessions") == [(0,)]


async def test_signing_out_needs_the_forms_token(house: House) -> None:
    async with house.signed_in() as nora:
        refused = await nora.post("/sign-out", data={"_csrf_token": "stale"})
        assert refused.status_code == 403
        assert "open for too long" in refused.text
        assert (await nora.get("/board")).status_code == 200


async def test_a_token_of_another_secret_is_replaced_not_refused_for_ever(house: House) -> None:
    async with house.client() as client:
        client.cookies.set("csrf", "0" * 128, domain="127.0.0.1")
        assert (await sign_in(client, "nora")).status_code == 403
        assert (await sign_in(client, "nora")).status_code == 303


async def test_a_new_password_ends_the_sessions_of_the_old_one(house: House) -> None:
    async with house.signed_in() as nora:
        await house.writer.write(lambda tx: set_password(tx, "nora", "another long one", by="sam"))
        assert (await nora.get("/board")).status_code == 401
        assert (await sign_in(nora, "nora")).status_code == 401
        assert (await sign_in(nora, "nora", "another long one")).status_code == 303
    assert ("sam", "account.password_set", "carer/nora") in house.ask("SELECT who, action, object FROM audit")


async def test_passwords_are_checked_and_kept_as_argon2id_only(house: House) -> None:
    with pytest.raises(PasswordError, match="at least 10"):
        await house.writer.write(lambda tx: set_password(tx, "nora", "short", by=None))
    with pytest.raises(PasswordError, match="at most 200"):
        await house.writer.write(lambda tx: set_password(tx, "nora", "x" * 201, by=None))
    await house.writer.write(lambda tx: set_password(tx, "nora", "ein langes Wört", by=None))
    [(stored,)] = house.ask("SELECT password_hash FROM accounts WHERE carer = 'nora'")
    assert stored.startswith("$argon2id$")
    db = reader(house.path)
    assert verify(db, "nora", "ein langes Wört") is Check.RIGHT
    assert verify(db, "nora", "ein langes Wort") is Check.WRONG
    assert verify(db, "nobody", "ein langes Wört") is Check.NO_ACCOUNT
    db.close()


async def _fail(client: httpx.AsyncClient, times: int, carer: str = "nora") -> list[int]:
    return [(await sign_in(client, carer, f"wrong number {n}")).status_code for n in range(times)]


async def test_guessing_is_slowed_down_and_the_right_password_works_after_the_wait(house: House) -> None:
    async with house.client() as guesser:
        assert await _fail(guesser, FREE_TRIES + 1) == [401] * FREE_TRIES + [429]
        refused = await sign_in(guesser, "nora")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= LONGEST_WAIT_S
        house.clock.move(float(refused.headers["retry-after"]))
        assert (await sign_in(guesser, "nora")).status_code == 303


async def test_guessing_slows_down_neither_the_ward_nor_the_carers_own_phone(house: House) -> None:
    async with house.signed_in("nora") as own_phone, house.client() as guesser:
        assert (await _fail(guesser, FREE_TRIES + 3))[-1] == 429
        async with house.signed_in("sam"):
            pass
        page = await own_phone.get("/")
        await own_phone.post("/sign-out", data={"_csrf_token": field(page.text, "_csrf_token")})
        assert (await sign_in(own_phone, "nora")).status_code == 303


async def test_the_wait_never_exceeds_its_limit_and_is_forgotten() -> None:
    clock = ManualClock(NOW)
    throttle = Throttle(clock)
    for _ in range(200):
        throttle.begin("nora", "address/1")
    assert throttle.wait_s("nora", "address/1") == LONGEST_WAIT_S
    assert throttle.wait_s("nora", "address/2") == 0
    clock.move(15 * 60)
    assert throttle.wait_s("nora", "address/1") == 0


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example/", "/\\evil.example", "", "javascript:alert(1)"]
)
async def test_sign_in_leads_to_no_other_site(house: House, to: str) -> None:
    async with house.client() as client:
        assert (await sign_in(client, "nora", to=to)).headers["location"] == "/"


async def test_one_password_tried_with_many_names_is_slowed_down_but_not_a_known_phone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "FREE_OF_ADDRESS", 4)
    await house.stop_serving()
    await house.serve()
    async with house.signed_in("nora") as nora, house.client() as bad:
        page = await nora.get("/")
        await nora.post("/sign-out", data={"_csrf_token": field(page.text, "_csrf_token")})
        tries = [(await sign_in(bad, carer, "Summer2026!")).status_code for carer in ("sam", "bo", "x1", "x2", "rita")]
        assert tries == [401, 401, 401, 401, 429]
        refused = await sign_in(bad, "sam")
        assert (refused.status_code, int(refused.headers["retry-after"])) == (429, 2)
        assert (await sign_in(nora, "nora")).status_code == 303
        house.clock.move(2)
        # who was right is not counted, and the wait goes on for the wrong ones
        assert (await sign_in(bad, "sam")).status_code == 303


async def test_strangers_who_fill_their_lane_are_told_to_come_back_and_known_phones_pass(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "WAITING", 0)
    held, begun = threading.Event(), threading.Event()
    really = check

    def slow(stored: str | None, password: str) -> Check:
        if stored is None:
            begun.set()
            assert held.wait(PATIENCE_S)
        return really(stored, password)

    monkeypatch.setattr(signin, "check", slow)
    await house.stop_serving()
    await house.serve()
    async with house.signed_in("nora") as nora, house.client() as bad, house.client() as other:
        page = await nora.get("/")
        await nora.post("/sign-out", data={"_csrf_token": field(page.text, "_csrf_token")})
        flood = asyncio.create_task(sign_in(bad, "made-up", "Summer2026!"))
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        refused = await sign_in(other, "sam")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, str(signin.BACK_IN_S))
        assert "Many people are signing in" in refused.text
        assert (await sign_in(nora, "nora")).status_code == 303
        held.set()
        assert (await flood).status_code == 401
        assert (await sign_in(other, "sam")).status_code == 303
