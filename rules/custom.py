"""Own rules without code: conditions over readings, written in the care plan and checked when it is loaded.

A rule has up to five conditions (rules.custom_condition), of which ``all`` or ``any`` must hold. Nothing in it is ever
run as a program. What it remembers is one small record for each condition; when it speaks, its reason has the figures
of the conditions that hold, and its title is the author's.

Time moves on only: a late reading is judged with what is known by then. An alert that was told ends when the
conditions have not held for ``clear_for_s``, or, where the author names one, when a ``clear`` reading is heard.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from rules.custom_condition import Form, Match
from rules.custom_fields import near
from rules.custom_settings import CustomSettings
from rules.custom_watch import Matcher, Part, Watch
from rules.custom_words import cleared, reason_of, waiting
from rules.errors import BadRuleError
from rules.model import (
    Context,
    Event,
    Heard,
    Pending,
    Quiet,
    Raised,
    Reason,
    Rule,
    State,
    Verdict,
)
from rules.schedule import Schedule, build_schedule
from rules.timing import heard_late

_ZERO: Final = timedelta(0)
_MONDAY: Final = datetime(2026, 1, 12, tzinfo=UTC)
_TWO_WEEKS: Final = timedelta(days=14)
"""Any two weeks without a change of clocks show the windows of a weekly schedule."""

_LATE_S: Final = 300.0
"""Older than this when it is heard, it is told with its age: it may be over by now."""

_TIME = Quiet(Reason("Nothing is due."))
_OTHER = Quiet(Reason("Says nothing of it."))
_NOT_SO = Quiet(Reason("The conditions do not hold."))
_NOT_YET = Quiet(waiting())
_OFF = Quiet(Reason("The conditions hold, outside the hours in which it is watched."))
_STANDS = Quiet(Reason("It was told, and has not ended."))


class CustomState(State, frozen=True, tag="custom", omit_defaults=True):
    """A Part for each condition; ``told``; ``over_since`` when a told one stopped to hold; ``until`` when it wants to
    be told the time; ``now`` the latest time of which it heard."""

    parts: tuple[Part, ...] = ()
    told: bool = False
    over_since: datetime | None = None
    until: datetime | None = None
    now: datetime | None = None


class CustomRule:
    """See the module."""

    __slots__ = ("_absence", "_all", "_clear", "_clear_for", "_schedule", "_settings", "_watches", "devices", "key",
                 "kinds")  # fmt: skip
    name = "custom"
    zones: tuple[str, ...] = ()

    def __init__(self, settings: CustomSettings, schedule: Schedule) -> None:
        self.key = f"custom:{settings.id}"
        self._settings = settings
        self._schedule = schedule
        self._watches = tuple(map(Watch, settings.conditions))
        self._all = bool(settings.all)
        self._clear = None if settings.clear is None else Matcher(settings.clear)
        self._clear_for = timedelta(seconds=settings.clear_for_s)
        self._absence = any(one.form is Form.ABSENCE for one in settings.conditions)
        watches: tuple[Matcher, ...] = (*self._watches, *((self._clear,) if self._clear else ()))
        self.kinds = frozenset(watch.kind for watch in watches)
        named = [watch.device for watch in watches]
        self.devices: frozenset[str] | None = None if None in named else frozenset(filter(None, named))

    def start(self, at: datetime) -> CustomState:
        """Nothing was heard; an absence counts from now on."""
        parts = tuple(watch.start(at) for watch in self._watches)
        return CustomState(parts, False, None, self._next(parts, at, None, told=False))

    def wake_at(self, state: State) -> datetime | None:
        """When a condition may begin or end to hold by time alone, or the schedule begins."""
        assert isinstance(state, CustomState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Raised when the conditions begin to hold, Cleared when they have ended."""
        assert isinstance(state, CustomState)
        if not isinstance(event, Heard):
            if state.until is None or event.at < state.until:
                return state, _TIME
            return self._judge(state, state.parts, event.at, None)
        parts, kind, device = state.parts, event.kind, event.device
        after = parts
        idle = not state.told  # what did not hold still does not: the usual case
        for place, watch in enumerate(self._watches):
            if watch.kind == kind and (watch.device is None or watch.device == device):
                before = parts[place]
                part = watch.hear(before, event)
                if part is not before:
                    after = (part,) if len(parts) == 1 else (*after[:place], part, *after[place + 1 :])
                    idle = idle and part.since is None and before.since is None and not part.times
        if state.told and self._clear is not None and self._ends(event, state):
            return self._ended(after, max(event.at, state.now or event.at))
        if after is parts:
            return state, _OTHER
        now = event.at if state.now is None or event.at > state.now else state.now
        if idle:
            return CustomState(after, False, None, state.until, now), _NOT_SO
        return self._judge(state, after, now, event)

    def _ends(self, heard: Heard, state: CustomState) -> bool:
        clear = self._clear
        assert clear is not None
        if not clear.concerns(heard):
            return False
        if state.now is not None and heard.at < state.now:
            return False
        return clear.matches(heard)

    def _judge(
        self, state: CustomState, parts: tuple[Part, ...], now: datetime, heard: Heard | None
    ) -> tuple[CustomState, Verdict]:
        began = None if state.told else self._schedule.began(now)
        holding = [watch.holds(part, now, began) for watch, part in zip(self._watches, parts, strict=True)]
        holds = all(holding) if self._all else any(holding)
        if state.told:
            return self._told(state, parts, now, holds=holds)
        if not holds:
            until = self._next(parts, now, began, told=False)
            after = CustomState(parts, False, None, until, now)
            if until is not None and not self._absence and self._near(parts, until):
                return after, Pending(until, waiting())
            return after, _NOT_YET if self._waits(parts) else _NOT_SO
        if not self._schedule.active(now):
            return CustomState(parts, False, None, self._next(parts, now, began, told=False, held=True), now), _OFF
        return self._raise(parts, now, holding, began, heard)

    def _waits(self, parts: tuple[Part, ...]) -> bool:
        """Whether a comparison matches, and must a while longer."""
        return any(watch.settings.for_s and part.since for watch, part in zip(self._watches, parts, strict=True))

    def _near(self, parts: tuple[Part, ...], until: datetime) -> bool:
        """Whether the deadline is that of a comparison which must hold a while longer."""
        return any(
            watch.settings.form is Form.COMPARE
            and part.since is not None
            and watch.edge(part, part.since, None) == until
            for watch, part in zip(self._watches, parts, strict=True)
        )

    def _raise(
        self, parts: tuple[Part, ...], now: datetime, holding: list[bool], began: datetime | None, heard: Heard | None
    ) -> tuple[CustomState, Verdict]:
        title = self._settings.title
        said = [
            (reason_of(watch.settings, part, now, title, began), part.evidence)
            for watch, part, one in zip(self._watches, parts, holding, strict=True)
            if one
        ]
        evidence = sorted((proof for _, proof in said if proof is not None), key=lambda proof: proof.at)
        late = () if heard is None else heard_late(heard, _LATE_S)
        told = CustomState(parts, True, None, self._next(parts, now, None, told=True), now)
        marks = (*(reason for reason, _ in said[1:]), *late)
        return told, Raised(said[0][0], self._settings.priority, "", tuple(evidence), marks)

    def _told(
        self, state: CustomState, parts: tuple[Part, ...], now: datetime, *, holds: bool
    ) -> tuple[CustomState, Verdict]:
        if self._clear is not None:
            return CustomState(parts, True, None, None, now), _STANDS
        if holds:
            return CustomState(parts, True, None, self._next(parts, now, None, told=True), now), _STANDS
        over_since = state.over_since or now
        ends = over_since + self._clear_for
        if now >= ends:
            return self._ended(parts, now)
        edge = self._next(parts, now, None, told=True)
        until = ends if edge is None else min(edge, ends)
        return CustomState(parts, True, over_since, until, now), _STANDS

    def _ended(self, parts: tuple[Part, ...], now: datetime) -> tuple[CustomState, Verdict]:
        if self._clear is not None:  # what led to it is dealt with, and must not raise it again at once
            parts = tuple(
                Part(at=part.at, since=now if watch.settings.form is Form.ABSENCE else None, seen=part.seen)
                for watch, part in zip(self._watches, parts, strict=True)
            )
        until = self._next(parts, now, self._schedule.began(now), told=False)
        return CustomState(parts, False, None, until, now), cleared(self._settings.title, now)

    def _next(
        self, parts: tuple[Part, ...], now: datetime, began: datetime | None, *, told: bool, held: bool = False
    ) -> datetime | None:
        """When it wants to be told the time: a condition's edge, or (not told yet) the schedule's next beginning."""
        until: datetime | None = None
        if told and self._clear is not None:
            return None
        for watch, part in zip(self._watches, parts, strict=True):
            edge = watch.edge(part, now, began)
            if edge is not None and (until is None or edge < until):
                until = edge
        if not told and (held or self._absence) and not self._schedule.active(now):
            begins = self._schedule.next_change(now)
            if begins is not None and (until is None or begins < until):
                until = begins
        return until

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """An absence is not counted while nothing could be heard."""
        assert isinstance(state, CustomState)
        if not self._absence or state.told:
            return state
        deaf = at - stopped
        parts = tuple(
            _moved(part, deaf, at) if watch.settings.form is Form.ABSENCE else part
            for watch, part in zip(self._watches, state.parts, strict=True)
        )
        began = self._schedule.began(at)
        return CustomState(parts, False, None, self._next(parts, at, began, told=False), state.now)


