"""What lies under the map: Leaflet from its package, tiles of a local file, one host at the most."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from pydantic import ValidationError

from gateway.console.tiles import Tiles
from gateway.errors import ConsoleError
from gateway.settings.map import Map
from tests.gateway.console.places import PlacesHouse

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture of tests"


def _file(path: Path, kind: TileType = TileType.PNG) -> Path:
    with path.open("wb") as out:
        writer = Writer(out)
        for z, x, y in ((0, 0, 0), (1, 1, 0), (14, 8847, 6388)):
            writer.write_tile(zxy_to_tileid(z, x, y), PNG + bytes([z]))
        header = {
            "tile_type": kind, "tile_compression": Compression.NONE, "min_zoom": 0, "max_zoom": 14,
            "min_lon_e7": -1800000000, "min_lat_e7": -850000000, "max_lon_e7": 1800000000, "max_lat_e7": 850000000,
            "center_zoom": 0, "center_lon_e7": 0, "center_lat_e7": 0,
        }  # fmt: skip
        writer.finalize(header, {})
    return path


async def _house(tmp_path: Path, settings: Map) -> PlacesHouse:
    house = PlacesHouse(tmp_path)
    house.settings["map"] = settings
    await house.start()
    await house.give_passwords()
    return house


async def test_tiles_of_a_local_file(tmp_path: Path) -> None:
    house = await _house(tmp_path, Map(pmtiles=_file(tmp_path / "malta.pmtiles"), attribution="© <Mappers>"))
    try:
        async with house.client() as nobody:
            assert (await nobody.get("/tiles/0/0/0")).status_code in {303, 401}
        async with house.signed_in() as nora:
            tile = await nora.get("/tiles/14/8847/6388")
            assert (tile.headers["content-type"], tile.content) == ("image/png", PNG + b"\x0e")
            for missing in ("/tiles/3/1/1", "/tiles/1/2/0", "/tiles/40/0/0", "/tiles/99999999999/0/0"):
                assert (await nora.get(missing)).status_code == 404, missing
            page = await nora.get("/map")
            assert 'data-tiles="/tiles/{z}/{x}/{y}?v=' in page.text
            assert 'data-max-zoom="14"' in page.text
            assert "© &lt;Mappers&gt;" in page.text
            assert "No street map" not in page.text
            assert "img-src" not in page.headers["content-security-policy"]
    finally:
        await house.stop()


async def test_a_map_that_is_copied_over_the_old_one_ends_nothing(tmp_path: Path) -> None:
    path = _file(tmp_path / "malta.pmtiles")
    house = await _house(tmp_path, Map(pmtiles=path))
    try:
        async with house.signed_in() as nora:
            assert (await nora.get("/tiles/14/8847/6388")).status_code == 200
            os.truncate(path, 200)  # as cp, scp and rsync --inplace do: half of the new one has come
            for tile in ("14/8847/6388", "1/1/0"):
                assert (await nora.get(f"/tiles/{tile}")).status_code == 404
            assert (await nora.get("/map")).status_code == 200
    finally:
        await house.stop()


async def test_damage_inside_of_a_map_is_a_missing_tile(tmp_path: Path) -> None:
    path = _file(tmp_path / "malta.pmtiles")
    body = bytearray(path.read_bytes())
    body[127:160] = bytes(33)  # where its directory begins
    path.write_bytes(body)
    assert Tiles(path).tile(1, 1, 0) is None


async def test_a_map_that_can_not_be_read_keeps_nothing_from_starting(tmp_path: Path) -> None:
    house = await _house(tmp_path, Map(pmtiles=_empty(tmp_path / "malta.pmtiles")))
    try:
        async with house.signed_in() as nora:
            assert "No street map" in (await nora.get("/map")).text
            assert (await nora.get("/tiles/0/0/0")).status_code == 404
    finally:
        await house.stop()


async def test_tiles_of_another_host_and_of_no_third_one(tmp_path: Path) -> None:
    house = await _house(tmp_path, Map(tiles="https://tiles.example.org/{z}/{x}/{y}.png"))
    try:
        async with house.signed_in() as nora:
            policy = (await nora.get("/map")).headers["content-security-policy"]
            assert policy.endswith("; img-src 'self' https://tiles.example.org")
            assert "img-src" not in (await nora.get("/")).headers["content-security-policy"]
            assert (await nora.get("/tiles/0/0/0")).status_code == 404
    finally:
        await house.stop()


async def test_leaflet_comes_from_its_package(tmp_path: Path) -> None:
    house = await _house(tmp_path, Map())
    try:
        async with house.client() as client:
            async with house.signed_in() as nora:
                text = (await nora.get("/map")).text
            url = text.split('<script src="')[1].split('"')[0]
            found = await client.get(url)
            assert found.headers["content-encoding"] == "gzip"
            assert "immutable" in found.headers["cache-control"]
            assert "Leaflet 1.9" in found.text
            plain = await client.get(url, headers={"Accept-Encoding": "identity"})
            assert plain.content == found.content
            assert (await client.get(url.replace("leaflet.js", "leaflet-src.js.map"))).status_code == 404
            assert (await client.get(url.replace("leaflet.js", "../__init__.py"))).status_code == 404
    finally:
        await house.stop()


def _vector(path: Path) -> Path:
    return _file(path, TileType.MVT)


def _nothing(path: Path) -> Path:
    path.write_bytes(b"no tiles at all" * 20)
    return path


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_vector, "it holds vector tiles, and the map can draw raster tiles only"),
        (_nothing, "it can't be read as a PMTiles file"),
        (_empty, "it can't be read as a PMTiles file"),
        (lambda path: path, "it can't be read as a PMTiles file"),
    ],
)
def test_what_can_not_be_drawn_is_refused_at_the_start(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(ConsoleError, match=r"console\.map\.pmtiles") as caught:
        Tiles(make(tmp_path / "a.pmtiles"))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "tiles",
    [
        "http://tiles.example.org/{z}/{x}/{y}.png",
        "//tiles.example.org/{z}/{x}/{y}.png",
        "https://{s}.example.org/{z}/{x}/{y}.png",
        "https://{z}.example.org/{x}/{y}.png",
        "https://tiles.example.org/{z}/{x}.png",
        "https://tiles.example.org/{z}/{x}/{y}.png; script-src *",
        "https://user:secret@tiles.example.org/{z}/{x}/{y}.png",
    ],
)
def test_an_address_that_is_not_one_safe_host_is_refused(tiles: str) -> None:
    with pytest.raises(ValidationError):
        Map(tiles=tiles)


def test_one_of_both_only(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="not both"):
        Map(tiles="/own/{z}/{x}/{y}.png", pmtiles=tmp_path)
    assert Map(tiles="/own/{z}/{x}/{y}.png").tiles_origin is None
