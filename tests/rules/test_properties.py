"""What must hold for any sequence of events."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Bed, Continence, Fall, Help, Motion, Position, Room, Sleep, Status, Vitals
from rules.engine import Change, Failed, ResidentRules
from rules.inhibition import KEY
from rules.model import Cleared, Heard, Inhibited, Listens, Priority, Quiet, Raised, State, Tick
from rules.registry import decode_states, encode_states
from tests.rules.story import T0, Story, fix, heard, rules_of

RULES = rules_of(
    {"rule": "help"},
    {"rule": "fall", "cancel_within_s": 20},
    {"rule": "zone_exit", "zone": "garden"},
    {"rule": "zone_entry", "zone": "garden", "near_accuracy_m": 100},
    {"rule": "return_by", "zone": "garden"},
    {
        "rule": "not_where_expected",
        "zone": "garden",
        "schedule": {"weekly": [{"from": "13:10", "to": "14:00"}, {"from": "22:00", "to": "23:30"}]},
    },
    {"rule": "out_of_sight", "zones": ["garden"], "after_s": 630, "offline_after_s": 90},
    {"rule": "bed_exit"},
    {"rule": "not_back", "from": "00:00", "to": "00:00"},
    {"rule": "not_in_bed_by"},
    {"rule": "not_up_by", "from": "12:00", "by": "15:00"},
    {"rule": "restless_night", "from": "12:00", "to": "18:00", "nights": 3},
    {"rule": "heart_rate", "for_s": 60, "readings": 2},
    {"rule": "breathing", "for_s": 60, "readings": 2},
    {"rule": "oxygen", "for_s": 60, "readings": 2},
    {"rule": "bed_sensor_silent"},
    {"rule": "continence", "rounds": ["14:00", "21:00"]},
    {"rule": "continence_off"},
    {"rule": "not_changed"},
    {"rule": "silent", "after_s": 600},
    {"rule": "low_battery"},
    {"rule": "switched_off"},
    {"rule": "removed", "after_s": 60},
    {"rule": "tamper"},
    {"rule": "clock_wrong"},
    {"rule": "charge_by"},
    {"rule": "falls_often"},
    {"rule": "no_movement", "after_hours": 1, "event_only": ["tracker"]},
    {"rule": "unusual_inactivity"},
    {"rule": "night_wandering", "from": "00:00", "to": "00:00", "changes": 2, "own_room": "gps", "away_minutes": 5},
    {"rule": "door_at_night", "from": "00:00", "to": "00:00", "doors": ["sos"]},
    {
        "rule": "custom",
        "id": "pulse",
        "title": "Pulse",
        "all": [
            {"kind": "vitals", "field": "heart_rate_bpm", "op": ">", "value": 100, "clear_value": 80, "for_s": 60},
            {"kind": "bed", "field": "in_bed", "value": True},
        ],
    },
    {
        "rule": "custom",
        "id": "often",
        "title": "Often",
        "any": [
            {"kind": "bed", "field": "in_bed", "value": False, "count": 3, "within_s": 630},
            {"kind": "status", "field": "battery_percent", "changes_by": 10, "holds_s": 60},
        ],
        "clear_for_s": 20,
        "schedule": {"weekly": [{"from": "13:01", "to": "14:00"}]},
    },
    {
        "rule": "custom",
        "id": "room",
        "title": "Room",
        "all": [{"kind": "room", "field": "room", "value": "bath"}],
        "clear": {"kind": "room", "field": "room", "op": "!=", "value": "bath"},
    },
)
READINGS = st.one_of(
    st.builds(lambda phase: Help(device="d", phase=phase), st.sampled_from(["pressed", "cancelled"])),
    st.builds(
        lambda phase: Fall(device="d", phase=phase),
        st.sampled_from(["suspected", "detected", "confirmed", "cancelled", "ended"]),
    ),
    st.builds(lambda accuracy: fix(accuracy_m=accuracy), st.sampled_from([None, 0.0, 5.0, 80.0])),
    st.builds(lambda in_bed: Bed(device="d", in_bed=in_bed), st.booleans()),
    st.builds(
        lambda state: Continence(device="d", state=state),
        st.sampled_from(["dry", "some", "change_due", "leak", "error", "off"]),
    ),
    st.builds(lambda percent: Status(device="d", battery_percent=percent), st.integers(0, 100)),
    st.builds(lambda online: Status(device="d", online=online), st.booleans()),
    st.builds(lambda on: Status(device="d", removed=on, tamper=not on, charging=on, battery_percent=30), st.booleans()),
    st.builds(lambda moving: Motion(device="d", moving=moving), st.booleans()),
    st.builds(lambda posture: Motion(device="d", posture=posture), st.sampled_from(["lying", "sitting", "upright"])),
    st.builds(lambda room: Room(device="d", room=room), st.sampled_from([None, "bath", "hall"])),
    st.just(Vitals(device="d", heart_rate_bpm=70)),
    st.builds(
        lambda rate: Vitals(device="d", heart_rate_bpm=rate, respiratory_rate_bpm=rate / 5, spo2_percent=rate / 2),
        st.sampled_from([0.0, 35.0, 70.0, 140.0, 190.0]),
    ),
    st.builds(lambda asleep: Sleep(device="d", asleep=asleep, movement_percent=5.0), st.booleans()),
)
NO_PROOF = {"silent", "no_movement", "return_by", "not_where_expected"}
"""These tell that nothing was heard."""

# round numbers, so that deadlines and readings often fall on the same instant
GAPS = st.sampled_from([0.0, 0.001, 1.0, 10.0, 20.0, 30.0, 60.0, 90.0, 630.0, 3600.0, 9 * 3600.0])
AGES = st.sampled_from([0.0, 0.0, 0.0, 5.0, 60.0, 61.0, 4000.0, 90_000.0])


@st.composite
def events(draw: st.DrawFn, readings: Any = READINGS, ages: Any = AGES, distances: Any = None) -> list[Heard]:
    at, told = T0, []
    distances = st.sampled_from([-100.0, -3.0, 2.0, 60.0, 500.0]) if distances is None else distances
    for frame in range(draw(st.integers(1, 12))):
        at += timedelta(seconds=draw(GAPS))
        told.append(
            heard(
                draw(readings),
                at,
                at=at - timedelta(seconds=draw(ages)),
                device=draw(st.sampled_from(["gps", "sos"])),
                distance=draw(distances),
                frame=frame,
            )
        )
    return told


def apply(rules: ResidentRules, states: dict[str, State], event: Heard | Tick) -> list[Change]:
    changes = rules.judge(states, event)
    for change in changes:
        states[change.rule_key] = change.after
    return changes


def told(changes: list[Change]) -> list[tuple[str, Any]]:
    return [(change.rule_key, change.verdict) for change in changes if isinstance(change.verdict, Raised | Cleared)]


@given(events())
def test_nothing_breaks_and_nothing_is_told_without_a_reason(story: list[Heard]) -> None:
    states = RULES.start(T0)
    for event in story:
        for change in apply(RULES, states, event):
            assert not isinstance(change.verdict, Failed)
            assert change.after is not change.before or not isinstance(change.verdict, Quiet)
            assert change.verdict.reason.text
            if isinstance(change.verdict, Raised):
                assert change.verdict.evidence or change.rule_name in NO_PROOF
        apply(RULES, states, Tick(event.received_at))
        wake = RULES.wake_at(states)
        assert wake is None or wake > event.received_at, "a Tick settles all that is due"


def test_a_late_reading_is_heard_before_the_deadlines_after_it() -> None:
    """The gateway was down when the resident came back in time: nobody is told of an absence."""
    night = datetime(2026, 1, 14, 23, 0, tzinfo=UTC)
    rules = rules_of({"rule": "bed_exit", "minutes": 20})
    states = rules.start(night)
    out, back = Bed(device="d", in_bed=False), Bed(device="d", in_bed=True)
    apply(rules, states, Heard(out, "bed", "bed", night, night))
    late = night + timedelta(minutes=40)
    assert told(apply(rules, states, Heard(back, "bed", "bed", night + timedelta(minutes=5), late))) == []
    assert told(apply(rules, states, Tick(late))) == []


def said(changes: list[Change]) -> list[str]:
    """What was said, by whom and why. Two rules that tell of one event at one instant are told as one alert in either
    order; which of them stood for the other already is in the marks."""
    verdicts = [(change.rule_key, change.verdict) for change in changes]
    found = [(key, verdict.raised if isinstance(verdict, Inhibited) else verdict) for key, verdict in verdicts]
    return [repr((key, type(v).__name__, v.reason)) for key, v in found if isinstance(v, Raised | Cleared)]


@given(events())
def test_the_timer_before_or_after_a_reading_makes_no_difference(story: list[Heard]) -> None:
    first, second = RULES.start(T0), RULES.start(T0)
    listening = {KEY} | {rule.key for rule in RULES.rules if isinstance(rule, Listens)}
    for late in story:
        event = msgspec.structs.replace(late, at=late.received_at)
        tick = Tick(event.received_at)
        one = apply(RULES, first, tick) + apply(RULES, first, event)
        other = apply(RULES, second, event) + apply(RULES, second, tick)
        alone = [sorted(said([c for c in order if c.rule_key not in listening])) for order in (one, other)]
        assert alone[0] == alone[1]
        if sorted(said(one)) != sorted(said(other)):
            # the bed sensor is told as silent in the instant in which the door opens: either may come first
            assert alone[0], "only what others said at that instant may make a difference to who listens"
            return
        # which of two spoke first stays noted in the rules that listen, and in what stands for what
        assert {k: v for k, v in first.items() if k not in listening} == {
            k: v for k, v in second.items() if k not in listening
        }


@given(events(), st.integers(0, 12))
def test_a_restart_changes_nothing(story: list[Heard], restart: int) -> None:
    states, stored = RULES.start(T0), RULES.start(T0)
    for number, event in enumerate(story):
        if number == restart:
            stored = decode_states(encode_states(stored))
        assert apply(RULES, states, event) == apply(RULES, stored, event)
    assert states == stored


@given(events(), st.integers(0, 20))
def test_ticks_in_between_decide_nothing_new(story: list[Heard], seconds: int) -> None:
    plain, ticked = RULES.start(T0), RULES.start(T0)
    for event in story:
        apply(RULES, plain, event)
        apply(RULES, ticked, event)
        # early Ticks are harmless; those that are due would be given to both
        at = event.received_at + timedelta(seconds=seconds)
        wake = RULES.wake_at(ticked)
        if wake is None or wake > at:
            assert apply(RULES, ticked, Tick(at)) == []
    assert plain == ticked


INSIDE = events(
    st.builds(lambda accuracy: fix(accuracy_m=accuracy), st.sampled_from([None, 5.0, 200.0])), AGES, st.floats(-500, 0)
)


@given(INSIDE)
def test_positions_inside_never_raise_an_exit(story: list[Heard]) -> None:
    rules = rules_of({"rule": "zone_exit", "zone": "garden", "confirmations": 1, "decide_within_s": 0})
    states = rules.start(T0)
    for event in story:
        assert told(apply(rules, states, event)) == []


FIXES = events(st.just(fix()))


@given(FIXES)
def test_an_exit_is_told_once(story: list[Heard]) -> None:
    rules = rules_of({"rule": "zone_exit", "zone": "garden"})
    states = rules.start(T0)
    out: Priority | None = None
    for event in story:
        for _, verdict in told(apply(rules, states, event)):
            if isinstance(verdict, Raised) and out is Priority.MEDIUM:
                assert verdict.priority is Priority.HIGH, "perhaps outside, and then certainly"
            else:
                assert isinstance(verdict, Raised) is (out is None), "raised and cleared take turns"
            out = verdict.priority if isinstance(verdict, Raised) else None


FRESH = events(st.just(fix()), st.sampled_from([0.0, 0.0, 5.0, 60.0, 61.0]))


@given(FRESH, st.data())
def test_repeated_and_late_copies_say_nothing_more(story: list[Heard], data: st.DataObject) -> None:
    # a copy of an inexact one that came while a certain one waited may begin the wait for inexact ones
    rules = rules_of({"rule": "zone_exit", "zone": "garden", "unsure_after_s": 0})
    plain, copied = rules.start(T0), rules.start(T0)
    for number, event in enumerate(story):
        assert told(apply(rules, plain, event)) == told(apply(rules, copied, event))
        copy = story[data.draw(st.integers(0, number))]
        late = Heard(copy.reading, copy.kind, copy.device, copy.at, event.received_at, 99, copy.distances)
        assert told(apply(rules, copied, late)) == []
    # old copies in order look like a clock that is behind, and are counted as such
    states = [
        {key: msgspec.structs.replace(state, behind=None) for key, state in one.items()} for one in (plain, copied)
    ]
    assert states[0] == states[1]


ALARMS = st.lists(
    st.sampled_from(
        [Help(device="d", phase="pressed"), Fall(device="d", phase="detected"), Fall(device="d", phase="confirmed")]
    ),
    min_size=1,
    max_size=8,
)


@given(ALARMS, st.lists(AGES, min_size=8, max_size=8), st.randoms(use_true_random=False))
def test_no_order_hides_an_alarm(alarms: list[Any], ages: list[float], shuffle: Any) -> None:
    story = Story({"rule": "help"}, {"rule": "fall"})
    shuffle.shuffle(alarms)
    for second, (alarm, age) in enumerate(zip(alarms, ages, strict=False)):
        assert story.hear(second, alarm, age=age) == "raised high"


@given(st.lists(st.tuples(GAPS, st.booleans()), max_size=20))
@settings(max_examples=50)
def test_what_was_told_of_the_bed_is_told_in_turns(rows: list[tuple[float, bool]]) -> None:
    story = Story({"rule": "bed_exit"})
    at = 0.0
    for gap, in_bed in rows:
        at += gap
        story.hear(at, Bed(device="gps", in_bed=in_bed))
    words = [type(change.verdict) for change in story.changes if isinstance(change.verdict, Raised | Cleared)]
    assert not words or words[0] is Raised
    assert all(not (a is Cleared and b is Cleared) for a, b in pairwise(words))


def test_the_distance_does_not_come_from_the_position() -> None:
    # the shell measures a whole batch at once; a rule that measured by itself would say "inside" here
    assert isinstance(fix(), Position)
    story = Story({"rule": "zone_exit", "zone": "garden", "confirmations": 1})
    assert story.hear(1, fix(), distance=60.0) == "raised high"