def _moved(part: Part, deaf: timedelta, at: datetime) -> Part:
    assert part.since is not None
    return Part(part.at, min(part.since + deaf, at))


def build(settings: CustomSettings, context: Context) -> tuple[Rule, ...]:
    """One rule.

    Raises:
        BadRuleError: a condition names a device that the resident does not have, or the schedule can't be used.
    """
    mine = tuple(device.id for device in context.devices)
    looked_at: list[tuple[str, Match]] = [
        (f"{'all' if settings.all else 'any'}[{place}]", one) for place, one in enumerate(settings.conditions)
    ]
    if settings.clear is not None:
        looked_at.append(("clear", settings.clear))
    for where, one in looked_at:
        if one.device is not None and one.device not in mine:
            raise BadRuleError(
                f"custom:{settings.id}: {where}.device is {one.device!r}; the resident's devices are: "
                f"{', '.join(mine) or 'none'}{near(one.device, mine)}"
            )
    schedule = build_schedule(settings.schedule, context)
    if settings.schedule is not None and settings.schedule.calendar is None:
        _fits(settings, schedule)
    return (CustomRule(settings, schedule),)


def _fits(settings: CustomSettings, schedule: Schedule) -> None:
    """An absence counts from the beginning of the hours on: one that is longer than these is never told."""
    begins = schedule.next_change(_MONDAY)
    longest = _ZERO
    while begins is not None and begins < _MONDAY + _TWO_WEEKS:
        ends = schedule.next_change(begins)
        if ends is None:
            return
        if schedule.active(begins):
            longest = max(longest, ends - begins)
        begins = ends
    for one in settings.conditions:
        if longest and one.absent_s is not None and timedelta(seconds=one.absent_s) >= longest:
            raise BadRuleError(
                f"custom:{settings.id}: absent_s is {one.absent_s:g}, but it counts from the beginning of the "
                f"schedule, whose longest window is {longest.total_seconds():g} s; expected less, or a longer window"
            )
