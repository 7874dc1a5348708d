"""Taken off: a device that should be worn is not, device by device.

A fall detector in a drawer sees no fall, and a tracker without its wearer says where the drawer is.
"""

from typing import ClassVar, Literal

from pydantic import Field

from devices.model import Reading, Status
from rules.device_flag import FlagRule, FlagState
from rules.errors import BadRuleError
from rules.model import Context, Priority, Reason, Rule, RuleSettings
from rules.schedule import ScheduleSettings, build_schedule


class RemovedSettings(RuleSettings):
    """When a device that was taken off is told."""

    name: ClassVar[str] = "removed"
    rule: Literal["removed"] = "removed"
    device: str | None = Field(None, description="Id of the device; by default all of the resident's.")
    after_s: float = Field(
        600.0,
        ge=0,
        le=86_400,
        description="How long it may be off. Ten minutes leave time to wash, to dress and to put it on again.",
    )
    schedule: ScheduleSettings | None = Field(
        None,
        description="When it should be worn; always by default. Off since before, it is told when that time begins.",
    )
    priority: Priority = Field(
        Priority.MEDIUM, description="Medium by default: while it is off, a call for help or a fall is not heard."
    )


class RemovedState(FlagState, frozen=True, tag="removed"):
    """Whether the device is off, and told."""


def build(settings: RemovedSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device, or for the one that is named.

    Raises:
        BadRuleError: the resident has no such device, or the schedule can't be used.
    """
    schedule = build_schedule(settings.schedule, context)
    devices = [device for device in context.devices if settings.device in {None, device.id}]
    if settings.device is not None and not devices and context.devices:
        raise BadRuleError(f"removed: device is {settings.device!r}; expected one of the resident's devices")
    return tuple(
        FlagRule(
            "removed",
            device.id,
            flag=_off,
            state=RemovedState,
            after_s=settings.after_s,
            priority=settings.priority,
            told=_told,
            waits=lambda device: Reason("{device} was taken off.", {"device": device}),
            cleared=lambda device: Reason("{device} is worn again.", {"device": device}),
            schedule=schedule,
        )
        for device in devices
    )


def _told(device: str, set_s: float) -> Reason:
    return Reason("{device} was taken off {set_s} ago and should be worn.", {"device": device, "set_s": set_s})


def _off(reading: Reading) -> bool | None:
    return reading.removed if isinstance(reading, Status) else None
