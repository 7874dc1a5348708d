"""A door that opens at night.

A contact says ``motion`` with ``moving`` when its door opens, and ``moving`` false when it closes; said again, it is
the same opening. Who opened it no contact knows. For a resident it is told only when it may have been them: got up in
this night by their bed sensor, or, where there is none, seen shortly before or after by a sensor of their own. A bed
sensor needs up to a minute to be sure, so a door waits ``wait_s`` for it. Staff on their round raise nothing, nor does
a door while somebody was not in bed yet. All doors of a resident are one incident, which clears when they are back in
bed: a closed door may be closed from outside.

A bed sensor that is told as silent says nothing of the bed until it is heard again. Meanwhile the person counts as far
as they are seen; where nothing else sees them, every opening at night may be theirs.

A rule of the house tells of every opening, each door by itself, and clears it when the door is closed.
"""

from datetime import datetime, time, timedelta
from typing import ClassVar, Final, Literal

from msgspec.structs import replace
from pydantic import ConfigDict, Field

from devices.model import Bed, Motion
from rules.bed import SILENT, silences
from rules.errors import BadRuleError
from rules.model import (
    Cleared,
    Context,
    DeviceInfo,
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
    Said,
    State,
    Tick,
    Verdict,
)
from rules.night import WallClock
from rules.nightly import SEEN_SLACK, newer, night_of, place_of
from rules.schedule import Schedule, ScheduleSettings
from rules.timing import epoch_ms, heard_late

LATE_S: Final = 60.0
"""An opening heard later than this is marked with its age; the same minute as for a help call."""

_SIGHT: Final = frozenset({"motion_sensor", "room_sensor", "fall_detector", "tracker"})

_OTHER = Quiet(Reason("It says nothing of a door or of the person."))
_SAME = Quiet(Reason("The same as before."))
_OLDER = Quiet(Reason("Something newer was judged already; this changes nothing."))
_NOTED = Quiet(Reason("Noted for a door that may open."))
_DAY = Quiet(Reason("A door in the day."))
_SOMEBODY_ELSE = Quiet(Reason("The person was in bed or not near; somebody else opened the door."))
_NOTHING = Quiet(Reason("No door waits for a decision."))
_WAITS = Reason("A door was opened; told if it was the person.")


class DoorAtNightSettings(RuleSettings):
    """Which doors, when, and whose opening is told."""

    model_config = ConfigDict(populate_by_name=True)

    name: ClassVar[str] = "door_at_night"
    rule: Literal["door_at_night"] = "door_at_night"
    doors: tuple[str, ...] = Field(
        (),
        description="Door sensors, of the resident or of the house; their ids. By default the resident's own devices "
        "of type door_sensor; for the house all of them.",
    )
    since: WallClock = Field(
        time(22, 0),
        alias="from",
        description="When the night begins, wall-clock time in the centre's time zone. A usual time at which outer "
        "doors are closed; set the house's own.",
    )
    until: WallClock = Field(
        time(6, 0),
        alias="to",
        description="When the night ends, wall-clock time. After it, doors are used by everybody.",
    )
    schedule: ScheduleSettings | None = Field(
        None, description="Another time in the place of `from` and `to`: windows of the week, or a calendar."
    )
    by: Literal["resident", "anybody"] = Field(
        "resident",
        description="Whose opening is told: `resident` only when it may have been this person, `anybody` always. Of "
        "the house it is always anybody.",
    )
    seen_within_s: float = Field(
        120.0,
        ge=5,
        le=3600,
        description="Without a bed sensor, the person must have been seen this long before or after by a sensor of "
        "their own. Two minutes: a slow walk of 60 m at 0.5 m/s.",
    )
    wait_s: float = Field(
        120.0,
        ge=0,
        le=900,
        description="How long an opening waits for the bed sensor to say that nobody is in bed. Bed sensors take up "
        "to a minute to be sure; two leave room for the radio.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Medium by default: somebody should look soon. Set high where a person is in danger outside.",
    )


