"""Expect, fast-forward, expect."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing

from gateway.alerts import desk, escalation, queries
from gateway.alerts.model import Close, Outcome, Purpose
from gateway.alerts.outbox import LEASE
from gateway.alerts.table import AlertState
from gateway.centre.model import Policy, Step
from gateway.clock import from_ms
from gateway.store.writer import Tx
from rules.model import Priority
from tests.gateway.alerts.ward import STANDARD, Ward, carer, centre, pressed


def test_nobody_answers_so_the_next_ones_are_told(ward: Ward) -> None:
    ward.press()
    assert ward.told() == ["nora alert"]
    ward.forward(119)
    assert ward.told() == []
    ward.forward(1)
    assert ward.told() == ["ben alert", "ida alert"]
    ward.forward(60)
    assert ward.told() == ["sam alert"]
    ward.forward(60)
    assert ward.told() == ["nora reminder"]
    ward.forward(60)
    assert ward.told() == ["ben reminder", "ida reminder"]
    assert ward.events() == ["raised", *["escalate"] * 4]


def test_rounds_go_on_for_ever_but_never_faster_than_the_priority_allows(ward: Ward) -> None:
    quick = Policy(id="quick", steps=(Step(to=("nora",), wait_s=1),), failsafe=("sam",))
    ward.index = centre(quick)
    ward.press(priority=Priority.MEDIUM)
    ward.forward(1)
    ward.forward(1)
    ward.told()
    assert ward.wait() == 300
    for _ in range(300):
        ward.forward(1)
    assert ward.told() == ["sam reminder"]
    assert ward.alert().round == 1


def test_a_tiny_wait_never_spins(ward: Ward) -> None:
    ward.index = centre(Policy(id="p", steps=(Step(to=("nora",), wait_s=0.0001),), failsafe=("sam",)))
    ward.press()
    assert ward.wait() == 1


def test_after_a_downtime_a_due_step_is_taken_once_and_at_once(ward: Ward) -> None:
    ward.press()
    ward.told()
    assert ward.forward(7 * 86400) == [1]
    assert ward.told() == ["ben alert", "ida alert"]
    assert ward.forward(0) == []
    assert ward.wait() == 60


def test_a_restart_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    before = Ward(tmp_path / "gateway.db")
    before.press()
    before.forward(120)
    before.close()

    after = Ward(tmp_path / "gateway.db")
    after.clock.move_to(before.clock.now())
    after.forward(59)
    assert after.told() == []
    after.forward(1)
    assert after.told() == ["sam alert"]
    after.close()


def test_a_promise_stops_the_escalation_until_its_time_is_over(ward: Ward) -> None:
    ward.press()
    ward.told()
    assert ward.going("nora", 5).state is AlertState.ACKNOWLEDGED
    ward.forward(299)
    assert ward.told() == []
    ward.forward(1)
    assert ward.told() == ["nora reminder"]
    assert ward.alert().state is AlertState.OPEN
    assert ward.alert().taken_by is None
    assert ward.wait() == 120  # a first round again: the policy's own waits
    ward.forward(120)
    assert ward.told() == ["ben alert", "ida alert"]
    expired = queries.history(ward.db, 1)[2]
    assert (expired.event, expired.detail["taken_by"], expired.detail["was"]) == ("expire", "nora", "acknowledged")


def test_whoever_promised_from_a_later_step_hears_that_the_time_is_over(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.going("ben")
    ward.told()
    ward.forward(600)
    assert ward.told() == ["nora reminder", "ben reminder"]


def test_attended_but_not_closed_is_brought_back(ward: Ward) -> None:
    ward.press()
    ward.arrives("nora")
    ward.told()
    ward.forward(3599)
    assert ward.told() == []
    ward.forward(1)
    assert ward.told() == ["nora reminder"]
    assert ward.alert().state is AlertState.OPEN
    assert ward.alert().attended_at is None


def test_closed_is_quiet_for_ever(ward: Ward) -> None:
    ward.press()
    ward.closes("nora")
    ward.told()
    assert ward.alert().escalate_at is None
    assert desk.next_due(ward.db) is None
    assert ward.forward(86400) == []
    assert ward.told() == []


def test_the_earliest_deadline_of_all_alerts_is_next(ward: Ward) -> None:
    ward.press(subject="a")
    ward.clock.move(30)
    ward.press(subject="b")
    first, second = ward.alert(1), ward.alert(2)
    assert desk.next_due(ward.db) == first.escalate_at
    ward.answer("nora", Close(Outcome.REAL), alert=1)
    assert desk.next_due(ward.db) == second.escalate_at


def test_steps_that_reach_nobody_are_not_waited_for(ward: Ward) -> None:
    policy = Policy(
        id="p",
        steps=(Step(to=("gone",), wait_s=600), Step(to=("mute",), wait_s=600), Step(to=("nora",), wait_s=30)),
        failsafe=("sam",),
    )
    ward.index = centre(policy, carers=(carer("mute", contacts=()), carer("nora"), carer("sam")))
    ward.press()
    assert ward.told() == ["nora alert"]
    assert ward.wait() == 30


def test_when_nobody_at_all_can_be_told_it_is_tried_again(ward: Ward) -> None:
    ward.index = centre(STANDARD, carers=())
    ward.press()
    assert ward.told() == []
    assert ward.wait() == 60
    ward.index = centre()
    ward.forward(60)
    assert ward.told() == ["nora alert"]


def test_a_policy_that_shrank_meanwhile_still_goes_on(ward: Ward) -> None:
    ward.press()
    ward.forward(120)
    ward.forward(60)
    ward.index = centre(Policy(id="short", steps=(Step(to=("ida",), wait_s=10),), failsafe=("sam",)))
    ward.told()
    ward.forward(60)
    assert ward.told() == ["ida reminder"]
    assert ward.alert().policy == "short"


def test_a_technical_alert_goes_by_the_centres_first_policy(ward: Ward) -> None:
    night = Policy(id="night", steps=(Step(to=("ida",), wait_s=10),), failsafe=("sam",))
    ward.index = centre(STANDARD, night)
    ward.press()
    assert ward.told() == ["ida alert"]
    broker = pressed(ward.clock.now(), resident=None, rule="broker_gone")
    ward.do(lambda tx: desk.raise_incident(tx, ward.index, broker))
    assert ward.told() == ["nora alert"]
    assert ward.alert(2).incident == "/broker_gone/"


def test_one_failing_alert_does_not_silence_the_others(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    ward.owner = "boot"
    ward.press(subject="a")
    ward.press(subject="b")
    ward.told()
    real = escalation.go_on

    def broken(tx: Tx, index: object, alert: object, **more: object) -> object:
        stepped = real(tx, index, alert, **more)  # type: ignore[arg-type]
        if stepped.id == 1:
            raise RuntimeError("boom")
        return stepped

    monkeypatch.setattr(escalation, "go_on", broken)
    with structlog.testing.capture_logs() as logs:
        assert ward.forward(120) == [2]
    assert [(line["event"], line["alert"]) for line in logs] == [("alert.step_failed", 1)]
    assert ward.told() == ["ben alert", "ida alert"]
    assert ward.last is not None
    assert ward.last.alerts == [2]
    assert len(ward.last.owed) == 2
    assert ward.alert(1).escalate_at == ward.clock.now() + timedelta(seconds=30)
    monkeypatch.undo()
    assert ward.forward(30) == [1]
    assert ward.told() == ["ben alert", "ida alert"]


def test_a_refused_row_is_one_alerts_trouble_but_a_broken_database_is_the_writers(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward.press()
    failure: list[Exception] = [sqlite3.IntegrityError("refused")]

    def broken(*_: object, **__: object) -> None:
        raise failure[0]

    monkeypatch.setattr(escalation, "go_on", broken)
    with structlog.testing.capture_logs():
        assert ward.forward(120) == []
    assert ward.wait() == 30
    failure[0] = sqlite3.OperationalError("disk I/O error")
    with pytest.raises(sqlite3.OperationalError):
        ward.forward(30)


def test_at_most_so_many_at_once_the_longest_due_first(ward: Ward) -> None:
    for subject in "abc":
        ward.press(subject=subject)
        ward.clock.move(1)
    ward.clock.move(120)
    steps = [ward.do(lambda tx: desk.escalate_due(tx, ward.index, limit=2)) for _ in range(3)]
    assert steps == [[1, 2], [3], []]


def test_setting_the_clock_back_moves_every_deadline_and_delivery_along(tmp_path: Path) -> None:
    ward = Ward(tmp_path / "gateway.db", owner="boot")
    ward.press()
    ward.going("nora")
    ward.db.execute(
        "INSERT INTO notifications (id, key, alert, purpose, step, carer, contact, channel, address, state, due_at,"
        " created_at, settled_at) SELECT 99, 'sent', alert, purpose, step, carer, contact, channel, address, 'sent',"
        " due_at, created_at, created_at FROM notifications WHERE id = 1"
    )
    now, back = ward.clock.now(), timedelta(hours=1)

    def alert_times() -> list[datetime | None]:
        alert = ward.alert()
        return [alert.escalate_at, alert.eta_at, alert.told_at]

    def row_times(number: int) -> list[datetime | None]:
        row = ward.db.execute("SELECT due_at, lease_until, created_at FROM notifications WHERE id = ?", (number,))
        return [None if ms is None else from_ms(ms) for ms in row.fetchone()]

    eta = now + timedelta(minutes=10)
    assert alert_times() == [eta, eta, now]
    ward.do(lambda tx: desk.set_back(tx, back))
    assert alert_times() == [eta - back, eta - back, now - back]
    assert row_times(1) == [now - back, now + LEASE - back, now - back]
    assert row_times(99) == [now, None, now]
    ward.closes("nora")
    ward.do(lambda tx: desk.set_back(tx, back))
    assert ward.alert().escalate_at is None
    ward.close()


def test_the_newest_time_in_the_database_tells_that_the_clock_was_set_back(ward: Ward) -> None:
    assert desk.latest_time(ward.db) is None
    ward.press()
    assert desk.latest_time(ward.db) == ward.clock.now()
    later = ward.clock.now() + timedelta(minutes=1)
    ward.db.execute(
        "INSERT INTO journal (format, topic, payload, received_at) VALUES ('native', 't', x'00', ?)",
        (int(later.timestamp() * 1000),),
    )
    assert desk.latest_time(ward.db) == later


def test_purposes_have_the_words_of_the_outbox() -> None:
    assert [p.value for p in Purpose] == ["alert", "reminder", "repeat", "taken", "cleared", "undeliverable", "closed"]
