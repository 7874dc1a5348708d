"""Words for people: texts through gettext catalogues, and numbers, times and distances as each language writes them.

The msgids are plain English, so English needs no catalogue. The others are ``locales/{language}/LC_MESSAGES/
telecare.po``, read as they are when a language is first used. A language that we do not have falls back to English.
"""

import gettext as gnu
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from gateway.clock import from_ms
from rules.custom_settings import CustomSettings
from rules.custom_words import TITLE
from rules.model import Reason
from rules.registry import RULES

FOLDER = Path(__file__).parent / "locales"
DOMAIN = "telecare"

LANGUAGES: tuple[str, ...] = ("en", "fr", "de", "it", "es", "da", "mt")
"""Languages that the gateway speaks, by their ISO 639-1 codes."""

# English times and dates as Europe writes them: 14:05, 22 Nov 2026.
_LOCALES = {"en": "en_GB"}

_KILOMETRE_FROM_M = 1000.0
_UNITS_UP_TO_S: tuple[tuple[Literal["second", "minute", "hour", "day"], float], ...] = (
    ("second", 90.0),
    ("minute", 90 * 60.0),
    ("hour", 36 * 3600.0),
    ("day", float("inf")),
)
"""Up to how long a duration is told in which unit: 80 seconds, 2 minutes, 80 minutes, 2 hours, 30 hours, 2 days."""

_UNIT_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}

_JUST_NOW_S = 10.0
"""What is not older happened just now: by the time that it is read, "2 seconds ago" would be wrong."""


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a text as a msgid where it is written; it is translated where it is said."""
    return text


STAFF_NOTE: Final = "staff_note"
"""The value of a reason that holds what somebody wrote for their colleagues. No text of a reason names it: relatives
read those."""

_IN_THEIR_WORDS = N_("In their words: {note}")

_WITHOUT_UNITS = frozenset({"mt"})
"""Languages whose words for durations Babel does not have: CLDR has only "2 min" for Maltese."""

RULE_TITLES: dict[str, str] = {rule.name: rule.title for rule in RULES} | {
    "help": N_("Help pressed"),
    "unreadable_alarm": N_("Unreadable alarm"),
    "unassigned_alarm": N_("Alarm from a device of nobody"),
    "unplanned_alarm": N_("Alarm without a rule"),
    "failed_rule": N_("A rule broke"),
    "unprotected": N_("Not protected"),
    "shelved_rule": N_("Important rule shelved"),
    "broker_gone": N_("No connection to the broker"),
    "http_gone": N_("Internet reports can't come in"),
    "codec_suspended": N_("A device's decoder does not end"),
    "coverage_gap": N_("Gap in the plan of shifts"),
    "alarm_centre_silent": N_("Alarm centre does not answer"),
    "rota_unreachable": N_("Calendar of shifts can't be fetched"),
    "break_glass": N_("Opened what was not agreed"),
    "space_short": N_("The gateway’s disk is almost full"),
}
"""What carers call each rule, and the gateway's own findings."""

PRIORITY_WORDS: dict[str, str] = {
    "high": N_("Act now"),
    "medium": N_("Act soon"),
    "low": N_("Be aware"),
}
"""What a priority asks of people, after IEC 60601-1-8."""

PRIORITY_MARKS: dict[str, str] = {"high": "!!!", "medium": "!!", "low": "!"}
"""Marks of a priority after IEC 60601-1-8: never colour alone."""

OUTCOME_WORDS: dict[str, str] = {
    "real": N_("Real: help was given"),
    "false": N_("False alarm"),
    "test": N_("Test"),
    "wearer_cancelled": N_("Cancelled by the wearer"),
    "other": N_("Other"),
}
"""How an alert ended (gateway.alerts.model.Outcome)."""


_LOOK_IN = N_("Look in; quietly at night. The person may need help, or only company.")
_GO_AFTER = N_("Go after the person or call them. The page of the alert makes a link for everybody who helps.")
_CHANGE = N_("Look whether a change is needed, and close the alert with what it was.")
_MEASURE = N_("Go and look how the person is. Measure again by hand before you decide.")
_DEVICE = N_("See to the device: until it works, it calls nobody.")
_HOUSE = N_("See to it, or tell whoever looks after the gateway: alarms may not come through.")
_PLAN = N_("Put somebody on the plan for that time, or change the steps.")
_ANY_STEP = N_("Go and look. Then close the alert and say what it was.")