class DoorAtNightState(State, frozen=True, tag="door_at_night", omit_defaults=True):
    """What is known of the person, which doors are open (since when), which wait for a decision, which were told.

    ``bed`` is the sensor that said ``in_bed``; ``silent``: the rules that told it as silent since.
    """

    in_bed: bool | None = None
    bed_at: datetime | None = None
    seen_at: datetime | None = None
    doors: dict[str, tuple[datetime, bool]] = {}  # noqa: RUF012 - msgspec copies it
    waiting: dict[str, Evidence] = {}  # noqa: RUF012
    told: tuple[str, ...] = ()
    bed: str = ""
    silent: tuple[str, ...] = ()


class DoorAtNightRule:
    """See the module."""

    __slots__ = (
        "_anybody", "_doors", "_house", "_night", "_priority", "_seen_within", "_sees", "_wait", "devices", "others",
    )  # fmt: skip
    name = "door_at_night"
    key = "door_at_night"
    kinds = frozenset({"motion", "room", "bed"})
    listens = SILENT
    zones: tuple[str, ...] = ()

    def __init__(self, settings: DoorAtNightSettings, night: Schedule, doors: frozenset[str], context: Context) -> None:
        self._doors = doors
        self._night = night
        self._house = context.house
        self._anybody = context.house or settings.by == "anybody"
        self._seen_within = timedelta(seconds=settings.seen_within_s)
        self._wait = timedelta(seconds=settings.wait_s)
        self._priority = settings.priority
        own = frozenset(device.id for device in context.devices)
        self._sees = any(device.type in _SIGHT and device.id not in doors for device in context.devices)
        self.others = doors - own
        self.devices: frozenset[str] | None = doors if context.house else None

    def start(self, at: datetime) -> DoorAtNightState:
        """All doors are closed, and nobody was seen."""
        return DoorAtNightState()

    def wake_at(self, state: State) -> datetime | None:
        """When the first door that waits is given up."""
        assert isinstance(state, DoorAtNightState)
        if not state.waiting:
            return None
        return min(one.at for one in state.waiting.values()) + self._patience(state)

    def step(self, state: State, event: Event) -> tuple[State, Verdict]:  # noqa: PLR0911 - one for each kind
        """A door, the bed, the person seen, or time passed."""
        assert isinstance(state, DoorAtNightState)
        if not isinstance(event, Heard):
            return self._tick(state, event.at) if isinstance(event, Tick) else (self._silent(state, event), _NOTHING)
        reading = event.reading
        if event.device in self._doors:
            if isinstance(reading, Motion) and reading.moving is not None:
                return self._door(state, event, opens=reading.moving)
            return state, _OTHER
        if isinstance(reading, Bed):
            return self._bed(state, event, in_bed=reading.in_bed)
        if place_of(event, {}) is None or not newer(event.at, state.seen_at):
            return state, _OTHER
        if not state.waiting and state.seen_at is not None and event.at - state.seen_at < SEEN_SLACK:
            return state, _NOTED
        return self._may_have_been(replace(state, seen_at=event.at), event)

    def _bed(self, state: DoorAtNightState, event: Heard, *, in_bed: bool) -> tuple[State, Verdict]:
        if not newer(event.at, state.bed_at):
            return state, _OLDER
        if in_bed is state.in_bed and not state.silent:
            return state, _SAME
        after = replace(state, in_bed=in_bed, bed_at=event.at, bed=event.device, silent=())
        if not in_bed:
            return self._may_have_been(after, event)
        if not after.told or self._anybody:
            return after, _NOTED
        return replace(after, told=()), Cleared(Reason("Back in bed."))

    @staticmethod
    def _silent(state: DoorAtNightState, said: Said) -> DoorAtNightState:
        """Nobody knows any more whether somebody is in that bed; or it is known again."""
        if state.in_bed is None:
            return state
        silent = silences(state.silent, said, state.bed)
        return state if silent is state.silent else replace(state, silent=tuple(sorted(silent)))

    def _door(self, state: DoorAtNightState, event: Heard, *, opens: bool) -> tuple[State, Verdict]:  # noqa: PLR0911
        door = event.device
        since, was_open = state.doors.get(door, (None, False))
        if since is not None and event.at < since:
            return state, _OLDER
        if opens is was_open:
            return state, _SAME
        after = replace(state, doors={**state.doors, door: (event.at, opens)})
        if not opens:
            if not self._house or door not in after.told:
                return after, _SAME
            told = tuple(one for one in after.told if one != door)
            return replace(after, told=told), Cleared(Reason("{device} was closed again.", {"device": door}), door)
        if not self._night.active(event.at):
            return after, _DAY
        if self._anybody or self._was_them(after, event.at):
            return self._raise(after, event.evidence(), heard_late(event, LATE_S))
        after = replace(after, waiting={**after.waiting, door: event.evidence()})
        return after, Pending(event.at + self._patience(after), _WAITS)

    def _patience(self, state: DoorAtNightState) -> timedelta:
        return self._seen_within if state.in_bed is None or state.silent else self._wait

    def _was_them(self, state: DoorAtNightState, at: datetime) -> bool:
        """Whether the person may have opened a door at that time. What the bed sensor says goes before what is seen."""
        if state.in_bed is not None and not state.silent:
            began = self._night.began(at)
            return not state.in_bed and (began is None or (state.bed_at is not None and state.bed_at >= began))
        if state.silent and not self._sees:
            return True
        return state.seen_at is not None and abs(at - state.seen_at) <= self._seen_within

    def _may_have_been(self, state: DoorAtNightState, event: Heard) -> tuple[State, Verdict]:
        """Something new is known of the person: it may tell who opened a door that waits."""
        for opened in state.waiting.values():
            if event.at <= opened.at + self._patience(state) and self._was_them(state, opened.at):
                return self._raise(state, opened, (), event.evidence())
        return state, _NOTED

    def _raise(
        self, state: DoorAtNightState, opened: Evidence, marks: tuple[Reason, ...], *more: Evidence
    ) -> tuple[State, Verdict]:
        door = opened.device
        subject = door if self._anybody else ""
        told = (*(one for one in state.told if one != subject), subject)
        values: dict[str, float | int | str] = {"device": door, "open_at": epoch_ms(opened.at)}
        if self._anybody or (state.silent and not self._sees):
            why = Reason("{device} was opened in the night, at {open_at}.", values)
        elif state.in_bed is False and not state.silent:
            why = Reason("{device} was opened in the night, at {open_at}, while out of bed.", values)
        else:
            why = Reason("{device} was opened in the night, at {open_at}, with the person near.", values)
        after = replace(state, waiting={}, told=told)
        return after, Raised(why, self._priority, subject, (*more, opened), marks)

    def _tick(self, state: DoorAtNightState, at: datetime) -> tuple[State, Verdict]:
        patience = self._patience(state)
        waiting = {name: one for name, one in state.waiting.items() if one.at + patience > at}
        if len(waiting) == len(state.waiting):
            return state, _NOTHING
        return replace(state, waiting=waiting), _SOMEBODY_ELSE


