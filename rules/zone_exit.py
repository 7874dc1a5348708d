"""Zone exit: the wearer left a safe zone.

A fix is a disc: its centre and its accuracy. The disc wholly inside is *inside*, wholly outside is *outside*, and
anything else is *unknown*, which is neither. Leaving needs several fixes outside, or one and no fix inside since for
``decide_within_s``; coming back needs one fix inside, or two when the alert was taken back and came again shortly
before. So a fix that wavers on the border never makes an alert flap. Who is never certainly outside, and never inside
either, is told of after ``unsure_after_s``.

A single fix that nobody could have walked to (a jump) waits longer, ``jump_within_s``, for a second opinion: GPS
between houses jumps out and back. It is told in the end, with a mark, because a ride in a car looks the same. How all
this is decided: rules.zone_watch.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from devices.model import Position
from rules.geometry import ZoneShape
from rules.model import Context, Heard, Pending, Priority, Quiet, Reason, Rule, Verdict
from rules.schedule import Schedule, build_schedule
from rules.zone_each import EachTracker
from rules.zone_fix import Side, Spot
from rules.zone_settings import LESS, WatchSettings, check_device, companions_of, heard_of, zone_of
from rules.zone_state import How, Stand, WatchState, Where, ZoneExitState
from rules.zone_watch import Watch
from rules.zone_watched import NEAR

_INSIDE = Quiet(Reason("Inside the zone."))
_STILL = Quiet(Reason("Still so; told already."))

_UNSURE_M: Final = 100.0
"""A larger disc with its centre outside is no reason to worry: indoors many trackers fall back to radio masts."""


class ZoneExitSettings(WatchSettings):
    """When leaving a zone is told."""

    name: ClassVar[str] = "zone_exit"
    rule: Literal["zone_exit"] = "zone_exit"
    priority: Priority = Field(
        Priority.HIGH,
        description="High by default: a safe zone is drawn for people who are in danger alone outside, and the "
        "area to search grows with every minute (at 1.4 m/s, a usual walking speed, 84 m a minute).",
    )
    confirmations: int = Field(
        2,
        ge=1,
        le=10,
        description="Positions outside that are needed to tell at once. Two, because single positions jump, most of "
        "all between houses; 1 tells on the first, be it a jump or not.",
    )
    decide_within_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="With fewer positions outside than that, tell this long after the first was heard, unless one "
        "inside came. A minute gives a tracker that reports every half "
        "minute the chance of a second position.",
    )
    jump_within_s: float = Field(
        360.0,
        ge=0,
        le=3600,
        description="The same for a single position that is a jump (see `fastest_mps`). Six minutes give a tracker "
        "that reports every five the chance to take it back; a ride in a car is told by its second position. 0: a "
        "jump counts as any other position, and none waits for the tracker's next one.",
    )
    unsure_after_s: float = Field(
        900.0,
        ge=0,
        le=86_400,
        description="When positions only say that the person is perhaps outside (the centre is, the disc overlaps the "
        "zone), and none says inside for so long, that is told once, one step less urgent. A quarter of an hour is "
        "too long for a chance of the reception, and on foot the person may be 1.3 km away. 0: never.",
    )
    wavering_s: float = Field(
        600.0,
        ge=0,
        le=3600,
        description="An alert that comes again so soon after it was taken back wavers: from then on one position "
        "inside does not take it back, two in a row do. Ten minutes: nobody walks out, home and out again much "
        "faster, while a tracker at a window does so all day. 0: one position inside is always enough.",
    )


def _perhaps(state: WatchState) -> bool:
    """Whether what waits or was told is not certain."""
    return state.how is How.NEAR and (state.stand is Stand.DOUBT or state.stand is Stand.TOLD)


class ZoneExitRule(Watch):
    """See the module."""

    __slots__ = ("_exit", "_unsure_after")
    name = "zone_exit"
    bad = Side.OUTSIDE
    by_sides = True
    state = ZoneExitState

    def __init__(
        self, settings: ZoneExitSettings, zone: ZoneShape, schedule: Schedule, companions: tuple[str, ...] = ()
    ) -> None:
        super().__init__(settings, zone, schedule, companions)
        self._exit = settings
        self._unsure_after = timedelta(seconds=settings.unsure_after_s)
        self._soon = timedelta(seconds=settings.wavering_s)

    @staticmethod
    def first_tells(settings: WatchSettings) -> bool:
        """With one confirmation: a care plan that asks for the first position gets it."""
        return settings.confirmations == 1

    def _unsure(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        """A disc that overlaps: with its centre outside, for too long, it is told."""
        position, doubt = event.reading, _perhaps(state)
        if (
            not self._unsure_after
            or not isinstance(position, Position)
            or accuracy > _UNSURE_M
            or not (doubt or (state.stand is Stand.FINE and not state.told and state.active))
            or (state.good_at is not None and at <= state.good_at)
            or (state.bad_at is not None and at <= state.bad_at)
            or (doubt and state.out is not None and at <= state.out.at)
        ):
            return super()._unsure(state, event, accuracy, at)
        if event.distances[self._zone.id] <= 0:
            if state.stand is Stand.DOUBT:
                state = replace(state, stand=Stand.FINE, until=None, how=How.ALONE, fixes=())
            return super()._unsure(state, event, accuracy, at)
        if state.stand is Stand.TOLD:
            return replace(state, out=Spot(position.lon, position.lat, accuracy, at)), _STILL
        base = state if doubt else replace(state, fixes=(), where=None, until=event.received_at + self._unsure_after)
        # certain it is not: what is known of the good and the bad side stays as it was
        seen = self._note(base, event, accuracy, at, 0.0)
        seen = replace(seen, bad_at=state.bad_at, spot=state.spot, stand=Stand.DOUBT, how=How.NEAR)
        assert seen.until is not None
        return seen, Pending(seen.until, self._maybe(seen))

    def _on_good(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        if _perhaps(state) and state.out is not None and at < state.out.at:
            return super()._unsure(state, event, accuracy, at)
        return super()._on_good(state, event, accuracy, at)

    def _on_bad(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        """Certain now: it is decided as if nothing had been told, and told with its full priority."""
        unsure = state.how is How.NEAR and state.stand is not Stand.FINE
        if unsure and state.active and not self._says_nothing(replace(state, fixes=()), at):
            state = replace(state, stand=Stand.FINE, until=None, how=How.ALONE, fixes=())
        return super()._on_bad(state, event, accuracy, at)

    def _tick(self, state: WatchState, at: datetime) -> tuple[WatchState, Verdict]:
        if state.until is not None and at >= state.until and state.stand is Stand.DOUBT and _perhaps(state):
            near = self._company(state, at) if state.company else None
            if near is not None:
                return replace(state, until=near), Pending(near, NEAR)
        return super()._tick(state, at)

    def _priority(self, how: How) -> Priority:
        return LESS[self._exit.priority] if how is How.NEAR else self._exit.priority

    def _fine(self) -> Quiet:
        return _INSIDE

    def _left_behind(self, device: str, other: str, at: int) -> Reason:
        values: dict[str, float | int | str] = {"device": device, "other": other, "inside_at": at}
        return Reason("{device} says so. {other} was inside at {inside_at}: it may have been left behind.", values)

    def _back(self) -> Reason:
        return Reason("Back inside {zone}.", {"zone": self._zone.name})

    def _maybe(self, state: WatchState) -> Reason:
        where = state.where or Where()
        if where.room is not None:
            return Reason("Perhaps outside {zone}: seen in {room}.", self._values(state))
        if where.jump_m and len(state.fixes) == 1:
            return Reason("Perhaps outside {zone}, or a jump: {jump_m} away after {jump_s}.", self._values(state))
        return Reason("Perhaps outside {zone}: {out_m} from its border.", self._values(state))

    def _why(self, state: WatchState, how: How) -> Reason:
        return self._maybe(state) if how is How.NEAR else self._why_sure(state, how)

    def _why_sure(self, state: WatchState, how: How) -> Reason:
        values = self._values(state)
        if how is How.COMPANION:
            return Reason("Outside {zone}, {out_m} from its border, and no companion near any more.", values)
        if "room" in values:
            if how is How.START:
                return Reason("Already outside {zone} when the watch began: seen in {room}.", values)
            return Reason("Outside {zone}: seen in {room}.", values)
        if how is How.START:
            return Reason("Already outside {zone} when the watch began: {out_m} from its border.", values)
        if how is How.ROW:
            return Reason(
                "Outside {zone}: {out_m} from its border (accuracy {accuracy_m}), {fixes} positions in a row.", values
            )
        return Reason(
            "Outside {zone}: {out_m} from its border (accuracy {accuracy_m}), and no position inside since.", values
        )

    def _values(self, state: WatchState) -> dict[str, float | int | str]:
        where = state.where or Where()
        values: dict[str, float | int | str] = {
            "zone": self._zone.name,
            "out_m": where.distance_m,
            "accuracy_m": where.accuracy_m,
            "fixes": len(state.fixes),
        }
        if where.room is not None:
            values["room"] = where.room
        if where.jump_m:
            values |= {"jump_m": where.jump_m, "jump_s": where.jump_s}
        return values


def build(settings: ZoneExitSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the zone; each of several trackers is judged by itself.

    Raises:
        BadRuleError: there is no such zone, device, calendar, or companion with a tracker.
    """
    zone = zone_of("zone_exit", "zone", settings.zone, context)
    check_device("zone_exit", settings.device, context)
    companions = companions_of("zone_exit", settings.companions, context)
    rule = ZoneExitRule(settings, zone, build_schedule(settings.schedule, context), companions)
    return (EachTracker(rule, *heard_of(settings.device, context)),)
