"""Continence sensor off, or in error, while it should be worn.

``off`` is how a sensor says that it is not attached, and an error that it can't say how it stands: in both cases nobody
would hear that a change is due. A change takes minutes, so it must last. Told once, low; any word on the product
clears it. Readings are taken in the order in which they happened; an older one changes nothing.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, Self

from msgspec.structs import replace
from pydantic import ConfigDict, Field, model_validator

from devices.model import Continence
from rules.continence_words import LATE_S, Calm
from rules.errors import BadRuleError
from rules.model import (
    Cleared,
    Context,
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
from rules.night import Daily, WallClock
from rules.timing import epoch_ms, heard_late, seconds

_OTHER = Quiet(Reason("Not from a continence sensor."))
_OLDER = Quiet(Reason("A newer continence reading was judged already; this one changes nothing."))
_ON = Quiet(Reason("The continence sensor works."))
_TOLD = Quiet(Reason("Still off; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))

_EACH: Final = timedelta(minutes=1)


class ContinenceOffSettings(RuleSettings):
    """When a sensor that is off is told."""

    model_config = ConfigDict(populate_by_name=True)

    name: ClassVar[str] = "continence_off"
    rule: Literal["continence_off"] = "continence_off"
    minutes: float = Field(
        60.0,
        gt=0,
        le=720,
        description="How long it may be off. An hour holds a change and a bath with time to spare.",
    )
    since: WallClock | None = Field(
        None,
        alias="from",
        description="From when on it should be worn, wall-clock time in the centre's time zone; with `to`. Without "
        "both, always.",
    )
    until: WallClock | None = Field(None, alias="to", description="Until when it should be worn; with `from`.")
    priority: Calm = Field(
        Priority.LOW,
        description="Low or medium. Low: it is seen at the next round.",
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.since is None) is not (self.until is None):
            raise ValueError("from and to belong together: give both, or leave both out")
        return self


class ContinenceOffState(State, frozen=True, tag="continence_off", omit_defaults=True):
    """``at`` is the last judged reading; while it is off ``since`` when, and ``until`` when it is told."""

    at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    error: bool = False
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()


class ContinenceOffRule:
    """See the module."""

    __slots__ = ("_limit", "_priority", "_worn")
    name = "continence_off"
    key = "continence_off"
    kinds = frozenset({"continence"})
    devices: frozenset[str] | None = None
    zones: tuple[str, ...] = ()

    def __init__(self, settings: ContinenceOffSettings, worn: Daily | None) -> None:
        self._worn = worn
        self._limit = timedelta(minutes=settings.minutes)
        self._priority = settings.priority

    def start(self, at: datetime) -> ContinenceOffState:
        """It works, until it says otherwise."""
        return ContinenceOffState()

    def wake_at(self, state: State) -> datetime | None:
        """When it has been off for too long."""
        assert isinstance(state, ContinenceOffState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Off, on, or off for too long."""
        assert isinstance(state, ContinenceOffState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if not isinstance(event.reading, Continence):
            return state, _OTHER
        if state.at is not None and event.at < state.at:
            return state, _OLDER
        if event.reading.state in {"off", "error"}:
            return self._off(state, event)
        return self._on(state, event)

    def _on(self, state: ContinenceOffState, event: Heard) -> tuple[State, Verdict]:
        if state.since is None and state.at is not None and event.at - state.at < _EACH:
            return state, _ON
        after = ContinenceOffState(event.at)
        if not state.told or state.since is None:
            return after, _ON
        off = {"off_s": seconds(event.at - state.since)}
        return after, Cleared(Reason("The continence sensor works again, after {off_s}.", {**off}))

    def _off(self, state: ContinenceOffState, event: Heard) -> tuple[State, Verdict]:
        if state.since is not None:
            after = replace(state, at=event.at)
            return after, _TOLD if state.until is None else _pending(state.until)
        until = event.at + self._limit if self._worn is None else self._worn.moment(event.at, self._limit)
        marks = heard_late(event, LATE_S)
        error = isinstance(event.reading, Continence) and event.reading.state == "error"
        after = ContinenceOffState(event.at, event.at, until, error, False, (event.evidence(),), marks)
        if until <= event.received_at:
            return self._tick(after, event.received_at)
        return after, _pending(until)

    def _tick(self, state: ContinenceOffState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or state.since is None or at < state.until:
            return state, _NOTHING
        values: dict[str, float | int | str] = {
            "off_at": epoch_ms(state.since),
            "off_s": seconds(at - state.since),
        }
        if state.error:
            why = Reason("The continence sensor reports an error since {off_at}, for {off_s}: please look.", values)
        else:
            why = Reason("The continence sensor is off or not attached since {off_at}, for {off_s}.", values)
        after = replace(state, until=None, told=True)
        return after, Raised(why, self._priority, evidence=state.evidence, marks=state.marks)


def _pending(until: datetime) -> Pending:
    return Pending(until, Reason("The continence sensor is off; told at {told_at}.", {"told_at": epoch_ms(until)}))


def build(settings: ContinenceOffSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's continence product.

    Raises:
        BadRuleError: the time in which it should be worn is shorter than the time that is too long.
    """
    if settings.since is None or settings.until is None:
        return (ContinenceOffRule(settings, None),)
    worn = Daily(settings.since, settings.until, context.timezone)
    if timedelta(minutes=settings.minutes) >= worn.shortest:
        raise BadRuleError(
            f"continence_off: minutes is {settings.minutes:g}, but the time from {settings.since:%H:%M} to "
            f"{settings.until:%H:%M} is too short for that, less an hour when the clocks change"
        )
    return (ContinenceOffRule(settings, worn),)
