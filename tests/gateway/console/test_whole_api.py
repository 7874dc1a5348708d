"""What the pages do, as JSON: copies and erasing, devices, contacts, screens, one's own account; lists in pieces."""

import io
import re
import threading
import zipfile
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.console import centre_api, tokens
from gateway.console.tokens import Scope
from tests.brokers import until
from tests.gateway.console.house import DOCUMENT, field, sign_in
from tests.gateway.console.living import LivingHouse

ADMIN = {"id": "ada", "name": "Ada Muscat", "role": "admin", "contacts": [{"channel": "log"}]}


@pytest.fixture
async def living(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    house = LivingHouse(tmp_path)
    sent: list[tuple[str, int, str]] = []

    async def test_contact(carer: str, number: int, who: str) -> None:
        sent.append((carer, number, who))

    house.settings["test_contact"] = test_contact
    await house.start()
    document = deepcopy(DOCUMENT)
    document["carers"].append(ADMIN)
    await house.apply(document)
    await house.give_passwords()
    house.sent = sent  # type: ignore[attr-defined]
    try:
        yield house
    finally:
        await house.stop()


async def test_a_copy_of_everything_as_zip_and_as_fhir(living: LivingHouse) -> None:
    at = "/api/residents/r01/export"
    async with living.signed_in("nora") as nora, living.signed_in("sam") as sam:
        assert (await nora.post(at, json={"why": "She asked."})).status_code == 403
        assert (await sam.post(at, json={"why": ""})).status_code == 400
        assert (await sam.post("/api/residents/nobody/export", json={"why": "She asked."})).status_code == 404
        whole = await sam.post(at, json={"why": "She asked."})
        assert whole.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
            assert msgspec.json.decode(archive.read("person.json"))["resident"]["name"] == "Carmen Vella"
        bundle = await sam.post(f"{at}/fhir", json={"why": "She asked."})
        assert bundle.headers["content-type"] == "application/fhir+json"
        assert bundle.json()["resourceType"] == "Bundle"
    assert not list(living.path.parent.glob("export-*")), "nothing of it is left"
    seen = living.ask("SELECT who, json_extract(detail, '$.via') FROM audit WHERE action = 'person.export'")
    assert seen == [("sam", "api")] * 2


async def test_a_person_is_erased_by_administrators_with_their_name(living: LivingHouse) -> None:
    at = "/api/residents/r03/erase"
    name = DOCUMENT["residents"][2]["name"]
    async with living.signed_in("sam") as sam, living.signed_in("ada") as ada:
        assert (await sam.post(at, json={"confirm": name})).status_code == 403
        assert (await ada.post(at, json={"confirm": "r03"})).status_code == 422
        begun = await ada.post(at, json={"confirm": name}, headers={"Idempotency-Key": "e"})
        assert (begun.status_code, begun.json()["resident"]) == (202, "r03")
        again = await ada.post(at, json={"confirm": name}, headers={"Idempotency-Key": "e"})
        assert again.json() == begun.json()

        await until(lambda: living.ask("SELECT 1 FROM erasures WHERE done_at IS NOT NULL"))
        [one] = (await ada.get("/api/erasures")).json()["erasures"]
        assert one["done_at"] is not None
        assert (await ada.post("/api/erasures/r03/go-on")).status_code == 202
        assert (await ada.post("/api/erasures/r02/go-on")).status_code == 404
        assert (await ada.post(at, json={"confirm": name})).status_code == 404
    number = await living.raise_alert("r01")
    async with living.signed_in("ada") as ada:
        refused = await ada.post("/api/residents/r01/erase", json={"confirm": "Carmen Vella"})
        assert refused.status_code == 409, number


async def test_a_device_comes_in_is_pressed_and_handed_on(living: LivingHouse) -> None:
    at = "/api/centre/devices"
    wanted = {"type": "sos_button", "format": "native", "address": "sos-9", "resident": "r01", "why": "New button"}
    async with living.signed_in("nora") as nora, living.signed_in("sam") as sam:
        assert (await nora.post(at, json=wanted)).status_code == 403
        assert (await sam.post(at, json=wanted | {"format": "no such"})).status_code == 422
        assert (await sam.post(at, json=wanted | {"resident": "nobody"})).status_code == 422
        assert (await sam.post(at, json=wanted | {"since": "2026-03-01T00:00:00"})).status_code == 422
        made = await sam.post(at, json=wanted, headers={"Idempotency-Key": "d"})
        again = await sam.post(at, json=wanted, headers={"Idempotency-Key": "d"})
        assert made.status_code == 201
        assert again.json() == made.json()
        device = made.json()["device"]
        assert [one["id"] for one in living.newest()["devices"]] == [device]
        heard = await sam.get(f"{at}/{device}/heard")
        assert (heard.status_code, heard.json()["heard"]) == (200, [])
        assert (await sam.get(f"{at}/nothing/heard")).status_code == 404
        on = {"resident": "r02", "at": (living.clock.now() + timedelta(hours=1)).isoformat(), "later": True}
        assert (await sam.post(f"{at}/{device}/hand-on", json=on)).status_code == 428
        tag = (await sam.get("/api/centre")).headers["etag"]
        assert (await sam.post(f"{at}/{device}/hand-on", json=on, headers={"If-Match": tag})).status_code == 200
        assert [one["resident"] for one in living.newest()["assignments"]] == ["r01", "r02"]


async def test_nesting_without_end_is_the_senders_mistake(living: LivingHouse) -> None:
    headers = {"Content-Type": "application/json"}
    deep = 2_000
    async with living.signed_in("sam") as sam:
        for body in (b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep):
            for path in ("/api/centre/check", "/api/residents/r01/export"):
                answer = await sam.post(path, content=body, headers=headers)
                assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), path
                assert "nested" in answer.json()["detail"]


