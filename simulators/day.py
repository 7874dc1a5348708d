"""A seeded day of a resident: the events of all devices, in order. Pure: no I/O and no clock.

The same seed, resident and day give the same events, byte for byte; ``draw`` of another device or another day
never shifts them.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from operator import attrgetter, itemgetter
from zoneinfo import ZoneInfo

from devices.model import Bed, Continence, Fall, Help, Motion, Reading, Room
from simulators.ground import Ground
from simulators.habits import stream
from simulators.life import DOOR, HALL, ROOM, Life, Lived, live
from simulators.messages import Event, event_id
from simulators.nights import sleep_readings
from simulators.outline import FallEnd, FallStory, Outline, Span, Walk, outline
from simulators.power import status_readings
from simulators.scene import Resident, Scene
from simulators.walks import MOVING_FIX_S, RESTING_FIX_S, Fix, Receiver, along, walk_way

SOME_PERCENT, CHANGE_DUE_PERCENT, LEAK_PERCENT = 15.0, 60.0, 98.0
"""Saturation from which a product says some, change due, leak."""

Said = tuple[datetime, Reading]

_AT = attrgetter("at")
_FIRST = itemgetter(0)


def plan_day(seed: int, scene: Scene, resident: Resident, day: date, life: Life | None = None) -> list[Event]:
    """Everything that a resident's devices say on a local day, in order of time.

    Args:
        seed: another seed is another day.
        scene: for the time zone and the ground.
        resident: whose devices are played; each device type at most once.
        day: a date in the scene's time zone, from its midnight to the next.
        life: what comes over people in the course of weeks; None: every day is a day by itself.
    """
    course = outline(seed, resident.id, day, scene.timezone)
    lived = None if life is None else live(seed, resident.id, day, scene.timezone, course, life)
    course = course if lived is None else lived.course
    power = None if lived is None else lived.power
    said: dict[str, list[Said]] = {}
    for device_type, device in resident.devices.items():
        readings: list[Said]
        match device_type:
            case "tracker" if resident.zone is not None:
                ground = scene.grounds[resident.zone]
                readings = [(fix.at, fix.position) for fix in _fixes(seed, resident.id, day, course, ground, device)]
            case "fall_detector":
                readings = [step for story in course.falls for step in fall_readings(story, device)]
            case "bed_sensor":
                readings = [*_bed(course, device), *sleep_readings(seed, resident.id, day, course, device)]
            case "continence_sensor":
                readings = [(w.at, continence_reading(device, w.percent)) for w in course.wettings]
            case "motion_sensor" | "room_sensor" | "door_sensor" if lived is not None:
                readings = list(_in_the_house(lived, device_type, device))
            case "sos_button":
                readings = [(at, Help(device=device, phase="pressed")) for at in course.presses]
            case _:
                readings = []
        readings += status_readings(seed, resident.id, day, course, device_type, device, power)
        if device_type == "tracker" and power is not None:
            readings = [(at, reading) for at, reading in readings if power.percent(at) is not None]
        said[device] = readings
    return sorted(_events(resident.id, said), key=_AT)  # stable, and the devices come in order


def days(start: datetime, timezone: ZoneInfo) -> Iterator[date]:
    """The local days from the one of ``start`` on."""
    day = start.astimezone(timezone).date()
    while True:
        yield day
        day += timedelta(days=1)


def fall_readings(story: FallStory, device: str) -> list[Said]:
    """The life cycle of a fall: suspected (where the detector says so), detected, then cancelled by the wearer, or
    confirmed and at last ended. A suspicion that the detector drops is never detected."""
    decided = story.at + timedelta(seconds=round(story.decided_after_s))
    detected: list[Said] = [(story.at, Fall(device=device, phase="detected"))]
    if story.suspected:
        suspected: Said = (story.at, Fall(device=device, phase="suspected"))
        sure = (story.at + timedelta(seconds=3), Fall(device=device, phase="detected"))
        detected = [suspected] if story.end is FallEnd.DROPPED else [suspected, sure]
    if story.end is not FallEnd.CONFIRMED:
        return [*detected, (decided, Fall(device=device, phase="cancelled"))]
    ended = decided + timedelta(seconds=round(story.lies_s))
    return [*detected, (decided, Fall(device=device, phase="confirmed")), (ended, Fall(device=device, phase="ended"))]


def continence_reading(device: str, percent: float) -> Continence:
    """What a product of that saturation (0-100) says."""
    if percent >= LEAK_PERCENT:
        return Continence(device=device, state="leak", saturation_percent=percent)
    if percent >= CHANGE_DUE_PERCENT:
        return Continence(device=device, state="change_due", saturation_percent=percent)
    if percent >= SOME_PERCENT:
        return Continence(device=device, state="some", saturation_percent=percent)
    return Continence(device=device, state="dry", saturation_percent=percent)


def walk_fixes(seed: int, resident: str, walk: Walk, ground: Ground, receiver: Receiver, speed_mps: float) -> list[Fix]:
    """The fixes of a walk, the last one at home again; an outing goes beyond the zone and comes back."""
    rng = stream(seed, resident, walk.start, "way")
    way = walk_way(rng, ground, metres=walk.minutes * 60 * speed_mps, leaves_zone=walk.leaves_zone)
    return [
        receiver.fix(at, place, indoors=False, speed_mps=speed_mps, course_deg=course)
        for at, place, course in along(way, walk.start, speed_mps, MOVING_FIX_S)
    ]


def _fixes(seed: int, resident: str, day: date, course: Outline, ground: Ground, device: str) -> list[Fix]:
    receiver = Receiver(stream(seed, resident, day, "receiver"), ground, device)
    fixes: list[Fix] = []
    rest_from = course.midnight + timedelta(seconds=stream(seed, resident, "phase").randrange(int(RESTING_FIX_S)))
    for walk in course.walks:
        if fixes and walk.start < fixes[-1].at + timedelta(minutes=5):
            continue  # still out on the walk before
        outside = walk_fixes(seed, resident, walk, ground, receiver, course.habits.speed_mps)
        if not outside or not _up_during(course.out_of_bed, walk.start, outside[-1].at):
            continue  # too far to be home before the nap or bedtime: not set out at all
        fixes += _at_rest(receiver, ground, rest_from, walk.start)
        fixes += outside
        rest_from = outside[-1].at + timedelta(seconds=2 * MOVING_FIX_S)
    return [*fixes, *_at_rest(receiver, ground, rest_from, course.end)]


def _at_rest(receiver: Receiver, ground: Ground, start: datetime, end: datetime) -> list[Fix]:
    count = max(0, -((start - end) // timedelta(seconds=RESTING_FIX_S)))
    times = [start + timedelta(seconds=RESTING_FIX_S * i) for i in range(count)]
    return [receiver.fix(at, ground.home, indoors=True) for at in times]


def _up_during(spans: Iterable[Span], start: datetime, end: datetime) -> bool:
    return any(span.start <= start and end <= span.end for span in spans)


def _bed(course: Outline, device: str) -> list[Said]:
    said: list[Said] = [(course.midnight, Bed(device=device, in_bed=True))]
    for span in course.out_of_bed:
        said += [(span.start, Bed(device=device, in_bed=False)), (span.end, Bed(device=device, in_bed=True))]
    return said


def _in_the_house(lived: Lived, device_type: str, device: str) -> Iterator[Said]:
    """What the sensors of a person's rooms see of the way through the house. The motion sensor hangs in the hall, the
    radar in the own room."""
    for step in lived.steps:
        match device_type, step.place:
            case "motion_sensor", place if place == HALL:
                yield step.at, Motion(device=device, moving=True)
            case "room_sensor", place:
                yield step.at, Room(device=device, room="own", present=place == ROOM)
            case "door_sensor", place if place == DOOR:
                yield step.at, Motion(device=device, moving=True)
                yield step.at + timedelta(seconds=20), Motion(device=device, moving=False)


def _events(resident: str, said: dict[str, list[Said]]) -> Iterator[Event]:
    for device, readings in sorted(said.items()):
        ordered = sorted(readings, key=_FIRST)
        for number, (at, reading) in enumerate(ordered):
            yield Event(at=at, id=event_id(device, at, number), resident=resident, reading=reading)
