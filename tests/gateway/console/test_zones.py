"""Zones: the form without scripts, the JSON API, conflicts, deleting, and trying one before it is saved."""

import json
import math
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app.trying import ProcessTrier
from gateway.console.trial_view import Document, TrialView
from tests.gateway.console.house import field
from tests.gateway.console.places import GARDEN, ZONES, PlacesHouse, before
from tests.gateway.console.test_gate import calm


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[PlacesHouse]:
    house = PlacesHouse(tmp_path)
    house.settings["trier"] = ProcessTrier(house.path)
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def _send(client: httpx.AsyncClient, path: str, fields: dict[str, Any]) -> httpx.Response:
    page = (await client.get(path)).text
    hidden = {name: field(page, name) for name in ("_csrf_token", "base")}
    return await client.post(path, data={**hidden, "do": "save", **fields})


def _corners(points: list[list[float]], part: int = 0, role: str = "outer") -> dict[str, str]:
    found = {f"p.{part}.role": role}
    for number, (lon, lat) in enumerate(points):
        found |= {f"p.{part}.{number}.lon": str(lon), f"p.{part}.{number}.lat": str(lat)}
    return found


CIRCLE = {"id": "bench", "name": "Bench", "shape": "circle", "lon": "14,4005", "lat": "35.8905", "radius_m": "25"}


async def test_a_circle_is_made_with_number_fields_only(house: PlacesHouse) -> None:
    async with house.signed_in("sam") as sam:
        answer = await _send(sam, "/zones/new", CIRCLE | {"why": "Visitors sit there."})
        assert (answer.status_code, answer.headers["location"]) == (303, "/zones?done=saved-bench")
        assert "Bench" in (await sam.get("/zones")).text
    assert house.newest()["zones"][-1] == {
        "id": "bench", "name": "Bench", "geometry": {"type": "Point", "coordinates": [14.4005, 35.8905]},
        "radius_m": 25.0, "rooms": [], "beacons": [],
    }  # fmt: skip
    rows = house.ask("SELECT applied_by, why FROM centre_versions ORDER BY version DESC LIMIT 1")
    assert rows == [("sam", "Visitors sit there.")]


async def test_an_area_with_a_hole_and_a_way(house: PlacesHouse) -> None:
    hole = [[14.3998, 35.8898], [14.4004, 35.8898], [14.4004, 35.8903]]
    async with house.signed_in("sam") as sam:
        area = {"name": "Garden", "shape": "polygon", **_corners(GARDEN), **_corners(hole, 1, "hole")}
        assert (await _send(sam, "/zones/garden", area)).status_code == 303
        way = {"name": "Way", "shape": "corridor", "width_m": "30", **_corners(hole, 0, "line")}
        assert (await _send(sam, "/zones/path", way)).status_code == 303
        page = (await sam.get("/zones/garden")).text
        assert 'name="p.1.2.lat" value="35.8903"' in page
        assert "101 Carmen Vella" in page, "whose plan uses it"
    zones = {one["id"]: one for one in house.newest()["zones"]}
    assert zones["garden"]["geometry"]["coordinates"] == [[*GARDEN, GARDEN[0]], [*hole, hole[0]]]
    assert zones["path"]["geometry"] == {"type": "LineString", "coordinates": hole}
    assert zones["path"]["width_m"] == 30


WRONG: list[tuple[dict[str, str], str]] = [
    ({"name": ""}, "Please give the place a name."),
    ({"lon": "east"}, "Please say where its middle is"),
    ({"radius_m": "-5"}, "Please write a number of metres"),
    ({"id": "../x"}, "Please give a short name"),
    ({"id": "trials"}, "Please give a short name"),
    ({"id": "pond"}, "Another place has this short name."),
    ({"lat": "89.9"}, "pole"),
    ({"shape": "polygon", **_corners(GARDEN[:2])}, "An area needs three corners at least."),
    ({"shape": "polygon", **_corners(GARDEN, 0, "hole")}, "A hole must come after the border"),
    ({"shape": "polygon", **_corners(GARDEN), "p.0.1.lon": "14.4x"}, "Corner 2: Please write a number in degrees"),
    ({"shape": "polygon", **_corners(GARDEN), "p.0.4.lat": ""}, "Corner 5: Please write a number in degrees"),
    ({"shape": "polygon", **_corners(GARDEN), "p.7000.9.lat": "3a"}, "Part 2, corner 1: Please write a number"),
    ({"shape": "corridor", "width_m": "20", **_corners(GARDEN), "p.0.0.lat": "O"}, "Corner 1: Please write a number"),
    ({"shape": "corridor", "width_m": "20", **_corners(GARDEN[:1])}, "A way needs two points at least."),
    ({"shape": "indoor"}, "Please name one room or beacon at least."),
]


