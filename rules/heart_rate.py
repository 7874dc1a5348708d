"""Heart rate out of range: beyond limits for everybody, or far from the person's own last nights (rules.vitals)."""

from typing import ClassVar, Final, Literal

from pydantic import Field

from rules.baseline import Usual
from rules.errors import BadRuleError
from rules.model import Context, Reason, Rule
from rules.vital_settings import OwnSettings
from rules.vitals import Vital, VitalRule, VitalState, around


class HeartRateSettings(OwnSettings):
    """When a heart rate is told."""

    name: ClassVar[str] = "heart_rate"
    rule: Literal["heart_rate"] = "heart_rate"
    low: float = Field(
        40.0,
        ge=20,
        le=100,
        description="Told at or below this in any case. 40, the red band of NEWS2 (Royal College of Physicians, 2017).",
    )
    high: float = Field(
        131.0,
        ge=60,
        le=250,
        description="Told at or above this in any case. 131, the red band of NEWS2.",
    )


class HeartRateState(VitalState, frozen=True, tag="heart_rate", omit_defaults=True):
    """See rules.vitals; counted in beats a minute."""


def _own(value: float, held_s: float, own: Usual) -> Reason:
    values = {"rate": round(value), "held_s": held_s} | around(own)
    return Reason("Heart rate {rate} a minute for {held_s}; the usual at night is {low} to {high}.", values)


def _guard(value: float, held_s: float, limit: float, high: bool) -> Reason:
    values: dict[str, float | int | str] = {"rate": round(value), "held_s": held_s, "limit": limit}
    if high:
        return Reason("Heart rate {rate} a minute for {held_s}; {limit} or more needs a look.", values)
    return Reason("Heart rate {rate} a minute for {held_s}; {limit} or less needs a look.", values)


def _back(value: float) -> Reason:
    return Reason("Heart rate back in range, at {rate} a minute.", {"rate": round(value)})


HEART: Final = Vital(
    field="heart_rate_bpm",
    least=20,  # a sensor's "none" is 0; nobody lives with less for minutes
    most=300,
    step=1.0,
    least_spread=4.0,  # 3.5 of them are 14 beats: less is a dream or a fuller stomach
    own=_own,
    guard=_guard,
    back=_back,
)


def build(settings: HeartRateSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's heart rate.

    Raises:
        BadRuleError: the limits overlap.
    """
    if settings.low >= settings.high:
        raise BadRuleError(f"heart_rate: low is {settings.low:g}, and must be below high ({settings.high:g})")
    return (VitalRule(settings, HEART, HeartRateState, (settings.low, settings.high), context.timezone),)
