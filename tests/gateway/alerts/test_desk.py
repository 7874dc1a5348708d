"""Raising, repeating, clearing."""

import pytest
from msgspec.structs import replace

from gateway.alerts import desk, queries
from gateway.alerts.model import Raising
from gateway.alerts.table import AlertState
from gateway.store import audit
from rules.model import Priority, Reason
from tests.gateway.alerts.ward import START, Ward, pressed


def test_a_new_incident_is_told_in_the_same_transaction(ward: Ward) -> None:
    told = ward.press()
    assert told.outcome is Raising.NEW
    assert ward.told() == ["nora alert"]
    alert = ward.alert(told.alert)
    assert (alert.incident, alert.policy, alert.step, alert.version) == ("r01/help/", "standard", 0, 2)
    assert alert.raised_at == alert.told_at == ward.clock.now()
    assert ward.last is not None
    assert ward.last.alerts == [told.alert]


def test_subjects_are_incidents_of_their_own(ward: Ward) -> None:
    assert ward.press(subject="garden").alert != ward.press(subject="cellar").alert


def test_after_closing_the_same_incident_is_a_new_alert(ward: Ward) -> None:
    first = ward.press()
    ward.closes("nora")
    again = ward.press()
    assert again.outcome is Raising.NEW
    assert again.alert != first.alert


def test_repeats_within_half_a_minute_of_a_telling_count_quietly(ward: Ward) -> None:
    ward.press()
    ward.told()
    for _ in range(3):
        ward.clock.move(9)
        assert ward.press().outcome is Raising.REPEAT
    assert ward.told() == []
    assert ward.alert().repeats == 3
    assert ward.alert().last_repeat_at == ward.clock.now()
    assert ward.events() == ["raised"]


@pytest.mark.parametrize("pause", [9, 60])
def test_an_equally_urgent_repeat_is_what_the_alert_shows(ward: Ward, pause: float) -> None:
    left = replace(pressed(ward.clock.now(), text="The pendant left."), marks=(Reason("The phone was inside."),))
    ward.do(lambda tx: desk.raise_incident(tx, ward.index, left))
    ward.clock.move(pause)
    both = pressed(ward.clock.now(), text="The phone left.")
    ward.do(lambda tx: desk.raise_incident(tx, ward.index, both))
    assert (ward.alert().reason.text, ward.alert().marks) == ("The phone left.", ())
    low = pressed(ward.clock.now(), text="Perhaps.", priority=Priority.LOW)
    ward.do(lambda tx: desk.raise_incident(tx, ward.index, low))
    assert ward.alert().reason.text == "The phone left.", "what is less urgent hides nothing"


def test_a_repeat_that_wavers_is_quiet_for_longer_but_only_while_the_alert_is_open(ward: Ward) -> None:
    def waver() -> None:
        incident = replace(pressed(ward.clock.now()), quiet_s=600.0)
        ward.do(lambda tx: desk.raise_incident(tx, ward.index, incident))

    ward.press()
    ward.told()
    ward.clock.move(599)
    waver()
    assert ward.told() == []
    ward.clock.move(1)
    waver()
    assert ward.told() == ["nora repeat"]
    ward.closes("nora")
    waver()
    assert ward.told() == ["nora alert"]


def test_a_telling_in_the_future_keeps_nothing_quiet(ward: Ward) -> None:
    ward.press()
    ward.told()
    ward.db.execute("UPDATE alerts SET told_at = told_at + 500")  # the clock was corrected by half a second
    ward.press()
    assert ward.told() == ["nora repeat"]


def test_a_thumb_that_never_stops_is_told_twice_a_minute(ward: Ward) -> None:
    ward.press()
    for _ in range(60):
        ward.clock.move(1)
        ward.press()
    assert ward.told() == ["nora alert", "nora repeat", "nora repeat"]


