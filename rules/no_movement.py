"""No movement: nobody moved for hours of the day.

Time counts inside the waking hours only. What shows movement is in rules.movement. Where no movement was heard, the
sensors either were heard all the same (then nobody moved), or nothing was heard at all. A sensor that sends only when
something moves says by its silence that nothing moves, so that is told. Of sensors that report by themselves it says
only that they are silent: that is told by the rule ``silent``, and here time begins anew when they are heard again.

To save writes, the time of the last movement is stored only when it moved by at least 5 % of the limit, and the
deadline lies that much later; so it is told after 100 to 105 % of the limit.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import ConfigDict, Field

from devices.model import KINDS
from rules.errors import BadRuleError
from rules.model import (
    Cleared,
    Context,
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
    Tick,
    Verdict,
)
from rules.movement import KINDS as SHOWN_BY
from rules.movement import NOTHING_KNOWN, Known, Movements, movements
from rules.night import Daily, WallClock
from rules.timing import seconds

_SLACK: Final = 0.05

_MOVED = Quiet(Reason("Somebody moved not long ago."))
_STILL = Quiet(Reason("No movement in this; told when it lasts."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_BLIND = Quiet(Reason("The sensors themselves are silent: nobody knows whether somebody moves."))


class NoMovementSettings(RuleSettings):
    """When a day without movement is told."""

    model_config = ConfigDict(populate_by_name=True)

    name: ClassVar[str] = "no_movement"
    rule: Literal["no_movement"] = "no_movement"
    after_hours: float = Field(
        4.0,
        gt=0,
        le=16,
        description="Told after so many waking hours without movement. Four: longer than an afternoon's sleep, and "
        "two meals are not missed. Set more for who sits still for long.",
    )
    since: WallClock = Field(
        time(8, 0),
        alias="from",
        description="When the waking hours begin, wall-clock time in the centre's time zone. Most are up by then; set "
        "the person's own.",
    )
    until: WallClock = Field(
        time(22, 0),
        alias="to",
        description="When they end, wall-clock time. After it, sleep is no news; the night has rules of its own.",
    )
    devices: tuple[str, ...] = Field(
        (),
        description="Only these devices of the resident count. By default all do; leave out a sensor in a room that "
        "others use, because their movement would pass for the person's.",
    )
    event_only: tuple[str, ...] = Field(
        ("motion_sensor", "door_sensor"),
        description="Types of devices that send only when something moves: their silence means no movement. The "
        "others report by themselves, and their silence means that they are silent.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: somebody should look soon. Set high for who lives alone.",
    )


class NoMovementState(State, frozen=True, tag="no_movement", omit_defaults=True):
    """``seen_at`` is the last movement and ``heard_at`` the last reading of any kind, both up to 5 % of the limit too
    early; ``never`` that none was heard and ``seen_at`` is when the rule began. ``until`` is when it is told (again);
    None: the sensors are silent."""

    seen_at: datetime
    until: datetime | None
    heard_at: datetime | None = None
    never: bool = False
    told: bool = False
    known: Known = NOTHING_KNOWN
    evidence: tuple[Evidence, ...] = ()


class NoMovementRule:
    """See the module."""

    __slots__ = ("_day", "_limit", "_movements", "_priority", "_silence_speaks", "_slack", "_wait", "devices")
    name = "no_movement"
    key = "no_movement"
    kinds = frozenset(KINDS)
    zones: tuple[str, ...] = ()

    def __init__(self, settings: NoMovementSettings, day: Daily, signs: Movements) -> None:
        self.devices: frozenset[str] | None = signs.counted
        self._day = day
        self._movements = signs
        self._limit = timedelta(hours=settings.after_hours)
        self._slack = self._limit * _SLACK
        self._wait = self._limit + self._slack
        self._priority = settings.priority
        self._silence_speaks = any(device.type in settings.event_only for device in signs.infos)

    def start(self, at: datetime) -> NoMovementState:
        """Nothing was heard: time counts from now."""
        return NoMovementState(at, self._day.moment(at, self._wait), never=True)

    def wake_at(self, state: State) -> datetime | None:
        """When there was no movement for too long."""
        assert isinstance(state, NoMovementState)
        return state.until

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: that time does not count."""
        assert isinstance(state, NoMovementState)
        deaf = at - max(stopped, state.seen_at)
        if state.told or state.until is None or deaf <= timedelta(0):
            return state
        if deaf >= self._limit:
            return replace(state, until=self._day.moment(at, self._wait))
        return replace(state, until=self._day.moment(max(state.until, stopped), deaf))

    def devices_gone(self, state: State, left: frozenset[str]) -> State:
        """While another device shows movement, time goes on; without any, nobody knows."""
        assert isinstance(state, NoMovementState)
        return state if left & SHOWN_BY else replace(state, until=None, told=False, known=NOTHING_KNOWN)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Somebody moves, something else is heard, or it is too long."""
        assert isinstance(state, NoMovementState)
        if isinstance(event, Heard):
            if event.at - state.seen_at < self._slack and not state.never and not state.told:
                return state, _MOVED  # nearly every reading of the day ends here
            return self._heard(state, event)
        if isinstance(event, Tick):
            return self._tick(state, event.at)
        return state, _NOTHING

    def _heard(self, state: NoMovementState, event: Heard) -> tuple[State, Verdict]:
        known = self._movements.read(state.known, event)
        at = event.at
        if known is None or at < state.seen_at:
            if state.until is None:  # they were silent, and are heard again: nobody knows of the time between
                fresh = self._day.moment(event.received_at, self._wait)
                return replace(state, until=fresh, heard_at=event.received_at), _STILL
            if state.heard_at is None or event.received_at - state.heard_at >= self._slack:
                return replace(state, heard_at=event.received_at), _STILL
            return state, _STILL
        until = self._day.moment(at, self._wait)
        after = NoMovementState(at, until, event.received_at, known=known, evidence=(event.evidence(),))
        if not state.told:
            return after, _MOVED
        if until <= event.received_at:  # heard late: somebody moved then, but not since
            return replace(state, seen_at=at, known=known, evidence=after.evidence), _STILL
        return after, Cleared(Reason("Somebody moves again after {still_s}.", {"still_s": seconds(at - state.seen_at)}))

    def _tick(self, state: NoMovementState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or at < state.until:
            return state, _NOTHING
        values: dict[str, float | int | str] = {
            "still_s": seconds(at - state.seen_at),
            "limit_s": seconds(self._limit),
        }
        if state.heard_at is not None and at - state.heard_at <= self._limit:
            why = Reason("No movement for {still_s}, though the sensors were heard; the limit is {limit_s}.", values)
        elif self._silence_speaks:
            why = Reason("Nothing was heard for {still_s}: nobody moves, or the sensors are silent.", values)
        else:
            return replace(state, until=None), _BLIND
        again = self._day.moment(self._day.end_of(at), self._wait)  # the next day, if still nobody moves
        return replace(state, until=again, told=True), Raised(why, self._priority, evidence=state.evidence)


def build(settings: NoMovementSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for all of the resident's sensors.

    Raises:
        BadRuleError: the waking hours are shorter than the limit, or a device is not the resident's.
    """
    day = Daily(settings.since, settings.until, context.timezone)
    if timedelta(hours=settings.after_hours) * (1 + _SLACK) >= day.shortest:
        raise BadRuleError(
            f"no_movement: after_hours is {settings.after_hours:g}, but the day from {settings.since:%H:%M} to "
            f"{settings.until:%H:%M} is too short for that, less an hour when the clocks change"
        )
    return (NoMovementRule(settings, day, movements("no_movement", settings.devices, context)),)
