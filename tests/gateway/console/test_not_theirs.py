"""A relative whom the resident, and the policy, no longer names: the messages of yesterday open and end nothing."""

from copy import deepcopy

import pytest

from gateway.alerts import desk, taking
from gateway.alerts.model import Acknowledge, Close, Outcome
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.errors import NotAllowedError
from tests.gateway.console.house import DOCUMENT, House


def _named(house: House, *, named: bool) -> None:
    document = deepcopy(DOCUMENT)
    if named:
        document["residents"][0]["relatives"] = ["rita"]
        document["care_plans"][0]["policy"] = "family"
    house.index = CentreIndex(centre_from_document(document))


async def test_the_link_of_an_earlier_message_opens_and_ends_nothing(house: House) -> None:
    _named(house, named=True)
    number = await house.raise_alert("r01")
    path = house.links.make(number, "rita", "alert").removeprefix("http://house.test")
    async with house.client() as anybody:
        assert "101" in (await anybody.get(path)).text
        _named(house, named=False)
        for answer in (await anybody.get(path), await anybody.post(path, data={"answer": "close", "outcome": "false"})):
            assert answer.status_code == 410
            assert "101" not in answer.text
    assert house.ask("SELECT state FROM alerts") == [("open",)]


async def test_nor_does_an_answer_on_another_way(house: House) -> None:
    _named(house, named=True)
    number = await house.raise_alert("r01")
    _named(house, named=False)
    answer = Close(Outcome.FALSE, "")
    with pytest.raises(NotAllowedError):
        await house.writer.write(
            lambda tx: taking.take(tx, house.index, number, answer, key=None, who="rita", via="telegram")
        )


async def test_whoever_is_on_the_way_can_still_end_it(house: House) -> None:
    _named(house, named=True)
    number = await house.raise_alert("r01")
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, Acknowledge(10), "rita", "link"))
    _named(house, named=False)
    path = house.links.make(number, "rita", "alert").removeprefix("http://house.test")
    async with house.client() as anybody:
        await anybody.post(path, data={"answer": "close", "outcome": "real"})
    assert house.ask("SELECT state, closed_by FROM alerts") == [("closed", "rita")]


async def test_they_are_told_no_more_of_it(house: House) -> None:
    _named(house, named=True)
    number = await house.raise_alert("r01")
    _named(house, named=False)
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, Acknowledge(10), "nora", "page"))
    assert house.ask("SELECT purpose FROM notifications WHERE carer = 'rita'") == [("alert",)]
