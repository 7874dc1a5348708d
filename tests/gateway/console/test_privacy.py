import asyncio
import gc
import io
import weakref
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from copy import deepcopy
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from gateway.alerts import glass
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.clock import monotonic
from gateway.console import copies, privacy, tokens
from gateway.console.deps import Console, ConsoleDeps
from gateway.console.guards import Visitor
from gateway.console.privacy import Purpose, Shown
from gateway.console.tokens import Scope
from gateway.store import centres, compact, erase
from gateway.store.audit import record
from gateway.store.database import reader
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import DOCUMENT, NOW, SECRET, House, field

HERE = deepcopy(DOCUMENT)
HERE["devices"] = [{"id": "gps-1", "type": "tracker", "format": "native"}]
HERE["assignments"] = [{"device": "gps-1", "resident": "r01", "from": "2026-01-01T00:00:00Z"}]
HERE["zones"] = [
    {"id": "garden", "name": "Garden", "geometry": {"type": "Point", "coordinates": [14.5, 35.9]}, "radius_m": 50.0}
]
HERE["carers"] += [
    {"id": "ada", "name": "Ada Grech", "role": "admin", "contacts": [{"channel": "log"}]},
    {"id": "wes", "name": "Wes Other", "role": "carer", "wards": ["south"], "contacts": [{"channel": "log"}]},
]
HERE["residents"][0] |= {"relatives": ["rita"], "ward": "north"}
HERE["care_plans"][0] |= {
    "consents": {"location": "always", "sleep": True},
    "rules": [{"rule": "help"}, {"rule": "zone_exit", "zone": "garden"}, {"rule": "bed_exit"}],
}

FORM: dict[str, Any] = {
    "location": "never", "sleep": "1", "agreed_by": "representative", "agreed_name": "Ġużeppi Vella",
    "agreed_on": "2026-02-28", "how": "Signed form, her son was there.",
}  # fmt: skip


class Lived(House):
    """A house whose centre is in the database, and follows it."""

    async def start(self) -> None:
        await super().start()
        await self.writer.write(lambda tx: centres.apply(tx, centre_from_document(deepcopy(HERE)), who="ada"))
        self.follow()

    def follow(self) -> None:
        with closing(reader(self.path)) as db:
            found = centres.latest(db)
        assert found is not None
        self.index = CentreIndex(found.centre)

    def shown(self, carer: str, purpose: Purpose = Purpose.LOCATION, resident: str = "r01") -> Shown:
        console = Console(
            ConsoleDeps(
                database=self.path, writer=self.writer, index=lambda: self.index, links=self.links, clock=self.clock,
                health=dict, secret=SECRET,
            )
        )  # fmt: skip
        try:
            return privacy.shown(console, Visitor(self.index.carers[carer]), resident, purpose)
        finally:
            console.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Lived]:
    house = Lived(tmp_path)
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


@asynccontextmanager
async def form(house: House, carer: str, address: str) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    """A page with its form's hidden fields."""
    async with house.signed_in(carer) as client:
        answer = await client.get(address)
        assert answer.status_code == 200, answer.text
        names = ("_csrf_token", "version") if 'name="version"' in answer.text else ("_csrf_token",)
        yield client, {name: field(answer.text.split("</header>", 1)[-1], name) for name in names}


async def until(house: House, sql: str, expected: object) -> None:
    began = monotonic()
    while (found := house.ask(sql)) != expected:
        assert monotonic() - began < PATIENCE_S, found
        await asyncio.sleep(0.01)


async def test_withdrawing_says_what_will_not_be_watched_and_then_takes_effect(house: Lived) -> None:
    async with form(house, "sam", "/residents/r01/consent") as (client, hidden):
        asked = await client.post("/residents/r01/consent", data=FORM | hidden)
        assert "This will not be watched any more:" in asked.text
        assert "Left the safe zone" in asked.text
        assert house.ask("SELECT count(*) FROM consent_log") == [(0,)]
        done = await client.post("/residents/r01/consent", data=FORM | hidden | {"sure": "1"})
        assert done.status_code == 303
        house.follow()
        page = (await client.get("/residents/r01/consent?done=1")).text
    assert house.shown("nora") is Shown.NOT_AGREED
    assert [rule.name for rule in house.index.plan_of("r01").rules] == ["help", "bed_exit"]
    [line] = house.ask("SELECT who, agreed_by, agreed_name, agreed_on, how, version FROM consent_log")
    assert line == ("sam", "representative", "Ġużeppi Vella", "2026-02-28", "Signed form, her son was there.", 2)
    for words in ("Saved.", "Stopped, because", "Left the safe zone", "Ġużeppi Vella", "Place: Always → Never"):
        assert words in page


