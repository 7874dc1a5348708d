"""Zone exit: the wearer left a safe zone.

A fix is a disc: its centre and its accuracy. The disc wholly inside is *inside*, wholly outside is *outside*, and
anything else is *unknown*, which is neither. Leaving needs several fixes outside, or one and no fix inside since for
``decide_within_s``; coming back needs one fix inside. So a fix that wavers on the border never makes an alert flap.

Order is by the time of the fix; a fix that is not newer than the last judged one changes nothing. Deadlines count
from when a fix was *heard*, so that late data is decided too.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import Field

from devices.model import Position
from rules.errors import BadRuleError
from rules.geometry import ZoneShape
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
    Verdict,
)
from rules.timing import lost, seconds

_OTHER = Quiet(Reason("Not a position."))
_OLD_ORDER = Quiet(Reason("A newer position was judged already; this one changes nothing."))
_INSIDE = Quiet(Reason("Inside the zone."))
_UNKNOWN = Quiet(Reason("The position is too inexact to say whether it is inside or outside."))
_STILL_OUT = Quiet(Reason("Still outside; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))

_ROUGH: Final = frozenset({"cell", "gateway"})
"""A position from a radio mast says where the mast is: without an accuracy it is unknown, not assumed exact."""


class ZoneExitSettings(RuleSettings):
    """When leaving a zone is told."""

    name: ClassVar[str] = "zone_exit"
    rule: Literal["zone_exit"] = "zone_exit"
    zone: str = Field(min_length=1, description="Id of the zone in the centre's GeoJSON file.")
    device: str | None = Field(
        None,
        description="Only positions of this device count. By default all of the resident's do; name one where a "
        "second tracker stays at home.",
    )
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
        "all between houses; 1 tells on the first.",
    )
    decide_within_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="With fewer positions outside than that, tell this long after the first was heard, unless one "
        "inside came. A minute gives a tracker that reports every half "
        "minute the chance of a second position.",
    )
    assumed_accuracy_m: float = Field(
        30.0,
        ge=0,
        le=1000,
        description="Accuracy of a position that gives none. Phones reach 4.9 m under open sky (GPS.gov, GPS "
        "Accuracy); pendants near houses and under clothes are several times worse.",
    )
    old_after_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="A position older than this when it is heard is judged, but told with its age: after five "
        "minutes on foot the person may be 400 m away from it.",
    )


class Side(StrEnum):
    """Where a fix is. UNKNOWN is not OUTSIDE."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class Stand(StrEnum):
    """Where the rule is."""

    INSIDE = "inside"  # or nothing heard yet
    LEAVING = "leaving"  # outside, not confirmed
    OUT = "out"  # told


class ZoneExitState(State, frozen=True, tag="zone_exit", omit_defaults=True):
    """``fixed_at`` is the last judged fix; the rest belongs to a LEAVING that is not decided yet.

    ``until`` is when it is told anyway; ``fixes`` are the fixes outside so far, ``out_m`` and ``accuracy_m`` those of
    the last one, ``age_s`` the age of the oldest when it was heard.
    """

    stand: Stand = Stand.INSIDE
    fixed_at: datetime | None = None
    until: datetime | None = None
    fixes: tuple[Evidence, ...] = ()
    out_m: float = 0.0
    accuracy_m: float = 0.0
    age_s: float = 0.0


