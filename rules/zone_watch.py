"""What leaving a safe zone and entering a forbidden one have in common: one machine, told which side is bad.

What is known is kept as two times, whatever the order in which fixes arrive: the latest fix that is certainly good,
and the latest certainly bad one. A bad fix counts when it is not older than the latest good one, a good fix when it is
newer than the latest bad one. So an older fix never undoes newer knowledge, and a late one never hides an exit.

Every wait is bounded: DOUBT by ``decide_within_s`` (after a jump by ``jump_within_s``), ACCOMPANIED by
``companion_fresh_s``, RETURNING by ``jump_within_s``. Deadlines count from when something was *heard*.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from msgspec.structs import replace

from devices.model import Position, Room
from rules.geometry import ZoneShape
from rules.model import Cleared, Event, Evidence, Heard, Pending, Priority, Quiet, Raised, Reason, State, Verdict
from rules.schedule import Schedule
from rules.timing import seconds
from rules.zone_fix import (
    ROUGH,
    SHARP_M,
    Side,
    Spot,
    behind,
    fixed_at,
    jumped_m,
    near_until,
    room_side,
    side_of,
)
from rules.zone_settings import WatchSettings
from rules.zone_state import How, Stand, WatchState, Where

_OTHER = Quiet(Reason("Not a position."))
_OLD_ORDER = Quiet(Reason("A newer position was judged already; this one changes nothing."))
_UNKNOWN = Quiet(Reason("The position is too inexact to say whether it is inside or outside."))
_STILL = Quiet(Reason("Still so; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_NOT_WATCHED = Quiet(Reason("Outside the watched hours."))
_COMPANION = Quiet(Reason("Where a companion is."))
_NEAR = Reason("A companion is near.")

_NOT_PLANNED: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""A schedule that the state does not know yet is looked up at once."""

_LOOK_AGAIN: Final = timedelta(days=300)
"""A schedule without a change ahead is asked again then: a calendar may have grown."""

_KEPT: Final = 10
"""No more fixes are kept as evidence; ``confirmations`` ends there too."""


_SELDOM: Final = 0.1
"""While all is fine a companion's place is noted this seldom, as a part of ``companion_fresh_s``, to save writes."""


_PLAIN: Final = frozenset({How.ALONE, How.NEAR})
"""Doubts of which enough positions say all there is to say."""


