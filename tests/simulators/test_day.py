"""A seeded day: the same every time, and plausible."""

import itertools
import math
from datetime import date, timedelta

import msgspec
import pytest

from devices import registry
from devices.model import Bed, Continence, Fall, Frame, Position, Status, kind_of
from simulators.day import plan_day
from simulators.ground import Ground
from simulators.messages import Event, payload, topic
from simulators.outline import outline
from simulators.scene import Resident, Scene

DAY = date(2026, 5, 12)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""Summer time begins and ends in Malta."""


def wire(scene: Scene, events: list[Event]) -> list[tuple[str, bytes]]:
    return [(topic(scene.site, event), payload(event)) for event in events]


def of(events: list[Event], kind: type) -> list[Event]:
    return [event for event in events if isinstance(event.reading, kind)]


def metres(a: Position, b: Position) -> float:
    east = math.radians(b.lon - a.lon) * 6_371_008.8 * math.cos(math.radians(a.lat))
    return math.hypot(east, math.radians(b.lat - a.lat) * 6_371_008.8)


@pytest.fixture(scope="module")
def month(scene: Scene) -> list[tuple[Resident, date, list[Event]]]:
    return [
        (resident, day, plan_day(3, scene, resident, day))
        for day in (DAY + timedelta(days=n) for n in range(30))
        for resident in scene.residents
    ]


def test_the_same_seed_is_the_same_day_byte_for_byte(scene: Scene) -> None:
    first, again = (wire(scene, plan_day(1, scene, scene.residents[0], DAY)) for _ in range(2))
    assert first == again
    assert len(first) > 300


def test_another_seed_resident_or_day_is_another_day(scene: Scene) -> None:
    ada, ben, _ = scene.residents
    base = [e.at for e in of(plan_day(1, scene, ada, DAY), Bed)]
    assert base != [e.at for e in of(plan_day(2, scene, ada, DAY), Bed)]
    assert base != [e.at for e in of(plan_day(1, scene, ben, DAY), Bed)]
    assert base != [e.at - timedelta(days=1) for e in of(plan_day(1, scene, ada, DAY + timedelta(days=1)), Bed)]


def test_taking_a_device_away_changes_nothing_about_the_others(scene: Scene) -> None:
    ada = scene.residents[0]
    fewer = msgspec.structs.replace(ada, devices={k: v for k, v in ada.devices.items() if k != "tracker"})
    gone = ada.devices["tracker"]
    assert plan_day(1, scene, fewer, DAY) == [e for e in plan_day(1, scene, ada, DAY) if e.device != gone]


def test_events_are_in_order_within_their_local_day_and_ids_are_unique(
    scene: Scene, month: list[tuple[Resident, date, list[Event]]]
) -> None:
    ids = [event.id for _, _, events in month for event in events]
    assert len(ids) == len(set(ids))
    for _, day, events in month:
        assert events == sorted(events, key=lambda e: (e.at, e.device))
        assert {event.at.astimezone(scene.timezone).date() for event in events} == {day}


def test_every_message_is_read_back_as_what_was_meant(
    scene: Scene, month: list[tuple[Resident, date, list[Event]]]
) -> None:
    kinds = set()
    for _, _, events in month[:12]:
        for event in events:
            frame = Frame(topic=topic(scene.site, event), payload=payload(event), received_at=event.at)
            (reading,) = registry.decode("native", frame)
            assert reading == msgspec.structs.replace(event.reading, observed_at=event.at, event_id=event.id)
            body = msgspec.json.decode(frame.payload)
            assert list(body)[:3] == ["v", "id", "t"]
            assert not body.keys() & {"kind", "device", "observed_at", "event_id"}, "said by topic, id and t"
            assert None not in body.values(), "what a device does not know it does not say"
            kinds.add(kind_of(reading))
    assert kinds >= {"position", "bed", "sleep", "vitals", "continence", "status"}


def test_walkers_walk_and_leave_the_zone_now_and_then(
    scene: Scene, month: list[tuple[Resident, date, list[Event]]]
) -> None:
    outside = 0
    for resident, _, events in month:
        fixes = [event.reading for event in events if isinstance(event.reading, Position)]
        ground = scene.grounds[str(resident.zone)]
        for before, after in itertools.pairwise(fixes):
            assert before.fixed_at is not None
            assert after.fixed_at is not None
            seconds = (after.fixed_at - before.fixed_at).total_seconds()
            # walking speed, and what two fixes may be off
            assert metres(before, after) <= 1.2 * seconds + (before.accuracy_m or 0) + (after.accuracy_m or 0)
        outside += any(ground.depth(ground.to_metres(fix.lon, fix.lat)) < -60 for fix in fixes)
    assert 1 <= outside <= len(month) / 4


def test_at_rest_everybody_is_at_home(scene: Scene, month: list[tuple[Resident, date, list[Event]]]) -> None:
    for resident, _, events in month:
        ground = scene.grounds[str(resident.zone)]
        for event in of(events, Position):
            fix = event.reading
            assert isinstance(fix, Position)
            if fix.source == "wifi":
                assert ground.inside(ground.to_metres(fix.lon, fix.lat))


def test_in_bed_at_night_and_up_by_day(scene: Scene, month: list[tuple[Resident, date, list[Event]]]) -> None:
    in_bed_at_3 = in_bed_at_11 = nights = 0
    for resident, day, events in month:
        if "bed_sensor" not in resident.devices:
            continue
        nights += 1
        course = outline(3, resident.id, day, scene.timezone)
        for hour in (3, 11):
            at = course.midnight + timedelta(hours=hour)
            last = [event.reading for event in of(events, Bed) if event.at <= at][-1]
            assert isinstance(last, Bed)
            in_bed_at_3 += last.in_bed and hour == 3
            in_bed_at_11 += last.in_bed and hour == 11
    assert in_bed_at_11 == 0
    assert nights * 0.8 < in_bed_at_3 <= nights


def test_trips_at_night_are_of_different_length(month: list[tuple[Resident, date, list[Event]]]) -> None:
    minutes = []
    for _, _, events in month:
        beds = of(events, Bed)
        for out, back in itertools.pairwise(beds):
            assert isinstance(out.reading, Bed)
            if not out.reading.in_bed:
                minutes.append((back.at - out.at).total_seconds() / 60)
    trips = [m for m in minutes if m < 60]
    assert len(trips) > 20
    assert min(trips) < 6
    assert max(trips) > 15


def test_nobody_falls_asleep_outside(scene: Scene, month: list[tuple[Resident, date, list[Event]]]) -> None:
    for resident, day, events in month:
        course = outline(3, resident.id, day, scene.timezone)
        for event in of(events, Position):
            if isinstance(event.reading, Position) and event.reading.source == "gnss":
                assert any(span.start <= event.at <= span.end for span in course.out_of_bed)


def test_who_could_not_be_home_in_time_does_not_set_out(scene: Scene) -> None:
    far = msgspec.structs.replace(scene, grounds={"garden": Ground.circle(14.5, 35.9, 4000)})
    ada = msgspec.structs.replace(scene.residents[0], devices={"tracker": "gps-r01"}, zone="garden")
    outings = 0
    for seed in range(40):
        course = outline(seed, ada.id, DAY, scene.timezone)
        outings += any(walk.leaves_zone for walk in course.walks)
        for event in of(plan_day(seed, far, ada, DAY), Position):
            if isinstance(event.reading, Position) and event.reading.source == "gnss":
                assert any(span.start <= event.at <= span.end for span in course.out_of_bed)
    assert outings >= 3


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
@pytest.mark.parametrize("seed", range(12))
def test_the_change_of_summer_time_keeps_order(scene: Scene, day: date, seed: int) -> None:
    for resident in scene.residents:
        course = outline(seed, resident.id, day, scene.timezone)
        edges = [edge for span in course.out_of_bed for edge in (span.start, span.end)]
        assert edges == sorted(edges)
        assert course.midnight < edges[0]
        assert edges[-1] < course.end
        assert (course.end - course.midnight).total_seconds() / 3600 in (23, 25)


def test_wet_products_are_changed(month: list[tuple[Resident, date, list[Event]]]) -> None:
    states: list[str | None] = []
    for _, _, events in month:
        said = [event.reading for event in of(events, Continence)]
        states += [reading.state for reading in said if isinstance(reading, Continence)]
        for before, after in itertools.pairwise(said):
            assert isinstance(before, Continence)
            assert isinstance(after, Continence)
            assert after.saturation_percent is not None
            assert before.saturation_percent is not None
            # it only ever gets wetter, until it is changed
            assert after.saturation_percent >= before.saturation_percent or after.saturation_percent == 0
    assert set(states) >= {"dry", "some", "change_due"}
    assert states.count("dry") > states.count("change_due")


def test_falls_and_presses_are_rare_and_a_fall_has_its_life_cycle(scene: Scene) -> None:
    falls: dict[str, list[str]] = {}
    presses = days = 0
    for seed in range(12):
        for n in range(40):
            course = outline(seed, "r01", DAY + timedelta(days=n), scene.timezone)
            days += 1
            presses += len(course.presses)
            if course.falls:
                for event in of(plan_day(seed, scene, scene.residents[0], DAY + timedelta(days=n)), Fall):
                    assert isinstance(event.reading, Fall)
                    falls.setdefault(f"{seed} {n}", []).append(event.reading.phase)
    stories = set(map(tuple, falls.values()))
    assert stories <= {
        ("detected", "cancelled"),
        ("detected", "confirmed", "ended"),
        ("detected", "cancelled", "detected", "confirmed", "ended"),
        ("detected", "confirmed", "ended", "detected", "cancelled"),
    }
    assert {("detected", "cancelled"), ("detected", "confirmed", "ended")} <= stories
    assert 1 <= presses < days / 8


def test_the_tracker_drains_by_day_and_is_charged_at_night(
    month: list[tuple[Resident, date, list[Event]]],
) -> None:
    resident, _, events = next((r, d, e) for r, d, e in month if outline_charged(e, r))
    said = [e for e in of(events, Status) if e.device == resident.devices["tracker"]]
    percents = [e.reading.battery_percent for e in said if isinstance(e.reading, Status)]
    assert percents[0] == 100
    lowest = min(p for p in percents if p is not None)
    assert 50 < lowest < 80
    assert percents[-1] is not None
    assert percents[-1] > lowest


def outline_charged(events: list[Event], resident: Resident) -> bool:
    said = [e.reading for e in of(events, Status) if e.device == resident.devices["tracker"]]
    first, last = said[0], said[-1]
    return isinstance(first, Status) and isinstance(last, Status) and bool(first.charging and last.charging)
