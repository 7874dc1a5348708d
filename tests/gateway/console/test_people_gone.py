"""A person is erased, and nothing that anybody typed about them is left; who left leaves no key and no id behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.store import compact
from gateway.store.database import reader
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import DOCUMENT, NOW, PASSWORD, House, field, sign_in
from tests.gateway.console.living import LivingHouse

NAME = 'Ġorġa "Mena" Vella'
WORD = "quandary"

HERE: dict[str, Any] = deepcopy(DOCUMENT)
HERE["residents"][0] |= {"ward": "north", "name": NAME, "relatives": ["rita"], "note": f"A {WORD} of hers."}
HERE["residents"][1] |= {"ward": "north", "note": f"Plays cards with {NAME}."}
for plan in HERE["care_plans"]:
    plan |= {
        "rules": [*plan["rules"], {"rule": "bed_exit"}],
        "consents": {"sleep": True, "location": "always", "search": True},
    }
HERE["carers"].append({"id": "ada", "name": "Ada Grech", "role": "admin", "contacts": [{"channel": "log"}]})
HERE["carers"].append({"id": "wes", "name": "Wes South", "wards": ["south"], "contacts": [{"channel": "log"}]})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    house = LivingHouse(tmp_path)
    await house.start()
    await house.apply(HERE)
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def _done(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code < 400, (answer.request.url.path, answer.text[:500])
    return answer


async def _everything_typed(house: LivingHouse, resident: str, text: str) -> None:
    """Type a text wherever the console takes one about a person."""
    numbers = [await house.raise_alert(resident, subject=str(number)) for number in range(3)]
    consents = {"location": "never", "sleep": False, "continence": False, "activity": False, "search": False}
    async with house.signed_in("nora") as nora, house.signed_in("sam") as sam, house.signed_in("wes") as wes:
        closing_note = {"type": "close", "outcome": "real", "note": text}
        handing_over = {"type": "hand_over", "to": "bo", "note": text}
        key = {"Idempotency-Key": f"{resident} {text.split()[1]}"}
        by_form = {"answer": "close", "outcome": "other", "note": text, "key": f"k{resident}"}
        await _done(await nora.post(f"/api/alerts/{numbers[0]}/answer", json=handing_over, headers=key))
        await _done(await nora.post(f"/api/alerts/{numbers[0]}/answer", json=closing_note))
        await _done(await nora.post(f"/api/alerts/{numbers[1]}/answer", json=closing_note, headers=key))
        await _done(await nora.post(f"/alerts/{numbers[2]}/answer", data=by_form))
        await _done(await nora.post(f"/api/residents/{resident}/notes", json={"text": text}, headers=key))
        shelf = {"resident": resident, "rule_key": "bed_exit", "minutes": 60, "why": text}
        await _done(await nora.post("/api/shelves", json=shelf, headers=key))
        await _done(await nora.post(f"/api/residents/{resident}/search", json={"minutes": 60}))
        await _done(await wes.post(f"/api/residents/{resident}/break-glass", json={"why": text}))
        agreed = {"agreed_by": "representative", "agreed_name": text, "agreed_on": "2026-02-28", "how": text}
        wanted = {"version": house.version(), "relatives": [], **consents, **agreed}
        await _done(await sam.post(f"/api/residents/{resident}/consent", json=wanted))
        await _done(await sam.post(f"/api/residents/{resident}/export", json={"why": text}))
        tag = (await sam.get("/api/centre")).headers["etag"]
        entry = (await sam.get(f"/api/centre/tables/residents/{resident}")).json()["entry"]
        await _done(
            await sam.put(
                f"/api/centre/tables/residents/{resident}", params={"why": text}, headers={"If-Match": tag},
                json=entry | {"note": f"{entry.get('note', '')} {text}"},
            )
        )  # fmt: skip
        await _done(await sam.post("/api/account/tokens", json={"name": text[:60], "scopes": ["read"], "days": 1}))


async def _let_notices_be_closed(house: LivingHouse) -> None:
    async with house.signed_in("sam") as sam:
        for (number,) in house.ask("SELECT id FROM alerts WHERE state != 'closed'"):
            await _done(
                await sam.post(
                    f"/api/alerts/{number}/answer", json={"type": "close", "outcome": "other", "note": "read"}
                )
            )


async def _erase(house: LivingHouse, resident: str, name: str) -> dict[str, int]:
    async with house.signed_in("ada") as ada:
        await _done(await ada.post(f"/api/residents/{resident}/erase", json={"confirm": name}))
        async with asyncio.timeout(PATIENCE_S):
            while house.ask("SELECT 1 FROM erasures WHERE done_at IS NULL"):
                await asyncio.sleep(0.01)
        [counts] = [one["counts"] for one in (await ada.get("/api/erasures")).json()["erasures"]]
    return dict(counts)


def _left(house: House, words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Every value of every table in which one of the words stands."""
    found = []
    with closing(reader(house.path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):
                for value in tuple(row):
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    if any(word in text for word in words):
                        found.append((table, text))
    return found


async def test_whatever_was_typed_about_a_person_goes_with_them(house: LivingHouse) -> None:
    words = (WORD, *compact.spellings([NAME]))
    await _everything_typed(house, "r01", f"A {WORD} about {NAME}.")
    await _everything_typed(house, "r02", f"He sat with {NAME}.")
    await _let_notices_be_closed(house)
    before = {table for table, _ in _left(house, words)}
    assert before >= {
        "alerts", "alert_events", "care_notes", "shelves", "break_glass", "consent_log", "exports", "centre_versions",
        "centre_sheets", "api_tokens",
    }  # fmt: skip
    # what others typed about the house stays theirs: only the name goes from it
    await house.writer.write(
        lambda tx: tx.db.execute("DELETE FROM api_tokens WHERE name LIKE ?", (f"%{WORD}%",)) and None
    )
    await house.writer.write(
        lambda tx: (
            tx.db.execute("UPDATE centre_versions SET why = replace(why, ?, 'word') WHERE why IS NOT NULL", (WORD,))
            and None
        )
    )
    counts = await _erase(house, "r01", NAME)
    assert _left(house, words) == []
    compact.empty_log(house.path)
    assert compact.holds(house.path, words) == []
    assert "traces" not in counts
    for table, column in (("care_notes", "text"), ("consent_log", "how"), ("exports", "why"), ("shelves", "why")):
        assert house.ask(f"SELECT {column} FROM {table} WHERE resident = 'r02'") == [("He sat with (erased).",)], table


async def test_a_former_carers_id_opens_nothing_to_the_next_one(house: LivingHouse) -> None:
    async with house.signed_in("bo") as old, house.signed_in("sam") as sam, house.client() as visitor:
        made = await old.post("/api/account/tokens", json={"name": "t", "scopes": ["read"], "days": 30})
        token = {"Authorization": f"Bearer {made.json()['token']}"}
        tag = (await sam.get("/api/centre")).headers["etag"]
        gone = await _done(await sam.delete("/api/centre/tables/carers/bo", headers={"If-Match": tag}))
        back = {"id": "bo", "name": "Bo Newcomer", "role": "manager", "contacts": [{"channel": "log"}]}
        tag = gone.headers.get("etag") or (await sam.get("/api/centre")).headers["etag"]
        await _done(await sam.put("/api/centre/tables/carers/bo", json=back, headers={"If-Match": tag}))
        assert (await old.get("/api/alerts")).status_code == 401
        assert (await visitor.get("/api/alerts", headers=token)).status_code == 401
        refused = await sign_in(visitor, "bo", PASSWORD)
        assert refused.status_code != 303
        assert house.ask("SELECT count(*) FROM accounts WHERE carer = 'bo'") == [(0,)]


async def test_a_former_residents_id_is_not_given_to_somebody_else(house: LivingHouse) -> None:
    async with house.signed_in("sam") as sam:
        await _done(await sam.post("/api/residents/r01/notes", json={"text": "Slept well."}))

        async def tag() -> dict[str, str]:
            return {"If-Match": (await sam.get("/api/centre")).headers["etag"]}

        whole = (await sam.get("/api/centre")).json()
        await _done(await sam.delete("/api/centre/tables/residents/r01", headers=await tag()))
        removal = house.version()
        new = {"id": "r01", "name": "Zoe New", "room": "101", "relatives": ["rita"]}
        for_entry = await sam.put("/api/centre/tables/residents/r01", json=new, headers=await tag())
        other = deepcopy(whole)
        other["residents"][0] = new
        other["residents"].append({"id": "r77", "name": "Nobody", "room": ""})
        at_once = await sam.put("/api/centre", json=other, headers=await tag())
        for answer in (for_entry, at_once):
            assert answer.status_code == 422, answer.text
            assert f"somebody else had this one until version {removal - 1}" in answer.text
            assert NAME not in answer.text
        assert "room" in at_once.text  # every problem at once
        form = (await sam.get("/admin/new/residents")).text
        typed = {"_csrf_token": field(form.split("</header>", 1)[-1], "_csrf_token"), "_base": str(house.version())}
        by_form = await sam.post(
            "/admin/new/residents", data=typed | {"id": "r01", "name": "Zoe", "room": "1", "_policy": "standard"}
        )
        assert by_form.status_code == 422
        assert "Expected a new id" in by_form.text or "A new id" in by_form.text
        assert "r01" not in house.index.residents
        # the same person comes back: by undoing, and by the same file
        await _done(await sam.post(f"/api/centre/versions/{removal}/undo", headers=await tag(), json={}))
        assert house.index.residents["r01"].name == NAME
        await _done(await sam.delete("/api/centre/tables/residents/r01", headers=await tag()))
        await _done(await sam.put("/api/centre", json=whole, headers=await tag()))
        assert house.index.residents["r01"].name == NAME
        assert house.ask("SELECT count(*) FROM former_residents") == [(0,)]


async def test_who_was_erased_does_not_come_back_with_an_old_file(house: LivingHouse) -> None:
    await _erase(house, "r03", DOCUMENT["residents"][2]["name"])
    async with house.signed_in("ada") as ada:
        tag = (await ada.get("/api/centre")).headers["etag"]
        answer = await ada.put("/api/centre", json=HERE, headers={"If-Match": tag})
        assert answer.status_code == 422
        assert "the person who had this one was erased" in answer.text
        form = (await ada.get("/admin/new/residents")).text
        typed = {"_csrf_token": field(form.split("</header>", 1)[-1], "_csrf_token"), "_base": str(house.version())}
        await ada.post("/admin/new/residents", data=typed | {"name": "Zoe", "room": "1", "_policy": "standard"})
    assert sorted(house.index.residents) == ["r01", "r02", "r04"]
    assert house.clock.now() == NOW
