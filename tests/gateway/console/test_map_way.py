"""The way of one person: its parts for an open page, how old it is, and what is left when it may not be shown."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.alerts import glass
from gateway.store.writer import Tx
from tests.gateway.console.house import field
from tests.gateway.console.places import PlacesHouse, before

PERSONAL = ("Joseph", "102", "14.4", "House and garden")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[PlacesHouse]:
    """r02 agreed to be shown in an alarm, and one is open."""
    house = PlacesHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    await house.stand("r02", at=before(20))
    await house.raise_alert("r02")
    try:
        yield house
    finally:
        await house.stop()


def close(tx: Tx) -> None:
    """The alert is closed."""
    tx.db.execute("UPDATE alerts SET state = 'closed'")


async def test_an_open_page_asks_for_its_parts_and_gets_them_when_they_changed(house: PlacesHouse) -> None:
    async with house.signed_in() as nora:
        whole = (await nora.get("/map?resident=r02")).text
        assert '<noscript><meta http-equiv="refresh"' in whole
        assert "data-carer" in whole
        asked = field(whole.replace('data-url="', 'name="url" value="'), "url").replace("&amp;", "&")
        assert asked == "/map?resident=r02&part=1"
        part = await nora.get(asked)
        assert "<html" not in part.text
        assert part.text.count("data-part") == whole.count("data-part") == 2
        for line in part.text.splitlines():
            assert line in whole
        same = {"If-None-Match": part.headers["etag"]}
        assert (await nora.get(asked, headers=same)).status_code == 304
        await house.stand("r02", lon=14.4011, at=before(1))
        moved = await nora.get(asked, headers=same)
        assert moved.status_code == 200
        assert 'data-lon="14.4011"' in moved.text
    looks = "SELECT count(*) FROM audit WHERE action = 'look' AND object = 'resident/r02'"
    assert house.ask(looks) == [(1,)], "a page that stays open is one look"


async def test_the_age_of_the_newest_position_is_in_words(house: PlacesHouse) -> None:
    async with house.signed_in() as nora:
        asked = "/map?resident=r02&part=1"
        first = await nora.get(asked)
        assert "20 minutes ago, old" in first.text
        house.clock.move(120)
        assert "22 minutes ago, old" in (await nora.get(asked, headers={"If-None-Match": first.headers["etag"]})).text
        await house.stand("r02", at=house.clock.now() - timedelta(minutes=2))
        text = (await nora.get(asked)).text
        assert "2 minutes ago<" in text
        assert text.index("2 minutes ago<") < text.index("2 positions")


async def test_the_day_that_is_over_has_no_age(house: PlacesHouse) -> None:
    await house.stand("r01", at=before(60 * 24))
    async with house.signed_in() as nora:
        day = "/map?resident=r01&day=2026-02-28"
        whole = (await nora.get(day)).text
        assert "1 position<" in whole
        assert "Last seen" not in whole
        assert f"{day}&part=1" in whole.replace("&amp;", "&")


async def test_closed_is_gone_with_name_room_and_place(house: PlacesHouse) -> None:
    async with house.signed_in() as nora:
        asked = "/map?resident=r02&part=1"
        part = await nora.get(asked)
        assert all(word in part.text for word in PERSONAL)
        await house.writer.write(close)
        gone = await nora.get(asked, headers={"If-None-Match": part.headers["etag"]})
        assert gone.status_code == 200
        assert "None is open now." in gone.text
        assert not [word for word in PERSONAL if word in gone.text]
        assert gone.text.count("data-part") == 2, "both parts are replaced"


async def test_so_is_what_somebody_does_not_agree_to_any_more_and_who_is_not_there(house: PlacesHouse) -> None:
    async with house.signed_in() as nora:
        asked = "/map?resident=r02&part=1"
        assert "Joseph" in (await nora.get(asked)).text
        changed = house.newest()
        changed["care_plans"][1]["consents"]["location"] = "never"
        await house.apply(changed)
        gone = await nora.get(asked)
        assert "did not agree to be located" in gone.text
        assert not [word for word in PERSONAL if word in gone.text]
        nobody = await nora.get("/map?resident=nobody&part=1")
        assert (nobody.status_code, nobody.text.count("data-part")) == (200, 2)
        assert "nobody of that name" in nobody.text


async def test_when_break_glass_ends_it_is_over(house: PlacesHouse) -> None:
    await house.stand("r03", at=before(5))
    async with house.signed_in() as nora:
        opened = await nora.post(
            "/api/residents/r03/break-glass", json={"why": "She is missing since lunch."},
            headers={"Origin": house.url},
        )  # fmt: skip
        assert opened.status_code == 201, opened.text
        asked = "/map?resident=r03&part=1"
        seen = (await nora.get(asked)).text
        assert "Shown because you opened it for a reason" in seen
        assert "an alert about the person is open" not in seen
        assert "Wilhelmina" in seen
        house.clock.move(glass.LASTING.total_seconds() + 1)
        over = (await nora.get(asked)).text
        assert "Wilhelmina" not in over
        assert "data-lon" not in over
