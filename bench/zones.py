"""``python -m bench.zones``: what zones cost: to make them, to measure against them, to cross them, to load 10,000."""

import resource
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from pyproj import Geod

from devices.model import Position
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from rules.engine import ResidentRules
from rules.geometry import ZoneShape, signed_distances
from rules.model import Context, Heard
from rules.registry import find
from rules.schedule import ScheduleSettings, build_schedule
from rules.way import crossed

GEOD = Geod(ellps="WGS84")
MANY = 10_000
NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)


def ring(lon: float, lat: float, radius_m: float, corners: int = 12) -> list[list[float]]:
    return [list(GEOD.fwd(lon, lat, 360 * step / corners, radius_m)[:2]) for step in range(corners + 1)]


def polygon(number: int) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring(14.3 + number % 100 * 0.002, 35.8 + number // 100 * 0.002, 90)]}


def us(call: Callable[[], object], *, each: int = 1, number: int = 20) -> float:
    """Microseconds of the best of five runs."""
    return min(timeit.repeat(call, number=number, repeat=5)) / number / each * 1e6


def row(what: str, value: str) -> None:
    print(f"| {what} | {value} |")


def main() -> None:
    """Print a table."""
    print("| what | cost |\n|---|---|")
    geometries = [polygon(number) for number in range(MANY)]
    begun = perf_counter()
    shapes = [ZoneShape.from_geojson(f"z{n}", "Zone", geometry) for n, geometry in enumerate(geometries)]
    row("make a polygon of 12 corners", f"{(perf_counter() - begun) / MANY * 1e6:.0f} µs")
    distances(shapes)
    ways(shapes[0])
    position(shapes[:3])
    schedules()
    centre(geometries)


def distances(shapes: list[ZoneShape]) -> None:
    for count in (1, 3, 30, 300, 3000):
        some = shapes[:count]
        lons, lats = [zone.lon + 0.0008 for zone in some], [zone.lat for zone in some]
        cost = us(lambda s=some, x=lons, y=lats: signed_distances(s, x, y), each=count)
        row(f"distance to a zone's border, {count} at a time", f"{cost:.1f} µs")
    shared, places = shapes[:3] * 1000, np.random.default_rng(1).uniform(0, 0.01, 3000)
    lons, lats = (14.3 + places).tolist(), [35.8] * 3000
    row(
        "the same, 3,000 positions in 3 shared zones",
        f"{us(lambda: signed_distances(shared, lons, lats), each=3000):.1f} µs",
    )
    # which of 10,000 zones is a position in? Nobody asks: a care plan names the zones. For comparison only.
    degrees = [shapely.Point(zone.lon, zone.lat).buffer(0.001) for zone in shapes]
    tree, points = shapely.STRtree(degrees), shapely.points(lons, lats)
    row(
        "for comparison: STRtree over 10,000, which zones a position is in",
        f"{us(lambda: tree.query(points, 'within'), each=3000):.1f} µs",
    )


def ways(zone: ZoneShape) -> None:
    here = (zone.lon, zone.lat)
    for what, a, b in (
        ("misses", (here[0] + 0.01, here[1]), (here[0] + 0.02, here[1])),
        ("comes near", (here[0] + 0.00101, here[1] - 0.001), (here[0] + 0.00101, here[1] + 0.001)),
        ("leads through", (here[0] - 0.01, here[1]), (here[0] + 0.01, here[1])),
    ):
        row(f"a way that {what}", f"{us(lambda a=a, b=b: crossed(zone, a, b), number=500):.1f} µs")


def position(shapes: list[ZoneShape]) -> None:
    zones = {zone.id: zone for zone in shapes}
    kind = find("zone_exit")
    rules = ResidentRules(
        [kind.settings.model_validate({"rule": "zone_exit", "zone": zone}) for zone in zones],
        Context(ZoneInfo("Europe/Malta"), zones),
    )
    states = rules.start(NOON)
    batch = 300
    events = [
        Heard(
            Position(device="gps", lon=shapes[0].lon, lat=shapes[0].lat, accuracy_m=5, fixed_at=at),
            "position", "gps", at, at, None, {},
        )
        for at in (NOON + timedelta(seconds=number) for number in range(batch))
    ]  # fmt: skip

    def judge() -> None:
        now = dict(states)
        pairs = [(event, zone) for event in events for zone in rules.zone_ids]
        found = signed_distances(
            [zones[zone] for _, zone in pairs],
            [event.reading.lon for event, _ in pairs],  # type: ignore[union-attr]
            [event.reading.lat for event, _ in pairs],  # type: ignore[union-attr]
        )
        for (event, zone), metres in zip(pairs, found, strict=True):
            event.distances[zone] = metres
        for event in events:
            for change in rules.judge(now, event, nothing_due=True):
                now[change.rule_key] = change.after

    row(
        "a position through three zone_exit rules, in a batch of 300, with the distances",
        f"{us(judge, each=batch):.1f} µs",
    )


def schedules() -> None:
    context = Context(ZoneInfo("Europe/Malta"), {})
    settings = ScheduleSettings.model_validate({"weekly": [{"days": "mon-fri", "from": "22:00", "to": "06:00"}]})
    schedule = build_schedule(settings, context)
    row("a schedule: active now?", f"{us(lambda: schedule.active(NOON), number=20_000):.2f} µs")
    times = [NOON + timedelta(hours=12 * number) for number in range(700)]
    row(
        "a schedule: over a year, each half day",
        f"{us(lambda: [schedule.active(at) for at in times], each=700):.1f} µs",
    )


def centre(geometries: list[dict[str, Any]]) -> None:
    numbers = range(len(geometries))
    document = {
        "centre": {"id": "bench", "name": "Bench", "timezone": "Europe/Malta"},
        "residents": [{"id": f"r{n}", "name": "x", "room": str(n)} for n in numbers],
        "devices": [{"id": f"gps-{n}", "type": "tracker", "format": "native"} for n in numbers],
        "assignments": [{"device": f"gps-{n}", "resident": f"r{n}", "from": "2026-01-01T00:00:00Z"} for n in numbers],
        "carers": [{"id": "nora", "name": "Nora", "contacts": [{"channel": "log"}]}],
        "policies": [{"id": "p", "steps": [{"to": ["nora"], "wait_s": 60}], "failsafe": ["nora"]}],
        "care_plans": [
            {
                "resident": f"r{n}",
                "policy": "p",
                "consents": {"location": "alarm"},
                "rules": [{"rule": "zone_exit", "zone": f"z{n}"}],
            }
            for n in numbers
        ],
        "zones": [{"id": f"z{n}", "name": "Zone", "geometry": geometry} for n, geometry in enumerate(geometries)],
    }
    before, begun = rss(), perf_counter()
    loaded = centre_from_document(document)
    row("check a centre of 10,000 residents with a zone each", f"{perf_counter() - begun:.1f} s")
    begun = perf_counter()
    index = CentreIndex(loaded)
    row("its index", f"{(perf_counter() - begun) * 1000:.0f} ms")
    begun = perf_counter()
    for n in numbers:
        index.rules_of(f"r{n}", NOON)
    row("the rules of all of them", f"{perf_counter() - begun:.1f} s")
    row("memory for all that", f"{(rss() - before) / len(geometries) * 1024:.1f} KiB a resident")


def rss() -> float:
    """The most memory that was used so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
