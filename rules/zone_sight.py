"""Out of sight: outside of every safe zone, and then nothing more is heard of where.

Outside alone is told by ``zone_exit``. This rule tells when the trail ends: no new position for ``after_s``, the
tracker offline, or its battery low while there is still time to act. A message that repeats an old fix is no new
position, and neither is a rough one that does not even say on which side. The time in which the gateway itself heard
nothing does not count.

Each of several trackers is judged by itself (rules.zone_each): a telephone that lies at home is no trail of the pendant
that is outside.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import Field

from devices.model import Position, Status
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
from rules.timing import seconds
from rules.zone_each import EachTracker
from rules.zone_fix import ROUGH
from rules.zone_seen import Seen, Values, kinds_of, left_behind, look, measured
from rules.zone_settings import check_device, heard_of, zone_of
from rules.zone_state import Parted

_OTHER = Quiet(Reason("Nothing about where, nor about the battery."))
_INSIDE = Quiet(Reason("Not outside: nothing to watch."))
_STALE = Quiet(Reason("No new position."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_WAITS = Reason("Outside; told when no new position comes.")
_AGAIN = Reason("There is a position again.")
_BACK = Reason("Back in a safe zone.")

_ROUGH_M: Final = 500.0
"""A position less accurate than this, which may be inside as well as outside, is no trail that could be followed."""

_RECOVERED: Final = 5.0
"""Percent above the limit at which a battery is no longer low: it recovers a little after a load."""


class OutOfSightSettings(RuleSettings):
    """When losing sight of somebody outside is told."""

    name: ClassVar[str] = "out_of_sight"
    rule: Literal["out_of_sight"] = "out_of_sight"
    zones: tuple[str, ...] = Field(min_length=1, description="Ids of the safe zones: outside means outside of all.")
    device: str | None = Field(
        None, description="Only this device counts. By default all of the resident's do that say where."
    )
    after_s: float = Field(
        900.0,
        ge=30,
        le=86_400,
        description="No new position for so long, outside, is told. A quarter of an hour: three positions of a tracker "
        "that reports every five minutes are missing, and on foot the person may be 1.3 km away.",
    )
    offline_after_s: float = Field(
        120.0,
        ge=0,
        le=86_400,
        description="A tracker that is reported offline outside is told after this time, unless it is heard again. "
        "Two minutes outlast a tunnel or a change of the mobile cell.",
    )
    battery_percent: float = Field(
        15.0,
        ge=1,
        le=95,
        description="A battery at or below this, outside, is told while the person can still be found. At 15 % most "
        "pendants have an hour or more left.",
    )
    priority: Priority = Field(
        Priority.HIGH,
        description="Of the lost trail. High by default: nobody knows where the person is, and the area to search "
        "grows.",
    )
    battery_priority: Priority = Field(
        Priority.MEDIUM,
        description="Of the low battery. Medium by default: it is still known where the person is.",
    )
    assumed_accuracy_m: float = Field(
        30.0, ge=0, le=1000, description="Accuracy of a position that gives none; see `zone_exit`."
    )


class Lost(StrEnum):
    """What was told."""

    NO = "no"
    BATTERY = "battery"
    TRAIL = "trail"


class OutOfSightState(Parted, frozen=True, tag="out_of_sight", omit_defaults=True):
    """``fix_at`` is the time of the newest fix, ``heard_at`` when it was heard; ``until`` when the trail is lost.

    ``low``: the battery is; ``percent`` what it said last; ``offline``: reported so.
    """

    seen: Seen = Seen()
    fix_at: datetime | None = None
    heard_at: datetime | None = None
    until: datetime | None = None
    told: Lost = Lost.NO
    low: bool = False
    percent: float | None = None
    offline: bool = False
    each: Mapping[str, "OutOfSightState"] = {}


def _rough(event: Heard) -> bool:
    """Whether nobody could be found by that position."""
    position = event.reading
    if not isinstance(position, Position):
        return False
    if position.accuracy_m is None:
        return position.source in ROUGH
    return position.accuracy_m > _ROUGH_M


def _same(one: Seen, other: Seen) -> bool:
    """Whether it says nothing new of the side."""
    return one.inside_at == other.inside_at and one.outside_at == other.outside_at


class OutOfSightRule:
    """See the module."""

    __slots__ = ("_after", "_offline_after", "_settings", "_zones", "devices", "kinds", "zones")
    name = "out_of_sight"
    key = "out_of_sight"
    others: frozenset[str] = frozenset()
    soon = timedelta(0)

    def __init__(self, settings: OutOfSightSettings, zones: tuple[ZoneShape, ...]) -> None:
        self.devices = None if settings.device is None else frozenset({settings.device})
        self.kinds = kinds_of(zones) | {"status"}
        self.zones = measured(zones)
        self._zones = zones
        self._settings = settings
        self._after = timedelta(seconds=settings.after_s)
        self._offline_after = timedelta(seconds=settings.offline_after_s)

    def start(self, at: datetime) -> OutOfSightState:
        """Nothing heard; ``zone_exit`` and ``silent`` tell of who never was."""
        return OutOfSightState()

    def wake_at(self, state: State) -> datetime | None:
        """When the trail is lost."""
        assert isinstance(state, OutOfSightState)
        return state.until

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: it waits so much longer."""
        assert isinstance(state, OutOfSightState)
        if state.until is None or state.heard_at is None:
            return state
        deaf = at - max(stopped, state.heard_at)
        return replace(state, until=state.until + deaf) if deaf > timedelta(0) else state

    # what rules.zone_each asks

    def anew(self, like: State) -> OutOfSightState:
        """Nothing heard."""
        return OutOfSightState()

    def rests_on(self, state: State) -> str | None:
        """The device of the last certain fix."""
        assert isinstance(state, OutOfSightState)
        return None if state.seen.evidence is None else state.seen.evidence.device

    def stands(self, state: State) -> bool:
        """Whether something was told that is not over."""
        assert isinstance(state, OutOfSightState)
        return state.told is not Lost.NO

    def rang_until(self, state: State) -> datetime | None:
        """It never wavers: each position ends it, and it takes ``after_s`` to come again."""
        return None

    def wavering(self, state: Parted) -> Parted:
        """See :meth:`rang_until`."""
        return state

    def otherwise(self, state: State, device: str, other: str) -> Reason | None:
        """When the other tracker was inside last."""
        assert isinstance(state, OutOfSightState)
        return left_behind(state.seen, device, other)

    # what is heard

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """A position, a word of the battery, or the time is over."""
        assert isinstance(state, OutOfSightState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if isinstance(event.reading, Status):
            return self._status(state, event, event.reading)
        if event.kind not in self.kinds:
            return state, _OTHER
        return self._position(state, event)

    def _position(self, state: OutOfSightState, event: Heard) -> tuple[OutOfSightState, Verdict]:
        seen, at = look(state.seen, event, self._zones, self._settings.assumed_accuracy_m)
        if (state.fix_at is not None and at <= state.fix_at) or (_rough(event) and _same(seen, state.seen)):
            # an old fix may say that the person is outside; it does not say that the trail goes on
            late = state if seen is state.seen else replace(state, seen=seen)
            return self._watch(late, event.received_at) if late.until is None else (late, _STALE)
        after = replace(state, seen=seen, fix_at=at, heard_at=event.received_at, offline=False, until=None)
        if not seen.outside:
            done = replace(after, told=Lost.NO)
            return done, _INSIDE if state.told is Lost.NO else Cleared(_BACK)
        if state.told is Lost.TRAIL:
            after = replace(after, told=Lost.BATTERY if state.low else Lost.NO)
            watched, _ = self._watch(after, event.received_at)
            return watched, Pending(watched.until, _WAITS) if state.low and watched.until else Cleared(_AGAIN)
        return self._watch(after, event.received_at)

    def _watch(self, state: OutOfSightState, now: datetime) -> tuple[OutOfSightState, Verdict]:
        """Outside: set the deadline, and tell of a low battery once."""
        if not state.seen.outside:
            return state, _INSIDE
        if state.told is Lost.TRAIL:
            return state, _STALE
        heard_at = state.heard_at or now
        until = heard_at + self._after
        if state.offline:
            until = min(until, now + self._offline_after)
        after = replace(state, until=until)
        if state.low and state.told is Lost.NO:
            return replace(after, told=Lost.BATTERY), self._raised(after, self._battery(after), now)
        if until <= now:
            return self._tick(after, now)
        return after, Pending(until, _WAITS)

    def _status(self, state: OutOfSightState, event: Heard, status: Status) -> tuple[OutOfSightState, Verdict]:
        low, percent, offline = state.low, status.battery_percent, state.offline
        if percent is None:
            low = low if status.low_battery is None else status.low_battery
        else:
            low = percent <= self._settings.battery_percent + (_RECOVERED if low else 0.0)
        if status.online is not None:
            offline = not status.online
        percent = state.percent if percent is None else percent
        if (low, offline, percent) == (state.low, state.offline, state.percent):
            return state, _OTHER
        after = replace(state, low=low, offline=offline, percent=percent)
        if state.told is Lost.BATTERY and not low:
            return replace(after, told=Lost.NO), Cleared(Reason("The battery is charged again."))
        if state.until is None and state.seen.outside and state.told is Lost.TRAIL:
            return after, _STALE
        if low is state.low and offline is state.offline:
            return after, _OTHER
        return self._watch(after, event.received_at)

    def _tick(self, state: OutOfSightState, at: datetime) -> tuple[OutOfSightState, Verdict]:
        if state.until is None or at < state.until:
            return state, _NOTHING
        return replace(state, until=None, told=Lost.TRAIL), self._raised(state, self._trail(state, at), at)

    def _raised(self, state: OutOfSightState, why: Reason, now: datetime) -> Raised:
        trail = state.until is not None and state.until <= now
        priority = self._settings.priority if trail else self._settings.battery_priority
        marks = list(state.seen.marks(now, 0.0))
        if trail and state.low:
            low: Values = {} if state.percent is None else {"battery_percent": state.percent}
            marks.append(
                Reason("Its battery was low: {battery_percent}.", low) if low else Reason("Its battery was low.")
            )
        return Raised(why, priority, evidence=state.seen.proof(), marks=tuple(marks))

    def _battery(self, state: OutOfSightState) -> Reason:
        values = self._values(state)
        if state.percent is None:
            return Reason("Outside {zone}, {out_m} from its border, and the tracker's battery is low.", values)
        values["battery_percent"] = state.percent
        return Reason("Outside {zone}, {out_m} from its border, and the tracker has {battery_percent} left.", values)

    def _trail(self, state: OutOfSightState, now: datetime) -> Reason:
        values = self._values(state)
        values["silent_s"] = seconds(now - (state.heard_at or now))
        if state.offline:
            return Reason("Outside {zone}, last {out_m} from its border, and the tracker is offline.", values)
        if state.seen.room is not None:
            return Reason("Outside {zone}, last seen in {room}, and not seen for {silent_s}.", values)
        return Reason("Outside {zone}, last {out_m} from its border, and no new position for {silent_s}.", values)

    def _values(self, state: OutOfSightState) -> Values:
        seen = state.seen
        values: Values = {"zone": seen.zone, "out_m": seen.out_m, "accuracy_m": seen.accuracy_m}
        return values if seen.room is None else values | {"room": seen.room}


class EachOutOfSight(EachTracker):
    """The same for each of the person's trackers."""

    __slots__ = ("_one_rule",)

    def __init__(self, rule: OutOfSightRule, trackers: tuple[str, ...], known: tuple[str, ...]) -> None:
        super().__init__(rule, trackers, known)
        self._one_rule = rule

    def resumed(self, state: State, stopped: datetime, at: datetime) -> State:
        """The gateway was deaf: each waits so much longer."""
        assert isinstance(state, OutOfSightState)
        resumed = self._one_rule.resumed
        each = {device: resumed(one, stopped, at) for device, one in state.each.items()}
        after = resumed(state, stopped, at)
        if all(each[device] is one for device, one in state.each.items()):
            return after
        return replace(after, each=each)


def build(settings: OutOfSightSettings, context: Context) -> tuple[Rule, ...]:
    """One rule over all the zones; each of several trackers is judged by itself.

    Raises:
        BadRuleError: there is no such zone or device.
    """
    zones = tuple(zone_of("out_of_sight", "zones", zone, context) for zone in dict.fromkeys(settings.zones))
    check_device("out_of_sight", settings.device, context)
    return (EachOutOfSight(OutOfSightRule(settings, zones), *heard_of(settings.device, context)),)
