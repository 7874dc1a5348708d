"""Not back, not in bed, not up: tables of wall-clock times, naps, both nights when clocks change, late words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from rules.errors import BadRuleError
from rules.model import Cleared, Raised
from rules.not_in_bed_by import NotInBedBySettings
from tests.rules.nights import bed, clock, story_of, told
from tests.rules.story import rules_of

BACK = {"rule": "not_back", "from": "22:00", "to": "06:00", "minutes": 30, "again_minutes": 20}
IN_BY = {"rule": "not_in_bed_by", "by": "23:30", "out_minutes": 20}
UP_BY = {"rule": "not_up_by", "from": "04:00", "by": "09:30", "up_minutes": 20}

NOT_BACK: dict[str, list[tuple[str, str | None, float, str]]] = {
    "back in time": [
        ("21:30", "in", 0, ""),
        ("23:00", "out", 0, "pending 23:30"),
        ("23:29", "in", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "told in two steps, then back": [
        ("21:30", "in", 0, ""),
        ("23:00", "out", 0, "pending 23:30"),
        ("23:30", None, 0, "raised medium"),
        ("23:50", None, 0, "raised high"),
        ("+1 12:00", None, 0, ""),
        ("+1 12:30", "in", 0, "cleared"),
    ],
    "back between the steps": [
        ("21:30", "in", 0, ""),
        ("23:00", "out", 0, "pending 23:30"),
        ("23:40", "in", 0, "raised medium, cleared"),
        ("+1 12:00", None, 0, ""),
    ],
    "who is up before the night is not missed": [
        ("21:00", "in", 0, ""),
        ("21:30", "out", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "nobody is known to have been in bed": [("23:00", "out", 0, ""), ("+1 12:00", None, 0, "")],
    "getting up before the night ends": [
        ("22:30", "in", 0, ""),
        ("+1 05:30", "out", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "the second step comes after the night's end too": [
        ("22:30", "in", 0, ""),
        ("+1 05:25", "out", 0, "pending +1 05:55"),
        ("+1 06:15", None, 0, "raised medium, raised high"),
    ],
    "a nap by day": [("13:00", "in", 0, ""), ("14:00", "out", 0, ""), ("21:59", None, 0, "")],
    "a sensor that repeats itself does not put it off": [
        ("22:30", "in", 0, ""),
        ("23:00", "out", 0, "pending 23:30"),
        ("23:10", "out", 0, "pending 23:30"),
        ("23:40", "out", 0, "raised medium"),
    ],
    "two exits, each with its own time": [
        ("22:30", "in", 0, ""),
        ("23:00", "out", 0, "pending 23:30"),
        ("23:10", "in", 0, ""),
        ("23:20", "out", 0, "pending 23:50"),
        ("23:49", None, 0, ""),
        ("23:50", None, 0, "raised medium"),
    ],
    "heard late, past the first step": [
        ("22:30", "in", 0, ""),
        ("23:40", "out", 2400, "pending 23:40:15"),
        ("23:41", None, 0, "raised medium"),
    ],
    "heard late, past both": [
        ("22:30", "in", 0, ""),
        ("+1 08:00", "out", 8 * 3600, "pending +1 08:00:15"),
        ("+1 08:01", None, 0, "raised high"),
    ],
    "an older word changes nothing": [
        ("22:30", "in", 0, ""),
        ("23:00", "out", 0, "pending 23:30"),
        ("23:10", "in", 1200, ""),
        ("23:30", None, 0, "raised medium"),
    ],
}


@pytest.mark.parametrize("name", NOT_BACK)
def test_not_back(name: str) -> None:
    told(story_of(BACK), NOT_BACK[name])


def test_one_step_only() -> None:
    story = story_of(BACK | {"again_minutes": None, "priority": "high"})
    told(story, [("22:30", "in", 0, ""), ("23:00", "out", 0, "pending 23:30"), ("+1 12:00", None, 0, "raised high")])


def test_the_words_of_both_steps() -> None:
    story = story_of(BACK)
    story.hear(clock("22:30"), bed(True))
    story.hear(clock("23:00"), bed(False), frame=7)
    out_at = int(story.time(clock("23:00")).timestamp() * 1000)
    story.wait(clock("23:30"))
    assert story.last(Raised).reason.values == {"out_at": out_at, "out_s": 1800.0}
    story.wait(clock("23:50"))
    assert story.last(Raised).reason.text == "Still not back in bed: left at {out_at}, {out_s} ago."
    assert story.last(Raised).reason.values == {"out_at": out_at, "out_s": 3000.0}
    assert [seen.frame for seen in story.last(Raised).evidence] == [7]
    story.hear(clock("+1 00:00"), bed(True))
    assert story.last(Cleared).reason.values == {"out_s": 3600.0}


# In 2026 clocks in Malta go forward on 29 March at 02:00 and back on 25 October at 03:00
@pytest.mark.parametrize(
    ("begins", "night_end_utc"),
    [
        (datetime(2026, 3, 28, 20, 0, tzinfo=UTC), datetime(2026, 3, 29, 4, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 20, 0, tzinfo=UTC), datetime(2026, 10, 25, 5, 0, tzinfo=UTC)),
        (datetime(2026, 1, 14, 20, 0, tzinfo=UTC), datetime(2026, 1, 15, 5, 0, tzinfo=UTC)),
    ],
)
def test_the_night_ends_by_the_wall_when_clocks_change(begins: datetime, night_end_utc: datetime) -> None:
    end = (night_end_utc - begins).total_seconds()
    story = story_of(BACK, begins=begins)
    story.hear(2 * 3600, bed(True))
    assert story.hear(end - 1801, bed(False)) == f"pending {end - 1:g}"
    story = story_of(BACK, begins=begins)
    story.hear(2 * 3600, bed(True))
    assert story.hear(end - 1800, bed(False)) == ""


NOT_IN_BED: dict[str, list[tuple[str, str | None, float, str]]] = {
    "in bed in time": [("20:00", "out", 0, "pending 23:30"), ("23:00", "in", 0, ""), ("+1 12:00", None, 0, "")],
    "late, then in bed": [
        ("20:00", "out", 0, "pending 23:30"),
        ("23:30", None, 0, "raised low"),
        ("+1 00:10", "in", 0, "cleared"),
        ("+1 12:00", None, 0, ""),
    ],
    "on the way back from the toilet": [
        ("22:00", "in", 0, ""),
        ("23:25", "out", 0, "pending 23:45"),
        ("23:35", "in", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "up again, and not back long after": [
        ("22:00", "in", 0, ""),
        ("23:25", "out", 0, "pending 23:45"),
        ("23:45", None, 0, "raised low"),
    ],
    "out in the night is not a late evening": [
        ("22:00", "in", 0, ""),
        ("+1 01:00", "out", 0, "pending +1 23:30"),
        ("+1 02:00", "in", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "told again the next evening": [
        ("20:00", "out", 0, "pending 23:30"),
        ("23:30", None, 0, "raised low"),
        ("+1 23:29", None, 0, ""),
        ("+1 23:30", None, 0, "raised low"),
        ("+2 00:00", "in", 0, "cleared"),
    ],
    "a sensor that never spoke": [("+2 12:00", None, 0, "")],
    "a nap by day": [
        ("13:00", "in", 0, ""),
        ("14:00", "out", 0, "pending 23:30"),
        ("22:00", "in", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "heard late": [("20:00", "in", 0, ""), ("+1 00:30", "out", 7200, "raised low")],
    "an older word changes nothing": [
        ("22:00", "in", 0, ""),
        ("22:10", "out", 1200, ""),
        ("+1 12:00", None, 0, ""),
    ],
}


@pytest.mark.parametrize("name", NOT_IN_BED)
def test_not_in_bed_by(name: str) -> None:
    told(story_of(IN_BY), NOT_IN_BED[name])


def test_the_words_of_a_late_evening() -> None:
    story = story_of(IN_BY)
    story.hear(clock("20:00"), bed(False), frame=1)
    story.wait(clock("+1 00:00"))
    ms = {name: int(story.time(clock(at)).timestamp() * 1000) for name, at in (("by", "23:30"), ("out", "20:00"))}
    assert story.last(Raised).reason.values == {"by_at": ms["by"], "out_at": ms["out"]}
    assert [seen.frame for seen in story.last(Raised).evidence] == [1]


@pytest.mark.parametrize(
    ("begins", "by_utc"),
    [
        # 02:30 is skipped: by the offset before the change it is 01:30 UTC, 03:30 on the wall
        (datetime(2026, 3, 28, 12, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # 02:30 comes twice: the first is told
        (datetime(2026, 10, 24, 12, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_late_evening_on_the_nights_when_clocks_change(begins: datetime, by_utc: datetime) -> None:
    story = story_of(IN_BY | {"by": "02:30"}, begins=begins)
    due = (by_utc - begins).total_seconds()
    assert story.hear(60, bed(False)) == f"pending {due:g}"
    assert story.wait(due) == "raised low"
    assert story.wait(due + 20 * 3600) == ""


NOT_UP: dict[str, list[tuple[str, str | None, float, str]]] = {
    "up in time": [("22:00", "in", 0, "pending +1 09:30"), ("+1 08:00", "out", 0, ""), ("+1 23:00", None, 0, "")],
    "late, then up": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("+1 09:30", None, 0, "raised medium"),
        ("+1 10:00", "out", 0, "cleared"),
        ("+1 23:00", None, 0, ""),
    ],
    "a visit to the toilet is not getting up": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("+1 06:00", "out", 0, ""),
        ("+1 06:10", "in", 0, "pending +1 09:30"),
        ("+1 09:30", None, 0, "raised medium"),
    ],
    "nor is one over that very time": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("+1 09:28", "out", 0, ""),
        ("+1 09:34", "in", 0, "raised medium"),
    ],
    "up, and lying down again": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("+1 06:00", "out", 0, ""),
        ("+1 06:30", "in", 0, "pending +2 09:30"),
        ("+1 12:00", "out", 0, ""),
        ("+2 12:00", None, 0, ""),
    ],
    "up before the morning begins counts from its beginning": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("+1 03:30", "out", 0, ""),
        ("+1 04:10", "in", 0, "pending +1 09:30"),
        ("+1 09:30", None, 0, "raised medium"),
    ],
    "a nap by day": [("13:00", "in", 0, "pending +1 09:30"), ("14:00", "out", 0, ""), ("+1 12:00", None, 0, "")],
    "up all morning, a nap over the time": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("+1 07:00", "out", 0, ""),
        ("+1 09:00", "in", 0, "pending +2 09:30"),
        ("+1 09:29", "out", 0, ""),
        ("+1 09:35", "in", 0, "pending +2 09:30"),
    ],
    "told again the next morning": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("+1 09:30", None, 0, "raised medium"),
        ("+2 09:29", None, 0, ""),
        ("+2 09:30", None, 0, "raised medium"),
    ],
    "heard late": [("+1 10:00", "in", 10 * 3600, "raised medium")],
    "a sensor that repeats itself": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("23:00", "in", 0, ""),
        ("+1 09:30", None, 0, "raised medium"),
        ("+1 09:40", "in", 0, ""),
    ],
    "an older word changes nothing": [
        ("22:00", "in", 0, "pending +1 09:30"),
        ("22:10", "out", 1200, ""),
        ("+1 09:30", None, 0, "raised medium"),
    ],
}


@pytest.mark.parametrize("name", NOT_UP)
def test_not_up_by(name: str) -> None:
    told(story_of(UP_BY), NOT_UP[name])


def test_the_words_of_a_late_morning() -> None:
    story = story_of(UP_BY)
    story.hear(clock("22:00"), bed(True), frame=4)
    story.wait(clock("+1 12:00"))
    ms = [int(story.time(clock(at)).timestamp() * 1000) for at in ("+1 09:30", "22:00")]
    assert story.last(Raised).reason.values == {"now_at": ms[0], "in_at": ms[1]}
    assert [seen.frame for seen in story.last(Raised).evidence] == [4]


@pytest.mark.parametrize("rule", [BACK, IN_BY, UP_BY, {"rule": "bed_exit"}])
def test_only_the_named_sensor_counts(rule: dict[str, Any]) -> None:
    story = story_of(rule | {"device": "sos"})
    for hour in range(1, 23):
        assert story.hear(hour * 3600, bed(hour % 2 == 0, "gps"), device="gps") == ""
    assert story.rules.rules[0].devices == frozenset({"sos"})


@pytest.mark.parametrize("rule", [BACK, IN_BY, UP_BY])
def test_a_swapped_sensor_goes_on_where_the_other_ended(rule: dict[str, Any]) -> None:
    one, two = story_of(rule), story_of(rule)
    rows = [("20:00", False), ("22:00", True), ("23:00", False), ("+1 03:00", True), ("+1 05:00", False)]
    for number, (when, in_bed) in enumerate(rows):
        said = one.hear(clock(when), bed(in_bed))
        assert two.hear(clock(when), bed(in_bed), device="gps" if number < 3 else "sos") == said


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ({"rule": "not_back", "from": "02:00", "to": "03:30", "minutes": 30}, "02:00 to 03:30"),
        ({"rule": "not_up_by", "from": "09:00", "by": "10:10", "up_minutes": 20}, "09:00 to 10:10"),
    ],
)
def test_windows_too_short_are_refused(bad: dict[str, Any], what: str) -> None:
    with pytest.raises(BadRuleError, match=what):
        rules_of(bad)


def test_a_time_is_written_as_people_do() -> None:
    with pytest.raises(ValidationError):
        NotInBedBySettings.model_validate({"rule": "not_in_bed_by", "by": 23})
