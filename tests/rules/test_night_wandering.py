from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Bed, Motion, Room
from rules.errors import BadRuleError
from rules.model import DeviceInfo, Heard, Raised
from tests.rules.story import CONTEXT, Story, rules_of

M, H = 60.0, 3600.0
ROOM = DeviceInfo("room", "native", type="motion_sensor", room="101")
BATH = DeviceInfo("bath", "native", type="motion_sensor", room="bath 101")
DOOR = DeviceInfo("door", "native", type="door_sensor", room="door 101")
MAT = DeviceInfo("mat", "native", type="bed_sensor", room="101")
HALL = DeviceInfo("hall", "native", type="motion_sensor", room="hall")
STAIRS = DeviceInfo("stairs", "native", type="motion_sensor", room="stairs")
HOUSE = msgspec.structs.replace(CONTEXT, devices=(ROOM, BATH, DOOR, MAT), surroundings=(HALL, STAIRS))
TEN = datetime(2026, 1, 14, 21, 0, tzinfo=UTC)
"""22:00 in Malta."""

PLAIN: dict[str, Any] = {}
WALKS: dict[str, Any] = {"corridors": ["hall", "stairs"]}
AWAY: dict[str, Any] = {"own_room": "101"}


def at(device: str) -> Motion:
    return Motion(device=device, moving=True)


IN, OUT = Bed(device="mat", in_bed=True), Bed(device="mat", in_bed=False)


def walk(*devices: str, begins: float = 60.0, every: float = 2.0) -> list[tuple[float, str]]:
    return [(begins + every * step, device) for step, device in enumerate(devices)]


# settings, then (minutes since 22:00, device that is set off, or "in", "out", "wait"), and when it is told / cleared
STORIES: dict[str, tuple[dict[str, Any], list[tuple[float, str]], list[tuple[float, str]]]] = {
    "from room to room": (
        PLAIN,
        [*walk("room", "bath", "room", "door", "room", "bath", "room"), (110, "wait")],
        [(72, "raised medium"), (110, "cleared")],
    ),
    "to the toilet and back": (PLAIN, [*walk("room", "bath", "room"), (300, "wait")], []),
    "twice to the toilet": (PLAIN, [*walk("room", "bath", "room"), *walk("room", "bath", "room", begins=150)], []),
    "restless in the own room": (PLAIN, walk(*["room"] * 40), []),
    "in the day": (PLAIN, walk(*["room", "bath"] * 5, begins=10 * 60), []),
    "until the morning": (
        PLAIN,
        [*walk(*["room", "bath"] * 3, "room", begins=460), (500, "wait")],
        [(472, "raised medium"), (500, "cleared")],
    ),
    "staff while the person is in bed": (PLAIN, [(1, "in"), *walk(*["room", "bath"] * 6)], []),
    "out of bed, and back": (
        PLAIN,
        [(1, "in"), (58, "out"), *walk(*["room", "bath"] * 3, "room"), (80, "in"), (300, "wait")],
        [(72, "raised medium"), (80, "cleared")],
    ),
    "staff in the corridor": (WALKS, walk(*["hall", "stairs"] * 6), []),
    "staff in the corridor long after the person was seen": (WALKS, [(50, "room"), *walk(*["hall", "stairs"] * 6)], []),
    "the person in the corridor": (
        WALKS,
        walk("room", "door", "hall", "stairs", "hall", "door", "room", every=1.5),
        [(69, "raised medium")],
    ),
    "corridors that nobody named": (PLAIN, walk("room", "door", "hall", "stairs", "hall", "stairs", "hall"), []),
    "long in another room": (AWAY, [(60, "room"), (62, "bath"), (90, "wait")], [(82, "raised medium")]),
    "back in the own room in time": (AWAY, [(60, "room"), (62, "bath"), (80, "room"), (200, "wait")], []),
    "in another room when the night ends": (AWAY, [(470, "room"), (475, "bath"), (600, "wait")], []),
    "away from before the night": (AWAY, [(-60, "bath"), (5, "bath"), (26, "wait")], [(25, "raised medium")]),
}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    settings, rows, expected = STORIES[name]
    story = Story({"rule": "night_wandering"} | settings, context=HOUSE, begins=TEN)
    told = []
    for minute, what in rows:
        first = len(story.changes)
        said = hear(story, minute, what)
        assert "failed" not in said
        words = [word for word in said.split(", ") if word.startswith(("raised", "cleared"))]
        assert len(story.changes) >= first
        told += [(_when(story, word, minute), word) for word in words]
    assert told == expected


