"""Reading a centre, a script, and staging it."""

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from devices.model import Bed, Position, Status
from simulators.errors import OptionsError, SceneError
from simulators.ground import Ground
from simulators.messages import Event, acknowledged_id
from simulators.pace import Pace
from simulators.scene import Scene, read_scene
from simulators.script import Action, Scripted, read_script
from simulators.staging import stage
from simulators.timeline import timeline
from tests.simulators.conftest import CENTRE, START


def test_a_centre_gives_its_native_devices_by_their_address(scene: Scene) -> None:
    assert scene.site == "lab"
    assert [r.id for r in scene.residents] == ["r01", "r02", "r03"]
    assert scene.resident("r03").devices == {"tracker": "pendant-77"}
    assert scene.resident("r03").zone == "village"
    assert set(scene.grounds) == {"garden", "village"}
    assert scene.silent == ("hall-radar", "old-button")


def test_an_assignment_counts_while_it_lasts() -> None:
    then = read_scene(CENTRE, at=datetime(2026, 1, 15, tzinfo=UTC))
    assert then.resident("r03").devices == {"tracker": "pendant-77", "sos_button": "old-button"}
    with pytest.raises(SceneError, match=r"native device .* assigned to a resident"):
        read_scene(CENTRE, at=datetime(2025, 12, 31, 23, tzinfo=UTC))


def test_residents_can_be_picked_and_a_wrong_one_is_named() -> None:
    assert [r.id for r in read_scene(CENTRE, at=START, residents=("r02",)).residents] == ["r02"]
    with pytest.raises(SceneError, match=r"residents: r99: expected an id of the centre file \(r01, r02, r03\)"):
        read_scene(CENTRE, at=START, residents=("r02", "r99"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('timezone = "Europe/Malta"', 'timezone = "Mars/Base"', "centre.timezone: Mars/Base: expected a time zone"),
        ('id = "lab"', "", "centre.id: None: expected a text"),
        ('zones = "zones.geojson"', 'zones = "nowhere.geojson"', "nowhere.geojson: No such file"),
        ('zones = "zones.geojson"', "", "r01: zone: garden: expected a zone"),
        ('format = "native"', 'format = "owntracks"', "devices: none: expected a native device"),
        ("[centre]", "[centre", "expected TOML"),
        ("[[assignments]]", "[[allotments]]", "expected a native device"),
    ],
)
def test_a_centre_that_cannot_be_played_says_why(tmp_path: Path, before: str, after: str, said: str) -> None:
    (tmp_path / "zones.geojson").write_text((CENTRE.parent / "zones.geojson").read_text())
    (tmp_path / "centre.toml").write_text(CENTRE.read_text().replace(before, after))
    with pytest.raises(SceneError) as caught:
        read_scene(tmp_path / "centre.toml", at=START)
    assert said in str(caught.value)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = CENTRE.read_text().replace("Europe/Malta", "Mars/Base").replace("zones.geojson", "gone.geojson")
    (tmp_path / "centre.toml").write_text(text)
    with pytest.raises(SceneError) as caught:
        read_scene(tmp_path / "centre.toml", at=START)
    assert len(caught.value.problems) >= 2


def test_zones_that_are_no_geojson_are_named(tmp_path: Path) -> None:
    (tmp_path / "centre.toml").write_text(CENTRE.read_text())
    (tmp_path / "zones.geojson").write_text('{"features": [{"type": "Feature"}]}')
    with pytest.raises(SceneError, match=r"features\[0\].*expected properties.id and a geometry"):
        read_scene(tmp_path / "centre.toml", at=START)


