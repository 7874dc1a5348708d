import zipfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.centre.load import centre_from_document, to_document
from gateway.cli.persons import BY_HAND
from gateway.clock import SystemClock
from gateway.store import centres, compact
from gateway.store.writer import write_now
from tests.gateway.cli.desk import House
from tests.gateway.pipeline.chain import DEMO


def test_export(house: House, tmp_path: Path) -> None:
    out = tmp_path / "carmen.zip"
    ran = house.run("export-person r01 --json --out", out)
    assert ran.code == 0, ran.err
    assert ran.json()[0]["file"] == str(out)
    assert "fhir-bundle.json" in zipfile.ZipFile(out).namelist()
    assert out.stat().st_mode & 0o777 == 0o600
    audited = house.run("audit --json --limit 1").json()[0]
    assert (audited["action"], audited["object"]) == ("person.export", "resident/r01")


def test_export_of_nobody(house: House, tmp_path: Path) -> None:
    house.run("export-person r99 --out", tmp_path / "x.zip").is_bad_input("r99")
    assert not (tmp_path / "x.zip").exists()


def test_export_onto_a_file(house: House, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("mine")
    house.run("export-person r01 --out", tmp_path / "x.zip").is_bad_input("x.zip", "already")


def test_erase_needs_the_id_twice(house: House) -> None:
    _moved_out(house)
    house.run("erase-person r01").is_bad_input(
        "--confirm r01", "stays: carers/luca (Luca Vella), needed by devices/gps-luca"
    )
    house.run("erase-person r01 --confirm r02").is_bad_input("--confirm r01")
    assert house.version() == 2


def test_erase(house: House) -> None:
    _moved_out(house)
    ran = house.run("erase-person r01 --confirm r01 --json")
    assert ran.code == 0, ran.err
    told = ran.json()[0]
    assert told["left_in_file"] is False
    assert told["by_hand"] == list(BY_HAND)
    assert compact.holds(house.path, ["Carmen Vella"]) == []
    assert house.run("audit").code == 0  # the chain holds


def test_erase_while_devices_are_worn(house: House) -> None:
    ran = house.run("erase-person r01 --confirm r01")
    assert ran.code == 1
    assert "still has devices" in ran.err
    assert house.version() == 1


def test_retention_shows_and_purges(house: House) -> None:
    shown = house.run("retention --json").json()
    assert {line["kind"]: line["days"] for line in shown}["positions"] == 30
    assert all(line["last_at"] is None for line in shown)
    done = house.run("retention --now --json")
    assert done.code == 0, done.err
    assert {line["removed"] for line in done.json()} == {0}
    assert all(line["last_removed"] == 0 for line in house.run("retention --json").json())
    assert house.run("retention --rewrite").code == 0


def _moved_out(house: House) -> None:
    """Everything of r01's is given back."""
    document = msgspec.json.decode(msgspec.json.encode(to_document(DEMO)))
    for one in document["assignments"]:
        if one["resident"] == "r01":
            one["to"] = datetime(2026, 2, 1, tzinfo=UTC).isoformat()
    write_now(house.path, lambda tx: centres.apply(tx, centre_from_document(document), who="sam"), clock=SystemClock())
