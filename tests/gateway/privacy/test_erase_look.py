"""What goes with an erased person, and what stays: named beforehand, and so it comes."""

from contextlib import closing
from copy import deepcopy
from functools import partial
from pathlib import Path

import pytest

from gateway.store import centres, erase, erase_look
from gateway.store.database import reader
from gateway.store.erase_look import ErasureLook, Goes, Stays
from tests.gateway.privacy.life import DOCUMENT, Life


@pytest.fixture
def life(tmp_path: Path) -> Life:
    life = Life(tmp_path)
    life.live()
    return life


def changed(life: Life, *, garden_of_others: bool) -> None:
    """A garden that her plan names, and in one version only also that of somebody else; a tracker of her relative."""
    document = deepcopy(DOCUMENT)
    shape = {"radius_m": 50.0, "geometry": {"type": "Point", "coordinates": [14.4, 35.8]}}
    document["zones"] += [{"id": name, "name": name.title(), **shape} for name in ("garden", "yard")]
    document["assignments"] = [
        one | ({"to": "2026-02-27T00:00:00Z"} if one["resident"] == "r01" else {}) for one in document["assignments"]
    ]
    document["care_plans"][0]["rules"] += [{"rule": "zone_exit", "zone": zone} for zone in ("garden", "yard")]
    document["devices"].append({"id": "gps-rita", "type": "tracker", "format": "native", "carer": "rita"})
    if garden_of_others:
        document["care_plans"][1] |= {"consents": {"location": "always"}}
        document["care_plans"][1]["rules"] = [{"rule": "help"}, {"rule": "zone_exit", "zone": "garden"}]
    life.apply(document)


def test_what_is_the_house_s_stays_and_everything_is_named(life: Life) -> None:
    changed(life, garden_of_others=True)
    changed(life, garden_of_others=False)
    with closing(reader(life.path)) as db:
        assert erase_look.look(db, "r01") == ErasureLook(
            goes=[Goes("zones/flat-of-gorga", "The flat in Strait Street"), Goes("zones/yard", "Yard")],
            stays=[Stays("carers/rita", "Rita Zahra-Only", ["devices/gps-rita"]), Stays("zones/garden", "Garden", [])],
        )
        plan = erase.plan(db, "r01", life.clock.now())
    assert plan.centre is not None
    assert "rita" in plan.centre.carers
    life.write(partial(erase.begin, wanted=plan, who="ada"))
    with closing(reader(life.path)) as db:
        left = centres.document_of(db, centres.latest_number(db))
    assert left is not None
    assert [one["id"] for one in left["zones"]] == ["garden"]
