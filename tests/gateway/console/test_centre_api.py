from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.console.house import DOCUMENT
from tests.gateway.console.living import LivingHouse

TABLES = "/api/centre/tables"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    house = LivingHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def test_an_entry_is_put_only_from_the_newest_version(house: LivingHouse) -> None:
    entry = {"id": "r01", "name": "Carmen Vella", "room": "201"}
    async with house.signed_in("sam") as client:
        read = await client.get(f"{TABLES}/residents/r01")
        tag = read.headers["etag"]
        assert (tag, read.json()["entry"]["room"]) == ('"centre-1"', "101")
        put = f"{TABLES}/residents/r01"
        assert (await client.put(put, json=entry)).status_code == 428
        done = await client.put(put, json=entry, headers={"If-Match": tag}, params={"why": "Moved."})
        assert (done.status_code, done.json(), done.headers["etag"]) == (
            200,
            {"version": 2, "changed": True},
            '"centre-2"',
        )
        late = await client.put(put, json={**entry, "room": "301"}, headers={"If-Match": tag})
        assert late.status_code == 412
        assert late.headers["content-type"].startswith("application/problem+json")
        assert house.index.residents["r01"].room == "201"


async def test_what_does_not_hold_lists_every_problem(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        answer = await client.put(
            f"{TABLES}/residents/r01", json={"id": "r01", "name": "", "rom": "1"}, headers={"If-Match": '"centre-1"'}
        )
        assert answer.status_code == 422
        assert {one["key"] for one in answer.json()["problems"]} == {
            "residents[0].name", "residents[0].room", "residents[0].rom"
        }  # fmt: skip
        for body in ({"carers": 3}, {"carers": [3]}, {}):
            whole = await client.put("/api/centre", json=body, headers={"If-Match": '"centre-1"'})
            assert whole.status_code == 422, body
        assert house.version() == 1


async def test_versions_say_what_changed_and_one_is_taken_back(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        gone = await client.delete(f"{TABLES}/residents/r03", headers={"If-Match": '"centre-1"'})
        assert gone.status_code == 200, gone.text
        told = (await client.get("/api/centre/versions/2")).json()
        assert [(one["table"], one["key"], one["what"]) for one in told["changes"]] == [
            ("residents", "r03", "removed"), ("care_plans", "r03", "removed")
        ]  # fmt: skip
        assert told["version"]["applied_by"] == "sam"
        undone = await client.post("/api/centre/versions/2/undo")
        assert undone.json() == {"version": 3, "changed": True}
        assert "r03" in house.index.residents
        page = (await client.get("/api/centre/versions", params={"limit": 2})).json()
        assert [one["version"] for one in page["versions"]] == [3, 2]
        rest = (await client.get("/api/centre/versions", params={"cursor": page["next"]})).json()
        assert ([one["version"] for one in rest["versions"]], rest["next"]) == ([1], None)
        assert (await client.post("/api/centre/versions/1/undo")).status_code == 409


async def test_the_whole_goes_out_and_in_and_is_not_sent_twice(house: LivingHouse) -> None:
    document: dict[str, Any] = deepcopy(DOCUMENT)
    document["carers"][0]["contacts"] = [{"channel": "webhook", "address": "https://hook.example.org/secret-1"}]
    await house.apply(document)
    async with house.signed_in("sam") as client:
        whole = await client.get("/api/centre")
        assert "secret-1" not in whole.text
        tag = whole.headers["etag"]
        assert (await client.get("/api/centre", headers={"If-None-Match": tag})).status_code == 304
        sent = whole.json()
        sent["centre"]["name"] = "Haven Court"
        assert (await client.put("/api/centre", json=sent, headers={"If-Match": tag})).status_code == 200
        assert house.index.site.name == "Haven Court"
        assert house.index.carers["nora"].contacts[0].address == "https://hook.example.org/secret-1"


async def test_a_label_and_lists(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        label = await client.get("/api/centre/pairing", params={"code": "490154203237518"})
        assert label.json()["label"]["formats"] == ["traccar"]
        assert (await client.get("/api/centre/pairing", params={"code": " "})).status_code == 422
        first = (await client.get(f"{TABLES}/carers", params={"limit": 3})).json()
        assert [one["key"] for one in first["entries"]] == ["nora", "sam", "bo"]
        rest = (await client.get(f"{TABLES}/carers", params={"cursor": first["next"]})).json()
        assert [one["key"] for one in rest["entries"]] == ["rita"]
        assert (await client.get(f"{TABLES}/nothing")).status_code == 404
    async with house.signed_in("nora") as client:
        assert (await client.get("/api/centre")).status_code == 403
