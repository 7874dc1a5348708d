"""Two rules tell of one event: one alert asks, the other waits under it."""

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge, Alert, Close, Outcome, Raising
from gateway.alerts.table import AlertState
from rules.model import Priority, Reason
from tests.gateway.alerts.ward import Ward, pressed

FELL = Reason("A fall was detected.")


@pytest.fixture
def fallen(ward: Ward) -> Ward:
    """Alert 1: out of bed (medium), told to Nora; alert 2: the fall; 1 waits under 2."""
    ward.press(rule="bed_exit", priority=Priority.MEDIUM)
    ward.press(rule="fall")
    assert supersede(ward) is not None
    ward.told()
    return ward


def supersede(ward: Ward) -> Alert | None:
    return ward.do(
        lambda tx: desk.supersede(tx, resident="r01", rule_key="bed_exit", subject="", by_key="fall", reason=FELL)
    )


def follow_up(ward: Ward) -> Alert | None:
    incident = pressed(ward.clock.now(), rule="bed_exit", priority=Priority.MEDIUM, text="Out of bed.")
    return ward.do(lambda tx: desk.follow_up(tx, incident, by_key="fall"))


def test_the_weaker_one_waits_and_only_the_stronger_one_is_escalated(fallen: Ward) -> None:
    assert fallen.alert(1).under == 2
    assert fallen.events(1) == ["raised", "go_under"]
    fallen.forward(130)
    assert fallen.told() == ["ben alert", "ida alert"]
    assert fallen.alert(1).escalate_at is not None
    assert fallen.alert(1).state is AlertState.OPEN


def test_whoever_closes_the_fall_closes_both(fallen: Ward) -> None:
    fallen.answer("nora", Close(Outcome.WEARER_CANCELLED), alert=2)
    assert fallen.alert(2).outcome is Outcome.WEARER_CANCELLED
    below = fallen.alert(1)
    assert (below.state, below.closed_by, below.outcome) == (AlertState.CLOSED, "nora", Outcome.OTHER)
    assert fallen.events(1) == ["raised", "go_under", "close"]
    assert fallen.forward(4000) == []


def test_it_can_be_answered_by_itself(fallen: Ward) -> None:
    fallen.answer("nora", Close(Outcome.REAL), alert=1)
    assert fallen.alert(1).state is AlertState.CLOSED
    assert fallen.alert(2).state is AlertState.OPEN


def test_raised_by_itself_again_it_asks_from_the_first_step(fallen: Ward) -> None:
    assert fallen.press(rule="bed_exit", priority=Priority.MEDIUM).outcome is Raising.REOPENED
    assert fallen.alert(1).under is None
    assert fallen.told() == ["nora repeat"]
    assert fallen.events(1)[-1] == "stand_alone"


def test_a_stronger_one_that_was_closed_without_it_does_not_keep_it_quiet(fallen: Ward) -> None:
    fallen.db.execute("UPDATE alerts SET state = 'closed', escalate_at = NULL WHERE id = 2")
    fallen.forward(4000)
    assert fallen.events(1)[-1] == "escalate"


def test_nothing_goes_under_an_alert_that_is_not_open(ward: Ward) -> None:
    ward.press(rule="bed_exit")
    assert supersede(ward) is None
    ward.press(rule="fall")
    ward.answer("nora", Close(Outcome.REAL), alert=2)
    assert supersede(ward) is None
    assert ward.alert(1).under is None


def test_a_note_on_the_stronger_one_rings_nobody(ward: Ward) -> None:
    ward.press(rule="fall")
    ward.told()
    for _ in range(2):
        assert follow_up(ward) is not None
    assert ward.told() == []
    assert [mark.text for mark in ward.alert(1).marks] == ["Out of bed."]
    assert ward.events(1) == ["raised", "follow_up", "follow_up"]


def test_without_a_stronger_one_there_is_nothing_to_note_it_on(ward: Ward) -> None:
    assert follow_up(ward) is None


def chained(ward: Ward) -> None:
    for rule in "abc":
        ward.press(rule=rule)
    for weaker, stronger in ("ab", "bc"):
        assert waits(ward, weaker, stronger) is not None
    ward.told()


def waits(ward: Ward, weaker: str, stronger: str) -> Alert | None:
    return ward.do(
        lambda tx: desk.supersede(tx, resident="r01", rule_key=weaker, subject="", by_key=stronger, reason=FELL)
    )


def test_whoever_closes_the_uppermost_closes_all_below(ward: Ward) -> None:
    chained(ward)
    ward.answer("nora", Close(Outcome.REAL), alert=3)
    assert [ward.alert(number).state for number in (1, 2, 3)] == [AlertState.CLOSED] * 3


def test_nothing_waits_in_a_circle(ward: Ward) -> None:
    chained(ward)
    assert waits(ward, "c", "a") is None
    assert waits(ward, "b", "a") is None
    assert ward.alert(3).under is None


def test_whoever_is_going_to_both_hears_once_that_they_are_closed(fallen: Ward) -> None:
    for number in (1, 2):
        fallen.answer("nora", Acknowledge(10), alert=number)
    fallen.told()
    fallen.answer("ida", Close(Outcome.REAL), alert=2)
    assert fallen.told() == ["nora closed"]
