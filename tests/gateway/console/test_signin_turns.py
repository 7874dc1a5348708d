"""Guessing in the house's own network: who is not guessing gets in within the wait that the page promised."""

from datetime import timedelta

import httpx
import pytest
from itsdangerous import URLSafeSerializer

from gateway.clock import ManualClock
from gateway.console import turns
from gateway.console.known import MOST_KNOWN
from gateway.console.throttle import FREE_OF_ADDRESS, FREE_TRIES, LONGEST_WAIT_S, Throttle
from gateway.console.turns import OF_ACCOUNT, Turns
from tests.gateway.console.house import NOW, PASSWORD, SECRET, House, field, sign_in

WRONG = "wrong wrong wrong"


async def leave(client: httpx.AsyncClient) -> None:
    page = await client.get("/account")
    assert (await client.post("/sign-out", data={"_csrf_token": field(page.text, "_csrf_token")})).status_code == 303


@pytest.mark.parametrize("guessed", ["made-up", "bo"])
async def test_who_waits_as_the_page_says_gets_in_while_somebody_guesses(
    house: House, guessed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.client() as bad, house.client() as bo:
        for number in range(FREE_OF_ADDRESS + FREE_TRIES):
            await sign_in(bad, f"x{number}" if guessed == "made-up" else guessed, WRONG)
        for _ in range(int(LONGEST_WAIT_S) * 5):  # until the wait is the longest
            house.clock.move(1)
            await sign_in(bad, guessed, WRONG)
        refused = await sign_in(bo, "bo")
        assert refused.status_code == 429
        wait_s = int(refused.headers["retry-after"])
        assert wait_s <= LONGEST_WAIT_S
        for second in range(wait_s):
            assert second or (await sign_in(bo, "bo")).status_code == 429, "not before its time"
            house.clock.move(1)
            await sign_in(bad, guessed, WRONG)
        assert (await sign_in(bo, "bo")).status_code == 303


def test_a_turn_is_taken_once_and_they_are_few() -> None:
    clock = ManualClock(NOW)
    lent = Turns(clock, "s" * 32)
    [ticket, *more] = [lent.ticket("bo", "address/1", 10) for _ in range(OF_ACCOUNT + 1)]

    def left(of: str = "bo", at: str = "address/1") -> float | None:
        return lent.left_s(ticket, of, at, LONGEST_WAIT_S)

    assert (left(), left("nora"), left(at="address/2")) == (10, None, None)
    assert lent.left_s("nonsense", "bo", "address/1", LONGEST_WAIT_S) is None
    clock.move(10)
    assert left() == 0
    assert lent.take(ticket, "bo", "address/1")
    assert left() is None, "used"
    assert [lent.take(one, "bo", "address/1") for one in more] == [True] * (OF_ACCOUNT - 1) + [False]
    clock.move(turns.SPAN.total_seconds())
    assert lent.left_s(more[-1], "bo", "address/1", LONGEST_WAIT_S) == 0, "it stayed good"
    assert lent.take(more[-1], "bo", "address/1")
    ticket = lent.ticket("bo", "address/1", 10)
    clock.move(10 + turns.LASTS.total_seconds() + 1)
    assert left() is None, "too old"


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    clock = ManualClock(NOW)
    throttle, lent = Throttle(clock), Turns(clock, "s" * 32)
    ticket = lent.ticket("bo", "address/1", 30)
    for _ in range(50):
        throttle.begin("bo", "address/1")
    clock._now -= timedelta(days=1)  # as by hand, or by NTP after a wrong start
    assert throttle.wait_s("bo", "address/1") == LONGEST_WAIT_S
    assert lent.left_s(ticket, "bo", "address/1", LONGEST_WAIT_S) is None, "a new one is made"
    clock.move(LONGEST_WAIT_S)
    assert throttle.wait_s("bo", "address/1") == 0


async def test_a_shared_computer_knows_all_who_signed_in_there(house: House) -> None:
    async with house.client() as shared, house.client() as bad:
        for carer in ("nora", "bo"):
            assert (await sign_in(shared, carer)).status_code == 303
            await leave(shared)
        for number in range(FREE_OF_ADDRESS + 5):
            await sign_in(bad, f"x{number}", WRONG)
        assert (await sign_in(bad, "nora")).status_code == 429
        for carer in ("bo", "nora", "bo"):
            assert (await sign_in(shared, carer)).status_code == 303
            await leave(shared)


async def test_a_browser_knows_so_many_and_a_mark_of_an_earlier_version_counts(house: House) -> None:
    signer = URLSafeSerializer(SECRET, salt="telecare.browser.v1")
    async with house.client() as client:
        client.cookies.set("telecare_browser", str(signer.dumps(["nora", "0a"])), domain="127.0.0.1", path="/sign-in")
        await sign_in(client, "bo", PASSWORD)
        assert [one[0] for one in signer.loads(client.cookies["telecare_browser"])] == ["bo", "nora"]
    async with house.client() as client:
        many = str(signer.dumps([[f"c{n}", "0a"] for n in range(MOST_KNOWN)]))
        client.cookies.set("telecare_browser", many, domain="127.0.0.1", path="/sign-in")
        await sign_in(client, "bo", PASSWORD)
        kept = [one[0] for one in signer.loads(client.cookies["telecare_browser"])]
        assert (len(kept), kept[0]) == (MOST_KNOWN, "bo")
