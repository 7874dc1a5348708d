"""What nobody wears: the house's own rules hear it, and those residents' rules that name it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.centre.index import HOUSE, CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.pipeline import incidents
from rules.low_battery import LowBatteryRule
from tests.gateway.pipeline.chain import DEMO, START, Chain, frame


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Chain]:
    """The demo centre with a device in the hall, and rules of the house: low battery, by policy "night"."""
    document = to_document(DEMO)
    document["devices"].append({"id": "hall", "type": "other", "format": "native"})
    document["house_plans"] = [{"policy": "night", "rules": [{"rule": "low_battery"}]}]
    chain = Chain(tmp_path, centre_from_document(document))
    yield chain
    chain.db.close()


def status(chain: Chain, device: str, percent: float) -> None:
    chain.take(frame(device, "status", chain.now, battery_percent=percent))


def test_the_house_has_an_alert_of_its_own(house: Chain) -> None:
    status(house, "hall", 4)
    (alert,) = house.alerts("low_battery")
    assert (alert.resident, alert.device, alert.policy) == (None, "hall", "night")
    assert house.count("readings") == 1
    house.restart()
    status(house, "hall", 95)
    assert house.alerts("low_battery")[0].state == "cleared"


def test_what_a_resident_wears_is_not_the_houses(house: Chain) -> None:
    status(house, "sos-r03", 4)
    assert {alert.resident for alert in house.alerts()} <= {"r03"}


def test_a_call_for_help_in_the_hall_is_told_as_nobodys_and_not_as_unplanned(house: Chain) -> None:
    house.take(frame("hall", "help", house.now, phase="pressed"))
    assert [alert.rule for alert in house.alerts()] == [incidents.OF_NOBODY]


def test_a_resident_hears_what_their_rule_names_and_no_other_rule_does(
    house: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, bool]] = []
    step = LowBatteryRule.step

    def listen(self: LowBatteryRule, state, event):  # type: ignore[no-untyped-def]
        if hasattr(event, "reading"):
            heard.append((event.device, event.own))
        return step(self, state, event)

    monkeypatch.setattr(LowBatteryRule, "step", listen)
    monkeypatch.setattr(LowBatteryRule, "others", frozenset({"hall"}), raising=False)
    house.index = CentreIndex(house.index.centre)
    with_it = [name for name in house.index.residents if "hall" in house.index.rules_of(name, START).others]
    assert with_it
    assert house.index.listeners("hall", START) == (HOUSE, *with_it)
    house.restart()
    status(house, "hall", 50)
    assert ("hall", True) in heard
    assert heard.count(("hall", False)) >= len(with_it)


def test_readings_count_once_whoever_hears_them(house: Chain) -> None:
    taken = house.take(frame("hall", "status", house.now, battery_percent=50))
    assert taken.readings == 1
