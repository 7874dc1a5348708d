"""The API of shifts and coverage: who may do what, and that it is written down."""

from copy import deepcopy
from typing import Any

import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from tests.gateway.console.house import DOCUMENT, House

WEEKLY = [
    {"days": "daily", "from": "07:00", "to": "19:00", "carers": ["nora"]},
    {"days": "daily", "from": "19:00", "to": "07:00", "carers": ["bo"]},
]
OVERRIDE = {
    "role": "nurse", "since": "2026-03-02T06:00:00Z", "until": "2026-03-02T08:00:00Z", "leaves": "nora", "why": "ill",
}  # fmt: skip


@pytest.fixture
async def duty(house: House) -> House:
    document: dict[str, Any] = deepcopy(DOCUMENT)
    document["shifts"] = [{"id": "nurse", "weekly": WEEKLY}]
    document["policies"][0]["steps"] = [{"roles": ["nurse"], "wait_s": 120}]
    house.index = CentreIndex(centre_from_document(document))
    return house


async def test_from_an_override_to_its_gap_and_back(duty: House) -> None:
    async with duty.signed_in("sam") as sam:
        found = (await sam.get("/api/shifts?days=1")).json()
        assert [(turn["carer"], turn["since"]) for turn in found["turns"]] == [
            ("bo", "2026-02-28T18:00:00Z"), ("nora", "2026-03-01T06:00:00Z"), ("bo", "2026-03-01T18:00:00Z"),
        ]  # fmt: skip
        assert (await sam.get("/api/coverage")).json()["gaps"] == 0
        made = await sam.post("/api/shifts/overrides", json=OVERRIDE)
        assert made.status_code == 201, made.text
        [change] = made.json()["changes"]
        assert (change["who"], change["comes"]) == ("sam", None)
        coverage = (await sam.get("/api/coverage")).json()
        assert coverage["gaps"] == 1
        gap = coverage["findings"][0]
        assert (gap["kind"], gap["serious"], gap["role"]) == ("gap", True, "nurse")
        assert gap["spans"] == [{"since": "2026-03-02T06:00:00Z", "until": "2026-03-02T08:00:00Z"}]
        assert (await sam.get("/api/coverage?days=1")).json()["gaps"] == 0
        assert len((await sam.get("/api/shifts?days=2")).json()["changes"]) == 1
        ended = await sam.post(f"/api/shifts/changes/{change['id']}/end")
        assert ended.json()["changes"][0]["ended_by"] == "sam"
        assert (await sam.post(f"/api/shifts/changes/{change['id']}/end")).status_code == 422
    looks = duty.ask("SELECT DISTINCT object FROM audit WHERE action = 'look' AND object IN ('shifts', 'coverage')")
    assert len(looks) == 2


async def test_a_swap(duty: House) -> None:
    wanted = {
        "role": "nurse", "why": "x",
        "first": {"carer": "nora", "since": "2026-03-02T06:00:00Z", "until": "2026-03-02T18:00:00Z"},
        "second": {"carer": "bo", "since": "2026-03-03T18:00:00Z", "until": "2026-03-04T06:00:00Z"},
    }  # fmt: skip
    async with duty.signed_in("sam") as sam:
        made = await sam.post("/api/shifts/swaps", json=wanted)
        assert [(one["leaves"], one["comes"]) for one in made.json()["changes"]] == [("nora", "bo"), ("bo", "nora")]
        naive = wanted | {"second": wanted["second"] | {"since": "2026-03-03T18:00:00"}}  # type: ignore[operator]
        refused = await sam.post("/api/shifts/swaps", json=naive)
        assert refused.status_code == 422
        assert "time zone" in refused.text


@pytest.mark.parametrize("change", [{"leaves": "bo"}, {"role": "cook"}, {"why": ""}, {"until": "2026-02-01T00:00:00Z"}])
async def test_what_can_not_be_changed(duty: House, change: dict[str, str]) -> None:
    async with duty.signed_in("sam") as sam:
        assert (await sam.post("/api/shifts/overrides", json=OVERRIDE | change)).status_code == 422
        assert (await sam.get("/api/shifts")).json()["changes"] == []


async def test_who_may_do_what(duty: House) -> None:
    async with duty.signed_in("nora") as nora, duty.signed_in("rita") as rita, duty.client() as nobody:
        assert (await nora.get("/api/shifts")).status_code == 200
        assert (await nora.post("/api/shifts/overrides", json=OVERRIDE)).status_code == 403
        assert (await rita.get("/api/coverage")).status_code == 403
        assert (await nobody.get("/api/shifts")).status_code == 401
        elsewhere = {"Origin": "https://elsewhere.example"}
    async with duty.signed_in("sam") as sam:
        assert (await sam.post("/api/shifts/overrides", json=OVERRIDE, headers=elsewhere)).status_code == 403


async def test_more_help_and_hand_over_by_the_api_and_by_the_page(duty: House) -> None:
    number = await duty.raise_alert("r02")
    async with duty.signed_in("nora") as nora:
        path = f"/api/alerts/{number}/answer"
        assert (await nora.post(path, json={"type": "hand_over", "to": "bo"})).status_code == 200
        assert (await nora.post(path, json={"type": "acknowledge"})).status_code == 200
        assert 'value="more_help"' in (await nora.get(f"/alerts/{number}")).text
        assert (await nora.post(path, json={"type": "more_help"})).status_code == 200
        page = (await nora.get(f"/alerts/{number}")).text
        assert "Nora Borg asks Bo Jensen to take it." in page
        assert "Nora Borg asked for more help" in page
    told = duty.ask("SELECT carer FROM notifications WHERE alert = ? AND purpose = 'alert' ORDER BY id", number)
    assert told == [("rita",), ("nora",), ("bo",), ("sam",)]


async def test_the_page_asks_what_was_found_after_a_fall(duty: House) -> None:
    number = await duty.raise_alert("r01", rule="fall")
    other = await duty.raise_alert("r03")
    async with duty.signed_in("nora") as nora:
        assert 'name="injured"' in (await nora.get(f"/alerts/{number}")).text
        assert 'name="injured"' not in (await nora.get(f"/alerts/{other}")).text
        answer = {"type": "close", "outcome": "real", "fall": {"injured": False, "ambulance": True}}
        assert (await nora.post(f"/api/alerts/{number}/answer", json=answer)).status_code == 200
        assert (await nora.post(f"/api/alerts/{other}/answer", json=answer)).status_code == 200
    assert duty.ask("SELECT findings FROM alerts WHERE id = ?", number) == [('{"injured":false,"ambulance":true}',)]
