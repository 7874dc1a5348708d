from datetime import UTC, datetime, timedelta
from pathlib import Path
from timeit import repeat
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.centre.house import carried, surroundings
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, load_centre, to_document
from rules.engine import ResidentRules
from rules.geometry import signed_distances
from rules.model import Context

HERE = Path(__file__).parent
HANDED_ON = datetime(2026, 6, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)


@pytest.fixture
def handed_on() -> CentreIndex:
    """gps-r01 is with r01 from January until June, and with r02 from then on."""
    return CentreIndex(load_centre(HERE / "good" / "handed-on.toml"))


def test_unknown_and_unassigned_devices_are_told_apart(handed_on: CentreIndex) -> None:
    assert handed_on.device("native", "nobody-knows") is None
    assert handed_on.device("owntracks", "gps-r01") is None
    device = handed_on.device("native", "gps-r01")
    assert device is not None
    assert device.id == "gps-r01"
    assert handed_on.resident_of("gps-r01", datetime(2025, 12, 31, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("at", "resident"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC) - MS, None),
        (datetime(2026, 1, 1, tzinfo=UTC), "r01"),
        (HANDED_ON - MS, "r01"),
        (HANDED_ON, "r02"),
        (datetime(2099, 1, 1, tzinfo=UTC), "r02"),
    ],
)
def test_who_has_a_device_is_half_open(handed_on: CentreIndex, at: datetime, resident: str | None) -> None:
    found = handed_on.resident_of("gps-r01", at)
    assert (found.id if found else None) == resident


def test_rules_follow_the_devices(handed_on: CentreIndex) -> None:
    before, after = HANDED_ON - MS, HANDED_ON
    assert [device.id for device in handed_on.devices_of("r01", before)] == ["gps-r01"]
    assert handed_on.devices_of("r01", after) == ()
    assert [device.id for device in handed_on.devices_of("r02", after)] == ["gps-r01"]
    assert handed_on.rules_of("r01", before) is handed_on.rules_of("r01", before - timedelta(days=30))
    assert handed_on.rules_of("r01", before) is not handed_on.rules_of("r01", after)


def test_a_silent_rule_hears_of_a_new_device_when_it_comes(tmp_path: Path) -> None:
    document = to_document(load_centre(HERE / "good" / "handed-on.toml"))
    document["care_plans"][1]["rules"] = [{"rule": "silent"}]
    index = CentreIndex(centre_from_document(document))
    assert index.rules_of("r02", HANDED_ON - MS).rules == ()
    assert [rule.key for rule in index.rules_of("r02", HANDED_ON).rules] == ["silent:gps-r01"]


def test_the_next_change_is_known_ahead(handed_on: CentreIndex) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    assert handed_on.next_change_at(first - MS) == first
    assert handed_on.next_change_at(first) == HANDED_ON
    assert handed_on.next_change_at(HANDED_ON) is None


def test_zones_are_built_and_reach_the_rules() -> None:
    index = CentreIndex(load_centre(HERE / "good" / "every-rule.toml"))
    at = datetime(2026, 2, 1, tzinfo=UTC)
    assert index.rules_of("r01", at).zone_ids == ("garden",)
    inside, outside = signed_distances([index.zone("garden")] * 2, [14.405, 14.42], [35.885, 35.885])
    assert inside < 0 < outside
    with pytest.raises(KeyError):
        index.zone("yard")


def test_policies_and_names() -> None:
    index = CentreIndex(load_centre(HERE.parents[2] / "config/demo/centre.toml"))
    assert index.policy_of("r01").id == "family"
    assert index.policy_of(None).id == "standard"
    assert index.policy_of("moved-out").id == "standard"
    assert index.public_name("r01") == "101"
    assert index.public_name("moved-out") == "moved-out"
    assert index.plan_of("r03").consents.continence is True
    assert index.carers["mette"].language == "da"
    assert str(index.timezone) == "Europe/Malta"


def test_an_index_cannot_be_changed(handed_on: CentreIndex) -> None:
    for table in (handed_on.residents, handed_on.carers, handed_on.devices, handed_on.policies):
        with pytest.raises(TypeError):
            table["x"] = None  # type: ignore[index]
    with pytest.raises(ValidationError):
        handed_on.residents["r01"].room = "102"


def large(residents: int) -> dict[str, Any]:
    document = to_document(load_centre(HERE / "good" / "every-rule.toml"))
    plan = document["care_plans"][0]
    document["residents"] = [{"id": f"r{n}", "name": "x", "room": str(n)} for n in range(residents)]
    document["devices"] = [
        {"id": f"{kind}-{n}", "type": "other", "format": "native"} for n in range(residents) for kind in ("gps", "bed")
    ]
    document["assignments"] = [
        {"device": f"{kind}-{n}", "resident": f"r{n}", "from": "2026-01-01T00:00:00Z"}
        for n in range(residents)
        for kind in ("gps", "bed")
    ]
    document["care_plans"] = [plan | {"resident": f"r{n}"} for n in range(residents)]
    return document


def test_questions_stay_quick_in_a_large_centre() -> None:
    """A question takes 0.1 to 0.2 µs; 3 µs are allowed, so that a busy machine fails no test but a search does."""
    index = CentreIndex(centre_from_document(large(2000)))
    at = datetime(2026, 2, 1, tzinfo=UTC)
    for question in (
        lambda: index.device("native", "gps-1999"),
        lambda: index.resident_of("gps-1999", at),
        lambda: index.rules_of("r1999", at),
        lambda: index.policy_of("r1999"),
    ):
        question()
        assert min(repeat(question, number=1000, repeat=5)) / 1000 < 3e-6


def test_what_a_house_has_around_its_residents() -> None:
    centre = load_centre(HERE / "good" / "zones-and-calendars.toml")
    assert carried(centre.devices) == {"nora": ("gps-nora",)}
    fixed = surroundings(centre.devices, {entry.device for entry in centre.assignments})
    assert [device.id for device in fixed] == ["hub-ground", "door-garden"]
    hub, door = (device.info() for device in fixed)
    assert (hub.mains, hub.hub, hub.room) == (True, None, "hall")
    assert (door.mains, door.hub, door.room) == (False, "hub-ground", "garden door")
    assert surroundings(centre.devices, {"door-garden"}) == fixed[:1]


def test_rules_get_calendars_companions_and_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts: list[Context] = []

    def rules(settings: object, context: Context) -> ResidentRules:
        contexts.append(context)
        return ResidentRules([], context)

    monkeypatch.setattr("gateway.centre.index.ResidentRules", rules)
    index = CentreIndex(load_centre(HERE / "good" / "zones-and-calendars.toml"))
    index.rules_of("r01", datetime(2026, 2, 1, tzinfo=UTC))
    [context] = contexts
    assert set(context.calendars) == {"day-club", "holidays"}
    assert context.carried == {"nora": ("gps-nora",)}
    assert [device.id for device in context.surroundings] == ["hub-ground", "door-garden"]
    assert [device.id for device in context.devices] == ["gps-r01"]
    assert {name: zone.kind for name, zone in context.zones.items()} == {
        "stairs": "indoor",
        "garden": "circle",
        "path": "corridor",
        "lounge": "indoor",
    }
    assert context.zones["garden"].rooms == {"101", "lounge", "b-7"}
