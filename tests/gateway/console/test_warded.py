"""Managers with wards: the administration is theirs as far as their wards go, and nobody widens their own."""

from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gateway.centre.model import Carer
from gateway.console.guards import Visitor
from gateway.console.warded import check_change
from gateway.errors import NotAllowedError
from tests.gateway.console.test_every_route import HERE, SHOWS_HER, Walked


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Walked]:
    house = Walked(tmp_path)
    await house.begin()
    try:
        yield house
    finally:
        await house.stop()


def changed(table: str, key: str, **values: object) -> dict[str, Any]:
    document = deepcopy(HERE)
    entry = next(one for one in document[table] if key in {one.get("id"), one.get("resident"), one.get("device")})
    entry |= values
    return document


REFUSED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("mia", "her own wards", changed("carers", "mia", wards=[])),
    ("mia", "her own role", changed("carers", "mia", role="admin")),
    ("mia", "another manager", changed("carers", "sam", name="Sam Other")),
    ("mia", "one more manager", changed("carers", "nora", role="manager")),
    ("mia", "a room of another ward", changed("residents", "r01", room="1")),
    ("mia", "somebody of another ward becomes hers", changed("residents", "r01", ward="south")),
    ("mia", "a plan of another ward", changed("care_plans", "r01", rules=[])),
    ("mia", "a device that is worn there", changed("devices", "gps-1", address="x")),
    ("mia", "it is given on", changed("assignments", "gps-1", resident="r02")),
    ("mia", "somebody new in another ward", {**HERE, "residents": [*HERE["residents"], {"id": "r9", "ward": "west"}]}),
    ("mia", "somebody is taken out", {**HERE, "residents": HERE["residents"][1:]}),
    ("sam", "the wards of a manager", changed("carers", "mia", wards=["north"])),
    ("sam", "the role of a manager", changed("carers", "mia", role="carer")),
    ("sam", "his own wards", changed("carers", "sam", wards=["north"])),
)


def is_refused(carer: Carer, after: dict[str, Any]) -> bool:
    try:
        check_change(Visitor(carer), HERE, after)
    except NotAllowedError:
        return True
    return False


async def test_nobody_changes_more_than_they_were_given(house: Walked) -> None:
    carers = house.index.carers
    for who, what, after in REFUSED:
        assert is_refused(carers[who], after), f"{who}: {what}"
        check_change(Visitor(carers["ada"]), HERE, after)
    for after in (changed("residents", "r02", room="9"), changed("residents", "r02", ward="north"),
                  changed("carers", "mia", name="Mia"), changed("carers", "wes", wards=["north"])):  # fmt: skip
        check_change(Visitor(carers["mia"]), HERE, after)


async def test_a_manager_with_wards_administers_her_wards_only(house: Walked) -> None:
    whole = {"/admin/versions", "/admin/versions/2", "/admin/exchange", "/admin/exchange/centre.toml", "/audit",
             "/api/centre", "/api/centre/versions", "/api/centre/versions/2", "/api/audit"}  # fmt: skip
    entries = ("residents/r01", "care_plans/r01", "devices/gps-1")
    async with house.with_token("mia") as mia, house.with_token("sam") as sam:
        for address in whole:
            answer = await mia.get(address)
            assert (answer.status_code, "whole house" in answer.text) == (403, True), address
            assert (await sam.get(address)).status_code == 200, address
        for one in entries:
            for address in (f"/api/centre/tables/{one}", f"/admin/entry/{one}", f"/admin/remove/{one}"):
                assert (await mia.get(address)).status_code == 404, address
                assert (await sam.get(address)).status_code == 200, address
            address, if_any = f"/api/centre/tables/{one}", {"If-Match": "*"}
            assert (await mia.put(address, json={"id": one[-3:]}, headers=if_any)).status_code == 404, one
            assert (await mia.delete(address, headers=if_any)).status_code == 404, one
        for table in ("residents", "care_plans", "assignments", "devices"):
            for address in (f"/admin/list/{table}", f"/api/centre/tables/{table}"):
                assert SHOWS_HER.search((await sam.get(address)).text) or table == "devices", address
                assert not SHOWS_HER.search((await mia.get(address)).text), address
        plan = {"plan": {"resident": "r01", "policy": "standard", "rules": [{"rule": "help"}]}}
        assert (await mia.post("/api/centre/trials", json=plan)).status_code == 422
        hers = (await mia.get("/api/centre/tables/residents/r02")).json()["entry"]
        assert "Joseph Borg" in (await mia.get("/admin/list/residents")).text
        saved = await mia.put(
            "/api/centre/tables/residents/r02", json={**hers, "room": "R-9"}, headers={"If-Match": "*"}
        )
        assert saved.status_code == 200, saved.text
        assert (await mia.post(f"/api/centre/versions/{saved.json()['version']}/undo")).status_code == 403
        herself = (await mia.get("/api/centre/tables/carers/mia")).json()["entry"]
        wider = await mia.put("/api/centre/tables/carers/mia", json={**herself, "wards": []}, headers={"If-Match": "*"})
        assert (wider.status_code, "administrator" in wider.text) == (403, True)
        page = (await mia.get(f"/admin?done={saved.json()['version']}")).text
        assert "Saved." in page
        assert [one for one in ("/undo", "/admin/exchange", "/audit") if one in page] == []
        assert "/audit" in (await sam.get("/admin")).text
