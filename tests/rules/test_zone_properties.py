"""What must hold of zones on any way that somebody walks, and on ways that somebody did walk."""

import csv
import math
import os
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import Position
from rules.geometry import ZoneShape
from rules.model import Cleared, Heard, Priority, Raised, State, Tick
from rules.registry import decode_states, encode_states
from tests.rules.ground import AROUND, Ground
from tests.rules.story import T0, rules_of

EXIT: dict[str, Any] = {"rule": "zone_exit", "zone": "garden"}
ENTRY: dict[str, Any] = {"rule": "zone_entry", "zone": "pond"}
EVERY: list[dict[str, Any]] = [
    EXIT | {"companions": ["nora"], "schedule": {"weekly": [{"from": "12:50", "to": "13:20"}]}},
    ENTRY,
    {"rule": "zone_entry", "zone": "kitchen", "companions": ["nora"]},
    {"rule": "return_by", "zone": "garden", "by": "13:30"},
    {"rule": "not_where_expected", "zone": "garden", "schedule": {"weekly": [{"from": "13:05", "to": "14:00"}]}},
    {"rule": "out_of_sight", "zones": ["garden", "kitchen"]},
]

ANGLES = st.floats(0, 2 * math.pi)
UNIT = st.floats(0, 1)


@given(st.lists(st.tuples(st.floats(1, 80), ANGLES, UNIT, st.floats(1, 300)), max_size=30), st.floats(60, 99), ANGLES)
def test_jitter_within_the_accuracy_never_flaps(
    fixes: list[tuple[float, float, float, float]], radius: float, bearing: float
) -> None:
    """Somebody sits still inside; the fixes waver, but their accuracy is honest."""
    story = Ground(EXIT)
    east, north, time = radius * math.sin(bearing), radius * math.cos(bearing), 0.0
    for accuracy, angle, part, pause in fixes:
        time += pause
        off = accuracy * part * 0.99  # the sphere of these tests is off by up to 0.6 %
        story.at(time, east + off * math.sin(angle), north + off * math.cos(angle), accuracy=accuracy)
    story.wait(time + 9999)
    # "perhaps outside" may be told: nobody said inside for a quarter of an hour
    assert [one for one in story.verdicts(Raised) if one.priority is Priority.HIGH] == []


@given(st.lists(st.tuples(st.floats(30, 300), UNIT, ANGLES, st.booleans()), min_size=2, max_size=30), UNIT, ANGLES)
def test_single_outliers_never_raise(fixes: list[tuple[float, float, float, bool]], far: float, bearing: float) -> None:
    """Wherever somebody is inside: one position that nobody can have walked to, then one inside again."""
    story = Ground(EXIT)
    time, outlier = 0.0, True
    for pause, part, angle, jumps in fixes:
        time += pause
        radius = 90 * part
        if jumps and not outlier and pause < 300:
            way = 200 + 2.5 * 300 + 3000 * far
            story.at(time, way * math.sin(bearing), way * math.cos(bearing), accuracy=2)
            outlier = True
        else:
            story.at(time, radius * math.sin(angle), radius * math.cos(angle))
            outlier = False
    if outlier:
        story.at(time + 300, 0)
    assert story.verdicts(Raised) == []


@st.composite
def walks_out(draw: st.DrawFn) -> tuple[list[tuple[float, float, float]], float]:
    """Somebody walks away from the middle: (heard, taken, metres) in the order of hearing, and the bearing."""
    speed = draw(st.floats(0.3, 1.8))
    taken, fixes = 0.0, []
    for _ in range(draw(st.integers(3, 25))):
        taken += draw(st.floats(30, 300))
        if draw(st.integers(0, 3)) == 0:
            continue  # lost
        delay = draw(st.sampled_from([0.0, 0.0, 0.0, 1.0, 45.0, 200.0, 900.0]))
        fixes += [(taken + delay + copy * 20, taken, speed * taken) for copy in range(draw(st.integers(1, 2)))]
    return sorted(fixes), draw(ANGLES)