async def test_when_they_agree_again_it_is_watched_again(house: Lived) -> None:
    for location in ("never", "alarm"):
        async with form(house, "sam", "/residents/r01/consent") as (client, hidden):
            data = FORM | hidden | {"location": location, "sure": "1"}
            assert (await client.post("/residents/r01/consent", data=data)).status_code == 303
    house.follow()
    assert {rule.name for rule in house.index.plan_of("r01").rules} == {"help", "zone_exit", "bed_exit"}
    assert house.ask("SELECT stopped FROM consent_log ORDER BY id DESC LIMIT 1") == [("[]",)]


AGREED = {
    "sleep": True, "continence": False, "activity": False, "search": True, "relatives": [], "agreed_by": "resident",
    "agreed_on": "2026-02-28", "how": "Signed form.",
}  # fmt: skip


async def test_what_rests_and_is_there_no_more_keeps_nobody_from_agreeing(house: Lived) -> None:
    async with house.signed_in("sam") as client:
        path = "/api/residents/r01/consent"
        said = AGREED | {"location": "never", "version": 1}
        assert (await client.post(path, json=said)).status_code == 200
        house.follow()
        document = to_document(house.index.centre)
        document["zones"] = []
        await house.writer.write(lambda tx: centres.apply(tx, centre_from_document(document), who="sam"))
        house.follow()
        again = await client.post(path, json=AGREED | {"location": "alarm", "version": 3})
        assert again.status_code == 200, again.text
        assert again.json()["stopped"] == ["zone_exit"]
        house.follow()
        page = (await client.get("/residents/r01/consent")).text
    assert house.index.plan_of("r01").consents.location == "alarm"
    assert "Not watched, because what it needs was taken out" in page
    assert "Stopped, because" not in page


async def test_what_came_back_by_another_way_keeps_nobody_from_taking_back(house: Lived) -> None:
    async with house.signed_in("sam") as client:
        path = "/api/residents/r01/consent"
        assert (await client.post(path, json=AGREED | {"location": "never", "version": 1})).status_code == 200
        house.follow()
        document = to_document(house.index.centre)
        document["care_plans"][0]["consents"]["location"] = "always"
        document["care_plans"][0]["rules"].append({"rule": "zone_exit", "zone": "garden", "priority": "high"})
        await house.writer.write(lambda tx: centres.apply(tx, centre_from_document(document), who="sam"))
        house.follow()
        less = await client.post(path, json=AGREED | {"location": "always", "search": False, "version": 3})
        assert less.status_code == 200, less.text
        assert less.json()["stopped"] == []
    house.follow()
    rules = [rule.name for rule in house.index.plan_of("r01").rules]
    assert rules.count("zone_exit") == 1


@pytest.mark.parametrize(
    "wrong",
    [{"how": " "}, {"agreed_name": " "}, {"agreed_by": ""}, {"agreed_on": "2027-01-01"}, {"agreed_on": "x"},
     {"location": "sometimes"}, {"relatives": "dreams"}],
)  # fmt: skip
async def test_nobody_agreed_nothing_changes(house: Lived, wrong: dict[str, str]) -> None:
    async with form(house, "sam", "/residents/r01/consent") as (client, hidden):
        answer = await client.post("/residents/r01/consent", data=FORM | hidden | {"sure": "1"} | wrong)
    assert answer.status_code == 422
    assert house.ask("SELECT count(*) FROM centre_versions") == [(1,)]


