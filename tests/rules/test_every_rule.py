"""What must hold for every rule under each of its settings: thousands of seeded events, told once straight and once
with restarts. A new rule needs an entry in tests/rules/every.py."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import (
    READING_TYPES,
    Bed,
    Continence,
    Fall,
    Help,
    Motion,
    Position,
    Reading,
    Room,
    Sleep,
    Status,
    Vitals,
    kind_of,
)
from rules.engine import Change, Failed, ResidentRules
from rules.geometry import ZoneShape
from rules.model import Context, DeviceInfo, Heard, Inhibited, Quiet, Raised, State, Tick
from rules.registry import RULES, decode_states, encode_states
from tests.rules.every import NO_PROOF, choices
from tests.rules.story import BUTTON, CONTEXT, GARDEN, T0, TRACKER, rules_of

POND = ZoneShape.from_geojson("pond", "Pond", {"type": "Point", "coordinates": [14.502, 35.9]}, 30)
LAMP, DOOR, HUB = (
    DeviceInfo("lamp", "native", type="lamp", room="101"),
    DeviceInfo("door", "native", type="door_sensor", room="hall"),
    DeviceInfo("hub", "native", type="hub", mains=True),
)
BED = DeviceInfo("bed", "native", type="bed_sensor")
WIDE = Context(
    CONTEXT.timezone,
    {"garden": GARDEN, "pond": POND},
    (TRACKER, BUTTON, BED),
    carried={"nora": ("gps-nora",)},
    surroundings=(LAMP, DOOR, HUB),
)
CHOICES = choices(zone="garden", other_zone="pond", tracker="gps", door="door", lamp="lamp", companion="nora")
CASES = [(word, number) for word, variants in CHOICES.items() for number in range(len(variants))]
every_setting = pytest.mark.parametrize(("word", "number"), CASES, ids=str)

EVENTS = 5_000
LARGEST = 6_000
"""Bytes of JSON of one rule's states, for three devices: 14 nights of somebody's own range take most."""

HOURS = 24 * 30 / EVENTS
"""Twenty days, so that what is kept for two weeks is full."""


def built(word: str, number: int) -> ResidentRules:
    return rules_of({"rule": word} | CHOICES[word][number], context=WIDE)


def reading(random: Random, device: str) -> Reading:  # noqa: PLR0911 - one for each kind
    """Anything that a device may say."""
    pick = random.choice
    match pick(READING_TYPES).__name__:
        case "Position":
            return Position(device=device, lon=14.5, lat=35.9, accuracy_m=pick([None, 0.0, 5.0, 80.0]))
        case "Help":
            return Help(device=device, phase=pick(["pressed", "cancelled"]))
        case "Fall":
            phase = pick(["suspected", "detected", "confirmed", "cancelled", "ended"])
            return Fall(device=device, phase=phase, impact_g=random.uniform(1, 9))
        case "Bed":
            return Bed(device=device, in_bed=pick([True, False]))
        case "Sleep":
            return Sleep(device=device, asleep=pick([None, True, False]), movement_percent=random.uniform(0, 100))
        case "Vitals":
            rate = pick([0.0, 35.0, 70.0, 71.0, 140.0])
            return Vitals(device=device, heart_rate_bpm=rate, respiratory_rate_bpm=rate / 5, spo2_percent=rate / 1.5)
        case "Continence":
            return Continence(device=device, state=pick(["dry", "some", "change_due", "leak", "error", "off"]))
        case "Room":
            return Room(device=device, room=pick([None, "bath", "hall", f"room {random.randrange(500)}"]))
        case "Motion":
            return Motion(
                device=device, moving=pick([None, True, False]), posture=pick(["lying", "sitting", "upright"])
            )
        case _:
            on = pick([None, True, False])
            return Status(device=device, battery_percent=pick([None, 3.0, 50.0]), online=on, removed=on, tamper=on)


def events(seed: str, count: int) -> Iterator[Heard]:
    """A seeded stream, with late and old readings, and devices of the house among the resident's."""
    random = Random(seed)
    at = T0
    for frame in range(count):
        at += timedelta(hours=random.choice([0.0, 0.001, 0.02, 1, 1, 3]) * HOURS)
        device = random.choice(["gps", "gps", "sos", "bed", "bed", "door", "hub", "gps-nora"])
        told = reading(random, device)
        happened = at - timedelta(seconds=random.choice([0.0] * 8 + [5.0, 600.0, 90_000.0]))
        metres = {"garden": random.uniform(-100, 300), "pond": random.uniform(-30, 300)}
        own = device not in {"door", "hub", "gps-nora"}
        zones = metres if isinstance(told, Position) else {}
        yield Heard(told, kind_of(told), device, happened, at, frame, zones, own)


