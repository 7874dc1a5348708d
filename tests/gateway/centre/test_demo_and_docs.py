"""The demo house is whole and varied, its schema fits, and the guide shows what really is printed."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.load import load_centre
from gateway.centre.model import Centre
from gateway.centre.plans import NEEDS
from gateway.errors import CentreError
from rules.geometry import signed_distances
from rules.protection import Protections
from rules.registry import RULES

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DEMO = ROOT / "config/demo/centre.toml"
SCHEMA = json.loads((ROOT / "docs/schema/centre.json").read_text("utf-8"))
GUIDE = (ROOT / "docs/centre.md").read_text("utf-8")
AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo() -> Centre:
    return load_centre(DEMO)


def test_the_demo_house(demo: Centre) -> None:
    assert (demo.id, len(demo.residents), demo.centre.timezone) == ("haven", 12, "Europe/Malta")
    assert {device.format for device in demo.devices} == {"native"}
    assert all(carer.contacts[0].channel == "log" and len(carer.contacts) > 1 for carer in demo.carers)
    assert {"standard", "night"} <= {policy.id for policy in demo.policies}


def test_every_kind_of_device_is_well_represented(demo: Centre) -> None:
    kinds = [device.type for device in demo.devices]
    for kind in ("tracker", "fall_detector", "bed_sensor", "continence_sensor", "sos_button"):
        assert kinds.count(kind) >= 4, kind


def test_every_rule_is_shown(demo: Centre) -> None:
    used = {rule.name for plan in (*demo.care_plans, *demo.house_plans) for rule in plan.rules}
    assert used == {rule.name for rule in RULES}


def test_the_house_shows_what_surrounds_the_residents(demo: Centre) -> None:
    kinds = {zone.shape.kind for zone in demo.zones}
    assert kinds == {"polygon", "circle", "corridor"}
    assert any(zone.rooms and zone.beacons for zone in demo.zones)
    assert {"hub", "door_sensor", "motion_sensor", "lamp"} <= {device.type for device in demo.devices}
    assert any(device.hub for device in demo.devices)
    assert any(device.carer for device in demo.devices)
    assert len(demo.calendars) == len(demo.house_plans) == 1


def test_everybody_is_protected_by_plan(demo: Centre) -> None:
    index = CentreIndex(demo)
    for resident in demo.residents:
        rules = index.rules_of(resident.id, AT).rules
        devices = [device.info() for device in index.devices_of(resident.id, AT)]
        assert Protections(rules, devices).of({}, AT).missing == (), resident.id


def test_rules_and_devices_of_a_resident_fit_together(demo: Centre) -> None:
    index = CentreIndex(demo)
    needs = {
        "fall_detector": "fall", "tracker": "zone_exit", "bed_sensor": "bed_exit", "continence_sensor": "continence",
    }  # fmt: skip
    for resident in demo.residents:
        kinds = {device.type for device in index.devices_of(resident.id, AT)}
        names = {rule.name for rule in index.plan_of(resident.id).rules}
        assert kinds, resident.id
        assert {"help", "silent", "low_battery"} <= names, resident.id
        assert {needs[kind] for kind in kinds if kind in needs} == names & set(needs.values()), resident.id


def test_one_device_is_in_the_drawer(demo: Centre) -> None:
    index = CentreIndex(demo)
    spare = index.device("native", "gps-spare")
    assert spare is not None
    assert index.resident_of(spare.id, AT) is None


def test_the_house_lies_inside_its_own_zones(demo: Centre) -> None:
    index = CentreIndex(demo)
    elsewhere = {"day-club", "pond", "chapel-path"}
    shapes = [index.zone(zone.id) for zone in demo.zones if zone.id not in elsewhere]
    inside = signed_distances(shapes, [14.4] * len(shapes), [35.89] * len(shapes))
    assert all(metres < 0 for metres in inside)
    assert all(index.zone(name).signed_distance(14.4, 35.89) > 0 for name in elsewhere)


@pytest.mark.parametrize("path", [DEMO, *sorted((HERE / "good").glob("*.toml"))], ids=lambda path: path.stem)
def test_the_schema_takes_what_the_gateway_takes(path: Path) -> None:
    document = json.loads(json.dumps(tomllib.loads(path.read_text("utf-8")), default=lambda value: value.isoformat()))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "name", ["unknown-key", "wrong-types", "device-type", "rule-unknown-key", "policy-no-failsafe"]
)
def test_the_schema_refuses_what_it_can_see(name: str) -> None:
    text = (HERE / "bad" / f"{name}.toml").read_text("utf-8")
    document = json.loads(json.dumps(tomllib.loads(text), default=lambda value: value.isoformat()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_listing_in_the_guide_is_what_is_printed(tmp_path: Path) -> None:
    (tmp_path / "centre.toml").write_text(block("input"), "utf-8")
    with pytest.raises(CentreError) as caught:
        load_centre(tmp_path / "centre.toml")
    assert block("output").splitlines() == str(caught.value).splitlines()


def test_every_table_and_key_is_in_the_guide() -> None:
    row = {line.split("|")[1].strip(): line for line in GUIDE.splitlines() if line.startswith("| `[")}
    tables = {
        "Site": "`[centre]`", "Resident": "`[[residents]]`", "Device": "`[[devices]]`", "Carer": "`[[carers]]`",
        "Assignment": "`[[assignments]]`", "Contact": "`[[carers.contacts]]`", "Policy": "`[[policies]]`",
        "Shift": "`[[shifts]]`", "WeeklyShift": "`[[shifts.weekly]]`", "Variant": "`[[policies.when]]`",
        "Step": "`[[policies.steps]]`", "CarePlan": "`[[care_plans]]`", "Consents": "`[care_plans.consents]`",
        "Zone": "`[[zones]]`", "Downlink": "`[devices.downlinks.ring]`",
        "Calendar": "`[[calendars]]`", "HousePlan": "`[[house_plans]]`",
    }  # fmt: skip
    for model, table in tables.items():
        definition = SCHEMA["$defs"][model]
        must, may = (set(re.findall(r"`(\w+)`", cell)) for cell in row[table].split("|")[3:5])
        assert must == set(definition.get("required", ())), table
        assert must | may == set(definition["properties"]), table


def test_the_guide_says_which_rule_needs_which_consent() -> None:
    rows = re.findall(r"^\| (`\w+`|none) \| (.*) \|$", GUIDE, re.MULTILINE)
    told = {rule: consent.strip("`") for consent, rules in rows for rule in re.findall(r"`(\w+)`", rules)}
    assert {rule: told.get(rule) for rule in NEEDS} == {rule: consent for rule, (consent, _) in NEEDS.items()}
    assert not {"help", "fall", "falls_often"} & set(NEEDS)


def block(name: str) -> str:
    found = re.search(rf"<!-- listing: {name} -->\n```\w*\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]
