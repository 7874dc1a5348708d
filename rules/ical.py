"""Calendars of the house (iCalendar, RFC 5545) as spans of time, for schedules.

An event counts while it goes on. Parsing is the work of ``icalendar``, recurrence that of ``recurring_ical_events``;
here stands what a calendar may ask of them, so that none makes the gateway busy for longer than a blink: it repeats at
most daily, and no more than ``MOST_A_YEAR`` times a year in all. Whatever is wrong is told at once, when it is loaded.

Floating times and whole days are in the centre's time zone. A cancelled event (``STATUS:CANCELLED``) does not count.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr

from rules.errors import BadCalendarError
from rules.night import instant

LONGEST_TEXT: Final = 1_000_000
"""Characters: some 3,000 events, more than a house plans in ten years."""

MOST_EVENTS: Final = 1_000
"""Events, and single dates that are added or left out; with more, laying out a month takes noticeably long."""

MOST_A_YEAR: Final = 4_000
"""Repetitions a year over all events, as many as eleven daily ones: a month of them is laid out in about 30 ms."""

LONGEST_REPEATED: Final = timedelta(days=31)
LONGEST: Final = timedelta(days=3 * 366)
EARLIEST: Final = 1900
EARLIEST_DAILY: Final = 2000
"""Every repetition since the first one is counted through: a daily event may have 10,000 behind it, not more."""

_A_YEAR: Final = {"DAILY": 366, "WEEKLY": 53, "MONTHLY": 12, "YEARLY": 1}
_LISTS: Final = ("RDATE", "EXDATE")
_ONCE: Final = ("UID", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "SEQUENCE", "STATUS", "SUMMARY")
_MARGIN: Final = timedelta(days=2)
_YEARS: Final = 40
"""29 February on a given weekday comes within 40 years, also over 2100; what does not come by then never does."""


class Event(NamedTuple):
    """One time that an event goes on: from when until when (UTC), what it is called, and who is invited (e-mail)."""

    start: datetime
    end: datetime
    summary: str
    attendees: tuple[str, ...]


class Calendar:
    """A calendar that was checked; make it with :func:`read_calendar`."""

    __slots__ = ("_query", "_zone")

    def __init__(self, parsed: icalendar.Calendar, zone: ZoneInfo) -> None:
        self._query = recurring_ical_events.of(parsed)
        self._zone = zone

    def spans(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The events that go on between two instants (UTC): when each begins, and when it is over (UTC)."""
        for _, start, over in self._between(begin, end):
            yield start, over

    def events(self, begin: datetime, end: datetime) -> Iterator[Event]:
        """The events that go on between two instants (UTC), with their names and who is invited."""
        for event, start, over in self._between(begin, end):
            invited = tuple(str(one)[7:] for one in _lines(event, "ATTENDEE") if str(one)[:7].lower() == "mailto:")
            yield Event(start, over, " ".join(str(event.get("SUMMARY", "")).split()), invited)

    def _between(self, begin: datetime, end: datetime) -> Iterator[tuple[Any, datetime, datetime]]:
        first, last = (begin - _MARGIN).astimezone(self._zone), (end + _MARGIN).astimezone(self._zone)
        for event in self._query.between(first, last):
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            start = _utc(event.start, self._zone, ends=False)
            over = _utc(event.end, self._zone, ends=True)
            if over > begin and start < end:
                yield event, start, over


def _utc(value: date, zone: tzinfo, *, ends: bool) -> datetime:
    """A date or time of an event as an instant."""
    if not isinstance(value, datetime):
        return instant(datetime(value.year, value.month, value.day), zone, ends=ends)  # noqa: DTZ001 - wall clock
    if value.tzinfo is None or value.tzinfo is UTC:
        return value if value.tzinfo is UTC else instant(value.replace(fold=0), zone, ends=ends)
    return instant(value.replace(tzinfo=None, fold=0), value.tzinfo, ends=ends)


