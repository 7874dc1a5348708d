"""Where somebody was last seen for certain: in one of the zones, or outside of all. Whatever the order of arrival."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from zlib import crc32

import msgspec
from msgspec.structs import replace

from devices.model import Position, Room
from rules.geometry import ZoneShape
from rules.model import Context, Evidence, Heard, Reason
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