def test_a_zone_without_ground_is_named(tmp_path: Path) -> None:
    (tmp_path / "centre.toml").write_text(CENTRE.read_text())
    line = "[[[14.5, 35.9], [14.6, 36.0], [14.5, 35.9]]]"
    feature = f'{{"properties": {{"id": "garden"}}, "geometry": {{"type": "Polygon", "coordinates": {line}}}}}'
    (tmp_path / "zones.geojson").write_text(f'{{"features": [{feature}]}}')
    with pytest.raises(SceneError, match=r"features\[0\].*nowhere to stand"):
        read_scene(tmp_path / "centre.toml", at=START)


def test_a_ground_knows_inside_from_outside() -> None:
    square = [(0.0, 0.0), (0.002, 0.0), (0.002, 0.002), (0.0, 0.002), (0.0, 0.0)]
    hole = [(0.0009, 0.0009), (0.0011, 0.0009), (0.0011, 0.0011), (0.0009, 0.0011), (0.0009, 0.0009)]
    ground = Ground([square, hole])
    assert ground.inside(ground.home)
    assert not ground.inside(ground.to_metres(0.001, 0.001))
    assert ground.depth(ground.to_metres(0.001, 0.001)) == pytest.approx(-11.1, abs=0.2)
    assert not ground.inside(ground.to_metres(0.003, 0.001))
    assert ground.to_degrees(ground.to_metres(0.0004, 0.0007)) == pytest.approx((0.0004, 0.0007))
    circle = Ground.circle(14.5, 35.9, 250)
    assert circle.inner_m == pytest.approx(250, rel=0.03)
    assert circle.reach_m == pytest.approx(250, rel=0.03)


def test_a_scripted_event_is_read_from_words() -> None:
    assert Scripted.parse("20s sos r03") == Scripted(at_s=20, do=Action.SOS, resident="r03")
    assert Scripted.parse(" 1.5 m leave_zone ") == Scripted(at_s=90, do=Action.LEAVE_ZONE)
    assert Scripted.parse("2h fall") == Scripted(at_s=7200, do=Action.FALL)


@pytest.mark.parametrize("text", ["", "sos", "20 sos", "20s dance", "20s", "-5s sos", "20s sos r01 r02"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(OptionsError, match="expected e\\.g\\."):
        Scripted.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "title = ",
        'title = "x"',
        'title = "x"\nstarts = 22:00:00\nminutes = 5\n[[events]]\nat_s = 1\ndo = "dance"',
        'title = "x"\nstarts = 22:00:00\nminutes = 5\n[[events]]\nat_s = 1\ndo = "sos"\nwho = "r01"',
    ],
)
def test_a_bad_script_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "script.toml").write_text(text)
    with pytest.raises(SceneError, match=r"script\.toml.*expected a script"):
        read_script(tmp_path / "script.toml")


def test_a_missing_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="No such file"):
        read_script(tmp_path / "none.toml")


def test_the_evening_starts_at_its_local_hour(scene: Scene) -> None:
    assert read_script().start(date(2026, 5, 12), scene.timezone) == datetime(2026, 5, 12, 20, tzinfo=UTC)


def test_what_nobody_can_play_is_said_with_every_problem(scene: Scene) -> None:
    wishes = (Scripted(at_s=1, do=Action.FALL, resident="r03"), Scripted(at_s=1, do=Action.SOS, resident="r99"))
    with pytest.raises(SceneError) as caught:
        stage(wishes, scene, start=START, seed=1)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["script events[0]", "script events[1]"]


def test_a_pendant_without_a_button_presses_its_own_key(scene: Scene) -> None:
    (event,) = stage((Scripted(at_s=9, do=Action.SOS, resident="r03"),), scene, start=START, seed=1).events
    assert (event.device, event.kind, event.at) == ("pendant-77", "help", START + timedelta(seconds=9))


def whole(scene: Scene, *scripted: Scripted, hours: float = 6) -> list[Event]:
    staged = stage(scripted, scene, start=START, seed=1)
    return list(timeline(scene, seed=1, start=START, duration_s=hours * 3600, staged=staged))


