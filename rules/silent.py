"""Silent device: nothing was heard of it for longer than it may be quiet, or the broker says that it is gone.

Any reading of the device counts, and it counts when it was *received*: a device with a wrong clock is not silent.
``online=False`` is not the device's own word but the broker's or the bridge's (a last will), and often a short loss of
radio: it is told after ``offline_after_s`` unless the device is heard again.

To save writes, the time of the last reading is stored only when it moved by at least 5 % of the limit, and the
deadline lies that much later; so a device is told after 100 to 105 % of its limit.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal

import msgspec
from pydantic import Field

from devices.model import KINDS, Status
from devices.zigbee2mqtt_words import is_mains
from rules.model import (
    Cleared,
    Context,
    DeviceInfo,
    Event,
    Evidence,
    Heard,
    Pending,
    Priority,
    Quiet,
    Raised,
    Reason,
    Rule,
    RuleSettings,
    State,
    Verdict,
)
from rules.timing import epoch_ms, seconds

_SLACK: Final = 0.05
"""The part of the limit by which the stored time may lag: 20 writes per limit at most, and 3 minutes of an hour."""

_HOUR: Final = 3600.0
_DAY_AND_MORE: Final = 26 * _HOUR
"""Devices with a daily sign of life, with two hours for a late one."""

LIMITS_S: Final[dict[str, float]] = {
    "tracker": _HOUR,  # long for a tracker on the move; set more where it sleeps at rest
    "fall_detector": _DAY_AND_MORE,  # a daily sign of life
    "bed_sensor": _DAY_AND_MORE,  # used at least once a day
    "continence_sensor": 12 * _HOUR,  # off between products, but worn again within half a day
    "sos_button": _DAY_AND_MORE,  # sleeps until pressed, with a daily sign of life
    "other": _DAY_AND_MORE,
}
"""Our choice of a silence limit by device type, where neither the device nor the care plan sets one. These are wide,
so that they raise little that is false, and find a dead device late: set the maker's own interval on the device
(``silent_after_s``)."""

_FORMAT_LIMITS_S: Final[dict[str, float]] = {
    "zigbee2mqtt": 25 * _HOUR,  # a battery device checks in within 25 h (Zigbee2MQTT guide, Device-Availability)
}

_MAINS_ZIGBEE_S: Final = 2 * _HOUR
"""A Zigbee sensor on the mains reports at least every hour; two hours allow for one lost report. Where Zigbee2MQTT's
availability is on, it finds such a device gone after 10 minutes, and that is told ``offline_after_s`` later."""

_HEARD = Quiet(Reason("The device was heard."))
_NOTHING = Quiet(Reason("The device may still be quiet."))
_STILL = Quiet(Reason("The device is still silent; told already."))


class SilentSettings(RuleSettings):
    """When a device that is not heard is told."""

    name: ClassVar[str] = "silent"
    rule: Literal["silent"] = "silent"
    after_s: float | None = Field(
        None,
        ge=10,
        le=31 * 86_400,
        description="Silence limit of the resident's devices. A device's own `silent_after_s` wins; without either it "
        "goes by the device's type (see below).",
    )
    offline_after_s: float = Field(
        90.0,
        ge=0,
        le=86_400,
        description="How long a device may be reported offline before it is told. 90 s outlast a lost radio link "
        "that comes back by itself, and find a dead hub within a minute and a half.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: a silent device protects nobody, so somebody should look soon.",
    )


class Stand(StrEnum):
    """How the device stands."""

    HEARD = "heard"
    OFFLINE = "offline"  # reported offline, not told yet
    SILENT = "silent"  # told


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


class SilentRule:
    """See the module."""

    __slots__ = ("_deadline", "_device", "_limit", "_offline_after", "_priority", "_slack", "devices", "key")
    name = "silent"
    kinds = frozenset(KINDS)
    zones: tuple[str, ...] = ()

    def __init__(self, settings: SilentSettings, device: DeviceInfo) -> None:
        self.key = f"silent:{device.id}"
        self.devices = frozenset({device.id})
        self._device = device.id
        limit_s = silence_limit_s(settings, device)
        self._limit = timedelta(seconds=limit_s)
        self._slack = timedelta(seconds=limit_s * _SLACK)
        self._deadline = self._limit + self._slack
        self._offline_after = timedelta(seconds=settings.offline_after_s)
        self._priority = settings.priority

    def start(self, at: datetime) -> SilentState:
        """Never heard: its silence counts from now."""
        return SilentState(at, never=True)

    def wake_at(self, state: State) -> datetime | None:
        """When its silence is too long, or its being offline."""
        assert isinstance(state, SilentState)
        if state.stand is Stand.SILENT:
            return None
        deadline = state.heard_at + self._deadline
        if state.offline_at is not None:
            deadline = min(deadline, state.offline_at + self._offline_after)
        return deadline + timedelta(seconds=state.deaf_s) if state.deaf_s else deadline

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: that time is added to the deadline."""
        assert isinstance(state, SilentState)
        deaf_s = (at - max(stopped, state.heard_at)).total_seconds()
        if state.stand is Stand.SILENT or deaf_s <= 0:
            return state
        return msgspec.structs.replace(state, deaf_s=state.deaf_s + deaf_s)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Heard, reported offline, or silent for too long."""
        assert isinstance(state, SilentState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if isinstance(event.reading, Status) and event.reading.online is False:
            return self._offline(state, event)
        now = event.received_at
        if state.stand is Stand.SILENT:
            silent = seconds(now - state.heard_at)
            why = Reason("{device} is heard again after {silent_s}.", {"device": self._device, "silent_s": silent})
            return SilentState(now), Cleared(why, self._device)
        if state.stand is Stand.HEARD and not state.never and now - state.heard_at < self._slack:
            return state, _HEARD
        return SilentState(now), _HEARD

    def _offline(self, state: SilentState, event: Heard) -> tuple[State, Verdict]:
        if state.stand is not Stand.HEARD:
            return state, _STILL if state.stand is Stand.SILENT else self._waiting(state)
        after = SilentState(state.heard_at, Stand.OFFLINE, state.never, event.received_at, (event.evidence(),))
        if self._offline_after <= timedelta(0):
            return self._tick(after, event.received_at)
        return after, self._waiting(after)

    def _waiting(self, state: SilentState) -> Verdict:
        until = self.wake_at(state)
        assert until is not None
        return Pending(until, Reason("{device} is reported offline.", {"device": self._device}))

    def _tick(self, state: SilentState, at: datetime) -> tuple[State, Verdict]:
        until = self.wake_at(state)
        if until is None or at < until:
            return state, _NOTHING
        after = SilentState(state.heard_at, Stand.SILENT, state.never, state.offline_at)
        deaf = Reason("The gateway itself heard nothing for {deaf_s} of that.", {"deaf_s": round(state.deaf_s, 1)})
        marks = (deaf,) if state.deaf_s else ()
        return after, Raised(self._reason(state, at), self._priority, self._device, state.evidence, marks)

    def _reason(self, state: SilentState, at: datetime) -> Reason:
        values: dict[str, float | int | str] = {
            "device": self._device,
            "silent_s": seconds(at - state.heard_at),
            "limit_s": seconds(self._limit),
            "heard_at": epoch_ms(state.heard_at),
        }
        if state.offline_at is not None:
            offline = seconds(at - state.offline_at)
            return Reason("{device} has been offline for {offline_s}.", {"device": self._device, "offline_s": offline})
        if state.never:
            return Reason("{device} was never heard in {silent_s}; it should be every {limit_s}.", values)
        return Reason("{device} was not heard for {silent_s}; it should be every {limit_s}.", values)


def silence_limit_s(settings: SilentSettings, device: DeviceInfo) -> float:
    """Seconds that a device may be quiet: its own limit, else the care plan's, else its model's, type's or format's."""
    if device.silent_after_s is not None:
        return device.silent_after_s
    if settings.after_s is not None:
        return settings.after_s
    if device.format == "zigbee2mqtt" and is_mains(device.model):
        return _MAINS_ZIGBEE_S
    limit = LIMITS_S.get(device.type or "other", _DAY_AND_MORE)
    return max(limit, _FORMAT_LIMITS_S.get(device.format, 0.0))


def build(settings: SilentSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device of the resident."""
    return tuple(SilentRule(settings, device) for device in context.devices)
