"""The JSON Schemas in docs/schema are current, valid, and say what the decoder does."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from devices import native, schema
from devices.errors import UnreadableError
from devices.model import ALARM_KINDS, KINDS
from tests.devices.cases import ROOT, VECTORS, frame_of, load

CASES = [case for case in load(VECTORS / "native.jsonl") if "payload" in case]


def kind_in(case: dict[str, Any]) -> str:
    return str(case["topic"].rpartition("/")[2])


def test_the_committed_files_are_current() -> None:
    folder = ROOT / "docs" / "schema"
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("native-*.json")}
    assert on_disk == schema.files(), "run: python -m devices.schema docs/schema"


def test_every_kind_has_a_valid_schema_that_refers_to_nothing_else() -> None:
    assert set(schema.files()) == {f"native-{kind}.json" for kind in KINDS}
    for kind in KINDS:
        Draft202012Validator.check_schema(schema.schema(kind))
        assert "$ref" not in str(schema.schema(kind))
        assert {"v", "id"} <= set(schema.schema(kind)["required"])


# What a schema does not say: 0/0 is no place, and a time needs its zone, a year below 10000 and one after 1969.
BEYOND_SCHEMA = {"0/0 is no place", "a time without a zone"}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES if kind_in(case) in KINDS])
def test_decoder_and_schema_agree(case: dict[str, Any]) -> None:
    valid = Draft202012Validator(schema.schema(kind_in(case))).is_valid(case["payload"])
    try:
        native.decode(frame_of(case))
        read = True
    except UnreadableError:
        read = False
    if case["name"] in BEYOND_SCHEMA:
        assert (valid, read) == (True, False)
    elif kind_in(case) in ALARM_KINDS and read:
        assert valid or "is still a" in case["name"]  # an alarm is told although the rest of its message is bad
    else:
        assert valid == read


def test_the_schema_file_writer(tmp_path: Any) -> None:
    schema.write(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(schema.files())
