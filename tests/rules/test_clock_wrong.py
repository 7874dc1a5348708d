"""Wrong clocks, and what is none: messages that were held up."""

from datetime import UTC, datetime, timedelta

import pytest

from devices.model import Motion
from rules.model import Cleared, Raised
from tests.rules.story import Story, heard

MIN = 60


class Clock(Story):
    def __init__(self) -> None:
        super().__init__({"rule": "clock_wrong"})

    def says(self, received: float, off: float | None, device: str = "gps") -> str:
        """A reading whose time is ``off`` seconds ahead of when it is received; None: it gives no time."""
        now = self.time(received)
        said = None if off is None else now + timedelta(seconds=off)
        return self._judge(heard(Motion(device=device, observed_at=said), now, at=said, device=device, frame=3))


# (received in minutes, seconds ahead, expected)
TIMELINES: dict[str, list[tuple[float, float | None, str]]] = {
    "right": [(1, 0, ""), (2, -30, ""), (3, 100, ""), (4, None, "")],
    "ahead": [(1, 300, ""), (2, 300, ""), (3, 300, "raised low"), (4, 300, ""), (5, -2, "cleared")],
    "a slip ahead": [(1, 300, ""), (2, -1, ""), (3, 300, ""), (4, 300, ""), (5, -1, "")],
    "behind": [(1, -3600, ""), (4, -3602, ""), (7, -3599, "raised low"), (8, -1, "cleared")],
    "a backlog comes at once": [(1, -3600, ""), (1.1, -3500, ""), (1.2, -3400, ""), (1.3, -3300, ""), (1.4, -1, "")],
    "a backlog of one moment": [(1, -3600, ""), (1.01, -3600, ""), (1.02, -3600, ""), (1.03, -3600, "")],
    "held up, each a little less": [(0, -3600, ""), (5, -3300, ""), (10, -2900, ""), (15, -2500, ""), (20, -2100, "")],
    "some are on time": [(1, -3600, ""), (4, -3600, ""), (5, -1, ""), (7, -3600, ""), (9, -3600, ""), (12, 0, "")],
    "behind by a little is the network": [(1, -500, ""), (4, -500, ""), (9, -500, "")],
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    story = Clock()
    for minute, off, expected in TIMELINES[name]:
        assert story.says(minute * MIN, off) == expected, f"at {minute}"


def test_a_clock_that_lost_its_time_is_told_by_any_three() -> None:
    story = Clock()
    lost = (datetime(1980, 1, 6, tzinfo=UTC) - story.begins).total_seconds()
    assert [story.says(second, lost) for second in (1, 2, 3)] == ["", "", "raised low"]


@pytest.mark.parametrize(("off", "text"), [(300, "ahead"), (-3600, "behind")])
def test_words(off: float, text: str) -> None:
    story = Clock()
    for minute in range(0, 20, 5):
        story.says(minute * MIN, off)
    raised = story.last(Raised)
    assert raised.reason.text == f"The clock of {{device}} is {{off_s}} {text}."
    assert raised.reason.values == {"device": "gps", "off_s": abs(off)}
    assert (raised.subject, [e.frame for e in raised.evidence]) == ("gps", [3])
    story.says(9999, 0)
    assert story.last(Cleared).subject == "gps"


def test_a_wrong_clock_is_stored_a_few_times_only() -> None:
    story = Clock()
    for minute in range(100):
        story.says(minute * MIN, 300)
    assert len(story.changes) == 3


def test_a_backlog_of_hours_is_stored_a_few_times_only() -> None:
    story = Clock()
    for second in range(100):
        story.says(second / 10, -7200)
    assert len(story.changes) <= 3
