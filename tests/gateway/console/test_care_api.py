"""The API for a night in numbers and the round list: who may look, at whom, and that it is written down."""

from copy import deepcopy
from datetime import timedelta

import msgspec
import pytest

from devices.model import Bed
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import to_ms
from gateway.store.writer import Tx
from rules.continence import ContinenceState, Stand
from rules.registry import encode_states
from tests.gateway.console.house import DOCUMENT, NOW, House


@pytest.fixture
async def agreed(house: House) -> House:
    """r01 agreed to both, r02 to nothing; both have the same readings and a change that is due."""
    document = deepcopy(DOCUMENT)
    document["care_plans"][0] |= {
        "consents": {"sleep": True, "continence": True},
        "rules": [{"rule": "help"}, {"rule": "continence"}],
    }
    house.index = CentreIndex(centre_from_document(document))
    hour = timedelta(hours=1)
    due = ContinenceState(Stand.DUE, NOW, NOW - hour, NOW + hour, NOW + hour / 2)

    def work(tx: Tx) -> None:
        for number, (resident, in_bed) in enumerate([("r01", True), ("r02", True), ("r01", False), ("r02", False)]):
            at = to_ms(NOW - (hour * 3 if in_bed else hour))
            fields = msgspec.json.encode(Bed(device="bed", in_bed=in_bed)).decode()
            row = (number, 1, "bed", resident, "bed", None, at, fields)
            tx.db.execute("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        for resident in ("r01", "r02"):
            states = encode_states({"continence": due}).decode()
            tx.db.execute("INSERT INTO rule_states (resident, states) VALUES (?, ?)", (resident, states))

    await house.writer.write(work)
    return house


async def test_a_night(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        night = (await nora.get("/api/residents/r01/sleep")).json()
        assert night["day"] == "2026-02-28"
        assert night["in_bed"] == {"start": "2026-02-28T23:12:00Z", "end": "2026-03-01T01:12:00Z"}
        assert (await nora.get("/api/residents/r01/sleep?date=2026-02-27")).json()["in_bed"] is None
        assert (await nora.get("/api/residents/r01/sleep?date=soon")).status_code == 400
        assert (await nora.get("/api/residents/r02/sleep")).status_code == 403
        assert (await nora.get("/api/residents/r99/sleep")).status_code == 404
    looks = agreed.ask("SELECT who, object FROM audit WHERE action = 'look' AND object LIKE 'sleep%' ORDER BY seq")
    assert looks == [("nora", "sleep/r01/2026-02-28"), ("nora", "sleep/r01/2026-02-27")]


async def test_the_round_list(agreed: House) -> None:
    async with agreed.signed_in() as nora:
        found = (await nora.get("/api/rounds")).json()["due"]
        assert [(one["room"], one["what"]) for one in found] == [("101", "due")]
        assert (await nora.get("/api/rounds", params={"until": "2026-03-01T02:30:00Z"})).json()["due"] == []
        assert len((await nora.get("/api/rounds", params={"until": "2026-03-01T02:42:00Z"})).json()["due"]) == 1
        assert (await nora.get("/api/rounds", params={"until": "2026-03-01T02:42:00"})).status_code == 422
    assert agreed.ask("SELECT count(*) FROM audit WHERE object = 'rounds'") == [(3,)]


async def test_only_staff_may_look(agreed: House) -> None:
    async with agreed.client() as nobody, agreed.signed_in("rita") as rita:
        for path in ("/api/rounds", "/api/residents/r01/sleep"):
            assert (await nobody.get(path)).status_code == 401
            assert (await rita.get(path)).status_code == 403
    assert agreed.ask("SELECT count(*) FROM audit WHERE object = 'rounds' OR object LIKE 'sleep%'") == [(0,)]
