"""Words for people: texts through gettext catalogues, and numbers, times and distances as each language writes them.

The msgids are plain English, so English needs no catalogue. The others are ``locales/{language}/LC_MESSAGES/
telecare.po``, read as they are when a language is first used. A language that we do not have falls back to English.
"""

import gettext as gnu
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta
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


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a text as a msgid where it is written; it is translated where it is said."""
    return text


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
    unit = next(unit for unit, upto in _UNITS_UP_TO_S if seconds < upto)
    # Babel takes the largest unit that reaches the threshold; one that none reaches leaves the choice to us.
    return format_timedelta(timedelta(seconds=seconds), unit, threshold=1e12, locale=_locale(language))


def time_of(at: datetime, language: str, timezone: ZoneInfo, now: datetime) -> str:
    """A time as people say it: 14:05 today, with the date on other days."""
    local = at.astimezone(timezone)
    locale = _locale(language)
    clock = format_time(local, "short", tzinfo=timezone, locale=locale)
    if local.date() == now.astimezone(timezone).date():
        return clock
    return f"{format_date(local, 'medium', locale=locale)} {clock}"


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
