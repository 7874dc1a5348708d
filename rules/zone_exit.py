"""Zone exit: the wearer left a safe zone.

A fix is a disc: its centre and its accuracy. The disc wholly inside is *inside*, wholly outside is *outside*, and
anything else is *unknown*, which is neither. Leaving needs several fixes outside, or one and no fix inside since for
``decide_within_s``; coming back needs one fix inside. So a fix that wavers on the border never makes an alert flap.

A single fix that nobody could have walked to (a jump) waits longer, ``jump_within_s``, for a second opinion: GPS
between houses jumps out and back. It is told in the end, with a mark, because a ride in a car looks the same. How all
this is decided: rules.zone_watch.
"""

from typing import ClassVar, Literal

from pydantic import Field

from rules.model import Context, Priority, Quiet, Reason, Rule
from rules.schedule import build_schedule
from rules.zone_fix import Side
from rules.zone_settings import WatchSettings, check_device, companions_of, zone_of
from rules.zone_state import How, WatchState, Where
from rules.zone_watch import Watch

_INSIDE = Quiet(Reason("Inside the zone."))


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
        "jump counts as any other position.",
    )


class ZoneExitState(WatchState, frozen=True, tag="zone_exit", omit_defaults=True):
    """See WatchState; bad is outside."""


class ZoneExitRule(Watch):
    """See the module."""

    __slots__ = ()
    name = "zone_exit"
    bad = Side.OUTSIDE
    by_sides = True
    state = ZoneExitState

    @staticmethod
    def first_tells(settings: WatchSettings) -> bool:
        """With one confirmation: a care plan that asks for the first position gets it."""
        return settings.confirmations == 1

    def _fine(self) -> Quiet:
        return _INSIDE

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
    """One rule for the zone.

    Raises:
        BadRuleError: there is no such zone, device, calendar, or companion with a tracker.
    """
    zone = zone_of("zone_exit", "zone", settings.zone, context)
    check_device("zone_exit", settings.device, context)
    companions = companions_of("zone_exit", settings.companions, context)
    return (ZoneExitRule(settings, zone, build_schedule(settings.schedule, context), companions),)