@lru_cache(maxsize=64)
def read_calendar(text: str, zone: ZoneInfo) -> Calendar:
    """A calendar from its text, with floating times in that time zone; kept, because many rules share one.

    Raises:
        BadCalendarError: with everything that is wrong in it.
    """
    if len(text) > LONGEST_TEXT:
        raise BadCalendarError((f"it has {len(text)} characters; at most {LONGEST_TEXT} are read",))
    try:
        parsed = icalendar.Calendar.from_ical(text)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        # What is no calendar at all may be any file: nothing of it is said.
        begun = text.lstrip().upper().startswith("BEGIN:VCALENDAR")
        why = _short(error) if begun else "a calendar begins with BEGIN:VCALENDAR"
        raise BadCalendarError((f"it is no iCalendar text: {why}",)) from error
    try:
        problems = tuple(_problems(parsed))
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as error:
        raise BadCalendarError((f"its events can't be read: {_short(error)}",)) from error
    if problems:
        raise BadCalendarError(problems)
    try:
        calendar = Calendar(parsed, zone)
        probe = datetime(2026, 1, 1, tzinfo=UTC)
        list(calendar.spans(probe, probe + timedelta(days=1)))
    except Exception as error:  # whatever the libraries can't bear must not come out while rules run
        raise BadCalendarError((f"its events can't be laid out: {_short(error)}",)) from error
    return calendar


def _problems(parsed: Any) -> Iterator[str]:
    if parsed.name != "VCALENDAR":
        yield f"it is a {parsed.name}; a calendar begins with BEGIN:VCALENDAR"
        return
    events = parsed.walk("VEVENT")
    if not events:
        yield "it has no events (VEVENT)"
    singles = sum(len(_dates(event, key)) for event in events if not event.errors for key in _LISTS)
    if len(events) + singles > MOST_EVENTS:
        yield f"it has {len(events)} events and {singles} single dates; at most {MOST_EVENTS} in all are laid out"
        return
    a_year, good = 0.0, []
    for number, event in enumerate(events, 1):
        name = _name(event, number)
        found = [f"{what or 'a line'} can't be read: {why}" for what, why in event.errors]
        found = found or list(_event_problems(event))
        yield from (f"{name}: {problem}" for problem in found)
        if not found:
            good.append((name, event))
            a_year += sum(_rate(rule) for rule in _rules(event))
    yield from _first_never(good)
    if a_year > MOST_A_YEAR:
        yield f"its events repeat {a_year:.0f} times a year; at most {MOST_A_YEAR} are laid out"


def _event_problems(event: Any) -> Iterator[str]:
    twice = [key for key in _ONCE if isinstance(event.get(key), list)]
    if twice or event.get("DTSTART") is None:
        yield f"{', '.join(twice)} stands there twice" if twice else "DTSTART is missing"
        return
    first = event.get("DTSTART").dt
    yield from _zone_problems(event)
    if not EARLIEST <= first.year < 2200:
        yield f"it begins in the year {first.year}; expected {EARLIEST} to 2199"
    if event.get("EXRULE") is not None:
        yield "EXRULE is not used any more (RFC 5545); leave out single dates with EXDATE"
    yield from _length_problems(event, first)
    for rule in _rules(event):
        yield from _rule_problems(rule, first)
    if any(isinstance(one, tuple) for one in _dates(event, "RDATE")):
        yield "RDATE with a period is not possible; write one more event"


def _zone_problems(event: Any) -> Iterator[str]:
    for key in ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"):
        for line in _lines(event, key):
            zone = line.params.get("TZID")
            naive = [one for one in _dates_in(line) if isinstance(one, datetime) and one.tzinfo is None]
            if zone is not None and naive:
                yield f"{key}: time zone {str(zone)!r} is not known; name one such as Europe/Malta"


def _length_problems(event: Any, first: date) -> Iterator[str]:
    end = event.get("DTEND")
    if end is not None and isinstance(end.dt, datetime) != isinstance(first, datetime):
        yield "DTSTART and DTEND must both be dates, or both be times"
        return
    if end is not None and (getattr(end.dt, "tzinfo", None) is None) != (getattr(first, "tzinfo", None) is None):
        yield "DTSTART and DTEND must both have a time zone, or both have none"
        return
    try:
        lasts = event.end - event.start
    except (ValueError, TypeError, OverflowError) as error:  # icalendar's own errors are ValueErrors
        yield _short(error)
        return
    if lasts <= timedelta(0):
        yield "it has no length; give it a DTEND after DTSTART, or a DURATION"
    elif lasts > LONGEST:
        yield f"it lasts {lasts.days} days; at most {LONGEST.days} are possible"
    rules = _rules(event)
    if rules and lasts > LONGEST_REPEATED and _word(rules[0], "FREQ") != "YEARLY":
        yield f"it repeats and lasts {lasts.days} days; at most {LONGEST_REPEATED.days} are possible"


