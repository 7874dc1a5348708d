"""What nobody agreed to does not come in force; relatives read what is theirs; who opened something answers, and does
not settle the notice about it."""

from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.console import exchange
from tests.gateway.console.house import DOCUMENT, field
from tests.gateway.console.living import LivingHouse

HERE = deepcopy(DOCUMENT)
HERE["residents"][0] |= {"ward": "north", "visit": "https://visit.example.org/carmen", "relatives": ["rita"]}
HERE["residents"][1] |= {"ward": "south", "relatives": ["rita"]}
HERE["carers"] += [
    {"id": "ada", "name": "Ada Grech", "role": "admin", "contacts": [{"channel": "log"}]},
    {"id": "wes", "name": "Wes South", "role": "carer", "wards": ["south"], "contacts": [{"channel": "log"}]},
]
HERE["care_plans"][0]["consents"] = {"location": "alarm", "sleep": True, "relatives": ["sleep"]}
WHO = {"agreed_by": "resident", "agreed_on": "2026-02-28", "how": "At the table."}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    house = LivingHouse(tmp_path)
    await house.start()
    await house.apply(HERE)
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


async def put(client: httpx.AsyncClient, consents: dict[str, Any], resident: str = "r01") -> httpx.Response:
    read = await client.get(f"/api/centre/tables/care_plans/{resident}")
    entry = read.json()["entry"] | {"consents": consents}
    path = f"/api/centre/tables/care_plans/{resident}"
    return await client.put(path, json=entry, headers={"If-Match": read.headers["etag"]})


async def test_the_centre_never_shows_more_than_was_agreed_to(house: LivingHouse) -> None:
    present = {"location": "alarm", "sleep": True, "relatives": ["sleep"]}
    wider: list[dict[str, Any]] = [
        {"location": "always"}, {"continence": True}, {"activity": True}, {"search": True},
        {"relatives": ["sleep", "location"]},
    ]  # fmt: skip
    async with house.signed_in("sam") as sam:
        for more in wider:
            answer = await put(sam, present | more)
            assert answer.status_code == 422, more
            assert f"care_plans[0].consents.{next(iter(more))}" in answer.text
            assert "/api/residents/r01/consent" in answer.text
        whole = await sam.get("/api/centre")
        body = whole.json()
        body["care_plans"][0]["consents"]["location"] = "always"
        answer = await sam.put("/api/centre", json=body, headers={"If-Match": whole.headers["etag"]})
        assert answer.status_code == 422
        assert house.ask("SELECT count(*) FROM consent_log") == [(0,)]
        # less is no harm, and is written down as what it is
        assert (await put(sam, {"location": "never"})).status_code == 200
        [line] = (await sam.get("/api/residents/r01/consent")).json()["log"]
        assert (line["agreed_by"], line["before"]["location"], line["after"]["location"]) == (
            "nobody",
            "alarm",
            "never",
        )
        assert "Nobody said who agreed" in (await sam.get("/residents/r01/consent")).text
        # a mistake can be taken back as long as the person has said nothing else
        assert (await sam.post(f"/api/centre/versions/{house.version()}/undo")).status_code == 200
        assert house.index.plan_of("r01").consents.location == "alarm"


async def test_what_a_person_took_back_is_not_given_back_by_undoing(house: LivingHouse) -> None:
    async with house.signed_in("sam") as sam:
        no = {"location": "never", "sleep": False, "continence": False, "activity": False, "search": False}
        said = WHO | no | {"relatives": [], "version": house.version()}
        assert (await sam.post("/api/residents/r01/consent", json=said | {"agreed_by": "nobody"})).status_code == 422
        assert (await sam.post("/api/residents/r01/consent", json=said)).status_code == 200
        undone = await sam.post(f"/api/centre/versions/{house.version()}/undo")
        assert undone.status_code == 422, undone.text
    assert house.index.plan_of("r01").consents.location == "never"