async def test_a_page_that_is_too_old_changes_nothing(house: Lived) -> None:
    async with form(house, "sam", "/residents/r01/consent") as (client, hidden):
        await client.post("/residents/r01/consent", data=FORM | hidden | {"sure": "1"})
        again = await client.post("/residents/r01/consent", data=FORM | hidden | {"sure": "1", "location": "always"})
    assert again.status_code == 409
    assert house.ask("SELECT count(*) FROM consent_log") == [(1,)]


async def test_carers_read_it_and_relatives_do_not(house: Lived) -> None:
    async with house.signed_in("nora") as client:
        page = await client.get("/residents/r01/consent")
        assert "A manager can change this." in page.text
        token = field(page.text, "_csrf_token")
        posted = await client.post("/residents/r01/consent", data=FORM | {"_csrf_token": token, "version": "1"})
        assert posted.status_code == 403
    async with house.signed_in("rita") as client:
        assert (await client.get("/residents/r01/consent")).status_code == 403


async def test_the_api_of_consents(house: Lived) -> None:
    wanted = {
        "version": 1, "location": "alarm", "sleep": True, "continence": False, "activity": False, "search": True,
        "relatives": ["sleep"], "agreed_by": "resident", "agreed_on": "2026-02-28", "how": "At the table.",
    }  # fmt: skip
    async with house.signed_in("sam") as client:
        view = (await client.post("/api/residents/r01/consent", json=wanted)).json()
        assert view["consents"]["location"] == "alarm"
        assert view["log"][0]["after"]["relatives"] == ["sleep"]
        assert (await client.post("/api/residents/r01/consent", json=wanted)).status_code == 409
        assert (await client.get("/api/residents/r99/consent")).status_code == 404


async def test_break_glass_opens_for_half_an_hour_and_tells_the_managers(house: Lived) -> None:
    assert house.shown("wes") is Shown.NOT_YOURS
    assert house.shown("nora", Purpose.CONTINENCE) is Shown.NOT_AGREED
    async with form(house, "wes", "/residents/r01/break-glass") as (client, hidden):
        assert (await client.get("/residents/r01")).status_code == 404
        short = await client.post("/residents/r01/break-glass", data=hidden | {"why": "hm"})
        assert short.status_code == 422
        assert house.shown("wes") is Shown.NOT_YOURS
        done = await client.post("/residents/r01/break-glass", data=hidden | {"why": "I hear her call outside."})
        assert done.status_code == 303
        assert (await client.get("/residents/r01")).status_code == 200
        assert (await client.get("/residents/r03")).status_code == 200  # has no ward
    for purpose in Purpose:
        assert house.shown("wes", purpose) is Shown.BREAK_GLASS
    assert house.shown("nora", Purpose.CONTINENCE) is Shown.NOT_AGREED
    assert house.ask("SELECT DISTINCT n.carer FROM notifications n JOIN alerts a ON a.id = n.alert") == [("sam",)]
    assert house.ask("SELECT rule, priority, resident FROM alerts") == [("break_glass", "low", None)]
    house.clock.move_to(NOW + timedelta(minutes=30, seconds=-1))
    assert house.shown("wes") is Shown.BREAK_GLASS
    house.clock.move(1)
    assert house.shown("wes") is Shown.NOT_YOURS


async def test_break_glass_ends_by_hand(house: Lived) -> None:
    async with form(house, "wes", "/residents/r01/break-glass") as (client, hidden):
        await client.post("/residents/r01/break-glass", data=hidden | {"why": "I hear her call."})
        ended = await client.post("/api/residents/r01/break-glass/end")
        assert ended.json() == {"ended": True}
    assert house.shown("wes") is Shown.NOT_YOURS


async def test_what_was_opened_is_open_to_no_program_that_only_reads(house: Lived) -> None:
    async with form(house, "wes", "/residents/r01/break-glass") as (client, hidden):
        await client.post("/residents/r01/break-glass", data=hidden | {"why": "I hear her call."})
        assert (await client.get("/api/residents/r01")).status_code == 200
    for scopes, status in ((frozenset({Scope.READ}), 404), (frozenset({Scope.READ, Scope.WRITE}), 200)):
        token = await house.writer.write(
            lambda tx, scopes=scopes: tokens.make(tx, "wes", name="x", scopes=scopes, days=1, by="wes")
        )
        async with house.client(headers={"Authorization": f"Bearer {token}"}) as program:
            assert (await program.get("/api/residents/r01")).status_code == status


