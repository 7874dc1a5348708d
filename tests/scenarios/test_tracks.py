"""Recorded walks and rides through the whole pipeline: the exits that come are those that plain arithmetic finds.

Nobody here made these positions up. The zones are circles around points of the track; whether a position is inside
follows from the great-circle distance to the circle's centre, and the exits from a few lines of counting.
"""

import csv
import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.app.replay import Recorded, Replay
from gateway.centre.load import centre_from_document
from gateway.centre.model import Centre
from gateway.clock import from_ms
from gateway.store.database import connect, prepare

ROOT = Path(__file__).parents[2]
TRACKS = Path(os.environ.get("TELECARE_SHARED_VECTORS") or ROOT.parent / "shared" / "vectors") / "tracks"
EARTH_M = 6_371_008.8
"""Mean radius (IUGG). A sphere is up to 0.6 % off; the gateway measures on the ellipsoid, so a position that close to a
limit of a zone would be no fair question, and a zone that has one is moved a little."""
ACCURACY_M = 8.0
CONFIRMATIONS, DECIDE_WITHIN, JUMP_WITHIN = 2, timedelta(seconds=60), timedelta(seconds=360)
SOON, FAR_M = timedelta(minutes=10), 50.0
"""Who is outside again so soon is believed to be back by two positions; a first one so far off waits for the next."""
WALK_MPS = 1.2
"""Where a track has no times: a slow walk."""
START = datetime(2026, 5, 12, 8, 0, tzinfo=UTC)

NAMES = sorted(path.name for path in TRACKS.glob("*.csv")) if TRACKS.is_dir() else []


class Point(msgspec.Struct, frozen=True):
    at: datetime
    lon: float
    lat: float


class Circle(msgspec.Struct, frozen=True):
    lon: float
    lat: float
    radius_m: float


