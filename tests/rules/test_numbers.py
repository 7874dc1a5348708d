"""Numbers in the settings of every rule are written as numbers."""

from typing import Any

import pytest
from pydantic import ValidationError

from rules.registry import RULES
from rules.zone_exit import ZoneExitSettings

NUMBERS = [
    (rule.settings, name)
    for rule in RULES
    for name, field in rule.settings.model_fields.items()
    if {"float", "int"} & set(str(field.annotation).replace("<class '", "").replace("'>", "").split(" | "))
]


@pytest.mark.parametrize("wrong", [True, "60"])
@pytest.mark.parametrize(("settings", "name"), NUMBERS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_no_text_and_no_switch_is_a_number(settings: Any, name: str, wrong: Any) -> None:
    with pytest.raises(ValidationError, match="expected a number, without quotes"):
        settings.model_validate({settings.model_fields[name].alias or name: wrong})


def test_there_are_numbers_in_most_rules() -> None:
    assert len({settings.name for settings, _ in NUMBERS}) > len(RULES) / 2


def test_a_whole_number_and_stored_settings_are_taken() -> None:
    written = ZoneExitSettings.model_validate({"rule": "zone_exit", "zone": "garden", "decide_within_s": 60})
    assert written == ZoneExitSettings.model_validate_json(written.model_dump_json())
