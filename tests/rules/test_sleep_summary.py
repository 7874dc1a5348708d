"""The summary of a night: what is in it, what is not known, naps, clocks that change, any order."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Sleep, Vitals
from rules.baseline import Usual
from rules.sleep_summary import Measured, NightSummary, Seen, Span, last_night, night_of, summarise
from tests.rules.nights import asleep, bed, breath

MALTA = ZoneInfo("Europe/Malta")
DAY = date(2026, 1, 14)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def at(text: str, day: date = DAY) -> datetime:
    """That wall-clock time in Malta; a "+" before it: the next day."""
    hour, minute = map(int, text.removeprefix("+").split(":"))
    wall = datetime.combine(day + timedelta(days=text.startswith("+")), datetime.min.time(), MALTA)
    return wall.replace(hour=hour, minute=minute).astimezone(UTC)


def words(*rows: tuple[str, bool], day: date = DAY) -> list[Seen]:
    return [Seen(at(when, day), bed(in_bed)) for when, in_bed in rows]


def told(seen: list[Seen], day: date = DAY, now: datetime = LATER, **usual: Any) -> NightSummary:
    return summarise(day, MALTA, seen, now=now, **usual)


def test_a_night_with_two_visits() -> None:
    found = told(
        words(
            ("22:00", True), ("23:30", False), ("23:40", True), ("+03:00", False), ("+03:20", True), ("+07:00", False)
        )
    )
    assert found.in_bed == Span(at("22:00"), at("+07:00"))
    assert [one.seconds for one in found.exits] == [600, 1200]
    assert found.in_bed_s == 9 * 3600 - 1800
    assert (found.asleep, found.asleep_s, found.movement_percent, found.heart_rate) == (None, None, None, None)
    assert found.gaps == ()


ROWS: dict[str, tuple[list[tuple[str, bool]], Span | None, int]] = {
    "nobody": ([], None, 0),
    "never in bed": ([("19:00", False), ("21:00", False)], None, 0),
    "up before the evening": ([("14:00", True), ("17:00", False), ("19:00", False)], None, 0),
    "in bed since before the evening": (
        [("14:00", True), ("23:00", False), ("23:10", True), ("+06:00", False)],
        Span(at("18:00"), at("+06:00")),
        1,
    ),
    "a nap after supper is no night": (
        [("18:30", True), ("19:00", False), ("22:00", True), ("+06:00", False)],
        Span(at("22:00"), at("+06:00")),
        0,
    ),
    "a nap in the morning neither": (
        [("22:00", True), ("+06:00", False), ("+10:00", True), ("+11:00", False)],
        Span(at("22:00"), at("+06:00")),
        0,
    ),
    "an hour in the armchair is part of it": (
        [("22:00", True), ("+02:00", False), ("+03:00", True), ("+06:00", False)],
        Span(at("22:00"), at("+06:00")),
        1,
    ),
    "repeats are no exits": (
        [("22:00", True), ("23:00", True), ("+02:00", False), ("+02:05", False), ("+02:10", True), ("+06:00", False)],
        Span(at("22:00"), at("+06:00")),
        1,
    ),
    "the end was not heard": ([("22:00", True)], Span(at("22:00"), None), 0),
}


@pytest.mark.parametrize("name", ROWS)
def test_in_bed(name: str) -> None:
    rows, in_bed, exits = ROWS[name]
    found = told(words(*rows))
    assert found.in_bed == in_bed
    assert len(found.exits) == exits


@pytest.mark.parametrize(("now", "day"), [("17:59", "2026-01-13"), ("18:00", "2026-01-14"), ("+08:00", "2026-01-14")])
def test_which_night_was_the_last(now: str, day: str) -> None:
    assert last_night(at(now), MALTA).isoformat() == day


def test_a_night_that_is_not_over() -> None:
    seen = [*words(("22:00", True)), Seen(at("23:30"), breath(16))]
    found = told(seen, now=at("+00:00"))
    assert found.in_bed == Span(at("22:00"), None)
    assert found.in_bed_s == 5400
    assert told(seen, now=at("21:00")).in_bed is None


def test_sleep_movement_and_the_sensors_own_word() -> None:
    seen = words(("22:00", True), ("+06:00", False))
    seen += [
        Seen(at("23:00") + timedelta(minutes=n), asleep(n >= 10, movement_percent=float(n % 2 * 10))) for n in range(61)
    ]
    own = Sleep(device="gps", start=at("22:30"), end=at("+05:30"), score=77.0)
    found = told([*seen, Seen(at("+08:00"), own)])
    assert found.asleep == Span(at("22:30"), at("+05:30"))
    assert (found.asleep_s, found.score, found.movement_percent) == (3000.0, 77.0, 4.9)


def test_a_long_silence_is_not_asleep() -> None:
    seen = [*words(("22:00", True)), Seen(at("23:00"), asleep(True)), Seen(at("+05:00"), asleep(True))]
    assert told(seen).asleep_s == 600


USUAL = Usual(60, 52, 68, 46, 74)


@pytest.mark.parametrize(("rate", "word"), [(60, "as usual"), (68, "as usual"), (69, "higher"), (51, "lower")])
def test_heart_and_breathing_against_the_usual(rate: float, word: str) -> None:
    seen = words(("22:00", True), ("+06:00", False))
    for minute, value in enumerate([rate, rate, 0.0, 250.0, rate]):
        reading = Vitals(device="gps", heart_rate_bpm=value, respiratory_rate_bpm=16.0)
        seen.append(Seen(at("23:00") + timedelta(minutes=minute), reading))
    seen.append(Seen(at("23:10"), Vitals(device="gps", heart_rate_bpm=299.0, quality_percent=10)))
    seen.append(Seen(at("21:00"), Vitals(device="gps", heart_rate_bpm=299.0)))
    found = told(seen, heart=USUAL)
    assert found.heart_rate == Measured(rate, 52, 68)
    assert found.heart_rate.word == word
    assert found.breathing == Measured(16.0)
    assert found.breathing.word == "not known"


def test_gaps_are_told_of_a_sensor_that_reports_all_the_time() -> None:
    seen = words(("22:00", True), ("+06:00", False))
    stream = [Seen(at("22:00") + timedelta(minutes=n), breath(16)) for n in range(480) if not 120 <= n < 200]
    assert told(seen + stream).gaps == (Span(at("23:59"), at("+01:20")),)
    assert told(seen + stream[:9]).gaps == ()


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 8), (date(2026, 10, 24), 10), (DAY, 9)],
)
def test_a_night_when_clocks_change_has_an_hour_less_or_more(day: date, hours: int) -> None:
    found = told(words(("22:00", True), ("+07:00", False), day=day), day)
    assert found.in_bed_s == hours * 3600
    start, end = night_of(day, MALTA)
    assert end - start == timedelta(hours=hours + 9)


SEEN = st.lists(
    st.builds(
        lambda minute, reading: Seen(at("17:00") + timedelta(minutes=minute), reading),
        st.integers(0, 20 * 60),
        st.one_of(
            st.builds(bed, st.booleans()),
            st.builds(asleep, st.booleans(), movement_percent=st.sampled_from([None, 5.0])),
            st.builds(breath, st.sampled_from([0.0, 14.0, 20.0])),
        ),
    ),
    max_size=30,
    unique_by=lambda one: one.at,
)


@given(SEEN, st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_the_order_makes_no_difference_and_the_parts_fit(seen: list[Seen], shuffle: Any) -> None:
    found = told(seen)
    mixed = list(seen)
    shuffle.shuffle(mixed)
    assert told(mixed) == found
    start, end = night_of(DAY, MALTA)
    if found.in_bed is None:
        assert not found.exits
        return
    assert start <= found.in_bed.start <= (found.in_bed.end or end) <= end
    assert found.in_bed_s is not None
    assert found.in_bed_s >= 0
    for one in found.exits:
        assert one.end is not None
        assert found.in_bed.start <= one.start <= one.end <= (found.in_bed.end or end)