async def test_what_is_wrong_is_said_and_nothing_is_lost(house: PlacesHouse) -> None:
    version = house.version()
    async with house.signed_in("sam") as sam:
        for fields, said in WRONG:
            answer = await _send(sam, "/zones/new", CIRCLE | fields)
            assert answer.status_code == 422, fields
            assert said in answer.text, fields
            assert fields.get("name") == "" or 'value="Bench"' in answer.text, fields
    assert house.version() == version


async def test_a_corner_that_can_not_be_read_comes_back_as_it_was_typed(house: PlacesHouse) -> None:
    typed = {"name": "Garden", "shape": "polygon", **_corners(GARDEN), "p.0.3.lat": "35.891O"}
    async with house.signed_in("sam") as sam:
        answer = await _send(sam, "/zones/garden", typed)
    assert answer.status_code == 422
    assert 'name="p.0.3.lat" value="35.891O" inputmode="decimal" autocomplete="off" aria-invalid="true"' in answer.text
    assert 'name="p.0.4.lat"' in answer.text
    assert "An area needs three corners" not in answer.text
    assert house.newest()["zones"][0]["geometry"]["coordinates"] == [[*GARDEN, GARDEN[0]]]


async def test_as_many_corners_as_a_zone_may_have_are_saved(house: PlacesHouse) -> None:
    round_it = [
        [round(-14.4 + 0.0301234 * math.cos(at), 7), round(-35.9 + 0.0301234 * math.sin(at), 7)]
        for at in (2 * math.pi * number / 5000 for number in range(5000))
    ]
    async with house.signed_in("sam") as sam:
        fields = {"name": "Large", "shape": "polygon", **_corners(round_it[:-1], 100)}
        assert (await _send(sam, "/zones/garden", fields)).status_code == 303
        [zone] = [one for one in house.newest()["zones"] if one["id"] == "garden"]
        assert zone["geometry"]["coordinates"] == [[*round_it[:-1], round_it[0]]]
        fields = {"name": "Larger", "shape": "polygon", **_corners(round_it)}
        refused = await _send(sam, "/zones/garden", fields)
        assert refused.status_code == 422
        assert "too many corners" in refused.text
        assert refused.text.count('.lon" value="') >= 5000, "nothing is lost"
        fields |= _corners(round_it, 1)
        assert (await _send(sam, "/zones/garden", fields)).status_code in {400, 413}


async def test_the_reason_is_kept_until_it_is_saved(house: PlacesHouse) -> None:
    pond = {"name": "Pond", "shape": "circle", "lon": "14.4012", "lat": "35.8902", "radius_m": "15"}
    pond["why"] = "The pond was dug “out”"
    async with house.signed_in("sam") as sam:
        assert field((await _send(sam, "/zones/pond", pond | {"do": "check"})).text, "why") == pond["why"]
        assert field((await _send(sam, "/zones/pond", pond | {"radius_m": "x"})).text, "why") == pond["why"]
        stale = await _send(sam, "/zones/pond", pond | {"base": "1"})
        assert stale.status_code == 409
        assert field(stale.text, "why") == pond["why"]
        trial = await _send(sam, "/zones/pond", pond | {"do": "try"})
        page = await _result(sam, trial.headers["location"])
        assert field(page, "why") == pond["why"]
        names = ("_csrf_token", "base", "id", "name", "shape", "lon", "lat", "radius_m", "why")
        saved = await sam.post("/zones/pond", data={name: field(page, name) for name in names} | {"do": "save"})
        assert saved.status_code == 303
    rows = house.ask("SELECT applied_by, why FROM centre_versions ORDER BY version DESC LIMIT 1")
    assert rows == [("sam", pond["why"])]


async def test_the_first_button_of_the_form_only_checks(house: PlacesHouse) -> None:
    async with house.signed_in("sam") as sam:
        page = (await sam.get("/zones/pond")).text
    form = page[page.index('<form id="zone"') :]
    first = re.search(r"<button[^>]*>", form)
    assert first is not None
    assert 'name="do" value="check"' in first[0], "Enter in a field takes the first button"


def _many(number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"bed-{n}",
            "name": f"Flower bed {n}",
            "geometry": {"type": "Point", "coordinates": [14.41 + n * 0.0001, 35.9]},
            "radius_m": 5.0,
        }
        for n in range(number)
    ]


