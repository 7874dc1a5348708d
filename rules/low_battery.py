"""Low battery, device by device: low is told once, critical once more, full enough again clears.

Only a change of the level is stored, not every percent.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from devices.model import Status
from rules.model import (
    Cleared,
    Context,
    Event,
    Heard,
    Priority,
    Quiet,
    Raised,
    Reason,
    Rule,
    RuleSettings,
    State,
    Verdict,
)

_HYSTERESIS_PERCENT: Final = 5.0
"""A battery is full enough again this much above its limit: the reading of a resting cell recovers by a few percent
after a load, and must not make the alert come and go."""

_TIME = Quiet(Reason("A battery level doesn't change with time alone."))
_OTHER = Quiet(Reason("Says nothing of the battery."))
_SAME = Quiet(Reason("The battery's level is as it was."))
_OLDER = Quiet(Reason("A newer battery level was judged already."))
_CHARGING = Quiet(Reason("The battery is low, but it is being charged."))


class LowBatterySettings(RuleSettings):
    """When a battery is told as low."""

    name: ClassVar[str] = "low_battery"
    rule: Literal["low_battery"] = "low_battery"
    low_percent: float = Field(
        20.0,
        ge=1,
        le=95,
        description="Told (low) at or below this. Early enough to charge it at the next good moment "
        "instead of at once.",
    )
    critical_percent: float = Field(
        10.0,
        ge=0,
        le=95,
        description="Told again (medium) at or below this: charge it now, before it falls silent.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical_percent >= self.low_percent:
            raise ValueError("critical_percent must be below low_percent")
        return self


class Level(StrEnum):
    """How full, as far as anybody must know."""

    FINE = "fine"
    LOW = "low"
    CRITICAL = "critical"


class LowBatteryState(State, frozen=True, tag="low_battery", omit_defaults=True):
    """The level told last, and when it was measured."""

    level: Level = Level.FINE
    at: datetime | None = None


class LowBatteryRule:
    """See the module."""

    __slots__ = ("_critical", "_device", "_low", "devices", "key")
    name = "low_battery"
    kinds = frozenset({"status"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: LowBatterySettings, device: str) -> None:
        self.key = f"low_battery:{device}"
        self.devices = frozenset({device})
        self._device = device
        self._low = settings.low_percent
        self._critical = settings.critical_percent

    def start(self, at: datetime) -> LowBatteryState:
        """Fine until the device says otherwise."""
        return LowBatteryState()

    def wake_at(self, state: State) -> datetime | None:
        """Never: only the device knows its battery."""
        return None

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:  # noqa: PLR0911 - one for each outcome
        """Raised when the level falls, Cleared when it is fine again."""
        assert isinstance(state, LowBatteryState)
        if not isinstance(event, Heard):
            return state, _TIME
        status = event.reading
        if not isinstance(status, Status) or (status.battery_percent is None and status.low_battery is None):
            return state, _OTHER
        if state.at is not None and event.at < state.at:
            return state, _OLDER
        level = self._level(state.level, status)
        if level is state.level:
            return state, _SAME
        after = LowBatteryState(level, event.at)
        if level is Level.FINE:
            return after, Cleared(
                Reason("The battery of {device} is full enough again.", self._values(status)), self._device
            )
        if level is Level.LOW and state.level is Level.CRITICAL:
            return after, Quiet(Reason("The battery of {device} is low, no longer critical.", self._values(status)))
        if status.charging:
            return state, _CHARGING
        return after, Raised(
            self._reason(level, status),
            Priority.LOW if level is Level.LOW else Priority.MEDIUM,
            subject=self._device,
            evidence=(event.evidence(),),
        )

    def _level(self, before: Level, status: Status) -> Level:
        """The level after a status; a percentage says more than the flag, and the flag makes it low at least."""
        percent = status.battery_percent
        flagged = status.low_battery is True
        if percent is None:
            return max(Level.LOW, before, key=_SEVERITY.index) if flagged else Level.FINE
        if percent <= self._critical or (before is Level.CRITICAL and percent < self._critical + _HYSTERESIS_PERCENT):
            return Level.CRITICAL
        if percent <= self._low or (before is not Level.FINE and percent < self._low + _HYSTERESIS_PERCENT) or flagged:
            return Level.LOW
        return Level.FINE

    def _reason(self, level: Level, status: Status) -> Reason:
        if status.battery_percent is None:
            return Reason("{device} says that its battery is low.", {"device": self._device})
        if level is Level.LOW:
            return Reason("The battery of {device} is low: {battery_percent}.", self._values(status))
        return Reason("The battery of {device} is nearly empty: {battery_percent}.", self._values(status))

    def _values(self, status: Status) -> dict[str, float | int | str]:
        if status.battery_percent is None:
            return {"device": self._device}
        return {"device": self._device, "battery_percent": status.battery_percent}


_SEVERITY: Final = (Level.FINE, Level.LOW, Level.CRITICAL)


def build(settings: LowBatterySettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device of the resident."""
    return tuple(LowBatteryRule(settings, device.id) for device in context.devices)