async def test_break_glass_is_never_for_relatives(house: Lived) -> None:
    async with house.signed_in("rita") as client:
        assert (await client.get("/residents/r01/break-glass")).status_code == 403
        answer = await client.post("/api/residents/r01/break-glass", json={"why": "I want to see."})
        assert answer.status_code == 403
    with pytest.raises(Exception, match="Only staff"):
        await house.writer.write(
            lambda tx: glass.open_glass(tx, house.index, resident="r01", carer="rita", why="I want to see.")
        )
    assert house.ask("SELECT count(*) FROM break_glass") == [(0,)]


async def test_a_second_break_glass_makes_it_no_longer(house: Lived) -> None:
    async with house.signed_in("nora") as client:
        first = (await client.post("/api/residents/r01/break-glass", json={"why": "First reason."})).json()
        house.clock.move(600)
        second = (await client.post("/api/residents/r01/break-glass", json={"why": "Second reason."})).json()
    assert second == first
    assert house.ask("SELECT count(*) FROM alerts") == [(1,)]


async def test_who_looked_is_told_by_day_in_plain_words(house: Lived) -> None:
    number = await house.raise_alert()
    async with house.signed_in("nora") as client:
        await client.get(f"/alerts/{number}")
        await client.post("/api/residents/r01/break-glass", json={"why": "She fell outside."})
        for _ in range(3):
            await client.get("/residents/r01/consent")
    async with house.signed_in("rita") as client:
        page = (await client.get("/residents/r01/looks")).text
        danish = (await client.get("/residents/r01/looks?lang=da")).text
        other = await client.get("/residents/r02/looks")
    assert "Nora Borg looked at an alert: Help pressed." in page
    assert "She fell outside." in page
    assert "Nora Borg looked at your page. 3 times" in page
    assert '<html lang="da">' in danish
    assert other.status_code == 404
    assert house.ask("SELECT count(*) FROM looks WHERE resident = 'r02'") == [(0,)]


async def test_looks_come_in_pages(house: Lived) -> None:
    def many(tx: Any) -> None:
        for _ in range(25):
            record(tx, who="nora", action="look", target="resident/r01", detail={"via": "page"})

    await house.writer.write(many)
    seen: list[str] = []
    cursor: str | None = None
    async with house.signed_in("sam") as client:
        for _ in range(10):
            more = {} if cursor is None else {"cursor": cursor}
            answer = (await client.get("/api/residents/r01/looks", params={"limit": 10} | more)).json()
            seen += [one["who"] for one in answer["looks"]]
            cursor = answer["next"]
            if cursor is None:
                break
    # the looks of whoever reads them come on top, and are never in a page of older ones
    assert seen == ["nora"] * 25


async def test_a_copy_of_everything_needs_a_reason_and_is_written_down(house: Lived) -> None:
    await house.raise_alert()
    async with form(house, "sam", "/residents/r01/export") as (client, hidden):
        assert (await client.post("/residents/r01/export", data=hidden | {"why": ""})).status_code == 422
        answer = await client.post("/residents/r01/export", data=hidden | {"why": "Her son asked for it."})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        person = msgspec.json.decode(archive.read("person.json"))
        bundle = msgspec.json.decode(archive.read("fhir-bundle.json"))
    assert person["resident"]["name"] == "Carmen Vella"
    assert bundle["entry"][0]["resource"]["resourceType"] == "Patient"
    assert list(house.path.parent.glob("export-*")) == []
    assert house.ask("SELECT who, why FROM exports") == [("sam", "Her son asked for it.")]
    assert house.ask("SELECT count(*) FROM audit WHERE action = 'person.export' AND object = 'resident/r01'") == [(1,)]
    async with house.signed_in("nora") as client:
        assert (await client.get("/residents/r01/export")).status_code == 403


