"""``python -m bench.rules``: what it costs to judge a reading with all rules of a resident, in microseconds.

The resident has three zones, and first the rules that a care plan usually has, then nearly every rule there is. The
cost is that of the daemon's way in: the engine with its states, as after a reading that changes nothing; a position's
distances are measured in the batch (bench.zones), and what one costs there is given beside it.
"""

import timeit
from datetime import UTC, datetime, timedelta
from functools import partial
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

from devices.model import Bed, Continence, Motion, Position, Reading, Status, Vitals, kind_of
from rules.engine import ResidentRules
from rules.geometry import ZoneShape, signed_distances
from rules.model import Context, DeviceInfo, Heard, State, Tick
from rules.registry import find

NOW = datetime(2026, 1, 14, 23, 0, tzinfo=UTC)
CENTRE = (14.5, 35.9)
ZONES = {
    name: ZoneShape.from_geojson(name, name, {"type": "Point", "coordinates": list(CENTRE)}, radius)
    for name, radius in (("garden", 150.0), ("village", 900.0), ("island", 20_000.0))
}
POND = ZoneShape.from_geojson("pond", "pond", {"type": "Point", "coordinates": [14.52, 35.92]}, 30.0)
DEVICES = tuple(
    DeviceInfo(kind, "native", type=kind)
    for kind in ("tracker", "sos_button", "fall_detector", "bed_sensor", "continence_sensor")
)
USUAL: tuple[dict[str, Any], ...] = (
    {"rule": "help"}, {"rule": "fall"}, *({"rule": "zone_exit", "zone": zone} for zone in ZONES), {"rule": "bed_exit"},
    {"rule": "not_back"}, {"rule": "heart_rate"}, {"rule": "breathing"}, {"rule": "continence"},
    {"rule": "no_movement"}, {"rule": "silent"}, {"rule": "low_battery"},
)  # fmt: skip
"""What a care plan usually has."""

MORE: tuple[dict[str, Any], ...] = (
    {"rule": "falls_often"}, {"rule": "not_up_by"}, {"rule": "not_in_bed_by"}, {"rule": "restless_night"},
    {"rule": "bed_sensor_silent"}, {"rule": "continence_off"}, {"rule": "not_changed"}, {"rule": "removed"},
    {"rule": "tamper"}, {"rule": "switched_off"}, {"rule": "clock_wrong"}, {"rule": "unusual_inactivity"},
    {"rule": "night_wandering"}, {"rule": "out_of_sight", "zones": list(ZONES)},
    {"rule": "zone_entry", "zone": "pond"},
)  # fmt: skip
"""All that can be watched over at once."""

READINGS: tuple[tuple[str, Reading, float], ...] = (
    ("tracker", Position(device="d", lon=14.5, lat=35.9, accuracy_m=8.0, source="gnss"), 15),
    ("bed_sensor", Bed(device="d", in_bed=True), 8),
    ("bed_sensor", Vitals(device="d", heart_rate_bpm=61.0, respiratory_rate_bpm=14.0, quality_percent=90.0), 8),
    ("continence_sensor", Continence(device="d", state="dry"), 8),
    ("tracker", Status(device="d", battery_percent=80.0), 8),
    ("fall_detector", Motion(device="d", moving=True), 8),
)
"""Device, reading, and how many microseconds it may cost."""


def _settled(rules: ResidentRules, device: str, reading: Reading) -> tuple[dict[str, State], list[Heard]]:
    """States and readings, one a minute, as after some of them: what is begun is begun, what is learned is learned."""
    states = rules.start(NOW)
    distances = _measured() if isinstance(reading, Position) else {}
    told = []
    for minute in range(200):
        at = NOW + timedelta(minutes=minute)
        heard = Heard(reading, kind_of(reading), device, at, at, minute, distances)
        told.append(heard)
        for event in (Tick(at), heard) if minute < 100 else ():
            for change in rules.judge(states, event):
                states[change.rule_key] = change.after
    return states, told[100:]


def _measured() -> dict[str, float]:
    shapes = [*ZONES.values(), POND]
    metres = signed_distances(shapes, [CENTRE[0]] * len(shapes), [CENTRE[1]] * len(shapes))
    return {shape.id: one for shape, one in zip(shapes, metres, strict=True)}


def _judge(rules: ResidentRules, states: dict[str, State], told: list[Heard]) -> None:
    """As the pipeline does: the deadlines are known not to be due, and changed states are kept."""
    for heard in told:
        for change in rules.judge(states, heard, nothing_due=True):
            if change.after is not change.before:
                rules.wake_of(change.rule_key, change.after)
                states[change.rule_key] = change.after


def _run(rules: ResidentRules, states: dict[str, State], told: list[Heard]) -> float:
    """Seconds for the readings, on states of their own: judged twice, they would be old news."""
    return timeit.timeit(partial(_judge, rules, states, told), timer=process_time, number=1)


def _zones_of_a_position() -> float:
    """Microseconds for a position's three zones, in a batch of 300 positions."""
    shapes = list(ZONES.values()) * 300
    lons, lats = [CENTRE[0]] * len(shapes), [CENTRE[1]] * len(shapes)
    runs = timeit.repeat(lambda: signed_distances(shapes, lons, lats), timer=process_time, number=5, repeat=15)
    return sorted(runs)[7] / 5 / 300 * 1e6


def main(repeat: int = 21) -> None:
    """Print tables: the best and the median of ``repeat`` runs of 100 readings, and what was asked for."""
    context = Context(ZoneInfo("Europe/Malta"), {**ZONES, "pond": POND}, DEVICES)
    for what, plan in (("A usual care plan", USUAL), ("Nearly every rule there is", (*USUAL, *MORE))):
        rules = ResidentRules([find(one["rule"]).settings.model_validate(one) for one in plan], context)
        print(f"{what}: {len(rules.rules)} rules of one resident; processor time.\n")
        print("| reading | rules that hear it | best, µs | median, µs | asked, µs |\n|---|---|---|---|---|")
        for device, reading, asked in READINGS:
            kind = kind_of(reading)
            states, told = _settled(rules, device, reading)
            hears = sum(
                1 for rule in rules.rules if kind in rule.kinds and (not rule.devices or device in rule.devices)
            )
            runs = sorted(_run(rules, dict(states), told) for _ in range(repeat))
            best, median = (run / len(told) * 1e6 for run in (runs[0], runs[len(runs) // 2]))
            print(f"| {kind} | {hears} | {best:.1f} | {median:.1f} | {asked:g} |")
        print()
    print(f"Measuring a position's three zones, in a batch of 300: {_zones_of_a_position():.1f} µs more.")


if __name__ == "__main__":
    main()
