"""Lists of a large house: written once for each version, and only what is shown is made in full."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.centre.model import Zone
from gateway.console import exchange
from gateway.console.admin_lines import lists_of
from gateway.console.deps import CONSOLE
from tests.gateway.console.living import LivingHouse
from tests.gateway.console.places import ZONES, PlacesHouse
from tests.gateway.console.test_admin import submit


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[PlacesHouse]:
    house = PlacesHouse(tmp_path)
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def test_a_list_is_written_once_for_each_version(home: LivingHouse) -> None:
    lists = lists_of(home.app.state[CONSOLE])
    async with home.signed_in("sam") as sam:
        first = await sam.get("/admin/list/residents")
        again = await sam.get("/admin/list/residents?page=2")
        found = await sam.get("/admin/list/residents?q=CARMEN")
        none = await sam.get("/admin/list/residents?q=nobody-is-called-that")
        assert "Carmen Vella" in first.text
        assert "Carmen Vella" in again.text  # there is one page only
        assert "Carmen Vella" in found.text
        assert "Carmen Vella" not in none.text
        assert lists.written == 1
        path = "/admin/entry/residents/r01"
        saved = await submit(sam, path, name="Carmela Vella", room="101")
        assert saved.status_code == 303, saved.text
        assert "Carmela Vella" in (await sam.get("/admin/list/residents")).text
        assert lists.written == 2


async def test_a_piece_of_the_zones_makes_only_its_own_zones(
    places: PlacesHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with places.signed_in("sam") as sam:
        made: list[object] = []
        known = Zone.model_validate

        def counted(document: object) -> Zone:
            made.append(document)
            return known(document)

        monkeypatch.setattr(Zone, "model_validate", counted)
        piece = (await sam.get("/api/zones?limit=1")).json()
        assert len(ZONES) > 1
        assert [one["id"] for one in piece["zones"]] == [ZONES[0]["id"]]
        assert piece["next"] is not None
        assert len(made) == 1


async def test_the_file_of_a_large_house_is_written_in_another_process(
    home: LivingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.signed_in("sam") as sam:
        here = await sam.get("/admin/exchange/centre.toml")
        monkeypatch.setattr(exchange, "LARGE", 0)
        monkeypatch.setitem(exchange.WRITERS, "toml", lambda _: b"written in this process")
        there = await sam.get("/admin/exchange/centre.toml")
    assert there.status_code == 200
    assert there.content == here.content
    assert b"Carmen Vella" in there.content
