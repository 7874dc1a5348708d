"""What a visitor may see of a resident's life: only what is their business, and only as the resident agreed.

Every page and every part of the API that shows positions, sleep, heart and breathing, continence or activity asks here.
"""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Final

from gateway.alerts import glass
from gateway.console.deps import Console
from gateway.console.guards import Visitor, opened
from gateway.store.alarms import all_in_alarm, in_alarm


class Purpose(StrEnum):
    """What a consent is about; the words of [care_plans.consents]."""

    LOCATION = "location"
    SLEEP = "sleep"
    CONTINENCE = "continence"
    ACTIVITY = "activity"


PURPOSE_OF: Final[dict[str, Purpose]] = {
    "position": Purpose.LOCATION,
    "bed": Purpose.SLEEP,
    "sleep": Purpose.SLEEP,
    "vitals": Purpose.SLEEP,
    "continence": Purpose.CONTINENCE,
    "room": Purpose.ACTIVITY,
    "motion": Purpose.ACTIVITY,
}
"""Kinds of readings that are shown only as agreed; help, fall and status are shown to all staff."""


class Shown(StrEnum):
    """Whether something is shown, and why."""

    AGREED = "agreed"
    ALARM = "alarm"
    """The place of somebody who agreed to be found in an alarm, while an alert about them is open that is no routine
    (gateway.store.alarms)."""
    NOT_AGREED = "not_agreed"
    NO_ALARM = "no_alarm"
    """It would be shown while an alert about the person is open."""
    NOT_YOURS = "not_yours"
    """Another ward's resident, or another family's."""
    BREAK_GLASS = "break_glass"
    """It is not agreed, and the carer opened it for a stated reason and a short time."""

    @property
    def allowed(self) -> bool:
        """Whether it may be shown."""
        return self in {Shown.AGREED, Shown.ALARM, Shown.BREAK_GLASS}


def shown(console: Console, visitor: Visitor, resident_id: str, purpose: Purpose) -> Shown:
    """Whether this visitor may see this of that resident, now. An unknown resident is nobody's business."""
    return _shown(
        console,
        visitor,
        resident_id,
        purpose,
        alarmed=lambda one: in_alarm(console.db(), one),
        opened=lambda one: opened(console, visitor, one),
    )


def shown_all(console: Console, visitor: Visitor, resident_ids: Collection[str], purpose: Purpose) -> dict[str, Shown]:
    """What :func:`shown` says of each of them, in their order; for thousands, with two looks at the database."""
    alarmed = all_in_alarm(console.db())
    unlocked = opened_by(console, visitor)
    return {
        one: _shown(console, visitor, one, purpose, alarmed=alarmed.__contains__, opened=unlocked.__contains__)
        for one in resident_ids
    }


def opened_by(console: Console, visitor: Visitor) -> frozenset[str]:
    """The residents for whom :func:`opened` says yes."""
    if not visitor.sees_everyone:
        return frozenset()
    found = glass.all_in_force(console.db(), visitor.id, console.deps.clock.now())
    return frozenset(found & console.deps.index().residents.keys())


def _shown(
    console: Console,
    visitor: Visitor,
    resident_id: str,
    purpose: Purpose,
    *,
    alarmed: Callable[[str], bool],
    opened: Callable[[str], bool],
) -> Shown:
    """The one place where it is decided. ``alarmed``: whether an alert about somebody is open; ``opened``: whether
    the visitor broke the glass for them."""
    said = _agreed(console, visitor, resident_id, purpose, alarmed)
    if said.allowed or not opened(resident_id):
        return said
    return Shown.BREAK_GLASS


def _agreed(
    console: Console, visitor: Visitor, resident_id: str, purpose: Purpose, alarmed: Callable[[str], bool]
) -> Shown:
    index = console.deps.index()
    resident = index.residents.get(resident_id)
    if resident is None or not visitor.sees(resident):
        return Shown.NOT_YOURS
    agreed = index.plan_of(resident_id).consents
    if not visitor.sees_everyone and purpose.value not in agreed.relatives:
        return Shown.NOT_AGREED
    if purpose is not Purpose.LOCATION:
        return Shown.AGREED if getattr(agreed, purpose.value) else Shown.NOT_AGREED
    match agreed.location:
        case "always":
            return Shown.AGREED
        case "never":
            return Shown.NOT_AGREED
        case "alarm":
            return Shown.ALARM if alarmed(resident_id) else Shown.NO_ALARM
