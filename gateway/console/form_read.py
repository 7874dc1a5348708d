"""From a sent form to an entry of the centre: what was typed is kept, and what can't be read is said at its field."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.console.form_schema import Setting
from gateway.words import N_
from rules.night import instant

NEEDED: Final = N_("This is needed.")
NO_NUMBER: Final = N_("Please write a number.")
TOO_SMALL: Final = N_("At least {low} is asked for.")
NOT_ABOVE: Final = N_("It has to be more than {low}.")
TOO_LARGE: Final = N_("At most {high} is possible.")
TOO_LONG: Final = N_("At most {high} characters are possible.")
NO_TIME: Final = N_("Please write a time, such as 22:00.")
NO_MOMENT: Final = N_("Please write a date and a time.")
NO_TABLE: Final = N_("That can’t be read: it has to be JSON.")
NO_ID: Final = N_("Letters a to z, digits, points, hyphens and underscores only; no space.")

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
WAS: Final = ".was"
"""Ends the name of a hidden field that says exactly what a moment's field was made of."""

MOST_ROWS: Final = 60
"""Rows of one list in a form: a policy has a handful."""

Form = Mapping[str, Sequence[str]]
"""Every value of every field, as sent."""


class Flaw(NamedTuple):
    """What is wrong with one field: a msgid and its blanks."""

    text: str
    values: Mapping[str, object] = MappingProxyType({})


class Read(NamedTuple):
    """An entry as it was typed, and what is wrong by the field's path (``contacts.0.address``)."""

    entry: dict[str, Any]
    flaws: dict[str, Flaw]