async def test_a_list_of_many_places_comes_in_pages_and_is_searched(house: PlacesHouse) -> None:
    document = house.newest()
    document["zones"] += _many(120)
    await house.apply(document)
    async with house.signed_in("sam") as sam:
        pages = [(await sam.get("/zones", params={"page": str(number)})).text for number in (1, 2, 3, 9)]
        found = [re.findall(r'href="/zones/([a-z0-9-]+)">', page) for page in pages]
        found = [[one for one in page if one != "new"] for page in found]
        assert [len(page) for page in found] == [50, 50, 23, 23]
        assert found[0] + found[1] + found[2] == [one["id"] for one in document["zones"]]
        assert 'rel="next" href="/zones?page=2"' in pages[0]
        assert 'rel="next"' not in pages[2]
        assert pages[0].count('"radius_m":') == 50, "the map draws the same"
        asked = (await sam.get("/zones", params={"q": "BED 11"})).text
        assert re.findall(r'href="/zones/(bed-[0-9]+)">', asked) == ["bed-11", *(f"bed-{n}" for n in range(110, 120))]
        assert "Nothing is called that." in (await sam.get("/zones", params={"q": "nowhere"})).text
        assert (await sam.get("/zones", params={"page": "-1"})).status_code == 200


async def test_the_editor_draws_the_nearest_of_very_many_places(house: PlacesHouse) -> None:
    document = house.newest()
    document["zones"] += _many(3000)
    await house.apply(document)
    async with house.signed_in("sam") as sam:
        await sam.get("/zones")
        async with calm():
            assert (await sam.get("/zones")).status_code == 200
            page = (await sam.get("/zones/bed-2000")).text
    drawn = json.loads(page.split('id="map-shapes">')[1].split("</script>")[0])
    assert {one["id"] for one in drawn} == {f"bed-{n}" for n in range(1850, 2151) if n != 2000}
    assert "2702 places that are farther away are not drawn." in page


async def test_a_crossing_is_refused_with_its_place(house: PlacesHouse) -> None:
    bow = [[14.4, 35.89], [14.401, 35.891], [14.401, 35.89], [14.4, 35.891]]
    async with house.signed_in("sam") as sam:
        answer = await _send(sam, "/zones/garden", {"name": "Garden", "shape": "polygon", **_corners(bow)})
        assert answer.status_code == 422
        assert "The border crosses or touches itself" in answer.text
        assert "35.890500, 14.400500" in answer.text
        checked = await sam.post(
            "/api/zones/check",
            json={"name": "x", "geometry": {"type": "Polygon", "coordinates": [[*bow, bow[0]]]}},
        )
    [fault] = checked.json()["faults"]
    assert (fault["field"], round(fault["lon"], 6), round(fault["lat"], 6)) == ("geometry", 14.4005, 35.8905)


async def test_a_narrow_place_is_accepted_with_a_word(house: PlacesHouse) -> None:
    async with house.signed_in("sam") as sam:
        answer = await _send(sam, "/zones/new", CIRCLE | {"do": "check"})
    assert answer.status_code == 200
    assert "This can be used. Size: 1 964 m²." in answer.text
    assert "It is nowhere deeper than 25 m." in answer.text


async def test_somebody_else_was_faster(house: PlacesHouse) -> None:
    async with house.signed_in("sam") as sam:
        page = (await sam.get("/zones/pond")).text
        hidden = {name: field(page, name) for name in ("_csrf_token", "base")}
        mine = {"name": "Pond", "shape": "circle", "lon": "14.4012", "lat": "35.8902", "radius_m": "19", "do": "save"}
        other = house.newest()
        other["residents"][0]["note"] = "Walks without the walker now."
        await house.apply(other)
        first = await sam.post("/zones/pond", data={**hidden, **mine})
        assert first.status_code == 409
        assert "something else of the house" in first.text
        other["zones"][1]["radius_m"] = 15.0
        await house.apply(other)
        hidden["base"] = field(first.text, "base")
        second = await sam.post("/zones/pond", data={**hidden, **mine})
        assert second.status_code == 409
        assert "changed this place meanwhile" in second.text
        assert 'value="19"' in second.text
        hidden["base"] = field(second.text, "base")
        assert (await sam.post("/zones/pond", data={**hidden, **mine})).status_code == 303
    assert house.newest()["zones"][1]["radius_m"] == 19
    assert house.newest()["residents"][0]["note"] == "Walks without the walker now."