async def test_a_whole_centre_leaves_the_event_loop_free(living: LivingHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[bool] = []

    def noted(work: Any) -> Any:
        def call(*args: Any) -> Any:
            where.append(threading.current_thread() is threading.main_thread())
            return work(*args)

        return call

    for name in ("diff", "masked"):
        monkeypatch.setattr(centre_api, name, noted(getattr(centre_api, name)))
    async with living.signed_in("sam") as sam:
        whole = (await sam.get("/api/centre")).json()
        assert (await sam.post("/api/centre/check", json=whole)).status_code == 200
        assert (await sam.get("/api/centre/versions/2")).status_code == 200
    assert where
    assert not any(where)


async def test_a_whole_centre_is_checked_before_it_is_put(living: LivingHouse) -> None:
    async with living.signed_in("sam") as sam:
        whole = (await sam.get("/api/centre")).json()
        same = (await sam.post("/api/centre/check", json=whole)).json()
        assert (same["changes"], same["problems"]) == ([], [])
        whole["residents"][0]["room"] = "109"
        changed = (await sam.post("/api/centre/check", json=whole)).json()
        assert [(one["table"], one["key"]) for one in changed["changes"]] == [("residents", "r01")]
        whole["residents"][1]["id"] = "r01"
        assert (await sam.post("/api/centre/check", json=whole)).json()["problems"]
    assert living.version() == 2


async def test_contacts_are_listed_and_tested(living: LivingHouse) -> None:
    async with living.signed_in("nora") as nora, living.signed_in("sam") as sam:
        assert (await nora.get("/api/carers/nora/contacts")).status_code == 403
        [one] = (await sam.get("/api/carers/nora/contacts")).json()["contacts"]
        assert (one["channel"], one["works"], one["test"]) == ("log", True, None)
        for _ in range(2):
            sent = await sam.post("/api/carers/nora/contacts/0/test", headers={"Idempotency-Key": "t"})
            assert sent.status_code == 200
        assert (await sam.post("/api/carers/nora/contacts/1/test")).status_code == 404
        used = {one["channel"]: one["used"] for one in (await sam.get("/api/channels")).json()["channels"]}
        assert (used["log"], used["smtp"]) == (5, 0)
    assert living.sent == [("nora", 0, "sam")]  # type: ignore[attr-defined]


async def test_a_code_for_a_screen_and_the_chain_of_the_audit(living: LivingHouse) -> None:
    async with living.signed_in("sam") as sam, living.signed_in("ada") as ada, living.client() as screen:
        assert (await sam.post("/api/kiosk/codes", json={"name": "Day room"})).status_code == 403
        assert (await ada.post("/api/kiosk/codes", json={"name": " "})).status_code == 422
        made = (await ada.post("/api/kiosk/codes", json={"name": "Day room"})).json()
        assert re.fullmatch(r"[A-Z2-9]{4} [A-Z2-9]{4}", made["code"])
        typed = {"_csrf_token": field((await screen.get("/kiosk")).text, "_csrf_token"), "code": made["code"]}
        assert (await screen.post("/kiosk", data=typed)).headers["location"] == "/wall"
        assert (await sam.get("/api/audit/chain")).json() == {"holds": True, "broken_at": None}


async def test_who_i_am_and_my_language(living: LivingHouse) -> None:
    async with living.signed_in() as nora:
        me = (await nora.get("/api/account")).json()
        assert me == {"id": "nora", "name": "Nora Borg", "role": "carer", "wards": [], "language": "en", "scopes": None}
        assert (await nora.put("/api/account/language", json={"language": "xx"})).status_code == 400
        assert (await nora.put("/api/account/language", json={"language": "da"})).status_code == 200
        assert (await nora.get("/api/account")).json()["language"] == "da"
        page = (await nora.get("/account")).text
        assert '<html lang="da"' in page
        form = {"_csrf_token": field(page, "_csrf_token"), "language": "mt"}
        assert (await nora.post("/account/language", data=form)).status_code == 303
        assert (await nora.get("/api/account")).json()["language"] == "mt"
    assert [one["language"] for one in living.newest()["carers"] if one["id"] == "nora"] == ["mt"]


_LISTS: dict[str, tuple[str, str]] = {
    "/api/protection": ("residents", "resident"),
    "/api/residents": ("residents", "id"),
    "/api/alerts": ("alerts", "id"),
}


@pytest.mark.parametrize("path", _LISTS)
async def test_a_list_comes_in_pieces_and_is_sent_once(living: LivingHouse, path: str) -> None:
    for resident in ("r01", "r02", "r03"):
        await living.raise_alert(resident)
    name, key = _LISTS[path]
    async with living.signed_in() as nora:
        whole = await nora.get(path)
        assert (await _pieces(nora, path, name, key)) == [one[key] for one in whole.json()[name]]
        looks = len(living.ask("SELECT 1 FROM audit WHERE action = 'look'"))
        unchanged = await nora.get(path, headers={"If-None-Match": f'"x", {whole.headers["etag"]}'})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert len(living.ask("SELECT 1 FROM audit WHERE action = 'look'")) == looks, "what shows nothing is no look"
        assert (await nora.get(path, params={"limit": 0})).status_code == 400
        assert (await nora.get(path, params={"cursor": "3 or so"})).status_code in {400, 422}


async def _pieces(client: httpx.AsyncClient, path: str, name: str, key: str) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = (await client.get(path, params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(answer[name]) == 1
        found += [one[key] for one in answer[name]]
        cursor = answer["next"]
    return found


async def test_an_undo_brings_a_carer_back_but_nothing_that_let_them_in(living: LivingHouse) -> None:
    made = await living.writer.write(
        lambda tx: tokens.make(tx, "bo", name="x", scopes=frozenset(Scope), days=9, by="bo")
    )
    async with living.signed_in("bo") as bo, living.signed_in("sam") as sam:
        whole = (await sam.get("/api/centre")).json()
        whole["carers"] = [one for one in whole["carers"] if one["id"] != "bo"]
        assert (await sam.put("/api/centre", json=whole, headers={"If-Match": "*"})).status_code == 200
        assert (await bo.get("/api/alerts")).status_code == 401
        assert (await sam.post(f"/api/centre/versions/{living.version()}/undo")).status_code == 200
        assert (await bo.get("/api/alerts")).status_code == 401
        assert (await sam.get("/api/alerts")).status_code == 200
        program = await bo.get("/api/alerts", headers={"Authorization": f"Bearer {made}"})
        assert program.status_code == 401
        assert (await sign_in(bo, "bo")).status_code == 401, "the password went with them: they get a new one"