def test_a_later_press_is_told_to_everyone_who_was_asked(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.told()
    ward.clock.move(30)
    ward.press()
    assert ward.told() == ["nora repeat", "ben repeat", "ida repeat"]
    assert ward.wait() == 30  # repeats put nothing off


def test_a_press_while_a_carer_is_on_the_way_is_told_to_that_carer(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.going("ben", 10)
    ward.told()
    ward.clock.move(60)
    ward.press()
    assert ward.told() == ["ben repeat"]
    assert ward.alert().state is AlertState.ACKNOWLEDGED
    assert ward.wait() == 540


def test_a_press_while_a_carer_is_there_shortens_the_reminder(ward: Ward) -> None:
    ward.press()
    ward.arrives("nora")
    ward.told()
    ward.clock.move(60)
    ward.press()
    assert ward.told() == ["nora repeat"]
    assert ward.wait() == 120
    ward.forward(120)
    assert ward.alert().state is AlertState.OPEN


@pytest.mark.parametrize("state", ["open", "acknowledged", "attended"])
def test_a_higher_priority_is_told_at_once_to_everyone_who_was_asked(ward: Ward, state: str) -> None:
    ward.press(priority=Priority.LOW)
    if state == "acknowledged":
        ward.going("ben")
    if state == "attended":
        ward.arrives("ben")
    ward.told()
    ward.clock.move(1)
    assert ward.press(priority=Priority.HIGH).outcome is Raising.PRIORITY_RAISED
    assert ward.told() == (["nora repeat"] if state == "open" else ["nora repeat", "ben repeat"])
    assert ward.alert().priority is Priority.HIGH
    assert ward.alert().state == state
    [line] = [line for line in queries.history(ward.db, 1) if line.event == "raise_priority"]
    assert (line.detail["from"], line.detail["priority"]) == ("low", "high")


def test_a_lower_priority_lowers_nothing(ward: Ward) -> None:
    ward.press(priority=Priority.HIGH)
    ward.clock.move(60)
    assert ward.press(priority=Priority.LOW).outcome is Raising.REPEAT
    assert ward.alert().priority is Priority.HIGH


def test_a_higher_priority_shortens_the_wait_of_a_later_round(ward: Ward) -> None:
    ward.press(priority=Priority.LOW)
    for seconds in (120, 60, 60):
        ward.forward(seconds)
    assert ward.wait() == 1800
    ward.press(priority=Priority.HIGH)
    assert ward.wait() == 60


def test_what_went_away_by_itself_still_waits_for_a_person(ward: Ward) -> None:
    ward.press()
    ward.told()
    ward.clear()
    assert ward.alert().state is AlertState.CLEARED
    assert ward.told() == ["nora cleared"]
    assert ward.wait() == 300
    ward.forward(300)
    assert ward.told() == ["ben alert", "ida alert"]
    assert ward.alert().state is AlertState.CLEARED


def test_cleared_again_is_told_once(ward: Ward) -> None:
    ward.press()
    ward.clear()
    ward.told()
    ward.clock.move(100)
    ward.clear()
    assert ward.told() == []
    assert ward.wait() == 200
    assert ward.alert().cleared_at == START
    events = [row[0] for row in ward.db.execute("SELECT event FROM alert_events ORDER BY seq")]
    assert events.count("clear") == 1, "each start of the gateway clears what is cleared: no news"


@pytest.mark.parametrize("step", ["going", "arrives"])
def test_clearing_is_noted_and_told_to_the_carer_while_somebody_is_on_it(ward: Ward, step: str) -> None:
    ward.press()
    ward.forward(120)
    taken = getattr(ward, step)("ben")
    ward.told()
    ward.clear()
    assert ward.told() == ["ben cleared"]
    assert ward.alert().state is taken.state
    assert ward.alert().escalate_at == taken.escalate_at
    assert ward.alert().cleared_at == ward.clock.now()
    ward.press()
    assert ward.alert().cleared_at is None


def test_it_happens_again_after_it_went_away(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.clear()
    ward.told()
    ward.clock.move(5)
    assert ward.press().outcome is Raising.REOPENED
    assert ward.told() == ["nora repeat"]
    alert = ward.alert()
    assert (alert.state, alert.step, alert.run, alert.cleared_at) == (AlertState.OPEN, 0, 1, None)
    assert ward.wait() == 120


def test_reopened_and_more_urgent_is_one_message(ward: Ward) -> None:
    ward.press(priority=Priority.LOW)
    ward.clear()
    ward.told()
    assert ward.press(priority=Priority.HIGH).outcome is Raising.REOPENED
    assert ward.told() == ["nora repeat"]
    assert ward.alert().priority is Priority.HIGH
    assert ward.events()[-2:] == ["repeat", "raise_priority"]


def test_clearing_what_is_not_open_does_nothing(ward: Ward) -> None:
    assert ward.clear() is None
    ward.press()
    ward.closes("nora")
    assert ward.clear() is None
    assert ward.alert().state is AlertState.CLOSED


def test_every_step_is_in_the_audit_without_health_data(ward: Ward) -> None:
    ward.press()
    ward.going("nora")
    ward.closes("nora", note="She had slipped.")
    rows = ward.db.execute("SELECT who, action, object, detail FROM audit ORDER BY seq").fetchall()
    assert [tuple(row) for row in rows] == [
        (None, "alert.raised", "alert/1", "{}"),
        ("nora", "alert.acknowledge", "alert/1", '{"via":"page"}'),
        ("nora", "alert.close", "alert/1", '{"via":"page"}'),
    ]
    assert audit.broken_at(ward.db) is None
