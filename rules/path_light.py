"""Path light: a lamp goes on when somebody gets out of bed at night, and off again.

No alert comes of it. The lamp is told at once when the bed sensor says that nobody is in bed, within the night's
hours; off when the person is back in bed for ``off_delay_s``, or after ``off_after_minutes``. While it is on, a sensor
that wavers changes nothing. A reading that was held up on its way
switches nothing: a light that comes on ten minutes late wakes whoever is asleep again.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from pydantic import Field

from devices.model import Bed
from rules.lamps import EXPIRES_S, check_device
from rules.model import Act, Context, Event, Evidence, Heard, Pending, Quiet, Reason, Rule, RuleSettings, State, Verdict
from rules.night import Daily, WallClock

LATE: Final = timedelta(seconds=30)
"""A reading older than this when it is heard switches nothing: the way to the toilet is over by then."""

_OTHER = Quiet(Reason("Not about the bed."))
_LATE = Quiet(Reason("Heard too late to switch a light."))
_DAY = Quiet(Reason("Not within the night's hours."))
_SOON = Quiet(Reason("The light was switched a moment ago."))
_DARK = Quiet(Reason("The light is off."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_ON = Reason("Out of bed at night: light for the way.")
_BACK = Reason("Back in bed: the light goes off.")
_OVER = Reason("The light was on for long enough.")


class PathLightSettings(RuleSettings):
    """Which lamp lights the way, and when."""

    name: ClassVar[str] = "path_light"
    rule: Literal["path_light"] = "path_light"
    lamp: str = Field(min_length=1, description="Id of the lamp: assigned to the resident, or one of the house.")
    since: WallClock = Field(
        time(21, 0), alias="from", description="When the night begins, wall-clock time in the centre's time zone."
    )
    until: WallClock = Field(time(7, 0), alias="to", description="When the night ends. By day nobody needs it.")
    off_after_minutes: float = Field(
        20.0,
        gt=0,
        le=720,
        description="The lamp goes off after this at the latest: a visit to the toilet is over by then, and a light "
        "that burns on keeps people awake.",
    )
    at_most_every_s: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="Not switched on again sooner than this: a sensor that wavers must not make the lamp flash.",
    )
    off_delay_s: float = Field(
        30.0,
        ge=0,
        le=600,
        description="How long the person must be back in bed until the lamp goes off: time to lie down, and a sensor "
        "that wavers must not make the lamp flash.",
    )


class PathLightState(State, frozen=True, tag="path_light", omit_defaults=True):
    """``on_at`` is when the lamp was last told to go on, ``off_at`` when it goes off (None: it is off); ``back``:
    because the person is back in bed."""

    on_at: datetime | None = None
    off_at: datetime | None = None
    back: tuple[Evidence, ...] = ()


class PathLightRule:
    """See the module."""

    __slots__ = ("_delay", "_every", "_lamp", "_night", "_off_after", "devices", "key")
    name = "path_light"
    kinds = frozenset({"bed"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: PathLightSettings, context: Context) -> None:
        self.key = f"path_light:{settings.lamp}"
        self.devices: frozenset[str] | None = None
        self._lamp = settings.lamp
        self._night = Daily(settings.since, settings.until, context.timezone)
        self._off_after = timedelta(minutes=settings.off_after_minutes)
        self._delay = timedelta(seconds=settings.off_delay_s)
        self._every = timedelta(seconds=settings.at_most_every_s)

    def start(self, at: datetime) -> PathLightState:
        """The lamp is off, as far as we know."""
        return PathLightState()

    def wake_at(self, state: State) -> datetime | None:
        """When the lamp goes off."""
        assert isinstance(state, PathLightState)
        return state.off_at

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:  # noqa: PLR0911 - one for each outcome
        """On at a way out of bed in the night, off at the way back or when it was long enough."""
        assert isinstance(state, PathLightState)
        if not isinstance(event, Heard):
            if state.off_at is None or event.at < state.off_at:
                return state, _NOTHING
            return self._off(state)
        if not isinstance(event.reading, Bed):
            return state, _OTHER
        if event.received_at - event.at > LATE:
            return state, _LATE
        if event.reading.in_bed:
            return self._back(state, event)
        if state.off_at is not None:
            if state.back and state.on_at is not None:  # up again before the light went off
                return PathLightState(state.on_at, state.on_at + self._off_after), _NOTHING
            return state, _NOTHING
        if self._night.end_of(event.at) == event.at:
            return state, _DAY
        if state.on_at is not None and timedelta(0) <= event.at - state.on_at < self._every:
            return state, _SOON
        lit = PathLightState(event.at, event.at + self._off_after)
        return lit, Act("light-on", self._lamp, _ON, EXPIRES_S, (event.evidence(),))

    def _back(self, state: PathLightState, event: Heard) -> tuple[State, Verdict]:
        """Back in bed: off when it lasts."""
        if state.off_at is None:
            return state, _DARK
        if state.back or (state.on_at is not None and event.at < state.on_at):
            return state, _NOTHING
        after = PathLightState(state.on_at, min(state.off_at, event.at + self._delay), (event.evidence(),))
        assert after.off_at is not None
        return self._off(after) if after.off_at <= event.received_at else (after, Pending(after.off_at, _BACK))

    def _off(self, state: PathLightState) -> tuple[State, Verdict]:
        why = _BACK if state.back else _OVER
        return PathLightState(state.on_at), Act("light-off", self._lamp, why, EXPIRES_S, state.back)


def build(settings: PathLightSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the lamp.

    Raises:
        BadRuleError: there is no such lamp.
    """
    check_device("path_light", "lamp", settings.lamp, context)
    return (PathLightRule(settings, context),)
