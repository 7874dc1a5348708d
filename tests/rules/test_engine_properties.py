"""The engine's newer parts: rules that listen, devices that are not one's own, one alert for one event."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Bed, Fall, Help, Motion, Status
from rules import engine, registry
from rules.change import Change, Failed
from rules.engine import ResidentRules
from rules.help import HelpSettings
from rules.inhibition import INHIBITIONS, KEY
from rules.model import (
    Cleared,
    Event,
    Heard,
    Inhibited,
    Pending,
    Priority,
    Quiet,
    Raised,
    Reason,
    Rule,
    RuleSettings,
    Said,
    State,
    Superseded,
    Tick,
)
from rules.registry import RuleType, decode_states, encode_states
from tests.rules.story import CONTEXT, T0, heard, rules_of

WHY = Reason("Because.")


class EarState(State, frozen=True, tag="ear"):
    """What was heard, in order: ``word verdict at received``."""

    told: tuple[str, ...] = ()


class EarSettings(RuleSettings):
    name: ClassVar[str] = "ear"
    rule: Literal["ear"] = "ear"


class Ear:
    """Notes what it is told; says so each time, so that a loop would never end."""

    devices: frozenset[str] | None = None
    kinds: frozenset[str] = frozenset({"motion"})
    zones: tuple[str, ...] = ()
    others = frozenset({"door"})
    name = "ear"

    def __init__(self, key: str, listens: set[str]) -> None:
        self.key = key
        self.listens = frozenset(listens)

    def start(self, at: datetime) -> EarState:
        return EarState()

    def wake_at(self, state: State) -> datetime | None:
        return None

    def step(self, state: State, event: Event) -> tuple[State, Any]:
        assert isinstance(state, EarState)
        match event:
            case Said():
                line = f"{event.rule_key} {type(event.verdict).__name__} {_s(event.at)} {_s(event.received_at)}"
            case Heard():
                line = f"{event.device} {event.kind} {'own' if event.own else 'other'}"
            case _:
                return state, Quiet(WHY)
        return EarState((*state.told, line)), Raised(WHY, Priority.LOW, self.key)


def _s(at: datetime) -> str:
    return f"{(at - T0).total_seconds():g}"


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> ResidentRules:
    """Two rules that listen to everything, each other included, beside help and fall."""

    def build(settings: EarSettings, context: object) -> tuple[Rule, ...]:
        return Ear("ear:a", {"help", "fall", "ear"}), Ear("ear:b", {"help", "ear"})

    kind = RuleType("ear", EarSettings, build, EarState, "Ear")
    monkeypatch.setattr(engine, "find", lambda name: kind if name == "ear" else registry.find(name))
    falls = registry.find("fall").settings.model_validate({"rule": "fall", "cancel_within_s": 20})
    return ResidentRules([EarSettings(), HelpSettings(), falls], CONTEXT)


def apply(rules: ResidentRules, states: dict[str, State], event: Event) -> list[Change]:
    changes = rules.judge(states, event)
    for change in changes:
        states[change.rule_key] = change.after
    return changes


def told(states: dict[str, State], key: str) -> tuple[str, ...]:
    state = states[key]
    assert isinstance(state, EarState)
    return state.told


def test_whoever_listens_is_told_after_the_others_spoke_once_and_with_both_times(ears: ResidentRules) -> None:
    states = ears.start(T0)
    press = heard(Help(device="sos", phase="pressed"), T0 + timedelta(seconds=30), at=T0, device="sos")
    assert [change.rule_key for change in apply(ears, states, press)] == ["help", "ear:a", "ear:b"]
    assert told(states, "ear:a") == told(states, "ear:b") == ("help Raised 0 30",)


def test_a_deadline_is_told_with_its_time_and_only_to_whoever_names_the_rule(ears: ResidentRules) -> None:
    states = ears.start(T0)
    apply(ears, states, heard(Fall(device="gps", phase="detected"), T0))
    apply(ears, states, Tick(T0 + timedelta(seconds=20)))
    assert told(states, "ear:a") == ("fall Pending 0 0", "fall Raised 20 20")
    assert told(states, "ear:b") == ()


def test_what_a_listener_says_is_heard_by_nobody(ears: ResidentRules) -> None:
    """Else two that listen to each other would never end."""
    states = ears.start(T0)
    changes = apply(ears, states, heard(Motion(device="gps", moving=True), T0))
    assert [change.rule_key for change in changes if change.rule_name == "ear"] == ["ear:a", "ear:b"]
    assert told(states, "ear:a") == told(states, "ear:b") == ("gps motion own",)


def test_a_listener_without_a_state_begins_with_what_it_is_told(ears: ResidentRules) -> None:
    states: dict[str, State] = {}
    apply(ears, states, heard(Help(device="sos", phase="pressed"), T0, device="sos"))
    assert told(states, "ear:a") == ("help Raised 0 0",)


def test_a_strange_device_is_heard_by_whoever_names_it_alone(ears: ResidentRules) -> None:
    states = ears.start(T0)
    door = Motion(device="door", moving=True)
    apply(ears, states, Heard(door, "motion", "door", T0, T0, own=False))
    assert told(states, "ear:a") == ("door motion other",)
    before = dict(states)
    assert apply(ears, states, Heard(door, "motion", "cellar", T0, T0, own=False)) == []
    help_there = Heard(Help(device="door", phase="pressed"), "help", "door", T0, T0, own=False)
    assert apply(ears, states, help_there) == [], "a strange button is not this resident's call"
    assert states == before
    assert ears.others == {"door"}


@given(st.lists(st.sampled_from(["help", "fall", "cancel", "tick", "motion"]), max_size=12), st.integers(0, 12))
def test_listeners_do_not_depend_on_a_restart(words: list[str], restart: int) -> None:
    rules = rules_of(
        {"rule": "help"}, {"rule": "fall", "cancel_within_s": 20}, {"rule": "falls_often"},
        {"rule": "answer", "to": "help", "device": "gps"}, {"rule": "switched_off"}, {"rule": "silent", "after_s": 60},
    )  # fmt: skip
    states, stored = rules.start(T0), rules.start(T0)
    for place, word in enumerate(words):
        at = T0 + timedelta(seconds=15 * place)
        if place == restart:
            stored = decode_states(encode_states(stored))
        event: Event = Tick(at)
        if word != "tick":
            said = {
                "help": Help(device="gps", phase="pressed"), "fall": Fall(device="gps", phase="detected"),
                "cancel": Help(device="gps", phase="cancelled"), "motion": Status(device="gps", online=False),
            }[word]  # fmt: skip
            event = heard(said, at)
        assert apply(rules, states, event) == apply(rules, stored, event)
    assert states == stored


# --- one alert for one event ---------------------------------------------------------------------------------------

NIGHT: list[dict[str, Any]] = [
    {"rule": "fall", "cancel_within_s": 20},
    {"rule": "bed_exit", "from": "00:00", "to": "00:00", "minutes": 5},
    {"rule": "not_back", "from": "00:00", "to": "00:00"},
    {"rule": "no_movement", "from": "00:00", "to": "00:00", "after_hours": 1, "event_only": []},
]
WORDS = [
    Fall(device="gps", phase="detected"),
    Fall(device="gps", phase="confirmed"),
    Fall(device="gps", phase="cancelled"),
    Bed(device="gps", in_bed=False),
    Bed(device="gps", in_bed=True),
    Motion(device="gps", moving=True),
]
GAPS = st.sampled_from([1, 30, 120, 400, 2000, 8000])
STORY = st.lists(st.tuples(st.sampled_from(WORDS), GAPS, st.sampled_from([0, 0, 0, 90, 3000])), max_size=14)
REMEMBERED = max(one.within for one in INHIBITIONS)
"""For so long what is held comes back when the stronger one is taken back; after that it stays a note on its alert."""


def alone(setting: dict[str, Any], story: list[Event]) -> list[tuple[str, datetime, Any]]:
    """What a rule says when nobody stands in for it."""
    rules = rules_of(setting)
    states = rules.start(T0)
    found = []
    for event in story:
        for change in apply(rules, states, event):
            if isinstance(change.verdict, Raised | Cleared):
                found.append((change.rule_key, event.at, change.verdict))
    return found


@given(STORY)
@settings(max_examples=150)
def test_nothing_that_a_rule_raises_is_ever_lost(rows: list[tuple[Any, int, int]]) -> None:
    """Each Raised of a rule is told; or it is held under one that was told and not cleared; or it follows when that one
    clears. Nothing is raised that no rule raised."""
    story: list[Event] = []
    at = T0
    for reading, gap, age in rows:
        for _ in range(2):
            at += timedelta(seconds=gap / 2)
            story.append(Tick(at))
        story.append(heard(reading, at, at=at - timedelta(seconds=age)))
    rules = rules_of(*NIGHT)
    states = rules.start(T0)
    wanted = [one for setting in NIGHT for one in alone(setting, story)]
    told: list[tuple[str, datetime]] = []
    standing: set[str] = set()
    held: dict[str, tuple[str, datetime]] = {}
    for event in story:
        changes = apply(rules, states, event)
        for change in changes:
            verdict, key = change.verdict, change.rule_key
            assert not isinstance(verdict, Failed)
            match verdict:
                case Raised():
                    told.append((key, event.at))
                    standing.add(key)
                    held.pop(key, None)
                case Cleared():
                    standing.discard(key)
                    held.pop(key, None)
                case Inhibited(by=by):
                    told.append((key, event.at))
                    held[key] = by, event.at
                case Superseded(by=by):
                    standing.discard(key)
                    held[key] = by, event.at
        for key, (by, since) in held.items():
            over = event.at - since > REMEMBERED - timedelta(seconds=3000)
            assert by in standing or by in held or over, f"{key} is held by {by}, which does not stand"
            assert any((one.winner, one.loser) == (by, key) for one in INHIBITIONS)
    raised = [(key, when) for key, when, verdict in wanted if isinstance(verdict, Raised)]
    for one in raised:
        assert one in told, f"{one[0]} was raised, and nobody was told"
    assert {key for key, _ in told} <= {key for key, _ in raised}


@given(STORY, st.integers(0, 40))
@settings(max_examples=60)
def test_what_stands_in_survives_a_restart_and_stays_small(rows: list[tuple[Any, int, int]], restart: int) -> None:
    rules = rules_of(*NIGHT)
    states, stored = rules.start(T0), rules.start(T0)
    at = T0
    for place, (reading, gap, age) in enumerate(rows):
        at += timedelta(seconds=gap)
        if place == restart:
            stored = decode_states(encode_states(stored))
        for event in (Tick(at), heard(reading, at, at=at - timedelta(seconds=age))):
            assert apply(rules, states, event) == apply(rules, stored, event)
    assert states == stored
    if KEY in states:
        assert len(encode_states({KEY: states[KEY]})) < 3000


def test_what_only_waits_stands_in_for_nothing() -> None:
    rules = rules_of(*NIGHT)
    states = rules.start(T0)
    changes = apply(rules, states, heard(Fall(device="gps", phase="detected"), T0))
    assert [type(change.verdict) for change in changes if change.rule_name == "fall"] == [Pending]
    assert KEY not in states
