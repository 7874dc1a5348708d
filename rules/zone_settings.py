"""Settings that leaving a safe zone and entering a forbidden one share, and the checks of what zone rules name."""

from pydantic import Field

from rules.errors import BadRuleError
from rules.geometry import ZoneShape
from rules.model import Context, Priority, RuleSettings
from rules.schedule import ScheduleSettings
from rules.zone_fix import FASTEST_MPS

LESS = {Priority.HIGH: Priority.MEDIUM, Priority.MEDIUM: Priority.LOW, Priority.LOW: Priority.LOW}
"""What is likely and not certain is told one step less urgently."""


class WatchSettings(RuleSettings):
    """What both have; each gives its own defaults where they differ."""

    zone: str = Field(min_length=1, description="Id of the zone in the centre's GeoJSON file.")
    device: str | None = Field(
        None,
        description="Only positions of this device count. By default all of the resident's do; name one where a "
        "second tracker is not always worn.",
    )
    priority: Priority = Field(Priority.HIGH, description="How urgent it is: high, medium or low.")
    confirmations: int = Field(2, ge=1, le=10, description="Positions that are needed to tell at once.")
    decide_within_s: float = Field(60.0, ge=0, le=3600, description="How long a decision may wait.")
    jump_within_s: float = Field(360.0, ge=0, le=3600, description="The same after a jump.")
    fastest_mps: float = Field(
        FASTEST_MPS,
        gt=0,
        le=100,
        description="A position that asks for a higher speed since the last one, accuracies taken off, is a jump. "
        "2.5 m/s: the fastest mean walking speed of any group is 2.53 m/s, of men in their twenties (Bohannon 1997). "
        "Set 40 for somebody who is often driven: a ride is then no jump, and fewer wrong positions are one.",
    )
    assumed_accuracy_m: float = Field(
        30.0,
        ge=0,
        le=1000,
        description="Accuracy of a position that gives none. Phones reach 4.9 m under open sky (GPS.gov, GPS "
        "Accuracy); pendants near houses and under clothes are several times worse.",
    )
    old_after_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="A position older than this when it is heard is judged, but told with its age: after five "
        "minutes on foot the person may be 400 m away from it.",
    )
    schedule: ScheduleSettings | None = Field(
        None, description="When it is watched: `weekly` windows, a `calendar`, or both; by default always."
    )
    start_grace_s: float = Field(
        120.0,
        ge=1,
        le=3600,
        description="Who is on the wrong side already when the watch begins is told of after this time. Two minutes "
        "let somebody come through the door who is nearly there.",
    )
    recent_s: float = Field(
        1800.0,
        ge=0,
        le=86_400,
        description="The last position counts for that when it is not older than this when the watch begins. After "
        "half an hour nobody knows; the rule `out_of_sight` tells of somebody who is not heard of outside.",
    )
    companions: tuple[str, ...] = Field(
        (), description="Ids of carers: nothing is told while the tracker of one of them is near the person."
    )
    companion_within_m: float = Field(
        100.0,
        gt=0,
        le=2000,
        description="How near. Two positions of people side by side are off by the accuracy of both, tens of metres "
        "between houses. Positions of different seconds may be farther apart, by 1.4 m/s.",
    )
    companion_fresh_s: float = Field(
        300.0,
        gt=0,
        le=3600,
        description="A companion's position older than this says nothing any more. Telephones and pendants report "
        "every one to five minutes while they move.",
    )


def zone_of(rule: str, field: str, zone: str, context: Context) -> ZoneShape:
    """The shape of a zone that a setting names.

    Raises:
        BadRuleError: there is no such zone.
    """
    shape = context.zones.get(zone)
    if isinstance(shape, ZoneShape):
        return shape
    known = ", ".join(sorted(context.zones)) or "none"
    raise BadRuleError(f"{rule}: {field} is {zone!r}; the zones are: {known}")


def check_device(rule: str, device: str | None, context: Context) -> None:
    """See that a named device is one of the resident's.

    Raises:
        BadRuleError: it is not.
    """
    if device is None or device in {one.id for one in context.devices}:
        return
    known = ", ".join(sorted(one.id for one in context.devices)) or "none"
    raise BadRuleError(f"{rule}: device is {device!r}; the resident's devices are: {known}")


def heard_of(device: str | None, context: Context) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The trackers that are judged each by itself, and all devices that are heard; with a named one only that."""
    if device is not None:
        return (device,), (device,)
    return tuple(one.id for one in context.devices if one.type == "tracker"), tuple(one.id for one in context.devices)


def companions_of(rule: str, companions: tuple[str, ...], context: Context) -> tuple[str, ...]:
    """The trackers that these carers carry.

    Raises:
        BadRuleError: one of them carries none.
    """
    for carer in companions:
        if not context.carried.get(carer):
            known = ", ".join(sorted(one for one, carried in context.carried.items() if carried)) or "none"
            raise BadRuleError(
                f"{rule}: companions has {carer!r}, who carries no tracker (a device with `carer`); carers with one: "
                f"{known}"
            )
    return tuple(device for carer in companions for device in context.carried[carer])
