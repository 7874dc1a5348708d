"""The map: who is shown to whom, in words, as a drawing, and as JSON."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.console.map_svg import Mark, draw
from tests.gateway.console.house import House
from tests.gateway.console.places import LAT, LON, PlacesHouse, before

ROOMS = [("2", "!!!"), ("3", "!!!"), ("5", "!"), ("4", ""), ("6", "")]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[PlacesHouse]:
    house = PlacesHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def test_only_who_agreed_is_shown_and_the_others_are_counted(house: PlacesHouse) -> None:
    for resident in ("r01", "r02", "r03"):
        await house.stand(resident, at=before(3))
    async with house.signed_in() as nora:
        page = (await nora.get("/map")).text
        assert "Carmen Vella" in page
        assert "Borg</b>" not in page
        assert "Joseph" not in page
        assert "Wilhelmina" not in page
        assert "1 person is not shown: they did not agree to be located." in page
        assert "1 person is shown only while an alert about them is open." in page
        await house.raise_alert("r02")
        page = (await nora.get("/map")).text
        assert "Joseph &lt;b&gt;Borg&lt;/b&gt;" in page
        assert page.index("Joseph") < page.index("Carmen"), "an open alert comes first"
        assert "Shown because an alert about the person is open." in page
        assert "Wilhelmina" not in page
    assert house.ask("SELECT count(*) FROM audit WHERE action = 'look' AND object = 'map'") == [(2,)]


async def test_the_list_says_where_how_exactly_and_since_when(house: PlacesHouse) -> None:
    await house.stand("r01", at=before(90), accuracy_m=9, lon=14.3995, lat=35.8898)
    await house.stand("r01", at=before(3), accuracy_m=9, noted=False)
    async with house.signed_in() as nora:
        page = (await nora.get("/map")).text
        assert "in House and garden" in page
        assert "good to 9 m" in page
        assert "3 minutes ago" in page
        assert ", old" not in page
        await house.stand("r01", at=before(1), lon=14.42, lat=35.9, accuracy_m=800, source="gateway")
        house.clock.move(1800)
        page = (await nora.get("/map")).text
        assert "31 minutes ago, old" in page
        assert "near a receiver, not where exactly" in page
        assert 'data-look="spot aged coarse"' in page
        assert "km from Chapel path" in page


async def test_the_drawing_is_there_without_scripts(house: PlacesHouse) -> None:
    await house.stand("r01")
    async with house.signed_in() as nora:
        page = (await nora.get("/map")).text
    assert page.count('class="zone"') == 2
    assert 'class="zone way"' in page
    assert '<g class="spot">' in page
    assert "No street map is set up" in page
    assert "100 m</text>" in page or "50 m</text>" in page


def test_signs_that_would_lie_on_each_other_are_one_in_the_drawing() -> None:
    crowd = [Mark(lon=LON, lat=LAT, label=room, mark=mark) for room, mark in ROOMS]
    drawing = draw([], [*crowd, Mark(lon=LON + 0.01, lat=LAT, label="7")])
    assert drawing is not None
    assert [disc.label for disc in drawing.discs] == ["2 × !!! ! 5 +2", "", "", "", "", "7"]
    drawing = draw([], crowd[3:])
    assert drawing is not None
    assert [disc.label for disc in drawing.discs] == ["4 +1", ""]


async def test_a_part_is_fetched_only_when_it_changed(house: PlacesHouse) -> None:
    await house.stand("r01")
    async with house.signed_in() as nora:
        first = await nora.get("/map/part")
        again = await nora.get("/map/part", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.text) == (304, "")
        house.clock.move(6)
        await house.stand("r01", lon=14.4005)
        moved = await nora.get("/map/part", headers={"If-None-Match": first.headers["etag"]})
        assert moved.status_code == 200
        assert 'data-lon="14.4005"' in moved.text


async def test_a_relative_sees_their_person_and_only_if_agreed(house: PlacesHouse) -> None:
    await house.stand("r01")
    await house.raise_alert("r02")
    await house.stand("r02")
    async with house.signed_in("rita") as rita:
        page = (await rita.get("/map")).text
        assert "Carmen" not in page
        assert "Joseph" not in page
        assert "Pond" not in page, "zones of others' plans are no business of theirs"
        assert "House and garden" in page
        changed = house.newest()
        changed["care_plans"][0]["consents"]["relatives"] = ["location"]
        await house.apply(changed)
        page = (await rita.get("/map")).text
        assert "Carmen" in page
        assert "Joseph" not in page
        assert (await rita.get("/map?resident=r02")).status_code == 404
        assert (await rita.get("/zones")).status_code == 403
        assert (await rita.get("/api/zones")).status_code == 403


async def test_the_way_of_a_day(house: PlacesHouse) -> None:
    for minutes, lon in ((26 * 60, 14.41), (50, 14.4), (45, 14.4003), (10, 14.4006)):
        await house.stand("r01", lon=lon, at=before(minutes))
    async with house.signed_in() as nora:
        page = (await nora.get("/map?resident=r01")).text
        assert "3 positions" in page
        assert page.count("data-gap") == 1, "35 minutes without a position: nobody knows the way"
        assert "14.41" not in page
        yesterday = (await nora.get("/map?resident=r01&day=2026-02-28")).text
        assert "1 position<" in yesterday
        assert 'data-lon="14.41"' in yesterday
        json = (await nora.get("/api/residents/r01/track")).json()
        assert [one["lon"] for one in json["fixes"]] == [14.4, 14.4003, 14.4006]
        assert json["shown"] == "agreed"
    assert ("resident/r01",) in house.ask("SELECT object FROM audit WHERE action = 'look'")


async def test_a_way_is_refused_kindly_and_an_alarm_opens_one_day_only(house: PlacesHouse) -> None:
    await house.stand("r02", at=before(30 * 60))
    await house.stand("r02", at=before(5))
    async with house.signed_in() as nora:
        page = await nora.get("/map?resident=r02")
        assert "None is open now." in page.text
        assert "14.4" not in page.text
        assert (await nora.get("/api/residents/r02/track")).status_code == 403
        assert "did not agree to be located" in (await nora.get("/map?resident=r03")).text
        assert (await nora.get("/map?resident=nobody")).status_code == 404
        for routine in ("low_battery", "continence"):  # about a device, about the day's care: no alarm
            await house.raise_alert("r02", rule=routine)
        assert "14.4" not in (await nora.get("/map?resident=r02")).text
        assert (await nora.get("/api/map")).json()["features"] == []
        await house.raise_alert("r02")
        page = await nora.get("/map?resident=r02&day=2026-02-27")
        assert "1 position<" in page.text, "the other one is older than a day"
        assert 'type="date"' not in page.text


async def test_positions_as_geojson(house: PlacesHouse) -> None:
    await house.stand("r01", at=before(7.5), accuracy_m=None)
    async with house.signed_in() as nora:
        answer = await nora.get("/api/map")
        again = await nora.get("/api/map", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert answer.json() == {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": "r01",
                "geometry": {"type": "Point", "coordinates": [14.4, 35.89]},
                "properties": {
                    "resident": "r01",
                    "room": "101",
                    "at": "2026-03-01T02:04:30Z",
                    "age_s": 420,
                    "accuracy_m": None,
                    "source": "gnss",
                    "coarse": False,
                    "device": "gps-r01",
                    "shown": "agreed",
                    "alerts": [],
                },
            }
        ],
        "hidden": {"no_alarm": 1, "not_agreed": 1},
        "unknown": [],
        "left_out": 0,
    }


async def test_a_map_of_nobody_and_nothing(house: House) -> None:
    async with house.signed_in() as nora:
        page = await nora.get("/map")
        assert page.status_code == 200
        assert "Nobody can be shown on the map now." in page.text
        assert "1 person has no position of the last days" in page.text
