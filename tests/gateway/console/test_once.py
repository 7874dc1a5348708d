"""Idempotency-Key: what is sent again is not done twice."""

import asyncio
import re

from gateway.console import tokens
from gateway.console.tokens import Scope
from tests.gateway.console.house import House

WANTED = {"name": "Night report", "scopes": ["read"], "days": 30}
AT = "/api/account/tokens"


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_the_same_request_again_gets_the_same_answer_and_is_not_done_twice(house: House) -> None:
    async with house.signed_in() as nora, house.signed_in("sam") as sam:
        first = await nora.post(AT, json=WANTED, headers=_key("k-1"))
        again = await nora.post(AT, json=WANTED, headers=_key("k-1"))
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        other = await nora.post(AT, json=WANTED | {"days": 31}, headers=_key("k-1"))
        assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")
        assert (await nora.post(AT, json=WANTED, headers=_key("k-2"))).json() != first.json()
        assert (await sam.post(AT, json=WANTED, headers=_key("k-1"))).status_code == 201
        assert (await nora.post(AT, json=WANTED, headers=_key("x" * 201))).status_code == 400
        assert house.ask("SELECT carer, count(*) FROM api_tokens GROUP BY carer") == [("nora", 2), ("sam", 1)]
        stored = str(house.ask("SELECT * FROM requests_once"))
        assert "k-1" not in stored
        assert not re.search(r"tct_|Night report", stored), "neither what was sent nor what was answered can be read"
        house.clock.move(24 * 3600)
    async with house.signed_in() as nora:
        late = await nora.post(AT, json=WANTED, headers=_key("k-1"))
        assert late.json() != first.json(), "after a day a key is a new one"


async def test_a_refusal_is_not_kept(house: House) -> None:
    body = {"resident": "r01", "rule_key": "help", "minutes": 5, "why": "x"}
    async with house.signed_in() as nora:
        assert (await nora.post("/api/shelves", json=body, headers=_key("k"))).status_code == 403
        assert house.ask("SELECT count(*) FROM requests_once") == [(0,)]
        for _ in range(tokens.MOST_EACH):
            made = await nora.post(AT, json=WANTED)
        assert made.status_code == 201
        assert (await nora.post(AT, json=WANTED, headers=_key("k"))).status_code == 422
        number = house.ask("SELECT max(id) FROM api_tokens")[0][0]
        assert (await nora.delete(f"{AT}/{number}")).status_code == 204
        assert (await nora.post(AT, json=WANTED, headers=_key("k"))).status_code == 201, "the key can be used again"


async def test_two_at_once_are_done_once(house: House) -> None:
    async with house.signed_in() as nora:
        answers = await asyncio.gather(*(nora.post(AT, json=WANTED, headers=_key("k")) for _ in range(5)))
        assert {one.status_code for one in answers} <= {201, 409}
        assert [one.json()["token"] for one in answers if one.status_code == 201]
        assert len({one.json()["token"] for one in answers if one.status_code == 201}) == 1
        assert all(one.headers["retry-after"] == "1" for one in answers if one.status_code == 409)
        assert house.ask("SELECT count(*) FROM api_tokens") == [(1,)]
        await house.writer.write(lambda tx: tx.db.execute("UPDATE requests_once SET answer = NULL") and None)
        cut_off = await nora.post(AT, json=WANTED, headers=_key("k"))
        assert cut_off.status_code == 409, "nobody knows whether it was done"


async def test_a_key_belongs_to_a_route_and_an_address(house: House) -> None:
    first = await house.raise_alert("r01")
    second = await house.raise_alert("r03")
    begin = {"minutes": 60}
    async with house.signed_in("sam") as sam:
        one = await sam.post("/api/residents/r01/search", json=begin | {"alert": first}, headers=_key("k"))
        assert one.status_code in {201, 403}, one.text
        if one.status_code == 201:
            elsewhere = await sam.post("/api/residents/r03/search", json=begin | {"alert": second}, headers=_key("k"))
            assert elsewhere.status_code == 422
        assert (await sam.post(AT, json=WANTED, headers=_key("k"))).status_code == 201


async def test_every_post_that_does_something_takes_a_key(house: House) -> None:
    harmless = {
        "checkCentre", "checkZone", "pushCheck", "pushSubscribe", "pushUnsubscribe", "endOtherSessions", "exportPerson",
        "exportPersonFhir",
    }  # fmt: skip
    async with house.signed_in() as nora:
        schema = (await nora.get("/api/schema/openapi.json")).json()
    without = {
        item["post"]["operationId"]
        for item in schema["paths"].values()
        if "post" in item and not any(one["name"] == "Idempotency-Key" for one in item["post"].get("parameters", ()))
    }
    assert without == harmless


async def test_keys_of_a_token_are_those_of_its_carer(house: House) -> None:
    made = await house.writer.write(
        lambda tx: tokens.make(tx, "nora", name="x", scopes=frozenset({Scope.WRITE}), days=1, by="nora")
    )
    body = {"why": "She called for help."}
    async with house.client(headers={"Authorization": f"Bearer {made}"}) as program, house.signed_in() as nora:
        first = await program.post("/api/residents/r01/break-glass", json=body, headers=_key("k"))
        assert first.status_code == 201, first.text
        assert (await nora.post("/api/residents/r01/break-glass", json=body, headers=_key("k"))).json() == first.json()
