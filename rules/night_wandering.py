"""Wandering at night inside the building: from place to place again and again, or long in other rooms than one's own.

A *change* is movement in another place than the one before: another room, a corridor, a door. Movement again and again
in the same place is none, so who reads in bed or walks to the toilet and back is not told. While the bed sensor says
in bed, movement is somebody else's and counts for nothing. A corridor is everybody's: its sensors (``corridors``) count
only shortly after the person was seen by a sensor of their own, or walked on from there.

Readings are taken in the order in which they happened; an older one changes nothing.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import ConfigDict, Field

from devices.model import Bed
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
    Tick,
    Verdict,
)
from rules.night import WallClock
from rules.nightly import SEEN_SLACK, newer, night_of, place_of, rooms_of
from rules.schedule import Schedule, ScheduleSettings
from rules.timing import heard_late, seconds

LATE_S: Final = 60.0
"""Wandering heard later than this is marked with its age; the same minute as for a help call."""

_DAY = Quiet(Reason("Not in the night."))
_IN_BED = Quiet(Reason("In bed; movement is somebody else's."))
_OLDER = Quiet(Reason("Something newer was judged already; this changes nothing."))
_SAME = Quiet(Reason("In the same place as before."))
_WENT = Quiet(Reason("In another place than before."))
_OTHER = Quiet(Reason("It says nothing of where somebody is."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))


class NightWanderingSettings(RuleSettings):
    """When going about at night is told."""

    model_config = ConfigDict(populate_by_name=True)

    name: ClassVar[str] = "night_wandering"
    rule: Literal["night_wandering"] = "night_wandering"
    since: WallClock = Field(
        time(22, 0),
        alias="from",
        description="When the night begins, wall-clock time in the centre's time zone. A usual bedtime; set the "
        "person's own.",
    )
    until: WallClock = Field(
        time(6, 0), alias="to", description="When the night ends, wall-clock time. After it, being up is no news."
    )
    schedule: ScheduleSettings | None = Field(
        None, description="Another time in the place of `from` and `to`: windows of the week, or a calendar."
    )
    changes: int = Field(
        6,
        ge=2,
        le=50,
        description="So many changes of place within `within_minutes` are told. A walk to the toilet and back is two "
        "to four, with a corridor between.",
    )
    within_minutes: float = Field(
        30.0,
        ge=5,
        le=240,
        description="The time in which changes are counted, and after which a person who stays in one place is calm "
        "again. Half an hour holds a bout of restlessness, and parts two walks to the toilet.",
    )
    own_room: str | None = Field(
        None,
        max_length=128,
        description="The person's own room, as the sensors name it. With it, being elsewhere for `away_minutes` is "
        "told.",
    )
    away_minutes: float = Field(
        20.0,
        ge=1,
        le=600,
        description="How long in other rooms than `own_room` is told. As for being out of bed: longer than a visit to "
        "the toilet without haste.",
    )
    corridors: tuple[str, ...] = Field(
        (), description="Motion and door sensors of the house by which the person may come; their ids."
    )
    near_s: float = Field(
        120.0,
        ge=10,
        le=1800,
        description="A corridor's movement counts this long after the person was last seen. Two minutes: a slow "
        "walker is at the next sensor by then, and staff on their round rarely follow so closely.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: somebody should look soon, before a fall or a way out of the house.",
    )


class NightWanderingState(State, frozen=True, tag="night_wandering", omit_defaults=True):
    """``place`` is where the person was seen last, at ``seen_at``; ``moves`` when the place changed; ``away_since``
    when the own room was left; ``until`` when there is something to decide."""

    in_bed: bool | None = None
    bed_at: datetime | None = None
    place: str | None = None
    seen_at: datetime | None = None
    moves: tuple[datetime, ...] = ()
    away_since: datetime | None = None
    until: datetime | None = None
    told: bool = False
    evidence: tuple[Evidence, ...] = ()


class NightWanderingRule:
    """See the module."""

    __slots__ = ("_away", "_changes", "_near", "_night", "_own_room", "_priority", "_rooms", "_within", "others")
    name = "night_wandering"
    key = "night_wandering"
    kinds = frozenset({"motion", "room", "bed"})
    devices: frozenset[str] | None = None
    zones: tuple[str, ...] = ()

    def __init__(self, settings: NightWanderingSettings, night: Schedule, rooms: dict[str, str]) -> None:
        self._night = night
        self._changes = settings.changes
        self._within = timedelta(minutes=settings.within_minutes)
        self._own_room = settings.own_room
        self._away = timedelta(minutes=settings.away_minutes)
        self._near = timedelta(seconds=settings.near_s)
        self._priority = settings.priority
        self._rooms = rooms
        self.others = frozenset(settings.corridors)

    def start(self, at: datetime) -> NightWanderingState:
        """Nobody was seen."""
        return NightWanderingState()

    def wake_at(self, state: State) -> datetime | None:
        """When being away becomes too long, or when it is calm again."""
        assert isinstance(state, NightWanderingState)
        return state.until

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """In or out of bed, seen somewhere, or time passed."""
        assert isinstance(state, NightWanderingState)
        if isinstance(event, Heard):
            if isinstance(event.reading, Bed):
                return self._bed(state, event, in_bed=event.reading.in_bed)
            if not self._night.active(event.at):
                return state, _DAY
            return self._seen(state, event)
        return self._tick(state, event.at) if isinstance(event, Tick) else (state, _NOTHING)

    def _bed(self, state: NightWanderingState, event: Heard, *, in_bed: bool) -> tuple[State, Verdict]:
        if not newer(event.at, state.bed_at):
            return state, _OLDER
        if in_bed is state.in_bed:
            return state, _SAME
        if not in_bed:
            return replace(state, in_bed=False, bed_at=event.at), _WENT
        after = NightWanderingState(True, event.at)
        return after, Cleared(Reason("Back in bed.")) if state.told else _IN_BED

    def _seen(self, state: NightWanderingState, event: Heard) -> tuple[State, Verdict]:
        at = event.at
        place = place_of(event, self._rooms)
        if place is None:
            return state, _OTHER
        if state.in_bed:
            return state, _IN_BED
        seen_at = state.seen_at
        if seen_at is not None and at < seen_at:
            return state, _OLDER
        if not event.own and (seen_at is None or at - seen_at > self._near):
            return state, _OTHER
        if place == state.place and seen_at is not None:
            return (state if at - seen_at < SEEN_SLACK else replace(state, seen_at=at)), _SAME
        return self._went(state, event, place)

    def _went(self, state: NightWanderingState, event: Heard, place: str) -> tuple[State, Verdict]:
        at = event.at
        fresh = seen_long_ago(state.seen_at, self._night.began(at))
        moves = () if fresh else (*(one for one in state.moves if at - one < self._within), at)[-self._changes :]
        away = None
        if self._own_room is not None and place != self._own_room:
            away = at if fresh or state.away_since is None else state.away_since
        after = replace(
            state,
            place=place,
            seen_at=at,
            moves=moves,
            away_since=away,
            evidence=(*state.evidence, event.evidence())[-self._changes :],
            told=state.told and not fresh,
        )
        after = replace(after, until=self._decided_at(after))
        if not after.told and len(moves) >= self._changes:
            why = Reason(
                "From place to place {moves} times within {span_s} in the night.",
                {"moves": len(moves), "span_s": seconds(moves[-1] - moves[0])},
            )
            return self._raise(after, why, heard_late(event, LATE_S))
        if after.until is not None and not after.told:
            return after, Pending(after.until, Reason("In another room; told when it lasts."))
        return after, _WENT

    def _decided_at(self, state: NightWanderingState) -> datetime | None:
        """Calm again so long after the last change, at the night's end at the latest; or away for too long."""
        assert state.seen_at is not None
        if not state.told:
            due = None if state.away_since is None else state.away_since + self._away
            return due if due is not None and self._night.active(due) else None
        end = self._night.next_change(state.seen_at)
        calm = None if state.away_since is not None else state.seen_at + self._within
        return min((one for one in (calm, end) if one is not None), default=None)

    def _raise(
        self, state: NightWanderingState, why: Reason, marks: tuple[Reason, ...]
    ) -> tuple[NightWanderingState, Verdict]:
        told = replace(state, told=True)
        told = replace(told, until=self._decided_at(told))
        return told, Raised(why, self._priority, evidence=state.evidence, marks=marks)

    def _tick(self, state: NightWanderingState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or at < state.until or state.seen_at is None:
            return state, _NOTHING
        if state.told:
            calm = NightWanderingState(state.in_bed, state.bed_at, state.place, state.seen_at)
            if self._night.active(at):
                # movement in the same place is stored late; so the last change counts
                return calm, Cleared(Reason("In one place again."))
            return calm, Cleared(Reason("The night is over."))
        assert state.away_since is not None
        why = Reason(
            "In other rooms than the own one for {away_s} in the night.", {"away_s": seconds(at - state.away_since)}
        )
        told, verdict = self._raise(state, why, ())
        if told.until is not None and told.until <= at:  # the Tick came late, the night is over
            told = replace(told, until=at + self._within)
        return told, verdict


def seen_long_ago(seen_at: datetime | None, began: datetime | None) -> bool:
    """Whether the person was not seen yet in this night."""
    return seen_at is None or (began is not None and seen_at < began)


def build(settings: NightWanderingSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident.

    Raises:
        BadRuleError: a corridor is no device of the house.
    """
    house = {device.id for device in context.surroundings}
    for name in settings.corridors:
        if name not in house:
            raise BadRuleError(
                f"night_wandering: corridors names {name!r}, which is no device of the house (assigned to nobody); "
                f"these are: {', '.join(sorted(house)) or 'none'}"
            )
    night = night_of(settings.since, settings.until, settings.schedule, context)
    return (NightWanderingRule(settings, night, rooms_of((*context.devices, *context.surroundings))),)
