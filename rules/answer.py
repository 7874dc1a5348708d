"""Answer: when another rule of the resident says something, a device is told to do something.

"Left the garden: tell the tracker to find its place now." It listens to what rules say, in what state; it never raises
anything itself. At most once in ``at_most_every_s``, whatever the rules say.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from rules.errors import BadRuleError
from rules.lamps import EXPIRES_S, Command, check_device
from rules.model import (
    Act,
    Cleared,
    Context,
    Event,
    Inhibited,
    Pending,
    Quiet,
    Raised,
    Reason,
    Rule,
    RuleSettings,
    Said,
    State,
    Verdict,
)

When: TypeAlias = Literal["pending", "raised", "cleared"]

_NOT_SAID = Quiet(Reason("No rule said anything."))
_NOT_THIS = Quiet(Reason("Not what this answer waits for."))
_SOON = Quiet(Reason("The device was told a moment ago."))

_WORDS: Final[dict[type[Verdict], When]] = {
    Pending: "pending",
    Raised: "raised",
    Inhibited: "raised",
    Cleared: "cleared",
}


class AnswerSettings(RuleSettings):
    """What is answered with what."""

    name: ClassVar[str] = "answer"
    rule: Literal["answer"] = "answer"
    to: str = Field(min_length=1, description="The rule that is listened to, by its word: `zone_exit`, `bed_exit`.")
    when: When = Field(
        "raised",
        description="What it has to say: `raised` an alert, `pending` (not decided yet, such as a first position "
        "outside), or `cleared`.",
    )
    command: Command = Field(
        "locate",
        description="What the device is told. A tracker that sleeps to save its battery tells its place "
        "at once when it is asked to `locate`.",
    )
    device: str | None = Field(
        None, description="The device that is told. By default every tracker of the resident; needed for the others."
    )
    at_most_every_s: float = Field(
        120.0,
        ge=10,
        le=86_400,
        description="At most one command in this time: each costs battery, and a rule may speak often.",
    )


class AnswerState(State, frozen=True, tag="answer", omit_defaults=True):
    """When the device was last told."""

    told_at: datetime | None = None


class AnswerRule:
    """See the module."""

    __slots__ = ("_device", "_every", "_settings", "devices", "key", "listens")
    name = "answer"
    kinds: frozenset[str] = frozenset()
    zones: tuple[str, ...] = ()

    def __init__(self, settings: AnswerSettings, device: str) -> None:
        self.key = f"answer:{settings.to}:{settings.when}:{settings.command}:{device}"
        self.devices: frozenset[str] | None = None
        self.listens = frozenset({settings.to})
        self._settings = settings
        self._device = device
        self._every = timedelta(seconds=settings.at_most_every_s)

    def start(self, at: datetime) -> AnswerState:
        """Nothing was told."""
        return AnswerState()

    def wake_at(self, state: State) -> datetime | None:
        """Never: it only listens."""
        return None

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Tell the device when the rule says what is waited for."""
        assert isinstance(state, AnswerState)
        if not isinstance(event, Said):
            return state, _NOT_SAID
        if _WORDS.get(type(event.verdict)) != self._settings.when:
            return state, _NOT_THIS
        now = event.received_at
        if state.told_at is not None and timedelta(0) <= now - state.told_at < self._every:
            return state, _SOON
        why = Reason("It answers the rule {rule}.", {"rule": event.rule_name})
        return AnswerState(now), Act(self._settings.command, self._device, why, EXPIRES_S)


def build(settings: AnswerSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for each device that is told.

    Raises:
        BadRuleError: there is no such rule or device, or no tracker where none is named.
    """
    from rules.registry import find  # the list of all rules has this one in it

    find(settings.to)
    if settings.to in {"answer", "path_light", "day_light"}:
        raise BadRuleError(f"answer: to is {settings.to!r}; that rule itself only tells devices")
    if settings.device is not None:
        return (AnswerRule(settings, check_device("answer", "device", settings.device, context)),)
    trackers = [device.id for device in context.devices if device.type == "tracker"]
    if settings.command not in {"locate", "ring", "find"}:
        raise BadRuleError(f"answer: device is missing; name the device that is told {settings.command}")
    return tuple(AnswerRule(settings, tracker) for tracker in trackers)
