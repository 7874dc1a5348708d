"""What carers say, and what the others hear of it."""

import pytest

from gateway.alerts.model import Acknowledge, Close, Outcome, outcomes_for
from gateway.alerts.table import AlertState
from gateway.centre.model import Policy, Step
from gateway.errors import (
    AlreadyTakenError,
    BadAnswerError,
    IllegalStepError,
    NotAllowedError,
    UnknownAlertError,
)
from tests.gateway.alerts.ward import START, Ward, centre


def test_going_stops_the_escalation_and_tells_the_others(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.told()
    alert = ward.going("ben")
    assert ward.told() == ["nora taken", "ida taken"]
    assert (alert.taken_by, alert.taken_at) == ("ben", ward.clock.now())
    assert ward.wait() == 600
    assert alert.eta_at == alert.escalate_at


def test_a_second_tap_is_the_same_answer(ward: Ward) -> None:
    ward.press()
    first = ward.going("nora", 10)
    ward.told()
    ward.clock.move(20)
    assert ward.going("nora", 10) == first
    assert ward.going("nora") == first
    assert ward.told() == []
    assert ward.events() == ["raised", "acknowledge"]


def test_a_new_time_is_a_new_promise_but_no_news_for_the_others(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.going("ben", 5)
    ward.told()
    ward.clock.move(240)
    alert = ward.going("ben", 10)
    assert ward.told() == []
    assert ward.wait() == 600
    assert alert.taken_at == START.replace(minute=2)
    assert ward.events()[-2:] == ["acknowledge", "acknowledge"]


def test_two_carers_at_once_and_the_second_learns_who_was_first(ward: Ward) -> None:
    ward.press()
    ward.going("nora")
    before = ward.alert()
    ward.clock.move(1)
    with pytest.raises(AlreadyTakenError) as taken:
        ward.going("ben")
    assert (taken.value.who, taken.value.at) == ("nora", START)
    assert "nora" in str(taken.value)
    assert isinstance(taken.value, IllegalStepError)
    assert ward.alert() == before


def test_when_a_carer_is_there_a_late_going_of_another_says_so_and_of_the_same_is_nothing(ward: Ward) -> None:
    ward.press()
    there = ward.arrives("nora")
    assert ward.going("nora", 30) == there
    with pytest.raises(AlreadyTakenError):
        ward.going("ben")
    with pytest.raises(AlreadyTakenError):
        ward.declines("ben")


def test_cant_tells_the_next_step_at_once(ward: Ward) -> None:
    ward.press()
    ward.told()
    ward.clock.move(10)
    ward.declines("nora")
    assert ward.told() == ["ben alert", "ida alert"]
    assert ward.wait() == 60


def test_cant_twice_is_once(ward: Ward) -> None:
    ward.press()
    ward.declines("nora")
    ward.told()
    ward.declines("nora")
    assert ward.told() == []
    assert ward.events() == ["raised", "decline"]


def test_cant_of_an_earlier_step_is_noted_only(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.told()
    ward.declines("nora")
    assert ward.told() == []
    assert ward.wait() == 60
    assert ward.events()[-1] == "decline"


def test_cant_of_the_failsafe_leaves_the_next_round_its_time(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.forward(60)
    ward.told()
    ward.declines("sam")
    assert ward.told() == []
    assert ward.wait() == 60


def test_whoever_cant_is_left_out_of_the_round_but_asked_again_in_the_next(ward: Ward) -> None:
    ward.press()
    ward.declines("ben")
    ward.told()
    ward.forward(120)
    assert ward.told() == ["ida alert"]
    for _ in range(3):
        ward.forward(60)
    assert ward.told() == ["sam alert", "nora reminder", "ben alert", "ida reminder"]


def test_the_carer_on_the_way_cant_come_after_all(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.going("nora")
    ward.told()
    alert = ward.declines("nora")
    assert ward.told() == ["sam alert", "ben reminder", "ida reminder"]
    assert (alert.state, alert.taken_by, alert.eta_at) == (AlertState.OPEN, None, None)


def test_the_failsafe_cant_come_after_all_so_the_next_round_begins_at_once(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.forward(60)
    ward.going("sam")
    ward.told()
    once = ward.declines("sam")
    assert ward.told() == ["nora reminder", "ben reminder", "ida reminder"]
    assert (once.round, once.step) == (1, 0)
    assert ward.declines("sam") == once


def test_whoever_is_there_can_hand_over(ward: Ward) -> None:
    ward.press()
    ward.arrives("nora")
    ward.told()
    assert ward.declines("nora").state is AlertState.OPEN
    assert ward.told() == ["ben alert", "ida alert"]


def test_somebody_else_arrives_first(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.going("ben")
    ward.told()
    alert = ward.arrives("ida")
    assert alert.taken_by == "ida"
    assert ward.told() == ["nora taken", "ben taken"]
    assert ward.wait() == 3600


def test_arriving_as_promised_is_no_news_and_a_second_tap_nothing(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.going("ben")
    ward.told()
    there = ward.arrives("ben")
    assert ward.told() == []
    assert ward.arrives("ben") == there
    assert ward.arrives("ida").taken_by == "ben"  # a second pair of hands
    ward.arrives("ida")
    assert ward.events()[-3:] == ["acknowledge", "arrive", "arrive"]


def test_closing_keeps_who_and_what(ward: Ward) -> None:
    ward.press()
    alert = ward.closes("nora", Outcome.OTHER, "  Wanted company. ")
    assert (alert.state, alert.closed_by, alert.outcome) == (AlertState.CLOSED, "nora", Outcome.OTHER)
    assert (alert.note, alert.closed_at) == ("Wanted company.", ward.clock.now())


def test_closing_twice_is_once_but_not_with_another_outcome(ward: Ward) -> None:
    ward.press()
    closed = ward.closes("nora", Outcome.REAL)
    assert closed.note is None
    assert ward.closes("nora", Outcome.REAL) == closed
    for who, outcome in (("nora", Outcome.FALSE), ("ben", Outcome.REAL)):
        with pytest.raises(IllegalStepError, match="already closed by nora as real"):
            ward.closes(who, outcome)
    assert ward.alert() == closed
    assert ward.events() == ["raised", "close"]


def test_nothing_else_can_be_said_of_a_closed_alert(ward: Ward) -> None:
    ward.press()
    closed = ward.closes("nora")
    for say in (ward.going, ward.declines, ward.arrives):
        with pytest.raises(IllegalStepError, match="closed"):
            say("ben")
    assert ward.alert() == closed


def test_an_outcome_must_fit_the_kind(ward: Ward) -> None:
    ward.press(rule="battery_low")
    with pytest.raises(BadAnswerError, match="outcome: wearer_cancelled: expected one of real, false, test, other"):
        ward.closes("nora", Outcome.WEARER_CANCELLED)
    assert ward.alert().state is AlertState.OPEN
    assert Outcome.WEARER_CANCELLED in outcomes_for("help")
    assert Outcome.WEARER_CANCELLED in outcomes_for("fall")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Close(Outcome.OTHER, "  "), "note: empty"),
        (Close(Outcome.REAL, "x" * 2001), "note: 2001 characters"),
        (Acknowledge(0), "minutes: 0: expected 1 to 240"),
        (Acknowledge(241), "minutes: 241"),
    ],
)
def test_a_bad_answer_changes_nothing_and_says_what_is_expected(
    ward: Ward, answer: Acknowledge | Close, words: str
) -> None:
    ward.press()
    before = ward.alert()
    with pytest.raises(BadAnswerError, match=words):
        ward.answer("nora", answer)
    assert ward.alert() == before
    assert ward.events() == ["raised"]


def test_closed_by_mistake_starts_anew(ward: Ward) -> None:
    ward.press()
    ward.closes("nora", Outcome.FALSE)
    ward.told()
    alert = ward.reopens("nora")
    assert ward.told() == ["nora repeat"]
    assert (alert.state, alert.outcome, alert.closed_by, alert.run) == (AlertState.OPEN, None, None, 1)
    assert ward.reopens("nora") == alert
    ward.closes("nora")
    assert ward.reopens("nora").run == 2


def test_a_closed_alert_stays_closed_when_its_incident_is_open_in_another(ward: Ward) -> None:
    ward.press()
    ward.closes("nora")
    ward.press()
    with pytest.raises(IllegalStepError, match="Alert 2 of the same incident is open already"):
        ward.reopens("nora")


def test_an_open_alert_cannot_be_reopened(ward: Ward) -> None:
    ward.press()
    with pytest.raises(IllegalStepError, match="open and can't be re-opened"):
        ward.reopens("nora")


def test_an_answer_needs_a_person_and_an_alert(ward: Ward) -> None:
    ward.press()
    with pytest.raises(NotAllowedError):
        ward.going("")
    with pytest.raises(UnknownAlertError, match="99"):
        ward.answer("nora", Acknowledge(), alert=99)


def test_when_everybody_cant_the_next_round_comes_soon(ward: Ward) -> None:
    ward.index = centre(
        Policy(
            id="standard",
            steps=(Step(to=("nora",), wait_s=600), Step(to=("ben",), wait_s=600)),
            failsafe=("sam", "ida"),
        )
    )
    ward.press()
    for carer in ("nora", "ben", "sam"):
        ward.declines(carer)
    ward.told()
    assert ward.wait() == 600, "Ida may still say something"
    ward.declines("ida")
    assert ward.wait() == 60
    ward.forward(60)
    assert ward.told() == ["nora reminder"]


def test_those_who_cant_are_not_asked_again_before_the_failsafe(ward: Ward) -> None:
    ward.index = centre(Policy(id="standard", steps=(Step(to=("nora",), wait_s=600),), failsafe=("sam",), rounds=3))
    ward.press()
    ward.told()
    ward.declines("nora")
    assert ward.told() == ["sam alert"]


@pytest.mark.parametrize("there", [False, True])
def test_whoever_is_on_it_hears_that_another_one_closed_it(ward: Ward, there: bool) -> None:
    ward.press()
    if there:
        ward.arrives("nora")
    else:
        ward.going("nora")
    ward.told()
    ward.closes("ida", Outcome.FALSE)
    assert ward.told() == ["nora closed"]


def test_whoever_closes_it_needs_no_word_of_it(ward: Ward) -> None:
    ward.press()
    ward.going("nora")
    ward.told()
    ward.closes("nora")
    assert ward.told() == []
