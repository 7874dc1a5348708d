"""Shelving by the API, and what the board says of it; alerts of one event in one row."""

from functools import partial
from typing import Any

import pytest

from gateway.alerts import desk
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.console import shelves_page
from rules.model import Reason
from tests.gateway.console.house import House

WANTED = {"resident": "r01", "rule_key": "silent:gps", "minutes": 60, "why": "The tracker is at the <i>maker's</i>."}


@pytest.fixture
def shelvable(house: House) -> House:
    document = to_document(house.index.centre)
    document["devices"] = [{"id": "gps", "type": "tracker", "format": "native"}]
    document["assignments"] = [{"device": "gps", "resident": "r01", "from": "2025-01-01T00:00:00Z"}]
    document["care_plans"][0]["rules"].append({"rule": "silent"})
    house.index = CentreIndex(centre_from_document(document))
    return house


async def test_shelved_shown_and_ended(shelvable: House) -> None:
    async with shelvable.signed_in() as nora:
        before = (await nora.get("/board")).headers["etag"]
        made = await nora.post("/api/shelves", json=WANTED)
        assert made.status_code == 201, made.text
        assert made.json()["who"] == "nora"
        page = await nora.get("/board")
        assert page.headers["etag"] != before
        assert "1 rule rings nobody for now" in page.text
        assert "The tracker is at the &lt;i&gt;maker&#39;s" in page.text
        [shelf] = (await nora.get("/api/shelves")).json()["shelves"]
        assert (shelf["resident"], shelf["title"], shelf["held"]) == ("r01", "Silent device", 0)
        ended = await nora.post(f"/api/shelves/{shelf['id']}/end")
        assert ended.status_code == 200
        assert (await nora.get("/api/shelves")).json()["shelves"] == []
        assert "rings nobody" not in (await nora.get("/board")).text


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"resident": "r99"}, 404, "no such"),
        ({"rule_key": "help"}, 403, "always told"),
        ({"minutes": 0}, 400, "minutes"),
        ({"minutes": 60 * 24}, 422, "expected 1 minute to 12 hours"),
        ({"why": " "}, 422, "why: expected a few words"),
        ({"what": 1}, 400, "what"),
    ],
)
async def test_what_cannot_be_shelved(shelvable: House, change: dict[str, Any], status: int, words: str) -> None:
    async with shelvable.signed_in() as nora:
        answer = await nora.post("/api/shelves", json=WANTED | change)
        assert answer.status_code == status
        assert words in answer.text
        for number in (1, 2**63):
            assert (await nora.post(f"/api/shelves/{number}/end")).status_code == 404
    assert shelvable.ask("SELECT count(*) FROM shelves") == [(0,)]


async def test_relatives_and_other_sites_may_not(shelvable: House) -> None:
    async with shelvable.signed_in("rita") as rita:
        assert (await rita.get("/api/shelves")).status_code == 403
        assert (await rita.post("/api/shelves", json=WANTED)).status_code == 403
    async with shelvable.signed_in() as nora:
        answer = await nora.post("/api/shelves", json=WANTED, headers={"Origin": "https://elsewhere.example"})
        assert answer.status_code == 403
    assert shelvable.ask("SELECT count(*) FROM shelves") == [(0,)]


async def test_what_staff_wrote_for_each_other_is_not_for_the_family(house: House) -> None:
    document = to_document(house.index.centre)
    document["care_plans"][1] |= {"rules": [{"rule": "not_back", "priority": "high"}], "consents": {"sleep": True}}
    house.index = CentreIndex(centre_from_document(document))
    why = "We suspect the daughter takes her out."
    async with house.signed_in("sam") as sam:
        wanted = {"resident": "r02", "rule_key": "not_back", "minutes": 30, "why": why}
        assert (await sam.post("/api/shelves", json=wanted)).status_code == 201
        [alert] = (await sam.get("/api/alerts")).json()["alerts"]
        number = alert["id"]
        assert why in (await sam.get(f"/alerts/{number}")).text
        assert f"In their words: {why}" in (await sam.get(f"/api/alerts/{number}/explain")).json()["why"]
    async with house.signed_in("rita") as rita:
        for path in ("/", "/board", f"/alerts/{number}", "/api/alerts", f"/api/alerts/{number}/explain"):
            answer = await rita.get(path)
            assert answer.status_code == 200, path
            assert "An important rule is shelved until" in answer.text, path
            assert "suspect" not in answer.text, path


async def test_one_event_is_one_row_until_it_is_not(house: House) -> None:
    await house.raise_alert(rule="bed_exit")
    fall = await house.raise_alert(rule="fall")
    under = partial(
        desk.supersede, resident="r01", rule_key="bed_exit", subject="", by_key="fall", reason=Reason("Fell.")
    )
    await house.writer.write(under)
    async with house.signed_in() as nora:
        html = (await nora.get("/board")).text
        assert html.count('<li class="alert') == 1
        assert "Same event: Out of bed at night" in html
        alerts = (await nora.get("/api/alerts")).json()["alerts"]
        assert {alert["rule"]: alert["under"] for alert in alerts} == {"fall": None, "bed_exit": fall}


async def test_among_many_residents_one_is_looked_for(shelvable: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shelvable.signed_in() as nora:
        everybody = (await nora.get("/shelves")).text
        assert everybody.count('<option value="r0') == len(shelvable.index.residents) > 1
        monkeypatch.setattr(shelves_page, "MOST_LISTED", 1)
        monkeypatch.setattr(shelves_page, "MOST_FOUND", 1)
        names = [one.name for one in shelvable.index.residents.values()]
        none_yet = (await nora.get("/shelves")).text
        assert not any(name in none_yet for name in names)
        carmen = (await nora.get("/shelves?q=VELLA 101")).text
        assert 'href="/shelves?resident=r01#new"' in carmen
        letter = (await nora.get("/shelves?q=a")).text
        assert letter.count('href="/shelves?resident=') == 1
        assert "Nothing is called that." in (await nora.get("/shelves?q=zebra")).text
        assert "Nothing is called that." not in none_yet
        chosen = (await nora.get("/shelves?resident=r01")).text
        assert '<option value="silent:gps">' in chosen
        assert "<h3>101 Carmen Vella</h3>" in chosen
