"""Zone entry: the wearer is in a forbidden zone, such as a pond, a road, or the kitchen at night.

Water does not wait for a second position: one whose disc lies wholly inside is told at once. A pond may be smaller
than the tracker's accuracy, so that no disc ever lies wholly inside; therefore a position whose *centre* is inside is
told after ``near_s``, one step less urgent, unless one says otherwise. A disc that only touches the zone from outside
is no reason: a walk along the pond would ring all day. Between two positions outside the straight way counts, when
they are near enough in time. A position that nobody could have walked to waits ``jump_within_s`` for a second one.

How all this is decided, with watched hours and companions: rules.zone_watch.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from msgspec.structs import replace
from pydantic import Field

from devices.model import Position
from rules.geometry import ZoneShape
from rules.model import Context, Heard, Pending, Priority, Quiet, Reason, Rule, Verdict
from rules.schedule import Schedule, build_schedule
from rules.way import crossed
from rules.zone_each import EachTracker
from rules.zone_fix import SHARP_M, Side, Spot, apart_m
from rules.zone_settings import LESS, WatchSettings, check_device, companions_of, heard_of, zone_of
from rules.zone_state import How, Stand, WatchState, Where
from rules.zone_watch import Watch

_OUTSIDE = Quiet(Reason("Outside the forbidden zone."))
_AWAY = Quiet(Reason("Beside the forbidden zone, as far as can be said."))


class ZoneEntrySettings(WatchSettings):
    """When entering a forbidden zone is told."""

    name: ClassVar[str] = "zone_entry"
    rule: Literal["zone_entry"] = "zone_entry"
    priority: Priority = Field(
        Priority.HIGH,
        description="High by default: forbidden zones are drawn around water, roads and stairs. What is likely and "
        "not certain is told one step lower.",
    )
    confirmations: int = Field(
        1,
        ge=1,
        le=10,
        description="Positions certainly inside that are needed to tell at once. One: a person under water has a few "
        "minutes, as much as a slow tracker takes for the second position.",
    )
    decide_within_s: float = Field(
        20.0,
        ge=0,
        le=600,
        description="Where more positions are asked for: tell this long after the first, unless one outside came.",
    )
    jump_within_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="The same for a single position that is a jump (see `fastest_mps`). A minute: shorter than for "
        "leaving a zone, because waiting costs more here than a false alarm does.",
    )
    near_s: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="A position whose centre is inside, though its disc is not wholly, is told after this time, one "
        "step less urgent, unless one says otherwise. Half a minute gives most trackers the time for a better one. "
        "Where only certain positions are to be told, set `near_accuracy_m` to 0.",
    )
    near_accuracy_m: float = Field(
        50.0,
        ge=0,
        le=1000,
        description="A position less accurate than this is no reason for that: it may be anywhere around.",
    )
    crossing_s: float = Field(
        60.0,
        ge=0,
        le=600,
        description="Two positions outside so near in time are told when the straight way between them leads through "
        "the zone, one step less urgent. In a minute a person walks 84 m: too little to walk around what is worth a "
        "zone. 0 switches it off.",
    )


class ZoneEntryState(WatchState, frozen=True, tag="zone_entry", omit_defaults=True):
    """See WatchState; bad is inside."""

    each: Mapping[str, "ZoneEntryState"] = {}


class ZoneEntryRule(Watch):
    """See the module."""

    __slots__ = ("_crossing", "_entry", "_near")
    name = "zone_entry"
    bad = Side.INSIDE
    state = ZoneEntryState

    def __init__(
        self, settings: ZoneEntrySettings, zone: ZoneShape, schedule: Schedule, companions: tuple[str, ...]
    ) -> None:
        super().__init__(settings, zone, schedule, companions)
        self._entry = settings
        self._near = timedelta(seconds=settings.near_s)
        self._crossing = timedelta(seconds=settings.crossing_s)

    def _on_good(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        after, verdict = super()._on_good(state, event, accuracy, at)
        if state.stand is Stand.FINE and after is not state and state.active:
            spot, position = state.spot, event.reading
            if spot is not None and isinstance(position, Position) and self._went_through(spot, event, accuracy, at):
                return self._through(after, event, accuracy, at)
        return after, verdict

    def _went_through(self, spot: Spot, event: Heard, accuracy: float, at: datetime) -> bool:
        """Whether the straight way from the last place leads through the zone, and can be believed."""
        position, took = event.reading, at - spot.at
        if not timedelta(0) < took <= self._crossing or accuracy > SHARP_M or not isinstance(position, Position):
            return False
        # a way shorter than the zone is far can't lead through it; most ways end here, for little work
        far = event.distances[self._zone.id]
        if far > self._entry.fastest_mps * took.total_seconds() + accuracy + spot.accuracy_m:
            return False
        if apart_m(spot.lon, spot.lat, position.lon, position.lat) < far:
            return False
        if self._jumped(spot, position, accuracy, at):
            return False
        return crossed(self._zone, (spot.lon, spot.lat), (position.lon, position.lat))

    def _through(self, after: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        """Told, and over with the next position outside: the person is out again already."""
        seen = replace(self._note(after, event, accuracy, at, 0.0), bad_at=None)
        return self._tell(seen, How.THROUGH, event.received_at)

    def _unsure(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        position = event.reading
        if not isinstance(position, Position) or not state.active:
            return super()._unsure(state, event, accuracy, at)
        inside = event.distances[self._zone.id] <= 0
        if not inside and state.stand is Stand.DOUBT and state.how is How.NEAR:
            if state.bad_at is not None and at <= state.bad_at:
                return state, _AWAY
            return replace(state, stand=Stand.FINE, until=None, how=How.ALONE, fixes=()), _AWAY
        if (
            not inside
            or state.stand is not Stand.FINE
            or not 0 < accuracy <= self._entry.near_accuracy_m
            or self._says_nothing(state, at)
            or self._jumped(state.spot, position, accuracy, at)
        ):
            return super()._unsure(state, event, accuracy, at)
        until = event.received_at + self._near
        seen = self._note(state, event, accuracy, at, 0.0)
        near = replace(seen, stand=Stand.DOUBT, until=until, how=How.NEAR)
        if until <= event.received_at:
            return self._tell(near, How.NEAR, event.received_at)
        return near, Pending(until, self._maybe(near))

    def _priority(self, how: How) -> Priority:
        priority = self._entry.priority
        return LESS[priority] if how is How.NEAR or how is How.THROUGH else priority

    def _fine(self) -> Quiet:
        return _OUTSIDE

    def _left_behind(self, device: str, other: str, at: int) -> Reason:
        values: dict[str, float | int | str] = {"device": device, "other": other, "outside_at": at}
        return Reason("{device} says so. {other} was outside at {outside_at}: it may have been left behind.", values)

    def _back(self) -> Reason:
        return Reason("Outside {zone} again.", {"zone": self._zone.name})

    def _maybe(self, state: WatchState) -> Reason:
        where = state.where or Where()
        if where.room is not None:
            return Reason("Perhaps in {zone}: seen in {room}.", self._values(state))
        if where.jump_m and len(state.fixes) == 1:
            return Reason("Perhaps in {zone}, or a jump: {jump_m} away after {jump_s}.", self._values(state))
        return Reason("Perhaps in {zone}, {in_m} from its border (accuracy {accuracy_m}).", self._values(state))

    def _why(self, state: WatchState, how: How) -> Reason:
        values = self._values(state)
        if how is How.COMPANION:
            return Reason("In {zone}, and no companion near any more.", values)
        if how is How.THROUGH:
            return Reason("The straight way between the last two positions leads through {zone}.", values)
        if how is How.NEAR:
            return Reason("Probably in {zone}: {in_m} from its border, but accurate to {accuracy_m} only.", values)
        if how is How.START:
            return Reason("Already in {zone} when the watch began.", values)
        if "room" in values:
            return Reason("In {zone}: seen in {room}.", values)
        return Reason("In {zone}: {in_m} from its border (accuracy {accuracy_m}), positions: {fixes}.", values)

    def _values(self, state: WatchState) -> dict[str, float | int | str]:
        where = state.where or Where()
        values: dict[str, float | int | str] = {
            "zone": self._zone.name,
            "in_m": where.distance_m,
            "accuracy_m": where.accuracy_m,
            "fixes": len(state.fixes),
        }
        if where.room is not None:
            values["room"] = where.room
        if where.jump_m:
            values |= {"jump_m": where.jump_m, "jump_s": where.jump_s}
        return values


def build(settings: ZoneEntrySettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the zone; each of several trackers is judged by itself.

    Raises:
        BadRuleError: there is no such zone, device, calendar, or companion with a tracker.
    """
    zone = zone_of("zone_entry", "zone", settings.zone, context)
    check_device("zone_entry", settings.device, context)
    companions = companions_of("zone_entry", settings.companions, context)
    rule = ZoneEntryRule(settings, zone, build_schedule(settings.schedule, context), companions)
    return (EachTracker(rule, *heard_of(settings.device, context)),)
