"""Tamper: somebody opened a device, or pulled it off its place; device by device."""

from typing import ClassVar, Literal

from pydantic import Field

from devices.model import Reading, Status
from rules.device_flag import FlagRule, FlagState
from rules.model import Context, Priority, Reason, Rule, RuleSettings
from rules.watched import watched


class TamperSettings(RuleSettings):
    """When an opened device is told."""

    name: ClassVar[str] = "tamper"
    rule: Literal["tamper"] = "tamper"
    after_s: float = Field(
        0.0,
        ge=0,
        le=86_400,
        description="How long the device must say so. At once by default: a sensor that was opened may be off for good "
        "a moment later. Where a battery is changed often, some minutes spare an alert.",
    )
    priority: Priority = Field(
        Priority.LOW, description="Low by default: somebody should look at the device at the next good moment."
    )


class TamperState(FlagState, frozen=True, tag="tamper"):
    """Whether the device is open, and told."""


def build(settings: TamperSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device."""
    return tuple(
        FlagRule(
            "tamper",
            device.id,
            flag=_tampered,
            state=TamperState,
            after_s=settings.after_s,
            priority=settings.priority,
            told=lambda device, _: Reason("Somebody opened or moved {device}.", {"device": device}),
            waits=lambda device: Reason("{device} says that it was opened.", {"device": device}),
            cleared=lambda device: Reason("{device} is closed and in its place again.", {"device": device}),
        )
        for device in watched(context)
    )


def _tampered(reading: Reading) -> bool | None:
    return reading.tamper if isinstance(reading, Status) else None
