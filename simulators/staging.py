"""From a script to events: who plays it, what their devices say, and which of the day's own events give way.

Pure: the same script, scene, seed and start give the same events.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from devices.model import Bed, Help, Reading
from simulators.day import continence_reading, fall_readings
from simulators.errors import SceneError
from simulators.habits import draw_habits, stream
from simulators.messages import Event, event_id
from simulators.outline import FallEnd, FallStory
from simulators.power import STATUS_EVERY_S, battery_status
from simulators.scene import Resident, Scene
from simulators.script import USUAL_S, Action, Script, Scripted
from simulators.walks import MOVING_FIX_S, RESTING_FIX_S, Receiver, along, walk_way

NUMBERS_FROM = 1_000_000
"""Scripted events are numbered from here, so that their ids never meet those of the day's own events."""

DEVICES: dict[Action, tuple[str, ...]] = {
    Action.SOS: ("sos_button", "tracker"),
    Action.FALL: ("fall_detector",),
    Action.FALL_CANCELLED: ("fall_detector",),
    Action.LEAVE_ZONE: ("tracker",),
    Action.OUT_OF_BED: ("bed_sensor",),
    Action.CONTINENCE_DUE: ("continence_sensor",),
    Action.LOW_BATTERY: ("tracker", "fall_detector", "sos_button", "continence_sensor"),
}
"""Device types that can play an action, the best first."""

LISTENS: dict[Action, str] = {
    Action.SOS: "help",
    Action.FALL: "fall",
    Action.FALL_CANCELLED: "fall",
    Action.LEAVE_ZONE: "zone",
    Action.OUT_OF_BED: "bed",
    Action.CONTINENCE_DUE: "continence",
    Action.LOW_BATTERY: "battery",
}
"""What the name of a rule has in it that listens to the action."""

CONFIRMED_AFTER_S = 20.0
LOW_FROM_PERCENT = 12.0
SETTLED_S = 3 * 3600.0
"""How long the day's own events of a device give way after a scripted change, so that both do not contradict."""

Said = tuple[datetime, Reading]


class Mute(msgspec.Struct, frozen=True):
    """The day's own events of these kinds of a device give way from-to."""

    device: str
    kinds: frozenset[str]
    start: datetime
    end: datetime

    def covers(self, event: Event) -> bool:
        """Whether the event gives way."""
        return event.device == self.device and event.kind in self.kinds and self.start <= event.at < self.end


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """A script made ready: its events in order, what gives way, and who plays which action."""

    events: tuple[Event, ...]
    mutes: tuple[Mute, ...]
    cast: tuple[tuple[Action, str], ...]


def stage(scripted: tuple[Scripted, ...], scene: Scene, *, start: datetime, seed: int) -> Staged:
    """Make scripted events ready.

    Raises:
        SceneError: nobody has the device for an action, or the named resident does not.
    """
    events: list[Event] = []
    mutes: list[Mute] = []
    cast: list[tuple[Action, str]] = []
    problems: list[str] = []
    for number, item in enumerate(scripted):
        picked = _pick(item, scene, busy={resident for _, resident in cast})
        if picked is None:
            who, needs = item.resident or "anybody", " or ".join(DEVICES[item.do])
            problems.append(f"script events[{number}]: {item.do} of {who}: expected a resident with a native {needs}")
            continue
        resident, device = picked
        cast.append((item.do, resident.id))
        said, mute = _play(item, scene, resident, device, start, seed)
        mutes += [mute] if mute is not None else []
        for step, (at, reading) in enumerate(said):
            unique = event_id(device, at, NUMBERS_FROM * (number + 1) + step)
            events.append(Event(at=at, id=unique, resident=resident.id, reading=reading))
    if problems:
        raise SceneError(problems)
    return Staged(events=tuple(sorted(events, key=lambda e: e.at)), mutes=tuple(mutes), cast=tuple(cast))


