from pathlib import Path

import pytest

from tests.gateway.cli.desk import DEMO_FILE, House, telecare

FILE = Path(__file__).parents[1] / "centre" / "good" / "zones-and-calendars.toml"


def test_every_zone_is_listed() -> None:
    found = {zone["id"]: zone for zone in telecare("centre", "zones", FILE, "--json").json()}
    assert list(found) == ["stairs", "garden", "path", "lounge"]
    assert found["garden"] == {
        "id": "garden",
        "name": "Garden",
        "kind": "circle",
        "lon": 14.405,
        "lat": 35.885,
        "square_m": 20106,
        "rooms": ["101", "b-7", "lounge"],
        "residents": 1,
        "look_at": [],
    }
    assert "lon" not in found["stairs"]
    assert (found["path"]["kind"], found["path"]["residents"]) == ("corridor", 1)
    assert found["lounge"]["look_at"] == ["no rule names it"]
    assert found["path"]["look_at"][0].startswith("nowhere deeper than 10 m")


def test_a_list_for_people() -> None:
    ran = telecare("centre", "zones", FILE)
    assert ran.code == 0
    for word in ("Path to the sea", "20 m wide", "2 rooms", "radius 80 m", "14.405000, 35.885000"):
        assert word in ran.out


def test_the_zones_in_force(house: House, empty: House) -> None:
    assert {zone["id"] for zone in house.run("centre zones", "--json").json()} == {
        zone["id"] for zone in telecare("centre", "zones", DEMO_FILE, "--json").json()
    }


def test_no_zones_in_force_yet(empty: House) -> None:
    assert empty.run("centre zones").code != 0


@pytest.mark.parametrize(
    ("lon", "accuracy", "side"),
    [("14.405", 40, "inside"), ("14.4055", 40, "unknown"), ("14.4055", 30, "inside"), ("14.407", 10, "outside")],
)
def test_where_a_place_is(lon: str, accuracy: int, side: str) -> None:
    found = telecare("centre", "where", FILE, lon, "35.885", "--accuracy", str(accuracy), "--json").json()
    assert {zone["id"]: zone["where"] for zone in found}["garden"] == side
    assert {zone["id"] for zone in found} == {"garden", "path"}
    shown = telecare("centre", "where", FILE, lon, "35.885", "--accuracy", str(accuracy)).out
    assert next(line for line in shown.splitlines() if "garden" in line).split()[2] == side


def test_the_nearest_comes_first_and_the_west_is_negative() -> None:
    found = telecare("centre", "where", FILE, "-5.2", "-35.9", "--json").json()
    assert [zone["id"] for zone in found] == ["garden", "path"]
    assert all(zone["where"] == "outside" and zone["border_m"] > 5e6 for zone in found)


@pytest.mark.parametrize("given", [("14", "91"), ("181", "0"), ("14", "35", "--accuracy", "nan"), ("14", "35", "-x")])
def test_what_is_no_place(given: tuple[str, ...]) -> None:
    assert telecare("centre", "where", FILE, *given).code == 2


def test_a_file_with_problems_tells_them(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(FILE.read_text().replace('rooms = ["stairs 1", "stairs 2"]', ""))
    for name in ("zones-and-calendars.geojson", "zones-and-calendars.ics"):
        (tmp_path / name).write_text((FILE.with_name(name)).read_text())
    telecare("centre", "zones", bad).is_bad_input("zones[0].geometry", "neither a geometry nor rooms")
    telecare("centre", "where", bad, "14", "35").is_bad_input("neither a geometry nor rooms")
