"""Rules on bed, body, continence and movement need the resident's word, and a lock screen does not tell of them."""

from copy import deepcopy

import pytest

from gateway.centre.load import centre_from_document
from gateway.errors import CentreError
from gateway.notify.message import DISCREET
from rules.registry import RULES, find
from tests.gateway.console.house import DOCUMENT

NEEDS = {
    "sleep": (
        "bed_exit", "not_back", "not_in_bed_by", "not_up_by", "restless_night", "heart_rate", "breathing", "oxygen",
        "bed_sensor_silent", "path_light",
    ),
    "continence": ("continence", "continence_off", "not_changed"),
    "activity": ("no_movement", "unusual_inactivity", "night_wandering", "door_at_night"),
}  # fmt: skip
ROWS = [(consent, rule) for consent, rules in NEEDS.items() for rule in rules]
NEEDED = {"door_at_night": {"doors": ["front"], "by": "anybody"}, "path_light": {"lamp": "lamp"}}
"""Settings without which a rule can't be."""


@pytest.mark.parametrize(("consent", "rule"), ROWS)
def test_a_rule_needs_its_consent(consent: str, rule: str) -> None:
    document = deepcopy(DOCUMENT)
    plan = document["care_plans"][0]
    plan["rules"] = [{"rule": rule, **NEEDED.get(rule, {})}]
    document["devices"] = [
        {"id": "front", "type": "door_sensor", "format": "native"},
        {"id": "lamp", "type": "lamp", "format": "native"},
    ]
    with pytest.raises(CentreError, match=f"consents.{consent} = true"):
        centre_from_document(document)
    plan["consents"] = {consent: True}
    assert [one.name for one in centre_from_document(document).care_plans[0].rules] == [rule]


def test_titles_that_tell_of_a_body_are_not_for_a_lock_screen() -> None:
    body = [rule for rule in RULES if rule.name in {*NEEDS["continence"], "heart_rate", "breathing", "oxygen"}]
    assert len(body) == 6
    for rule in [*body, find("restless_night")]:
        assert DISCREET[rule.name] != rule.title
