"""Every case in tests/vectors gives exactly its readings, or exactly its error."""

from typing import Any

import pytest

from devices.errors import UnreadableError
from devices.registry import FORMATS, decode
from tests.devices.cases import VECTORS, frame_of, load, plain

CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
    for path in sorted(VECTORS.glob("*.jsonl"))
    for case in load(path)
]


@pytest.mark.parametrize(("format_name", "case"), CASES)
def test_case(format_name: str, case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(UnreadableError) as caught:
            decode(format_name, frame_of(case), case.get("model"))
        assert {"why": caught.value.why, "field": caught.value.field} == case["error"]
        assert "expected" in caught.value.detail
    else:
        readings = decode(format_name, frame_of(case), case.get("model"))
        assert [plain(reading) for reading in readings] == case["readings"]


@pytest.mark.parametrize("format_name", [form.name for form in FORMATS])
def test_every_format_has_cases_of_both_sorts(format_name: str) -> None:
    cases = load(VECTORS / f"{format_name}.jsonl")
    assert any(case.get("readings") for case in cases)
    assert any("error" in case for case in cases)
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names))
