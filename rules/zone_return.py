"""Return by: not back in a zone at a time of the day, such as home at 18:00.

At that time the last certain position decides: outside is told; inside is not, however quiet the tracker is indoors;
and when there is no certain position, or only one older than ``recent_s``, it is told that nobody knows. Every day's
deadline tells by itself; coming back clears. Of several trackers any that is certainly outside is told, unless that is
longer ago than ``recent_s``: nobody knows which of them is with the person (rules.zone_seen).
"""

from datetime import UTC, datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from rules.geometry import ZoneShape
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
from rules.night import Daily, WallClock
from rules.schedule import Days, Schedule, ScheduleSettings, build_schedule, weekdays
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
_NOTED = Quiet(Reason("Noted; it is decided at the time of the return."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_NOT_TODAY = Quiet(Reason("No return is expected today."))
_NOT_PLANNED: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ReturnBySettings(RuleSettings):
    """By when somebody is expected back."""

    name: ClassVar[str] = "return_by"
    rule: Literal["return_by"] = "return_by"
    zone: str = Field(min_length=1, description="Id of the zone where the person is expected back.")
    device: str | None = Field(
        None, description="Only positions of this device count. By default all of the resident's do."
    )
    by: WallClock = Field(
        time(18, 0),
        description="Back by this time, wall-clock time in the centre's time zone. An early supper; set the person's "
        "own, before dark.",
    )
    days: Days = Field("daily", description='On which days: "daily", "mon-fri" or "sat,sun".')
    schedule: ScheduleSettings | None = Field(
        None, description="Only a deadline that falls into these hours counts; by default every one does."
    )
    priority: Priority = Field(
        Priority.MEDIUM, description="Of somebody who is certainly outside. Medium: somebody should call soon."
    )
    unknown_priority: Priority = Field(
        Priority.LOW, description="When nobody knows. Low: most often the tracker lies at home, switched off."
    )
    recent_s: float = Field(
        86_400.0,
        ge=60,
        le=604_800,
        description="A position inside older than this no longer says that the person is back. A day: indoors a "
        "tracker may find no position for hours.",
    )
    assumed_accuracy_m: float = Field(
        30.0, ge=0, le=1000, description="Accuracy of a position that gives none; see `zone_exit`."
    )


class ReturnByState(SeenState, frozen=True, tag="return_by", omit_defaults=True):
    """``due_at`` is the next deadline, ``plan`` the mark of the settings that it comes from."""

    due_at: datetime | None = None
    plan: str = ""
    told: bool = False


class ReturnByRule:
    """See the module."""

    __slots__ = (
        "_days",
        "_deadline",
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
    name = "return_by"

    def __init__(self, settings: ReturnBySettings, zone: ZoneShape, context: Context) -> None:
        self.key = f"return_by:{zone.id}"
        self.devices = None if settings.device is None else frozenset({settings.device})
        self.kinds = kinds_of((zone,))
        self._zone = zone
        self._trackers, _ = heard_of(settings.device, context)
        self._settings = settings
        self._days = weekdays(settings.days)
        self._deadline = Daily(settings.by, settings.by, context.timezone)
        self._schedule: Schedule = build_schedule(settings.schedule, context)
        self._plan = f"{settings.by} {settings.days} {plan_mark(settings.schedule, context)}"
        self._recent = timedelta(seconds=settings.recent_s)

    @property
    def zones(self) -> tuple[str, ...]:
        """The zone, when it has distances."""
        return measured((self._zone,))

    def start(self, at: datetime) -> ReturnByState:
        """Nothing heard."""
        return ReturnByState(due_at=self._next(at), plan=self._plan)

    def wake_at(self, state: State) -> datetime | None:
        """The next deadline; at once for a state of an older care plan."""
        assert isinstance(state, ReturnByState)
        return state.due_at if state.plan == self._plan else _NOT_PLANNED

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Note where somebody is, or decide at the deadline."""
        assert isinstance(state, ReturnByState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if event.kind not in self.kinds:
            return state, _OTHER
        after = note(state, event, self._trackers, (self._zone,), self._settings.assumed_accuracy_m)
        if after is not state and state.told:
            before, seen = self._person(state, event.received_at), self._person(after, event.received_at)
            if not seen.outside and (before.outside or seen.inside_at != before.inside_at):
                return replace(after, told=False), Cleared(self._back(), self._zone.id)
        return after, _NOTED

    def only_own(self, state: State) -> State:
        """The state without what trackers said that are not the person's any more, or not named any more."""
        assert isinstance(state, ReturnByState)
        return only_those(state, self._trackers)

    def _person(self, state: ReturnByState, now: datetime) -> Seen:
        return person(state, self._trackers, now, self._recent)

    def _tick(self, state: ReturnByState, at: datetime) -> tuple[ReturnByState, Verdict]:
        due = state.due_at
        if state.plan != self._plan:
            return replace(state, due_at=self._next(at), plan=self._plan), _NOTHING
        if due is None or at < due:
            return state, _NOTHING
        after = replace(state, due_at=self._next(max(at, due)))
        if not self._schedule.active(due):
            return after, _NOT_TODAY
        seen = self._person(state, at)
        if seen.inside_at is not None and not seen.outside and due - seen.inside_at <= self._recent:
            return after, Quiet(self._back())
        priority = self._settings.priority if seen.outside else self._settings.unknown_priority
        marks = (*seen.marks(at, 300.0), *disagreeing(state, self._trackers, seen)) if seen.outside else ()
        raised = Raised(self._why(seen, due), priority, self._zone.id, seen.proof(), marks)
        return replace(after, told=True), raised

    def _next(self, at: datetime) -> datetime:
        """The first deadline after ``at``."""
        day = at.astimezone(self._deadline.zone).date()
        while True:
            due, _ = self._deadline.window(day)
            if due > at and day.weekday() in self._days:
                return due
            day += timedelta(days=1)

    def _back(self) -> Reason:
        return Reason("Back in {zone}.", {"zone": self._zone.name})

    def _why(self, seen: Seen, due: datetime) -> Reason:
        values: Values = {"zone": self._zone.name, "by_at": epoch_ms(due), "out_m": seen.out_m}
        if seen.outside and seen.room is not None:
            return Reason("Not back in {zone} by {by_at}: last seen in {room}.", values | {"room": seen.room})
        if seen.outside:
            values["accuracy_m"] = seen.accuracy_m
            return Reason(
                "Not back in {zone} by {by_at}: last {out_m} from its border (accuracy {accuracy_m}).", values
            )
        if seen.inside_at is None:
            return Reason("Not known whether back in {zone} by {by_at}: no position yet.", values)
        values["silent_s"] = seconds(due - seen.inside_at)
        return Reason("Not known whether back in {zone} by {by_at}: no certain position for {silent_s}.", values)


def build(settings: ReturnBySettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the zone.

    Raises:
        BadRuleError: there is no such zone, device or calendar.
    """
    zone = zone_of("return_by", "zone", settings.zone, context)
    check_device("return_by", settings.device, context)
    return (ReturnByRule(settings, zone, context),)
