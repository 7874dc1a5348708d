"""Breathing out of range: beyond limits for everybody, or far from the person's own last nights (rules.vitals)."""

from typing import ClassVar, Final, Literal

from pydantic import Field

from rules.baseline import Usual
from rules.errors import BadRuleError
from rules.model import Context, Reason, Rule
from rules.vital_settings import OwnSettings
from rules.vitals import Vital, VitalRule, VitalState, around


class BreathingSettings(OwnSettings):
    """When a breathing rate is told."""

    name: ClassVar[str] = "breathing"
    rule: Literal["breathing"] = "breathing"
    low: float = Field(
        8.0,
        ge=2,
        le=20,
        description="Told at or below this in any case. 8, the red band of NEWS2 (Royal College of Physicians, 2017).",
    )
    high: float = Field(
        25.0,
        ge=10,
        le=60,
        description="Told at or above this in any case. 25, the red band of NEWS2.",
    )


class BreathingState(VitalState, frozen=True, tag="breathing", omit_defaults=True):
    """See rules.vitals; counted in half breaths a minute."""


def _own(value: float, held_s: float, own: Usual) -> Reason:
    values = {"rate": round(value), "held_s": held_s} | around(own)
    return Reason("Breathing {rate} a minute for {held_s}; the usual at night is {low} to {high}.", values)


def _guard(value: float, held_s: float, limit: float, high: bool) -> Reason:
    values: dict[str, float | int | str] = {"rate": round(value), "held_s": held_s, "limit": limit}
    if high:
        return Reason("Breathing {rate} a minute for {held_s}; {limit} or more needs a look.", values)
    return Reason("Breathing {rate} a minute for {held_s}; {limit} or less needs a look.", values)


def _back(value: float) -> Reason:
    return Reason("Breathing back in range, at {rate} a minute.", {"rate": round(value)})


BREATH: Final = Vital(
    field="respiratory_rate_bpm",
    least=2,  # a sensor's "none" is 0
    most=80,
    step=0.5,
    least_spread=1.0,  # 3.5 of them are 3.5 breaths: sensors are good to one
    own=_own,
    guard=_guard,
    back=_back,
)


def build(settings: BreathingSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's breathing.

    Raises:
        BadRuleError: the limits overlap.
    """
    if settings.low >= settings.high:
        raise BadRuleError(f"breathing: low is {settings.low:g}, and must be below high ({settings.high:g})")
    return (VitalRule(settings, BREATH, BreathingState, (settings.low, settings.high), context.timezone),)