NEXT_STEPS: dict[str, str] = {
    "help": N_("Go and ask what is needed."),
    "fall": N_("Go at once. Ask about pain before anybody is lifted."),
    "falls_often": N_("Talk with the team about what may prevent the next fall."),
    **dict.fromkeys(("zone_exit", "return_by", "out_of_sight", "not_where_expected", "zone_entry"), _GO_AFTER),
    **dict.fromkeys(("bed_exit", "not_back", "not_in_bed_by", "not_up_by", "restless_night"), _LOOK_IN),
    **dict.fromkeys(("no_movement", "unusual_inactivity", "night_wandering", "door_at_night"), _LOOK_IN),
    **dict.fromkeys(("continence", "not_changed"), _CHANGE),
    **dict.fromkeys(("heart_rate", "breathing", "oxygen"), _MEASURE),
    **dict.fromkeys(("silent", "low_battery", "switched_off", "removed", "tamper"), _DEVICE),
    **dict.fromkeys(("clock_wrong", "charge_by", "continence_off", "bed_sensor_silent"), _DEVICE),
    **dict.fromkeys(("broker_gone", "http_gone", "codec_suspended", "failed_rule", "alarm_centre_silent"), _HOUSE),
    "space_short": N_("Tell whoever looks after the gateway, now: room has to be made on its disk."),
    **dict.fromkeys(("unprotected", "unreadable_alarm", "unassigned_alarm"), _HOUSE),
    **dict.fromkeys(("coverage_gap", "rota_unreachable"), _PLAN),
}
"""What to do first, for staff. It never tells more than a trained carer knows; the care note comes before it."""


def known_language(language: str) -> str:
    """The language of ours that stands for ``language`` (``de-CH``: ``de``); ``en`` for those that we do not have."""
    code = language.replace("_", "-").split("-")[0].lower()
    return code if code in LANGUAGES else "en"


@lru_cache(maxsize=64)
def translations(language: str) -> gnu.NullTranslations:
    """The catalogue of a language: an object with ``gettext`` and ``ngettext``, as Jinja2 and others take it."""
    code = known_language(language)
    file = FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not file.exists():
        return gnu.NullTranslations()
    with file.open("rb") as source:
        catalogue = read_po(source, locale=code, domain=DOMAIN)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gnu.GNUTranslations(compiled)


def gettext(text: str, language: str, **values: object) -> str:
    """A msgid in a language, with its blanks (``{name}``) filled in."""
    said = translations(language).gettext(text) if text else ""
    return _fill(said, values) if values else said


def ngettext(one: str, many: str, n: int, language: str, **values: object) -> str:
    """A msgid with a plural, in the form that the language uses for ``n``; ``{n}`` is the number itself."""
    return _fill(translations(language).ngettext(one, many, n), {"n": n, **values})


def say(reason: Reason, language: str, timezone: ZoneInfo, now: datetime) -> str:
    """A Reason as a sentence.

    Args:
        reason: what to say; its values are written by their suffix (see rules.model.Reason).
        language: code of the reader's language.
        timezone: where times are told.
        now: UTC-aware; a time of another day than today is told with its date.
    """
    values = {name: _written(name, value, language, timezone, now) for name, value in reason.values.items()}
    return gettext(reason.text, language, **values)


def staff_note(reason: Reason, language: str) -> str | None:
    """What somebody wrote for their colleagues about it, as a sentence; None: nothing. Never for relatives."""
    note = reason.values.get(STAFF_NOTE)
    return gettext(_IN_THEIR_WORDS, language, note=note) if isinstance(note, str) else None


def rule_title(rule: str, language: str) -> str:
    """What carers call a rule; its own word where we have none."""
    return gettext(RULE_TITLES.get(rule, rule), language)


def alert_title(rule: str, reason: Reason, language: str) -> str:
    """What carers call an alert: of an own rule the words of whoever wrote it, of the others the rule's title."""
    own = reason.values.get(TITLE) if rule == CustomSettings.name else None
    return own if isinstance(own, str) else rule_title(rule, language)


def priority_word(priority: str, language: str) -> str:
    """What a priority asks of people, in a language."""
    return gettext(PRIORITY_WORDS.get(priority, priority), language)


def outcome_word(outcome: str, language: str) -> str:
    """How an alert ended, in a language."""
    return gettext(OUTCOME_WORDS.get(outcome, outcome), language)


def next_step(rule: str, language: str) -> str:
    """What to do first about an alert of that rule, in a sentence."""
    return gettext(NEXT_STEPS.get(rule, _ANY_STEP), language)


def distance(metres: float, language: str) -> str:
    """A distance as people say it: 350 m, 1.2 km; always without a sign."""
    # Nobody needs 347 m of a position that is good to 20 m.
    metres = round(abs(metres), -1) if abs(metres) >= 100 else round(abs(metres))
    locale = _locale(language)
    if metres >= _KILOMETRE_FROM_M:
        return format_unit(round(metres / 1000, 1), "length-kilometer", length="short", locale=locale)
    return format_unit(round(metres), "length-meter", length="short", locale=locale)