class ZoneExitRule:
    """See the module."""

    __slots__ = ("_assumed_m", "_back", "_decide_within", "_settings", "_zone", "devices", "key", "zones")
    name = "zone_exit"
    kinds = frozenset({"position"})

    def __init__(self, settings: ZoneExitSettings, zone: ZoneShape) -> None:
        self.key = f"zone_exit:{zone.id}"
        self.devices = None if settings.device is None else frozenset({settings.device})
        self.zones = (zone.id,)
        self._zone = zone
        self._settings = settings
        self._decide_within = timedelta(seconds=settings.decide_within_s)
        self._assumed_m = settings.assumed_accuracy_m
        self._back = Cleared(Reason("Back inside {zone}.", {"zone": zone.name}), zone.id)

    def start(self, at: datetime) -> ZoneExitState:
        """Nothing heard: the first fix outside counts as an exit too."""
        return ZoneExitState()

    def wake_at(self, state: State) -> datetime | None:
        """When a LEAVING is decided."""
        assert isinstance(state, ZoneExitState)
        return state.until

    def side(self, position: Position, distance_m: float) -> tuple[Side, float]:
        """Where a fix is whose centre is ``distance_m`` from the border (negative inside), and its accuracy (m)."""
        accuracy = position.accuracy_m
        if accuracy is None:
            if position.source in _ROUGH:
                return Side.UNKNOWN, 0.0
            accuracy = self._assumed_m
        if distance_m > accuracy:
            return Side.OUTSIDE, accuracy
        return (Side.INSIDE if distance_m <= -accuracy else Side.UNKNOWN), accuracy

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:  # noqa: PLR0911 - one for each outcome
        """Judge a fix, or decide when the time is over."""
        assert isinstance(state, ZoneExitState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        position = event.reading
        if not isinstance(position, Position):
            return state, _OTHER
        # a fix from the future is a wrong clock: it must not make all later ones look old
        fixed_at = event.at
        if position.fixed_at is not None and not lost(position.fixed_at, event.received_at):
            fixed_at = min(position.fixed_at, event.received_at)
        if state.fixed_at is not None and fixed_at <= state.fixed_at:
            return state, _OLD_ORDER
        distance = event.distances[self._zone.id]
        side, accuracy = self.side(position, distance)
        match side:
            case Side.INSIDE:
                back = self._back if state.stand is Stand.OUT else _INSIDE
                return ZoneExitState(fixed_at=fixed_at), back
            case Side.UNKNOWN:
                return self._unknown(state, fixed_at)
            case Side.OUTSIDE if state.stand is Stand.OUT:
                return ZoneExitState(Stand.OUT, fixed_at), _STILL_OUT
            case Side.OUTSIDE:
                return self._outside(state, event, fixed_at, distance, accuracy)

    def _unknown(self, state: ZoneExitState, fixed_at: datetime) -> tuple[State, Verdict]:
        after = ZoneExitState(
            state.stand, fixed_at, state.until, state.fixes, state.out_m, state.accuracy_m, state.age_s
        )
        if state.until is None:
            return after, _UNKNOWN
        return after, Pending(state.until, _UNKNOWN.reason)

    def _outside(
        self, state: ZoneExitState, event: Heard, fixed_at: datetime, distance: float, accuracy: float
    ) -> tuple[State, Verdict]:
        until = state.until or event.received_at + self._decide_within
        fixes = (*state.fixes, Evidence(event.frame, event.kind, event.device, fixed_at))
        age_s = max(state.age_s, seconds(event.received_at - fixed_at))
        leaving = ZoneExitState(Stand.LEAVING, fixed_at, until, fixes, round(distance), round(accuracy), age_s)
        if len(fixes) >= self._settings.confirmations:
            why = Reason(
                "Outside {zone}: {out_m} from its border (accuracy {accuracy_m}), {fixes} positions in a row.",
                self._values(leaving),
            )
            return self._raised(leaving, why)
        if until <= event.received_at:
            return self._tick(leaving, event.received_at)
        return leaving, Pending(
            until, Reason("Perhaps outside {zone}: {out_m} from its border.", self._values(leaving))
        )

    def _tick(self, state: ZoneExitState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or at < state.until:
            return state, _NOTHING
        why = Reason(
            "Outside {zone}: {out_m} from its border (accuracy {accuracy_m}), and no position inside since.",
            self._values(state),
        )
        return self._raised(state, why)

    def _raised(self, state: ZoneExitState, why: Reason) -> tuple[State, Verdict]:
        old = state.age_s > self._settings.old_after_s
        return ZoneExitState(Stand.OUT, state.fixed_at), Raised(
            why,
            self._settings.priority,
            subject=self._zone.id,
            evidence=state.fixes,
            marks=(Reason("The position was {age_s} old when it was heard.", {"age_s": state.age_s}),) if old else (),
        )

    def _values(self, state: ZoneExitState) -> dict[str, float | int | str]:
        return {
            "zone": self._zone.name,
            "out_m": state.out_m,
            "accuracy_m": state.accuracy_m,
            "fixes": len(state.fixes),
        }


def build(settings: ZoneExitSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the zone.

    Raises:
        BadRuleError: there is no such zone or device.
    """
    zone = context.zones.get(settings.zone)
    if zone is None:
        known = ", ".join(sorted(context.zones)) or "none"
        raise BadRuleError(f"zone_exit: zone is {settings.zone!r}; the zones are: {known}")
    if settings.device is not None and settings.device not in {device.id for device in context.devices}:
        known = ", ".join(sorted(device.id for device in context.devices)) or "none"
        raise BadRuleError(f"zone_exit: device is {settings.device!r}; the resident's devices are: {known}")
    return (ZoneExitRule(settings, zone),)
