"""What a calendar may ask: everything wrong is told at once, and nothing keeps the gateway busy."""

from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.errors import BadCalendarError
from rules.ical import LONGEST_TEXT, MOST_EVENTS, read_calendar

MALTA = ZoneInfo("Europe/Malta")
HOUR = "DTSTART:20260101T090000\nDTEND:20260101T100000\n"
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
MONTH = timedelta(days=32)


def calendar(*events: str, head: str = "") -> str:
    body = "".join(
        f"BEGIN:VEVENT\nUID:{number}\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//plan//EN\n{head}{body}END:VCALENDAR\n"


def own_zone(rule: str = "") -> str:
    return (
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:20000101T000000\nTZOFFSETFROM:+0500\nTZOFFSETTO:+0500\n"
        f"{rule}END:STANDARD\nEND:VTIMEZONE\n"
    )


REFUSED = {
    "no calendar": ("hello", "no iCalendar text"),
    "nothing": ("", "no iCalendar text"),
    "half": ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "no iCalendar text"),
    "two": (calendar(HOUR) * 2, "no iCalendar text"),
    "something else": ("BEGIN:VEVENT\nUID:1\nEND:VEVENT\n", "it is a VEVENT"),
    "deep": ("BEGIN:VCALENDAR\n" * 3000, "no iCalendar text"),
    "no events": ("BEGIN:VCALENDAR\nEND:VCALENDAR", "no events"),
    "too long": ("x" * (LONGEST_TEXT + 1), "characters; at most"),
    "too many": (calendar(*[HOUR] * (MOST_EVENTS + 1)), "1001 events and 0 single dates"),
    "too many dates": (calendar(HOUR + "RDATE:" + ",".join(["20260102T090000"] * 1000)), "1 events and 1000 single"),
    "too often in all": (calendar(*[HOUR + "RRULE:FREQ=DAILY"] * 12), "repeat 4392 times a year"),
    "every second": (calendar(HOUR + "RRULE:FREQ=SECONDLY"), "FREQ=SECONDLY is too often"),
    "every minute": (calendar(HOUR + "RRULE:FREQ=MINUTELY;INTERVAL=30"), "FREQ=MINUTELY is too often"),
    "every hour": (calendar(HOUR + "RRULE:FREQ=HOURLY"), "FREQ=HOURLY is too often"),
    "many minutes": (calendar(HOUR + "RRULE:FREQ=DAILY;BYMINUTE=1,2,3"), "BYMINUTE is not possible"),
    "many hours": (calendar(HOUR + "RRULE:FREQ=DAILY;BYHOUR=8,9"), "BYHOUR is not possible"),
    "30 February": (calendar(HOUR + "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "it never happens"),
    "every other day that is a Monday": (
        calendar(HOUR + "RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO"),
        "write it with WEEKLY",
    ),
    "every other week in June": (calendar(HOUR + "RRULE:FREQ=WEEKLY;INTERVAL=2;BYMONTH=6"), "write it with MONTHLY"),
    "a February with 31 days": (
        calendar("DTSTART:20260201T090000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31"),
        "not happen within 40 years",
    ),
    "never a leap year": (
        calendar(HOUR + "RRULE:FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29"),
        "not happen within 40 years",
    ),
    "week 53 in June": (
        calendar(HOUR + "RRULE:FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO"),
        "not happen within 40 years",
    ),
    "week of the year, daily": (calendar(HOUR + "RRULE:FREQ=DAILY;BYWEEKNO=3"), "BYWEEKNO is not possible"),
    "position in a week": (calendar(HOUR + "RRULE:FREQ=WEEKLY;BYSETPOS=9"), "BYSETPOS is not possible"),
    "interval nought": (calendar(HOUR + "RRULE:FREQ=DAILY;INTERVAL=0"), "INTERVAL must be at least 1"),
    "no frequency": (calendar(HOUR + "RRULE:hello"), "RRULE"),
    "wrong frequency": (calendar(HOUR + "RRULE:FREQ=NOPE"), "RRULE can't be read"),
    "no such month": (calendar(HOUR + "RRULE:FREQ=YEARLY;BYMONTH=13"), "RRULE"),
    "daily for ever": (
        calendar("DTSTART:19700101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY"),
        "let it begin in 2000 or later",
    ),
    "overlapping itself": (
        calendar("DTSTART:20260101T090000\nDURATION:P900D\nRRULE:FREQ=DAILY"),
        "repeats and lasts 900 days",
    ),
    "without an end": (calendar("DTSTART:20260101T090000\nDURATION:P10000D"), "lasts 10000 days"),
    "no length": (calendar("DTSTART:20260101T090000"), "no length"),
    "backwards": (calendar("DTSTART:20260101T090000\nDTEND:20260101T080000"), "no length"),
    "no beginning": (calendar("SUMMARY:Day club"), r"event 1 \(Day club\): DTSTART is missing"),
    "no date": (calendar("DTSTART:2026-01-01\nDURATION:PT1H"), "DTSTART can't be read"),
    "the year 1": (calendar("DTSTART:00010101T090000\nDURATION:PT1H"), "the year 1"),
    "the year 9999": (calendar("DTSTART:99991231T090000\nDURATION:PT1H"), "the year 9999"),
    "a date and a time": (calendar("DTSTART;VALUE=DATE:20260101\nDTEND:20260101T100000"), "both be dates"),
    "one with a zone": (calendar("DTSTART:20260101T090000Z\nDTEND:20260101T100000"), "both have a time zone"),
    "unknown zone": (calendar("DTSTART;TZID=Nope:20260101T090000\nDURATION:PT1H"), "time zone 'Nope' is not known"),
    "unknown zone of an exception": (
        calendar(HOUR + "RRULE:FREQ=DAILY\nEXDATE;TZID=Nope:20260105T090000"),
        "EXDATE: time zone 'Nope' is not known",
    ),
    "unknown zone of all": (calendar(HOUR, head="X-WR-TIMEZONE:Nope/Nope\n"), "can't be laid out"),
    "periods": (calendar(HOUR + "RDATE;VALUE=PERIOD:20260201T090000Z/PT9H"), "RDATE with a period"),
    "rules for exceptions": (calendar(HOUR + "RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY"), "EXRULE is not used"),
    "another calendar": (calendar(HOUR, head="CALSCALE:HEBREW\n"), "Gregorian"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    text, said = REFUSED[name]
    begun = perf_counter()
    with pytest.raises(BadCalendarError, match=said):
        read_calendar(text, MALTA)
    # most take a millisecond; to find out that a rule never comes takes up to half a second
    assert perf_counter() - begun < 5


def test_all_problems_at_once() -> None:
    text = calendar("SUMMARY:A", HOUR + "RRULE:FREQ=HOURLY;BYMINUTE=5", "DTSTART:20260101T090000\nSUMMARY:C", HOUR)
    with pytest.raises(BadCalendarError) as error:
        read_calendar(text, MALTA)
    assert error.value.problems == (
        "event 1 (A): DTSTART is missing",
        "event 2: RRULE: FREQ=HOURLY is too often; at most DAILY",
        "event 3 (C): it has no length; give it a DTEND after DTSTART, or a DURATION",
    )


def test_many_rules_that_never_come_take_no_longer_than_one() -> None:
    never = HOUR + "RRULE:FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29"
    with pytest.raises(BadCalendarError) as error:
        read_calendar(calendar(*[never] * 500), MALTA)
    assert len(error.value.problems) == 1


HEAVY = {
    "ten every day since 2000": calendar(*["DTSTART:20000101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY"] * 10),
    "a thousand single ones": calendar(
        *[f"DTSTART:2026{1 + n % 12:02}{1 + n % 28:02}T090000\nDURATION:PT1H" for n in range(1000)]
    ),
    "a month long, every day": calendar("DTSTART:20260101T090000\nDURATION:P31D\nRRULE:FREQ=DAILY"),
    "a hundred million times": calendar(HOUR + "RRULE:FREQ=DAILY;COUNT=100000000"),
    "every day of the year": calendar(
        *[HOUR + "RRULE:FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 367)))] * 10
    ),
    "a zone that changes every second": calendar(
        "DTSTART;TZID=Own:20260101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY", head=own_zone("RRULE:FREQ=SECONDLY\n")
    ),
}


@pytest.mark.parametrize("name", HEAVY)
def test_the_heaviest_that_is_taken_stays_bearable(name: str) -> None:
    known = read_calendar(HEAVY[name], MALTA)
    times = []
    for number in range(3):
        begun = perf_counter()
        assert list(known.spans(JUNE + number * MONTH, JUNE + (number + 1) * MONTH))
        times.append(perf_counter() - begun)
    # 30 ms at most on a small machine; ten times that is for a busy one
    assert min(times) < 0.3


def first(text: str) -> tuple[datetime, datetime]:
    return min(read_calendar(text, MALTA).spans(datetime(2026, 1, 1, tzinfo=UTC), JUNE))


def test_time_zones() -> None:
    nine = datetime(2026, 1, 1, 9, tzinfo=UTC)
    hour, lasting = timedelta(hours=1), "20260101T090000\nDURATION:PT1H"
    assert first(calendar(f"DTSTART;TZID=Own:{lasting}", head=own_zone()))[0] == nine - 5 * hour
    assert first(calendar(f"DTSTART;TZID=W. Europe Standard Time:{lasting}"))[0] == nine - hour
    assert first(calendar(f"DTSTART;TZID=Europe/Malta:{lasting}"))[0] == nine - hour
    assert first(calendar(f"DTSTART:{lasting}"))[0] == nine - hour
    assert first(calendar(HOUR.replace("0000\n", "0000Z\n").rstrip())) == (nine, nine + hour)


def test_a_calendar_is_read_once() -> None:
    assert read_calendar(calendar(HOUR), MALTA) is read_calendar(calendar(HOUR), MALTA)


PIECES = st.sampled_from(
    [
        "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "UID:1", "DTSTART:20260101T090000",
        "DTSTART;VALUE=DATE:20260101", "DTSTART;TZID=Europe/Malta:20260101T090000", "DTEND:20260101T100000Z",
        "DURATION:PT1H", "DURATION:-P1D", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY;UNTIL=20260301", "RRULE:COUNT=5",
        "RRULE:FREQ=MONTHLY;BYDAY=5FR", "EXDATE:20260102T090000", "EXDATE;VALUE=DATE:20260102",
        "RDATE:20260103T090000Z",
        "RECURRENCE-ID:20260102T090000", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260102T090000Z", "STATUS:CANCELLED",
        "SEQUENCE:2", "SEQUENCE:x", "SUMMARY:" + "x" * 100, "X-WR-TIMEZONE:Europe/Malta", "DTSTART:", ":", ";=:",
        " fold",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12), st.booleans())
def test_whatever_stands_there_it_is_an_answer_and_no_crash(pieces: list[str], whole: bool) -> None:
    text = calendar("\n".join(pieces)) if whole else "\n".join(pieces)
    try:
        known = read_calendar(text, MALTA)
    except BadCalendarError as error:
        known, problems = None, error.problems
        assert problems
    if known is None:
        return
    for number in range(3):
        for start, end in known.spans(JUNE + (number - 6) * MONTH, JUNE + (number - 5) * MONTH):
            assert start.tzinfo is not None
            assert end.tzinfo is not None
