"""A device that goes away takes its rules' states with it: when it comes back, they begin anew."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.centre.model import Assignment, Centre
from rules.registry import decode_states
from tests.gateway.pipeline.chain import DEMO, START, Chain, frame

DAY = timedelta(days=1)
AWAY, BACK = START + DAY, START + 21 * DAY


def lent() -> Centre:
    """The demo centre, in which r01 is without the tracker for three weeks."""
    kept = tuple(one for one in DEMO.assignments if one.device != "gps-r01")
    before = {"device": "gps-r01", "resident": "r01", "from": START - DAY, "to": AWAY}
    again = {"device": "gps-r01", "resident": "r01", "from": BACK}
    worn = (Assignment.model_validate(before), Assignment.model_validate(again))
    return DEMO.model_copy(update={"assignments": (*kept, *worn)})


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path, lent())


def stored_keys(chain: Chain) -> set[str]:
    ((states,),) = chain.rows("SELECT states FROM rule_states WHERE resident = 'r01'")
    return set(decode_states(states.encode()))


def told_silent(chain: Chain) -> list[str | None]:
    return [alert.device for alert in chain.alerts("silent") if alert.device == "gps-r01"]


def test_what_a_device_said_weeks_ago_is_no_silence_of_today(chain: Chain) -> None:
    chain.take(frame("gps-r01", "status", chain.now, battery_percent=90))
    chain.clock.move_to(AWAY - timedelta(hours=23))
    assert "silent:gps-r01" in stored_keys(chain)
    chain.clock.move_to(AWAY)
    chain.tick(everybody=True)
    already = told_silent(chain)  # it was quiet on the last day
    assert {key for key in stored_keys(chain) if key.endswith(":gps-r01")} == set()
    assert {"help", "silent:sos-r01"} <= stored_keys(chain)
    chain.clock.move_to(BACK)
    chain.tick(everybody=True)
    chain.clock.move(3600)
    chain.tick()
    assert told_silent(chain) == already
    chain.clock.move(2 * 3600)  # from now on its silence counts as ever
    chain.tick()
    assert len(told_silent(chain)) == len(already) + 1


def test_a_tick_of_a_deadline_lets_go_of_nothing(chain: Chain) -> None:
    chain.take(frame("gps-r01", "status", chain.now, battery_percent=90))
    before = stored_keys(chain)
    chain.clock.move(60)
    chain.tick()
    assert stored_keys(chain) == before
