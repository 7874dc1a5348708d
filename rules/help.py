"""Help (SOS): a press is told at once, whatever its time says.

Every press is a Raised, whichever device it comes from: one call for help, whose repeats the desk counts and tells
again. A press soon after another says how often it was pressed. It needs no position: the place comes as a reading of
its own, or not at all. A cancel takes back what the *same device* asked for, and never a press that is newer than
itself.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from devices.model import Help
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
from rules.timing import seconds

_TIME = Quiet(Reason("A help call doesn't change with time."))
_OTHER = Quiet(Reason("Not a help call."))


class HelpSettings(RuleSettings):
    """How a help call is told."""

    name: ClassVar[str] = "help"
    rule: Literal["help"] = "help"
    old_after_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="A press older than this when it is heard is told with its age. A minute is longer than any "
        "healthy network needs, so an older press was held up, and the wearer may be elsewhere by now.",
    )
    repeat_within_s: float = Field(
        600.0,
        ge=0,
        le=86_400,
        description="A press this soon after the last one is told with the number of presses: who presses again was "
        "not helped yet. Ten minutes, because a carer on the way should be there by then.",
    )


class HelpState(State, frozen=True, tag="help", omit_defaults=True):
    """When each device last asked for help (``pressed``) and has not taken it back, by device id; how often it was
    asked for in a row, and since when."""

    pressed: dict[str, datetime] = {}  # noqa: RUF012 - msgspec copies it
    presses: int = 0
    since: datetime | None = None


class HelpRule:
    """See the module."""

    __slots__ = ("_old_after_s", "_repeat_within")
    name = "help"
    key = "help"
    kinds = frozenset({"help"})
    devices: frozenset[str] | None = None
    zones: tuple[str, ...] = ()

    def __init__(self, settings: HelpSettings) -> None:
        self._old_after_s = settings.old_after_s
        self._repeat_within = timedelta(seconds=settings.repeat_within_s)

    def start(self, at: datetime) -> HelpState:
        """Nobody asked for help."""
        return HelpState()

    def wake_at(self, state: State) -> datetime | None:
        """Never: only a press or a cancel changes anything."""
        return None

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Raised for every press; Cleared when the last device that asked takes it back."""
        assert isinstance(state, HelpState)
        if not isinstance(event, Heard):
            return state, _TIME
        if not isinstance(event.reading, Help):
            return state, _OTHER
        if event.reading.phase == "pressed":
            return self._pressed(state, event)
        return _cancelled(state, event)

    def _pressed(self, state: HelpState, event: Heard) -> tuple[State, Verdict]:
        age = event.received_at - event.at
        marks: tuple[Reason, ...] = ()
        if age.total_seconds() > self._old_after_s:
            marks = (Reason("Pressed {age_s} ago.", {"age_s": seconds(age)}),)
        presses, since = 1, event.at
        if state.since is not None and abs(event.at - max(state.pressed.values())) <= self._repeat_within:
            presses, since = state.presses + 1, min(state.since, event.at)
            span = seconds(max(event.at, *state.pressed.values()) - since)
            again = Reason("Pressed {presses} times in {span_s}.", {"presses": presses, "span_s": span})
            marks = (*marks, again)
        latest = max(event.at, state.pressed.get(event.device, event.at))
        return HelpState({**state.pressed, event.device: latest}, presses, since), Raised(
            Reason("Help was called with {device}.", {"device": event.device}),
            Priority.HIGH,
            evidence=(event.evidence(),),
            marks=marks,
        )


def _cancelled(state: HelpState, event: Heard) -> tuple[State, Verdict]:
    device: dict[str, float | int | str] = {"device": event.device}
    pressed = state.pressed.get(event.device)
    if pressed is None:
        return state, Quiet(Reason("A help call was cancelled on {device}, but none is open.", device))
    if event.at < pressed:
        return state, Quiet(Reason("The cancel from {device} is older than its last press, which stands.", device))
    others = {name: at for name, at in state.pressed.items() if name != event.device}
    if others:
        return HelpState(others, state.presses, state.since), Quiet(
            Reason("{device} took its help call back; {other} still asks for help.", device | {"other": min(others)})
        )
    return HelpState(), Cleared(Reason("The help call was cancelled on {device}.", device))


def build(settings: HelpSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for all of the resident's buttons."""
    return (HelpRule(settings),)
