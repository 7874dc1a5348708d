"""Not changed: a product that is no longer dry is worn for too long, though no change is due by its own word.

A product is new when the sensor is dry after it was not, when it shows less after a leak, and when the sensor comes
back after it was off. A dry one may be worn on; one that is due, or leaks, is told by the rule ``continence``. Told
once, low; a new product clears it. Readings count in the order in which they happened; an older one changes nothing.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from devices.model import Continence
from rules.continence_words import LATE_S, Calm, ScaleSettings
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
    State,
    Verdict,
)
from rules.timing import epoch_ms, heard_late, seconds

_OTHER = Quiet(Reason("Says nothing of the product."))
_OLDER = Quiet(Reason("A newer continence reading was judged already; this one changes nothing."))
_WORN = Quiet(Reason("The product may be worn on."))
_TOLD = Quiet(Reason("Still the same product; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_NEW = Cleared(Reason("Changed: it is a new product."))

_EACH: Final = timedelta(minutes=1)


class NotChangedSettings(ScaleSettings):
    """When a product is worn for too long."""

    name: ClassVar[str] = "not_changed"
    rule: Literal["not_changed"] = "not_changed"
    hours: float = Field(
        8.0,
        gt=0,
        le=72,
        description="How long the same product may be worn, from when it was new, before it is told that it is no "
        "longer dry. Eight hours are a usual night; set it by the product's own limit and the person's skin.",
    )
    priority: Calm = Field(Priority.LOW, description="Low or medium. Low: it is seen at the next round.")


class NotChangedState(State, frozen=True, tag="not_changed", omit_defaults=True):
    """``at`` is the last judged reading and ``word`` what it said; ``since`` when this product was new.

    ``until`` is when it is told; ``due`` that the rule continence has told, or will tell, of this product.
    """

    at: datetime | None = None
    word: str = ""
    since: datetime | None = None
    until: datetime | None = None
    due: bool = False
    told: bool = False
    evidence: tuple[Evidence, ...] = ()
    marks: tuple[Reason, ...] = ()


class NotChangedRule:
    """See the module."""

    __slots__ = ("_limit", "_settings")
    name = "not_changed"
    key = "not_changed"
    kinds = frozenset({"continence"})
    devices: frozenset[str] | None = None
    zones: tuple[str, ...] = ()

    def __init__(self, settings: NotChangedSettings) -> None:
        self._settings = settings
        self._limit = timedelta(hours=settings.hours)

    def start(self, at: datetime) -> NotChangedState:
        """No product is known."""
        return NotChangedState()

    def wake_at(self, state: State) -> datetime | None:
        """When this product is worn for too long."""
        assert isinstance(state, NotChangedState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """A word on the product, or the time is over."""
        assert isinstance(state, NotChangedState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if not isinstance(event.reading, Continence):
            return state, _OTHER
        word = self._settings.word(event.reading)
        if word in {"", "error"}:
            return state, _OTHER
        if state.at is not None:
            if event.at < state.at:
                return state, _OLDER
            if word == state.word and event.at - state.at < _EACH:
                return state, _told(state)
        return self._heard(state, event, word)

    def _heard(self, state: NotChangedState, event: Heard, word: str) -> tuple[State, Verdict]:
        if word == "off":
            after = replace(state, at=event.at, word=word, until=None)
            return after, _told(after)
        if state.since is None or _is_new(state.word, word):
            after = NotChangedState(event.at, word, event.at, due=word in {"change_due", "leak"})
        else:
            due = state.due or word in {"change_due", "leak"}
            after = replace(state, at=event.at, word=word, due=due, until=None if due else state.until)
        assert after.since is not None
        if word == "some" and not after.due and not after.told and after.until is None:
            until = after.since + self._limit
            marks = heard_late(event, LATE_S)
            after = replace(after, until=until, evidence=(event.evidence(),), marks=marks)
            if until <= event.received_at and not state.told:
                return self._tick(after, event.received_at)
        if state.told and not after.told:
            return after, _NEW
        return after, _told(after)

    def _tick(self, state: NotChangedState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or state.since is None or at < state.until:
            return state, _NOTHING
        values: dict[str, float | int | str] = {"worn_s": seconds(at - state.since), "limit_s": seconds(self._limit)}
        why = Reason("The same product has been worn for {worn_s}, longer than {limit_s}.", values)
        after = replace(state, until=None, told=True)
        return after, Raised(why, self._settings.priority, evidence=state.evidence, marks=state.marks)


def _is_new(before: str, word: str) -> bool:
    """Whether this word after that one means a new product; nothing dries by itself, and ``some`` may waver."""
    if before == "off":
        return True
    if word == "dry":
        return before != "dry"
    return before == "leak" and word == "some"


def _told(state: NotChangedState) -> Verdict:
    if state.told:
        return _TOLD
    if state.until is None:
        return _WORN
    told_at = {"told_at": epoch_ms(state.until)}
    return Pending(state.until, Reason("No longer dry; told as not changed at {told_at}.", {**told_at}))


def build(settings: NotChangedSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's continence product."""
    return (NotChangedRule(settings),)
