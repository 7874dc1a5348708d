"""What follows a fall: does anything show that the person moves, or lies still?

No single reading proves that somebody got up. Each of these counts as a *sign* of it, when it comes more than half a
minute after the fall (before, it may be the fall itself):

- movement: ``moving`` of any of the person's own sensors but doors (an open one is reported every hour), or a worn step
  counter that went on;
- posture: standing, walking or upright. Sitting may be on the floor, and is no sign;
- a position farther from the first one of the same device after the fall than both accuracies and ``moved_m``: two
  trackers of which one stayed at home are two places, and no way between them;
- in bed; and a heart or breathing rate that a *bed* sensor measures (a wrist measures it on the floor as well);
- another room, or another room sensor, than the first one after the fall;
- the wearer takes a call for help back.

What a worn sensor says of *stillness*: not moving, or lying. A sign never clears a fall: a carer looks.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET

from devices.model import Bed, Motion, Position, Room, Vitals
from rules.model import DeviceInfo, Evidence, Heard
from rules.moving import Fix, moved

SETTLE: Final = timedelta(seconds=30)
"""Movement so soon after a fall may be the fall itself, or the struggle after it. Our choice."""

MOVED_M: Final = 50.0
"""A position this much farther away than both accuracies explain is another place. Indoors and between houses a fix
wanders by tens of metres."""

STEPS: Final = 10
"""So many more steps are steps; a pendant that lies on the floor may count one or two when it is touched."""

SAME: Final = timedelta(minutes=10)
"""What is said within this of a fall is of the same one: a second sensor, a confirmation. As long as the rule for falls
counts two suspicions as one. Later, somebody has fallen anew, and lies since then."""

TELLINGS: Final = 3
"""How often a long lie is told: after once, three and seven times the time. More would be noise; the alert itself
escalates until a person has looked."""

KINDS: Final = frozenset({"motion", "position", "bed", "vitals", "room"})
_FIXED: Final = frozenset({"motion_sensor", "room_sensor", "door_sensor", "bed_sensor"})
_UP: Final = frozenset({"standing", "walking", "upright"})


class Sign(StrEnum):
    """What a reading says of somebody who fell."""

    NOTHING = "nothing"
    STILL = "still"
    MOVES = "moves"


class Lie(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody fell ``since``, and nothing showed yet that they got up; told at ``until``; ``over`` that a
    sign of it came after that, and before it was told. ``before`` is the lie of an earlier fall, which goes on when a
    newer fall that still waits is taken back. The rest is the first that was heard after the fall, to compare with;
    steps and places by device."""

    since: datetime
    until: datetime
    times: int = 0
    over: bool = False
    evidence: tuple[Evidence, ...] = ()
    room: str | None = None
    steps: dict[str, int] = {}
    fixes: dict[str, Fix] = {}
    before: "Lie | None" = None


class Watch:
    """Reads signs, with what is known of the person's devices."""

    __slots__ = ("_beds", "_doors", "_fixed")

    def __init__(self, devices: tuple[DeviceInfo, ...]) -> None:
        self._fixed = frozenset(device.id for device in devices if device.type in _FIXED)
        self._doors = frozenset(device.id for device in devices if device.type == "door_sensor")
        self._beds = frozenset(device.id for device in devices if device.type == "bed_sensor")

    def read(self, lie: Lie, event: Heard) -> tuple[Lie, Sign]:
        """What the reading says; the lie with what it must remember, or the very same."""
        if event.at < lie.since:
            return lie, Sign.NOTHING
        early = event.at < lie.since + SETTLE
        match event.reading:
            case Motion() as motion if event.device not in self._doors:
                lie, sign = self._motion(lie, motion, event.device)
            case Position() as position:
                lie, sign = _position(lie, position, event.device)
            case Bed(in_bed=True):
                sign = Sign.MOVES
            case Vitals(heart_rate_bpm=heart, respiratory_rate_bpm=breath) if event.device in self._beds:
                sign = Sign.MOVES if heart or breath else Sign.NOTHING
            case Room(room=room, present=present) if present is not False:
                name = room or event.device
                if lie.room is None:
                    return msgspec.structs.replace(lie, room=name), Sign.NOTHING
                sign = Sign.MOVES if name != lie.room else Sign.NOTHING
            case _:
                sign = Sign.NOTHING
        return lie, Sign.NOTHING if early and sign is Sign.MOVES else sign

    def _motion(self, lie: Lie, motion: Motion, device: str) -> tuple[Lie, Sign]:
        if motion.moving or motion.posture in _UP:
            return lie, Sign.MOVES
        if motion.posture == "lying" or (
            motion.moving is False and motion.posture is UNSET and device not in self._fixed
        ):
            return lie, Sign.STILL
        if motion.steps is None:
            return lie, Sign.NOTHING
        first = lie.steps.get(device)
        if first is None or motion.steps < first:  # a counter that began anew at midnight
            return msgspec.structs.replace(lie, steps={**lie.steps, device: motion.steps}), Sign.NOTHING
        return lie, Sign.MOVES if motion.steps - first >= STEPS else Sign.NOTHING


def _position(lie: Lie, position: Position, device: str) -> tuple[Lie, Sign]:
    if position.source in {"cell", "gateway"}:  # it says where the mast is
        return lie, Sign.NOTHING
    fix = Fix(position.lon, position.lat, position.accuracy_m or 0.0)
    first = lie.fixes.get(device)
    if first is None:
        return msgspec.structs.replace(lie, fixes={**lie.fixes, device: fix}), Sign.NOTHING
    return lie, Sign.MOVES if moved(first, fix, MOVED_M) else Sign.NOTHING
