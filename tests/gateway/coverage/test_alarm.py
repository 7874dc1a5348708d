"""Expect, fast-forward, expect: gaps ahead are told to the managers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts import queries
from gateway.centre.index import CentreIndex
from gateway.coverage import alarm
from gateway.coverage.alarm import Said
from gateway.coverage.report import look_ahead
from tests.gateway.alerts.ward import Ward
from tests.gateway.centre.roster import WEEK, house

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, 09:00 in Malta."""


class Plan(Ward):
    def look(self, *, daily: bool = False) -> Said:
        report = look_ahead(self.db, self.index, self.clock.now())
        return self.do(lambda tx: alarm.tell(tx, self.index, report, daily=daily))

    def nobody_on(self, days: str) -> None:
        others = ",".join(day for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun") if day not in days)
        weekly: list[dict[str, Any]] = [{"days": others, "from": "00:00", "to": "00:00", "carers": ["nora"]}]
        self.index = CentreIndex(house(shifts=[{"id": "nurse", "weekly": weekly}]))

    def fixed(self) -> None:
        self.index = CentreIndex(house(shifts=[WEEK]))

    def day(self, days: float = 1) -> None:
        self.clock.move(days * 86400)
        self.told()


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    ward = Plan(tmp_path / "gateway.db", index=CentreIndex(house()))
    ward.clock.move_to(NOW)
    yield ward
    ward.close()


def test_no_gaps_no_alert(plan: Plan) -> None:
    assert (plan.look(), plan.look(daily=True)) == (Said.NOTHING, Said.NOTHING)
    assert queries.open_alerts(plan.db) == []
    assert alarm.last_daily(plan.db) == NOW


def test_a_gap_far_ahead_waits_for_the_daily_look(plan: Plan) -> None:
    plan.nobody_on("fri")
    assert plan.look() is Said.NOTHING
    assert plan.look(daily=True) is Said.TOLD
    assert plan.told() == ["sam alert"]
    alert = plan.alert()
    assert (alert.rule, alert.priority, alert.resident) == ("coverage_gap", "medium", None)
    assert [mark.values["role"] for mark in alert.marks] == ["nurse"]
    assert plan.look() is Said.NOTHING


def test_a_gap_that_comes_near_is_told_at_once(plan: Plan) -> None:
    plan.nobody_on("tue")
    assert plan.look() is Said.TOLD
    assert plan.told() == ["sam alert"]
    assert plan.look() is Said.NOTHING


def test_a_known_gap_is_told_again_when_it_is_near(plan: Plan) -> None:
    plan.nobody_on("thu")
    plan.look(daily=True)
    plan.day(1.5)
    assert plan.look() is Said.NOTHING
    plan.day(0.5)
    assert plan.look() is Said.TOLD
    assert plan.told() == ["sam repeat"]


def test_every_day_again_as_long_as_nobody_mends_it(plan: Plan) -> None:
    plan.nobody_on("sun")
    plan.look(daily=True)
    plan.day()
    assert plan.look(daily=True) is Said.TOLD
    assert plan.told() == ["sam repeat"]
    assert plan.look(daily=True) is Said.NOTHING


def test_what_a_manager_has_closed_is_quiet_for_a_day(plan: Plan) -> None:
    plan.nobody_on("sun")
    plan.look(daily=True)
    plan.closes("sam")
    plan.clock.move(3600)
    assert plan.look(daily=True) is Said.NOTHING
    plan.day()
    assert plan.look(daily=True) is Said.TOLD
    assert plan.told() == ["sam alert"]


def test_mended_is_cleared_and_a_person_still_looks(plan: Plan) -> None:
    plan.nobody_on("fri")
    plan.look(daily=True)
    plan.told()
    plan.fixed()
    assert (plan.look(), plan.look()) == (Said.CLEARED, Said.NOTHING)
    assert plan.alert().state == "cleared"
    assert plan.told() == ["sam cleared"]
    plan.nobody_on("fri")
    plan.clock.move(60)
    assert plan.look(daily=True) is Said.TOLD
    assert plan.alert().state == "open"


def test_the_daily_look_is_in_the_audit(plan: Plan) -> None:
    plan.look(daily=True)
    plan.clock.move(timedelta(days=1).total_seconds())
    plan.look()
    rows = plan.db.execute("SELECT detail FROM audit WHERE action = 'coverage.check'").fetchall()
    assert [row[0] for row in rows] == ['{"gaps":0}']
