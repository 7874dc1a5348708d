"""A simulated carer answers on the gateway's own link page: what both think of the form must be the same."""

import math
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from simulators.carer import Answer, Carer, Manners, Outcome
from simulators.pace import Pace
from tests.gateway.console.house import House
from tests.simulators.conftest import START


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    one = House(tmp_path)
    await one.start()
    yield one
    await one.stop()


def carer(**manners: float) -> Carer:
    habits = Manners(**{"looks": 1, "declines": 0, **manners})  # type: ignore[arg-type]
    return Carer(rng=Random(1), manners=habits, pace=Pace(START, speed=math.inf))


def link(house: House, alert: int) -> str:
    return house.links.make(alert, "nora", "alert").replace("http://house.test", house.url)


async def test_an_alert_is_dealt_with_from_its_link(house: House) -> None:
    alert = await house.raise_alert()
    visit = await carer().attend(link(house, alert))
    assert visit.steps == (
        (Answer.GOING, Outcome.TAKEN),
        (Answer.ARRIVE, Outcome.TAKEN),
        (Answer.CLOSE, Outcome.TAKEN),
    )
    assert house.ask("SELECT state FROM alerts WHERE id = ?", alert) == [("closed",)]
    again = await carer().attend(link(house, alert))
    assert again.steps == ((Answer.GOING, Outcome.NOT_OFFERED),)


async def test_a_declined_alert_stays_open(house: House) -> None:
    alert = await house.raise_alert()
    visit = await carer(declines=1).attend(link(house, alert))
    assert visit.steps == ((Answer.DECLINE, Outcome.TAKEN),)
    assert house.ask("SELECT state FROM alerts WHERE id = ?", alert) == [("open",)]


async def test_a_link_that_was_cut_off_is_refused(house: House) -> None:
    alert = await house.raise_alert()
    visit = await carer().attend(link(house, alert)[:-3])
    assert visit.steps == ((Answer.GOING, Outcome.REFUSED),)
    assert house.ask("SELECT state FROM alerts WHERE id = ?", alert) == [("open",)]
