"""Handing over to a named carer, more help, and what was found after a fall."""

import pytest

from gateway.alerts import desk, queries
from gateway.alerts.asking import not_reached
from gateway.alerts.model import Close, FallFindings, HandOver, Incident, MoreHelp, Outcome
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.centre.model import Policy, Step
from gateway.errors import AlreadyTakenError, BadAnswerError, IllegalStepError
from rules.model import Priority, Reason
from tests.gateway.alerts.ward import Ward, carer, centre


def test_a_carer_on_the_way_asks_another_one_by_name(ward: Ward) -> None:
    ward.press()
    ward.going("nora")
    ward.told()
    after = ward.answer("nora", HandOver("ida", "My car does not start."))
    assert (after.state, after.taken_by) == (AlertState.OPEN, None)
    assert ward.told() == ["ida alert"]
    assert ward.wait() == 120
    ward.going("ida")
    assert ward.told() == ["nora taken"]
    line = queries.history(ward.db, 1)[2]
    assert (line.event, line.who, line.detail["to"], line.detail["note"]) == (
        "hand_over", "nora", "ida", "My car does not start.",
    )  # fmt: skip


def test_when_the_named_one_says_nothing_the_next_step_is_told_without_the_first(ward: Ward) -> None:
    ward.press()
    ward.answer("nora", HandOver("ida"))
    ward.told()
    ward.forward(120)
    assert ward.told() == ["ben alert", "ida reminder"]
    ward.forward(60)
    ward.forward(60)
    assert ward.told() == ["sam alert", "nora reminder"]


def test_when_the_named_one_can_not_the_next_step_is_told_at_once(ward: Ward) -> None:
    ward.press()
    ward.answer("nora", HandOver("sam"))
    ward.told()
    ward.declines("sam")
    assert ward.told() == ["ben alert", "ida alert"]


