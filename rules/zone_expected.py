"""Not where expected: at certain hours somebody should be in a zone, such as the day centre from 09:00 to 15:00.

Told when the person was not seen there by the beginning of the hours and ``grace_minutes``, or was seen certainly
outside for so long during them. Whether it is known where the person is makes the difference: "elsewhere" and "nobody
knows" have words and priorities of their own. Being seen there clears, and so does the end of the hours. Of several
trackers any that is certainly elsewhere is told, unless that is longer ago than ``recent_s``: nobody knows which of
them is with the person (rules.zone_seen).
"""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from rules.geometry import ZoneShape
from rules.model import (
    Cleared,
    Context,
    Event,
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
from rules.schedule import ScheduleSettings, build_schedule
from rules.timing import epoch_ms, seconds
from rules.zone_seen import (
    Seen,
    SeenState,
    Values,
    disagreeing,
    kinds_of,
    measured,
    note,
    only_those,
    person,
    plan_mark,
)
from rules.zone_settings import check_device, heard_of, zone_of

_OTHER = Quiet(Reason("Not a position."))
_NOTED = Quiet(Reason("Noted; nothing changes."))
_THERE = Quiet(Reason("Where expected."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_OFF = Quiet(Reason("Outside the hours."))
_WAITS = Reason("Not where expected; told when it lasts.")

_NOT_PLANNED: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK_AGAIN: Final = timedelta(days=300)
"""A schedule without a change ahead is asked again then: a calendar may have grown."""


class ExpectedSettings(RuleSettings):
    """Where somebody is expected, and when."""

    name: ClassVar[str] = "not_where_expected"
    rule: Literal["not_where_expected"] = "not_where_expected"
    zone: str = Field(min_length=1, description="Id of the zone where the person is expected.")
    schedule: ScheduleSettings = Field(description="When: `weekly` windows, a `calendar`, or both.")
    device: str | None = Field(
        None, description="Only positions of this device count. By default all of the resident's do."
    )
    grace_minutes: float = Field(
        20.0,
        gt=0,
        le=720,
        description="How long after the beginning, or away in between, is told. Twenty minutes are a late bus, or a "
        "walk around the house.",
    )
    priority: Priority = Field(
        Priority.MEDIUM, description="Of somebody who is certainly elsewhere. Medium: somebody should call soon."
    )
    unknown_priority: Priority = Field(
        Priority.LOW, description="When nobody knows. Low: most often the tracker was left at home or has no reception."
    )
    recent_s: float = Field(
        3600.0,
        ge=0,
        le=86_400,
        description="Who was seen there so shortly before the beginning is there already, and who was seen "
        "elsewhere longer ago may be anywhere by now. An hour; yesterday's position says nothing of today.",
    )
    assumed_accuracy_m: float = Field(
        30.0, ge=0, le=1000, description="Accuracy of a position that gives none; see `zone_exit`."
    )


class ExpectedState(SeenState, frozen=True, tag="not_where_expected", omit_defaults=True):
    """``active`` and ``change_at`` are the hours', ``plan`` their mark; ``until`` is when it is told, ``began_at``
    when they began. ``unsure``: what was told is that nobody knows."""

    active: bool = False
    change_at: datetime | None = None
    plan: str = ""
    began_at: datetime | None = None
    until: datetime | None = None
    told: bool = False
    unsure: bool = False


class ExpectedRule:
    """See the module."""

    __slots__ = (
        "_grace",
        "_plan",
        "_recent",
        "_schedule",
        "_settings",
        "_trackers",
        "_zone",
        "devices",
        "key",
        "kinds",
    )
    name = "not_where_expected"

    def __init__(self, settings: ExpectedSettings, zone: ZoneShape, context: Context) -> None:
        self.key = f"not_where_expected:{zone.id}"
        self.devices = None if settings.device is None else frozenset({settings.device})
        self.kinds = kinds_of((zone,))
        self._zone = zone
        self._trackers, _ = heard_of(settings.device, context)
        self._settings = settings
        self._schedule = build_schedule(settings.schedule, context)
        self._plan = plan_mark(settings.schedule, context)
        self._grace = timedelta(minutes=settings.grace_minutes)
        self._recent = timedelta(seconds=settings.recent_s)

    @property
    def zones(self) -> tuple[str, ...]:
        """The zone, when it has distances."""
        return measured((self._zone,))

    def start(self, at: datetime) -> ExpectedState:
        """Nothing heard; in the middle of the hours they begin now."""
        return self._turn(ExpectedState(), at)[0]

    def wake_at(self, state: State) -> datetime | None:
        """When it is told, or the hours begin or end; at once for a state of an older care plan."""
        assert isinstance(state, ExpectedState)
        if state.plan != self._plan or state.change_at is None:
            return _NOT_PLANNED
        return state.change_at if state.until is None else min(state.until, state.change_at)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Note where somebody is, or decide when the time is over."""
        assert isinstance(state, ExpectedState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if event.kind not in self.kinds:
            return state, _OTHER
        after = note(state, event, self._trackers, (self._zone,), self._settings.assumed_accuracy_m)
        if after is state:
            return state, _NOTED if state.until is None else Pending(state.until, _WAITS)
        return self._judge(after, event.received_at) if state.active else (after, _OFF)

    def only_own(self, state: State) -> State:
        """The state without what trackers said that are not the person's any more, or not named any more."""
        assert isinstance(state, ExpectedState)
        return only_those(state, self._trackers)

    def _person(self, state: ExpectedState, now: datetime) -> Seen:
        return person(state, self._trackers, now, self._recent)

    def _judge(self, state: ExpectedState, now: datetime) -> tuple[ExpectedState, Verdict]:
        """Something is known newly during the hours."""
        seen = self._person(state, now)
        if not seen.outside:
            return self._there(state, seen)
        if (state.told and not state.unsure) or not self._is_elsewhere(seen, now):
            return state, _NOTED
        until = state.until or now + self._grace
        return replace(state, until=until), Pending(until, _WAITS)

    def _there(self, state: ExpectedState, seen: Seen) -> tuple[ExpectedState, Verdict]:
        if not self._is_there(seen, state.began_at):
            return state, _NOTED
        after = replace(state, until=None, told=False, unsure=False)
        if state.told:
            return after, Cleared(Reason("Seen in {zone}.", {"zone": self._zone.name}), self._zone.id)
        return after, _THERE

    def _is_elsewhere(self, seen: Seen, at: datetime) -> bool:
        """Whether it is known that the person is elsewhere: yesterday's way home says nothing of today."""
        return seen.outside and seen.outside_at is not None and at - seen.outside_at <= self._recent

    def _is_there(self, seen: Seen, began_at: datetime | None) -> bool:
        if seen.inside_at is None or seen.outside:
            return False
        return began_at is None or began_at - seen.inside_at <= self._recent

    def _tick(self, state: ExpectedState, at: datetime) -> tuple[ExpectedState, Verdict]:
        verdict: Verdict = _NOTHING
        if state.plan != self._plan or state.change_at is None or state.change_at <= at:
            state, verdict = self._turn(state, at)
        if state.until is None or at < state.until:
            return state, verdict
        seen = self._person(state, at)
        if self._is_there(seen, state.began_at):  # by one tracker; what another one said is too old by now
            return self._there(state, seen)
        known = self._is_elsewhere(seen, at)
        after = replace(state, until=None, told=True, unsure=not known)
        priority = self._settings.priority if known else self._settings.unknown_priority
        why = self._elsewhere(state, seen, at) if known else self._not_known(state, seen, at)
        marks = (*seen.marks(at, 300.0), *disagreeing(state, self._trackers, seen)) if known else ()
        return after, Raised(why, priority, self._zone.id, seen.proof(), marks)

    def _turn(self, state: ExpectedState, at: datetime) -> tuple[ExpectedState, Verdict]:
        """The hours begin or end, or are others than they were."""
        active = self._schedule.active(at)
        change = self._schedule.next_change(at) or at + _LOOK_AGAIN
        after = replace(state, active=active, change_at=change, plan=self._plan)
        if active is state.active:
            return after, _NOTHING
        if not active:
            after = replace(after, began_at=None, until=None, told=False, unsure=False)
            over = Cleared(Reason("Nobody is expected in {zone} any more.", {"zone": self._zone.name}), self._zone.id)
            return after, over if state.told else _OFF
        after = replace(after, began_at=at)
        if self._is_there(self._person(state, at), at):
            return after, _THERE
        until = at + self._grace
        return replace(after, until=until), Pending(until, _WAITS)

    def _elsewhere(self, state: ExpectedState, seen: Seen, now: datetime) -> Reason:
        values: Values = {"zone": self._zone.name, "since_at": epoch_ms(state.began_at or now), "out_m": seen.out_m}
        if seen.room is not None:
            return Reason("Expected in {zone} from {since_at}, but seen in {room}.", values | {"room": seen.room})
        values["accuracy_m"] = seen.accuracy_m
        return Reason(
            "Expected in {zone} from {since_at}, but {out_m} from its border (accuracy {accuracy_m}).", values
        )

    def _not_known(self, state: ExpectedState, seen: Seen, now: datetime) -> Reason:
        values: Values = {"zone": self._zone.name, "since_at": epoch_ms(state.began_at or now)}
        seen_at = seen.at
        if seen_at is None:
            return Reason("Expected in {zone} from {since_at}; not known where: no position yet.", values)
        values["silent_s"] = seconds(now - seen_at)
        return Reason("Expected in {zone} from {since_at}; not known where: no position for {silent_s}.", values)


def build(settings: ExpectedSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the zone.

    Raises:
        BadRuleError: there is no such zone, device or calendar.
    """
    zone = zone_of("not_where_expected", "zone", settings.zone, context)
    check_device("not_where_expected", settings.device, context)
    return (ExpectedRule(settings, zone, context),)