def test_a_timeline_is_in_order_without_doubles_across_midnight(scene: Scene) -> None:
    events = whole(scene, *read_script().events, hours=30)
    times = [event.at for event in events]
    assert times == sorted(times)
    assert times[-1] > START + timedelta(hours=29)
    assert max(times) < START + timedelta(hours=30)
    assert len({event.id for event in events}) == len(events)
    assert events == whole(scene, *read_script().events, hours=30)


def test_devices_say_at_the_start_what_they_know(scene: Scene) -> None:
    first = [event for event in whole(scene) if event.at == START]
    said = {(event.device, event.kind) for event in first}
    assert {("bed-r01", "bed"), ("pad-r01", "continence"), ("gps-r01", "position"), ("sos-r01", "status")} <= said


def test_the_days_own_events_give_way_to_the_script(scene: Scene) -> None:
    out = Scripted(at_s=600, do=Action.OUT_OF_BED, resident="r01", for_s=1200)
    walk = Scripted(at_s=300, do=Action.LEAVE_ZONE, resident="r01")
    low = Scripted(at_s=60, do=Action.LOW_BATTERY, resident="r01")
    events = whole(scene, out, walk, low)
    beds = [(e.at - START, e.reading.in_bed) for e in events if e.device == "bed-r01" and isinstance(e.reading, Bed)]
    assert beds[:3] == [(timedelta(), True), (timedelta(seconds=600), False), (timedelta(seconds=1800), True)]
    fixes = [e.reading for e in events if e.device == "gps-r01" and isinstance(e.reading, Position)]
    ground = scene.grounds["garden"]
    places = [ground.to_metres(fix.lon, fix.lat) for fix in fixes]
    assert all(math.dist(a, b) < 60 for a, b in pairwise(places))
    assert min(ground.depth(place) for place in places) < -100
    assert ground.inside(places[-1])
    battery = [e.reading.battery_percent for e in events if e.device == "gps-r01" and isinstance(e.reading, Status)]
    # what it knew when switched on, then only the script's own draining
    assert battery[1:9] == [12.0, 10.5, 9.0, 7.5, 6.0, 4.5, 3.0, 1.5] or battery[:8] == [
        12.0, 10.5, 9.0, 7.5, 6.0, 4.5, 3.0, 1.5,
    ]  # fmt: skip


def test_what_happened_out_of_reach_comes_first_with_its_own_time(scene: Scene) -> None:
    events = whole(scene, Scripted(at_s=-1800, do=Action.CONTINENCE_DUE, resident="r02", for_s=3600))
    assert events[0].at == START - timedelta(minutes=30)
    pads = [(e.at, e.reading) for e in events if e.device == "pad-r02" and e.kind == "continence"]
    assert [(at - START).total_seconds() / 60 for at, _ in pads[:2]] == [-30, 30]


async def test_time_runs_at_its_pace() -> None:
    real = Pace(START, speed=1e6)
    before = real.now()
    await real.until(START + timedelta(hours=2))
    assert before >= START
    assert real.now() >= START + timedelta(hours=2)
    jump = Pace(START, speed=math.inf)
    await jump.until(START + timedelta(days=3))
    await jump.until(START + timedelta(days=1))
    assert jump.now() == START + timedelta(days=3)
    await jump.wait(60)
    assert jump.now() == START + timedelta(days=3, minutes=1)


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_time_never_stands_still_or_runs_back(speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pace(START, speed=speed)
    with pytest.raises(ValueError, match="time zone"):
        Pace(datetime(2026, 1, 1), speed=1)  # noqa: DTZ001


@pytest.mark.parametrize("message", [b"", b"[]", b'{"id":5}', b"\xff", b'{"other":"x"}'])
def test_an_acknowledgement_that_cannot_be_read_is_passed_over(message: bytes) -> None:
    assert acknowledged_id(message) is None
    assert acknowledged_id(msgspec.json.encode({"id": "a", "more": 1})) == "a"
