"""Whatever happens in whatever order: nobody is left unheard, and nothing is told twice."""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.alerts import queries
from gateway.alerts.model import (
    URGENCY,
    Acknowledge,
    Alert,
    Answer,
    Arrive,
    Close,
    Decline,
    HandOver,
    MoreHelp,
    Outcome,
    Reopen,
)
from gateway.alerts.table import TABLE, AlertState
from gateway.errors import BadAnswerError, IllegalStepError
from gateway.store import audit
from rules.model import Priority
from tests.gateway.alerts.ward import Ward

CARERS = st.sampled_from(["nora", "ben", "ida", "sam"])
SUBJECTS = st.sampled_from(["", "garden"])
ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Acknowledge, st.one_of(st.none(), st.integers(1, 240))),
    st.builds(Decline),
    st.builds(Arrive),
    st.builds(Close, st.sampled_from([o for o in Outcome if o is not Outcome.OTHER])),
    st.builds(Reopen),
    st.builds(HandOver, CARERS),
    st.builds(MoreHelp),
)


class Night(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ward = Ward(Path(self.folder.name) / "gateway.db", owner="boot-1")
        self.urgency: dict[int, int] = {}

    def teardown(self) -> None:
        assert audit.broken_at(self.ward.db) is None
        self.ward.close()
        self.folder.cleanup()

    def carefully(self, work: Callable[[], object]) -> None:
        before = queries.alerts(self.ward.db)
        rows = self.count()
        try:
            work()
        except (IllegalStepError, BadAnswerError):
            assert queries.alerts(self.ward.db) == before
            assert self.count() == rows

    def count(self) -> tuple[int, ...]:
        tables = ("alerts", "alert_events", "notifications", "audit")
        return tuple(self.ward.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)

    @rule(priority=st.sampled_from(list(Priority)), subject=SUBJECTS)
    def it_happens(self, priority: Priority, subject: str) -> None:
        told = self.ward.press(priority=priority, subject=subject)
        alert = self.ward.alert(told.alert)
        assert alert.state is not AlertState.CLOSED
        assert alert.state is not AlertState.CLEARED
        assert URGENCY[alert.priority] >= URGENCY[priority]

    @rule(subject=SUBJECTS)
    def it_goes_away(self, subject: str) -> None:
        alert = self.ward.clear(subject=subject)
        assert alert is None or alert.state not in {AlertState.OPEN, AlertState.CLOSED}

    @rule(seconds=st.sampled_from([1, 29, 60, 61, 120, 600, 3600, 90000]))
    def time_passes(self, seconds: int) -> None:
        stepped = self.ward.forward(seconds)
        assert len(stepped) == len(set(stepped))
        assert self.ward.forward(0) == []

    @rule(who=CARERS, answer=ANSWERS, number=st.integers(1, 3))
    def somebody_answers(self, who: str, answer: Answer, number: int) -> None:
        if number <= len(queries.alerts(self.ward.db)):
            self.carefully(lambda: self.ward.answer(who, answer, number))

    @rule(who=CARERS, answer=ANSWERS)
    def somebody_taps_twice(self, who: str, answer: Answer) -> None:
        for alert in queries.alerts(self.ward.db)[:1]:
            try:
                once = self.ward.answer(who, answer, alert.id)
            except (IllegalStepError, BadAnswerError):
                return
            rows = self.count()
            assert self.ward.answer(who, answer, alert.id) == once
            assert self.count() == rows

    @rule()
    def the_gateway_restarts(self) -> None:
        before, now = queries.alerts(self.ward.db), self.ward.clock.now()
        self.ward.close()
        self.ward = Ward(self.ward.path, owner="boot-2")
        self.ward.clock.move_to(now)
        assert queries.alerts(self.ward.db) == before

    @invariant()
    def an_open_alert_always_has_a_deadline_ahead(self) -> None:
        for alert in queries.alerts(self.ward.db):
            if alert.state is AlertState.CLOSED:
                assert alert.escalate_at is None
                assert alert.closed_by
                assert alert.outcome
            else:
                assert alert.escalate_at is not None
                assert alert.closed_at is None
                self.is_soon(alert)

    def is_soon(self, alert: Alert) -> None:
        assert alert.escalate_at is not None
        ahead = alert.escalate_at - self.ward.clock.now()
        longest = timedelta(minutes=240) if alert.state is AlertState.ACKNOWLEDGED else timedelta(hours=1)
        assert ahead <= longest
        # after an own step nothing is due; between forwards only time_passes moves the clock, and it takes what is due
        assert ahead > timedelta(0)

    @invariant()
    def whoever_is_on_it_is_named(self) -> None:
        for alert in queries.open_alerts(self.ward.db):
            taken = alert.state in {AlertState.ACKNOWLEDGED, AlertState.ATTENDED}
            assert (alert.taken_by is not None) is taken
            assert (alert.taken_at is not None) is taken
            assert (alert.attended_at is not None) is (alert.state is AlertState.ATTENDED)

    @invariant()
    def one_open_alert_an_incident(self) -> None:
        incidents = [alert.incident for alert in queries.open_alerts(self.ward.db)]
        assert len(incidents) == len(set(incidents))

    @invariant()
    def the_history_is_a_walk_through_the_table(self) -> None:
        for alert in queries.alerts(self.ward.db):
            state: AlertState | None = None
            for line in queries.history(self.ward.db, alert.id):
                assert line.state_before == state
                if state is not None:
                    assert (state, line.event) in TABLE
                assert line.state_after is not AlertState.CLOSED or line.who
                state = line.state_after
            assert state is alert.state

    @invariant()
    def every_alert_was_told_to_somebody(self) -> None:
        for alert in queries.alerts(self.ward.db):
            assert queries.notifications_of(self.ward.db, alert.id)


Night.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestNight = Night.TestCase
