"""What is allowed, and most likely a mistake: said as warnings."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.centre.hints import hints
from gateway.centre.load import centre_from_document
from tests.gateway.console.house import DOCUMENT

HOUSE: dict[str, Any] = {**DOCUMENT, "carers": [*DOCUMENT["carers"], {"id": "ada", "name": "Ada", "role": "admin"}]}
AT = datetime(2026, 6, 1, tzinfo=UTC)
START = "2026-01-01T00:00:00Z"
BUTTON = {"id": "sos", "type": "sos_button", "format": "native"}
TRACKER = {"id": "gps", "type": "tracker", "format": "native"}
HUB = {"id": "hub", "type": "hub", "format": "native", "mains": True}
RULES = [{"rule": "help"}, {"rule": "silent"}]

GARDEN: dict[str, Any] = {
    "id": "garden", "name": "Garden", "geometry": {"type": "Point", "coordinates": [14.4, 35.9]}, "radius_m": 100,
}  # fmt: skip


def said(devices: list[dict[str, Any]], house: list[dict[str, Any]] | None = None, **plan: Any) -> list[str]:
    """What is said of a house with one resident, who has all of the devices that are not the house's."""
    document = deepcopy(HOUSE)
    document["residents"] = document["residents"][:1]
    document["care_plans"] = [{"resident": "r01", "policy": "standard", "rules": RULES, **plan}]
    document["devices"] = devices
    document["zones"] = [GARDEN]
    own = [device["id"] for device in devices if device["type"] != "hub"]
    document["assignments"] = [{"device": name, "resident": "r01", "from": START} for name in own]
    if house is not None:
        document["house_plans"] = [{"policy": "standard", "rules": house}]
    return [f"{hint.key} {hint.value}: {hint.expected}" for hint in hints(centre_from_document(document), AT)]


def test_a_house_without_administrator() -> None:
    [hint] = [one for one in hints(centre_from_document(deepcopy(DOCUMENT)), AT) if one.key == "carers"]
    assert hint.expected.startswith('expected somebody with role = "admin": accounts,')


def test_nothing_to_say() -> None:
    assert said([BUTTON]) == []
    assert said([{**BUTTON, "hub": "hub"}, HUB], [{"rule": "silent"}]) == []


@pytest.mark.parametrize("house", [None, [], [{"rule": "low_battery"}]])
def test_a_hub_of_which_nobody_would_be_told(house: list[dict[str, Any]] | None) -> None:
    (hint,) = said([{**BUTTON, "hub": "hub"}, HUB], house)
    assert hint.startswith('devices[1] hub: expected rule = "silent" in [[house_plans]]')
    assert "1 devices behind it" in hint
    (alone,) = said([BUTTON, HUB], house)
    assert "behind it" not in alone


def test_carers_whom_a_calendar_can_not_tell_apart() -> None:
    document = deepcopy(HOUSE)
    document["carers"].append({**document["carers"][0], "id": "twin", "name": document["carers"][0]["name"].upper()})
    shift: dict[str, Any] = {"id": "extra", "url": "https://calendar.example.org/rota.ics"}

    def of_carers() -> list[str]:
        found = hints(centre_from_document(deepcopy(document)), AT)
        return [f"{hint.key} {hint.expected}" for hint in found if hint.key.startswith("carers")]

    assert of_carers() == []  # without a calendar nobody is taken for another
    document["shifts"] = [*document.get("shifts", []), shift]
    (hint,) = of_carers()
    assert hint.startswith(f"carers[{len(document['carers']) - 1}].name expected a name of its own; ")
    assert f"{document['carers'][0]['id']} has it too" in hint


def test_a_plan_that_its_devices_cannot_keep() -> None:
    assert said([]) == ["care_plans[0] r01: unprotected: No device can call for help."]
    plan: dict[str, Any] = {"rules": [*RULES, {"rule": "fall"}]}
    assert said([BUTTON], **plan) == ["care_plans[0] r01: unprotected: No device can see a fall."]


def test_a_tracker_whose_silence_nobody_would_hear_of() -> None:
    zones: dict[str, Any] = {
        "consents": {"location": "alarm"},
        "rules": [{"rule": "help"}, {"rule": "zone_exit", "zone": "garden"}],
    }
    assert said([TRACKER], **zones) == ["care_plans[0] r01: degraded: Nobody would be told if gps fell silent."]


def test_a_second_tracker_that_is_not_always_worn() -> None:
    exits: dict[str, Any] = {"rule": "zone_exit", "zone": "garden"}
    plan: dict[str, Any] = {"consents": {"location": "alarm"}, "rules": [*RULES, exits]}
    watch = {**TRACKER, "id": "watch"}
    assert said([TRACKER], **plan) == []
    (hint,) = said([TRACKER, watch], **plan)
    assert hint.startswith(
        "care_plans[0].rules[2].device r01: expected one of gps, watch, unless any of them may be worn"
    )
    plan["rules"] = [*RULES, {**exits, "device": "watch"}]
    assert said([TRACKER, watch], **plan) == []


ANSWER = {"rule": "answer", "to": "zone_exit", "command": "locate", "when": "pending"}
EXIT = {"rule": "zone_exit", "zone": "garden"}


def test_an_answer_that_is_always_refused() -> None:
    plan: dict[str, Any] = {"consents": {"location": "alarm"}, "rules": [*RULES, EXIT, ANSWER]}
    (hint,) = said([TRACKER], **plan)
    assert hint.startswith('care_plans[0].rules[3].when pending: expected "raised"')
    assert said([TRACKER], **plan | {"consents": {"location": "always"}}) == []
    assert said([TRACKER], **plan | {"rules": [*RULES, EXIT, ANSWER | {"when": "raised"}]}) == []


def test_an_answer_to_a_rule_that_is_not_there() -> None:
    (hint,) = said([TRACKER], rules=[*RULES, ANSWER])
    assert hint.startswith("care_plans[0].rules[2].to zone_exit: expected a rule of this care plan")


def test_falls_are_counted_and_not_told() -> None:
    (hint,) = said([TRACKER], rules=[*RULES, {"rule": "falls_often"}])
    assert hint.startswith('care_plans[0].rules[2].rule falls_often: expected rule = "fall"')
    assert said([TRACKER], rules=[*RULES, {"rule": "falls_often"}, {"rule": "fall"}]) == []


def test_nothing_watches_over_somebody() -> None:
    (hint,) = said([BUTTON], rules=[{"rule": "silent"}])
    assert hint == "care_plans[0] r01: unprotected: Nothing watches over this resident."


def test_a_telephone_that_two_share() -> None:
    document = deepcopy(HOUSE)
    shared = {"channel": "sms", "address": "+35679000001"}
    document["carers"][0]["contacts"] = [shared, {"channel": "voice", "address": "+35679000001"}]
    document["carers"][1]["contacts"] = [shared, {"channel": "smtp", "address": "duty@example.org"}]
    found = [one for one in hints(centre_from_document(document), AT) if one.key.startswith("carers")]
    assert [(one.key, one.value) for one in found] == [("carers[1].contacts[0].address", "+35679000001")]
    assert "has it too" in found[0].expected