def duration(seconds: float, language: str) -> str:
    """A duration as people say it, always positive: 45 seconds, 2 minutes, 3 hours, 2 days."""
    seconds = abs(seconds)
    unit = _unit_of(seconds)
    if known_language(language) in _WITHOUT_UNITS:
        return _in_words(unit, round(seconds / _UNIT_S[unit]), language)
    # Babel takes the largest unit that reaches the threshold; one that none reaches leaves the choice to us.
    return format_timedelta(timedelta(seconds=seconds), unit, threshold=1e12, locale=_locale(language))


def ago(at: datetime, language: str, now: datetime) -> str:
    """How long ago, as people say it: just now, 2 minutes ago, 3 days ago. What seems to come is just now.

    Args:
        at: UTC-aware.
        language: code of the reader's language.
        now: UTC-aware.
    """
    seconds = (now - at).total_seconds()
    if seconds < _JUST_NOW_S:
        return gettext(N_("just now"), language)
    # A phrase of its own, because many languages bend the unit: 3 Tage, vor 3 Tagen.
    past = timedelta(seconds=-seconds)
    return format_timedelta(past, _unit_of(seconds), threshold=1e12, add_direction=True, locale=_locale(language))


def away(metres: float, language: str, place: str = "") -> str:
    """How far from a place, as people say it: 350 m from home, 1.2 km from the garden.

    Args:
        metres: the sign does not count.
        language: code of the reader's language.
        place: its name; none: home.
    """
    far = distance(metres, language)
    if place:
        return gettext(N_("{distance} from {place}"), language, distance=far, place=place)
    return gettext(N_("{distance} from home"), language, distance=far)


def _in_words(unit: str, n: int, language: str) -> str:
    match unit:
        case "second":
            return ngettext("{n} second", "{n} seconds", n, language)
        case "minute":
            return ngettext("{n} minute", "{n} minutes", n, language)
        case "hour":
            return ngettext("{n} hour", "{n} hours", n, language)
    return ngettext("{n} day", "{n} days", n, language)


def _unit_of(seconds: float) -> Literal["second", "minute", "hour", "day"]:
    return next(unit for unit, upto in _UNITS_UP_TO_S if seconds < upto)


def time_of(at: datetime, language: str, timezone: ZoneInfo, now: datetime) -> str:
    """A time as people say it: 14:05 today, with the date on other days.

    In the hour that comes twice when summer ends it has the sign of its zone, such as 02:30 CEST.
    """
    local = at.astimezone(timezone)
    locale = _locale(language)
    clock = format_time(local, "short", tzinfo=timezone, locale=locale)
    if local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset():
        clock += f" {local.tzname()}"
    if local.date() == now.astimezone(timezone).date():
        return clock
    return f"{format_date(local, 'medium', locale=locale)} {clock}"


def day(at: date, language: str) -> str:
    """A day with its weekday: Sunday, 1 March."""
    return format_skeleton("MMMMEEEEd", at, locale=_locale(language))


def short_day(at: date, language: str) -> str:
    """A day in a few letters: Sun, 1 Mar."""
    return format_skeleton("MMMEd", at, locale=_locale(language))


def date_of(at: date, language: str) -> str:
    """A day with its year: 1 Mar 2026."""
    return format_date(at, "medium", locale=_locale(language))


def percent(value: float, language: str) -> str:
    """A percentage of 0 to 100, without decimals."""
    return format_percent(round(value) / 100, locale=_locale(language))


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    code = known_language(language)
    try:
        return Locale.parse(_LOCALES.get(code, code))
    except UnknownLocaleError:  # a language that Babel has no data for
        return Locale.parse(_LOCALES["en"])


def _written(name: str, value: float | str, language: str, timezone: ZoneInfo, now: datetime) -> str:
    if isinstance(value, str):
        return value
    match name.rpartition("_")[2]:
        case "m":
            return distance(value, language)
        case "s":
            return duration(value, language)
        case "at":
            return time_of(from_ms(int(value)), language, timezone, now)
        case "percent":
            return percent(value, language)
    return format_decimal(value, locale=_locale(language))


class _Blanks(dict[str, object]):
    """A blank that nothing was given for stays as it is: a text is never lost for want of one value."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


def _fill(text: str, values: Mapping[str, object]) -> str:
    try:
        return text.format_map(_Blanks(values))
    except (ValueError, IndexError, KeyError, AttributeError):  # a catalogue with a broken blank
        return text
