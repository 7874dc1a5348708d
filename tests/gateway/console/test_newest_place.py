"""Where somebody was last is what was taken last, on every page and in every message, whatever came last."""

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.console.map_data import track
from gateway.store.database import reader
from gateway.store.fixes import last_fix
from tests.gateway.console.places import LAT, LON, PlacesHouse, before

FAR = 14.45
"""Kilometres away."""


@pytest.fixture(params=[True, False], ids=["noted", "not-noted"])
async def house(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[PlacesHouse]:
    """r01 was in the garden three minutes ago; a place of five hours ago came after that."""
    house = PlacesHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    await house.stand("r01", at=before(3), noted=request.param)
    await house.stand("r01", FAR, at=before(300), came=house.clock.now(), noted=request.param)
    try:
        yield house
    finally:
        await house.stop()


async def test_pages_and_api_say_where_the_person_is_and_not_was(house: PlacesHouse) -> None:
    await house.raise_alert("r01")
    async with house.signed_in() as nora:
        [feature] = (await nora.get("/api/map")).json()["features"]
        assert feature["geometry"]["coordinates"] == [LON, LAT]
        assert feature["properties"]["age_s"] == 180
        page = (await nora.get("/map")).text
        assert "in House and garden" in page
        assert "5 hours" not in page
        way = (await nora.get("/map?resident=r01")).text
        assert way.index(f'data-lon="{LON}"') < way.index(f'data-lon="{FAR}"'), "the newest first"
        track = (await nora.get("/api/residents/r01/track")).json()["fixes"]
        assert [one["lon"] for one in track] == [FAR, LON]
        assert "3 minutes ago" in (await nora.get("/residents/r01")).text
        assert (await nora.get("/api/residents/r01")).json()["place"]["lon"] == LON
        alert = (await nora.get("/alerts/1")).text
        assert "Last seen 3 minutes ago" in alert
        assert f"{LON:.5f}" in alert
        assert f"{FAR:.5f}" not in alert


async def test_a_search_and_messages_tell_it_too(house: PlacesHouse) -> None:
    changed = house.newest()
    changed["care_plans"][0]["consents"]["search"] = True
    await house.apply(changed)
    await house.raise_alert("r01")
    async with house.signed_in() as nora:
        made = await nora.post("/api/residents/r01/search", json={"alert": 1}, headers={"Origin": house.url})
        assert made.status_code == 201, made.text
        page = (await nora.get("/s/" + made.json()["link"].rsplit("/", 1)[1])).text
    last = page[page.index("Last seen:") :]
    assert last.index(f"{LAT:.5f}, {LON:.5f}") < last.index(f"{LAT:.5f}, {FAR:.5f}")
    with closing(reader(house.path)) as db:
        fix = last_fix(db, "r01")
    assert fix is not None
    assert (fix.lon, fix.at) == (LON, before(3))


async def test_many_positions_of_a_day_never_leave_out_the_newest(house: PlacesHouse) -> None:
    for minute in range(20):
        await house.stand("r01", 14.40 + minute / 10_000, at=before(200 - minute), noted=False)
    await house.stand("r01", 14.4111, at=before(0.5), noted=False)
    now = house.clock.now()
    with closing(reader(house.path)) as db:
        for most in range(1, 12):
            found = track(db, "r01", now - timedelta(hours=24), now + timedelta(seconds=1), most=most)
            assert getattr(found[-1].reading, "lon", None) == 14.4111
            assert len(found) <= most + 1