async def test_who_comes_back_is_no_new_person(house: LivingHouse) -> None:
    async with house.signed_in("sam") as sam:

        async def back(consents: dict[str, Any], *, out: bool = True) -> httpx.Response:
            """Taken out, and brought in again with these consents."""
            document = house.newest()
            body = deepcopy(document) | {
                "residents": document["residents"][1:],
                "care_plans": document["care_plans"][1:],
            }
            if out:
                answer = await sam.put("/api/centre", json=body, headers={"If-Match": f'"centre-{house.version()}"'})
                assert answer.status_code == 200, answer.text
                document["care_plans"][0]["consents"] = consents
                person.append((document["residents"][0], document["care_plans"][0]))
            else:
                person[-1][1]["consents"] = consents
            body = deepcopy(house.newest())
            body["residents"].insert(0, person[-1][0])
            body["care_plans"].insert(0, person[-1][1])
            bodies.append(body)
            return await sam.put("/api/centre", json=body, headers={"If-Match": f'"centre-{house.version()}"'})

        person: list[tuple[dict[str, Any], dict[str, Any]]] = []
        bodies: list[dict[str, Any]] = []
        said = WHO | {"location": "never", "sleep": True, "continence": False, "activity": False, "search": False}
        said |= {"relatives": ["sleep"], "version": house.version()}
        assert (await sam.post("/api/residents/r01/consent", json=said)).status_code == 200
        refused = await back({"location": "always", "sleep": True, "relatives": ["sleep", "location"]})
        assert refused.status_code == 422
        keys = [one["key"] for one in refused.json()["problems"]]
        assert keys == ["care_plans[0].consents.location", "care_plans[0].consents.relatives"]
        # what she agreed to comes in, and the look before an import names it
        assert (await back({"sleep": True, "relatives": ["sleep"]}, out=False)).status_code == 200
        # less came by a file since: that counts too
        assert (await put(sam, {"relatives": []})).status_code == 200
        assert (await back({"sleep": True})).status_code == 422
        named = (await sam.post("/api/centre/check", json=bodies[-1])).json()["changes"]
        [plan] = [one for one in named if (one["table"], one["what"]) == ("care_plans", "added")]
        assert plan["fields"][0]["after"] == bodies[-1]["care_plans"][0]["consents"] | {
            "location": "never", "continence": False, "search": False, "activity": False, "relatives": [],
        }  # fmt: skip
        file = {"file": ("centre.toml", exchange.as_toml(bodies[-1]), "application/toml")}
        token = field((await sam.get("/admin/exchange")).text, "_csrf_token")
        preview = (await sam.post("/admin/exchange", data={"_csrf_token": token}, files=file)).text
        assert "Sleep: yes" in preview
        assert (await back({}, out=False)).status_code == 200


async def test_a_new_person_brings_consents_that_nobody_stated(house: LivingHouse) -> None:
    async with house.signed_in("sam") as sam:
        whole = await sam.get("/api/centre")
        body = whole.json()
        body["residents"].append({"id": "r04", "name": "Zoe Zammit", "room": "104"})
        plan = {
            "resident": "r04",
            "policy": "standard",
            "consents": {"location": "always"},
            "rules": [{"rule": "help"}],
        }
        body["care_plans"].append(plan)
        answer = await sam.put("/api/centre", json=body, headers={"If-Match": whole.headers["etag"]})
        assert answer.status_code == 200, answer.text
    assert house.ask("SELECT resident, agreed_by, who FROM consent_log") == [("r04", "nobody", "sam")]


async def test_relatives_read_no_notes_and_do_not_reopen(house: LivingHouse) -> None:
    number = await house.raise_alert("r02")  # the policy asks rita
    answers = [
        {"type": "acknowledge", "eta_minutes": 5},
        {"type": "hand_over", "to": "bo", "note": "He hit me."},
        {"type": "close", "outcome": "real", "note": "The daughter brings the gin."},
    ]
    async with house.signed_in("nora") as nora, house.signed_in("rita") as rita, house.signed_in("sam") as sam:
        for answer in answers:
            assert (await nora.post(f"/api/alerts/{number}/answer", json=answer)).status_code == 200
        pages = (f"/alerts/{number}", f"/api/alerts/{number}/explain", "/residents/r02/timeline?day=2026-03-01",
                 "/api/residents/r02/timeline?day=2026-03-01")  # fmt: skip
        for page in pages:
            for words in ("He hit me", "gin"):
                assert words in (await nora.get(page)).text, page
                assert words not in (await rita.get(page)).text, page
        assert (await rita.get(f"/alerts/{number}")).status_code == 200
        assert "reopen" not in (await rita.get(f"/alerts/{number}")).text
        again = {"type": "reopen", "note": "hm"}
        assert (await rita.post(f"/api/alerts/{number}/answer", json=again)).status_code == 403
        assert (await sam.post(f"/api/alerts/{number}/answer", json=again)).status_code == 200
        # asked by the policy by name: as long as it is open, she can answer; then it is over
        document = deepcopy(HERE)
        document["residents"][1]["relatives"] = []
        await house.apply(document)
        assert (await rita.get(f"/alerts/{number}")).status_code == 200
        await nora.post(f"/api/alerts/{number}/answer", json=answers[-1])
        for page in pages[:2]:
            assert (await rita.get(page)).status_code == 404
        document["policies"][1]["steps"][0]["to"] = ["nora"]
        other = await house.raise_alert("r02")
        await house.apply(document)
        assert (await rita.get(f"/alerts/{other}")).status_code == 404
        assert (await rita.get("/api/alerts")).json()["alerts"] == []


