from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from pydantic import ValidationError

from devices.model import Bed, Motion
from rules.bed_exit import BedExitSettings
from rules.errors import BadRuleError
from rules.model import Cleared, Raised
from rules.night import Daily
from tests.rules.story import CONTEXT, Story, rules_of

MALTA = ZoneInfo("Europe/Malta")
BED = {"rule": "bed_exit", "from": "22:00", "to": "06:00", "minutes": 20}


def clock(text: str) -> float:
    """Seconds since the story began, at 13:00 in Malta on 14 January, of "22:05" then or "+1 05:50" a day later."""
    day, _, hours = text.rpartition(" ")
    hour, minute, *second = map(int, hours.split(":"))
    return int(day or 0) * 86_400 + (hour - 13) * 3600 + minute * 60 + sum(second)


# (when, "in" / "out" / None to wait, age in seconds, expected with pending times as clock times)
TIMELINES: dict[str, list[tuple[str, str | None, float, str]]] = {
    "out and back in time": [
        ("23:00", "in", 0, ""),
        ("23:30", "out", 0, "pending 23:50"),
        ("23:49", "in", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "out too long, then back": [
        ("23:30", "out", 0, "pending 23:50"),
        ("23:50", None, 0, "raised medium"),
        ("+1 00:30", "in", 0, "cleared"),
        ("+1 00:31", "in", 0, ""),
    ],
    "back exactly at the limit is too late": [
        ("23:30", "out", 0, "pending 23:50"),
        ("23:50", "in", 0, "raised medium, cleared"),
    ],
    "out before the night counts from its beginning": [
        ("20:00", "out", 0, "pending 22:20"),
        ("22:19", None, 0, ""),
        ("22:20", None, 0, "raised medium"),
    ],
    "up early: the night ends before the limit": [
        ("+1 05:45", "out", 0, "pending +1 22:20"),
        ("+1 22:19", None, 0, ""),
        ("+1 22:20", None, 0, "raised medium"),
    ],
    "in the day nothing is told": [
        ("14:00", "out", 0, "pending 22:20"),
        ("21:00", "in", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "a sensor that repeats itself does not put it off": [
        ("23:30", "out", 0, "pending 23:50"),
        ("23:40", "out", 0, "pending 23:50"),
        ("23:50", None, 0, "raised medium"),
        ("23:55", "out", 0, ""),
    ],
    "heard late, past the limit": [("23:40", "out", 1500, "pending 23:40:15"), ("23:41", None, 0, "raised medium")],
    "heard late, and so is the return": [("23:40", "out", 1500, "pending 23:40:15"), ("23:40", "in", 900, "")],
    "heard late, within the limit": [("23:40", "out", 600, "pending 23:50")],
    "heard in the morning": [
        ("+1 09:00", "out", 8 * 3600, "pending +1 09:00:15"),
        ("+1 09:01", None, 0, "raised medium"),
    ],
    "an older reading changes nothing": [
        ("23:30", "in", 0, ""),
        ("23:31", "out", 120, ""),
        ("23:40", "out", 0, "pending +1 00:00"),
        ("23:41", "in", 300, ""),
        ("+1 00:00", None, 0, "raised medium"),
    ],
    "told again the next night, when nobody heard of a return": [
        ("23:30", "out", 0, "pending 23:50"),
        ("+1 22:19", None, 0, "raised medium"),
        ("+1 22:20", None, 0, "raised medium"),
        ("+1 23:00", "in", 0, "cleared"),
    ],
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    story = Story(BED)
    for when, what, age, expected in TIMELINES[name]:
        at = clock(when)
        said = story.wait(at) if what is None else story.hear(at, Bed(device="gps", in_bed=what == "in"), age=age)
        if expected.startswith("pending "):
            assert said == f"pending {clock(expected.removeprefix('pending ')):g}", f"at {when}"
        else:
            assert said == expected, f"at {when}"


def test_the_reason_says_since_when_and_how_long() -> None:
    story = Story(BED)
    story.hear(clock("23:30"), Bed(device="gps", in_bed=False), frame=3)
    story.wait(clock("23:59"))
    raised = story.last(Raised)
    out_at = int(story.time(clock("23:30")).timestamp() * 1000)
    assert raised.reason.values == {"out_at": out_at, "out_s": 1200.0, "limit_s": 1200.0}
    assert [e.frame for e in raised.evidence] == [3]
    assert raised.marks == ()
    story.hear(clock("+1 00:30"), Bed(device="gps", in_bed=True))
    assert story.last(Cleared).reason.values == {"out_s": 3600.0}


def test_heard_late_is_marked() -> None:
    story = Story(BED)
    story.hear(clock("23:40"), Bed(device="gps", in_bed=False), age=1500)
    story.wait(clock("23:41"))
    assert story.last(Raised).marks[0].values == {"age_s": 1500.0}


def test_other_kinds_are_none_of_its_business() -> None:
    assert Story(BED).hear(clock("23:00"), Motion(device="gps", moving=True)) == ""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Malta: +1 in winter, +2 in summer; in 2026 the clocks go forward on 29 March at 02:00 and back on 25 October at 03:00
@pytest.mark.parametrize(
    ("since", "until", "day", "start", "end"),
    [
        ("22:00", "06:00", "2026-01-14", "2026-01-14T21:00", "2026-01-15T05:00"),
        ("22:00", "06:00", "2026-03-28", "2026-03-28T21:00", "2026-03-29T04:00"),
        ("22:00", "06:00", "2026-10-24", "2026-10-24T20:00", "2026-10-25T05:00"),
        ("22:00", "02:30", "2026-03-28", "2026-03-28T21:00", "2026-03-29T01:30"),
        ("02:30", "06:00", "2026-03-29", "2026-03-29T01:30", "2026-03-29T04:00"),
        ("02:30", "06:00", "2026-10-25", "2026-10-25T00:30", "2026-10-25T05:00"),
        ("22:00", "02:30", "2026-10-24", "2026-10-24T20:00", "2026-10-25T01:30"),
        ("00:00", "00:00", "2026-01-14", "2026-01-13T23:00", "2026-01-14T23:00"),
        ("09:00", "17:00", "2026-07-01", "2026-07-01T07:00", "2026-07-01T15:00"),
    ],
)
def test_windows_when_the_clocks_change(since: str, until: str, day: str, start: str, end: str) -> None:
    daily = Daily(time.fromisoformat(since), time.fromisoformat(until), MALTA)
    assert daily.window(datetime.fromisoformat(day).date()) == (utc(start), utc(end))


def test_the_night_in_the_residents_time_zone() -> None:
    auckland = msgspec.structs.replace(CONTEXT, timezone=ZoneInfo("Pacific/Auckland"))
    story = Story(BED, context=auckland, begins=utc("2026-01-14T08:00"))  # 21:00 there
    assert story.hear(0, Bed(device="gps", in_bed=False)) == "pending 4800"


def test_the_moment_is_within_one_window() -> None:
    night = Daily(time(22), time(6), MALTA)
    limit = timedelta(minutes=20)
    assert night.moment(utc("2026-01-14T21:30"), limit) == utc("2026-01-14T21:50")
    assert night.moment(utc("2026-01-15T00:00"), limit) == utc("2026-01-15T00:20")
    assert night.moment(utc("2026-01-15T04:40"), limit) == utc("2026-01-15T21:20")
    assert night.end_of(utc("2026-01-15T04:40")) == utc("2026-01-15T05:00")
    assert night.end_of(utc("2026-01-15T12:00")) == utc("2026-01-15T12:00")


@pytest.mark.parametrize(
    "bad", [{"from": 22}, {"to": "06:00+01:00"}, {"minutes": 0}, {"until": "6 am"}, {"form": "22:00"}]
)
def test_bad_settings(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BedExitSettings.model_validate({"rule": "bed_exit"} | bad)


def test_a_night_too_short_for_its_limit_is_refused() -> None:
    with pytest.raises(BadRuleError, match="02:00 to 03:30"):
        rules_of({"rule": "bed_exit", "from": "02:00", "to": "03:30", "minutes": 30})
