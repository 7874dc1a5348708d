"""Every rule there is, in one visible list.

A new rule is one file, one line here, and one test table; see docs/rules.md.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, Union

import msgspec
from pydantic import Field

from rules import (
    answer,
    bed_exit,
    bed_sensor_silent,
    breathing,
    charge_by,
    clock_wrong,
    continence,
    continence_off,
    custom,
    custom_settings,
    day_light,
    door_at_night,
    fall,
    falls_often,
    heart_rate,
    help,  # noqa: A004 - the rule's own word
    low_battery,
    night_wandering,
    no_movement,
    not_back,
    not_changed,
    not_in_bed_by,
    not_up_by,
    oxygen,
    path_light,
    removed,
    restless_night,
    silent,
    switched_off,
    tamper,
    unusual_inactivity,
    zone_entry,
    zone_exit,
    zone_expected,
    zone_return,
    zone_sight,
    zone_state,
)
from rules.errors import BadRuleError
from rules.inhibition import InhibitionState
from rules.model import Context, Rule, RuleSettings, State


class RuleType(msgspec.Struct, frozen=True):
    """A kind of rule: its word, its settings, how rules are built from them, its state, and its name for people.

    ``build`` gives one rule, or one for each device, and raises BadRuleError for settings that name what is not
    there. ``title`` is a gettext msgid.
    """

    name: str
    settings: type[RuleSettings]
    build: Callable[[Any, Context], tuple[Rule, ...]]
    state: type[State]
    title: str


RULES: Final[tuple[RuleType, ...]] = (
    RuleType("help", help.HelpSettings, help.build, help.HelpState, "Help call"),
    RuleType("fall", fall.FallSettings, fall.build, fall.FallState, "Fall"),
    RuleType("zone_exit", zone_exit.ZoneExitSettings, zone_exit.build, zone_state.ZoneExitState, "Left the safe zone"),
    RuleType("bed_exit", bed_exit.BedExitSettings, bed_exit.build, bed_exit.BedExitState, "Out of bed at night"),
    RuleType("continence", continence.ContinenceSettings, continence.build, continence.ContinenceState, "Change due"),
    RuleType("silent", silent.SilentSettings, silent.build, silent.SilentState, "Silent device"),
    RuleType(
        "low_battery", low_battery.LowBatterySettings, low_battery.build, low_battery.LowBatteryState, "Low battery"
    ),
    RuleType(
        "switched_off",
        switched_off.SwitchedOffSettings,
        switched_off.build,
        switched_off.SwitchedOffState,
        "Switched off",
    ),
    RuleType("removed", removed.RemovedSettings, removed.build, removed.RemovedState, "Not worn"),
    RuleType("tamper", tamper.TamperSettings, tamper.build, tamper.TamperState, "Device opened"),
    RuleType(
        "clock_wrong", clock_wrong.ClockWrongSettings, clock_wrong.build, clock_wrong.ClockWrongState, "Wrong clock"
    ),
    RuleType("charge_by", charge_by.ChargeBySettings, charge_by.build, charge_by.ChargeByState, "Not on the charger"),
    RuleType("not_back", not_back.NotBackSettings, not_back.build, not_back.NotBackState, "Not back in bed"),
    RuleType(
        "not_in_bed_by",
        not_in_bed_by.NotInBedBySettings,
        not_in_bed_by.build,
        not_in_bed_by.NotInBedByState,
        "Not in bed",
    ),
    RuleType("not_up_by", not_up_by.NotUpBySettings, not_up_by.build, not_up_by.NotUpByState, "Not up"),
    RuleType(
        "restless_night",
        restless_night.RestlessNightSettings,
        restless_night.build,
        restless_night.RestlessNightState,
        "Restless night",
    ),
    RuleType("heart_rate", heart_rate.HeartRateSettings, heart_rate.build, heart_rate.HeartRateState, "Heart rate"),
    RuleType("breathing", breathing.BreathingSettings, breathing.build, breathing.BreathingState, "Breathing"),
    RuleType("oxygen", oxygen.OxygenSettings, oxygen.build, oxygen.OxygenState, "Oxygen"),
    RuleType(
        "bed_sensor_silent",
        bed_sensor_silent.BedSensorSilentSettings,
        bed_sensor_silent.build,
        bed_sensor_silent.BedSensorSilentState,
        "Bed sensor silent",
    ),
    RuleType(
        "continence_off",
        continence_off.ContinenceOffSettings,
        continence_off.build,
        continence_off.ContinenceOffState,
        "Continence sensor off",
    ),
    RuleType(
        "not_changed", not_changed.NotChangedSettings, not_changed.build, not_changed.NotChangedState, "Not changed"
    ),
    RuleType(
        "falls_often", falls_often.FallsOftenSettings, falls_often.build, falls_often.FallsOftenState, "Falls often"
    ),
    RuleType(
        "no_movement", no_movement.NoMovementSettings, no_movement.build, no_movement.NoMovementState, "No movement"
    ),
    RuleType(
        "unusual_inactivity",
        unusual_inactivity.UnusualInactivitySettings,
        unusual_inactivity.build,
        unusual_inactivity.UnusualInactivityState,
        "Unusually quiet",
    ),
    RuleType(
        "zone_entry", zone_entry.ZoneEntrySettings, zone_entry.build, zone_entry.ZoneEntryState, "In a forbidden zone"
    ),
    RuleType(
        "return_by", zone_return.ReturnBySettings, zone_return.build, zone_return.ReturnByState, "Not back in time"
    ),
    RuleType(
        "not_where_expected",
        zone_expected.ExpectedSettings,
        zone_expected.build,
        zone_expected.ExpectedState,
        "Not where expected",
    ),
    RuleType(
        "out_of_sight",
        zone_sight.OutOfSightSettings,
        zone_sight.build,
        zone_sight.OutOfSightState,
        "Out of sight outside",
    ),
    RuleType(
        "night_wandering",
        night_wandering.NightWanderingSettings,
        night_wandering.build,
        night_wandering.NightWanderingState,
        "Wandering at night",
    ),
    RuleType(
        "door_at_night",
        door_at_night.DoorAtNightSettings,
        door_at_night.build,
        door_at_night.DoorAtNightState,
        "Door opened at night",
    ),
    RuleType("path_light", path_light.PathLightSettings, path_light.build, path_light.PathLightState, "Path light"),
    RuleType("day_light", day_light.DayLightSettings, day_light.build, day_light.DayLightState, "Day light"),
    RuleType("answer", answer.AnswerSettings, answer.build, answer.AnswerState, "Answer by a device"),
    RuleType("custom", custom_settings.CustomSettings, custom.build, custom.CustomState, "Own rule"),
)


def checked(rules: tuple[RuleType, ...]) -> dict[str, RuleType]:
    """The rules by name.

    Raises:
        BadRuleError: two rules share a name or a state, or a rule's parts disagree on its name.
    """
    by_name: dict[str, RuleType] = {}
    for rule in rules:
        words = (rule.settings.name, rule.settings.model_fields["rule"].default, rule.state.__struct_config__.tag)
        if set(words) != {rule.name}:
            raise BadRuleError(f"rule {rule.name}: its settings and its state call it {words}")
        if rule.name in by_name:
            raise BadRuleError(f"rule {rule.name}: two rules of that name")
        by_name[rule.name] = rule
    return by_name


_BY_NAME: Final = checked(RULES)

if TYPE_CHECKING:
    AnySettings: TypeAlias = RuleSettings
    AnyState: TypeAlias = State
else:
    AnySettings = Annotated[Union[tuple(rule.settings for rule in RULES)], Field(discriminator="rule")]  # noqa: UP007
    """Settings of any rule, for pydantic: told apart by their key ``rule``."""
    AnyState = Union[(*(rule.state for rule in RULES), InhibitionState)]
    """State of any rule, for msgspec: told apart by the tag ``of``."""

_ENCODER: Final = msgspec.json.Encoder()
_STATES: Final = msgspec.json.Decoder(dict[str, AnyState])
_STATE: Final = msgspec.json.Decoder(AnyState)
_RAW: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def find(name: str) -> RuleType:
    """The rule of that name.

    Raises:
        BadRuleError: there is none.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise BadRuleError(f"rule is {name!r}; the rules are: {', '.join(_BY_NAME)}") from None


def encode_states(states: dict[str, State]) -> bytes:
    """A resident's states as JSON, by rule key."""
    return _ENCODER.encode(states)


def decode_states(data: bytes) -> dict[str, State]:
    """A resident's states from JSON.

    A state that can't be read, because its rule is gone or has changed its shape, is left out: the engine begins that
    rule anew. Raises msgspec.DecodeError when the data is not a JSON object at all.
    """
    try:
        return _STATES.decode(data)
    except msgspec.ValidationError:
        states = {}
        for key, raw in _RAW.decode(data).items():
            try:
                states[key] = _STATE.decode(raw)
            except msgspec.ValidationError:
                continue
        return states