def apply(rules: ResidentRules, states: dict[str, State], event: Heard | Tick) -> list[Change]:
    changes = rules.judge(states, event)
    for change in changes:
        states[change.rule_key] = change.after
    return changes


def test_every_rule_has_settings_here() -> None:
    assert set(CHOICES) == {kind.name for kind in RULES}


@every_setting
def test_twenty_days_of_anything(word: str, number: int) -> None:
    """Nothing breaks, nothing is told without a reason, a deadline settles, the state stays small, the same comes of
    the same, and a restart changes nothing."""
    rules = built(word, number)
    states, stored = rules.start(T0), rules.start(T0)
    first_half = second_half = 0
    for place, event in enumerate(events(f"{word} {number}", EVENTS)):
        if place % 37 == 0:
            stored = decode_states(encode_states(stored))
            size = len(encode_states(states))
            first_half, second_half = (
                (max(first_half, size), 0) if place < EVENTS / 2 else (first_half, max(second_half, size))
            )
        changes = apply(rules, states, event)
        assert changes == apply(rules, stored, event)
        for change in changes:
            check(change, event.received_at)
        tick = Tick(event.received_at)
        # twice: a link that has become steady, and is silent by now, is two things to say
        for _ in range(2):
            assert apply(rules, states, tick) == apply(rules, stored, tick)
        wake = rules.wake_at(states)
        assert wake is None or wake > event.received_at, "a Tick settles all that is due"
    assert states == stored
    assert max(first_half, second_half) <= LARGEST
    assert second_half <= first_half * 1.5 + 300, "it grows without bound"


def check(change: Change, at: datetime) -> None:
    verdict = change.verdict
    assert not isinstance(verdict, Failed), verdict
    assert verdict.reason.text
    if isinstance(verdict, Raised):
        assert verdict.evidence or change.rule_name in NO_PROOF, "told without proof"
        assert all(seen.at <= at for seen in verdict.evidence)
        assert all(mark.text for mark in verdict.marks)
        verdict.reason.text.format_map(verdict.reason.values)
    if isinstance(verdict, Quiet):
        assert change.after is not change.before or change.before is None


@every_setting
def test_asking_no_deadline_that_is_not_due_makes_no_difference(word: str, number: int) -> None:
    """The quick way, on which the caller knows that nothing is due, says what the long one says."""
    rules = built(word, number)
    states = rules.start(T0)
    quick = 0
    for event in events(f"quick {word} {number}", 300):
        wake = rules.wake_at(states)
        if wake is None or wake > event.at:
            quick += 1
            assert rules.judge(states, event, nothing_due=True) == rules.judge(states, event)
        apply(rules, states, event)
    assert quick


@every_setting
def test_what_others_devices_say_reaches_only_who_names_them(word: str, number: int) -> None:
    rules = built(word, number)
    states = rules.start(T0)
    for event in events(f"others {word} {number}", 500):
        if event.own:
            continue
        # no deadline: only what was heard could change anything
        changes = rules.judge(states, event, nothing_due=True)
        assert not changes or event.device in rules.others


WHOLE = [{"rule": word} | CHOICES[word][0] for word in CHOICES if word != "answer"]


@given(st.integers(0, 10**6), st.permutations(range(12)), st.data())
@settings(max_examples=60)
def test_no_order_of_what_comes_late_hides_a_call_for_help(seed: int, order: list[int], data: st.DataObject) -> None:
    """With all rules at work: whatever came before it, each press and each detected fall is told when it is heard."""
    rules = rules_of(*WHOLE, context=WIDE)
    states = rules.start(T0)
    told = list(events(f"late {seed}", 8))
    alarms: list[Reading] = [Help(device="sos", phase="pressed"), Fall(device="gps", phase="confirmed")]
    for place in range(4):
        at = T0 + timedelta(hours=data.draw(st.integers(-30, 0)))
        alarm = alarms[place % 2]
        told.append(Heard(alarm, kind_of(alarm), alarm.device, at, T0, place))
    last = max(event.received_at for event in told)
    for place in order:
        event = told[place]
        late = Heard(event.reading, event.kind, event.device, event.at, last, event.frame, event.distances, event.own)
        changes = apply(rules, states, late)
        if place >= 8:
            assert any(
                change.rule_name == event.kind and isinstance(change.verdict, Raised | Inhibited) for change in changes
            )
