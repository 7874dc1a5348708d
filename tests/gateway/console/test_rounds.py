"""The page of the round list: what is due, checked off, brought back when the sensor still says so."""

from copy import deepcopy
from datetime import timedelta

import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.store.rounds import COMES_BACK
from gateway.store.writer import Tx
from rules.continence import ContinenceState, Stand
from rules.registry import encode_states
from tests.gateway.console.house import DOCUMENT, NOW, House, field

HOUR = timedelta(hours=1)


@pytest.fixture
async def agreed(house: House) -> House:
    """A change is due for r01, who agreed, and for r02, who did not."""
    document = deepcopy(DOCUMENT)
    document["centre"]["rounds"] = ["04:00"]
    document["care_plans"][0] |= {"rules": [{"rule": "help"}, {"rule": "continence"}], "consents": {"continence": True}}
    house.index = CentreIndex(centre_from_document(document))
    states = encode_states(
        {"continence": ContinenceState(Stand.DUE, NOW, NOW - HOUR, NOW + HOUR, NOW + HOUR / 2)}
    ).decode()

    def work(tx: Tx) -> None:
        for resident in ("r01", "r02"):
            tx.db.execute("INSERT INTO rule_states (resident, states) VALUES (?, ?)", (resident, states))

    await house.writer.write(work)
    return house


async def test_a_line_is_checked_off_and_comes_back_if_the_sensor_still_says_so(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        shown = (await nora.get("/rounds")).text
        assert "Change due" in shown
        assert "Carmen Vella" in shown
        assert "Joseph" not in shown
        form = {name: field(shown, name) for name in ("_csrf_token", "resident", "key", "by", "when")}
        assert (await nora.post("/rounds/check", data={**form, "result": "done"})).status_code == 303
        after = (await nora.get("/rounds")).text
        assert "Nothing is due." in after
        assert "Nora Borg, 03:12" in after
        assert (await nora.post("/rounds/check", data={**form, "result": "done"})).status_code == 303
        assert agreed.ask("SELECT result, who FROM round_checks") == [("done", "nora")]
        agreed.clock.move(COMES_BACK.total_seconds())
        assert "the sensor still says so" in (await nora.get("/rounds")).text
    assert agreed.ask("SELECT who, object FROM audit WHERE action = 'round.check'") == [("nora", "resident/r01")]


async def test_later_stays_on_the_list(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        wanted = {"resident": "r01", "since": (NOW - HOUR).isoformat(), "result": "later"}
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 200
        shown = (await nora.get("/rounds?by=room")).text
        assert "Change due" in shown
        assert ": later" in shown
        wanted["since"] = NOW.isoformat()
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 404
        wanted |= {"resident": "r02", "since": (NOW - HOUR).isoformat()}
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 404


async def test_the_printed_list_is_for_the_next_round(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        assert "Carmen Vella" in (await nora.get("/rounds/print")).text  # due at 3:42, the round is at 4:00
    async with agreed.signed_in("rita") as rita:
        assert (await rita.get("/rounds/print")).status_code == 403


async def test_another_ward_is_not_on_the_list(agreed: House) -> None:
    document = deepcopy(DOCUMENT)
    document["residents"][0]["ward"] = "north"
    document["carers"][0]["wards"] = ["south"]
    document["care_plans"][0] |= {"rules": [{"rule": "help"}, {"rule": "continence"}], "consents": {"continence": True}}
    agreed.index = CentreIndex(centre_from_document(document))
    async with agreed.signed_in() as nora, agreed.signed_in("sam") as sam:
        assert "Nothing is due." in (await nora.get("/rounds")).text
        assert "Carmen Vella" in (await sam.get("/rounds")).text
        wanted = {"resident": "r01", "since": (NOW - HOUR).isoformat(), "result": "done"}
        assert (await nora.post("/api/rounds/check", json=wanted)).status_code == 404
