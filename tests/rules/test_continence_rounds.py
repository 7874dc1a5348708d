"""Planned rounds, a sensor that is off, and a product that is worn too long."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from devices.model import Continence
from rules.continence import ContinenceSettings, ContinenceState
from rules.continence_off import ContinenceOffSettings
from rules.engine import Failed
from rules.errors import BadRuleError
from rules.model import Cleared, Priority, Raised, State, Tick
from rules.not_changed import NotChangedSettings
from rules.registry import decode_states, encode_states
from tests.rules.nights import BEGINS, clock, story_of
from tests.rules.story import CONTEXT, Story, heard, rules_of

ROUNDS = {"rule": "continence", "rounds": ["08:00", "13:00", "21:00", "02:30"], "grace_minutes": 30}
OFF = {"rule": "continence_off", "minutes": 60}
WORN = {"rule": "not_changed", "hours": 8}


def product(word: Any, device: str = "gps") -> Continence:
    return Continence(device=device, state=word)


# (when, word or None to wait, age in minutes, expected with pending as clock time)
Rows = list[tuple[str, str | None, float, str]]


def tell(rule: dict[str, Any], rows: Rows) -> None:
    story = story_of(rule)
    for when, word, age, expected in rows:
        at = clock(when)
        said = story.wait(at) if word is None else story.hear(at, product(word), age=age * 60)
        if expected.startswith("pending "):
            assert said == f"pending {clock(expected.removeprefix('pending ')):g}", f"at {when}"
        else:
            assert said == expected, f"at {when}"


BY_ROUNDS: dict[str, Rows] = {
    "changed on the round": [("19:00", "change_due", 0, "pending 21:30"), ("21:10", "dry", 0, "")],
    "the round passed it by": [
        ("19:00", "change_due", 0, "pending 21:30"),
        ("21:29", None, 0, ""),
        ("21:30", None, 0, "raised medium"),
        ("22:00", "dry", 0, "cleared"),
    ],
    "due just after a round waits for the next": [("21:05", "change_due", 0, "pending +1 03:00")],
    "due at the very time of the round": [("21:00", "change_due", 0, "pending 21:30")],
    "repeats do not move it to a later round": [
        ("20:59", "change_due", 0, "pending 21:30"),
        ("21:10", "change_due", 0, "pending 21:30"),
        ("21:30", None, 0, "raised medium"),
    ],
    "a leak waits for no round": [("19:00", "leak", 0, "raised medium")],
    "heard late, after its round": [("22:00", "change_due", 120, "raised medium")],
    "heard late, before its round": [("20:00", "change_due", 60, "pending 21:30")],
}


@pytest.mark.parametrize("name", BY_ROUNDS)
def test_rounds(name: str) -> None:
    tell(ROUNDS, BY_ROUNDS[name])


def test_the_words_of_a_round() -> None:
    story = story_of(ROUNDS)
    story.hear(clock("19:00"), product("change_due"), frame=2)
    round_at = int(story.time(clock("21:00")).timestamp() * 1000)
    state = story.states["continence"]
    assert isinstance(state, ContinenceState)
    assert (state.since, state.round_at) == (story.time(clock("19:00")), story.time(clock("21:00")))
    story.wait(clock("22:00"))
    assert story.last(Raised).reason.values == {"due_s": 9000.0, "round_at": round_at}
    state = story.states["continence"]
    assert isinstance(state, ContinenceState)
    assert (state.since, state.round_at) == (story.time(clock("19:00")), story.time(clock("21:00")))


@pytest.mark.parametrize(
    ("at", "round_utc"),
    [
        ("2026-03-28T22:00", "2026-03-29T01:30"),  # 02:30 is skipped: the round comes an hour later by the wall
        ("2026-10-24T22:00", "2026-10-25T00:30"),  # 02:30 twice: the first
        ("2026-10-25T00:45", "2026-10-25T07:00"),  # not again at the second 02:30
    ],
)
def test_rounds_when_clocks_change(at: str, round_utc: str) -> None:
    begins = datetime.fromisoformat(at).replace(tzinfo=UTC)
    due = datetime.fromisoformat(round_utc).replace(tzinfo=UTC) - begins + timedelta(minutes=30)
    assert story_of(ROUNDS, begins=begins).hear(0, product("change_due")) == f"pending {due.total_seconds():g}"


def test_the_rounds_of_the_house_count_unless_the_plan_has_its_own() -> None:
    house = msgspec.structs.replace(CONTEXT, rounds=(time(20), time(8)))
    for own, due in ((None, "20:30"), (["21:00"], "21:30"), ([], "20:00")):
        story = Story({"rule": "continence", "rounds": own}, context=house, begins=BEGINS)
        assert story.hear(clock("19:00"), product("change_due")) == f"pending {clock(due):g}"


OFF_ROWS: dict[str, Rows] = {
    "off for a change": [("13:00", "off", 0, "pending 14:00"), ("13:10", "dry", 0, ""), ("23:00", None, 0, "")],
    "off for too long, then on": [
        ("13:00", "off", 0, "pending 14:00"),
        ("14:00", None, 0, "raised low"),
        ("20:00", "off", 0, ""),
        ("21:00", "some", 0, "cleared"),
    ],
    "repeats do not put it off": [
        ("13:00", "off", 0, "pending 14:00"),
        ("13:30", "error", 0, "pending 14:00"),
        ("14:00", None, 0, "raised low"),
    ],
    "an error": [("13:00", "error", 0, "pending 14:00"), ("14:00", None, 0, "raised low")],
    "heard late": [("15:00", "off", 90, "raised low")],
    "an older word changes nothing": [
        ("13:00", "dry", 0, ""),
        ("13:01", "off", 5, ""),
        ("23:00", None, 0, ""),
    ],
}


@pytest.mark.parametrize("name", OFF_ROWS)
def test_off(name: str) -> None:
    tell(OFF, OFF_ROWS[name])


def test_off_counts_while_it_should_be_worn() -> None:
    night = OFF | {"from": "20:00", "to": "07:00"}
    tell(night, [("13:00", "off", 0, "pending 21:00"), ("19:59", "dry", 0, "")])
    tell(night, [("13:00", "off", 0, "pending 21:00"), ("21:00", None, 0, "raised low")])
    tell(night, [("+1 06:30", "off", 0, "pending +1 21:00")])


def test_off_in_words() -> None:
    story = story_of(OFF)
    story.hear(0, product("off"))
    story.wait(7200)
    assert "off or not attached" in story.last(Raised).reason.text
    assert story.last(Raised).reason.values["off_s"] == 3600.0
    story.hear(7200, product("dry"))
    assert story.last(Cleared).reason.values == {"off_s": 7200.0}
    story = story_of(OFF)
    story.hear(0, product("error"))
    story.wait(7200)
    assert "an error" in story.last(Raised).reason.text


WORN_ROWS: dict[str, Rows] = {
    "worn for too long": [
        ("12:00", "dry", 0, ""),
        ("15:00", "some", 0, "pending 20:00"),
        ("20:00", None, 0, "raised low"),
        ("21:00", "dry", 0, "cleared"),
    ],
    "a dry one may be worn on": [("12:00", "dry", 0, ""), ("+1 12:00", "dry", 0, "")],
    "wet after the limit": [("12:00", "dry", 0, ""), ("21:00", "some", 0, "raised low")],
    "changed in time": [
        ("12:00", "dry", 0, ""),
        ("15:00", "some", 0, "pending 20:00"),
        ("19:00", "dry", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "a new product counts from its own beginning": [
        ("12:00", "some", 0, "pending 20:00"),
        ("19:00", "dry", 0, ""),
        ("19:30", "some", 0, "pending +1 03:00"),
    ],
    "off and on is a new product": [
        ("12:00", "some", 0, "pending 20:00"),
        ("18:00", "off", 0, ""),
        ("18:10", "some", 0, "pending +1 02:10"),
    ],
    "while it is off nobody knows": [
        ("12:00", "some", 0, "pending 20:00"),
        ("18:00", "off", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "one that is due is told by the other rule": [
        ("12:00", "some", 0, "pending 20:00"),
        ("18:00", "change_due", 0, ""),
        ("18:10", "some", 0, ""),
        ("+1 12:00", None, 0, ""),
    ],
    "less after a leak is a new product": [("12:00", "leak", 0, ""), ("13:00", "some", 0, "pending 21:00")],
    "an error says nothing": [
        ("12:00", "some", 0, "pending 20:00"),
        ("13:00", "error", 0, ""),
        ("20:00", None, 0, "raised low"),
    ],
    "heard late": [("12:00", "dry", 0, ""), ("23:00", "some", 240, "raised low")],
    "an older word changes nothing": [
        ("12:00", "dry", 0, ""),
        ("15:00", "some", 0, "pending 20:00"),
        ("15:30", "dry", 60, ""),
        ("20:00", None, 0, "raised low"),
    ],
}


@pytest.mark.parametrize("name", WORN_ROWS)
def test_worn(name: str) -> None:
    tell(WORN, WORN_ROWS[name])


def test_worn_by_saturation_and_in_words() -> None:
    story = story_of(WORN | {"due_percent": 60})
    story.hear(0, Continence(device="gps", saturation_percent=5))
    assert story.hear(3600, Continence(device="gps", saturation_percent=30)) == "pending 28800"
    story.wait(40_000)
    assert story.last(Raised).reason.values == {"worn_s": 28_800.0, "limit_s": 28_800.0}


@pytest.mark.parametrize("kind", [ContinenceSettings, ContinenceOffSettings, NotChangedSettings])
def test_it_is_never_loud(kind: Any) -> None:
    with pytest.raises(ValidationError, match=r"medium.*low"):
        kind.model_validate({"rule": kind.name, "priority": "high"})
    assert kind.model_validate({"rule": kind.name, "priority": "medium"}).priority is Priority.MEDIUM


def test_from_and_to_belong_together() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        ContinenceOffSettings.model_validate(OFF | {"from": "20:00"})
    with pytest.raises(BadRuleError, match="20:00 to 21:00"):
        rules_of(OFF | {"from": "20:00", "to": "21:00"})


RULES = rules_of(ROUNDS | {"tell_when_due": True}, OFF, WORN)
WORDS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 30.0, 3600.0, 4 * 3600.0, 9 * 3600.0]),
        st.sampled_from(["dry", "some", "change_due", "leak", "off", "error"]),
        st.sampled_from([0.0, 0.0, 60.0, 4000.0, 90_000.0]),
        st.sampled_from(["gps", "sos"]),
    ),
    max_size=25,
)


@given(WORDS, st.integers(0, 25))
@settings(max_examples=80)
def test_any_order_of_words_and_a_restart(words: list[Any], restart: int) -> None:
    at = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    one: dict[str, State] = {}
    two: dict[str, State] = {}
    for number, (gap, word, age, device) in enumerate(words):
        at += timedelta(seconds=gap)
        if number == restart:
            two = decode_states(encode_states(two))
        event = heard(product(word, device), at, at=at - timedelta(seconds=age), device=device, frame=number)
        for step in (event, Tick(at)):
            first, second = RULES.judge(one, step), RULES.judge(two, step)
            assert first == second
            for change in first:
                assert not isinstance(change.verdict, Failed), change
                if isinstance(change.verdict, Raised):
                    assert change.verdict.evidence
                    assert change.verdict.priority is not Priority.HIGH
                one[change.rule_key] = two[change.rule_key] = change.after
        due = RULES.wake_at(one)
        assert due is None or due > at, "a Tick settles all that is due"
    assert len(encode_states(one)) < 3000