@pytest.mark.parametrize(("settings", "bound"), [({"jump_within_s": 0}, 60), ({}, 360)])
@given(walk=walks_out())
def test_who_walks_out_is_told_of_in_time(
    settings: dict[str, Any],
    bound: float,
    walk: tuple[list[tuple[float, float, float]], float],
) -> None:
    """Within a minute of the first position outside; where single ones wait for the next, within six."""
    fixes, bearing = walk
    story = Ground(EXIT | settings)
    first = None
    for heard, taken, way in fixes:
        story.at(heard, way * math.sin(bearing), way * math.cos(bearing), age=heard - taken)
        if way > 107 and first is None:
            first = heard
    if first is None:
        return
    story.wait(max(first + bound, fixes[-1][0]))
    told = [change for change in story.changes if isinstance(change.verdict, Raised)]
    assert len(told) == 1, "told once"
    assert story.states["zone_exit:garden"].told  # type: ignore[attr-defined]
    again = Ground(EXIT | settings)
    for heard, taken, way in fixes:
        if heard <= first + bound:
            again.at(heard, way * math.sin(bearing), way * math.cos(bearing), age=heard - taken)
    again.wait(first + bound)
    assert len(again.verdicts(Raised)) == 1, "in time"


@st.composite
def stories(draw: st.DrawFn) -> list[Any]:
    """Positions, rooms, companions and the battery in any order, with ages."""
    rows: list[Any] = []
    for _ in range(draw(st.integers(1, 25))):
        pause = draw(st.sampled_from([0.0, 1.0, 20.0, 60.0, 301.0, 900.0]))
        what = draw(st.sampled_from(["at", "at", "at", "room", "status", "nora"]))
        age = draw(st.sampled_from([0.0, 0.0, 10.0, 400.0, 4000.0]))
        east = draw(st.sampled_from([0.0, 8.0, 50.0, 97.0, 120.0, 900.0]))
        rows.append((pause, what, east, draw(st.sampled_from([2.0, 15.0, 60.0])), age, draw(st.integers(0, 2))))
    return rows


def tell(story: Ground, rows: list[Any], restart: int | None = None) -> list[Any]:
    """What is said of a story; with ``restart`` its states are stored and read again before that row."""
    time = 0.0
    for number, (pause, what, east, accuracy, age, pick) in enumerate(rows):
        time += pause
        if number == restart:
            story.states = decode_states(encode_states(story.states))
        match what:
            case "at":
                story.at(time, east, accuracy=accuracy, age=age)
            case "nora":
                story.at(time, east, accuracy=accuracy, age=age, device="phone-nora")
            case "room":
                story.room(time, ["kitchen", "hall", None][pick])
            case _:
                story.status(time, **[{"battery_percent": 9.0}, {"online": False}, {"battery_percent": 90.0}][pick])
    story.wait(time + 4000)
    return [(change.rule_key, change.verdict) for change in story.changes]


@given(stories(), st.integers(0, 25))
def test_a_restart_changes_nothing(rows: list[Any], restart: int) -> None:
    assert tell(Ground(*EVERY), rows) == tell(Ground(*EVERY), rows, restart)


@given(stories())
def test_raised_and_cleared_make_sense(rows: list[Any]) -> None:
    """Nothing is cleared that was not told, nothing told without a proof or the words that there is none."""
    told: set[str] = set()
    for key, verdict in tell(Ground(*EVERY), rows):
        assert not hasattr(verdict, "where"), verdict
        if isinstance(verdict, Raised):
            told.add(key)
            assert verdict.evidence or "not known" in verdict.reason.text.lower()
        elif isinstance(verdict, Cleared):
            assert key in told
            told.discard(key)


# what somebody did walk


def tracks() -> Path | None:
    """Where recorded tracks lie; None: nowhere here."""
    named = os.environ.get("TELECARE_SHARED_VECTORS")
    root = Path(named) if named else Path(__file__).parents[3] / "shared" / "vectors"
    return root / "tracks" if (root / "tracks").is_dir() else None


