"""What rules want of devices goes through the queue of commands: consented to, limited, audited."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.centre.load import centre_from_document, to_document
from gateway.commands import queue
from gateway.commands.table import State
from tests.gateway.pipeline.chain import DEMO, Chain, frame


@pytest.fixture
def lit(tmp_path: Path) -> Iterator[Chain]:
    """The demo centre at 22:00; r01 has a lamp that lights the way, and a tracker that is located at an exit."""
    document = to_document(DEMO)
    document["devices"].append({"id": "lamp-r01", "type": "lamp", "format": "native"})
    document["assignments"].append({"device": "lamp-r01", "resident": "r01", "from": "2025-01-01T00:00:00Z"})
    [plan] = [plan for plan in document["care_plans"] if plan["resident"] == "r01"]
    plan["rules"] = [{"rule": "path_light", "lamp": "lamp-r01"}, {"rule": "fall"}, {"rule": "answer", "to": "fall"}]
    plan["consents"]["location"] = "alarm"
    chain = Chain(tmp_path, centre_from_document(document))
    yield chain
    chain.db.close()


def bed(chain: Chain, *, in_bed: bool) -> None:
    chain.take(frame("bed-r01", "bed", chain.now, in_bed=in_bed))


def test_the_way_is_lit_and_the_audit_says_why(lit: Chain) -> None:
    bed(lit, in_bed=False)
    [command] = queue.commands(lit.db)
    assert (command.device, command.command, command.state) == ("lamp-r01", "light-on", State.QUEUED)
    assert (command.who, command.resident) == ("rule:path_light:lamp-r01", "r01")
    assert command.why == "Out of bed at night: light for the way."
    assert lit.rows("SELECT who FROM audit WHERE action = 'command.request'") == [("rule:path_light:lamp-r01",)]
    lit.clock.move(20 * 60)
    lit.tick()
    assert [one.command for one in queue.commands(lit.db)] == ["light-off", "light-on"]
    assert lit.alerts() == []


def test_a_restart_in_between_still_switches_it_off(lit: Chain) -> None:
    bed(lit, in_bed=False)
    lit.clock.move(21 * 60)
    lit.restart()
    assert [one.command for one in queue.commands(lit.db)] == ["light-off", "light-on"]


def test_located_in_an_alarm_only_and_only_so_often(lit: Chain) -> None:
    lit.take(frame("gps-r01", "fall", lit.now, phase="detected"))
    [command] = queue.commands(lit.db)
    assert (command.device, command.command, command.state) == ("gps-r01", "locate", State.QUEUED)
    lit.clock.move(60)
    lit.take(frame("gps-r01", "fall", lit.now, phase="detected"))
    assert len(queue.commands(lit.db)) == 1