def form_of(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Every value by its name; line ends as we write them."""
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return form


def read(settings: Sequence[Setting], form: Form, timezone: ZoneInfo, prefix: str = "") -> Read:
    """What a form says of these settings; what is left empty is left out, and the default counts.

    Args:
        settings: what the form was made from.
        form: what was sent.
        timezone: the centre's; moments are typed in it.
        prefix: of the fields' names.
    """
    entry: dict[str, Any] = {}
    flaws: dict[str, Flaw] = {}
    for one in settings:
        path = f"{prefix}{one.key}"
        value, found = _value(one, form, timezone, path)
        flaws |= found
        if value is not None:
            entry[one.key] = value
        elif one.required and path not in flaws and one.kind not in {"rows", "group"}:
            flaws[path] = Flaw(NEEDED)
    return Read(entry, flaws)


def _value(one: Setting, form: Form, timezone: ZoneInfo, path: str) -> tuple[Any, dict[str, Flaw]]:  # noqa: PLR0911 - one for each kind
    texts = [text.strip() for text in form.get(path, ())]
    text = texts[0] if texts else ""
    match one.kind:
        case "group":
            return _group(one, form, timezone, path)
        case "rows":
            return _rows(one, form, timezone, path)
        case "bool":
            return bool(text), {}
        case "picks":
            return ([word for word in texts if word] or None if one.optional else [w for w in texts if w]), {}
        case "words":
            words = [word.strip() for part in texts for word in part.split(",")]
            words = [word for word in dict.fromkeys(words) if word]
            return words or (None if one.optional or one.default is not None else []), {}
    if not text:
        return None, {}
    return _single(one, text, timezone, path, exact=_untouched(form, path, timezone))


def _single(one: Setting, text: str, timezone: ZoneInfo, path: str, *, exact: str = "") -> tuple[Any, dict[str, Flaw]]:  # noqa: PLR0911 - one for each kind
    match one.kind:
        case "number":
            return _number(one, text, path)
        case "time":
            return text, {} if _TIME.fullmatch(text) else {path: Flaw(NO_TIME)}
        case "times":
            times = [part.strip() for part in text.split(",") if part.strip()]
            return times, {} if all(_TIME.fullmatch(part) for part in times) else {path: Flaw(NO_TIME)}
        case "moment":
            moment = moment_of(exact or text, timezone)
            return (text, {path: Flaw(NO_MOMENT)}) if moment is None else (moment, {})
        case "json":
            try:
                return json.loads(text), {}
            except (ValueError, RecursionError):
                return text, {path: Flaw(NO_TABLE)}
    if one.key == "id" and not _ID.fullmatch(text):
        return text, {path: Flaw(NO_ID)}
    if one.longest is not None and len(text) > one.longest:
        return text, {path: Flaw(TOO_LONG, {"high": one.longest})}
    return text, {}


def _number(one: Setting, text: str, path: str) -> tuple[Any, dict[str, Flaw]]:
    try:
        number = float(text.replace(",", ".").replace("\N{NO-BREAK SPACE}", ""))
    except ValueError:
        return text, {path: Flaw(NO_NUMBER)}
    if number == one.default:
        return None, {}  # only what differs is written
    value: float | int = int(number) if number.is_integer() else number
    if one.low is not None and number < one.low:
        return value, {path: Flaw(TOO_SMALL, {"low": f"{one.low:g}"})}
    if one.above is not None and number <= one.above:
        return value, {path: Flaw(NOT_ABOVE, {"low": f"{one.above:g}"})}
    if one.high is not None and not number <= one.high:
        return value, {path: Flaw(TOO_LARGE, {"high": f"{one.high:g}"})}
    return value, {}


def _group(one: Setting, form: Form, timezone: ZoneInfo, path: str) -> tuple[Any, dict[str, Flaw]]:
    found = read(one.inner, form, timezone, f"{path}.")
    if one.optional and not any(value not in ([], False) for value in found.entry.values()):
        return None, {}
    return found.entry, found.flaws


def _rows(one: Setting, form: Form, timezone: ZoneInfo, path: str) -> tuple[Any, dict[str, Flaw]]:
    """The rows that say something, in their order; whoever is moved or taken out is by its button's name."""
    numbers = {int(at[1]) for name in form if (at := re.match(rf"{re.escape(path)}\.(\d{{1,3}})\.", name))}
    rows: list[dict[str, Any]] = []
    flaws: dict[str, Flaw] = {}
    for number in sorted(numbers)[:MOST_ROWS]:
        if f"{path}.{number}._gone" in form:
            continue
        found = read(one.inner, form, timezone, f"{path}.{number}.")
        if not any(_says(inner, found.entry.get(inner.key)) for inner in one.inner):
            continue
        place = f"{path}.{len(rows)}."
        flaws |= {place + name.removeprefix(f"{path}.{number}."): flaw for name, flaw in found.flaws.items()}
        rows.append(found.entry)
    return rows, flaws


def _says(setting: Setting, value: Any) -> bool:
    return value not in (None, [], False, {}) and not (setting.kind == "choice" and value == setting.default)


def moment_of(text: str, timezone: ZoneInfo) -> str | None:
    """A date and time on the wall (``2026-03-01T08:30``) as RFC 3339 in UTC; None: it is none."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = instant(moment, timezone)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # the first and the last day there are lie outside of UTC's years
        return None


def moment_in(form: Form, name: str, timezone: ZoneInfo) -> str | None:
    """The date and time of a field as RFC 3339 in UTC, to the second when nobody touched it; None: it is none."""
    return moment_of(_untouched(form, name, timezone) or one_of(form, name).strip(), timezone)


def _untouched(form: Form, name: str, timezone: ZoneInfo) -> str:
    """What a moment's field was made of, as long as it still says that; else nothing.

    A clock on the wall has no seconds here, and does not say which of the two hours of an autumn night it means.
    """
    was = one_of(form, name + WAS).strip()
    return was if was and one_of(form, name).strip() == wall(was, timezone) else ""


def wall(value: Any, timezone: ZoneInfo) -> str:
    """A time of the centre file as a clock on the wall shows it, for an input; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(str(value)).astimezone(timezone).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError):
        return str(value or "")


def one_of(form: Form, name: str) -> str:
    """A field's first value; empty when there is none."""
    return (form.get(name) or [""])[0]


def base_of(form: Form) -> int:
    """The version of the centre that a form was made of; 0: it does not say."""
    text = one_of(form, "_base")
    return int(text) if text.isdecimal() and len(text) < 12 else 0