async def test_a_place_in_use_is_not_deleted(house: PlacesHouse) -> None:
    async with house.signed_in("sam") as sam:
        answer = await _send(sam, "/zones/garden", {"do": "delete"})
        assert answer.status_code == 409
        assert "101 Carmen Vella (Left the safe zone)" in answer.text or "101 Carmen Vella (" in answer.text
        assert (await sam.delete(f"/api/zones/garden?base={house.version()}")).status_code == 409
        assert (await _send(sam, "/zones/pond", {"do": "delete"})).status_code == 303
        assert (await sam.delete(f"/api/zones/path?base={house.version()}")).status_code == 200
        assert (await sam.delete(f"/api/zones/path?base={house.version()}")).status_code == 404
    assert [one["id"] for one in house.newest()["zones"]] == ["garden"]


async def test_zones_as_json(house: PlacesHouse) -> None:
    async with house.signed_in("sam") as sam:
        listed = await sam.get("/api/zones")
        assert [one["kind"] for one in listed.json()["zones"]] == ["polygon", "circle", "corridor"]
        assert listed.json()["zones"][0]["residents"] == ["r01"]
        assert (await sam.get("/api/zones", headers={"If-None-Match": listed.headers["etag"]})).status_code == 304
        wanted = {"name": "Bench", "geometry": {"type": "Point", "coordinates": [14.4, 35.9]}, "radius_m": 20}
        assert (await sam.put("/api/zones/bench", json=wanted)).status_code == 422
        wanted["base"] = listed.json()["version"]
        assert (await sam.put("/api/zones/bench", json=wanted)).json()["changed"] is True
        assert (await sam.put("/api/zones/bench", json=wanted)).status_code == 409
        assert (await sam.get("/api/zones/bench")).json()["square_m"] == pytest.approx(1256.6, abs=1)
        evil = {"Origin": "https://evil.example"}
        assert (await sam.put("/api/zones/bench", json=wanted, headers=evil)).status_code == 403
    async with house.signed_in("nora") as nora:
        assert (await nora.get("/api/zones/bench")).status_code == 200
        assert (await nora.put("/api/zones/bench", json=wanted)).status_code == 403
        assert (await nora.get("/zones")).status_code == 403


async def test_a_smaller_garden_is_tried_on_what_happened(house: PlacesHouse) -> None:
    for minute in range(600, 0, -5):
        lon = 14.4012 if 200 <= minute <= 300 else 14.3995
        await house.stand("r01", lon=lon, lat=35.8898, at=before(minute), accuracy_m=5)
    small = [[14.3988, 35.8891], [14.4004, 35.8891], [14.4004, 35.8910], [14.3990, 35.8909]]
    fields = {"name": "Garden", "shape": "polygon", "do": "try", **_corners(small)}
    async with house.signed_in("sam") as sam:
        answer = await _send(sam, "/zones/garden", fields)
        assert answer.status_code == 303
        page = await _result(sam, answer.headers["location"])
        assert "<dt>New alerts</dt><dd>1</dd>" in page
        assert "Would be new" in page
        assert "<strong>101</strong>" in page
        assert house.version() == 2, "nothing is saved by trying"
        hidden = {name: field(page, name) for name in ("_csrf_token", "base", "p.0.1.lon", "name", "shape")}
        assert hidden["p.0.1.lon"] == "14.4004"
        json = (await sam.get(f"/api{answer.headers['location']}")).json()
        assert (json["state"], json["residents"], json["result"]["new"]) == ("done", 1, 1)
    async with house.signed_in("nora") as nora:
        assert (await nora.get(answer.headers["location"])).status_code == 403


async def test_how_much_of_a_trial_is_done_is_shown(tmp_path: Path) -> None:
    house = PlacesHouse(tmp_path)

    async def slow(
        before: Document, after: Document, *, since: datetime, until: datetime, progress: Callable[[float], None]
    ) -> TrialView:
        assert until - since == timedelta(days=28)
        assert [plan["resident"] for plan in after["care_plans"] if plan["rules"]] == ["r01"]
        progress(0.42)
        raise OSError

    house.settings["trier"] = slow
    await house.start()
    await house.give_passwords()
    try:
        async with house.signed_in("sam") as sam:
            zone = ZONES[0] | {"name": "Other"}
            del zone["id"]
            begun = await sam.post("/api/zones/garden/trial", json=zone)
            assert begun.status_code == 202
            page = await _result(sam, f"/zones/trials/{begun.json()['id']}")
            assert "The trial ended without a result." in page
            assert (await sam.get("/zones/trials/none")).status_code == 404
    finally:
        await house.stop()


async def _result(client: httpx.AsyncClient, path: str) -> str:
    for _ in range(400):
        page = (await client.get(path)).text
        if "http-equiv" not in page:
            return page
    raise AssertionError(page)
