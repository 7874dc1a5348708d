from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from devices.model import Bed, Fall, Help, Motion
from rules.engine import UNSTARTED, Change, Failed, ResidentRules
from rules.errors import BadRuleError
from rules.help import HelpState
from rules.model import Cleared, Pending, Quiet, Raised, State, Tick
from tests.rules.story import CONTEXT, T0, Story, fix, heard, rules_of

ALL: list[dict[str, Any]] = [
    {"rule": "help"},
    {"rule": "fall"},
    {"rule": "zone_exit", "zone": "garden"},
    {"rule": "bed_exit"},
    {"rule": "continence"},
    {"rule": "silent"},
    {"rule": "low_battery"},
]
KEYS = [
    "help", "fall", "zone_exit:garden", "bed_exit", "continence", "silent:gps", "silent:sos", "low_battery:gps",
    "low_battery:sos",
]  # fmt: skip


def kinds(changes: list[Change]) -> list[tuple[str, type[Any]]]:
    return [(change.rule_key, type(change.verdict)) for change in changes]


def test_keys_and_zones() -> None:
    rules = rules_of(*ALL)
    assert [rule.key for rule in rules.rules] == KEYS
    assert rules.zone_ids == ("garden",)
    assert rules_of({"rule": "help"}).zone_ids == ()


def test_a_tick_begins_rules_without_a_state() -> None:
    rules = rules_of(*ALL)
    assert rules.wake_at({}) == UNSTARTED
    changes = rules.judge({}, Tick(T0))
    assert kinds(changes) == [(key, Quiet) for key in KEYS]
    assert all(change.before is None for change in changes)
    states = {change.rule_key: change.after for change in changes}
    assert states == rules.start(T0)
    assert rules.judge(states, Tick(T0)) == []


def test_a_reading_begins_the_rules_that_it_concerns() -> None:
    rules = rules_of(*ALL)
    changes = rules.judge({}, heard(Help(device="gps", phase="pressed"), T0))
    assert kinds(changes) == [("help", Raised), ("silent:gps", Quiet)]
    assert changes[0].before is None
    assert rules.wake_at({change.rule_key: change.after for change in changes}) == UNSTARTED


def test_a_state_of_another_shape_begins_anew() -> None:
    rules = rules_of({"rule": "fall"})
    wrong: dict[str, State] = {"fall": HelpState()}
    assert rules.wake_at(wrong) == UNSTARTED
    [change] = rules.judge(wrong, Tick(T0))
    assert (change.before, change.after) == (None, rules.start(T0)["fall"])


def test_states_of_rules_that_are_gone_are_passed_over() -> None:
    rules = rules_of({"rule": "help"})
    states = rules.start(T0) | {"zone_exit:beach": HelpState({"gps": T0})}
    assert rules.judge(states, Tick(T0)) == []
    assert rules.wake_at(states) is None


def test_the_states_that_came_in_stay_as_they_are() -> None:
    rules = rules_of(*ALL)
    states = rules.start(T0)
    before = dict(states)
    [change, *_] = rules.judge(states, heard(Fall(device="gps", phase="detected"), T0 + timedelta(seconds=1)))
    assert states == before
    assert change.before is states["fall"]
    assert change.after is not change.before


def test_time_comes_before_the_reading() -> None:
    story = Story({"rule": "fall", "cancel_within_s": 10})
    states = story.states
    [pending] = story.rules.judge(states, heard(Fall(device="gps", phase="detected"), T0))
    assert isinstance(pending.verdict, Pending)
    states["fall"] = pending.after
    late = heard(Fall(device="gps", phase="cancelled"), T0 + timedelta(seconds=60))
    changes = story.rules.judge(states, late)
    assert kinds(changes) == [("fall", Raised), ("fall", Cleared)]
    assert changes[0].before is states["fall"]
    assert changes[1].before is changes[0].after


def test_wake_at_is_the_earliest() -> None:
    story = Story({"rule": "fall"}, {"rule": "bed_exit"}, {"rule": "help"})
    assert story.rules.wake_at(story.states) is None
    story.hear(0, Bed(device="gps", in_bed=False))
    assert story.rules.wake_at(story.states) == datetime(2026, 1, 14, 21, 20, tzinfo=UTC)
    story.hear(1, Fall(device="gps", phase="suspected"))
    assert story.rules.wake_at(story.states) == story.time(31)


def test_what_concerns_nobody_changes_nothing() -> None:
    rules = rules_of({"rule": "help"}, {"rule": "low_battery"})
    assert rules.judge(rules.start(T0), heard(Motion(device="gps", moving=True), T0)) == []
    assert rules.judge(rules.start(T0), heard(Help(device="gps", phase="cancelled"), T0, device="a stranger")) == []


def test_two_rules_of_one_key_are_refused() -> None:
    with pytest.raises(BadRuleError, match="zone_exit:garden: the care plan has this rule twice"):
        rules_of({"rule": "zone_exit", "zone": "garden"}, {"rule": "zone_exit", "zone": "garden", "confirmations": 1})


class BrokenState(State, frozen=True, tag="broken"):
    due: datetime | None = None


class Broken:
    name = key = "broken"
    kinds = frozenset({"help"})
    devices = None
    zones = ()

    def start(self, at: datetime) -> BrokenState:
        return BrokenState()

    def wake_at(self, state: Any) -> Any:
        return state.due

    def step(self, state: State, event: Any) -> Any:
        raise ValueError("82 bpm, Carmen")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> ResidentRules:
    import rules.engine
    from rules.help import HelpSettings
    from rules.registry import RuleType, find

    kind = RuleType("broken", HelpSettings, lambda settings, context: (Broken(),), BrokenState, "Broken")
    monkeypatch.setattr(rules.engine, "find", lambda name: kind if name == "fall" else find(name))
    return rules_of({"rule": "fall"}, {"rule": "help"}, context=CONTEXT)


def test_a_broken_rule_does_not_stop_the_others(broken: ResidentRules) -> None:
    states = broken.start(T0)
    changes = broken.judge(states, heard(Help(device="gps", phase="pressed"), T0))
    assert kinds(changes) == [("broken", Failed), ("help", Raised)]
    failed = changes[0].verdict
    assert isinstance(failed, Failed)
    assert failed.where.startswith("ValueError in test_engine.py:")
    assert "Carmen" not in failed.where
    assert changes[0].after is states["broken"]


def test_a_rule_that_breaks_on_its_deadline_begins_anew(broken: ResidentRules) -> None:
    states = broken.start(T0) | {"broken": BrokenState(T0)}
    changes = broken.judge(states, Tick(T0))
    assert kinds(changes) == [("broken", Failed)]
    assert broken.wake_at(states | {"broken": changes[0].after}) is None


def test_a_broken_deadline_asks_for_a_tick_and_is_told(broken: ResidentRules) -> None:
    states = broken.start(T0) | {"broken": msgspec.structs.replace(BrokenState(), due="soon")}
    changes = broken.judge(states, Tick(T0))
    assert kinds(changes) == [("broken", Failed)]
    assert changes[0].after == BrokenState()


def test_a_position_without_its_distance_is_told_as_a_failure() -> None:
    rules = rules_of({"rule": "zone_exit", "zone": "garden"})
    event = msgspec.structs.replace(heard(fix(), T0), distances={})
    assert kinds(rules.judge(rules.start(T0), event)) == [("zone_exit:garden", Failed)]
