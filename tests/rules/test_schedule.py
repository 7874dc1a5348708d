"""Weekly schedules and calendars: when they are on, when that changes, also on the nights when the clocks change."""

import timeit
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rules.errors import BadRuleError
from rules.model import Context
from rules.schedule import ALWAYS, Schedule, ScheduleSettings, build_schedule, weekdays

MALTA = ZoneInfo("Europe/Malta")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(*weekly: tuple[str, str, str], calendar: str | None = None, zone: ZoneInfo = MALTA) -> Schedule:
    settings: dict[str, Any] = {"weekly": [{"days": days, "from": since, "to": to} for days, since, to in weekly]}
    if calendar is not None:
        settings["calendar"] = "plan"
    context = Context(zone, {}, calendars={} if calendar is None else {"plan": calendar})
    return build_schedule(ScheduleSettings.model_validate(settings), context)


def plan(*events: str) -> str:
    body = "".join(
        f"BEGIN:VEVENT\nUID:{number}\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//plan//EN\n{body}END:VCALENDAR\n"


def changes(one: Schedule, begin: str, count: int) -> list[str]:
    """The next changes, in UTC, with what it is from then on."""
    found, now = [], at(begin)
    for _ in range(count):
        nxt = one.next_change(now)
        if nxt is None:
            return [*found, "never"]
        assert nxt > now
        assert one.active(nxt) != one.active(nxt - timedelta(microseconds=1))
        found.append(f"{nxt:%m-%dT%H:%M} {'on' if one.active(nxt) else 'off'}")
        now = nxt
    return found


WEEKLY: dict[str, tuple[list[tuple[str, str, str]], str, list[str]]] = {
    "a day": (
        [("daily", "08:00", "18:00")],
        "2026-01-05T00:00",
        ["01-05T07:00 on", "01-05T17:00 off", "01-06T07:00 on"],
    ),
    "over midnight": ([("daily", "22:00", "06:00")], "2026-01-05T12:00", ["01-05T21:00 on", "01-06T05:00 off"]),
    "on working days": ([("mon-fri", "09:00", "10:00")], "2026-01-09T09:30", ["01-12T08:00 on", "01-12T09:00 off"]),
    "listed days": (
        [("sat, sun", "09:00", "10:00")],
        "2026-01-05T00:00",
        ["01-10T08:00 on", "01-10T09:00 off", "01-11T08:00 on"],
    ),
    "friday night belongs to friday": (
        [("fri", "22:00", "06:00")],
        "2026-01-10T00:00",
        ["01-10T05:00 off", "01-16T21:00 on"],
    ),
    "over the weekend": ([("fri-mon", "09:00", "10:00")], "2026-01-13T00:00", ["01-16T08:00 on"]),
    "windows that touch are one": (
        [("daily", "08:00", "12:00"), ("daily", "12:00", "13:00")],
        "2026-01-05T00:00",
        ["01-05T07:00 on", "01-05T12:00 off"],
    ),
    "whole weekend": ([("sat,sun", "00:00", "00:00")], "2026-01-05T00:00", ["01-09T23:00 on", "01-11T23:00 off"]),
    "always on in two halves": (
        [("daily", "06:00", "18:00"), ("daily", "18:00", "06:00")],
        "2026-01-05T00:00",
        ["never"],
    ),
    "whole days": ([("daily", "00:00", "00:00")], "2026-01-05T00:00", ["never"]),
    # spring: 29 March 2026, 02:00 becomes 03:00 (01:00 UTC)
    "the night that loses an hour": (
        [("daily", "22:00", "06:00")],
        "2026-03-28T12:00",
        ["03-28T21:00 on", "03-29T04:00 off", "03-29T20:00 on"],
    ),
    "from a time that does not exist": (
        [("daily", "02:30", "04:00")],
        "2026-03-28T12:00",
        ["03-29T01:30 on", "03-29T02:00 off"],
    ),
    "to a time that does not exist": (
        [("daily", "01:00", "02:30")],
        "2026-03-28T12:00",
        ["03-29T00:00 on", "03-29T01:30 off"],
    ),
    # autumn: 25 October 2026, 03:00 becomes 02:00 (01:00 UTC)
    "the night that gains an hour": (
        [("daily", "22:00", "06:00")],
        "2026-10-24T12:00",
        ["10-24T20:00 on", "10-25T05:00 off"],
    ),
    "a time that is there twice": (
        [("daily", "02:15", "02:45")],
        "2026-10-24T12:00",
        ["10-25T00:15 on", "10-25T01:45 off"],
    ),
}


@pytest.mark.parametrize("name", WEEKLY)
def test_weekly(name: str) -> None:
    windows, begin, expected = WEEKLY[name]
    assert changes(schedule(*windows), begin, len(expected)) == expected


CALENDAR: dict[str, tuple[list[str], str, list[str]]] = {
    "once": (
        ["DTSTART:20260105T090000Z\nDTEND:20260105T100000Z"],
        "2026-01-01T00:00",
        ["01-05T09:00 on", "01-05T10:00 off", "never"],
    ),
    "floating time": (
        ["DTSTART:20260705T090000\nDURATION:PT1H"],
        "2026-07-01T00:00",
        ["07-05T07:00 on", "07-05T08:00 off"],
    ),
    "in another zone": (
        ["DTSTART;TZID=America/New_York:20260105T090000\nDURATION:PT1H"],
        "2026-01-01T00:00",
        ["01-05T14:00 on"],
    ),
    "all day": (["DTSTART;VALUE=DATE:20260105"], "2026-01-01T00:00", ["01-04T23:00 on", "01-05T23:00 off"]),
    "several days": (
        ["DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260108"],
        "2026-01-01T00:00",
        ["01-04T23:00 on", "01-07T23:00 off"],
    ),
    "weekly without one": (
        ["DTSTART:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO\nEXDATE:20260112T090000"],
        "2026-01-05T12:00",
        ["01-19T08:00 on", "01-19T09:00 off"],
    ),
    "one moved": (
        [
            "DTSTART:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY",
            "DTSTART:20260113T150000\nDURATION:PT2H\nRECURRENCE-ID:20260112T090000",
        ],
        "2026-01-05T12:00",
        ["01-12T08:00 on", "01-12T09:00 off", "01-13T14:00 on"],
    ),
    "one cancelled": (
        ["DTSTART:20260105T090000\nDURATION:PT1H\nSTATUS:CANCELLED", "DTSTART:20260106T090000\nDURATION:PT1H"],
        "2026-01-01T00:00",
        ["01-06T08:00 on"],
    ),
    "one more date": (
        ["DTSTART:20260105T090000\nDURATION:PT1H\nRDATE:20260110T090000"],
        "2026-01-06T00:00",
        ["01-10T08:00 on", "01-10T09:00 off", "never"],
    ),
    "until": (
        ["DTSTART:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260106T090000"],
        "2026-01-05T12:00",
        ["01-06T08:00 on", "01-06T09:00 off", "never"],
    ),
    "last weekday of the month": (
        ["DTSTART:20260130T090000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"],
        "2026-02-01T00:00",
        ["02-27T08:00 on", "02-27T09:00 off", "03-31T07:00 on"],
    ),
    "overlapping are one": (
        ["DTSTART:20260105T090000\nDURATION:PT2H", "DTSTART:20260105T100000\nDURATION:PT3H"],
        "2026-01-01T00:00",
        ["01-05T08:00 on", "01-05T12:00 off", "never"],
    ),
    "once a year, a year ahead": (
        ["DTSTART;VALUE=DATE:20251213\nRRULE:FREQ=YEARLY"],
        "2025-12-14T12:00",
        ["12-12T23:00 on", "12-13T23:00 off"],
    ),
    "longer than a month": (
        ["DTSTART;VALUE=DATE:20260601\nDTEND;VALUE=DATE:20260915"],
        "2026-01-01T00:00",
        ["05-31T22:00 on", "09-14T22:00 off", "never"],
    ),
    "the night that loses an hour": (
        ["DTSTART:20260301T220000\nDTEND:20260302T060000\nRRULE:FREQ=DAILY"],
        "2026-03-28T12:00",
        ["03-28T21:00 on", "03-29T04:00 off", "03-29T20:00 on"],
    ),
    "the night that gains an hour": (
        ["DTSTART:20260301T220000\nDTEND:20260302T060000\nRRULE:FREQ=DAILY"],
        "2026-10-24T12:00",
        ["10-24T20:00 on", "10-25T05:00 off"],
    ),
    "a day of 23 hours": (["DTSTART;VALUE=DATE:20260329"], "2026-03-28T12:00", ["03-28T23:00 on", "03-29T22:00 off"]),
    "a day of 25 hours": (["DTSTART;VALUE=DATE:20261025"], "2026-10-24T12:00", ["10-24T22:00 on", "10-25T23:00 off"]),
}


@pytest.mark.parametrize("name", CALENDAR)
def test_calendars(name: str) -> None:
    events, begin, expected = CALENDAR[name]
    assert changes(schedule(calendar=plan(*events)), begin, len(expected)) == expected


def test_a_week_and_a_calendar_count_both() -> None:
    both = schedule(("mon", "09:00", "10:00"), calendar=plan("DTSTART:20260105T093000\nDURATION:PT2H"))
    assert changes(both, "2026-01-05T00:00", 3) == ["01-05T08:00 on", "01-05T10:30 off", "01-12T08:00 on"]


def test_no_schedule_is_always() -> None:
    always = build_schedule(None, Context(MALTA, {}))
    assert always is ALWAYS
    assert always.always
    assert always.active(at("1970-01-01T00:00"))
    assert always.next_change(at("2026-01-01T00:00")) is None
    assert always.began(at("2026-01-01T00:00")) is None
    assert not schedule(("daily", "00:00", "00:00")).always


def test_when_a_span_began() -> None:
    night = schedule(("daily", "22:00", "06:00"))
    assert night.began(at("2026-01-06T03:00")) == at("2026-01-05T21:00")
    assert night.began(at("2026-01-05T21:00")) == at("2026-01-05T21:00")
    assert night.began(at("2026-01-06T12:00")) is None


def test_what_is_far_away_is_found_when_it_comes_nearer() -> None:
    far = schedule(calendar=plan("DTSTART:20300105T090000\nDURATION:PT1H"))
    assert far.next_change(at("2026-01-01T00:00")) is None
    assert not far.active(at("2026-01-01T00:00"))
    assert far.next_change(at("2029-06-01T00:00")) == at("2030-01-05T08:00")


def test_schedules_that_say_the_same_are_one() -> None:
    assert schedule(("daily", "22:00", "06:00")) is schedule(("daily", "22:00", "06:00"))
    assert schedule(("daily", "22:00", "06:00")) is not schedule(("daily", "22:00", "06:00"), zone=ZoneInfo("UTC"))


windows = st.lists(
    st.tuples(
        st.sampled_from(["daily", "mon", "fri-mon", "sat,sun", "tue-thu"]),
        st.times().map(lambda value: f"{value:%H:%M}"),
        st.times().map(lambda value: f"{value:%H:%M}"),
    ),
    min_size=1,
    max_size=3,
)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made UTC


def on_the_wall(rows: list[tuple[str, str, str]], when: datetime) -> bool:
    """Whether a wall clock that shows that time stands in a window. Right away from the nights when clocks change."""
    local = when.astimezone(MALTA)
    for days, since, until in rows:
        begin, end = time.fromisoformat(since), time.fromisoformat(until)
        today, now = local.weekday(), local.time().replace(tzinfo=None)
        if begin < end:
            found = today in weekdays(days) and begin <= now < end
        else:
            found = (today in weekdays(days) and now >= begin) or ((today - 1) % 7 in weekdays(days) and now < end)
        if found:
            return True
    return False


@given(windows, moments)
def test_a_weekly_schedule_is_what_the_clock_on_the_wall_says(rows: list[tuple[str, str, str]], when: datetime) -> None:
    day = when.astimezone(MALTA).date()
    if any(abs(day - change) <= timedelta(days=1) for change in CHANGES):
        return
    assert schedule(*rows).active(when) == on_the_wall(rows, when)


CHANGES = [date(2025, 3, 30), date(2025, 10, 26), date(2026, 3, 29), date(2026, 10, 25)]


@settings(max_examples=40)
@given(windows, st.lists(moments, min_size=1, max_size=4))
def test_the_order_of_questions_makes_no_difference(rows: list[tuple[str, str, str]], asked: list[datetime]) -> None:
    kept = schedule(*rows)
    for when in asked:
        fresh = Schedule(*kept._sources)
        assert (kept.active(when), kept.next_change(when)) == (fresh.active(when), fresh.next_change(when))


@given(windows, moments, st.floats(0, 1))
def test_nothing_changes_before_the_next_change(rows: list[tuple[str, str, str]], when: datetime, part: float) -> None:
    one = schedule(*rows)
    nxt = one.next_change(when)
    between = when + ((nxt or when + timedelta(days=9)) - when) * part * 0.999
    assert one.active(between) == one.active(when)
    if nxt is not None:
        assert one.active(nxt) != one.active(when)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "weekly windows, a calendar, or both"),
        ({"weekly": [{"days": "someday", "from": "08:00", "to": "09:00"}]}, "mon-fri"),
        ({"weekly": [{"days": "mon-", "from": "08:00", "to": "09:00"}]}, "mon-fri"),
        ({"weekly": [{"days": "", "from": "08:00", "to": "09:00"}]}, "mon-fri"),
        ({"weekly": [{"from": 8, "to": "09:00"}]}, "write a time of the day"),
        ({"weekly": [{"from": "08:00"}]}, "to"),
        ({"weekly": [{"from": "08:00+01:00", "to": "09:00"}]}, "leave the offset out"),
        ({"weekly": [], "days": "mon"}, "days"),
    ],
)
def test_settings_that_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ScheduleSettings.model_validate(wrong)


def test_settings_survive_as_json() -> None:
    settings = ScheduleSettings.model_validate(
        {"weekly": [{"days": "mon-fri", "from": "22:00", "to": "06:00"}], "calendar": "plan"}
    )
    assert ScheduleSettings.model_validate(settings.model_dump(mode="json", by_alias=True)) == settings


def test_a_calendar_that_is_not_there_or_can_not_be_used() -> None:
    settings = ScheduleSettings(calendar="clubb")
    with pytest.raises(BadRuleError, match="calendar is 'clubb'; the calendars are: club"):
        build_schedule(settings, Context(MALTA, {}, calendars={"club": plan()}))
    with pytest.raises(BadRuleError, match="calendar clubb: it has no events"):
        build_schedule(settings, Context(MALTA, {}, calendars={"clubb": plan()}))


def test_the_usual_question_is_quick() -> None:
    one, now = schedule(("daily", "22:00", "06:00")), at("2026-01-05T12:00")
    one.active(now)
    # some 0.1 µs; ten times that is for a busy machine
    assert min(timeit.repeat(lambda: one.active(now), number=2000, repeat=5)) / 2000 < 1e-6
