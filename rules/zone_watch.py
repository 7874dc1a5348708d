"""What leaving a safe zone and entering a forbidden one have in common: one machine, told which side is bad.

What is known is kept as two times, whatever the order in which fixes arrive: the latest fix that is certainly good,
and the latest certainly bad one. A bad fix counts when it is not older than the latest good one, a good fix when it is
newer than the latest bad one. So an older fix never undoes newer knowledge, and a late one never hides an exit.

Every wait is bounded: DOUBT by ``decide_within_s`` (after a jump by ``jump_within_s``), ACCOMPANIED by
``companion_fresh_s``, RETURNING by ``jump_within_s``. Deadlines count from when something was *heard*.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from devices.model import Position, Room
from rules.model import Cleared, Event, Evidence, Heard, Pending, Quiet, Reason, State, Verdict
from rules.timing import seconds
from rules.zone_fix import (
    ROUGH,
    SHARP_M,
    Side,
    Spot,
    behind,
    fixed_at,
    jumped_m,
    room_side,
    side_of,
)
from rules.zone_state import How, Stand, WatchState, Where
from rules.zone_watched import NEAR, NOT_PLANNED, Watched

_OTHER = Quiet(Reason("Not a position."))
_OLD_ORDER = Quiet(Reason("A newer position was judged already; this one changes nothing."))
_UNKNOWN = Quiet(Reason("The position is too inexact to say whether it is inside or outside."))
_STILL = Quiet(Reason("Still so; told already."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))
_NOT_WATCHED = Quiet(Reason("Outside the watched hours."))
_COMPANION = Quiet(Reason("Where a companion is."))

_KEPT: Final = 10
"""No more fixes are kept as evidence; ``confirmations`` ends there too."""

_SELDOM: Final = 0.1
"""While all is fine a companion's place is noted this seldom, as a part of ``companion_fresh_s``, to save writes."""

_FAR_M: Final = 50.0
"""A first fix this far on the bad side is either somebody on the way for a minute already, or an error."""

_ERRED: Final = timedelta(hours=12)
"""For so long, a night, after one fix alone was told and the next one took it back, near ones wait, too."""

_NEXT: Final = 1.25
"""The next fix is expected after the time between the last two, and a quarter for the network."""

_PLAIN: Final = frozenset({How.ALONE, How.NEAR})
"""Doubts of which enough positions say all there is to say."""