def test_what_was_asked_before_is_asked_anew_when_handed_over(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.told()
    ward.answer("ben", HandOver("ida"))
    assert ward.told() == ["ida alert"]


@pytest.mark.parametrize(
    ("who", "to", "note", "words"),
    [
        ("nora", "idda", "", 'did you mean "ida"?'),
        ("nora", "nora", "", "somebody else"),
        ("nora", "ida", "x" * 501, "501 characters"),
    ],
)
def test_what_can_not_be_handed_over(ward: Ward, who: str, to: str, note: str, words: str) -> None:
    ward.press()
    before = ward.alert()
    with pytest.raises(BadAnswerError) as refused:
        ward.answer(who, HandOver(to, note))
    assert words in str(refused.value)
    assert ward.alert() == before


def family(*relatives: str) -> CentreIndex:
    """The house with two relatives of somebody, of whom some are r01's."""
    people = [carer(one).model_copy(update={"role": "relative"}) for one in ("rita", "luca")]
    house = centre().centre
    resident = house.residents[0].model_copy(update={"relatives": relatives})
    return CentreIndex(house.model_copy(update={"carers": (*house.carers, *people), "residents": (resident,)}))


def test_only_the_residents_own_relatives_can_be_asked(ward: Ward) -> None:
    ward.index = family("rita")
    ward.press()
    before = ward.alert()
    with pytest.raises(BadAnswerError, match="a relative of the person whom the alert is about"):
        ward.answer("nora", HandOver("luca"))
    assert ward.alert() == before
    assert "luca alert" not in ward.told()
    ward.answer("nora", HandOver("rita"))
    assert ward.told() == ["rita alert"]


def test_what_is_about_nobody_is_no_relatives_matter(ward: Ward) -> None:
    ward.index = family("rita")
    incident = Incident(
        rule="silent", rule_key="silent", priority=Priority.LOW, reason=Reason("x"), happened_at=ward.clock.now()
    )
    number = ward.do(lambda tx: desk.raise_incident(tx, ward.index, incident)).alert
    with pytest.raises(BadAnswerError, match="expected staff"):
        ward.answer("nora", HandOver("rita"), number)


def test_a_second_tap_hands_nothing_over_twice(ward: Ward) -> None:
    ward.press()
    once = ward.answer("nora", HandOver("ida"))
    ward.told()
    assert ward.answer("nora", HandOver("ida")) == once
    assert ward.told() == []
    assert ward.answer("nora", HandOver("ben")).version > once.version


def test_only_who_took_it_hands_it_over(ward: Ward) -> None:
    ward.press()
    ward.going("nora")
    with pytest.raises(AlreadyTakenError):
        ward.answer("ben", HandOver("ida"))
    ward.closes("nora")
    with pytest.raises(IllegalStepError, match="can't be handed over"):
        ward.answer("nora", HandOver("ida"))


def test_more_help_tells_the_next_step_at_once(ward: Ward) -> None:
    ward.press()
    ward.told()
    ward.answer("nora", MoreHelp())
    assert ward.told() == ["ben alert", "ida alert"]
    assert ward.wait() == 60


def test_more_help_leaves_who_is_there_there(ward: Ward) -> None:
    ward.press()
    ward.arrives("nora")
    ward.told()
    before = ward.alert()
    after = ward.answer("nora", MoreHelp())
    assert (after.state, after.taken_by, after.escalate_at) == (AlertState.ATTENDED, "nora", before.escalate_at)
    assert ward.told() == ["ben alert", "ida alert"]
    ward.answer("nora", MoreHelp())  # a second tap
    assert ward.told() == []
    ward.clock.move(10)
    ward.answer("nora", MoreHelp())
    assert ward.told() == ["sam alert"]
    assert ward.events().count("more_help") == 2


def test_more_help_does_not_put_off_the_end_of_a_promise(ward: Ward) -> None:
    ward.press()
    ward.going("nora", 5)
    ward.clock.move(100)
    ward.answer("nora", MoreHelp())
    ward.told()
    assert ward.wait() == 200
    ward.forward(200)
    assert ward.alert().state is AlertState.OPEN


def test_what_was_found_after_a_fall_is_kept(ward: Ward) -> None:
    ward.press(rule="fall")
    found = FallFindings(injured=True, ambulance=False)
    ward.answer("nora", Close(Outcome.REAL, "A bruise.", found))
    assert ward.alert().findings == found
    assert queries.history(ward.db, 1)[-1].detail["fall"] == {"injured": True, "ambulance": False}
    ward.reopens("nora")
    assert ward.alert().findings is None


def test_other_kinds_have_no_fall_questions(ward: Ward) -> None:
    ward.press(rule="low_battery")
    with pytest.raises(BadAnswerError, match=r"fall: expected none for low_battery"):
        ward.answer("nora", Close(Outcome.REAL, fall=FallFindings(injured=True)))


TOGETHER = Policy(
    id="standard", steps=(Step(to=("nora", "ben"), wait_s=600), Step(to=("ida",), wait_s=600)), failsafe=("sam",)
)


def test_who_was_told_that_somebody_goes_hears_that_it_is_not_so_any_more(ward: Ward) -> None:
    ward.index = centre(TOGETHER)
    ward.press()
    ward.going("nora")
    ward.told()
    ward.answer("nora", HandOver("ida"))
    assert ward.told() == ["ida alert", "ben reminder"]


def test_who_can_not_be_reached_is_not_waited_for(ward: Ward) -> None:
    ward.index = centre(TOGETHER)
    ward.press()
    ward.going("nora")
    ward.answer("nora", HandOver("sam"))
    ward.told()
    assert ward.do(lambda tx: not_reached(tx, ward.index, 1, "sam", "0.0.0"))
    assert ward.told() == ["ida alert", "nora reminder", "ben reminder"]
    assert ward.alert().step == 1
    assert queries.history(ward.db, 1)[-1].detail["not_reached"] == "sam"
    assert not ward.do(lambda tx: not_reached(tx, ward.index, 1, "sam", "0.0.0")), "the next step was told"


def test_what_was_taken_meanwhile_waits_for_nobody_else(ward: Ward) -> None:
    ward.press()
    ward.answer("nora", HandOver("sam"))
    ward.going("ida")
    ward.told()
    assert not ward.do(lambda tx: not_reached(tx, ward.index, 1, "sam", "0.0.0"))
    assert ward.told() == []
