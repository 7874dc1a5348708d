"""docs/devices.md is what the cases show now."""

import json

from devices.profiles import library
from devices.registry import FORMATS
from docs import devices as page
from tests.devices.cases import VECTORS, load


def test_the_page_is_current() -> None:
    for path, text in page.files().items():
        assert path.read_text("utf-8") == text, "old: run python -m docs.devices"


def test_every_format_with_cases_has_its_section() -> None:
    names = {path.stem for path in VECTORS.glob("*.jsonl")}
    assert names == set(page.cases())
    text = page.tables()
    for form in FORMATS:
        if form.name in names:
            assert f"(`{form.name}`)" in text


def test_a_row_counts_its_cases_and_tells_what_they_show() -> None:
    lines = [
        {"name": "a", "device": "Pendant", "readings": [{"kind": "help", "phase": "pressed"}, {"kind": "status"}]},
        {"name": "b", "device": "Pendant", "since": "0.2.0", "readings": [{"kind": "bed", "in_bed": False}]},
        {"name": "c", "device": "Pendant", "error": {"why": "not_json"}},
        {"name": "d", "model": "acme/x", "readings": [{"kind": "help", "phase": "cancelled"}]},
        {"name": "e", "readings": []},
        {"name": "f", "model": "acme/unknown", "error": {"why": "unknown_model"}},
    ]
    general, other, pendant = page.rows(json.loads(json.dumps(lines)))
    assert (general.name, general.read, general.refused, general.told) == ("", 1, 1, {})
    assert (other.name, other.told) == ("acme/x", {"help": {"cancelled"}})
    assert (pendant.name, pendant.since, pendant.read, pendant.refused) == ("Pendant", "0.2.0", 2, 1)
    assert pendant.told == {"help": {"pressed"}, "status": set(), "bed": {"out of bed"}}


def test_no_case_is_left_out() -> None:
    for name, of_format in page.cases().items():
        found = page.rows(of_format)
        assert sum(row.read + row.refused for row in found) == len(load(VECTORS / f"{name}.jsonl"))


def test_every_bundled_profile_has_a_row() -> None:
    text = page.tables()
    for profile in library.load_bundled():
        assert f"| {profile.title} |" in text, profile.name