FILES = sorted(found.glob("*.csv")) if (found := tracks()) else []
walked = pytest.mark.parametrize(
    "path",
    FILES or [pytest.param(None, marks=pytest.mark.skip(reason="no recorded tracks: set TELECARE_SHARED_VECTORS"))],
    ids=lambda path: path.stem if path else "none",
)


def places(path: Path) -> list[tuple[float, float]]:
    with path.open() as file:
        return [(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file) if row["lon"] and row["lat"]]


def metres(place: tuple[float, float], centre: tuple[float, float]) -> tuple[float, float]:
    """Metres east and north, on a plane with the radii of WGS 84 at that latitude: another way than the rules'."""
    phi = math.radians(centre[1])
    slim = 1 - 0.00669438 * math.sin(phi) ** 2
    east = math.radians(place[0] - centre[0]) * 6_378_137 / math.sqrt(slim) * math.cos(phi)
    return east, math.radians(place[1] - centre[1]) * 6_378_137 * (1 - 0.00669438) / slim**1.5


def walk(path: Path, centre: tuple[float, float], radius: float, pause: float = 60) -> tuple[list[Any], list[float]]:
    """What is said along a track with a circle as the zone, and the independent distances from its centre."""
    shape = ZoneShape.from_geojson("garden", "Garden", {"type": "Point", "coordinates": list(centre)}, radius)
    rules = rules_of(EXIT, context=AROUND)
    states: dict[str, State] = rules.start(T0)
    said, ways = [], []
    for number, place in enumerate(places(path)):
        at = T0 + timedelta(seconds=pause * number)
        due = rules.wake_at(states)
        position = Position(device="gps", lon=place[0], lat=place[1], accuracy_m=5.0)
        events: list[Any] = [] if due is None or due > at else [Tick(due)]
        events.append(Heard(position, "position", "gps", at, at, number, {"garden": shape.signed_distance(*place)}))
        for event in events:
            for change in rules.judge(states, event):
                states[change.rule_key] = change.after
                if isinstance(change.verdict, Raised | Cleared):
                    said.append(change.verdict)
        ways.append(math.hypot(*metres(place, centre)))
    return said, ways


@walked
def test_a_zone_around_a_whole_track_never_alarms(path: Path) -> None:
    way = places(path)
    centre = (sum(lon for lon, _ in way) / len(way), sum(lat for _, lat in way) / len(way))
    radius = max(math.hypot(*metres(place, centre)) for place in way) * 1.01 + 10
    assert walk(path, centre, radius)[0] == []


def crossings(ways: list[float], radius: float, accuracy: float = 5.0) -> Iterator[type]:
    """Exits and returns by the simplest thinking: two places in a row certainly outside; one certainly inside."""
    outside, row = False, 0
    for way in ways:
        if way - radius > accuracy:
            row += 1
        elif way - radius <= -accuracy:
            row = 0
            if outside:
                outside = False
                yield Cleared
        if row >= 2 and not outside:
            outside = True
            yield Raised


@walked
@pytest.mark.parametrize("cut", range(12))
def test_a_zone_that_cuts_a_track_tells_of_exactly_its_exits(path: Path, cut: int) -> None:
    way = places(path)
    chance = random.Random(f"{path.stem} {cut}")
    centre = way[chance.randrange(len(way))]
    radius = chance.uniform(0.2, 0.8) * max(math.hypot(*metres(place, centre)) for place in way)
    # slow enough that nothing is a jump, and no minute passes between two places
    said, ways = walk(path, centre, radius, pause=59)
    sharp = [distance for distance in ways if abs(abs(distance - radius) - 5) < 0.3]
    expected = [] if sharp else list(crossings(ways, radius))
    if sharp:
        pytest.skip("a place lies within the difference of the two ways of measuring")
    assert [type(verdict) for verdict in said] == expected
