"""What must hold for every rule; a new one in the registry gets these tests for free."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pydantic import TypeAdapter, ValidationError

from devices.model import READING_TYPES
from rules.errors import BadRuleError
from rules.help import HelpState
from rules.model import Listens, Quiet, Raised, Rule, Tick
from rules.registry import RULES, AnySettings, RuleType, checked, decode_states, encode_states, find
from tests.rules.story import CONTEXT, T0, heard

NEEDED: dict[str, dict[str, Any]] = {
    "custom": {"id": "up", "title": "Up again", "all": [{"kind": "bed", "field": "in_bed", "value": False}]},
    "path_light": {"lamp": "sos"},
    "day_light": {"lamp": "sos", "steps": [{"at": "07:00", "command": "light-on"}]},
    "answer": {"to": "fall"},
    "no_movement": {"event_only": ["tracker"]},
    "door_at_night": {"doors": ["sos"]},
    "zone_exit": {"zone": "garden"},
    "zone_entry": {"zone": "garden"},
    "return_by": {"zone": "garden"},
    "not_where_expected": {"zone": "garden", "schedule": {"weekly": [{"from": "09:00", "to": "15:00"}]}},
    "out_of_sight": {"zones": ["garden"]},
}
READINGS: list[Any] = [
    {"kind": "position", "lon": 14.5, "lat": 35.9},
    {"kind": "help", "phase": "pressed"},
    {"kind": "fall", "phase": "detected"},
    {"kind": "bed", "in_bed": False},
    {"kind": "sleep"},
    {"kind": "vitals"},
    {"kind": "continence"},
    {"kind": "room"},
    {"kind": "motion"},
    {"kind": "status"},
]
every_rule = pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.name)


def built(kind: RuleType) -> tuple[Rule, ...]:
    return kind.build(kind.settings.model_validate({"rule": kind.name} | NEEDED.get(kind.name, {})), CONTEXT)


@every_rule
def test_every_setting_says_what_it_is_and_why(kind: RuleType) -> None:
    schema = kind.settings.model_json_schema(by_alias=True)
    assert schema["additionalProperties"] is False
    for name, field in schema["properties"].items():
        if name == "rule":
            assert field["const"] == kind.name
            continue
        assert len(field.get("description", "")) > 20, name
        assert "default" in field or name in schema.get("required", ()), name


@every_rule
def test_every_number_has_bounds(kind: RuleType) -> None:
    for name, field in kind.settings.model_json_schema()["properties"].items():
        for option in [field, *field.get("anyOf", ())]:
            if option.get("type") in {"number", "integer"}:
                assert {"minimum", "exclusiveMinimum"} & set(option), name
                assert {"maximum", "exclusiveMaximum"} & set(option), name


@every_rule
def test_unknown_settings_are_refused(kind: RuleType) -> None:
    with pytest.raises(ValidationError):
        kind.settings.model_validate({"rule": kind.name, "no_such_setting": 1} | NEEDED.get(kind.name, {}))


@every_rule
def test_rules_are_built_with_keys_of_their_own(kind: RuleType) -> None:
    rules = built(kind)
    assert rules
    assert len({rule.key for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.name == kind.name
        assert rule.key.split(":")[0] == kind.name
        assert rule.kinds <= {reading["kind"] for reading in READINGS}
        assert rule.kinds or isinstance(rule, Listens) or rule.wake_at(rule.start(T0)) is not None


@every_rule
def test_the_start_is_stored_and_read_again(kind: RuleType) -> None:
    for rule in built(kind):
        start = rule.start(T0)
        assert isinstance(start, kind.state)
        assert decode_states(encode_states({rule.key: start})) == {rule.key: start}


@every_rule
@pytest.mark.parametrize("seconds", [0, 1, 59, 3600, 86_400])
def test_a_tick_before_the_deadline_changes_nothing(kind: RuleType, seconds: float) -> None:
    for rule in built(kind):
        start = rule.start(T0)
        due = rule.wake_at(start)
        at = T0 + timedelta(seconds=seconds)
        if due is not None and due <= at:
            continue
        after, verdict = rule.step(start, Tick(at))
        assert after is start
        assert isinstance(verdict, Quiet)


@every_rule
@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading["kind"])
def test_every_kind_is_tolerated_and_a_deadline_is_settled_by_its_tick(kind: RuleType, reading: dict[str, Any]) -> None:
    types = {str(t.__struct_config__.tag): t for t in READING_TYPES}
    told = msgspec.convert(reading | {"device": "gps"}, types[reading["kind"]])
    for rule in built(kind):
        state, verdict = rule.step(rule.start(T0), heard(told, T0, distance=500.0))
        assert verdict.reason.text
        assert reading["kind"] in rule.kinds or isinstance(verdict, Quiet)
        for _ in range(3):
            due = rule.wake_at(state)
            if due is None:
                break
            before = state
            state, verdict = rule.step(before, Tick(due))
            assert isinstance(verdict, Raised) or state is not before, "a deadline decides, or moves on"
            again = rule.wake_at(state)
            assert again is None or again > due


def test_settings_are_told_apart_by_their_rule() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AnySettings)
    for kind in RULES:
        settings = adapter.validate_python({"rule": kind.name} | NEEDED.get(kind.name, {}))
        assert type(settings) is kind.settings
        assert find(kind.name) is kind
    with pytest.raises(ValidationError, match=r"help.*fall"):
        adapter.validate_python({"rule": "helb"})


def test_an_unknown_rule_names_those_there_are() -> None:
    with pytest.raises(BadRuleError, match="'helb'; the rules are: help, fall"):
        find("helb")


def test_ambiguity_is_refused() -> None:
    with pytest.raises(BadRuleError, match="two rules of that name"):
        checked((*RULES, RULES[0]))
    wrong = msgspec.structs.replace(RULES[0], state=RULES[1].state)
    with pytest.raises(BadRuleError, match="rule help: its settings and its state call it"):
        checked((wrong,))


def test_a_state_that_can_not_be_read_is_left_out() -> None:
    data = encode_states({"help": HelpState({"gps": T0})})
    mixed = data[:-1] + b',"gone":{"of":"a rule that is gone"},"fall":{"of":"fall","falls":7}}'
    assert decode_states(mixed) == {"help": HelpState({"gps": T0})}
    with pytest.raises(msgspec.DecodeError):
        decode_states(b"[")