class Watch(Watched):
    """The machine; a rule gives the bad side, its state and its words."""

    __slots__ = ()

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
        change = state.change_at or NOT_PLANNED
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
        elif self.by_sides and state.stand is Stand.FINE and (still := self._still_fine(state, event)) is not None:
            return still, self._fine()
        elif not state.active:  # its schedule was taken out of the care plan
            state = replace(state, active=True, change_at=None)
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

    def _still_fine(self, state: WatchState, event: Heard) -> WatchState | None:
        """The usual case, without detours: one more sharp and newer fix inside; None: anything else.

        What :meth:`_on_good` says of it, at half the cost; thousands a second come this way.
        """
        position, known = event.reading, state.good_at
        if position.__class__ is not Position or state.told or state.behind is not None or not self.zones:
            return None
        assert isinstance(position, Position)
        accuracy = position.accuracy_m
        if accuracy is None or accuracy > SHARP_M:
            return None
        distance = event.distances[self._zone.id]
        if distance > -accuracy:
            return None
        at = event.at if position.fixed_at is None else fixed_at(event)
        if (known is not None and at <= known) or (state.bad_at is not None and at <= state.bad_at):
            return None
        return self.state(  # as _good; without a schedule it is always active
            good_at=at,
            spot=Spot(position.lon, position.lat, accuracy, at),
            company=state.company,
            every_s=state.every_s if known is None else (at - known).total_seconds(),
            cleared_at=state.cleared_at,
            single=state.single,
            device=state.device,
        )

    def _good(self, state: WatchState, at: datetime | None, spot: Spot | None) -> WatchState:
        """All is fine, by a fix of that time; of what was before only what is still of use."""
        every_s, known = state.every_s, state.good_at
        if self.by_sides and known is not None and at is not None and at > known:
            every_s = (at - known).total_seconds()
        return self.state(
            good_at=at,
            spot=spot,
            company=state.company,
            active=state.active,
            change_at=state.change_at,
            every_s=every_s,
            cleared_at=state.cleared_at,
            single=state.single,
            device=state.device,
        )

    def _cleared(self, state: WatchState, at: datetime | None, spot: Spot | None, now: datetime) -> WatchState:
        """The same, when an alert is taken back."""
        after = self._good(state, at, spot)
        return replace(after, every_s=state.every_s, cleared_at=now) if self.by_sides else after

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
        older = state.bad_at is not None and at <= state.bad_at
        if (state.good_at is not None and at <= state.good_at) or (older and state.stand is not Stand.DOUBT):
            return state, _OLD_ORDER
        if older:
            later = tuple(fix for fix in state.fixes if fix.at > at)
            assert state.until is not None
            return replace(state, good_at=at, fixes=later or state.fixes[-1:]), Pending(state.until, _OLD_ORDER.reason)
        position = event.reading
        spot = state.spot
        if accuracy <= SHARP_M and isinstance(position, Position):
            spot = Spot(position.lon, position.lat, accuracy, at)
        if not state.told:
            return self._good(state, at, spot), self._fine()
        if state.wavers and state.stand is Stand.TOLD and not self._good_last(state):
            return replace(state, good_at=at, spot=spot), _STILL
        if state.stand is not Stand.RETURNING and self._jumped(state.out, position, accuracy, at):
            until = event.received_at + self._jump
            back = replace(state, stand=Stand.RETURNING, good_at=at, until=until, spot=spot, fixes=())
            return back, Pending(until, Reason("One position says back, too far for the time: not sure yet."))
        return self._cleared(state, at, spot, event.received_at), Cleared(self._back(), self._zone.id)

    @staticmethod
    def _good_last(state: WatchState) -> bool:
        """Whether the newest fix that said something was a good one."""
        if state.good_at is None or (state.bad_at is not None and state.good_at <= state.bad_at):
            return False
        return state.out is None or state.good_at > state.out.at

    def _jumped(self, spot: Spot | None, position: object, accuracy: float, at: datetime) -> float:
        """Metres that nobody can have walked since ``spot``; 0: no jump, or nothing to compare with."""
        if spot is None or self._foot is None or not isinstance(position, Position):
            return 0.0
        return jumped_m(spot, position, accuracy, at, self._foot)

    def _on_bad(self, state: WatchState, event: Heard, accuracy: float, at: datetime) -> tuple[WatchState, Verdict]:
        stand = state.stand
        if self._says_nothing(state, at):
            return state, _OLD_ORDER
        if stand is Stand.TOLD and state.how is not How.NEAR and not self._scheduled:
            position, out = event.reading, state.out
            if isinstance(position, Position):
                out = Spot(position.lon, position.lat, accuracy, at)
            return replace(state, bad_at=at, out=out, single=False), _STILL
        if stand is Stand.RETURNING or (stand is Stand.TOLD and state.how is not How.NEAR):
            seen = self._note(state, event, accuracy, at, 0.0)
            return replace(seen, stand=Stand.TOLD, until=None, fixes=seen.fixes[-1:]), _STILL
        jump_m = self._jumped(state.spot, event.reading, accuracy, at)
        seen = self._note(state, event, accuracy, at, jump_m)
        if not state.active:
            return replace(seen, fixes=seen.fixes[-1:]), _NOT_WATCHED
        if stand is Stand.ACCOMPANIED:
            return self._with_companion(replace(seen, fixes=seen.fixes[-1:]), event.received_at)
        lone_s = 0.0 if jump_m else self._lone_s(state, seen, at)
        return self._doubt(seen, event.received_at, jump=jump_m > 0, until=at + timedelta(seconds=lone_s))

    def _lone_s(self, state: WatchState, seen: WatchState, at: datetime) -> float:
        """How long after its own time a single fix far on the bad side waits for the tracker's next one; 0: it does
        not. Only right after a good one, and where the tracker reports so seldom that ``decide_within_s`` would end
        before its next fix."""
        if not self.by_sides or self._foot is None or state.stand is not Stand.FINE or not self._good_last(state):
            return 0.0
        if state.good_at is None or seen.where is None:
            return 0.0
        erred = state.single and state.cleared_at is not None and at - state.cleared_at <= _ERRED
        if seen.where.distance_m < _FAR_M and not erred:
            return 0.0
        every_s = min(state.every_s, (at - state.good_at).total_seconds())
        if every_s <= self._settings.decide_within_s:
            return 0.0
        return min(_NEXT * every_s, self._jump.total_seconds())

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

    def _doubt(
        self, state: WatchState, now: datetime, *, jump: bool, until: datetime | None = None
    ) -> tuple[WatchState, Verdict]:
        """One more fix on the bad side: enough now, or wait, if ``until`` is given at least so long."""
        count, least = len(state.fixes), until
        until = now + (self._jump if jump and count == 1 else self._decide)
        if least is not None:
            until = max(until, least)
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
            after = self._cleared(state, state.good_at, state.spot, at)
            return after, Cleared(self._back(), self._zone.id)
        if state.stand is Stand.ACCOMPANIED:
            return self._tell(state, How.COMPANION, at)
        return self._tell(state, state.how, at)

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

    def _with_companion(self, state: WatchState, now: datetime) -> tuple[WatchState, Verdict]:
        until = self._company(state, now)
        if until is not None:
            return replace(state, until=until), Pending(until, NEAR)
        until = now + self._decide
        return self._doubt(replace(state, stand=Stand.DOUBT, until=until, how=How.COMPANION), now, jump=False)
