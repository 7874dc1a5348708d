"""A care plan in plain words: each rule as a sentence, and what the person agreed to."""

from datetime import datetime, time
from enum import Enum
from typing import Any, Final

from gateway import words
from gateway.centre.index import CentreIndex
from gateway.centre.model import Consents
from gateway.console.pages import Tongue
from gateway.console.view import title_of
from gateway.words import N_
from rules.model import Reason

SENTENCES: Final[dict[str, str]] = {
    "help": N_("Tells at once when the person calls for help."),
    "fall": N_(
        "Tells of a fall; again, more urgently, when nothing shows within {long_lie_after_s} that the person got up."
    ),
    "zone_exit": N_(
        "Tells when the person leaves {zone}: after {confirmations} positions outside, or {decide_within_s} after the"
        " first."
    ),
    "zone_entry": N_("Tells when the person goes into {zone}."),
    "bed_exit": N_("Tells when the person is out of bed for {minutes} minutes between {since} and {until}."),
    "not_back": N_(
        "Tells when the person left the bed between {since} and {until} and is not back after {minutes} minutes,"
        " and again {again_minutes} minutes later."
    ),
    "not_in_bed_by": N_("Tells when the person is not in bed by {by}."),
    "not_up_by": N_("Tells when the person is not up by {by}."),
    "restless_night": N_("Tells in the morning of a night that was more restless than the person’s own nights."),
    "heart_rate": N_(
        "Tells when the heart beats {low} times a minute or less, or {high} times or more, for {for_s}, and when it is"
        " far from the person’s own nights."
    ),
    "breathing": N_(
        "Tells when the person breathes {low} times a minute or less, or {high} times or more, for {for_s}, and when"
        " it is far from the person’s own nights."
    ),
    "oxygen": N_("Tells when the oxygen is at {low_percent} or less for {for_s}."),
    "bed_sensor_silent": N_("Tells when the bed sensor says nothing for {minutes} minutes while the person is in bed."),
    "continence": N_(
        "Puts a change that is due on the round list; tells when it waits {overdue_after_minutes} minutes, or leaks."
    ),
    "continence_off": N_("Tells when the continence sensor is off or in error for {minutes} minutes."),
    "not_changed": N_("Tells when a product that is no longer dry is worn for {hours} hours."),
    "falls_often": N_("Tells when the person fell {falls} times within {days} days."),
    "no_movement": N_("Tells when nobody moved for {after_hours} hours between {since} and {until}."),
    "unusual_inactivity": N_("Tells when there is no movement for longer than is usual for the person at that hour."),
    "return_by": N_("Tells when the person is not back in {zone} by {by}."),
    "not_where_expected": N_(
        "Tells when the person is not in {zone} at the planned hours, after {grace_minutes} minutes."
    ),
    "out_of_sight": N_("Tells when the person is outside of {zones} and nothing is heard of where for {after_s}."),
    "night_wandering": N_(
        "Tells of wandering indoors between {since} and {until}: {changes} changes of room within {within_minutes}"
        " minutes."
    ),
    "door_at_night": N_("Tells when a door opens between {since} and {until}."),
    "path_light": N_("Switches {lamp} on when the person gets up between {since} and {until}, and off again."),
    "day_light": N_("Lets {lamp} follow the day: bright in the morning, dim at night."),
    "silent": N_("Tells when a device of the person is silent for longer than it should be."),
    "low_battery": N_("Tells when a battery is at {low_percent} or less, and again at {critical_percent}."),
    "switched_off": N_("Tells when a device is off for {after_s}."),
    "removed": N_("Tells when a device is taken off for {after_s}."),
    "tamper": N_("Tells when a device was opened."),
    "clock_wrong": N_("Tells when the clock of a device is wrong."),
    "charge_by": N_("Tells when a device is not on its charger by {by}."),
    "answer": N_("When another rule tells something, a device is told to do something: {command}."),
    "custom": N_("A rule that the house wrote itself."),
}
"""What a rule does, by its word; the blanks are its settings."""

_LOCATION: Final[dict[str, str]] = {
    "always": N_("Where the person is: carers may see it always."),
    "alarm": N_("Where the person is: carers may see it while an alert is open."),
    "never": N_("Where the person is: nobody may see it."),
}
_YES_NO: Final[tuple[tuple[str, str, str], ...]] = (
    ("sleep", N_("Bed, sleep, heart and breathing: carers may see it."),
     N_("Bed, sleep, heart and breathing: nobody may see it.")),
    ("continence", N_("Continence: carers may see it."), N_("Continence: nobody may see it.")),
    ("activity", N_("When and where the person moves about indoors: carers may see it."),
     N_("When and where the person moves about indoors: nobody may see it.")),
    ("search", N_("Description and photo: may be shown in a search for the person."),
     N_("Description and photo: not shown in a search for the person.")),
)  # fmt: skip
_RELATIVES: Final[dict[str, str]] = {
    "location": N_("where the person is"),
    "sleep": N_("bed, sleep, heart and breathing"),
    "continence": N_("continence"),
    "activity": N_("when and where the person moves about indoors"),
}


def rule_lines(index: CentreIndex, resident: str, tongue: Tongue) -> list[tuple[str, str, str | None]]:
    """Each rule of the care plan: its title, what it does in a sentence, and its priority in words (None: it tells
    nobody, or has several)."""
    return [
        (
            title_of(settings.name, tongue, getattr(settings, "title", None)),
            _sentence(settings, index, tongue),
            _priority(settings, tongue),
        )
        for settings in index.plan_of(resident).rules
    ]


def consent_lines(agreed: Consents, tongue: Tongue) -> list[tuple[bool, str]]:
    """What the person agreed to, a sentence each; True: they agreed to something."""
    lines = [(agreed.location != "never", tongue(_LOCATION[agreed.location]))]
    for field, yes, no in _YES_NO:
        said = bool(getattr(agreed, field))
        lines.append((said, tongue(yes if said else no)))
    if agreed.relatives:
        what = "; ".join(tongue(_RELATIVES[one]) for one in agreed.relatives)
        lines.append((True, tongue(N_("Relatives may see: {what}."), what=what)))
    else:
        lines.append((False, tongue(N_("Relatives see the alerts that they are told about, and nothing else."))))
    return lines


def _sentence(settings: Any, index: CentreIndex, tongue: Tongue) -> str:
    values = {
        name: _value(name, value, index, tongue)
        for name in type(settings).model_fields
        if (value := getattr(settings, name)) is not None
    }
    return tongue.reason(Reason(SENTENCES[settings.name], values))


def _value(name: str, value: Any, index: CentreIndex, tongue: Tongue) -> str | float:
    if isinstance(value, bool | Enum):
        return str(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, time):
        at = datetime.combine(tongue.now.astimezone(tongue.timezone).date(), value, tongue.timezone)
        return words.time_of(at, tongue.language, tongue.timezone, at)
    zones = {zone.id: zone.name for zone in index.centre.zones}
    if name == "zone":
        return zones.get(str(value), str(value))
    if isinstance(value, tuple | list):
        return ", ".join(zones.get(str(one), str(one)) for one in value)
    return str(value)


def _priority(settings: Any, tongue: Tongue) -> str | None:
    priority = getattr(settings, "priority", None)
    return None if priority is None else words.priority_word(priority.value, tongue.language)
