"""Switched off: a device said goodbye (its last word before the power goes, or the broker's last will for it).

Told sooner than the rule ``silent`` would tell it as offline; that rule then keeps still for this device. Where a plan
has only ``silent``, the same is told there, after its ``offline_after_s``.
"""

from typing import ClassVar, Literal

from pydantic import Field

from devices.model import KINDS, Reading, Status
from rules.device_flag import FlagRule, FlagState
from rules.errors import BadRuleError
from rules.model import Context, Priority, Reason, Rule, RuleSettings
from rules.schedule import ScheduleSettings, build_schedule
from rules.watched import watched


class SwitchedOffSettings(RuleSettings):
    """When a device that was switched off is told."""

    name: ClassVar[str] = "switched_off"
    rule: Literal["switched_off"] = "switched_off"
    device: str | None = Field(None, description="Id of the device; by default all of the resident's.")
    after_s: float = Field(
        30.0,
        ge=0,
        le=86_400,
        description="How long it must be off. Half a minute outlasts a restart and a short loss of its connection.",
    )
    schedule: ScheduleSettings | None = Field(
        None, description="When it should be on; always by default. Off since before, it is told when that begins."
    )
    priority: Priority = Field(Priority.MEDIUM, description="Medium by default: a device that is off protects nobody.")


class SwitchedOffState(FlagState, frozen=True, tag="switched_off"):
    """Whether the device is off, and told."""


def build(settings: SwitchedOffSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device, or for the one that is named.

    Raises:
        BadRuleError: the resident has no such device, or the schedule can't be used.
    """
    schedule = build_schedule(settings.schedule, context)
    mine = watched(context)
    devices = [device for device in mine if settings.device in {None, device.id}]
    if settings.device is not None and not devices and mine:
        raise BadRuleError(f"switched_off: device is {settings.device!r}; expected one of the resident's devices")
    return tuple(
        FlagRule(
            "switched_off",
            device.id,
            flag=_off,
            state=SwitchedOffState,
            after_s=settings.after_s,
            priority=settings.priority,
            told=_told,
            waits=lambda device: Reason("{device} says that it is switched off.", {"device": device}),
            cleared=lambda device: Reason("{device} is on again.", {"device": device}),
            schedule=schedule,
            kinds=frozenset(KINDS),
        )
        for device in devices
    )


def _told(device: str, set_s: float) -> Reason:
    return Reason("{device} was switched off {set_s} ago.", {"device": device, "set_s": set_s})


def _off(reading: Reading) -> bool:
    """Whatever a device says but goodbye, it is on."""
    return isinstance(reading, Status) and reading.online is False
