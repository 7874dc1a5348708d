"""Where somebody was last seen for certain: in one of the zones, or outside of all. Whatever the order of arrival."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias, TypeVar
from zlib import crc32

import msgspec
from msgspec.structs import replace

from devices.model import Position, Room
from rules.geometry import ZoneShape
from rules.model import Context, Evidence, Heard, Reason, State
from rules.schedule import ScheduleSettings
from rules.timing import epoch_ms, seconds
from rules.zone_fix import Behind, Side, behind, fixed_at, room_side, side_of

Values: TypeAlias = dict[str, float | int | str]
"""What goes into a Reason's blanks."""


class Seen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The latest fix certainly inside, the latest certainly outside, and the figures of the latter.

    ``out_m`` metres from the border of ``zone`` (the name of the nearest), or ``room``; ``evidence`` is the latest
    certain fix of either kind.
    """

    inside_at: datetime | None = None
    outside_at: datetime | None = None
    out_m: float = 0.0
    accuracy_m: float = 0.0
    zone: str = ""
    room: str | None = None
    evidence: Evidence | None = None
    behind: Behind | None = None

    @property
    def outside(self) -> bool:
        """Whether the last word is outside; at equal times outside wins, because it is the one that matters."""
        return self.outside_at is not None and (self.inside_at is None or self.outside_at >= self.inside_at)

    @property
    def at(self) -> datetime | None:
        """When somebody was seen for certain last."""
        return self.outside_at if self.outside else self.inside_at

    def proof(self) -> tuple[Evidence, ...]:
        """The latest certain fix as evidence."""
        return () if self.evidence is None else (self.evidence,)

    def marks(self, now: datetime, old_after_s: float) -> tuple[Reason, ...]:
        """What a carer should know of the last fix: its age, a clock that is behind."""
        marks = []
        if self.at is not None and (now - self.at).total_seconds() > old_after_s:
            values: Values = {"age_s": seconds(now - self.at), "seen_at": epoch_ms(self.at)}
            marks.append(Reason("The last certain position is {age_s} old, from {seen_at}.", values))
        if self.behind is not None and self.behind.sure:
            marks.append(self.behind.mark())
        return tuple(marks)


class SeenState(State, frozen=True, omit_defaults=True):
    """Where each tracker was seen last, by device; ``seen`` is what rooms and all other devices said, and what an older
    version kept of all together."""

    seen: Seen = Seen()
    each: dict[str, Seen] = {}  # noqa: RUF012 - msgspec copies it


def person(state: SeenState, trackers: Sequence[str], now: datetime, recent: timedelta) -> Seen:
    """Where the person is, by all trackers: nobody knows which of them is with the person.

    The last word of each tracker, or of a room if that is newer, counts for it. Any that says outside, not longer ago
    than ``recent``, is believed, whatever the others say; else the newest word of all.
    """
    words = [latest(state.seen, state.each[one]) for one in trackers if one in state.each] or [state.seen]
    out = [one for one in words if one.outside_at is not None and one.outside and now - one.outside_at <= recent]
    return max(out or words, key=lambda one: one.at or _LONG_AGO)


def disagreeing(state: SeenState, trackers: Sequence[str], told: Seen) -> tuple[Reason, ...]:
    """The trackers that were seen inside last, when the person is told of by another one."""
    if told.evidence is None or not told.outside:
        return ()
    device = told.evidence.device
    found = (left_behind(state.each[one], device, one) for one in trackers if one in state.each and one != device)
    return tuple(mark for mark in found if mark is not None)


def left_behind(seen: Seen, device: str, other: str) -> Reason | None:
    """What is added to what ``device`` says: when ``other`` was inside; None: it was not."""
    if seen.inside_at is None or seen.outside:
        return None
    values: Values = {"device": device, "other": other, "inside_at": epoch_ms(seen.inside_at)}
    return Reason("{device} says so. {other} was inside at {inside_at}: it may have been left behind.", values)


def latest(one: Seen, other: Seen) -> Seen:
    """What is known from both."""
    if one.at is None or other.at is None:
        return other if one.at is None else one
    last, first = (one, other) if one.at > other.at else (other, one)
    if one.at == other.at and first.outside:
        last, first = first, last
    if first.inside_at is None or (last.inside_at is not None and first.inside_at <= last.inside_at):
        return last
    return replace(last, inside_at=first.inside_at) if last.outside else last


SomeSeen = TypeVar("SomeSeen", bound=SeenState)


def note(
    state: SomeSeen, event: Heard, trackers: Sequence[str], zones: Sequence[ZoneShape], assumed_m: float
) -> SomeSeen:
    """The state with what a position or a room adds to it; the very same when it adds nothing."""
    device = event.device
    if device not in trackers:
        seen, _ = look(state.seen, event, zones, assumed_m)
        return state if seen is state.seen else replace(state, seen=seen)
    before = state.each.get(device, _UNSEEN)
    seen, _ = look(before, event, zones, assumed_m)
    if seen is before:
        return state
    kept = {one: word for one, word in state.each.items() if one in trackers}
    return replace(state, each={**kept, device: seen})


def only_those(state: SomeSeen, trackers: Sequence[str]) -> SomeSeen:
    """The state without what trackers said that do not count any more; the very same when there is none."""
    if state.each.keys() <= set(trackers):
        return state
    return replace(state, each={one: word for one, word in state.each.items() if one in trackers})


_UNSEEN: Final = Seen()
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def look(seen: Seen, event: Heard, zones: Sequence[ZoneShape], assumed_m: float) -> tuple[Seen, datetime]:
    """What a position or a room adds to it, and the time of the fix.

    The very same ``seen`` comes back when it adds nothing: unknown, or older than what is known. A zone that can say
    nothing of such a reading (rooms of a position, ground of a room) does not count.
    """
    at, late, known = fixed_at(event), seen.behind, seen.at
    if known is None or at > known:
        late = None
    else:
        late = behind(late, at, event.received_at)
        if late is not None and late.sure and late is not seen.behind:
            at = event.received_at
    if late is not seen.behind:
        seen = replace(seen, behind=late)
    return _judge(seen, event, zones, assumed_m, at), at


def _judge(seen: Seen, event: Heard, zones: Sequence[ZoneShape], assumed_m: float, at: datetime) -> Seen:
    reading = event.reading
    nearest, accuracy, name, room, outside = float("inf"), 0.0, "", None, False
    for zone in zones:
        if isinstance(reading, Position) and zone.has_ground:
            distance = event.distances[zone.id]
            side, accuracy = side_of(reading, distance, assumed_m)
        elif isinstance(reading, Room) and zone.rooms:
            side, distance, room = room_side(reading, zone.rooms), 0.0, reading.room
        else:
            continue
        if side is Side.INSIDE:
            return _inside(seen, event, at)
        if side is Side.UNKNOWN:
            return seen
        outside = True
        if distance < nearest:
            nearest, name = distance, zone.name
    if not outside or (seen.outside_at is not None and at <= seen.outside_at):
        return seen
    evidence = Evidence(event.frame, event.kind, event.device, at)
    if seen.inside_at is not None and seen.inside_at > at:
        evidence = seen.evidence or evidence
    return Seen(seen.inside_at, at, round(nearest), round(accuracy), name, room, evidence, seen.behind)


def _inside(seen: Seen, event: Heard, at: datetime) -> Seen:
    if seen.inside_at is not None and at <= seen.inside_at:
        return seen
    if seen.outside_at is not None and at <= seen.outside_at:
        return replace(seen, inside_at=at)
    return Seen(inside_at=at, evidence=Evidence(event.frame, event.kind, event.device, at), behind=seen.behind)


def kinds_of(zones: Sequence[ZoneShape]) -> frozenset[str]:
    """Kinds of readings that can say something of these zones."""
    ground = {"position"} if any(zone.has_ground for zone in zones) else set()
    return frozenset(ground | ({"room"} if any(zone.rooms for zone in zones) else set()))


def measured(zones: Sequence[ZoneShape]) -> tuple[str, ...]:
    """Ids of the zones whose distances a position must bring."""
    return tuple(zone.id for zone in zones if zone.has_ground)


def plan_mark(schedule: ScheduleSettings | None, context: Context) -> str:
    """A short mark of a schedule: a state with another one belongs to an older care plan, and is planned anew."""
    if schedule is None:
        return "always"
    text = schedule.model_dump_json() + context.calendars.get(schedule.calendar or "", "")
    return f"{crc32(text.encode()):08x}"