def _rule_problems(rule: Any, first: date) -> Iterator[str]:
    often = _word(rule, "FREQ")
    if often not in _A_YEAR:
        yield f"RRULE: FREQ={often} is too often; at most DAILY"
        return
    for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        if part in rule:
            yield f"RRULE: {part} is not possible; write one event for each time of the day"
    if often in {"DAILY", "WEEKLY"}:
        if first.year < EARLIEST_DAILY:
            yield f"RRULE: it repeats {often.lower()} since {first.year}; let it begin in {EARLIEST_DAILY} or later"
        barred = {"BYSETPOS", "BYYEARDAY", "BYWEEKNO"} | ({"BYMONTHDAY"} if often == "WEEKLY" else set())
        for part in sorted(barred & set(rule)):
            yield f"RRULE: {part} is not possible with FREQ={often}; write it with MONTHLY or YEARLY"
        filters = {"BYMONTH", "BYMONTHDAY"} | ({"BYDAY"} if often == "DAILY" else set())
        if _interval(rule) > 1 and filters & set(rule):
            with_ = ", ".join(sorted(filters & set(rule)))
            other = "WEEKLY" if often == "DAILY" else "MONTHLY"
            yield f"RRULE: INTERVAL together with {with_} is not possible with FREQ={often}; write it with {other}"
    if _interval(rule) < 1:
        yield "RRULE: INTERVAL must be at least 1"
    months = [int(month) for month in rule.get("BYMONTH", range(1, 13))]
    days = [int(day) for day in rule.get("BYMONTHDAY", [1])]
    if not any(abs(day) <= _longest(month) for month in months for day in days):
        yield "RRULE: no month of BYMONTH has a day of BYMONTHDAY, so it never happens"


def _first_never(events: list[tuple[str, Any]]) -> Iterator[str]:
    """The first rule that never comes. Only the first: to find that out takes up to half a second each."""
    for name, event in events:
        for rule in _rules(event):
            if never := _never(rule, event.get("DTSTART").dt):
                yield f"{name}: {never}"
                return


def _never(rule: Any, first: date) -> str | None:
    """A rule that never comes would be looked for until the year 9999, each time anew."""
    naive = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - only the day counts here
    text = ";".join(part for part in rule.to_ical().decode().split(";") if not part.startswith(("UNTIL=", "COUNT=")))
    try:
        found = next(iter(rrulestr(text, dtstart=naive)), None)
    except (ValueError, TypeError, OverflowError) as error:
        return f"RRULE can't be used: {_short(error)}"
    if found is None or found.year - first.year > _YEARS:
        return f"RRULE: it does not happen within {_YEARS} years of its beginning"
    return None


def _rate(rule: Any) -> float:
    """Repetitions a year, at most."""
    often = _word(rule, "FREQ")
    base = _A_YEAR.get(often, 0) / max(1, _interval(rule))
    if often == "DAILY":
        return base
    listed = max(1, len(rule.get("BYDAY", ())))
    if often == "WEEKLY":
        return base * listed
    days = max(1, len(rule.get("BYMONTHDAY", ())), len(rule.get("BYYEARDAY", ())), 7 * len(rule.get("BYWEEKNO", ())))
    months = max(1, len(rule.get("BYMONTH", ()))) if often == "YEARLY" else 1
    every = 5 if often == "MONTHLY" or "BYMONTH" in rule else 53
    return base * months * max(days, listed * every if "BYDAY" in rule else 1)


def _rules(event: Any) -> list[Any]:
    return _lines(event, "RRULE")


def _word(rule: Any, key: str) -> str:
    value = rule.get(key, [""])
    return str(value[0] if isinstance(value, list) else value).upper()


def _interval(rule: Any) -> int:
    word = _word(rule, "INTERVAL")
    return int(word) if word.lstrip("-").isdigit() else 1


def _longest(month: int) -> int:
    return 29 if month == 2 else 30 if month in {4, 6, 9, 11} else 31


def _lines(event: Any, key: str) -> list[Any]:
    found = event.get(key)
    return found if isinstance(found, list) else [] if found is None else [found]


def _dates_in(line: Any) -> list[Any]:
    """The dates or times of a line, which may list several; a period is a tuple of two."""
    return [one.dt for one in getattr(line, "dts", None) or [line]]


def _dates(event: Any, key: str) -> list[Any]:
    return [one for line in _lines(event, key) for one in _dates_in(line)]


def _name(event: Any, number: int) -> str:
    summary = " ".join(str(event.get("SUMMARY", "")).split())[:40]
    return f"event {number}" + (f" ({summary})" if summary else "")


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
