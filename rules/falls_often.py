"""Falls often: several falls within some days, so somebody should ask why this person falls.

It listens to the rule for falls and counts what was told, not what a sensor suspected. Falls within an hour of each
other are one fall (two sensors, repeats, a try to get up). A fall that is taken back does not count. It is told an
hour after the fall that was one too many, when the fall itself has been dealt with; and then again with every further
fall while there are that many.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

import msgspec
from pydantic import Field

from rules.model import (
    Cleared,
    Context,
    Event,
    Evidence,
    Priority,
    Quiet,
    Raised,
    Reason,
    Rule,
    RuleSettings,
    Said,
    State,
    Verdict,
)
from rules.timing import seconds

_ONE_FALL: Final = timedelta(hours=1)
"""Falls closer together are told as one: what is told again while somebody lies on the floor is no new fall."""

_OTHER = Quiet(Reason("Not a fall."))
_NOTED = Quiet(Reason("A fall was counted."))
_TAKEN_BACK = Quiet(Reason("The fall was taken back; it does not count."))
_NOTHING = Quiet(Reason("No fall is waiting to be counted."))


class FallsOftenSettings(RuleSettings):
    """How many falls are too many."""

    name: ClassVar[str] = "falls_often"
    rule: Literal["falls_often"] = "falls_often"
    falls: int = Field(
        2,
        ge=2,
        le=20,
        description="So many falls within `days` are told. Two, as NICE asks for a comprehensive falls assessment of "
        "people of 65 and over who fell twice or more in a year (NG249, 2025; CG161 before it).",
    )
    days: float = Field(
        365.0,
        gt=0,
        le=366,
        description="Within how many days. A year, as above. For somebody who is assessed already, 3 falls in 7 days "
        "find a change: a new medicine, an infection.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: the fall itself was told as high; this asks for a plan, not for a run.",
    )


class FallsOftenState(State, frozen=True, tag="falls_often", omit_defaults=True):
    """When the person fell lately (oldest first, no more than count), and ``until`` when the last one is judged."""

    falls: tuple[datetime, ...] = ()
    until: datetime | None = None
    evidence: tuple[Evidence, ...] = ()


class FallsOftenRule:
    """See the module."""

    __slots__ = ("_days", "_falls", "_priority")
    name = "falls_often"
    key = "falls_often"
    kinds = frozenset({"fall"})
    devices: frozenset[str] | None = frozenset()
    """No device: it hears what the rule for falls says. Else an alarm would look as if a rule judged it."""
    listens = frozenset({"fall"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: FallsOftenSettings) -> None:
        self._falls = settings.falls
        self._days = timedelta(days=settings.days)
        self._priority = settings.priority

    def start(self, at: datetime) -> FallsOftenState:
        """No fall is known."""
        return FallsOftenState()

    def wake_at(self, state: State) -> datetime | None:
        """An hour after the last fall, where it is one too many."""
        assert isinstance(state, FallsOftenState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """A fall was told or taken back, or it is time to judge."""
        assert isinstance(state, FallsOftenState)
        if not isinstance(event, Said):
            return self._tick(state, event.at)
        match event.verdict:
            case Raised(evidence=evidence, again=False):
                return self._fell(state, evidence[-1].at if evidence else event.at, evidence[-1:], event.received_at)
            case Cleared() if state.until is not None:
                return FallsOftenState(state.falls[:-1]), _TAKEN_BACK
        return state, _OTHER

    def _fell(
        self, state: FallsOftenState, at: datetime, evidence: tuple[Evidence, ...], now: datetime
    ) -> tuple[State, Verdict]:
        if any(abs(at - fall) < _ONE_FALL for fall in state.falls):
            return state, _NOTED
        newest = max((at, *state.falls))
        kept = tuple(sorted(fall for fall in (*state.falls, at) if fall > newest - self._days))[-self._falls :]
        seen = (*state.evidence, *evidence)[-self._falls :]
        until = now + _ONE_FALL if len(kept) >= self._falls else None
        return FallsOftenState(kept, until, seen), _NOTED

    def _tick(self, state: FallsOftenState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or at < state.until:
            return state, _NOTHING
        why = Reason(
            "{falls} falls within {span_s}: please ask for a falls assessment.",
            {"falls": len(state.falls), "span_s": seconds(state.falls[-1] - state.falls[0])},
        )
        after = msgspec.structs.replace(state, until=None)
        return after, Raised(why, self._priority, evidence=state.evidence)


def build(settings: FallsOftenSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident."""
    return (FallsOftenRule(settings),)
