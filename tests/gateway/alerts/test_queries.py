from datetime import timedelta

import msgspec
import pytest

from gateway.alerts import desk, queries
from gateway.alerts.model import Incident
from gateway.alerts.queries import Filter
from gateway.alerts.table import AlertState
from gateway.clock import to_ms
from gateway.errors import UnknownAlertError
from gateway.store.database import reader
from gateway.store.migrations import READINGS_PER_FRAME
from rules.model import Evidence, Priority, Reason
from tests.gateway.alerts.ward import START, Ward


def test_the_board_lists_the_most_urgent_first_then_the_oldest(ward: Ward) -> None:
    for subject, priority in (("a", Priority.LOW), ("b", Priority.HIGH), ("c", Priority.MEDIUM), ("d", Priority.HIGH)):
        ward.press(subject=subject, priority=priority)
        ward.clock.move(1)
    ward.closes("nora")  # alert 1
    ward.press(subject="e", priority=Priority.LOW)
    db = reader(ward.path)
    assert [a.subject for a in queries.open_alerts(db)] == ["b", "d", "c", "e"]
    db.close()


def test_filters(ward: Ward) -> None:
    ward.press(subject="a", priority=Priority.LOW)
    ward.clock.move(60)
    ward.press(subject="b")
    ward.press(rule="fall")
    ward.closes("nora")

    def numbers(wanted: Filter | None = None) -> list[int]:
        return [a.id for a in queries.alerts(ward.db, wanted)]

    assert numbers() == [3, 2, 1]
    assert numbers(Filter(states=frozenset({AlertState.CLOSED}))) == [1]
    assert numbers(Filter(states=frozenset())) == []
    assert numbers(Filter(rule="fall")) == [3]
    assert numbers(Filter(priority=Priority.LOW)) == [1]
    assert numbers(Filter(resident="r01", limit=2)) == [3, 2]
    assert numbers(Filter(resident="r02")) == []
    assert numbers(Filter(before_id=3)) == [2, 1]
    assert numbers(Filter(since=ward.clock.now())) == [3, 2]
    assert numbers(Filter(until=ward.clock.now())) == [1]


def test_there_is_no_such_alert(ward: Ward) -> None:
    for ask in (queries.alert, queries.history, queries.explain):
        with pytest.raises(UnknownAlertError, match="There is no alert number 7"):
            ask(ward.db, 7)


def test_the_explanation_goes_from_the_message_to_the_answer(ward: Ward) -> None:
    now = to_ms(START)
    journal = (
        "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', 'telecare/h/d/help', ?, ?)"
    )
    ward.db.execute(journal, (11, b'{"v":1,"phase":"pressed"}', now))
    ward.db.execute(journal, (12, b"\xff\x00", now))
    seq = 11 * READINGS_PER_FRAME
    ward.db.execute(
        "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
        " VALUES (?, 11, 'sos-r01', 'r01', 'help', ?, ?, ?)",
        (seq, now - 1000, now, '{"phase":"pressed"}'),
    )

    def incident(frame: int) -> Incident:
        return Incident(
            resident="r01",
            rule="help",
            rule_key="help",
            priority=Priority.HIGH,
            reason=Reason("Pressed {ago_s} ago.", {"ago_s": 1}),
            marks=(Reason("Old position."),),
            evidence=(Evidence(frame, "help", "sos-r01", START - timedelta(seconds=1)),),
            before='{"of":"HelpState","n":0}',
            after='{"of":"HelpState","n":1}',
            happened_at=START - timedelta(seconds=1),
        )

    ward.do(lambda tx: desk.raise_incident(tx, ward.index, incident(11)))
    ward.clock.move(40)
    ward.do(lambda tx: desk.raise_incident(tx, ward.index, incident(12)))
    ward.going("nora", 5)
    why = queries.explain(ward.db, 1)

    assert [(f.seq, f.payload, f.payload_hex) for f in why.frames] == [
        (11, '{"v":1,"phase":"pressed"}', None),
        (12, None, "ff00"),
    ]
    assert [(r.seq, r.fields, r.observed_at) for r in why.readings] == [
        (seq, {"phase": "pressed"}, START - timedelta(seconds=1))
    ]
    assert (why.alert.before, why.alert.after) == ({"of": "HelpState", "n": 0}, {"of": "HelpState", "n": 1})
    assert why.alert.reason == Reason("Pressed {ago_s} ago.", {"ago_s": 1})
    assert [(t.carer, t.purpose, t.state) for t in why.told] == [
        ("nora", "alert", "pending"),
        ("nora", "repeat", "pending"),
    ]
    assert [(line.event, line.who, line.via) for line in why.history] == [
        ("raised", None, None),
        ("repeat", None, None),
        ("acknowledge", "nora", "page"),
    ]
    assert "nora@example.org" not in msgspec.json.encode(why).decode()
    assert msgspec.json.decode(msgspec.json.encode(why))["alert"]["taken_by"] == "nora"


def test_the_dispatchers_own_line_in_the_history_is_read_too(ward: Ward) -> None:
    ward.press()
    ward.db.execute("INSERT INTO alert_events (alert, at, event, detail) VALUES (1, 0, 'nobody_told', '{}')")
    line = queries.history(ward.db, 1)[1]
    assert (line.event, line.who, line.state_before, line.state_after) == ("nobody_told", None, None, None)
