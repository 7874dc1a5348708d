"""The page of the round list: what is due, checked off, brought back when the sensor still says so.

A tap may come late, twice, or after the list has changed: it counts from when it was tapped, and once.
"""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import to_ms
from gateway.console.answering import OTHER_CARER
from gateway.store.rounds import COMES_BACK
from gateway.store.writer import Tx
from rules.continence import ContinenceState, Stand
from rules.registry import encode_states
from tests.gateway.console.house import DOCUMENT, NOW, House, field

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CHECKS = "SELECT what, result, at, who FROM round_checks ORDER BY id"


@pytest.fixture
async def agreed(house: House) -> House:
    """A change is due for r01, who agreed, and for r02, who did not."""
    document = deepcopy(DOCUMENT)
    document["centre"]["rounds"] = ["04:00"]
    document["care_plans"][0] |= {"rules": [{"rule": "help"}, {"rule": "continence"}], "consents": {"continence": True}}
    house.index = CentreIndex(centre_from_document(document))
    await says(house, Stand.DUE)
    return house


async def says(house: House, stand: Stand, since: datetime | None = NOW - HOUR) -> None:
    """What the sensors of r01 and r02 say by now."""
    state = ContinenceState(stand, NOW, since, NOW + HOUR, NOW + HOUR / 2)
    states = encode_states({"continence": state}).decode()

    def work(tx: Tx) -> None:
        for resident in ("r01", "r02"):
            tx.db.execute("INSERT OR REPLACE INTO rule_states (resident, states) VALUES (?, ?)", (resident, states))

    await house.writer.write(work)


async def form_of(client: httpx.AsyncClient, **more: str) -> dict[str, str]:
    shown = (await client.get("/rounds")).text
    return {name: field(shown, name) for name in ("carer", "line", "by", "when")} | more


async def tap(client: httpx.AsyncClient, form: dict[str, str], **more: object) -> httpx.Response:
    """As the page's script sends it."""
    sent = form | {name: str(value) for name, value in more.items()}
    return await client.post("/rounds/check", data=sent, headers={"Accept": "application/json"})


