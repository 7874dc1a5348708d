"""A probe is heard, remembered, and never a reason for an alert."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.centre.index import HOUSE, CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.centre.model import Centre
from gateway.centre.probes import PATIENCE_S
from gateway.pipeline import incidents
from gateway.store import probes, standing
from gateway.store.database import reader
from tests.gateway.pipeline.chain import DEMO, START, Chain, frame


def with_probe(silent_after_s: float | None = None) -> Centre:
    """The demo centre (its house is told of silent devices) and a probe."""
    document = to_document(DEMO)
    probe = {"id": "outside", "type": "probe", "format": "native", "address": "gate"}
    document["devices"].append(probe | ({"silent_after_s": silent_after_s} if silent_after_s else {}))
    return centre_from_document(document)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = Chain(tmp_path, with_probe())
    yield chain
    chain.db.close()


def test_what_it_says_is_remembered_and_found_again_after_a_restart(chain: Chain) -> None:
    def standing_now() -> dict[str, object]:
        return chain.pipeline.probes.standing(chain.now)["outside"]

    assert standing_now() == {
        "heard_at": None, "age_s": None, "round_trip_ms": None, "silent_after_s": PATIENCE_S, "late": True,
    }  # fmt: skip
    taken = chain.take(frame("gate", "status", chain.now, id="a"))
    assert taken.acks == [("telecare/haven/gate/ack", b'{"id":"a"}')]
    assert (standing_now()["late"], standing_now()["round_trip_ms"]) == (False, None)
    chain.clock.move(60)
    chain.take(frame("gate", "status", chain.now, id="b", round_trip_ms=12.5))
    chain.clock.move(PATIENCE_S)
    for _ in range(2):
        assert (standing_now()["age_s"], standing_now()["late"]) == (PATIENCE_S, False)
        assert standing_now()["round_trip_ms"] == 12.5
        chain.restart()
    chain.clock.move(1)
    assert standing_now()["late"] is True
    with closing(reader(chain.path)) as db:
        assert probes.last(db, "gate") == probes.Heard(START + timedelta(seconds=60), 12.5)
        assert probes.last(db, "sos-r01") is None


@pytest.mark.parametrize("nonsense", [-1, 1e9, "12", [1], True])
def test_a_round_trip_that_can_not_be_is_none(chain: Chain, nonsense: object) -> None:
    chain.take(frame("gate", "status", chain.now, round_trip_ms=nonsense))
    assert chain.pipeline.probes.standing(chain.now)["outside"]["round_trip_ms"] is None
    assert chain.count("quarantine") == 0


def test_what_the_broker_had_kept_does_not_count_as_heard(chain: Chain) -> None:
    chain.take(frame("gate", "status", chain.now, retained=True))
    assert chain.pipeline.probes.standing(chain.now)["outside"]["heard_at"] is None
    with closing(reader(chain.path)) as db:
        assert probes.last(db, "gate") is None


def test_neither_its_messages_nor_its_silence_raise_anything(chain: Chain) -> None:
    assert {rule.name for rule in chain.index.rules_of(HOUSE, START).rules} >= {"silent", "low_battery"}
    chain.take(frame("gate", "status", chain.now))
    before = [alert for alert in chain.alerts() if alert.device == "outside" or alert.subject == "outside"]
    # whatever a probe says, even what would be an alert of any other device in the house
    chain.take(frame("gate", "status", chain.now, battery_percent=1, low_battery=True, tamper=True, online=False))
    for _ in range(4):
        chain.clock.move(7 * 86_400)
        chain.tick()
    about = [alert for alert in chain.alerts() if "outside" in {alert.device, alert.subject}]
    assert before == about == []
    rows = chain.rows("SELECT DISTINCT resident FROM readings WHERE device = 'outside'")
    assert [row[0] for row in rows] == [None]


def test_the_same_device_without_the_type_would_be_the_houses_matter() -> None:
    """So that the test above can't pass by chance."""
    document = to_document(with_probe())
    assert CentreIndex(centre_from_document(document)).listeners("outside", START) == ()
    document["devices"][-1]["type"] = "other"
    assert CentreIndex(centre_from_document(document)).listeners("outside", START) == (HOUSE,)


def test_help_from_a_probe_is_told_all_the_same(chain: Chain) -> None:
    """A button that was registered as a probe by mistake: a call for help is never passed over."""
    chain.take(frame("gate", "help", chain.now, phase="pressed"))
    assert [alert.rule for alert in chain.alerts()] == [incidents.OF_NOBODY]


def test_the_last_message_of_a_device_is_none_of_the_probes(chain: Chain) -> None:
    chain.take(frame("sos-r01", "status", chain.now, battery_percent=80))
    heard = chain.now
    chain.clock.move(600)
    chain.take(frame("gate", "status", chain.now))
    with closing(reader(chain.path)) as db:
        found = standing.store(db, chain.path, now=chain.now, probes={"telecare/haven/gate/status"})
        assert found.last_message == heard


def test_the_centre_says_how_long_it_may_be_silent(tmp_path: Path) -> None:
    chain = Chain(tmp_path, with_probe(30))
    chain.take(frame("gate", "status", chain.now))
    chain.clock.move(31)
    assert chain.pipeline.probes.standing(chain.now)["outside"]["late"] is True
    chain.db.close()