def _doors(settings: DoorAtNightSettings, context: Context) -> frozenset[str]:
    known = {device.id: device for device in (*context.devices, *context.surroundings)}
    for name in settings.doors:
        if name not in known:
            raise BadRuleError(
                f"door_at_night: doors names {name!r}; the devices of the resident and of the house are: "
                f"{', '.join(sorted(known)) or 'none'}"
            )
    if settings.doors:
        return frozenset(settings.doors)
    mine: tuple[DeviceInfo, ...] = (*context.devices, *(context.surroundings if context.house else ()))
    return frozenset(device.id for device in mine if device.type == "door_sensor")


def build(settings: DoorAtNightSettings, context: Context) -> tuple[Rule, ...]:
    """One rule for the resident, or for the house.

    Raises:
        BadRuleError: there is no door sensor, one is not known, or nothing could tell whether it was the resident.
    """
    doors = _doors(settings, context)
    if not doors:
        raise BadRuleError("door_at_night: no door sensor; name one in doors, or assign a device of type door_sensor")
    senses = any(device.type in _SIGHT | {"bed_sensor"} for device in context.devices if device.id not in doors)
    if not senses and not context.house and settings.by == "resident":
        raise BadRuleError(
            'door_at_night: by is "resident", but the resident has no bed, room or motion sensor that tells who opened '
            'the door; assign one, or write by = "anybody"'
        )
    night = night_of(settings.since, settings.until, settings.schedule, context)
    return (DoorAtNightRule(settings, night, doors, context),)