def demo_events(scene: Scene, script: Script, *, start: datetime, seed: int = 1) -> tuple[Event, ...]:
    """The events of a script alone, in order; ``start`` is UTC-aware (``script.start`` gives the usual one)."""
    return stage(script.events, scene, start=start, seed=seed).events


def _pick(item: Scripted, scene: Scene, busy: set[str]) -> tuple[Resident, str] | None:
    """The resident and the device for an action: named, or the first who listens and has nothing else to play."""
    residents = [r for r in scene.residents if item.resident in (None, r.id)]
    able = [(r, r.devices[t]) for t in DEVICES[item.do] for r in residents if t in r.devices]

    def rank(pair: tuple[Resident, str]) -> tuple[bool, bool]:
        resident, _ = pair
        return not any(LISTENS[item.do] in rule for rule in resident.rules), resident.id in busy

    return min(able, key=rank, default=None)


def _play(
    item: Scripted, scene: Scene, resident: Resident, device: str, start: datetime, seed: int
) -> tuple[list[Said], Mute | None]:
    at = start + timedelta(seconds=item.at_s)
    lasts_s = item.for_s if item.for_s is not None else USUAL_S.get(item.do, 0.0)
    end = at + timedelta(seconds=lasts_s)

    def mute(until: datetime, *kinds: str) -> Mute:
        return Mute(device, frozenset(kinds), min(at, start) - timedelta(hours=1), until)

    said: list[Said]
    muted: Mute | None = None
    match item.do:
        case Action.SOS:
            said = [(at, Help(device=device, phase="pressed"))]
        case Action.FALL:
            said = fall_readings(FallStory(at, FallEnd.CONFIRMED, CONFIRMED_AFTER_S, lasts_s), device)
        case Action.FALL_CANCELLED:
            said = fall_readings(FallStory(at, FallEnd.CANCELLED, CONFIRMED_AFTER_S, 0), device)
        case Action.OUT_OF_BED:
            in_bed, up = Bed(device=device, in_bed=True), Bed(device=device, in_bed=False)
            said = [(min(at, start), in_bed), (at, up), (end, in_bed)]
            muted = mute(end, "bed", "sleep", "vitals")
        case Action.CONTINENCE_DUE:
            said = [(at, continence_reading(device, 72.0)), (end, continence_reading(device, 0.0))]
            muted = mute(end + timedelta(seconds=SETTLED_S), "continence")
        case Action.LOW_BATTERY:
            until = at + timedelta(seconds=SETTLED_S)
            said = list(_draining(device, at, until))
            muted = mute(until, "status")
        case Action.LEAVE_ZONE:
            said = list(_outing(scene, resident, device, start, at, seed))
            muted = mute(said[-1][0], "position")
    return said, muted


def _draining(device: str, at: datetime, until: datetime) -> Iterator[Said]:
    percent = LOW_FROM_PERCENT
    while at < until:
        yield at, battery_status(device, percent, charging=False)
        at, percent = at + timedelta(seconds=STATUS_EVERY_S), max(1.0, percent - 1.5)


def _outing(scene: Scene, resident: Resident, device: str, start: datetime, at: datetime, seed: int) -> Iterator[Said]:
    """At home until ``at``, out of the zone and back, then at home for a while."""
    ground = scene.grounds[str(resident.zone)]
    rng = stream(seed, resident.id, at, "scripted walk")
    receiver = Receiver(rng, ground, device)
    speed = draw_habits(seed, resident.id).speed_mps
    rest = min(at, start)
    while rest < at:
        yield rest, receiver.fix(rest, ground.home, indoors=True).position
        rest += timedelta(seconds=RESTING_FIX_S)
    for moment, place, course in along(walk_way(rng, ground, metres=0, leaves_zone=True), at, speed, MOVING_FIX_S):
        fix = receiver.fix(moment, place, indoors=False, speed_mps=speed, course_deg=course)
        rest = moment
        yield moment, fix.position
    until = rest + timedelta(seconds=SETTLED_S)
    while (rest := rest + timedelta(seconds=RESTING_FIX_S)) < until:
        yield rest, receiver.fix(rest, ground.home, indoors=True).position