async def test_the_virtual_visit_is_for_staff(house: LivingHouse) -> None:
    for who, there in (("nora", True), ("rita", False)):
        async with house.signed_in(who) as client:
            assert ("visit.example.org" in (await client.get("/residents/r01")).text) is there
            assert ((await client.get("/api/residents/r01")).json()["visit"] is not None) is there


async def test_the_form_of_break_glass_says_whom_to_those_who_may_know(house: LivingHouse) -> None:
    for who, path, named in (("nora", "/residents/r01", True), ("wes", "/residents/r01", False)):
        async with house.signed_in(who) as client:
            before = (await client.get(f"{path}/break-glass")).text
            assert "101" in before
            assert ("Carmen Vella" in before) is named, who
            opened = await client.post(f"/api{path}/break-glass", json={"why": "she calls for help"})
            assert opened.status_code == 201
            assert "Carmen Vella" in (await client.get(f"{path}/break-glass")).text


async def test_who_broke_the_glass_can_answer_and_does_not_settle_the_notice(house: LivingHouse) -> None:
    number = await house.raise_alert("r01")
    close = {"type": "close", "outcome": "test", "note": ""}
    async with house.signed_in("wes") as wes, house.signed_in("sam") as sam, house.signed_in("ada") as ada:
        going = {"type": "acknowledge", "eta_minutes": 5}
        assert (await wes.post(f"/api/alerts/{number}/answer", json=going)).status_code == 404
        for client in (wes, sam):
            opened = await client.post("/api/residents/r01/break-glass", json={"why": "she calls for help"})
            assert opened.status_code == 201
        of_wes, of_sam = (row[0] for row in house.ask("SELECT id FROM alerts WHERE rule = 'break_glass' ORDER BY id"))
        rooms = {one["id"]: one["room"] for one in (await sam.get("/api/alerts")).json()["alerts"]}
        assert rooms[of_wes] == "Centre", "no number of a table"
        for page in (f"/alerts/{number}", f"/api/alerts/{number}/explain", "/residents/r01/consent",
                     "/residents/r01/looks", "/api/residents/r01/notes"):  # fmt: skip
            assert (await wes.get(page)).status_code == 200, page
        assert (await wes.post(f"/api/alerts/{number}/answer", json=going)).status_code == 200
        assert (await wes.post("/api/residents/r01/notes", json={"text": "She is in the garden."})).status_code == 201
        for answer in (close, going, {"type": "arrive"}):
            assert (await wes.post(f"/api/alerts/{of_wes}/answer", json=answer)).status_code == 403, answer
            assert (await sam.post(f"/api/alerts/{of_sam}/answer", json=answer)).status_code == 403, answer
        async with house.signed_in("nora") as nora:
            assert (await nora.post(f"/api/alerts/{of_wes}/answer", json=close)).status_code == 403
            assert 'value="close"' not in (await nora.get(f"/alerts/{of_wes}")).text
        assert (await sam.post(f"/api/alerts/{of_wes}/answer", json=close)).status_code == 200
        assert (await ada.post(f"/api/alerts/{of_sam}/answer", json=close)).status_code == 200
        house.clock.move(31 * 60)
        assert (await wes.get(f"/alerts/{number}")).status_code == 200, "he is the one who goes"
