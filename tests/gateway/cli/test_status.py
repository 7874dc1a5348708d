"""telecare status."""

from contextlib import closing
from datetime import UTC, datetime

from gateway.store.database import connect
from gateway.store.protection import Kept, store
from rules.model import Reason
from rules.protection import Level
from tests.gateway.cli.desk import House

SINCE = datetime(2026, 3, 1, 21, 15, tzinfo=UTC)
SILENT = Reason("{device} is silent since {heard_at}.", {"device": "gps-r01", "heard_at": 1_772_399_400_000})


def known(house: House) -> None:
    with closing(connect(house.path)) as db, db:
        store(db, "r02", Kept(Level.PROTECTED, (), SINCE))
        store(
            db, "r03", Kept(Level.DEGRADED, (Reason("The link of {device} is unsteady.", {"device": "x\x1b"}),), SINCE)
        )
        store(db, "r01", Kept(Level.UNPROTECTED, (Reason("No device can call for help."), SILENT), SINCE))


def test_the_least_protected_come_first(house: House) -> None:
    known(house)
    found = {line["resident"]: line for line in house.run("status", "--json").json()}
    assert list(found)[-3:] == ["r01", "r03", "r02"]
    assert found["r01"] == {
        "resident": "r01", "room": "101", "level": "unprotected", "since": "2026-03-01T21:15:00Z",
        "missing": ["No device can call for help.", found["r01"]["missing"][1]],
    }  # fmt: skip
    assert found["r01"]["missing"][1].startswith("gps-r01 is silent since ")
    assert found["r02"]["missing"] == []


def test_who_was_not_looked_at_is_not_called_protected(house: House) -> None:
    lines = house.run("status", "--json").json()
    assert {line["level"] for line in lines} == {None}
    assert "not known yet" in house.run("status").out


def test_who_left_with_an_open_alert_is_named_by_the_room(house: House) -> None:
    number = house.raised()
    assert "not in the centre" not in house.run("status").out
    house.take_out("r01")
    assert "! 101 (r01): not in the centre any more, and an alert is still open." in house.run("status").out
    assert "r01" not in {line["resident"] for line in house.run("status", "--json").json()}
    house.run("close", number, "--outcome", "false")
    assert "not in the centre" not in house.run("status").out


def test_the_table_is_for_people(house: House) -> None:
    known(house)
    out = house.run("status").out
    assert "2026-03-01 22:15:00 CET" in out
    assert "No device can call for help." in out
    assert "Carmen" not in out
    assert "\x1b" not in out
    assert out.index("unprotected") < out.index("degraded")
