"""What shows that a person moves, for rules that count hours without it.

These readings of the person's own devices do:

- motion: ``moving``, or a posture of standing, walking or upright;
- room, bed and door: a *change* (came, left, another room; in bed, out of bed; opened, closed). A sensor that says the
  same again and again says nothing: a radar also sees somebody who lies on the floor;
- position: farther from the same device's place before than both accuracies and ``MOVED_M``; a device's first one
  counts too. Two trackers at two places are no movement, however often they take turns;
- sleep: movement in bed; and heart and breath that a *bed* sensor measures: who sleeps in the day is not missed;
- a call for help.

Somebody else in the room looks the same. A sensor that visitors set off all day should not count (``devices``).
"""

from typing import Final

import msgspec

from devices.model import Bed, Help, Motion, Position, Room, Sleep, Vitals
from rules.errors import BadRuleError
from rules.model import Context, DeviceInfo, Heard
from rules.moving import Fix, moved

MOVED_M: Final = 50.0
"""As for signs after a fall (rules.long_lie): indoors a fix wanders by tens of metres."""

KINDS: Final = frozenset({"motion", "room", "bed", "position", "sleep", "vitals", "help"})
_UP: Final = frozenset({"standing", "walking", "upright"})


class Known(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was heard last, to know a change, by device: the place; the room, or whether somebody is there."""

    last: dict[str, str | bool] = {}
    fixes: dict[str, Fix] = {}


NOTHING_KNOWN: Final = Known()


class Movements:
    """Reads movements, with what is known of the person's devices."""

    __slots__ = ("_beds", "_doors", "counted", "infos")

    def __init__(self, devices: tuple[DeviceInfo, ...]) -> None:
        self.infos = devices
        self.counted = frozenset(device.id for device in devices)
        self._doors = frozenset(device.id for device in devices if device.type == "door_sensor")
        self._beds = frozenset(device.id for device in devices if device.type == "bed_sensor")

    def read(self, known: Known, event: Heard) -> Known | None:  # noqa: PLR0911 - one for each kind
        """What is known after a movement (perhaps the very same); None: the reading shows none."""
        match event.reading:
            case Motion(moving=bool(moving)) if event.device in self._doors:
                return _changed(known, event.device, moving)  # an open door is reported every hour
            case Motion(moving=moving, posture=posture):
                return known if moving or posture in _UP else None
            case Room(room=room, present=present):
                return _changed(known, event.device, False if present is False else room or True)
            case Bed(in_bed=in_bed):
                return _changed(known, event.device, in_bed)
            case Position() as position:
                return _went(known, position, event.device)
            case Sleep(movement_percent=percent, start=None):
                return known if percent else None
            case Vitals(heart_rate_bpm=heart, respiratory_rate_bpm=breath):
                return known if event.device in self._beds and (heart or breath) else None
            case Help(phase="pressed"):
                return known
        return None


def _changed(known: Known, device: str, now: str | bool) -> Known | None:
    before = known.last.get(device)
    if before == now or (before is None and now is False):
        return None
    return msgspec.structs.replace(known, last={**known.last, device: now})


def _went(known: Known, position: Position, device: str) -> Known | None:
    if position.source in {"cell", "gateway"}:  # it says where the mast is
        return None
    fix = Fix(position.lon, position.lat, position.accuracy_m or 0.0)
    before = known.fixes.get(device)
    if before is not None and not moved(before, fix, MOVED_M):
        return None
    return msgspec.structs.replace(known, fixes={**known.fixes, device: fix})


def movements(rule: str, names: tuple[str, ...], context: Context) -> Movements:
    """The movements that these devices show; none named: all of the resident's.

    Raises:
        BadRuleError: a name is not one of the resident's devices.
    """
    own = {device.id: device for device in context.devices}
    for name in names:
        if name not in own:
            raise BadRuleError(f"{rule}: devices names {name!r}; the resident's are: {', '.join(own) or 'none'}")
    return Movements(tuple(own[name] for name in names) if names else context.devices)
