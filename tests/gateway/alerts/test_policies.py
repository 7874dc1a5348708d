"""Expect, fast-forward, expect: steps to whoever is on shift, variants of policies, rounds, managers' own matters."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.store import rotas
from gateway.store.rotas import Span
from rules.model import Priority, Reason
from tests.gateway.alerts.ward import START, Ward
from tests.gateway.centre.roster import DOCUMENT, house

# START is 22:00 UTC on a Sunday in March: 23:00 in Malta, so ben is on the night shift.


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Ward]:
    ward = Ward(tmp_path / "gateway.db", index=CentreIndex(house()))
    yield ward
    ward.close()


def policy(ward: Ward, **fields: Any) -> None:
    standard = deepcopy(DOCUMENT["policies"][0]) | fields
    ward.index = CentreIndex(house(policies=[standard]))


def test_whoever_is_on_shift_is_told(night: Ward) -> None:
    night.press()
    assert night.told() == ["ben alert"]
    night.forward(120)
    assert night.told() == ["ida alert"]
    night.forward(60)
    assert night.told() == ["sam alert"]


def test_who_is_on_shift_is_asked_at_each_step(night: Ward) -> None:
    policy(night, steps=[{"to": ["ida"], "wait_s": 3600}, {"roles": ["nurse"], "wait_s": 60}])
    night.clock.move_to(datetime(2026, 3, 2, 5, 30, tzinfo=UTC))  # half an hour before the day shift
    night.press()
    assert night.told() == ["ida alert"]
    night.forward(3600)
    assert night.told() == ["nora alert"]


def test_who_was_told_stays_told_when_their_shift_ends(night: Ward) -> None:
    night.clock.move_to(datetime(2026, 3, 2, 5, 59, tzinfo=UTC))
    night.press()
    night.forward(120)
    assert night.told() == ["ben alert", "ida alert"]
    night.going("ida")
    assert night.told() == ["ben taken"]


def test_an_override_counts_at_once(night: Ward) -> None:
    span = Span(START, START + timedelta(hours=8))
    night.do(
        lambda tx: rotas.override(
            tx, night.index, role="nurse", span=span, leaves="ben", comes="ida", why="ill", who="sam"
        )
    )
    night.press()
    assert night.told() == ["ida alert"]


def test_nobody_on_shift_is_not_waited_for(night: Ward) -> None:
    span = Span(START, START + timedelta(hours=8))
    night.do(lambda tx: rotas.override(tx, night.index, role="nurse", span=span, leaves="ben", why="ill", who="sam"))
    night.press()
    assert night.told() == ["ida alert"]
    assert night.alert().step == 1


def test_when_nobody_is_anywhere_the_failsafe_is_told_at_once(night: Ward) -> None:
    policy(night, steps=[{"roles": ["nurse"], "wait_s": 600}], rounds=5)
    span = Span(START, START + timedelta(hours=8))
    night.do(lambda tx: rotas.override(tx, night.index, role="nurse", span=span, leaves="ben", why="ill", who="sam"))
    night.press()
    assert night.told() == ["sam alert"]


def test_whoever_on_shift_declines_is_followed_by_the_next_step(night: Ward) -> None:
    night.press()
    night.told()
    night.declines("ben")
    assert night.told() == ["ida alert"]


def test_relatives_and_the_alarm_centre(night: Ward) -> None:
    policy(night, steps=[{"relatives": True, "wait_s": 60}, {"alarm_centre": True, "roles": ["nurse"], "wait_s": 60}])
    night.press()
    assert night.told() == ["rita alert"]
    night.forward(60)
    assert night.told() == ["ben alert", "arc alert"]


def test_the_steps_are_gone_through_several_times_before_the_failsafe(night: Ward) -> None:
    policy(night, rounds=2)
    night.press()
    night.forward(120)
    night.told()
    night.forward(60)
    assert night.told() == ["ben reminder"]
    night.forward(60)
    assert night.told() == ["ida reminder"]
    night.forward(60)
    assert night.told() == ["sam alert"]
    night.forward(60)
    assert night.told() == ["ben reminder"]


FALLS = {"id": "falls", "rules": ["fall"], "steps": [{"to": ["ida"], "wait_s": 30}]}
LOW = {"id": "low", "priorities": ["low", "medium"], "steps": [{"to": ["nora"], "wait_s": 900}]}
NIGHT = {
    "id": "night",
    "schedule": {"weekly": [{"days": "sat,sun", "from": "22:00", "to": "06:00"}]},
    "steps": [{"to": ["rita"], "wait_s": 60}, {"to": ["ben"], "wait_s": 60}],
}


def test_the_first_variant_that_fits_counts(night: Ward) -> None:
    policy(night, when=[FALLS, LOW, NIGHT])
    night.press(rule="fall", priority=Priority.LOW)
    night.press(priority=Priority.LOW)
    night.press(subject="x")
    assert night.told() == ["ida alert", "nora alert", "rita alert"]
    assert [night.alert(n).policy for n in (1, 2, 3)] == ["standard/falls", "standard/low", "standard/night"]
    night.clock.move_to(datetime(2026, 3, 2, 22, 0, tzinfo=UTC))  # Monday
    night.press(subject="y")
    assert night.told() == ["ben alert"]


def test_when_the_night_ends_the_days_steps_begin(night: Ward) -> None:
    policy(night, when=[NIGHT])
    night.clock.move_to(datetime(2026, 3, 2, 4, 58, 30, tzinfo=UTC))  # 05:58:30 in Malta
    night.press()
    assert night.told() == ["rita alert"]
    night.forward(60)
    assert night.told() == ["ben alert"]
    night.forward(60)  # 06:00:30: not the failsafe of the night, but the first step of the day
    assert night.told() == ["ben reminder"]
    assert (night.alert().policy, night.alert().run) == ("standard", 1)
    night.forward(120)
    assert night.told() == ["ida alert"]
    night.forward(60)
    assert night.told() == ["sam alert"]


def test_what_becomes_more_urgent_goes_by_its_own_steps_at_once(night: Ward) -> None:
    policy(night, when=[LOW])
    night.press(priority=Priority.LOW)
    assert night.told() == ["nora alert"]
    night.forward(10)
    night.press(priority=Priority.HIGH)
    assert night.told() == ["ben repeat", "nora repeat"]
    assert night.wait() == 120


def gap(night: Ward) -> None:
    incident = Incident(
        rule="coverage_gap", rule_key="coverage_gap", priority=Priority.MEDIUM, reason=Reason("x"),
        happened_at=night.clock.now(),
    )  # fmt: skip
    night.do(lambda tx: desk.raise_incident(tx, night.index, incident))


def test_a_matter_of_the_managers_goes_to_them(night: Ward) -> None:
    gap(night)
    assert night.told() == ["sam alert"]
    assert night.wait() == 4 * 3600
    night.forward(4 * 3600)
    assert night.told() == ["sam reminder"]


def test_unless_the_house_says_otherwise_or_has_none(night: Ward) -> None:
    policy(night, when=[{"id": "plan", "rules": ["coverage_gap"], "steps": [{"to": ["ida"], "wait_s": 60}]}])
    gap(night)
    assert night.told() == ["ida alert"]
    night.closes("ida")
    carers = [carer | ({"role": "carer"} if carer["id"] == "sam" else {}) for carer in DOCUMENT["carers"]]
    night.index = CentreIndex(house(carers=carers))
    gap(night)
    assert night.told() == ["ben alert"]


def test_a_centre_with_fewer_steps_leaves_nobody_out_of_the_failsafe(night: Ward) -> None:
    steps = [{"to": [one], "wait_s": 60} for one in ("nora", "ben", "ida")]
    policy(night, steps=steps)
    night.press()
    night.forward(60)
    night.forward(60)
    assert night.told() == ["nora alert", "ben alert", "ida alert"]
    policy(night, steps=steps[:1])
    night.forward(60)
    assert night.told() == ["sam alert"]


def test_after_a_downtime_over_the_end_of_a_shift_one_step_is_taken_at_once(night: Ward) -> None:
    night.press()
    night.told()
    assert night.forward(12 * 3600) == [1]
    assert night.told() == ["ida alert"]
    assert night.forward(0) == []


def test_a_rota_that_breaks_us_holds_back_no_alarm(night: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    policy(night, steps=[{"roles": ["nurse"], "wait_s": 600}, {"to": ["ida"], "wait_s": 600}])

    def broken(*_: object) -> tuple[str, ...]:
        raise TypeError("a mistake of ours")

    monkeypatch.setattr(rotas, "on_shift", broken)
    night.press()
    assert "ida alert" in night.told()
