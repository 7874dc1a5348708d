"""An alert becomes more urgent while somebody is on the way or there: an old promise does not hold others back."""

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge
from gateway.alerts.table import AlertState
from gateway.centre.model import Policy
from rules.model import Priority, Reason
from tests.gateway.alerts.ward import Ward, centre

URGENT = Policy.model_validate(
    {
        "id": "standard", "steps": [{"to": ["nora"], "wait_s": 600}], "failsafe": ["sam"],
        "when": [{"id": "urgent", "priorities": ["high"], "steps": [{"to": ["ben", "ida"], "wait_s": 30}]}],
    }
)  # fmt: skip


@pytest.mark.parametrize("there", [False, True])
def test_other_steps_begin_at_once_although_somebody_has_taken_it(ward: Ward, there: bool) -> None:
    ward.index = centre(URGENT)
    ward.press(priority=Priority.LOW)
    if there:
        ward.arrives("nora")
    else:
        ward.going("nora", 240)
    ward.told()
    ward.clock.move(60)
    ward.press(priority=Priority.HIGH)
    assert ward.told() == ["ben repeat", "ida repeat", "nora repeat"]
    alert = ward.alert()
    assert (alert.policy, alert.taken_by) == ("standard/urgent", "nora")
    assert ward.wait() == 30
    ward.forward(30)
    assert ward.alert().state is AlertState.OPEN
    assert ward.told() == ["ben reminder", "ida reminder", "nora reminder"]


def test_an_old_promise_is_shortened_and_who_made_it_is_asked_anew(ward: Ward) -> None:
    ward.press(priority=Priority.LOW)
    ward.going("nora", 240)
    ward.told()
    ward.clock.move(60)
    ward.press(priority=Priority.HIGH)
    assert ward.told() == ["nora repeat"]
    assert ward.wait() == 120
    ward.going("nora")  # as an SMS says it, without minutes
    assert ward.wait() == 600
    before = ward.alert()
    ward.going("nora")
    assert ward.alert() == before, "a second tap is the same promise"
    ward.forward(600)
    assert ward.alert().state is AlertState.OPEN


def test_without_a_word_everybody_is_asked(ward: Ward) -> None:
    ward.press(priority=Priority.LOW)
    ward.going("nora", 240)
    ward.clock.move(60)
    ward.press(priority=Priority.HIGH)
    ward.told()
    ward.forward(120)
    assert ward.alert().state is AlertState.OPEN
    assert ward.told() == ["nora reminder"]


def test_long_waits_of_a_policy_do_not_keep_a_promise_long(ward: Ward) -> None:
    ward.index = centre(Policy.model_validate(URGENT.model_dump(by_alias=True) | {"when": []}))
    ward.press(priority=Priority.LOW)
    ward.going("nora", 240)
    ward.press(priority=Priority.HIGH)
    assert ward.wait() == 120


def test_a_promise_that_ends_sooner_is_kept(ward: Ward) -> None:
    ward.press(priority=Priority.LOW)
    ward.going("nora", 1)
    ward.clock.move(10)
    ward.press(priority=Priority.HIGH)
    assert ward.wait() == 50


def test_whoever_is_there_says_so_once_more(ward: Ward) -> None:
    ward.press(priority=Priority.LOW)
    ward.arrives("nora")
    ward.clock.move(100)
    ward.press(priority=Priority.HIGH)
    assert ward.wait() == 120
    ward.clock.move(10)
    ward.arrives("nora")
    assert ward.wait() == 3600
    before = ward.alert()
    ward.arrives("nora")
    assert ward.alert() == before


def test_the_others_hear_that_the_promise_was_made_anew(ward: Ward) -> None:
    ward.index = centre(URGENT)
    ward.press(priority=Priority.LOW)
    ward.going("nora", 240)
    ward.press(priority=Priority.HIGH)
    ward.told()
    ward.going("nora", 5)
    assert ward.told() == ["ben taken", "ida taken"]


@pytest.mark.parametrize("state", ["open", "acknowledged", "cleared"])
def test_what_waits_under_another_one_becomes_more_urgent(ward: Ward, state: str) -> None:
    ward.press(rule="bed_exit", priority=Priority.MEDIUM)
    ward.press(rule="fall")
    ward.do(
        lambda tx: desk.supersede(
            tx, resident="r01", rule_key="bed_exit", subject="", by_key="fall", reason=Reason("A fall.")
        )
    )
    if state == "acknowledged":
        ward.answer("nora", Acknowledge(240), 1)
    if state == "cleared":
        ward.clear(rule="bed_exit")
    ward.told()
    ward.clock.move(60)
    ward.press(rule="bed_exit", priority=Priority.HIGH)
    alert = ward.alert(1)
    assert (alert.priority, alert.under) == (Priority.HIGH, None)
    assert alert.state == ("acknowledged" if state == "acknowledged" else "open")
    assert "raise_priority" in ward.events(1)
    assert ward.told() == ["nora repeat"]
    assert ward.wait() == 120
