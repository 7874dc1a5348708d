"""Shelving by the API, and what the board says of it; alerts of one event in one row."""

from functools import partial
from typing import Any

import pytest

from gateway.alerts import desk
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
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
