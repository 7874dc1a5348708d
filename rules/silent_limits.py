"""How long a device may be quiet as things stand: its limit and its own habit, kept how exactly; see rules.silent."""

import math
from datetime import datetime, timedelta
from typing import Final

from rules.intervals import Limit
from rules.silent_state import SilentSettings, SilentState
from rules.usual import MULTIPLE, Usual

_SLACK: Final = 0.05
"""The part of the limit by which the stored time may lag: 20 writes per limit at most, and 3 minutes of an hour."""

_EXACT_TO_S: Final = 120.0
"""Up to here a limit is kept exactly, at a write for every reading: a hub must be found within its 90 s."""

_UNSTEADY_TIMES: Final = 3.0
"""How much longer the limits of a device are that was told as unsteady."""


class Spans:
    """The limit of a device as it is now, with what follows from it."""

    __slots__ = ("deadline", "learned", "limit", "slack")

    def __init__(self, limit_s: float, *, learned: bool = False, finest_s: float = math.inf) -> None:
        slack_s = 0.0 if limit_s <= _EXACT_TO_S else min(limit_s * _SLACK, finest_s)
        self.limit = timedelta(seconds=limit_s)
        self.slack = timedelta(seconds=slack_s)
        self.deadline = timedelta(seconds=limit_s + slack_s)
        self.learned = learned


class Limits:
    """The limits of one device; ``learns`` says whether its habit may make them shorter, ``given_s`` is the longest."""

    __slots__ = ("_finest_s", "_not_before_s", "_offline_after", "_spans", "_usual", "given_s", "learns")

    def __init__(self, limit: Limit, settings: SilentSettings) -> None:
        self.given_s = limit.limit_s
        self.learns = settings.learn and not limit.given
        self._not_before_s = settings.not_before_s
        self._offline_after = timedelta(seconds=settings.offline_after_s)
        # What is learned is three times a gap: to see the shortest that matters, it must be looked at so often.
        self._finest_s = settings.not_before_s / MULTIPLE if self.learns else math.inf
        self._usual: Usual | None = None
        self._spans = Spans(limit.limit_s, finest_s=self._finest_s)

    def of(self, state: SilentState) -> Spans:
        """The limit that counts: shorter than the given one where the device's habit allows it."""
        if state.usual is not self._usual:
            limit_s, learned_s = self.given_s, state.usual.limit_s if state.usual and self.learns else None
            learned = learned_s is not None and learned_s < limit_s
            if learned_s is not None and learned:
                limit_s = min(limit_s, max(learned_s, self._not_before_s))
            self._spans = Spans(limit_s, learned=learned, finest_s=self._finest_s)
            self._usual = state.usual
        return self._spans

    def deadline(self, state: SilentState) -> datetime:
        """When the device's silence is too long, or its being offline; longer while its link is unsteady."""
        allowed, offline_after = self.of(state).deadline, self._offline_after
        if state.drops is not None and state.drops.steady_from is not None:
            allowed, offline_after = allowed * _UNSTEADY_TIMES, offline_after * _UNSTEADY_TIMES
        due = (state.from_at or state.heard_at) + allowed
        if state.offline_at is not None:
            due = min(due, state.offline_at + offline_after)
        return due + timedelta(seconds=state.deaf_s) if state.deaf_s else due
