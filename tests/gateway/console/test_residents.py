"""The list of residents: searched, paged, by ward; and only those who are the visitor's business."""

import re
from typing import Any

from gateway.store.protection import Kept, store
from rules.model import Reason
from rules.protection import Level
from tests.gateway.console import lives
from tests.gateway.console.house import House


def _many(house: House, count: int = 120) -> None:
    document = lives.document()
    for number in range(count):
        document["residents"].append({"id": f"x{number}", "name": f"Ġorġa Żammit {number}", "room": f"9-{number}"})
        document["care_plans"].append({"resident": f"x{number}", "policy": "standard"})
    house.index = lives.index_of(document)


async def _ask(house: House, query: str, who: str = "nora", status: int = 200) -> Any:
    async with house.signed_in(who) as client:
        answer = await client.get(f"/api/residents{query}")
        assert answer.status_code == status, answer.text
        return answer.json()


async def _ids(house: House, query: str, who: str = "nora") -> list[str]:
    return [one["id"] for one in (await _ask(house, query, who))["residents"]]


async def test_search_finds_rooms_and_names_without_accents(house: House) -> None:
    _many(house)
    assert await _ids(house, "?q=vella") == ["r01"]
    assert await _ids(house, "?q=GORGA zammit 77") == ["x77"]
    assert await _ids(house, "?q=102") == ["x102", "r02"]  # room 9-102 comes before room 102
    assert await _ids(house, "?q=nobody") == []
    assert await _ids(house, "?ward=south&q=camilleri") == ["r03"]


async def test_rooms_are_in_the_order_of_their_numbers(house: House) -> None:
    _many(house, 12)
    assert (await _ids(house, "?q=9-"))[:12] == [f"x{number}" for number in range(12)]


async def test_pieces_make_the_whole(house: House) -> None:
    _many(house)
    whole = await _ids(house, "?limit=200")
    found, cursor, pieces = [], "", 0
    while cursor is not None:
        answer = await _ask(house, f"?limit=50&cursor={cursor}")
        assert answer["total"] == len(whole) == 123
        found += [one["id"] for one in answer["residents"]]
        cursor, pieces = answer["next"], pieces + 1
    assert (found, pieces) == (whole, 3)


async def test_the_page_is_paged_by_links(house: House) -> None:
    _many(house)
    seen: list[str] = []
    path: str | None = "/residents"
    async with house.signed_in() as client:
        while path:
            html = (await client.get(path)).text
            seen += re.findall(r'<li><a href="/residents/(\w+)">', html)
            following = re.search(r'rel="next" href="([^"]+)"', html)
            path = following[1] if following else None
    assert len(seen) == len(set(seen)) == 123


async def test_open_alerts_and_protection(house: House) -> None:
    lives.move_in(house)
    await house.raise_alert("r01")
    kept = Kept(Level.UNPROTECTED, (Reason("No device can call for help."),), lives.AFTERNOON)
    await house.writer.write(lambda tx: store(tx.db, "r02", kept))
    assert await _ids(house, "?only=open") == ["r01"]
    assert await _ids(house, "?only=unprotected") == ["r02"]
    found = {one["id"]: one for one in (await _ask(house, ""))["residents"]}
    assert (found["r01"]["open_alerts"], found["r01"]["level"]) == (1, None)
    assert (found["r02"]["open_alerts"], found["r02"]["level"]) == (0, "unprotected")
    async with house.signed_in() as client:
        html = (await client.get("/residents")).text
    assert "1 open alert" in html
    assert "Not protected" in html


async def test_everybody_sees_only_their_own(house: House) -> None:
    lives.move_in(house)
    assert await _ids(house, "", "bo") == ["r03"]
    assert await _ids(house, "", "rita") == ["r01"]
    kept = Kept(Level.DEGRADED, (), lives.AFTERNOON)
    await house.writer.write(lambda tx: store(tx.db, "r01", kept))
    await house.raise_alert("r01")  # rita is not told
    [mine] = (await _ask(house, "", "rita"))["residents"]
    assert (mine["level"], mine["open_alerts"]) == (None, 0)


async def test_a_look_at_the_list_is_written_down(house: House) -> None:
    async with house.signed_in() as client:
        await client.get("/residents")
    assert house.ask("SELECT who FROM audit WHERE object = 'residents'") == [("nora",)]


async def test_what_makes_no_sense_is_refused(house: House) -> None:
    for query in ("?cursor=x", "?cursor=o-1", "?only=some"):
        assert "expected" in (await _ask(house, query, status=422))["detail"]
    await _ask(house, "?limit=0", status=400)
