"""Rules that can never do what they are there for, with these devices and times: errors, because it is certain."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.centre.draft import Entry
from gateway.centre.model import CarePlan, HousePlan
from gateway.errors import Problem
from rules.errors import RuleError
from rules.geometry import ZoneShape
from rules.model import Context, RuleSettings
from rules.schedule import build_schedule
from rules.zone_expected import ExpectedSettings

_ZONES: Final = frozenset({"zone_exit", "zone_entry", "return_by", "not_where_expected", "out_of_sight"})
_NEVER_PLACED: Final = frozenset({"bed_sensor", "continence_sensor", "door_sensor", "lamp", "hub"})
"""What never says where somebody is. A button may; whatever else sends positions is `other`."""

_IN_ROOMS: Final = frozenset({"motion_sensor", "room_sensor"})
"""What says it by the room: enough for a zone with rooms."""

_LIGHTS: Final = frozenset({"path_light", "day_light"})
_SWITCHED: Final = frozenset({"lamp", "hub", "other"})

_A_WEEK: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday of a week without a change of clocks."""


def never(
    entry: Entry[CarePlan] | Entry[HousePlan], rules: Sequence[RuleSettings], context: Context
) -> Iterator[Problem]:
    """What is wrong with the devices and times that rules name; what they name exists, or is told elsewhere."""
    types = {device.id: device.type for device in (*context.devices, *context.surroundings)}
    for number, settings in enumerate(rules):
        field = f"rules[{number}]"
        device = getattr(settings, "device", None)
        if settings.name in _ZONES and device is not None:
            kind = types.get(device)
            if kind in _NEVER_PLACED or (kind in _IN_ROOMS and not _has_rooms(settings, context)):
                yield entry.problem(
                    f"{field}.device", device, f"a device that says where the person is; a {kind} never does"
                )
        lamp = getattr(settings, "lamp", None)
        if settings.name in _LIGHTS and lamp in types and types[lamp] not in _SWITCHED:
            yield entry.problem(f"{field}.lamp", lamp, f"a lamp; this is a {types[lamp]}")
        if isinstance(settings, ExpectedSettings):
            longest = _longest(settings, context)
            if longest is not None and timedelta(minutes=settings.grace_minutes) >= longest:
                minutes = longest.total_seconds() / 60
                expected = f"less than the hours are long, {minutes:g} minutes; else nobody is ever told"
                yield entry.problem(f"{field}.grace_minutes", settings.grace_minutes, expected)


def _has_rooms(settings: RuleSettings, context: Context) -> bool:
    named = (getattr(settings, "zone", None), *(getattr(settings, "zones", None) or ()))
    shapes = [context.zones.get(zone) for zone in named if zone is not None]
    return not shapes or any(isinstance(shape, ZoneShape) and bool(shape.rooms) for shape in shapes)


def _longest(settings: ExpectedSettings, context: Context) -> timedelta | None:
    """The longest window of the week; None: there is a calendar, no end, or it can't be used."""
    if settings.schedule.calendar is not None:
        return None
    try:
        schedule = build_schedule(settings.schedule, context)
    except RuleError:
        return None
    longest, at, end = timedelta(0), _A_WEEK, _A_WEEK + timedelta(days=15)
    since = None
    while at < end:
        change = schedule.next_change(at)
        if change is None:
            return None
        if schedule.active(change):
            since = change
        elif since is not None:
            longest = max(longest, change - since)
        at = change
    return longest or None
