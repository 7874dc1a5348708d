"""Hours, companions and words of a watched zone: the part of rules.zone_watch that does not judge positions."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from msgspec.structs import replace

from rules.geometry import ZoneShape
from rules.model import Pending, Priority, Quiet, Raised, Reason, State, Verdict
from rules.schedule import Schedule
from rules.timing import epoch_ms
from rules.zone_fix import Side, near_until
from rules.zone_settings import WatchSettings
from rules.zone_state import How, Parted, Stand, WatchState, Where

NEAR: Final = Reason("A companion is near.")
"""Why it waits while somebody is beside the person."""

NOT_PLANNED: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""A schedule that the state does not know yet is looked up at once."""

_NEVER: Final = timedelta(0)

_LOOK_AGAIN: Final = timedelta(days=300)
"""A schedule without a change ahead is asked again then: a calendar may have grown."""


class Watched(ABC):
    """What a rule over a zone has: its settings, hours, companions and words. The bad side is the subclass's."""

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
        "_soon",
        "_zone",
        "devices",
        "key",
        "kinds",
        "others",
        "zones",
    )
    name: ClassVar[str]
    bad: ClassVar[Side]
    by_sides: ClassVar[bool] = False
    """Outside is bad, and nothing but the side of a fix counts."""
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
        # None: every position counts as it is
        self._foot = None if settings.jump_within_s == 0 or self.first_tells(settings) else settings.fastest_mps
        self._grace = timedelta(seconds=settings.start_grace_s)
        self._known = timedelta(seconds=settings.recent_s)
        self._fresh = timedelta(seconds=settings.companion_fresh_s)
        # an alert that comes again so soon after it was taken back wavers; zero: none ever does
        self._soon = timedelta(0)

    @staticmethod
    def first_tells(settings: WatchSettings) -> bool:
        """Whether the care plan asks for the first position on the bad side to be told, whatever it looks like."""
        return False

    # what rules.zone_each asks

    @property
    def soon(self) -> timedelta:
        """What rings again so soon after it was taken back wavers; zero: nothing does."""
        return self._soon

    def anew(self, like: State) -> WatchState:
        """The machine of a tracker that nothing was heard of; hours and companions are the same for all."""
        assert isinstance(like, WatchState)
        return self.state(company=like.company, active=like.active, change_at=like.change_at)

    def rests_on(self, state: State) -> str | None:
        """The device of the last fix that counts."""
        assert isinstance(state, WatchState)
        return state.fixes[-1].device if state.fixes else None

    def stands(self, state: State) -> bool:
        """Whether an alert stands."""
        assert isinstance(state, WatchState)
        return state.told

    def rang_until(self, state: State) -> datetime | None:
        """When the last alert was taken back, where that is kept."""
        assert isinstance(state, WatchState)
        return state.cleared_at

    def wavering(self, state: Parted) -> Parted:
        """From now on one good position does not take it back."""
        return replace(state, wavers=True)

    def otherwise(self, state: State, device: str, other: str) -> Reason | None:
        """When the other tracker was on the good side last, as far as it says nothing else since."""
        assert isinstance(state, WatchState)
        good, bad = state.good_at, state.bad_at
        if state.told or state.stand is not Stand.FINE or good is None or (bad is not None and bad >= good):
            return None
        return self._left_behind(device, other, epoch_ms(good))

    # what a rule says, in its own words

    @abstractmethod
    def _left_behind(self, device: str, other: str, at: int) -> Reason:
        """What is added when another tracker was on the good side at that time (epoch milliseconds)."""

    @abstractmethod
    def _why(self, state: WatchState, how: How) -> Reason:
        """Why it is told."""

    @abstractmethod
    def _maybe(self, state: WatchState) -> Reason:
        """Why it waits."""

    @abstractmethod
    def _fine(self) -> Quiet:
        """On the good side."""

    @abstractmethod
    def _back(self) -> Reason:
        """On the good side again."""

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

    def _company(self, state: WatchState, now: datetime) -> datetime | None:
        within = self._settings.companion_within_m
        company = [spot for device, spot in state.company.items() if device in self.others]
        until = near_until(state.out, company, within, self._fresh)
        return until if until is not None and until > now else None

    # telling

    def _tell(self, state: WatchState, how: How, now: datetime) -> tuple[WatchState, Verdict]:
        until = self._company(state, now) if state.company else None
        if until is not None:
            fixes = state.fixes[-1:]
            return replace(state, stand=Stand.ACCOMPANIED, until=until, fixes=fixes), Pending(until, NEAR)
        raised = Raised(
            self._why(state, how),
            self._priority(how),
            subject=self._zone.id,
            evidence=state.fixes,
            marks=self._marks(state),
        )
        again = self._soon > _NEVER and state.cleared_at is not None and now - state.cleared_at <= self._soon
        told = replace(
            state,
            wavers=state.wavers or again,
            single=self.by_sides and how is How.ALONE and len(state.fixes) == 1,
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
