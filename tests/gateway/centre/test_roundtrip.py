"""What is written is read again as it was: documents through JSON, exports through TOML and GeoJSON."""

import json
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.centre.load import centre_from_document, export_centre, load_centre, to_document
from gateway.centre.model import Centre

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FILES = [ROOT / "config/demo/centre.toml", *sorted((HERE / "good").glob("*.toml"))]

printable = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp", "Zs"], include_characters=" ")
names = st.text(printable, min_size=1, max_size=30)
notes = st.text(st.characters(codec="utf-8"), max_size=60)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,11}", fullmatch=True)
zones = st.sampled_from([UTC, timezone(timedelta(hours=5.5))])
moments = st.integers(0, 10**15).map(lambda us: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
rules = st.fixed_dictionaries(
    {},
    optional={
        "help": st.fixed_dictionaries({"rule": st.just("help")}, optional={"old_after_s": st.floats(0, 86400)}),
        "bed": st.fixed_dictionaries(
            {"rule": st.just("bed_exit"), "from": st.sampled_from(["21:00:00", "22:30:00"])},
            optional={"to": st.just("06:15:00"), "minutes": st.floats(1, 60), "priority": st.just("high")},
        ),
        "zone": st.fixed_dictionaries(
            {"rule": st.just("zone_exit"), "zone": st.just("garden")}, optional={"confirmations": st.integers(1, 10)}
        ),
    },
).map(lambda chosen: list(chosen.values()))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    residents = draw(st.lists(ids, max_size=4, unique=True))
    cut = draw(moments).astimezone(draw(zones))
    devices = draw(st.lists(ids, min_size=1, max_size=4, unique=True)) if residents else []
    return {
        "centre": {"id": draw(ids), "name": draw(names), "timezone": "Europe/Malta", "language": "mt"},
        "residents": [{"id": one, "name": draw(names), "room": draw(names), "note": draw(notes)} for one in residents],
        "devices": [{"id": one, "type": "tracker", "format": "native"} for one in devices],
        "assignments": [
            {"device": one, "resident": draw(st.sampled_from(residents)), **span}
            for one in devices
            for span in ({"from": "2001-01-01T00:00:00Z", "to": cut.isoformat()}, {"from": cut.isoformat()})
        ],
        "carers": [{"id": "nora", "name": draw(names), "contacts": [{"channel": "log", "address": draw(notes)}]}],
        "policies": [{"id": "p", "failsafe": ["nora"], "steps": [{"to": ["nora"], "wait_s": draw(st.floats(1, 900))}]}],
        "care_plans": [
            {
                "resident": one,
                "policy": "p",
                "consents": {"location": draw(st.sampled_from(["alarm", "always"])), "sleep": True},
                "rules": draw(rules),
            }
            for one in residents
        ],
        "zones": [
            {
                "id": "garden",
                "name": draw(names),
                "radius_m": draw(st.floats(1, 5000)),
                "geometry": {"type": "Point", "coordinates": [draw(st.floats(-179, 179)), draw(st.floats(-80, 80))]},
            }
        ],
    }


def through_json(centre: Centre) -> Centre:
    return centre_from_document(json.loads(json.dumps(to_document(centre))))


def through_files(centre: Centre, folder: Path) -> Centre:
    export_centre(centre, folder / "copy.toml")
    return load_centre(folder / "copy.toml")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_any_centre_is_the_same_after_export_and_as_a_document(document: dict[str, Any]) -> None:
    centre = centre_from_document(document)
    assert through_json(centre) == centre
    with tempfile.TemporaryDirectory() as folder:
        assert through_files(centre, Path(folder)) == centre


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_files_are_the_same_after_export(path: Path, tmp_path: Path) -> None:
    centre = load_centre(path)
    assert through_files(centre, tmp_path) == centre
    assert through_json(centre) == centre


def test_an_export_leaves_out_defaults_but_never_the_rules_word(tmp_path: Path) -> None:
    export_centre(load_centre(HERE / "good" / "every-rule.toml"), tmp_path / "copy.toml")
    text = (tmp_path / "copy.toml").read_text("utf-8")
    assert 'rule = "help"' in text
    assert "old_after_s" not in text
    assert 'zones = "copy.zones.geojson"' in text


def test_a_document_writes_defaults_out(tmp_path: Path) -> None:
    document = to_document(load_centre(HERE / "good" / "every-rule.toml"))
    assert document["care_plans"][0]["rules"][0] == {"rule": "help", "old_after_s": 60.0, "repeat_within_s": 600.0}
    assert document["devices"][0]["address"] == "gps-r01"


def test_an_export_over_an_old_one_leaves_no_scraps(tmp_path: Path) -> None:
    centre = load_centre(HERE / "good" / "every-rule.toml")
    export_centre(centre, tmp_path / "copy.toml")
    export_centre(centre, tmp_path / "copy.toml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.toml", "copy.zones.geojson"]


def test_an_export_is_for_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "copy.toml").touch(0o644)
    export_centre(load_centre(HERE / "good" / "every-rule.toml"), tmp_path / "copy.toml")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
