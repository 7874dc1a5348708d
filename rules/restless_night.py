"""Restless night: more exits, longer out of bed, longer awake or more movement than in the person's own last nights.

Told once, low, in the morning: nobody is woken up by it. What is measured of a night:

- visits out of bed that ended within the night, and how long they were; the last leaving is getting up, and not one;
- how long the sensor said "awake" in bed, as far as it tells;
- the mean of the movement that it gave, as far as it does, at most one value a minute.

Each is compared with the same of the last 14 nights (rules.baseline). Readings are taken in the order in which they
happened; an older one changes nothing.
"""

from datetime import date, datetime, time, timedelta
from typing import ClassVar, Final, Literal

import msgspec
from msgspec.structs import replace
from pydantic import Field

from devices.model import Sleep
from rules.baseline import NIGHTS, NIGHTS_NEEDED, Night, usual
from rules.bed import BedSettings, Said, said
from rules.errors import BadRuleError
from rules.model import Context, Event, Evidence, Heard, Priority, Quiet, Raised, Reason, Rule, State, Verdict
from rules.night import Daily, WallClock
from rules.nights import Stretch, Windows

_OTHER = Quiet(Reason("Says nothing of tonight."))
_OLDER = Quiet(Reason("A newer reading was judged already; this one changes nothing."))
_COUNTED = Quiet(Reason("Counted."))
_LOOKED_AT = Quiet(Reason("That night was looked at already; this one changes nothing."))
_TOO_FEW = Quiet(Reason("The night is over; too few nights are known to compare it."))
_USUAL = Quiet(Reason("The night is over; it was as usual."))
_NOTHING = Quiet(Reason("Nothing waits for a decision."))

_EACH: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(minutes=10)
"""Between two words of the sensor at most so much counts as awake: after a longer silence nobody knows."""

_SPREADS: Final = {"exits": 1.0, "out_s": 600.0, "awake_s": 720.0, "moved": 5.0}
"""The least spread of each measure: 3.5 of them are 4 visits, 35 min, 42 min and 18 points of movement, so that a very
steady sleeper is not told for one visit more."""


class RestlessNightSettings(BedSettings):
    """When a night is told as restless."""

    name: ClassVar[str] = "restless_night"
    rule: Literal["restless_night"] = "restless_night"
    since: WallClock = Field(
        time(22, 0), alias="from", description="When the night begins, wall-clock time in the centre's time zone."
    )
    until: WallClock = Field(
        time(6, 0),
        alias="to",
        description="When the night ends, wall-clock time; earlier than `from` means the next day.",
    )
    settle_minutes: float = Field(
        30.0,
        ge=0,
        le=240,
        description="How long after the night it is looked at: time for readings that come late.",
    )
    factor: float = Field(
        3.5,
        ge=1.5,
        le=10,
        description="So many spreads above the person's own median are restless: 3.5, as Iglewicz and Hoaglin (1993) "
        "advise for medians. More tells less.",
    )
    nights: int = Field(
        NIGHTS_NEEDED,
        ge=3,
        le=14,
        description="Nights that must be known before one is compared. A week holds each day once.",
    )
    priority: Priority = Field(
        Priority.LOW, description="Low by default: to be known at the handover, nobody has to go at once."
    )


class Rest(msgspec.Struct, frozen=True, array_like=True):
    """A night in numbers; None: the sensor gives no such thing."""

    day: date
    exits: float
    out_s: float
    awake_s: float | None = None
    moved: float | None = None


class RestlessNightState(State, frozen=True, tag="restless_night", omit_defaults=True):
    """Tonight so far, and the last nights. ``night`` is when it began, ``until`` when it is looked at; ``closed`` when
    the last one that was looked at began."""

    at: datetime | None = None
    in_bed: bool | None = None
    out_since: datetime | None = None
    night: datetime | None = None
    until: datetime | None = None
    exits: int = 0
    out_s: float = 0.0
    awake_s: float | None = None
    awake: bool = False
    slept_at: datetime | None = None
    moved: float = 0.0
    moves: int = 0
    last: tuple[Rest, ...] = ()
    closed: datetime | None = None
    evidence: tuple[Evidence, ...] = ()


