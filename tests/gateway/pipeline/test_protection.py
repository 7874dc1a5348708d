"""Protection is kept with the states, told when it is lost, and survives a restart."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.model import Centre
from gateway.pipeline.protecting import Protecting
from gateway.store.protection import Kept, stored
from rules.protection import Level, Protections
from tests.gateway.pipeline.chain import DEMO, START, Chain, frame

FIX = {"lon": 14.5146, "lat": 35.8989, "acc": 5}


def with_rules(*rules: str) -> Centre:
    """The demo centre in which r01 has only these rules."""
    plans = tuple(
        plan.model_copy(update={"rules": tuple(rule for rule in plan.rules if rule.name in rules)})
        if plan.resident == "r01" else plan
        for plan in DEMO.care_plans
    )  # fmt: skip
    return DEMO.model_copy(update={"care_plans": plans})


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path, with_rules("help", "silent"))


def kept(chain: Chain, resident: str = "r01") -> Kept:
    return stored(chain.db)[resident]


def all_heard(chain: Chain) -> None:
    chain.take(
        frame("gps-r01", "status", chain.now, battery_percent=90),
        frame("sos-r01", "status", chain.now, battery_percent=90),
    )


def test_everybody_is_looked_at_at_the_start(chain: Chain) -> None:
    assert set(stored(chain.db)) == set(DEMO_RESIDENTS)
    assert kept(chain).level is Level.DEGRADED
    assert "{device} was not heard yet." in [reason.text for reason in kept(chain).missing]
    assert chain.alerts("unprotected") == []


def test_it_follows_the_devices(chain: Chain) -> None:
    all_heard(chain)
    assert kept(chain) == Kept(Level.PROTECTED, (), START)
    chain.clock.move(10)
    chain.take(frame("sos-r01", "status", chain.now, battery_percent=8))
    assert (kept(chain).level, kept(chain).since) == (Level.DEGRADED, START + timedelta(seconds=10))


def test_a_silent_device_is_told_once_as_silent(chain: Chain) -> None:
    all_heard(chain)
    chain.clock.move(3 * 86_400)
    chain.tick()
    assert kept(chain).level is Level.UNPROTECTED
    assert {alert.device for alert in chain.alerts("silent") if alert.resident == "r01"} >= {"gps-r01", "sos-r01"}
    assert chain.alerts("unprotected") == []


def devices_are_taken(chain: Chain) -> None:
    left = DEMO.model_copy(
        update={
            "care_plans": chain.index.centre.care_plans,
            "assignments": tuple(a for a in DEMO.assignments if a.resident != "r01"),
        }
    )
    old, chain.index = chain.index, CentreIndex(left)
    chain.write(lambda tx: chain.pipeline.replan(tx, old))
    chain.tick(everybody=True)


def test_losing_the_last_device_is_told_once_also_over_a_restart(chain: Chain) -> None:
    all_heard(chain)
    whole = chain.index
    devices_are_taken(chain)
    chain.restart()
    chain.tick(everybody=True)
    (alert,) = chain.alerts("unprotected")
    assert (alert.resident, alert.priority, alert.repeats) == ("r01", "medium", 0)
    assert alert.reason.text == "No device can call for help."
    chain.index = whole
    chain.tick(everybody=True)
    all_heard(chain)
    (alert,) = chain.alerts("unprotected")
    assert alert.cleared_at is not None
    assert kept(chain).level is Level.PROTECTED


def test_nothing_is_written_when_nothing_changes(chain: Chain) -> None:
    all_heard(chain)
    changes = chain.db.total_changes
    chain.write(lambda tx: Protecting(chain.db, lambda: chain.index).follow(tx, {}, {}, ()))
    assert chain.db.total_changes == changes
    before = kept(chain)
    chain.clock.move(1000)
    all_heard(chain)
    assert kept(chain) == before


def test_a_break_in_it_stops_no_alarm(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError

    monkeypatch.setattr(Protections, "of", broken)
    chain.take(frame("sos-r01", "help", chain.now, phase="pressed"))
    assert [alert.rule for alert in chain.alerts()] == ["help"]


DEMO_RESIDENTS = [resident.id for resident in DEMO.residents]