class Watch:
    """The machine; a rule gives the bad side, its state and its words."""

    __slots__ = (
        "_decide",
        "_foot",
        "_fresh",
        "_grace",
        "_jump",
        "_known",
        "_schedule",
        "_scheduled",
        "_settings",
        "_zone",
        "devices",
        "key",
        "kinds",
        "others",
        "zones",
    )
    name: ClassVar[str]
    bad: ClassVar[Side]
    state: ClassVar[type[WatchState]]

    def __init__(
        self, settings: WatchSettings, zone: ZoneShape, schedule: Schedule, companions: Sequence[str] = ()
    ) -> None:
        self.key = f"{self.name}:{zone.id}"
        self.devices = None if settings.device is None else frozenset({settings.device})
        self.others = frozenset(companions)
        self.zones: tuple[str, ...] = (zone.id,) if zone.has_ground else ()
        self.kinds = frozenset({"position"} if zone.has_ground else ()) | ({"room"} if zone.rooms else set())
        self._zone = zone
        self._settings = settings
        self._schedule = schedule
        self._scheduled = not schedule.always
        self._decide = timedelta(seconds=settings.decide_within_s)
        self._jump = max(self._decide, timedelta(seconds=settings.jump_within_s))
        self._foot = settings.fastest_mps
        self._grace = timedelta(seconds=settings.start_grace_s)
        self._known = timedelta(seconds=settings.recent_s)
        self._fresh = timedelta(seconds=settings.companion_fresh_s)

    # what a rule says, in its own words

    def _why(self, state: WatchState, how: How) -> Reason:
        """Why it is told."""
        raise NotImplementedError

    def _maybe(self, state: WatchState) -> Reason:
        """Why it waits."""
        raise NotImplementedError

    def _fine(self) -> Quiet:
        """On the good side."""
        raise NotImplementedError

    def _back(self) -> Reason:
        """On the good side again."""
        raise NotImplementedError

    # the rule

    def start(self, at: datetime) -> WatchState:
        """Nothing heard: the first fix on the bad side counts too."""
        if not self._scheduled:
            return self.state()
        return self.state(active=self._schedule.active(at), change_at=self._change_after(at))

    def wake_at(self, state: State) -> datetime | None:
        """When something that waits is decided, or the watch begins or ends."""
        assert isinstance(state, WatchState)
        if not self._scheduled:
            return state.until
        change = state.change_at or _NOT_PLANNED
        return change if state.until is None else min(change, state.until)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """Judge a fix, note where a companion is, or decide when the time is over."""
        assert isinstance(state, WatchState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if not event.own:
            return self._hear_companion(state, event)
        if self._scheduled:
            state = self._plan(state, event.received_at)
        reading = event.reading
        accuracy = 0.0
        if isinstance(reading, Position) and self.zones:
            side, accuracy = side_of(reading, event.distances[self._zone.id], self._settings.assumed_accuracy_m)
        elif isinstance(reading, Room) and self._zone.rooms:
            side = room_side(reading, self._zone.rooms)
        else:
            return state, _OTHER
        at, late = fixed_at(event), state.behind
        known = state.good_at
        if state.bad_at is not None and (known is None or state.bad_at > known):
            known = state.bad_at
        if known is None or at > known:
            late = None
        else:
            late = behind(late, at, event.received_at)
            if late is not None and late.sure and late is not state.behind:
                at = event.received_at
        after, verdict = self._judge(state, event, side, accuracy, at)
        return after if after.behind is late else replace(after, behind=late), verdict

    def _judge(
        self, state: WatchState, event: Heard, side: Side, accuracy: float, at: datetime
    ) -> tuple[WatchState, Verdict]:
        if side is Side.UNKNOWN:
            return self._unsure(state, event, accuracy, at)
        if side is self.bad:
            return self._on_bad(state, event, accuracy, at)
        return self._on_good(state, event, accuracy, at)

    def _unsure(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        return state, _UNKNOWN if state.until is None else Pending(state.until, _UNKNOWN.reason)

    def _on_good(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        if state.good_at is not None and at <= state.good_at:
            return state, _OLD_ORDER
        if state.bad_at is not None and at <= state.bad_at:
            if state.stand is not Stand.DOUBT:
                return state, _OLD_ORDER
            later = tuple(fix for fix in state.fixes if fix.at > at)
            assert state.until is not None
            return replace(state, good_at=at, fixes=later or state.fixes[-1:]), Pending(state.until, _OLD_ORDER.reason)
        position = event.reading
        spot = state.spot
        if accuracy <= SHARP_M and isinstance(position, Position):
            spot = Spot(position.lon, position.lat, accuracy, at)
        if state.told and state.stand is not Stand.RETURNING and self._jumped(state.out, position, accuracy, at):
            until = event.received_at + self._jump
            back = replace(state, stand=Stand.RETURNING, good_at=at, until=until, spot=spot, fixes=())
            return back, Pending(until, Reason("One position says back, too far for the time: not sure yet."))
        after = self.state(good_at=at, spot=spot, company=state.company, active=state.active, change_at=state.change_at)
        return after, Cleared(self._back(), self._zone.id) if state.told else self._fine()

    def _jumped(self, spot: Spot | None, position: object, accuracy: float, at: datetime) -> float:
        """Metres that nobody can have walked since ``spot``; 0: no jump, or nothing to compare with."""
        if spot is None or not isinstance(position, Position):
            return 0.0
        return jumped_m(spot, position, accuracy, at, self._foot)

    def _on_bad(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        stand = state.stand
        if self._says_nothing(state, at):
            return state, _OLD_ORDER
        jump_m = self._jumped(state.spot, event.reading, accuracy, at)
        seen = self._note(state, event, accuracy, at, jump_m)
        if stand is Stand.RETURNING or (stand is Stand.TOLD and state.how is not How.NEAR):
            return replace(seen, stand=Stand.TOLD, until=None, fixes=seen.fixes[-1:]), _STILL
        if not state.active:
            return replace(seen, fixes=seen.fixes[-1:]), _NOT_WATCHED
        if stand is Stand.ACCOMPANIED:
            return self._with_companion(replace(seen, fixes=seen.fixes[-1:]), event.received_at)
        return self._doubt(seen, event.received_at, jump=jump_m > 0)

    @staticmethod
    def _says_nothing(state: WatchState, at: datetime) -> bool:
        """Whether a bad fix of that time is older than what is known, or counted already.

        In doubt a late one counts too, each once.
        """
        if state.good_at is not None and at < state.good_at:
            return True
        if state.bad_at is not None and at <= state.bad_at and state.stand is not Stand.DOUBT:
            return True
        return any(fix.at == at for fix in state.fixes)

    def _note(self, state: WatchState, event: Heard, accuracy: float, at: datetime, jump_m: float) -> WatchState:
        """The state with one more bad fix in it; where it stands is not decided here."""
        position, where, spot, out = event.reading, state.where, state.spot, state.out
        age_s = seconds(event.received_at - at)
        if state.stand is Stand.DOUBT and where is not None:
            age_s = max(age_s, where.age_s)
        fixes = (*state.fixes, Evidence(event.frame, event.kind, event.device, at))[-_KEPT:]
        if state.bad_at is not None and at <= state.bad_at:
            return replace(state, where=where and replace(where, age_s=age_s), fixes=fixes)
        if isinstance(position, Position):
            jump_s = seconds(abs(at - spot.at)) if jump_m and spot is not None else 0.0
            distance = abs(event.distances[self._zone.id])
            where = Where(round(distance), round(accuracy), None, age_s, round(jump_m), jump_s)
            out = Spot(position.lon, position.lat, accuracy, at)
            if not jump_m and accuracy <= SHARP_M:
                spot = out
        else:
            where = Where(room=position.room if isinstance(position, Room) else None, age_s=age_s)
        return replace(state, bad_at=at, where=where, spot=spot, out=out, fixes=fixes)

    def _doubt(self, state: WatchState, now: datetime, *, jump: bool) -> tuple[WatchState, Verdict]:
        """One more fix on the bad side: enough now, or wait."""
        count = len(state.fixes)
        until = now + (self._jump if jump and count == 1 else self._decide)
        if state.stand is Stand.DOUBT and state.until is not None:
            until = min(until, state.until)
        waiting = replace(state, stand=Stand.DOUBT, until=until)
        if count >= self._settings.confirmations and not (jump and count == 1):
            return self._tell(waiting, How.ROW if state.how in _PLAIN else state.how, now)
        if until <= now:
            return self._tell(waiting, state.how, now)
        return waiting, Pending(until, self._maybe(waiting))

    def _tick(self, state: WatchState, at: datetime) -> tuple[WatchState, Verdict]:
        if self._scheduled:
            state = self._plan(state, at)
        if state.until is None or at < state.until:
            return state, _NOTHING
        if state.stand is Stand.RETURNING:
            after = self.state(
                good_at=state.good_at,
                spot=state.spot,
                company=state.company,
                active=state.active,
                change_at=state.change_at,
            )
            return after, Cleared(self._back(), self._zone.id)
        if state.stand is Stand.ACCOMPANIED:
            return self._tell(state, How.COMPANION, at)
        return self._tell(state, state.how, at)

    # hours

    def _change_after(self, at: datetime) -> datetime:
        return self._schedule.next_change(at) or at + _LOOK_AGAIN

    def _plan(self, state: WatchState, now: datetime) -> WatchState:
        """Begin or end the watch; also heals a state of another schedule."""
        if state.change_at is not None and now < state.change_at and state.active is self._schedule.active(now):
            return state
        change = self._change_after(now)
        active = self._schedule.active(now)
        if active is state.active:
            return state if change == state.change_at else replace(state, change_at=change)
        after = replace(state, active=active, change_at=change)
        if not active:
            if state.stand is Stand.DOUBT or state.stand is Stand.ACCOMPANIED:
                stand = Stand.TOLD if state.told else Stand.FINE
                return replace(after, stand=stand, until=None, how=How.ALONE, fixes=state.fixes[-1:])
            return after
        return self._begin(after, now)

    def _begin(self, state: WatchState, now: datetime) -> WatchState:
        """A watch begins. It tells anew: who answered the alert of the last one has closed it."""
        if state.bad_at is None or (state.good_at is not None and state.good_at > state.bad_at):
            return state
        if not state.fixes or now - state.bad_at > self._known:
            return replace(state, stand=Stand.FINE, until=None, fixes=())
        return replace(state, stand=Stand.DOUBT, until=now + self._grace, how=How.START)

    # companions

    def _hear_companion(self, state: WatchState, event: Heard) -> tuple[WatchState, Verdict]:
        position = event.reading
        if not isinstance(position, Position):
            return state, _OTHER
        accuracy = position.accuracy_m
        if accuracy is None:
            if position.source in ROUGH:
                return state, _COMPANION
            accuracy = self._settings.assumed_accuracy_m
        at, before = fixed_at(event), state.company.get(event.device)
        if before is not None and at <= before.at:
            return state, _COMPANION
        if before is not None and state.stand is Stand.FINE and at - before.at < self._fresh * _SELDOM:
            return state, _COMPANION
        spot = Spot(position.lon, position.lat, accuracy, at)
        after = replace(state, company={**state.company, event.device: spot})
        if state.stand is Stand.ACCOMPANIED:
            return self._with_companion(after, event.received_at)
        return after, _COMPANION

    def _company(self, state: WatchState, now: datetime) -> datetime | None:
        within = self._settings.companion_within_m
        company = [spot for device, spot in state.company.items() if device in self.others]
        until = near_until(state.out, company, within, self._fresh)
        return until if until is not None and until > now else None

    def _with_companion(self, state: WatchState, now: datetime) -> tuple[WatchState, Verdict]:
        until = self._company(state, now)
        if until is not None:
            return replace(state, until=until), Pending(until, _NEAR)
        until = now + self._decide
        return self._doubt(replace(state, stand=Stand.DOUBT, until=until, how=How.COMPANION), now, jump=False)

    # telling

    def _tell(self, state: WatchState, how: How, now: datetime) -> tuple[WatchState, Verdict]:
        until = self._company(state, now) if state.company else None
        if until is not None:
            fixes = state.fixes[-1:]
            return replace(state, stand=Stand.ACCOMPANIED, until=until, fixes=fixes), Pending(until, _NEAR)
        raised = Raised(
            self._why(state, how),
            self._priority(how),
            subject=self._zone.id,
            evidence=state.fixes,
            marks=self._marks(state),
        )
        told = replace(
            state,
            stand=Stand.TOLD,
            told=True,
            until=None,
            how=How.NEAR if how is How.NEAR or how is How.THROUGH else How.ALONE,
            fixes=state.fixes[-1:],
            spot=state.out or state.spot,
        )
        return told, raised

    def _priority(self, how: How) -> Priority:
        return self._settings.priority

    def _marks(self, state: WatchState) -> tuple[Reason, ...]:
        where, marks = state.where or Where(), []
        if where.age_s > self._settings.old_after_s:
            marks.append(Reason("The position was {age_s} old when it was heard.", {"age_s": where.age_s}))
        if state.behind is not None and state.behind.sure:
            marks.append(state.behind.mark())
        if where.jump_m and len(state.fixes) == 1:
            values: dict[str, float | int | str] = {"jump_m": where.jump_m, "jump_s": where.jump_s}
            marks.append(Reason("One position only, {jump_m} away after {jump_s}: it may be an error.", values))
        return tuple(marks)
