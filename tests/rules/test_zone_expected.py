"""Not where expected: the garden is the day centre, from 09:00 to 15:00 on weekdays."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.model import Raised, Tick
from rules.timing import epoch_ms
from tests.rules.ground import Ground, step

CENTRE: dict[str, Any] = {
    "rule": "not_where_expected",
    "zone": "garden",
    "schedule": {"weekly": [{"days": "mon-fri", "from": "09:00", "to": "15:00"}]},
}
EIGHT = datetime(2026, 1, 14, 7, 0, tzinfo=UTC)  # Wednesday, 08:00 in Malta
NINE, THREE, GRACE, DAY = 3600, 7 * 3600, 1200, 24 * 3600
IN, OUT, EDGE = 0.0, 300.0, 100.0


def told(said: str) -> str:
    """What a person hears of it: no waiting."""
    return ", ".join(word for word in said.split(", ") if not word.startswith("pending"))


TIMELINES: dict[str, tuple[dict[str, Any], list[tuple[float, float | None, str]]]] = {
    "there in time": ({}, [(NINE + 60, IN, ""), (THREE + 9999, None, "")]),
    "there before": ({}, [(NINE - 1200, IN, ""), (THREE + 9999, None, "")]),
    "there before, and away at the beginning": (
        {},
        [(NINE - 1200, IN, ""), (NINE - 600, OUT, ""), (NINE + GRACE, None, "raised medium")],
    ),
    "elsewhere": ({}, [(NINE + 60, OUT, ""), (NINE + GRACE, None, "raised medium")]),
    "not known": ({}, [(NINE + GRACE - 1, None, ""), (NINE + GRACE, None, "raised low")]),
    "only roughly known": ({}, [(NINE + 60, EDGE, ""), (NINE + GRACE, None, "raised low")]),
    "where one was long ago says nothing": ({"recent_s": 600}, [(0, OUT, ""), (NINE + GRACE, None, "raised low")]),
    "late": ({}, [(NINE + GRACE, None, "raised low"), (NINE + 3600, IN, "cleared"), (THREE + 99, None, "")]),
    "not known, and then elsewhere": (
        {},
        [(NINE + GRACE, None, "raised low"), (10_000, OUT, ""), (11_200, None, "raised medium")],
    ),
    "a short walk": ({}, [(NINE, IN, ""), (9000, OUT, ""), (9900, IN, ""), (THREE + 99, None, "")]),
    "gone": (
        {},
        [
            (NINE, IN, ""),
            (9000, OUT, ""),
            (9600, OUT, ""),
            (10_200, None, "raised medium"),
            (10_300, OUT, ""),
            (11_000, IN, "cleared"),
            (12_000, OUT, ""),
            (13_200, None, "raised medium"),
        ],
    ),
    "not heard of while there": ({}, [(NINE, IN, ""), (THREE - 1, None, "")]),
    "the end of the hours": (
        {},
        [(NINE + 60, OUT, ""), (4800, None, "raised medium"), (THREE, None, "cleared")],
    ),
    "outside the hours": ({}, [(0, OUT, ""), (NINE + 60, IN, ""), (THREE + 60, OUT, ""), (THREE + 9999, None, "")]),
    "the next day anew": (
        {},
        [(NINE, IN, ""), (THREE, IN, ""), (NINE + DAY + GRACE, None, "raised low")],
    ),
    "no hours at the weekend": (
        {},
        [(NINE + n * DAY, IN, "") for n in range(3)] + [(NINE + 4 * DAY, OUT, ""), (NINE + 5 * DAY - 9, None, "")],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    settings, rows = TIMELINES[name]
    story = Ground(CENTRE | settings, begins=EIGHT)
    for time, east, expected in rows:
        assert told(story.wait(time) if east is None else story.at(time, east)) == expected, f"at {time}"


def test_begun_in_the_middle_of_the_hours() -> None:
    story = Ground(CENTRE, begins=datetime(2026, 1, 14, 10, 0, tzinfo=UTC))
    assert story.wait(GRACE) == "raised low"


def test_the_words_and_their_figures() -> None:
    story = Ground(CENTRE, begins=EIGHT)
    story.at(NINE + 60, OUT, accuracy=8, frame=5)
    story.wait(NINE + GRACE)
    raised = story.last(Raised)
    assert (
        raised.reason.text == "Expected in {zone} from {since_at}, but {out_m} from its border (accuracy {accuracy_m})."
    )
    assert raised.reason.values["since_at"] == epoch_ms(story.time(NINE))
    assert (raised.reason.values["out_m"], raised.reason.values["accuracy_m"]) == (201, 8)
    assert [evidence.frame for evidence in raised.evidence] == [5]
    nobody = Ground(CENTRE, begins=EIGHT)
    nobody.wait(NINE + GRACE)
    assert nobody.last(Raised).reason.text.endswith("not known where: no position yet.")


def test_rooms() -> None:
    story = Ground(CENTRE | {"zone": "kitchen"}, begins=EIGHT)
    story.room(NINE, "street")
    story.wait(NINE + GRACE)
    assert story.last(Raised).reason.text == "Expected in {zone} from {since_at}, but seen in {room}."


def test_other_hours_in_the_plan_count_at_once() -> None:
    late = CENTRE | {"schedule": {"weekly": [{"from": "20:00", "to": "21:00"}]}}
    story, before = Ground(CENTRE, begins=EIGHT), Ground(late, begins=EIGHT)
    story.states = before.states
    assert story.rules.wake_at(story.states) < story.begins  # type: ignore[operator]
    step(story, Tick(story.begins))
    assert told(story.wait(NINE + GRACE)) == "raised low"


def test_a_grace_longer_than_the_hours_tells_nothing() -> None:
    story = Ground(CENTRE | {"grace_minutes": 720}, begins=EIGHT)
    assert told(story.wait(DAY)) == ""