async def test_a_line_is_checked_off_and_comes_back_if_the_sensor_still_says_so(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        shown = (await nora.get("/rounds")).text
        assert "Change due" in shown
        assert "Carmen Vella" in shown
        assert "Joseph" not in shown
        form = await form_of(nora, key="")
        assert (await nora.post("/rounds/check", data={**form, "result": "done"})).status_code == 303
        after = (await nora.get("/rounds")).text
        assert "Nothing is due." in after
        assert "Nora Borg, 03:12" in after
        assert (await nora.post("/rounds/check", data={**form, "result": "done"})).status_code == 303
        assert agreed.ask("SELECT result, who FROM round_checks") == [("done", "nora")]
        agreed.clock.move(COMES_BACK.total_seconds())
        assert "the sensor still says so" in (await nora.get("/rounds")).text
    # what was dealt with says something of a body, and the audit is kept for longer than that
    lines = agreed.ask("SELECT who, object, detail FROM audit WHERE action = 'round.check'")
    assert lines == [("nora", "resident/r01", '{"check":1}')]


async def test_a_tap_that_is_sent_again_is_taken_once_and_counts_from_the_tap(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        form = await form_of(nora, key="tap-1", result="done")
        agreed.clock.move(50 * 60)
        first = await tap(nora, form, age_s=45 * 60)
        assert first.status_code == 200
        assert first.headers["telecare-version"]
        assert first.json()["text"].endswith("Change due. Nora Borg, 03:17: done")
        agreed.clock.move(40 * 60)
        again = await tap(nora, form, age_s=85 * 60 + 2)  # the phone's clock is not ours
        assert again.json() == first.json()
        tapped = to_ms(NOW + 5 * MINUTE)
        assert agreed.ask(CHECKS) == [("due", "done", tapped, "nora")]
        assert (await tap(nora, form | {"key": "tap-2"}, age_s=0)).status_code == 200  # done once more: another tap
        assert len(agreed.ask(CHECKS)) == 2
    assert [who for (who,) in agreed.ask("SELECT who FROM audit WHERE action = 'round.check'")] == ["nora", "nora"]


async def test_a_tap_of_before_undoes_nothing_that_came_after_it(agreed: House) -> None:
    async with agreed.signed_in() as nora, agreed.signed_in("sam") as sam:
        form = await form_of(nora, key="tap-1", result="later")
        agreed.clock.move(20 * 60)
        assert (await tap(sam, await form_of(sam, key="tap-s", result="done"), age_s=0)).status_code == 200
        assert (await tap(nora, form, age_s=15 * 60)).status_code == 200
        shown = (await nora.get("/rounds")).text
        assert "Nothing is due." in shown  # Sam's is the newer one, although it came first
        assert shown.index("Sam Pace, 03:32: done") < shown.index("Nora Borg, 03:17: later")
    times = [(at, who) for _, _, at, who in agreed.ask(CHECKS)]
    assert times == [(to_ms(NOW + 20 * MINUTE), "sam"), (to_ms(NOW + 5 * MINUTE), "nora")]


async def test_an_old_tap_hides_a_line_no_longer_than_a_fresh_one(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        form = await form_of(nora, key="tap-1", result="done")
        agreed.clock.move(31 * 60)
        assert (await tap(nora, form, age_s=31 * 60)).status_code == 200
        assert "Nora Borg, 03:12: done, but the sensor still says so" in (await nora.get("/rounds")).text


@pytest.mark.parametrize(("age_s", "at"), [(3 * 3600, NOW - HOUR), (10**10, NOW - HOUR), (0, NOW)])
async def test_a_wrong_clock_of_a_phone_is_taken_as_the_nearest_time_that_can_be(
    agreed: House, age_s: int, at: datetime
) -> None:
    async with agreed.signed_in() as nora:
        assert (await tap(nora, await form_of(nora, key="k", result="done"), age_s=age_s)).status_code == 200
    assert [row[2] for row in agreed.ask(CHECKS)] == [to_ms(at)]


async def test_a_leak_after_the_tap_stays_on_the_list(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        form = await form_of(nora, key="tap-1", result="done")
        await says(agreed, Stand.LEAK)
        agreed.clock.move(60)
        assert (await tap(nora, form, age_s=60)).status_code == 200
        assert "Change needed now" in (await nora.get("/rounds")).text
        assert (await tap(nora, await form_of(nora, key="tap-2", result="done"), age_s=0)).status_code == 200
        assert "Nothing is due." in (await nora.get("/rounds")).text


async def test_what_was_done_is_noted_also_when_the_sensor_is_dry_before_the_tap_arrives(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        form = await form_of(nora, key="tap-1", result="done")
        agreed.clock.move(20 * 60)
        await says(agreed, Stand.FINE, None)
        assert (await tap(nora, form, age_s=18 * 60)).status_code == 200
        assert "Nora Borg, 03:14: done" in (await nora.get("/rounds")).text
        later = await tap(nora, form | {"key": "tap-2", "result": "later"}, age_s=60)
        assert later.status_code == 409
        assert later.json()["detail"].startswith("101: This is not on the list any more.")
        plain = await nora.post("/rounds/check", data=form | {"key": "", "result": "later"})
        assert plain.status_code == 409
        assert 'role="alert">101: This is not on the list any more.' in plain.text
    assert len(agreed.ask(CHECKS)) == 1


async def test_who_did_not_agree_any_more_gets_no_line_by_an_old_page(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        form = await form_of(nora, key="tap-1", result="done")
        agreed.index = CentreIndex(centre_from_document(DOCUMENT))
        assert (await tap(nora, form, age_s=60)).status_code == 409
    assert agreed.ask(CHECKS) == []


async def test_a_tap_is_never_taken_as_another_carers(agreed: House) -> None:
    async with agreed.signed_in() as nora, agreed.signed_in("sam") as sam:
        form = await form_of(nora, key="tap-1", result="done")
        refused = await tap(sam, form, age_s=60)
        assert (refused.status_code, refused.json()["type"]) == (409, OTHER_CARER)
        assert "you are signed in as Sam Pace now" in (await sam.post("/rounds/check", data=form)).text
        assert agreed.ask(CHECKS) == []
        assert (await tap(nora, form, age_s=60)).status_code == 200
    async with agreed.client() as nobody:
        assert (await tap(nobody, form, age_s=60)).status_code == 401
    assert [row[3] for row in agreed.ask(CHECKS)] == ["nora"]


BAD: list[dict[str, Any]] = [
    {"line": "['r01',1,'due'].made-up"}, {"line": ""}, {"result": "dry"}, {"result": ""}, {"age_s": "soon"},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
async def test_what_no_page_of_ours_sends_is_refused(agreed: House, bad: dict[str, Any]) -> None:
    async with agreed.signed_in() as nora:
        form = await form_of(nora, key="k", result="done")
        assert (await tap(nora, form | bad)).status_code == 400
        nora.headers["Origin"] = "https://elsewhere.test"
        assert (await tap(nora, form)).status_code == 403
    assert agreed.ask(CHECKS) == []


async def test_later_stays_on_the_list(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        wanted = {"resident": "r01", "since": (NOW - HOUR).isoformat(), "result": "later"}
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 200
        shown = (await nora.get("/rounds?by=room")).text
        assert "Change due" in shown
        assert ": later" in shown
        wanted["since"] = NOW.isoformat()
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 404
        wanted |= {"resident": "r02", "since": (NOW - HOUR).isoformat()}
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 404


async def test_a_program_can_say_when_it_was_done(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        wanted = {"resident": "r01", "since": (NOW - HOUR).isoformat(), "result": "done"}
        naive = await nora.post("/api/rounds/check", json=wanted | {"at": "2026-03-01T02:00:00"})
        assert (naive.status_code, naive.json()["detail"].partition(":")[0]) == (422, "at")
        for _ in range(2):
            said = wanted | {"at": (NOW - 10 * MINUTE).isoformat()}
            answer = await nora.post("/api/rounds/check", json=said, headers={"Idempotency-Key": "one"})
            assert answer.json()["at"] == "2026-03-01T02:02:00Z"
    assert agreed.ask(CHECKS) == [("due", "done", to_ms(NOW - 10 * MINUTE), "nora")]


async def test_the_printed_list_is_for_the_next_round(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        assert "Carmen Vella" in (await nora.get("/rounds/print")).text  # due at 3:42, the round is at 4:00
    async with agreed.signed_in("rita") as rita:
        assert (await rita.get("/rounds/print")).status_code == 403


async def test_another_ward_is_not_on_the_list(agreed: House) -> None:
    document = deepcopy(DOCUMENT)
    document["residents"][0]["ward"] = "north"
    document["carers"][0]["wards"] = ["south"]
    document["care_plans"][0] |= {"rules": [{"rule": "help"}, {"rule": "continence"}], "consents": {"continence": True}}
    async with agreed.signed_in() as nora, agreed.signed_in("sam") as sam:
        form = await form_of(nora, key="k", result="done")
        agreed.index = CentreIndex(centre_from_document(document))
        assert "Nothing is due." in (await nora.get("/rounds")).text
        assert "Carmen Vella" in (await sam.get("/rounds")).text
        wanted = {"resident": "r01", "since": (NOW - HOUR).isoformat(), "result": "done"}
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 404
        refused = await tap(nora, form, age_s=5)
        assert (refused.status_code, refused.json()["detail"].partition(".")[0]) == (
            409,
            "This is not on the list any more",
        )
