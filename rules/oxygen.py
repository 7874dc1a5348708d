"""Oxygen too low: at or below one limit for long enough (rules.vitals)."""

from typing import ClassVar, Final, Literal

from pydantic import Field

from rules.baseline import Usual
from rules.model import Context, Reason, Rule
from rules.vital_settings import VitalSettings
from rules.vitals import Vital, VitalRule, VitalState


class OxygenSettings(VitalSettings):
    """When an oxygen saturation is told."""

    name: ClassVar[str] = "oxygen"
    rule: Literal["oxygen"] = "oxygen"
    low_percent: float = Field(
        91.0,
        ge=50,
        le=99,
        description="Told at or below this. 91, the red band of NEWS2 (Royal College of Physicians, 2017, scale 1). "
        "Where a doctor set a lower target, as for chronic lung disease (scale 2), use 83.",
    )


class OxygenState(VitalState, frozen=True, tag="oxygen", omit_defaults=True):
    """See rules.vitals; nothing is counted."""


def _guard(value: float, held_s: float, limit: float, high: bool) -> Reason:
    return Reason(
        "Oxygen {oxygen_percent} for {held_s}; {limit_percent} or less needs a look.",
        {"oxygen_percent": round(value), "held_s": held_s, "limit_percent": limit},
    )


def _back(value: float) -> Reason:
    return Reason("Oxygen back in range, at {oxygen_percent}.", {"oxygen_percent": round(value)})


def _own(value: float, held_s: float, own: Usual) -> Reason:
    raise AssertionError("oxygen has no range of the person's own")  # pragma: no cover


OXYGEN: Final = Vital(
    field="spo2_percent",
    least=30,  # below it a sensor has lost the finger
    most=100,
    step=1.0,
    least_spread=1.0,
    own=_own,
    guard=_guard,
    back=_back,
)


def build(settings: OxygenSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's oxygen."""
    return (VitalRule(settings, OXYGEN, OxygenState, (settings.low_percent, float("inf")), context.timezone),)
