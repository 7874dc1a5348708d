import shutil
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store.database import reader
from tests.gateway.cli.desk import DEMO_FILE, House


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    for beside in ("zones.geojson", "day-club.ics"):
        shutil.copy(DEMO_FILE.with_name(beside), tmp_path)
    file = tmp_path / "changed.toml"
    file.write_text(DEMO_FILE.read_text().replace('name = "Carmen Vella"', 'name = "Carmen Borg"', 1))
    assert file.read_text() != DEMO_FILE.read_text()
    return file


def test_versions_tell_what_changed_and_one_is_taken_back(house: House, changed: Path) -> None:
    assert house.run("centre apply", changed).code == 0
    listed = house.run("centre versions", "--json").json()
    assert [one["version"] for one in listed] == [2, 1]
    [told] = house.run("centre diff", "--json").json()
    assert (told["table"], told["what"], told["fields"]) == (
        "residents", "changed", [{"field": "name", "before": "Carmen Vella", "after": "Carmen Borg"}]
    )  # fmt: skip
    words = house.run("centre diff", "2").out
    assert 'name: "Carmen Vella" -> "Carmen Borg"' in words
    undone = house.run("centre undo", "2")
    assert (undone.code, undone.out) == (0, "Version 3 is in force; it takes back version 2.\n")
    assert house.run("centre diff", "3", "1").out == ""
    assert "takes back version 2" in house.run("centre versions").out


def test_what_was_changed_again_is_not_taken_back(house: House, changed: Path) -> None:
    house.run("centre apply", changed)
    changed.write_text(changed.read_text().replace("Carmen Borg", "Carmen Pace"))
    house.run("centre apply", changed)
    ran = house.run("centre undo", "2")
    assert ran.code == 1
    assert "Take that one back first." in ran.err
    assert house.version() == 3
    assert house.run("centre undo", "1").code == 1
    house.run("centre diff", "9").is_bad_input("expected versions from 1 to 3")


def test_more_than_was_agreed_needs_somebody_who_agreed(house: House, changed: Path) -> None:
    less = changed.read_text()
    changed.write_text(less.replace('location = "alarm"', 'location = "always"', 1))
    ran = house.run("centre apply", changed)
    assert ran.code == 2
    told = " ".join(ran.err.split())
    assert "consents.location: always: expected no more than r01 agreed to" in told, told
    assert "--agreed WORDS" in told
    assert house.version() == 1
    assert house.run("centre apply", changed, "--agreed", "  ").code == 2

    assert house.run("centre apply", changed, "--agreed", "Carmen Vella, signed form, 1 March").code == 0
    assert house.version() == 2
    # less needs nobody's word, and taking that back would be more again: she said nothing since, so it may be
    changed.write_text(less)
    assert house.run("centre apply", changed).code == 0
    with closing(reader(house.path)) as db:
        log = db.execute("SELECT how, json_extract(after, '$.location') FROM consent_log WHERE version > 1 ORDER BY id")
        lines = [tuple(row) for row in log]
    assert lines == [
        ("Carmen Vella, signed form, 1 March", "always"),
        ("It came with a change of the centre.", "alarm"),
    ]


def test_a_house_that_loses_its_last_administrator_is_warned(house: House, changed: Path) -> None:
    text = changed.read_text().replace('role = "manager"', 'role = "carer"').replace('role = "admin"', 'role = "carer"')
    changed.write_text(text)
    ran = house.run("centre apply", changed)
    assert ran.code == 0
    assert "Somebody has to be administrator; name another one first." in " ".join(ran.err.split())
    assert "Somebody has to" not in house.run("centre undo", "2").err