def metres(lon: float, lat: float, circle: Circle) -> float:
    """Great-circle distance to the circle's centre (haversine)."""
    phi, other = math.radians(lat), math.radians(circle.lat)
    half = math.sin((phi - other) / 2) ** 2
    half += math.cos(phi) * math.cos(other) * math.sin(math.radians(lon - circle.lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(half))


def read_track(name: str) -> list[Point]:
    """A track; where it gives no times, those of a slow walk along it."""
    with (TRACKS / name).open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    timed = all(row["time"] for row in rows)
    points: list[Point] = []
    for row in rows:
        lon, lat = float(row["lon"]), float(row["lat"])
        at = datetime.fromisoformat(row["time"]) if timed else START
        if points and not timed:
            last = points[-1]
            seconds = metres(lon, lat, Circle(last.lon, last.lat, 0)) / WALK_MPS
            at = last.at + timedelta(seconds=max(1, math.ceil(seconds)))
        if not points or at > points[-1].at:
            points.append(Point(at, lon, lat))
    return points


def draw_zone(points: list[Point], share: float, radius_m: float) -> Circle:
    """A circle around the point at that share of the track, without a position too near to a limit to say."""
    middle = points[int((len(points) - 1) * share)]
    while True:
        circle = Circle(middle.lon, middle.lat, radius_m)
        off = [metres(point.lon, point.lat, circle) for point in points]
        limits = (radius_m - ACCURACY_M, radius_m + ACCURACY_M)
        if all(abs(distance - limit) > 0.008 * distance for distance in off for limit in limits):
            return circle
        radius_m += 0.7


def exits_of(points: list[Point], circle: Circle) -> Iterator[tuple[str, datetime]]:
    """("exit" or "back", when), by counting."""
    outside: list[datetime] = []
    inside: list[datetime] = []  # of this stay, the last two
    told = wavers = back = False
    deadline, over = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    for point in points:
        off = metres(point.lon, point.lat, circle) - circle.radius_m
        if outside and not told and point.at >= deadline:
            told, wavers = True, deadline - over <= SOON
            yield "exit", deadline
        if off > ACCURACY_M:
            back = False
            if not told:
                if not outside:
                    deadline = point.at + DECIDE_WITHIN
                    if off >= FAR_M and len(inside) == 2:
                        every = min(inside[1] - inside[0], point.at - inside[1])
                        if every > DECIDE_WITHIN:
                            deadline = max(deadline, point.at + min(1.25 * every, JUMP_WITHIN))
                outside.append(point.at)
                if len(outside) == CONFIRMATIONS:
                    told, wavers = True, point.at - over <= SOON
                    yield "exit", point.at
        elif off < -ACCURACY_M:
            inside = [*inside[-1:], point.at]
            if told and wavers and not back:
                back = True
                continue
            if told:
                over = point.at
                yield "back", point.at
            outside, told, wavers, back = [], False, False, False
    if outside and not told:
        yield "exit", deadline


def centre_with(circle: Circle) -> Centre:
    geometry = {"type": "Point", "coordinates": [circle.lon, circle.lat]}
    return centre_from_document(
        {
            "centre": {"id": "house", "name": "The House", "timezone": "Europe/Ljubljana"},
            "residents": [{"id": "anna", "name": "Anna A.", "room": "1"}],
            "devices": [{"id": "pendant", "type": "tracker", "format": "native"}],
            "assignments": [{"device": "pendant", "resident": "anna", "from": "2001-01-01T00:00:00Z"}],
            "carers": [{"id": "nora", "name": "Nora", "contacts": [{"channel": "log"}]}],
            "policies": [{"id": "usual", "failsafe": ["nora"], "steps": [{"to": ["nora"], "wait_s": 86400}]}],
            "care_plans": [
                {
                    "resident": "anna",
                    "policy": "usual",
                    "consents": {"location": "alarm"},
                    # a track may be a ride: no speed is a jump
                    "rules": [{"rule": "zone_exit", "zone": "place", "fastest_mps": 100}],
                }
            ],
            "zones": [{"id": "place", "name": "Place", "geometry": geometry, "radius_m": circle.radius_m}],
        }
    )


def played(points: list[Point], circle: Circle, folder: Path) -> list[tuple[str, datetime]]:
    """What the gateway told: exits and returns, with their times."""
    path = folder / "telecare.db"
    prepare(path)
    db = connect(path, synchronous="OFF")
    try:
        house = Replay(db, centre_with(circle), points[0].at)
        for number, point in enumerate(points):
            body = {"v": 1, "id": f"p-{number}", "t": point.at, "lon": point.lon, "lat": point.lat}
            payload = msgspec.json.encode(body | {"accuracy_m": ACCURACY_M})
            house.take(Recorded(point.at, "telecare/house/pendant/position", payload, "native"))
        house.go_to(points[-1].at + DECIDE_WITHIN)
        rows = db.execute(
            "SELECT event, alert_events.at FROM alert_events JOIN alerts ON alerts.id = alert_events.alert "
            "WHERE rule = 'zone_exit' AND event IN ('raised', 'repeat', 'clear') ORDER BY alert_events.seq"
        )
        return [("back" if event == "clear" else "exit", from_ms(at)) for event, at in rows]
    finally:
        db.close()


@pytest.mark.parametrize(("share", "radius_m"), [(0.0, 150), (0.3, 250), (0.5, 600), (0.85, 90)])
@pytest.mark.parametrize(
    "name", NAMES or [pytest.param("", marks=pytest.mark.skip(reason="no tracks: set TELECARE_SHARED_VECTORS"))]
)
def test_the_exits_of_a_recorded_track_are_told_and_no_others(
    name: str, share: float, radius_m: float, tmp_path: Path
) -> None:
    points = read_track(name)
    circle = draw_zone(points, share, radius_m)
    expected = list(exits_of(points, circle))
    assert expected, "the track never leaves the zone: nothing would be tested"
    assert played(points, circle, tmp_path) == expected


def test_a_zone_around_all_of_a_track_tells_nothing(tmp_path: Path) -> None:
    if not NAMES:
        pytest.skip("no tracks: set TELECARE_SHARED_VECTORS")
    points = read_track(NAMES[0])
    middle = points[len(points) // 2]
    far = max(metres(point.lon, point.lat, Circle(middle.lon, middle.lat, 0)) for point in points)
    assert played(points, Circle(middle.lon, middle.lat, far * 1.01 + 2 * ACCURACY_M), tmp_path) == []
