"""One zone changed from the command line."""

import json
from pathlib import Path
from typing import Any

from tests.gateway.cli.desk import House

BENCH: dict[str, Any] = {
    "type": "Feature",
    "properties": {"id": "bench", "name": "Bench", "radius_m": 20, "stroke": "#f00"},
    "geometry": {"type": "Point", "coordinates": [14.4, 35.9]},
}


def _file(folder: Path, feature: object) -> Path:
    path = folder / "bench.geojson"
    path.write_text(json.dumps(feature), encoding="utf-8")
    return path


def test_a_zone_is_added_changed_and_taken_out(house: House, tmp_path: Path) -> None:
    added = house.run("centre set-zone", _file(tmp_path, BENCH), "--why", "Visitors", "--json").json()
    assert added[0]["changed"] is True
    assert "Nothing to change." in house.run("centre set-zone", _file(tmp_path, BENCH)).out
    wider = {**BENCH, "properties": {**BENCH["properties"], "radius_m": 40}}
    assert house.run("centre set-zone", _file(tmp_path, wider)).code == 0
    zones = {one["id"]: one for one in house.run("centre zones", "--json").json()}
    assert zones["bench"]["square_m"] == 5027
    assert house.run("centre remove-zone", "bench").code == 0
    assert "bench" not in {one["id"] for one in house.run("centre zones", "--json").json()}


def test_what_can_not_be_done_changes_nothing(house: House, tmp_path: Path) -> None:
    used = house.run("centre remove-zone", "haven-garden")
    assert used.code != 0
    assert "Nothing was changed." in used.err
    assert "haven-garden" in used.err
    unknown = house.run("centre remove-zone", "nowhere")
    assert unknown.code != 0
    assert "expected the id of a zone" in unknown.err
    flat = {**BENCH, "properties": {**BENCH["properties"], "radius_m": 0}}
    assert house.run("centre set-zone", _file(tmp_path, flat)).code != 0
    assert house.run("centre set-zone", _file(tmp_path, [BENCH])).code != 0
    assert house.run("centre set-zone", tmp_path / "none.geojson").code != 0
    assert "bench" not in {one["id"] for one in house.run("centre zones", "--json").json()}
