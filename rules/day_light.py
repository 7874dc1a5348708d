"""Day light: a lamp follows the day, bright and cool in the morning, warm in the evening, dim at night.

Circadian light by a timetable of wall-clock times. Each step is told once, at its time; after a downtime only the
step that is due now is told, not those that were missed. No alert comes of it.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rules.lamps import LightCommand, check_device
from rules.model import Act, Context, Event, Heard, Quiet, Reason, Rule, RuleSettings, State, Verdict
from rules.night import Daily, WallClock

_OTHER = Quiet(Reason("Only the time of the day counts here."))
_NOTHING = Quiet(Reason("The next step of the light is not due yet."))
_STEP = Reason("The light follows the day.")

EXPIRES_S: Final = 900.0
"""A step that reaches the lamp a quarter of an hour late is still right; later, a person may have chosen otherwise."""


class LightStep(BaseModel):
    """One step of the day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: WallClock
    command: LightCommand


class DayLightSettings(RuleSettings):
    """Which lamp follows the day, and how."""

    name: ClassVar[str] = "day_light"
    rule: Literal["day_light"] = "day_light"
    lamp: str = Field(min_length=1, description="Id of the lamp: assigned to the resident, or one of the house.")
    steps: tuple[LightStep, ...] = Field(
        min_length=1,
        max_length=48,
        description='What the lamp is told and when: `{at = "07:00", command = "light-day"}`. Bright by day and '
        "dim in the evening helps people with dementia to sleep at night (Figueiro et al., Clinical Interventions in "
        "Aging 2014).",
    )

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        times = [step.at for step in self.steps]
        if len(set(times)) < len(times):
            raise ValueError("each time of the day only once")
        return self


class DayLightState(State, frozen=True, tag="day_light", omit_defaults=True):
    """When the next step is due."""

    due_at: datetime


class DayLightRule:
    """See the module."""

    __slots__ = ("_lamp", "_steps", "_zone", "devices", "key")
    name = "day_light"
    kinds: frozenset[str] = frozenset()
    zones: tuple[str, ...] = ()

    def __init__(self, settings: DayLightSettings, context: Context) -> None:
        self.key = f"day_light:{settings.lamp}"
        self.devices: frozenset[str] | None = None
        self._lamp = settings.lamp
        self._zone = context.timezone
        self._steps = sorted(settings.steps, key=lambda step: step.at)

    def start(self, at: datetime) -> DayLightState:
        """The light as it is stays until the next step."""
        return DayLightState(self._next(at)[0])

    def wake_at(self, state: State) -> datetime | None:
        """When the next step is due."""
        assert isinstance(state, DayLightState)
        return state.due_at

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Tell the lamp the newest step that is due."""
        assert isinstance(state, DayLightState)
        if isinstance(event, Heard):
            return state, _OTHER
        if event.at < state.due_at:
            return state, _NOTHING
        due, command = self._last(event.at)
        after = DayLightState(self._next(event.at)[0])
        if event.at - due > timedelta(seconds=EXPIRES_S):
            return after, Quiet(Reason("The step of the light came too late and was left out."))
        return after, Act(command, self._lamp, _STEP, EXPIRES_S)

    def _moments(self, at: datetime) -> list[tuple[datetime, str]]:
        """The steps of yesterday to tomorrow as instants (UTC), in order."""
        today = at.astimezone(self._zone).date()
        days = [today + timedelta(days=shift) for shift in (-1, 0, 1)]
        return sorted(
            (Daily(step.at, step.at, self._zone).window(day)[0], str(step.command))
            for day in days
            for step in self._steps
        )

    def _next(self, at: datetime) -> tuple[datetime, str]:
        return next(moment for moment in self._moments(at) if moment[0] > at)

    def _last(self, at: datetime) -> tuple[datetime, str]:
        return next(moment for moment in reversed(self._moments(at)) if moment[0] <= at)


def build(settings: DayLightSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the lamp.

    Raises:
        BadRuleError: there is no such lamp.
    """
    check_device("day_light", "lamp", settings.lamp, context)
    return (DayLightRule(settings, context),)
