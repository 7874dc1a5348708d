import importlib
import json
import tracemalloc
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import to_ms
from gateway.errors import BadAnswerError
from gateway.fhir import export
from gateway.fhir.sentences import Sentences
from gateway.store.database import reader
from gateway.store.writer import Tx
from tests.gateway.privacy.life import NEIGHBOUR, NOW, PHOTO, SECRET_NAME, Life

R4 = "fhir.resources.R4B"
"""The validator's nearest to R4; the resources that we make are the same in both."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("export")
    life = Life(folder)
    life.live()
    life.reads("bed-1", "sleep", NOW, start="2026-02-28T21:00:00Z", end="2026-03-01T05:30:00Z", score=81.0)
    life.reads("bed-1", "continence", NOW, state="change_due", saturation_percent=70.0)
    life.reads("gps-1", "status", NOW, battery_percent=40.0)
    write(life, folder / "out.zip")
    with zipfile.ZipFile(folder / "out.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(life: Life, out: Path, resident: str = "r01") -> dict[str, int]:
    with closing(reader(life.path)) as db:
        return export.write(db, life.index.centre, resident, out, now=life.clock.now())


def lines(files: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[f"{name}.jsonl"].splitlines()]


def resources(files: dict[str, bytes], kind: str) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in json.loads(files["fhir-bundle.json"])["entry"]]
    return [one for one in found if one["resourceType"] == kind]


def test_everything_about_the_person_is_in_it_and_nothing_of_others(files: dict[str, bytes]) -> None:
    person = json.loads(files["person.json"])
    assert person["resident"]["name"] == SECRET_NAME
    assert person["resident"]["photo"] == PHOTO
    assert [one["id"] for one in person["devices"]] == ["gps-1", "bed-1"]
    assert len(lines(files, "readings")) == 84
    assert {one["device"] for one in lines(files, "readings")} == {"gps-1", "bed-1"}
    assert len(lines(files, "messages")) == 84
    [alert] = lines(files, "alerts")
    assert alert["note"] == f"{SECRET_NAME} was at the bus stop."
    assert [one["event"] for one in alert["history"]] == ["raised", "close"]
    assert alert["told"][0]["carer"] == "nora"
    assert next(one["text"] for one in lines(files, "notes")) == "Slept badly in the lilac room."
    assert lines(files, "break_glass")[0]["why"] == "Heard Ġorġa cry out."
    assert {one["action"] for one in lines(files, "looks")} == {"look", "glass.break"}
    assert NEIGHBOUR.encode() not in b"".join(files.values())


def test_what_alerts_say_is_a_whole_sentence_with_the_time_of_the_house(files: dict[str, bytes]) -> None:
    [alert], [issue] = lines(files, "alerts"), resources(files, "DetectedIssue")
    assert alert["reason"]["sentence"] == issue["detail"]
    assert alert["reason"]["values"]["out_at"] == "2026-03-01T02:00:00Z"
    assert issue["detail"].startswith("Left The flat in Strait Street ")
    assert "03:00" in issue["detail"], "02:00 UTC is 03:00 in Malta"
    for name, file in files.items():
        told = json.loads(file)["entry"] if name == "fhir-bundle.json" else []
        assert not [one for one in told if "{" in one["resource"].get("detail", "")]


def test_sentences_are_in_the_language_of_the_house_however_deep_they_lie() -> None:
    person = {"centre": {"id": "haven", "timezone": "Europe/Copenhagen", "language": "da"}}
    reason = {"text": "Battery at {left_percent}", "values": {"left_percent": 20.0}}
    line = {"history": [{"detail": {"reason": reason}}], "text": "as it is", "values": None}
    said = Sentences.of(person, NOW)(line)
    assert said["history"][0]["detail"]["reason"]["sentence"] == "Battery at 20\N{NO-BREAK SPACE}%"
    assert (said["text"], "sentence" in said) == ("as it is", False)


def test_what_is_known_of_now_and_of_rules_at_rest_is_in_it(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.live()

    def more(tx: Tx) -> None:
        at = to_ms(tx.now)
        tx.db.execute("INSERT OR REPLACE INTO protection VALUES ('r01', 'degraded', '[]', ?)", (at,))
        tx.db.execute(
            "INSERT INTO shelves (resident, rule_key, rule, priority, why, who, since, until)"
            " VALUES ('r01', 'help', 'help', 'high', 'x', 'sam', ?, ?)",
            (at, at + 1),
        )
        tx.db.execute(
            "INSERT INTO shelved (shelf, incident, first_at, last_at, story)"
            " VALUES (1, 'r01/help/', ?, ?, '{\"x\": 1}')",
            (at, at),
        )
        for number, place in enumerate(("always", "never")):
            tx.db.execute(
                "INSERT INTO consent_log (resident, at, who, agreed_by, agreed_name, agreed_on, how, before, after,"
                " version)"
                " VALUES ('r01', ?, 'sam', 'resident', '', '2026-03-01', 'by word', '{}', ?, 1)",
                (at + number, json.dumps({"location": place})),
            )

    life.write(more)
    write(life, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    zones = json.loads(files["person.json"])["zones"]
    assert zones, "the places that the care plan names"
    assert all(one["geometry"] for one in zones)
    assert [one["level"] for one in lines(files, "protection")] == ["degraded"]
    assert {one["rule"] for one in lines(files, "states")} == {"fix"}
    [shelf] = lines(files, "shelves")
    assert shelf["held"][0]["story"] == {"x": 1}
    was, now = resources(files, "Consent")
    assert (was["status"], now["status"]) == ("inactive", "active")
    assert was["provision"]["period"]["end"] == now["dateTime"]


def test_the_readme_names_every_file(files: dict[str, bytes]) -> None:
    readme = files["README.txt"].decode()
    for name in files:
        assert name == "README.txt" or name in readme


def test_times_are_rfc_3339_and_what_was_not_said_is_null(files: dict[str, bytes]) -> None:
    reading = next(one for one in lines(files, "readings") if one["kind"] == "vitals")
    assert reading["observed_at"] == "2026-01-20T12:00:00Z"
    assert reading["heart_rate_bpm"] == 61.25
    assert lines(files, "alerts")[0]["taken_by"] is None


def test_the_bundle_is_fhir(files: dict[str, bytes]) -> None:
    bundle = json.loads(files["fhir-bundle.json"])
    module = importlib.import_module(f"{R4}.bundle")
    module.Bundle.model_validate_json(files["fhir-bundle.json"])
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert kinds == {
        "Patient", "Device", "DeviceUseStatement", "Observation", "Consent", "DetectedIssue", "Communication",
    }  # fmt: skip
    for entry in bundle["entry"]:
        kind = entry["resource"]["resourceType"]
        resource = getattr(importlib.import_module(f"{R4}.{kind.lower()}"), kind)
        resource.model_validate(entry["resource"])


def test_every_reference_leads_to_something_in_the_bundle(files: dict[str, bytes]) -> None:
    bundle = json.loads(files["fhir-bundle.json"])
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(addresses) == len(set(addresses))
    assert set(_references(bundle)) <= set(addresses)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if "reference" in value else []
        return own + [one for part in value.values() for one in _references(part)]
    return [one for part in value for one in _references(part)] if isinstance(value, list) else []


def test_vitals_carry_loinc_and_ucum(files: dict[str, bytes]) -> None:
    found = {
        one["code"]["coding"][0]["code"]: (one["valueQuantity"]["value"], one["valueQuantity"]["code"])
        for one in resources(files, "Observation")
        if "coding" in one["code"]
    }
    assert found == {"8867-4": (61.25, "/min"), "9279-1": (14.0, "/min"), "2708-6": (96.5, "%"), "93832-4": (8.5, "h")}


def test_a_position_is_lon_and_lat_in_degrees(files: dict[str, bytes]) -> None:
    one = next(one for one in resources(files, "Observation") if one["code"]["text"] == "Position")
    parts = {part["code"]["text"]: part["valueQuantity"]["value"] for part in one["component"]}
    assert parts == {
        "Longitude, WGS 84": 14.5123456, "Latitude, WGS 84": 35.8987654, "Radius of the accuracy": 12.0,
    }  # fmt: skip


def test_what_was_agreed_is_a_consent(files: dict[str, bytes]) -> None:
    [one] = resources(files, "Consent")
    said = {part["code"][0]["text"]: part["type"] for part in one["provision"]["provision"]}
    assert said == {
        "Location: always": "permit", "Sleep": "permit", "Continence": "deny", "Activity": "deny", "Search": "deny",
    }  # fmt: skip


def test_nobody_of_that_id_leaves_no_file(tmp_path: Path) -> None:
    life = Life(tmp_path)
    with pytest.raises(BadAnswerError, match="r99"):
        write(life, tmp_path / "out.zip", "r99")
    assert not (tmp_path / "out.zip").exists()


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    life = Life(tmp_path)
    (tmp_path / "out.zip").write_text("mine")
    with pytest.raises(FileExistsError):
        write(life, tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_text() == "mine"


def test_a_long_life_needs_little_memory(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.reads("bed-1", "vitals", NOW, heart_rate_bpm=61.0)
    life.write(
        lambda tx: tx.db.execute(
            "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
            " WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
            " SELECT i * 4096, i, device, resident, kind, observed_at, received_at, fields FROM readings, n"
        )
    )
    tracemalloc.start()
    try:
        counted = write(life, tmp_path / "out.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counted["readings"] == 30_000
    assert peak < 8 << 20  # all lines together are some 10 MB as text, and several times that as objects
