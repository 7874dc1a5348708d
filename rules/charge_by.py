"""Not on the charger: a device that is charged every night is not being charged by its hour.

Asked every day at ``by``: a device that is not charging then, and not full enough to last, is told. One that never
says whether it charges is judged by its battery alone. Cleared when it charges or is full enough.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from devices.model import Status
from rules.errors import BadRuleError
from rules.model import (
    Cleared,
    Context,
    DeviceInfo,
    Event,
    Evidence,
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
from rules.night import Daily, WallClock

_TIME = Quiet(Reason("It is not the hour yet."))
_OTHER = Quiet(Reason("Says nothing of charging."))
_OLDER = Quiet(Reason("A newer word of the device was judged already."))
_NOTED = Quiet(Reason("Whether it charges is noted."))

_STEP: Final = 5.0
"""A battery level is noted when it moved by so many percent."""

_WORN: Final = frozenset({"tracker", "fall_detector"})
"""What is charged every day; other devices have batteries for years, or the mains."""


class ChargeBySettings(RuleSettings):
    """By when a device should be on its charger."""

    name: ClassVar[str] = "charge_by"
    rule: Literal["charge_by"] = "charge_by"
    device: str | None = Field(
        None, description="Id of the device; by default the resident's trackers and fall detectors."
    )
    by: WallClock = Field(
        time(22, 30),
        description="The hour, wall-clock time in the centre's time zone. Half an hour after a usual bedtime leaves "
        "the evening's carer time to look.",
    )
    enough_percent: float = Field(
        60.0,
        ge=5,
        le=100,
        description="At or above this nothing is told. Most trackers use less than half of their battery in a day, so "
        "60 % lasts until the next evening.",
    )
    priority: Priority = Field(Priority.LOW, description="Low: it can be put on the charger on the next round.")


class ChargeByState(State, frozen=True, tag="charge_by", omit_defaults=True):
    """``due`` is when it is asked next, None while it charges, is full enough, or never said anything of its battery;
    ``charging`` and ``percent`` are what it said last, at ``at``."""

    due: datetime | None = None
    at: datetime | None = None
    charging: bool | None = None
    percent: float | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()


class ChargeByRule:
    """See the module."""

    __slots__ = ("_daily", "_device", "_enough", "_priority", "devices", "key")
    name = "charge_by"
    kinds = frozenset({"status"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: ChargeBySettings, device: str, daily: Daily) -> None:
        self.key = f"charge_by:{device}"
        self.devices = frozenset({device})
        self._device = device
        self._enough = settings.enough_percent
        self._priority = settings.priority
        self._daily = daily

    def start(self, at: datetime) -> ChargeByState:
        """Nothing is known of its battery."""
        return ChargeByState()

    def wake_at(self, state: State) -> datetime | None:
        """The next such hour."""
        assert isinstance(state, ChargeByState)
        return state.due

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """A word of the battery, or the hour."""
        assert isinstance(state, ChargeByState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        status = event.reading
        if not isinstance(status, Status) or (status.charging is None and status.battery_percent is None):
            return state, _OTHER
        if state.at is not None and event.at < state.at:
            return state, _OLDER
        charging = state.charging if status.charging is None else status.charging
        percent = state.percent if status.battery_percent is None else status.battery_percent
        fine = bool(charging) or (percent is not None and percent >= self._enough)
        due = None if fine else (state.due or self._next(event.received_at))
        if state.told and fine:
            why = Reason("{device} is on the charger, or full enough.", {"device": self._device})
            return ChargeByState(None, event.at, charging, percent), Cleared(why, self._device)
        same = charging is state.charging and due == state.due
        if same and not self._moved(state.percent, percent):
            return state, _NOTED
        seen = (event.evidence(),)
        return replace(state, due=due, at=event.at, charging=charging, percent=percent, evidence=seen), _NOTED

    @staticmethod
    def _moved(before: float | None, now: float | None) -> bool:
        return now is not None and (before is None or abs(now - before) >= _STEP)

    def _next(self, at: datetime) -> datetime:
        """The next such hour later than ``at``."""
        day = at.astimezone(self._daily.zone).date() - timedelta(days=1)
        while (start := self._daily.window(day)[0]) <= at:
            day += timedelta(days=1)
        return start

    def _tick(self, state: ChargeByState, at: datetime) -> tuple[State, Verdict]:
        if state.due is None or at < state.due:
            return state, _TIME
        after = replace(state, due=self._next(at), told=True)
        values: dict[str, float | int | str] = {"device": self._device}
        if state.percent is None:
            why = Reason("{device} is not on the charger.", values)
        else:
            why = Reason(
                "{device} is not on the charger; its battery is at {battery_percent}.",
                values | {"battery_percent": state.percent},
            )
        return after, Raised(why, self._priority, self._device, state.evidence)


def build(settings: ChargeBySettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device that is worn and charged, or for the one that is named.

    Raises:
        BadRuleError: the resident has no such device.
    """
    devices: list[DeviceInfo] = [
        device
        for device in context.devices
        if (settings.device is None and device.type in _WORN and not device.mains) or settings.device == device.id
    ]
    if settings.device is not None and not devices and context.devices:
        raise BadRuleError(f"charge_by: device is {settings.device!r}; expected one of the resident's devices")
    daily = Daily(settings.by, settings.by, context.timezone)
    return tuple(ChargeByRule(settings, device.id, daily) for device in devices)
