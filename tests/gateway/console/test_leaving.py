"""Somebody leaves while an alert is open: whoever was going, or whom it is about."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge, Arrive
from gateway.console import exchange
from tests.gateway.console.house import field
from tests.gateway.console.living import LivingHouse
from tests.gateway.console.test_admin import submit


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    one = LivingHouse(tmp_path)
    await one.start()
    document = one.newest()
    document["carers"].append({"id": "kim", "name": "Kim Kos", "role": "carer", "contacts": [{"channel": "log"}]})
    await one.apply(document)
    await one.give_passwords("sam", "nora", "kim")
    yield one
    await one.stop()


async def test_when_who_is_going_leaves_everybody_is_asked_at_once(house: LivingHouse) -> None:
    alerts = [await house.raise_alert("r01"), await house.raise_alert("r02"), await house.raise_alert("r03")]
    for number, answer, who in zip(
        alerts, (Acknowledge(eta_minutes=240), Arrive(), Acknowledge()), ("kim", "kim", "cli:root"), strict=True
    ):
        await house.writer.write(
            lambda tx, n=number, a=answer, w=who: desk.answer(tx, house.index, n, a, w, "page")  # type: ignore[misc]
        )
    async with house.signed_in("sam") as sam:
        asked = (await sam.get("/admin/remove/carers/kim")).text
        assert "Kim Kos is on the way to Room 101: Help" in asked
        assert "Kim Kos is at Room 102: Help" in asked
        left = await submit(sam, "/admin/remove/carers/kim")
        assert left.status_code == 303
        board = (await sam.get("/")).text
        assert "Kim Kos is going" in board
        assert "kim is going" not in board
    before = len(house.ask("SELECT 1 FROM notifications"))
    assert await house.writer.write(lambda tx: desk.escalate_due(tx, house.index)) == alerts[:2]
    told = house.ask("SELECT alert, carer FROM notifications ORDER BY id")[before:]
    assert (alerts[0], "nora") in told
    assert (alerts[1], "rita") in told
    assert house.ask("SELECT state, taken_by FROM alerts WHERE id < ?", alerts[2]) == [("open", None)] * 2


async def test_an_open_alert_keeps_the_name_the_room_and_the_policy_of_who_moved_out(house: LivingHouse) -> None:
    number = await house.raise_alert("r02")  # the policy of the family, which is not the first one
    async with house.signed_in("sam") as sam:
        asked = (await sam.get("/admin/remove/residents/r02")).text
        assert "An alert is open: Room 102: Help" in asked
        assert (await submit(sam, "/admin/remove/residents/r02")).status_code == 303
        for page in ("/", f"/alerts/{number}"):
            text = (await sam.get(page)).text
            assert "102" in text
            assert "Joseph" in text
            assert "r02" not in text
    assert house.index.policy_of("r02").id == "family"
    assert house.index.public_name("r02") == "102"


async def test_past_readings_stay_whose_they_are_when_a_device_is_given_on(house: LivingHouse) -> None:
    document = house.newest()
    document["devices"] = [{"id": "b1", "type": "sos_button", "format": "native", "address": "button-1"}]
    document["assignments"] = [
        {"device": "b1", "resident": "r03", "from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"device": "b1", "resident": "r01", "from": "2026-01-01T00:00:00Z"},
    ]
    version = await house.apply(document)
    async with house.signed_in("sam") as sam:
        early = await submit(sam, "/admin/hand-on/b1", resident="r02", at="2025-03-01T03:12")
        assert early.status_code == 422
        assert "choose that time, or a later one" in early.text
        same = await submit(sam, "/admin/hand-on/b1", resident="r02", at="2026-01-01T01:00")
        assert "The present person has had it since" in same.text
        ahead = await submit(sam, "/admin/hand-on/b1", resident="r02", at="2199-12-31T23:59")
        assert ahead.status_code == 422
        assert "it stays with Carmen Vella (101)" in ahead.text
        assert 'name="later"' in ahead.text
        token = field(ahead.text, "_csrf_token")
        for at, later, status in (
            ("2026-01-01T00:00:00Z", False, 422),
            ("2025-06-01T00:00:00Z", True, 422),
            ("2026-03-01T02:30:00Z", False, 422),
        ):
            answer = await sam.post(
                "/api/centre/devices/b1/hand-on",
                json={"resident": "r02", "at": at, "later": later},
                headers={"If-Match": "*", "x-csrftoken": token},
            )
            assert answer.status_code == status, answer.text
        assert house.version() == version
        done = await submit(sam, "/admin/hand-on/b1", resident="r02", at="2026-03-01T04:30", later="1")
        assert done.status_code == 303
    kept = {(one["resident"], one["from"], one.get("to")) for one in house.newest()["assignments"]}
    assert kept == {
        ("r03", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("r01", "2026-01-01T00:00:00Z", "2026-03-01T03:30:00Z"),
        ("r02", "2026-03-01T03:30:00Z", None),
    }


async def test_another_policy_serves_the_house_only_when_that_is_said(house: LivingHouse) -> None:
    document = house.newest()
    document["policies"].insert(0, {"id": "doors", "steps": [{"to": ["kim"], "wait_s": 60}], "failsafe": ["sam"]})
    await house.apply(document)
    async with house.signed_in("sam") as sam:
        assert "also serves the house" in (await sam.get("/admin/entry/policies/doors")).text
        assert "also serves the house" not in (await sam.get("/admin/entry/policies/family")).text
        refused = await submit(sam, "/admin/remove/policies/doors")
        assert refused.status_code == 422
        assert "the policy standard" in refused.text
        token = field(refused.text, "_csrf_token")
        way = {"headers": {"If-Match": "*", "x-csrftoken": token}}
        by_api = await sam.delete("/api/centre/tables/policies/doors", **way)  # type: ignore[arg-type]
        assert by_api.status_code == 422
        assert "standard" in by_api.text
        assert house.index.policy_of(None).id == "doors"
        assert (await submit(sam, "/admin/remove/policies/doors", _serves="standard")).status_code == 303
        assert house.index.policy_of(None).id == "standard"
        turned = house.newest()
        turned["policies"].reverse()
        checked = (await sam.post("/api/centre/check", json=turned, **way)).json()  # type: ignore[arg-type]
        assert [(one["key"], one["what"]) for one in checked["changes"]] == [("family", "changed")]
        assert "policy family" in checked["warnings"][0]
        file = {"file": ("centre.toml", exchange.as_toml(turned), "application/toml")}
        preview = await sam.post("/admin/exchange", data={"_csrf_token": token}, files=file)
        assert "then told by the policy family" in preview.text
        waiting = re.search(r'action="(/admin/exchange/[\w-]+)"', preview.text)
        assert waiting
        assert (await sam.post(waiting[1], data={"_csrf_token": token})).status_code == 303
        assert house.index.policy_of(None).id == "family"
        undo = f"/admin/versions/{house.version()}/undo"
        asked = await sam.post(undo, data={"_csrf_token": token})
        assert asked.status_code == 409, "a tap beside “Saved” has shown nobody what goes with it"
        assert "then told by the policy standard" in asked.text
        assert house.index.policy_of(None).id == "family"
        sent = {"_csrf_token": token, "known": field(asked.text, "known")}
        assert (await sam.post(undo, data=sent)).status_code == 303
        assert house.index.policy_of(None).id == "standard"


async def test_the_last_administrator_and_the_last_manager_stay(house: LivingHouse) -> None:
    document = house.newest()
    ada = {"id": "ada", "name": "Ada Admin", "role": "admin", "contacts": [{"channel": "log"}]}
    document["carers"].append(ada)
    await house.apply(document)
    await house.give_passwords("ada")
    async with house.signed_in("ada") as admin:
        for path, sent in (
            ("/admin/remove/carers/ada", {}),
            ("/admin/entry/carers/ada", {"name": "Ada", "role": "manager", "contacts.0.channel": "log"}),
        ):
            refused = await submit(admin, path, **sent)
            assert refused.status_code == 422
            assert "Somebody has to be administrator; name another one first." in refused.text
    document["carers"].remove(ada)
    document["policies"] = json.loads(json.dumps(document["policies"]).replace('"sam"', '"kim"'))
    await house.apply(document)  # the command line may
    async with house.signed_in("sam") as manager:
        sent = {"name": "Sam Pace", "role": "carer", "contacts.0.channel": "log"}
        refused = await submit(manager, "/admin/entry/carers/sam", **sent)
        assert refused.status_code == 403, "nobody changes a manager's role but an administrator"
        refused = await submit(manager, "/admin/remove/carers/sam")
        assert refused.status_code == 422
        assert "Somebody has to be manager or administrator; name another one first." in refused.text


async def test_the_page_says_where_whoever_leaves_stands_in_and_that_ends(house: LivingHouse) -> None:
    document = house.newest()
    document["shifts"] = [
        {"id": "nurse", "weekly": [{"days": "daily", "from": "01:00", "to": "00:00", "carers": ["nora"]}]}
    ]
    await house.apply(document)
    change = {
        "role": "nurse", "since": "2026-03-01T00:00:00Z", "until": "2026-03-03T00:00:00Z", "leaves": "nora",
        "comes": "kim", "why": "ill",
    }  # fmt: skip
    async with house.signed_in("sam") as sam:
        assert (await sam.post("/api/shifts/overrides", json=change)).status_code == 201
        asked = (await sam.get("/admin/remove/carers/kim")).text
        assert "Kim Kos comes by a change of the shifts: nurse," in asked
        assert "Kim Kos instead of Nora Borg. If they are taken out, it ends" in asked
        assert (await submit(sam, "/admin/remove/carers/kim")).status_code == 303
        found = (await sam.get("/api/shifts?days=1")).json()
    assert found["changes"] == []
    assert {turn["carer"] for turn in found["turns"] if turn["until"] > "2026-03-01T02:12:00Z"} == {"nora"}