class RestlessNightRule:
    """See the module."""

    __slots__ = ("_factor", "_needed", "_nights", "_priority", "_settle", "_zone", "devices")
    name = "restless_night"
    key = "restless_night"
    kinds = frozenset({"bed", "sleep"})
    zones: tuple[str, ...] = ()

    def __init__(self, settings: RestlessNightSettings, daily: Daily) -> None:
        self.devices = settings.devices()
        self._nights = Windows(daily)
        self._zone = daily.zone
        self._settle = timedelta(minutes=settings.settle_minutes)
        self._factor, self._needed = settings.factor, settings.nights
        self._priority = settings.priority

    def start(self, at: datetime) -> RestlessNightState:
        """Nobody knows."""
        return RestlessNightState()

    def wake_at(self, state: State) -> datetime | None:
        """When the night is looked at."""
        assert isinstance(state, RestlessNightState)
        return state.until

    def devices_gone(self, state: State, left: frozenset[str]) -> State:
        """The nights before stay; half a night is none."""
        assert isinstance(state, RestlessNightState)
        return RestlessNightState(last=state.last, closed=state.closed)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:
        """In or out of bed, awake or asleep, or the night is over."""
        assert isinstance(state, RestlessNightState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at)
        if isinstance(event.reading, Sleep):
            return self._sleep(state, event, event.reading)
        match said(event, state.at, state.in_bed):
            case Said.IN:
                after = self._in_bed(state, event)
            case Said.OUT:
                after = self._out(state, event)
            case Said.OLDER:
                return state, _OLDER
            case _:
                return state, _OTHER
        return after, _COUNTED

    def _in_bed(self, state: RestlessNightState, event: Heard) -> RestlessNightState:
        now = self._nights.at(event.at)
        if state.in_bed and now.inside and state.night == now.start:  # a sensor that repeats itself
            return replace(state, at=event.at)
        coming = now if now.inside else self._nights.at(now.end)
        if state.night != coming.start and (state.until is None or now.inside) and not _closed(state, coming):
            state = self._begun(state, coming)
        exits, out_s = state.exits, state.out_s
        if now.inside and state.out_since is not None and state.night == now.start and state.out_since >= now.start:
            exits, out_s = exits + 1, out_s + (event.at - state.out_since).total_seconds()
        return replace(
            state, at=event.at, in_bed=True, out_since=None, exits=exits, out_s=out_s, evidence=(event.evidence(),)
        )

    def _out(self, state: RestlessNightState, event: Heard) -> RestlessNightState:
        since = event.at if state.in_bed else state.out_since
        after = replace(state, at=event.at, in_bed=False, out_since=since, awake=False)
        if state.night is not None and event.at < state.night:  # a nap: the night has not begun
            return replace(after, night=None, until=None)
        return after

    def _sleep(self, state: RestlessNightState, event: Heard, reading: Sleep) -> tuple[State, Verdict]:
        now = self._nights.at(event.at)
        if not now.inside or reading.start is not None or state.in_bed is False:
            return state, _OTHER
        if state.slept_at is not None and event.at < state.slept_at:
            return state, _OLDER
        if _closed(state, now):
            return state, _LOOKED_AT
        if state.night != now.start:
            state = self._begun(state, now)
        awake = reading.asleep is False or reading.stage == "awake"
        since = None if state.slept_at is None else event.at - state.slept_at
        if since is not None and since < _EACH and awake is state.awake:
            return state, _COUNTED
        awake_s = state.awake_s
        if reading.asleep is not None or reading.stage is not None:
            awake_s = (awake_s or 0.0) + (min(since, _LONGEST).total_seconds() if since and state.awake else 0.0)
        moved, moves = state.moved, state.moves
        if reading.movement_percent is not None:
            moved, moves = moved + reading.movement_percent, moves + 1
        after = replace(
            state, slept_at=event.at, awake=awake, awake_s=awake_s, moved=moved, moves=moves,
            evidence=(event.evidence(),),
        )  # fmt: skip
        return after, _COUNTED

    def _begun(self, state: RestlessNightState, night: Stretch) -> RestlessNightState:
        return RestlessNightState(
            state.at, state.in_bed, state.out_since, night.start, night.end + self._settle,
            last=state.last, closed=state.closed, evidence=state.evidence,
        )  # fmt: skip

    def _tick(self, state: RestlessNightState, at: datetime) -> tuple[State, Verdict]:
        if state.until is None or state.night is None or at < state.until:
            return state, _NOTHING
        moved = round(state.moved / state.moves, 1) if state.moves else None
        day = state.night.astimezone(self._zone).date()
        rest = Rest(
            day, state.exits, round(state.out_s), None if state.awake_s is None else round(state.awake_s), moved
        )
        last = (*(one for one in state.last if one.day != day), rest)[-NIGHTS:]
        after = RestlessNightState(state.at, state.in_bed, state.out_since, last=last, closed=state.night)
        if state.in_bed:  # who stays in bed has another night
            now = self._nights.at(at)
            after = self._begun(after, now if now.inside else self._nights.at(now.end))
        before = [one for one in state.last if one.day != day]
        if len(before) < self._needed:
            return after, _TOO_FEW
        found = self._compared(rest, before)
        if not found or not state.evidence:
            return after, _USUAL
        return after, Raised(found[0], self._priority, evidence=state.evidence, marks=tuple(found[1:]))

    def _compared(self, rest: Rest, before: list[Rest]) -> list[Reason]:
        found = []
        if (high := self._above(rest, before, "exits")) is not None:
            values: dict[str, float | int | str] = {"exits": round(rest.exits), "usual": round(high)}
            found.append(Reason("A restless night: {exits} times out of bed; usually up to {usual}.", values))
        if (high := self._above(rest, before, "out_s")) is not None:
            values = {"out_s": rest.out_s, "usual_s": round(high)}
            found.append(Reason("A restless night: out of bed for {out_s}; usually up to {usual_s}.", values))
        if rest.awake_s is not None and (high := self._above(rest, before, "awake_s")) is not None:
            values = {"awake_s": rest.awake_s, "usual_s": round(high)}
            found.append(Reason("A restless night: awake in bed for {awake_s}; usually up to {usual_s}.", values))
        if rest.moved is not None and (high := self._above(rest, before, "moved")) is not None:
            values = {"moved_percent": rest.moved, "usual_percent": round(high)}
            found.append(Reason("A restless night: movement {moved_percent}; usually up to {usual_percent}.", values))
        return found

    def _above(self, rest: Rest, before: list[Rest], measure: str) -> float | None:
        """The upper end of what is usual when tonight's measure is out of range; None: it is not, or nobody knows."""
        nights = [Night(one.day, value) for one in before if (value := getattr(one, measure)) is not None]
        own = usual(nights, needed=self._needed, least_spread=_SPREADS[measure], factor=self._factor)
        return own.high if own is not None and getattr(rest, measure) > own.upper else None


def _closed(state: RestlessNightState, night: Stretch) -> bool:
    """Whether the night was looked at already, so that a late reading must not begin it anew."""
    return state.closed is not None and night.start <= state.closed


def build(settings: RestlessNightSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident's nights.

    Raises:
        BadRuleError: the night is so long that the next one begins before it is looked at.
    """
    night = Daily(settings.since, settings.until, context.timezone)
    if settings.since == settings.until or timedelta(minutes=settings.settle_minutes) > timedelta(hours=23) - (
        night.shortest + timedelta(hours=1)
    ):
        raise BadRuleError(
            f"restless_night: the night from {settings.since:%H:%M} to {settings.until:%H:%M} and settle_minutes "
            f"{settings.settle_minutes:g} after it leave no time before the next one; make them shorter"
        )
    return (RestlessNightRule(settings, night),)