def hear(story: Story, minute: float, what: str) -> str:
    if what == "wait":
        return story.wait(minute * M)
    if what in ("in", "out"):
        return story.hear(minute * M, IN if what == "in" else OUT, device="mat")
    said = story.wait(minute * M)
    own = what not in ("hall", "stairs")
    when = story.time(minute * M)
    return ", ".join(filter(None, [said, story._judge(Heard(at(what), "motion", what, when, when, own=own))]))


def _when(story: Story, word: str, minute: float) -> float:
    """When a deadline that passed before this row was due: the only ones here are of being away."""
    if word.startswith("raised") and "away_s" in (values := story.last(Raised).reason.values):
        last = story.states["night_wandering"]
        return float((last.away_since - story.begins).total_seconds() + float(values["away_s"])) / M  # type: ignore[attr-defined]
    return minute


def test_what_is_told() -> None:
    story = Story({"rule": "night_wandering"}, context=HOUSE, begins=TEN)
    for minute, device in walk(*["room", "bath"] * 3, "room"):
        hear(story, minute, device)
    raised = story.last(Raised)
    assert raised.reason.values == {"moves": 6, "span_s": 600.0}
    assert [one.device for one in raised.evidence] == ["bath", "room"] * 3


def test_what_is_heard_out_of_order_changes_nothing() -> None:
    story = Story({"rule": "night_wandering"}, context=HOUSE, begins=TEN)
    for minute, device in walk(*["room", "bath"] * 2, "room"):
        hear(story, minute, device)
    for _ in range(5):
        assert story.hear(70 * M, at("bath"), device="bath", age=5 * M) == ""


def test_named_rooms_of_a_radar_are_places() -> None:
    story = Story({"rule": "night_wandering", "changes": 2}, context=HOUSE, begins=TEN)
    said = [
        story.hear(step * 60, Room(device="room", room=name, present=present), device="room")
        for step, (name, present) in enumerate([("a", True), ("a", False), ("b", True), ("c", True)])
    ]
    assert said == ["", "", "", "raised medium"]


@pytest.mark.parametrize(("day", "begin"), [((2026, 3, 28), 21), ((2026, 10, 24), 20)], ids=["spring", "autumn"])
def test_the_nights_when_the_clocks_change(day: tuple[int, int, int], begin: int) -> None:
    story = Story({"rule": "night_wandering"}, context=HOUSE, begins=datetime(*day, begin, tzinfo=UTC))
    assert [hear(story, minute, device) for minute, device in walk(*["room", "bath"] * 3, begins=-20)].count("") == 6
    end = 7 if begin == 21 else 9
    said = [hear(story, minute, device) for minute, device in walk(*["room", "bath"] * 4, begins=end * 60 - 16)]
    assert said.count("raised medium") == 1
    assert hear(story, end * 60 + 0.1, "wait") == "cleared"


def test_a_corridor_must_be_of_the_house() -> None:
    with pytest.raises(BadRuleError, match="corridors names 'room', which is no device of the house"):
        rules_of({"rule": "night_wandering", "corridors": ["room"]}, context=HOUSE)
    assert rules_of({"rule": "night_wandering", **WALKS}, context=HOUSE).others == {"hall", "stairs"}


def test_who_is_seen_each_second_costs_two_writes_a_minute() -> None:
    story = Story({"rule": "night_wandering"}, context=HOUSE, begins=TEN)
    for second in range(600):
        story.hear(H + second, at("room"), device="room")
    assert len(story.changes) <= 21


PLACES = st.sampled_from(["room", "bath", "door", "in", "out"])


@given(st.lists(st.tuples(st.floats(0.01, 90), PLACES), max_size=30))
def test_told_and_cleared_take_turns_and_never_in_bed(rows: list[tuple[float, str]]) -> None:
    story = Story({"rule": "night_wandering", "changes": 3, **AWAY}, context=HOUSE, begins=TEN)
    minute, open_, in_bed = 0.0, False, False
    for gap, what in rows:
        minute += gap
        for word in hear(story, minute, what).split(", "):
            if word.startswith("raised"):
                assert not open_
                assert not (in_bed and what != "out")
                open_ = True
            elif word == "cleared":
                assert open_
                open_ = False
        in_bed = what == "in" if what in ("in", "out") else in_bed
