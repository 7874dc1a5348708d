"""``telecare decode``: every vector of tests/vectors through the command, errors included."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from devices import registry
from tests.devices.cases import VECTORS, load
from tests.gateway.cli.desk import telecare

CASES = [(form.name, case) for form in registry.FORMATS for case in load(VECTORS / f"{form.name}.jsonl")]
FIX = b'{"v":1,"id":"p-1","t":"2026-03-01T08:00:00Z","lon":14.4,"lat":35.89}'
TOPIC = "telecare/haven/gps-r01/position"


def payload_of(case: dict[str, Any]) -> bytes:
    if "payload_base64" in case:
        return base64.b64decode(case["payload_base64"])
    return str(case["raw"]).encode() if "raw" in case else json.dumps(case["payload"]).encode()


@pytest.mark.parametrize(("form", "case"), CASES, ids=[f"{form}: {case['name']}" for form, case in CASES])
def test_every_vector(form: str, case: dict[str, Any]) -> None:
    model = ["--model", case["model"]] if case.get("model") else []
    ran = telecare("decode", "--format", form, "--topic", case["topic"], *model, "-", stdin=payload_of(case))
    assert ran.err == ""
    if "error" in case:
        assert ran.code == 1
        (told,) = ran.json()
        assert (told["error"], told["field"]) == (case["error"]["why"], case["error"]["field"])
        assert len(told["detail"]) > 5
        return
    assert ran.code == 0
    said = [{key: value for key, value in row.items() if value is not None} for row in ran.json()]
    assert said == case["readings"]


def test_a_reading_begins_with_device_and_kind_and_says_null_for_what_is_not_known() -> None:
    ran = telecare("decode", "--format", "native", "--topic", TOPIC, stdin=FIX)
    (reading,) = ran.json()
    assert list(reading)[:2] == ["device", "kind"]
    assert reading == {
        "device": "gps-r01", "kind": "position", "observed_at": "2026-03-01T08:00:00Z", "event_id": "p-1",
        "lon": 14.4, "lat": 35.89, "accuracy_m": None, "altitude_m": None, "speed_mps": None, "course_deg": None,
        "fixed_at": None, "source": None,
    }  # fmt: skip


def test_a_file_a_dash_and_nothing_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "fix.json"
    file.write_bytes(FIX)
    options = ("--format", "native", "--topic", TOPIC)
    outputs = {
        telecare("decode", *options, file).out,
        telecare("decode", *options, "-", stdin=FIX).out,
        telecare("decode", *options, stdin=FIX).out,
    }
    assert len(outputs) == 1
    assert outputs != {""}


def test_a_model_may_be_named() -> None:
    ran = telecare("decode", "--format", "native", "--topic", TOPIC, "--model", "acme/pendant", stdin=FIX)
    assert ran.code == 0


def test_bad_input() -> None:
    telecare("decode", "--format", "morse", "--topic", "a", stdin=b"").is_bad_input("--format", "morse", "owntracks")
    telecare("decode", "--topic", "a", stdin=b"").is_bad_input("--format")
    telecare("decode", "--format", "native", stdin=b"").is_bad_input("--topic")
    telecare("decode", "--format", "native", "--topic", TOPIC, "/no/such/file").is_bad_input("/no/such/file")
    telecare("decode", "--format", "native", "--topic", "a/\udcff", stdin=FIX).is_bad_input("--topic", "UTF-8")
    telecare("decode", "--format", "native", "--topic", TOPIC, "/").is_bad_input("name a file")


@pytest.mark.parametrize("topic", ["", "telecare/haven/\x1b[2J/position", "a" * 70_000, "[red]x[/red]"])
def test_a_strange_topic_is_an_error_object(topic: str) -> None:
    ran = telecare("decode", "--format", "native", "--topic", topic, stdin=FIX)
    assert ran.code in {0, 1}
    assert len(ran.json()) == 1
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("topic", ["telecare/+/gps-r01/position", "telecare/#", "#"])
def test_a_topic_with_wildcards_is_bad_input(topic: str) -> None:
    telecare("decode", "--format", "native", "--topic", topic, stdin=FIX).is_bad_input("--topic", topic, "wildcards")


def test_formats_lists_all_of_them() -> None:
    table = telecare("formats").out
    rows = telecare("formats", "--json").json()
    assert [row["name"] for row in rows] == [form.name for form in registry.FORMATS]
    for form in registry.FORMATS:
        assert form.title in table
        assert all(topic in table for topic in (*form.alarm_topics, *form.telemetry_topics))


def test_own_profiles_are_those_of_the_settings(tmp_path: Path) -> None:
    """The example of the guide, as a care centre would name it in gateway.toml."""
    (tmp_path / "mat.toml").write_text(
        'vendor = "acme"\nmodel = "mat"\ntitle = "A mat"\nsource = "ours"\nformats = ["profile"]\n'
        '[message]\ntopics = ["mats/{device}/state"]\n'
        '[[readings]]\nkind = "bed"\nin_bed = { at = "/pressed" }\n'
        '[[cases]]\nname = "in"\ntopic = "mats/m1/state"\npayload = { pressed = true }\n'
        'readings = [{ kind = "bed", in_bed = true }]\n',
        "utf-8",
    )
    payload = tmp_path / "payload.json"
    payload.write_text('{"pressed": true}', "utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text('[devices]\nprofiles = ["mat.toml"]\n', "utf-8")
    asked = ("decode", "--format", "profile", "--topic", "mats/m1/state", "--model", "acme/mat", payload)
    assert telecare(*asked).code == 1  # unknown without the settings
    told = telecare(*asked, "--config", config)
    assert told.code == 0, told.err + told.out
    assert told.json()[0]["in_bed"] is True
