"""A plan tried on the history: the same as the pipeline said, and what a change makes of it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from bench.trial import SINCE, centre, fill
from devices.model import Frame
from gateway.alerts import desk, queries
from gateway.alerts.model import Acknowledge, Close, Outcome
from gateway.alerts.outcomes import by_rule, outcomes
from gateway.app import trial as trying
from gateway.app.trial import Trial, trial
from gateway.app.trial_compare import Counts, compare, night_of, pair
from gateway.app.trial_ledger import MERGED, Ledger, TrialAlert
from gateway.app.trial_split import differing, split
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.centre.model import Centre
from gateway.clock import ManualClock, to_ms
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import ALARMS, TELEMETRY, Pipeline
from gateway.store import history
from gateway.store.database import FILE, connect, prepare, reader
from gateway.store.writer import Tx
from rules.change import Change, Failed
from rules.help import HelpState
from rules.model import Cleared, Inhibited, Priority, Raised, Reason, Superseded
from rules.night import Daily
from tests.gateway.app.test_recordings import RECORDINGS, recording
from tests.gateway.pipeline.chain import DEMO

EVENING = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WHY = Reason("Because.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(tmp_path / FILE)
    return tmp_path / FILE


class Life:
    """A house whose gateway really ran: messages in, deadlines taken at their time, everything stored."""

    def __init__(self, path: Path, lived: Centre, start: datetime) -> None:
        self._db = connect(path, synchronous="OFF")
        self._index = CentreIndex(lived)
        self._clock = ManualClock(start)
        self._pipeline = Pipeline(self._db, lambda: self._index)
        self._number = 0
        self._write(lambda tx: self._pipeline.tick(tx, list(self._index.judged)))

    def close(self) -> None:
        self._db.close()

    def go_to(self, at: datetime) -> None:
        while (due := self._pipeline.next_wake()) is not None and due <= at:
            self._clock.move_to(max(due, self._clock.now()))
            self._write(self._pipeline.tick)
        self._clock.move_to(at)

    def say(self, at: datetime, device: str, kind: str, *, retained: bool = False, **fields: Any) -> None:
        self._number += 1
        payload = json.dumps({"v": 1, "id": f"id-{self._number}", **fields}).encode()
        self.message(at, f"telecare/haven/{device}/{kind}", payload, "native", retained=retained)

    def message(self, at: datetime, topic: str, payload: bytes, form: str, *, retained: bool = False) -> None:
        self.go_to(at)
        frame = Frame(topic=topic, payload=payload, received_at=at, retained=retained)
        receipt = Receipt(frame=frame, format=form, packet_id=1, session=1)
        lane = ALARMS if topic.endswith(("help", "fall")) else TELEMETRY
        self._write(lambda tx: self._pipeline.take(tx, [receipt], lane=lane))

    def alerts(self) -> list[tuple[Any, ...]]:
        return [
            (one.resident, one.rule_key, one.subject, one.raised_at, one.happened_at)
            for one in reversed(queries.alerts(self._db, queries.Filter(limit=-1)))
        ]

    def _write(self, work: Any) -> Any:
        self._db.execute("BEGIN")
        result = work(Tx(self._db, self._clock.now()))
        self._db.execute("COMMIT")
        return result


@pytest.fixture
def life(path: Path) -> Iterator[Life]:
    house = Life(path, DEMO, EVENING)
    yield house
    house.close()


def said(alerts: list[TrialAlert]) -> list[tuple[Any, ...]]:
    return [(one.resident, one.rule_key, one.subject, one.raised_at, one.happened_at) for one in alerts]


def before_of(found: Trial) -> list[TrialAlert]:
    alerts = [*found.comparison.gone, *(one.before for one in found.comparison.kept)]
    return sorted(alerts, key=lambda one: (one.raised_at, one.resident or "", one.rule_key, one.subject))


def changed(resident: str, rule: str, **settings: Any) -> Centre:
    """The demo centre with other settings of one rule of one resident."""
    document = msgspec.json.decode(msgspec.json.encode(to_document(DEMO)))
    (plan,) = [plan for plan in document["care_plans"] if plan["resident"] == resident]
    plan["rules"] = [one | settings if one["rule"] == rule else one for one in plan["rules"]]
    return centre_from_document(document, file="changed")


def without(resident: str, rule: str) -> Centre:
    """The demo centre without one rule of one resident."""
    document = msgspec.json.decode(msgspec.json.encode(to_document(DEMO)))
    (plan,) = [plan for plan in document["care_plans"] if plan["resident"] == resident]
    plan["rules"] = [one for one in plan["rules"] if one["rule"] != rule]
    return centre_from_document(document, file="changed")


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_present_plan_says_what_the_pipeline_said(path: Path, name: str) -> None:
    messages = recording(name)
    house = Life(path, DEMO, messages[0].received_at)
    end = messages[-1].received_at + timedelta(hours=3)
    for message in messages:
        house.message(message.received_at, message.topic, message.payload, message.format)
    house.go_to(end)
    lived = {one[:3]: one[3] for one in reversed(house.alerts()) if one[1] != "unprotected"}
    house.close()
    found = trial(path, DEMO, DEMO, since=messages[0].received_at, until=end, warm_up=timedelta(0))
    # in this life nobody closes an alert, so it counts everything later as a repeat
    assert {one[:3]: one[3] for one in reversed(said(before_of(found)))} == lived
    assert lived
    assert found.comparison.gone == found.comparison.new == []
    assert found.same == found.residents == len(DEMO.residents)


def out_of_bed(house: Life, minutes: list[int]) -> None:
    """Nights in a row, each with one leave of so many minutes at 01:00 UTC."""
    for day, away in enumerate(minutes):
        night = EVENING + timedelta(days=day)
        house.say(night, "bed-r03", "bed", in_bed=True)
        house.say(night + timedelta(hours=4), "bed-r03", "bed", in_bed=False)
        house.say(night + timedelta(hours=4, minutes=away), "bed-r03", "bed", in_bed=True)


def test_a_changed_threshold_is_seen_in_what_is_kept_gone_and_new(path: Path, life: Life) -> None:
    out_of_bed(life, [5, 25, 45])
    until = EVENING + timedelta(days=3)
    found = trial(path, DEMO, changed("r03", "bed_exit", minutes=30), since=EVENING, until=until)
    mine = [one for one in found.comparison.kept if one.before.rule == "bed_exit"]
    assert [one.later_s for one in mine] == [900.0], (
        "told a quarter of an hour later than by the 15 minutes of the demo"
    )
    assert [one.raised_at for one in found.comparison.gone] == [EVENING + timedelta(days=1, hours=4, minutes=15)]
    assert found.comparison.new == []
    assert found.comparison.rules["bed_exit"] == Counts(before=2, after=1, kept=1, gone=1)
    assert found.comparison.residents["r03"].gone == 1
    assert found.comparison.nights[date(2026, 3, 2)].gone == 1
    assert found.same == found.residents - 1
    back = trial(path, changed("r03", "bed_exit", minutes=30), DEMO, since=EVENING, until=until)
    assert said(back.comparison.new) == said(found.comparison.gone)


def test_a_rule_that_is_left_out_is_told_as_an_alarm_without_a_rule(path: Path, life: Life) -> None:
    life.say(EVENING + MINUTE, "sos-r01", "help", phase="pressed")
    found = trial(path, DEMO, without("r01", "help"), since=EVENING, until=EVENING + 10 * MINUTE)
    assert [one.rule for one in found.comparison.gone] == ["help"]
    assert [(one.rule, one.priority) for one in found.comparison.new] == [("unplanned_alarm", Priority.HIGH)]


def test_what_came_before_is_known_and_not_counted(path: Path, life: Life) -> None:
    life.say(EVENING + MINUTE, "bed-r03", "bed", in_bed=True)
    life.say(EVENING + 30 * MINUTE, "bed-r03", "bed", in_bed=False)
    since = EVENING + 40 * MINUTE
    found = trial(path, DEMO, DEMO, since=since, until=since + 60 * MINUTE)
    assert [one.rule for one in before_of(found) if one.resident == "r03"] == ["bed_exit"]
    cold = trial(path, DEMO, DEMO, since=since, until=since + 60 * MINUTE, warm_up=timedelta(0))
    assert [one.rule for one in before_of(cold) if one.resident == "r03"] == []
    later = trial(path, DEMO, DEMO, since=since + 30 * MINUTE, until=since + 60 * MINUTE)
    assert [one.rule for one in before_of(later) if one.resident == "r03"] == []


def test_a_kept_message_is_judged_once_and_only_as_an_alarm(path: Path, life: Life) -> None:
    for minute in (1, 100):
        at = EVENING + minute * MINUTE
        life.say(at, "bed-r03", "bed", retained=True, in_bed=False)
        payload = b'{"v":1,"id":"old","phase":"pressed","t":"2026-03-01T20:00:00Z"}'
        life.message(at, "telecare/haven/sos-r01/help", payload, "native", retained=True)
    found = trial(path, DEMO, DEMO, since=EVENING, until=EVENING + 300 * MINUTE)
    mine = [(one.rule, one.repeats) for one in before_of(found) if one.rule in {"help", "bed_exit"}]
    assert mine == [("help", 0)]


def test_two_processes_say_what_one_does(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(path, synchronous="OFF")) as db:
        stored = fill(db, 6, 4)
    present, other = (centre(6, minutes=minutes, changed=6) for minutes in (10, 30))
    monkeypatch.setattr(trying, "_SMALL", 0)
    heard: list[float] = []
    until = SINCE + timedelta(days=2)
    one = trial(path, present, other, since=SINCE, until=until, processes=1)
    two = trial(path, present, other, since=SINCE, until=until, processes=2, progress=heard.append)
    assert one == two
    assert stored - 5 <= one.readings <= stored, "a night may end after the time that is tried"
    assert one.comparison.gone
    assert heard
    assert heard == sorted(heard)
    assert heard[-1] <= 1


def test_who_is_the_same_in_both_is_judged_once() -> None:
    present = centre(4, minutes=10, changed=4)
    assert differing(present, present) == []
    assert differing(present, centre(4, minutes=20, changed=2)) == ["r000", "r001", "r002", "r003"]
    assert differing(present, centre(5, minutes=10, changed=5)) == ["r000", "r001", "r002", "r003", "r004"]
    document = to_document(present)
    document["care_plans"][1]["rules"] = document["care_plans"][1]["rules"][:-1]
    assert differing(present, centre_from_document(document, file="x")) == ["r001"]


def test_rules_that_do_not_know_each_other_are_judged_once() -> None:
    present, other = DEMO, changed("r03", "bed_exit", minutes=33)
    shared, before, after = split(present, other, ["r03"], around_same=True)
    names = [
        {rule.name for plan in part.care_plans if plan.resident == "r03" for rule in plan.rules}
        for part in (shared, before, after)
    ]
    whole = {rule.name for rule in CentreIndex(DEMO).plan_of("r03").rules}
    # a fall stands for being out of bed: where the one changed, the other may be told differently
    assert names == [whole - {"bed_exit", "fall"}, whole & {"bed_exit", "fall"}, whole & {"bed_exit", "fall"}]
    nothing, before, after = split(present, other, ["r03"], around_same=False)
    assert [plan.rules for plan in nothing.care_plans if plan.resident == "r03"] == [()]
    assert {rule.name for rule in CentreIndex(before).plan_of("r03").rules} == whole


def test_the_history_is_read_in_pieces_that_hold_nothing_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "FRAMES", 50)
    with closing(connect(path)) as writer, closing(reader(path)) as db:
        fill(writer, 1, 1)
        devices = ["gps-r000"]
        whole = (to_ms(SINCE - timedelta(days=3)), to_ms(SINCE))
        found: list[int] = []
        for piece in history.pieces(db, *whole, devices):
            found += [one.frame for one in piece]
            assert not db.in_transaction
            writer.execute("UPDATE journal SET redelivered = redelivered + 1 WHERE seq = 1")
            busy, _, _ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert busy == 0, "the daemon can empty its log between two pieces"
        every = db.execute("SELECT frame FROM readings WHERE device = 'gps-r000' ORDER BY seq").fetchall()
        assert found == [row[0] for row in every]
        half = to_ms(SINCE - timedelta(days=2) + timedelta(hours=12))
        late = [one for piece in history.pieces(db, half, whole[1], devices) for one in piece]
        assert 100 < len(late) < len(found)
        assert min(one.received_at for one in late) >= half


def alert(at: float, *, rule: str = "help", key: str = "help", subject: str = "", last: float | None = None,
          began: float | None = None) -> TrialAlert:  # fmt: skip
    when = EVENING + at * MINUTE
    return TrialAlert(
        resident="r01", rule=rule, rule_key=key, subject=subject, priority=Priority.HIGH, reason=WHY, raised_at=when,
        happened_at=when if began is None else EVENING + began * MINUTE,
        last_at=when if last is None else EVENING + last * MINUTE,
    )  # fmt: skip


PAIRS: dict[str, tuple[list[TrialAlert], list[TrialAlert], tuple[int, int, int]]] = {
    "the same": ([alert(0)], [alert(0)], (1, 0, 0)),
    "told sooner": ([alert(0)], [alert(-10)], (1, 0, 0)),
    "too far apart": ([alert(0)], [alert(16)], (0, 1, 1)),
    "told much later, of the same event": ([alert(20, began=0, last=200)], [alert(90, began=0)], (1, 0, 0)),
    "another rule": ([alert(0)], [alert(0, rule="fall", key="fall")], (0, 1, 1)),
    "another zone": (
        [alert(0, rule="zone_exit", key="zone_exit:a", subject="a")],
        [alert(0, rule="zone_exit", key="zone_exit:b", subject="b")],
        (0, 1, 1),
    ),
    "the nearest": ([alert(0), alert(20)], [alert(19), alert(100)], (1, 1, 1)),
    "each once": ([alert(0)], [alert(1), alert(2)], (1, 0, 1)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name: str) -> None:
    before, after, expected = PAIRS[name]
    kept, gone, new = pair(before, after)
    assert (len(kept), len(gone), len(new)) == expected


def change(verdict: Any, key: str = "help") -> Change:
    return Change(key, key, None, HelpState(), verdict)


def told(*verdicts: tuple[float, str, Any]) -> list[tuple[float, int, str | None]]:
    """Alerts as (minute, repeats, under) after verdicts as (minute, rule, verdict)."""
    ledger = Ledger("r01")
    for minute, key, verdict in verdicts:
        at = EVENING + minute * MINUTE
        ledger.said(change(verdict, key), at, at)
    return [((one.raised_at - EVENING).total_seconds() / 60, one.repeats, one.under) for one in ledger.alerts(EVENING)]


UP, OVER, REMIND = Raised(WHY, Priority.HIGH), Cleared(WHY), Raised(WHY, Priority.HIGH, again=True)


def test_the_same_incident_within_an_hour_is_a_repeat() -> None:
    hour = MERGED / MINUTE
    late = 2 * hour + 1
    assert told((0, "help", UP), (hour, "help", UP), (late, "help", UP)) == [(0, 1, None), (late, 0, None)]
    assert told((0, "x", UP), (30, "x", OVER), (90, "x", UP)) == [(0, 1, None)]
    assert told((0, "x", UP), (30, "x", OVER), (91, "x", UP)) == [(0, 0, None), (91, 0, None)]


def test_a_reminder_of_what_is_closed_is_none() -> None:
    assert told((0, "fall", UP), (30, "fall", REMIND), (200, "fall", REMIND)) == [(0, 1, None)]


def test_what_waits_under_a_stronger_alert_is_none_of_its_own() -> None:
    held = Inhibited("fall", UP, WHY)
    assert told((0, "fall", UP), (5, "bed_exit", held)) == [(0, 0, None)]
    assert told((0, "fall", UP), (500, "bed_exit", held)) == [(0, 0, None), (500, 0, None)]
    assert told((0, "bed_exit", UP), (1, "bed_exit", Superseded("fall", WHY))) == [(0, 0, "fall")]


def test_a_rule_that_breaks_is_told() -> None:
    ledger = Ledger("r01")
    ledger.said(change(Failed("KeyError")), EVENING, EVENING)
    (one,) = ledger.alerts(EVENING)
    assert (one.rule, one.rule_key) == ("failed_rule", "failed_rule:help")


def test_nights_are_wall_clock_nights_also_when_the_clocks_change() -> None:
    malta = ZoneInfo("Europe/Malta")
    daily = Daily(time(22), time(6), malta)
    # 29 March 2026: at 02:00 it becomes 03:00, so 06:00 is 04:00 UTC
    assert night_of(datetime(2026, 3, 29, 3, 59, tzinfo=UTC), daily) == date(2026, 3, 28)
    assert night_of(datetime(2026, 3, 29, 4, 0, tzinfo=UTC), daily) is None
    assert night_of(datetime(2026, 3, 28, 21, 0, tzinfo=UTC), daily) == date(2026, 3, 28)
    assert night_of(datetime(2026, 3, 28, 20, 59, tzinfo=UTC), daily) is None
    since = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
    found = compare({}, {"r01": [alert(0)]}, since=since, until=since + timedelta(days=3), timezone=malta,
                    night=(time(22), time(6)))  # fmt: skip
    assert [day for day, counts in found.nights.items() if counts == Counts()] == [
        date(2026, 3, 27), date(2026, 3, 28), date(2026, 3, 29)
    ]  # fmt: skip
    assert found.nights[date(2026, 3, 1)].new == 1, "22:00 in Malta"


def test_outcomes_are_counted_by_rule_resident_and_device(path: Path) -> None:
    index = CentreIndex(DEMO)
    with closing(connect(path, synchronous="OFF")) as db:

        def raised(at: datetime, resident: str, outcome: Outcome | None, key: str = "bed_exit") -> None:
            from gateway.alerts.model import Incident

            incident = Incident(
                rule=key.partition(":")[0], rule_key=key, priority=Priority.LOW, resident=resident, reason=WHY,
                happened_at=at, device=f"bed-{resident}",
            )  # fmt: skip
            db.execute("BEGIN")
            tx = Tx(db, at)
            number = desk.raise_incident(tx, index, incident).alert
            if outcome is not None:
                desk.answer(tx, index, number, Acknowledge(), "nora", "cli")
                desk.answer(tx, index, number, Close(outcome, "because"), "nora", "cli")
            db.execute("COMMIT")

        for minute, outcome in enumerate(
            (Outcome.REAL, Outcome.FALSE, Outcome.FALSE, Outcome.TEST, Outcome.OTHER, None)
        ):
            raised(EVENING + minute * MINUTE, "r03", outcome)
        raised(EVENING + 50 * MINUTE, "r01", Outcome.TEST)
        mine, other = outcomes(db)
        assert (mine.resident, mine.device, mine.alerts) == ("r03", "bed-r03", 6)
        assert (mine.real, mine.false, mine.test, mine.cancelled, mine.other, mine.open) == (1, 2, 1, 0, 1, 1)
        assert mine.share_false == pytest.approx(2 / 4), "of four that were closed and were no tests"
        assert (other.alerts, other.share_false) == (1, None)
        (whole,) = by_rule([mine, other])
        assert (whole.alerts, whole.resident, whole.device, whole.test) == (7, None, None, 2)
        assert outcomes(db, since=EVENING + 3 * MINUTE, until=EVENING + 5 * MINUTE)[0].alerts == 2
        assert outcomes(db, rule="help") == []
        for key in ("custom:bath", "custom:fever"):
            raised(EVENING + 70 * MINUTE, "r01", None, key)
        found = by_rule(outcomes(db, rule="custom"))
        assert [one.rule for one in found] == ["custom:bath", "custom:fever"], "each own rule is a rule by itself"


def test_a_database_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no database" * 100)
    with pytest.raises((sqlite3.Error, Exception), match="database"):
        trial(tmp_path / "x", DEMO, DEMO, since=EVENING, until=EVENING + MINUTE)
