"""What the rule for silent devices is set to, and what it keeps between two readings."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, Literal

import msgspec
from pydantic import Field

from devices.model import Status
from rules.model import Evidence, Priority, RuleSettings, State
from rules.usual import Usual

GIVES: Final = frozenset({"help", "fall", "bed", "sleep", "continence"})
"""Kinds of readings that say what a device is good for; noted once each. Positions are noted with their time."""

LOW_PERCENT: Final = 20.0
"""Silent after this: probably flat."""

_STEP_PERCENT: Final = 5.0
"""A low battery is noted again when it fell by that much."""


class SilentSettings(RuleSettings):
    """When a device that is not heard is told."""

    name: ClassVar[str] = "silent"
    rule: Literal["silent"] = "silent"
    after_s: float | None = Field(
        None,
        ge=10,
        le=31 * 86_400,
        description="Silence limit of the resident's devices. A device's own `silent_after_s` wins; without either it "
        "goes by the device's model or type (see below).",
    )
    learn: bool = Field(
        True,
        description="Whether a device that has a regular habit is told sooner than the limit of its model or type. "
        "A limit that somebody gave is kept as it is.",
    )
    not_before_s: float = Field(
        900.0,
        ge=60,
        le=86_400,
        description="What is learned never makes the limit shorter than this. A quarter of an hour outlasts a lift, a "
        "cellar and a restart of the network.",
    )
    offline_after_s: float = Field(
        90.0,
        ge=0,
        le=86_400,
        description="How long a device may be reported offline before it is told. 90 s outlast a lost radio link "
        "that comes back by itself, and find a dead hub within a minute and a half.",
    )
    unsteady_after: int = Field(
        3,
        ge=2,
        le=100,
        description="Told so often within `unsteady_within_s`, a device has an unsteady link: that stays one alert "
        "until the link is steady. Once is a fault, twice may be chance.",
    )
    unsteady_within_s: float = Field(
        21_600.0,
        ge=60,
        le=7 * 86_400,
        description="The longest time between two silences that count together, on top of the device's limit. Six "
        "hours see a bad link within one shift.",
    )
    steady_after_s: float = Field(
        3600.0,
        ge=60,
        le=86_400,
        description="Heard without a break for this long (and for its limit), a link is steady again. An hour is "
        "several times as long as most losses of radio last.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: a silent device protects nobody, so somebody should look soon.",
    )


class Stand(StrEnum):
    """How the device stands."""

    HEARD = "heard"
    OFFLINE = "offline"  # reported offline, not told yet
    CHECKING = "checking"  # silent for too long: is its hub there?
    BEHIND = "behind"  # its hub is gone, which the hub's own rule tells
    SILENT = "silent"  # told


class Path(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hub: when it was last heard itself (a little too early), whether it is reported offline, and how often its
    return gave the device its full limit again since that was last heard."""

    at: datetime
    gone: bool = False
    excuses: int = 0


class Drops(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often in a row it was told, when last, and since when it is heard without a break while told as unsteady."""

    times: int
    at: datetime
    steady_from: datetime | None = None


class SilentState(State, frozen=True, tag="silent", omit_defaults=True):
    """``heard_at`` is when it was last received, up to 5 % of the limit too early; ``never`` that it never was and
    ``heard_at`` is when the rule began; ``offline_at`` when it was reported offline, and ``evidence`` that report."""

    heard_at: datetime
    stand: Stand = Stand.HEARD
    never: bool = False
    offline_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    deaf_s: float = 0.0
    """Seconds since ``heard_at`` in which the gateway itself heard nothing; they don't count as silence."""
    from_at: datetime | None = None
    """Its silence counts from then: its hub came back."""
    checking_at: datetime | None = None
    hub: Path | None = None
    """None where there is none, or it was never heard itself."""
    usual: Usual | None = None
    drops: Drops | None = None
    elsewhere: bool = False
    """Another rule tells that it is switched off."""
    low: bool = False
    battery_percent: float | None = None
    """The battery when it was low; None where the device gives no percentage."""
    gives: tuple[str, ...] = ()
    """Kinds of GIVES that it ever sent."""
    placed_at: datetime | None = None
    """When its last position was received, up to 5 % of the limit too early."""


def drained(state: SilentState, status: Status) -> tuple[bool, float | None] | None:
    """Whether the battery is low now, and how full; None when there is nothing new to note."""
    percent = status.battery_percent
    if percent is None and status.low_battery is None:
        return None
    low = not status.charging and (status.low_battery is True or (percent is not None and percent <= LOW_PERCENT))
    known = state.battery_percent
    if low is state.low and (not low or percent is None or (known is not None and percent > known - _STEP_PERCENT)):
        return None
    return low, percent if low else None