async def test_erasing_needs_the_name_and_no_devices(house: Lived) -> None:
    async with form(house, "ada", "/residents/r02/erase") as (client, hidden):
        wrong = await client.post("/residents/r02/erase", data=hidden | {"confirm": "Joseph"})
        assert wrong.status_code == 422
        worn = await client.post("/residents/r01/erase", data=hidden | {"confirm": "Carmen Vella"})
        assert worn.status_code == 409
        assert "still has devices" in worn.text
        done = await client.post("/residents/r02/erase", data=hidden | {"confirm": "Joseph <b>Borg</b>"})
        assert done.status_code == 303
        await until(house, "SELECT count(*) FROM erasures WHERE done_at IS NOT NULL", [(1,)])
        page = (await client.get("/erased")).text
    assert "r02" in page
    assert "Joseph" not in page
    compact.empty_log(house.path)
    assert compact.holds(house.path, ["Joseph <b>Borg</b>"]) == []
    house.follow()
    assert list(house.index.residents) == ["r01", "r03"]


async def test_only_what_was_begun_goes_on(house: Lived) -> None:
    async with form(house, "ada", "/residents/r02/erase") as (client, hidden):
        for whom in ("r02", "nobody"):
            assert (await client.post(f"/erased/{whom}/go-on", data=hidden)).status_code == 404
    assert house.ask("SELECT count(*) FROM erasures") == [(0,)]
    house.follow()
    assert "r02" in house.index.residents


async def test_after_a_power_cut_erasing_goes_on_by_itself(house: Lived) -> None:
    with closing(reader(house.path)) as db:
        plan = erase.plan(db, "r02", house.clock.now())
    await house.writer.write(partial(erase.begin, wanted=plan, who="ada"))
    await house.stop_serving()
    await house.serve()
    await until(house, "SELECT asked_by FROM erasures WHERE done_at IS NOT NULL", [("ada",)])
    compact.empty_log(house.path)
    assert compact.holds(house.path, ["Joseph <b>Borg</b>"]) == []


async def test_erasing_is_for_admins(house: Lived) -> None:
    async with house.signed_in("sam") as client:
        assert (await client.get("/residents/r02/erase")).status_code == 403
        assert (await client.get("/erased")).status_code == 403


async def test_the_page_of_the_retention(house: Lived) -> None:
    async with house.signed_in("sam") as client:
        page = await client.get("/retention")
        view = (await client.get("/api/retention")).json()
    assert "Where people were" in page.text
    assert "30 days" in page.text
    assert {line["cut"]["kind"]: line["cut"]["days"] for line in view["would_go"]}["positions"] == 30
    async with house.signed_in("nora") as client:
        assert (await client.get("/retention")).status_code == 403


@pytest.mark.parametrize(
    "address", ["/residents/r01/export", "/api/residents/r01/export", "/api/residents/r01/export/fhir"]
)
async def test_a_copy_that_nobody_fetches_stays_nowhere(
    house: Lived, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    made: list[weakref.ref[copies.Copy]] = []
    seen: list[list[Path]] = []
    make = copies.made

    async def watched(console: Any, resident: str) -> copies.Copy:
        copy = await make(console, resident)
        made.append(weakref.ref(copy))
        seen.append([one for one in house.path.parent.iterdir() if one.suffix == ".zip" or one.name.startswith("tmp")])
        return copy

    monkeypatch.setattr(copies, "made", watched)
    if address.startswith("/api"):
        body, kind = b'{"why": "asked"}', "application/json"
        async with house.signed_in("sam") as client:
            cookies = dict(client.cookies)
    else:
        async with form(house, "sam", address) as (client, hidden):
            body, kind = urlencode(hidden | {"why": "asked"}).encode(), "application/x-www-form-urlencoded"
            cookies = dict(client.cookies)
    crumbs = "; ".join(f"{name}={value}" for name, value in cookies.items())
    _, away = await asyncio.open_connection("127.0.0.1", house.port)
    head = f"POST {address} HTTP/1.1\r\nHost: {house.url[7:]}\r\nOrigin: {house.url}\r\nCookie: {crumbs}\r\n"
    away.write(f"{head}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await away.drain()
    away.close()
    async with asyncio.timeout(PATIENCE_S):
        while not made or made[0]() is not None:
            await asyncio.sleep(0.01)
            gc.collect()
    assert seen == [[]]
    assert not list(house.path.parent.glob("*.zip"))
