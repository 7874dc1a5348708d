import json
import shutil
from pathlib import Path

import pytest

from tests.gateway.cli.desk import DEMO_FILE, House, telecare

BAD = (
    DEMO_FILE.read_text()
    .replace('policy = "family"', 'policy = "famly"', 1)
    .replace('role = "manager"', 'role = "boss"')
)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    for beside in ("zones.geojson", "day-club.ics"):
        shutil.copy(DEMO_FILE.with_name(beside), tmp_path)
    file = tmp_path / "bad.toml"
    file.write_text(BAD)
    return file


def test_apply_says_which_version_is_in_force(empty: House) -> None:
    first = empty.run("centre apply", DEMO_FILE, "--json")
    assert first.json() == [{"version": 1, "changed": True}]
    again = empty.run("centre apply", DEMO_FILE)
    assert (again.code, again.out) == (0, "Nothing to change: version 1 says the same.\n")


def test_a_bad_file_changes_nothing_and_tells_everything(house: House, bad: Path) -> None:
    ran = house.run("centre apply", bad)
    ran.is_bad_input("famly", "boss", "expected")
    assert len(ran.err.splitlines()) == 2
    assert house.version() == 1
    telecare("centre", "check", bad).is_bad_input("famly", "boss")


def test_a_bad_first_file_leaves_no_database(empty: House, bad: Path) -> None:
    empty.run("centre apply", bad).is_bad_input("famly")
    assert not empty.path.exists()


@pytest.mark.parametrize("file", ["/no/such/file.toml", "/"])
def test_a_file_that_is_not_there(house: House, file: str) -> None:
    house.run("centre apply", file).is_bad_input("expected a file that can be read")
    telecare("centre", "check", file).is_bad_input(
        f'{file}: (the whole file): "{file}": expected a file that can be read'
    )


def test_check_of_a_good_file(empty: House) -> None:
    ran = telecare("centre", "check", DEMO_FILE)
    assert (ran.code, ran.out) == (0, "centre.toml: 12 residents, 41 devices. No errors.\n")
    assert not empty.path.exists()


def test_what_is_most_likely_a_mistake_is_a_warning(bad: Path) -> None:
    bad.write_text(
        DEMO_FILE.read_text().partition("# --- The house ---")[0]
        + '[[calendars]]\nid = "day-club"\nfile = "day-club.ics"'
    )
    ran = telecare("centre", "check", bad)
    assert ran.code == 0
    assert 'hub-house: expected rule = "silent" in [[house_plans]]' in ran.err
    assert ran.err.startswith("Warning: ")


def test_what_is_exported_is_the_same_when_applied_again(house: House, tmp_path: Path) -> None:
    file = tmp_path / "out" / "mine.toml"
    file.parent.mkdir()
    assert house.run("centre export", file).code == 0
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "mine.day-club.ics", "mine.toml", "mine.zones.geojson",
    ]  # fmt: skip
    again = house.run("centre apply", file)
    assert "Nothing to change" in again.out
    assert house.version() == 1
    changed = file.read_text().replace('name = "Haven House"', 'name = "Haven Home"')
    file.write_text(changed)
    assert house.run("centre apply", file, "--json").json() == [{"version": 2, "changed": True}]


def test_an_export_that_cannot_be_written_says_so(house: House, tmp_path: Path) -> None:
    house.run("centre export", tmp_path / "no" / "such" / "folder.toml").is_bad_input("folder.toml", "can be written")


def test_nothing_to_export(empty: House, house: House) -> None:
    # the schema is there, but no centre was applied yet
    empty.path.unlink()
    from gateway.store.database import prepare

    prepare(empty.path)
    for command, arguments in (("centre export", ["x.toml"]), ("alerts", []), ("broker-config", ["files"])):
        empty.run(command, *arguments).is_bad_input("No care centre was applied yet")


def test_the_schema_is_json() -> None:
    ran = telecare("centre", "schema")
    assert json.loads(ran.out)["properties"]["residents"]
