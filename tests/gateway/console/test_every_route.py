"""Every route of the console, walked: nobody sees or changes what is none of their business, and every look is kept.

The routes are those of the app, so that a new one is walked too; one with a part in its address that is not known here
fails, and says so.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.console.deps import CONSOLE
from tests.gateway.console.house import DOCUMENT, field
from tests.gateway.console.lives import AFTERNOON, a_day, hear
from tests.gateway.console.living import LivingHouse

HERE = deepcopy(DOCUMENT)
HERE["residents"][0] |= {"ward": "north", "room": "R-Carmen", "relatives": ["rita"], "note": "Uses a walker."}
HERE["residents"][1] |= {"ward": "south", "name": "Joseph Borg", "relatives": ["eve"]}
HERE["carers"] += [
    {"id": "ada", "name": "Ada Grech", "role": "admin", "contacts": [{"channel": "log"}]},
    {"id": "wes", "name": "Wes South", "role": "carer", "wards": ["south"], "contacts": [{"channel": "log"}]},
    {"id": "eve", "name": "Eve Borg", "role": "relative", "contacts": [{"channel": "log"}]},
    {"id": "mia", "name": "Mia South", "role": "manager", "wards": ["south"], "contacts": [{"channel": "log"}]},
]
HERE["devices"] = [{"id": "gps-1", "type": "tracker", "format": "native"}]
HERE["assignments"] = [{"device": "gps-1", "resident": "r01", "from": "2026-01-05T00:00:00Z"}]
HERE["zones"] = [
    {"id": "garden", "name": "Garden", "geometry": {"type": "Point", "coordinates": [14.4, 35.8]}, "radius_m": 50.0}
]
HERE["care_plans"][0] |= {
    "consents": {"location": "always", "sleep": True, "continence": True, "activity": True, "search": True},
    "rules": [{"rule": "help"}, {"rule": "zone_exit", "zone": "garden", "priority": "medium"}, {"rule": "bed_exit"}],
}

SHOWS_HER = re.compile(r"Carmen|hospital for her hip|walker|\"r01\"|14\.51|/r01[/\"?]")
"""What is about r01 and about nobody else."""

PLACES = {
    "resident": "r01", "carer": "nora", "device": "gps-1", "name": "garden", "table": "residents", "key": "r01",
    "place": "0", "trial": "none", "session": "1", "passkey": "1", "token": "none", "z": "1", "x": "1", "y": "1",
    "path": "x",
}  # fmt: skip
"""What stands for each part of an address; ``number`` is found by what it counts."""

NOT_WALKED = {"/beats", "/static/", "/leaflet/", "/metrics", "/api/schema"}
"""Endless, or of ours and about nobody."""

ON_PURPOSE = {"/residents/{resident}/break-glass", "/residents/{resident}/break-glass/end"}
"""Open to all staff, and told to the managers: docs/privacy.md."""

ANSWER = {"answer": "arrive", "type": "arrive"}
BODIES: dict[str, dict[str, Any]] = {
    "/alerts/{number}/answer": ANSWER,
    "/alerts/{number}/search": {},
    "/residents/{resident}/consent": {
        "version": 1, "location": "never", "sleep": True, "continence": False, "activity": False, "search": False,
        "relatives": [], "agreed_by": "resident", "agreed_on": "2026-02-28", "how": "At the table.",
    },
    "/residents/{resident}/erase": {"confirm": "Carmen Vella"},
    "/residents/{resident}/export": {"why": "asked for it"},
    "/residents/{resident}/export/fhir": {"why": "asked for it"},
    "/residents/{resident}/notes": {"text": "hello"},
    "/residents/{resident}/search": {"minutes": 60},
    "/rounds/check": {"resident": "r01", "key": "1", "result": "done"},
    "/api/rounds/check": {"resident": "r01", "since": "2026-03-01T00:00:00Z", "result": "done"},
    "/searches/{number}/end": {},
    "/shelves": {"resident": "r01", "rule_key": "zone_exit:garden", "minutes": 60, "why": "at the doctor"},
    "/shelves/{number}/end": {},
    "/erased/{resident}/go-on": {},
    "/erasures/{resident}/go-on": {},
    "/admin/plan/{resident}": {},
    "/admin/plan/{resident}/rule/{place}": {},
}  # fmt: skip
"""What is sent to each route that changes something about a resident, so that it is no bad form that is refused."""


SAID_ON_THE_PAGE = {"/rounds/check", "/shelves"}
"""Pages that say in their own words that nothing was done."""


class Walked(LivingHouse):
    """A house in which something of everything is about r01."""

    numbers: dict[str, int]

    async def begin(self) -> None:
        await self.start()
        await self.apply(HERE)
        await self.give_passwords()
        self.clock.move_to(AFTERNOON)
        await hear(self, "r01", a_day(), noted=True)
        alert = await self.raise_alert("r01")
        async with self.signed_in("nora") as nora:
            wanted = BODIES["/shelves"] | {"why": "in hospital for her hip"}
            shelf = (await nora.post("/api/shelves", json=wanted)).json()["id"]
            search = (await nora.post("/api/residents/r01/search", json={"minutes": 60})).json()["id"]
        self.numbers = {"alerts": alert, "shelves": shelf, "searches": search, "versions": 2}

    def routes(self, method: str) -> Iterator[tuple[str, str]]:
        """Every route of that method: its address with and without what stands for its parts."""
        for route in sorted(self.app.routes, key=lambda one: one.path_format):
            template = route.path_format
            if method not in getattr(route, "methods", ()) or template.startswith(tuple(NOT_WALKED)):
                continue
            yield template, self.filled(template)

    def filled(self, template: str) -> str:
        counted = next((one for one in self.numbers if f"/{one}/" in template), None)
        known = PLACES | {"number": str(self.numbers[counted] if counted else 1)}
        parts = re.findall(r"{(\w+)}", template)
        assert set(parts) <= set(known), f"{template}: say in PLACES what stands for {set(parts) - set(known)}"
        return template.format(**{part: known[part] for part in parts})

    def forget_looks(self) -> None:
        self.app.state[CONSOLE].looks_noted.clear()

    @asynccontextmanager
    async def with_token(self, carer: str) -> AsyncIterator[httpx.AsyncClient]:
        """Signed in, with the token that forms carry, so that nothing is refused for the lack of it."""
        async with self.signed_in(carer) as client:
            page = await client.get("/account")
            client.headers["x-csrftoken"] = field(page.text, "_csrf_token")
            yield client


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Walked]:
    house = Walked(tmp_path)
    await house.begin()
    try:
        yield house
    finally:
        await house.stop()


def bare(template: str) -> str:
    return template.removeprefix("/api")


A_COLLEAGUE_SEES = (
    "/", "/board", "/map/part", "/residents", "/alerts/{number}", "/api/alerts/{number}/explain", "/shelves",
    "/api/shelves", "/searches", "/api/searches", "/api/protection", "/api/zones", "/residents/{resident}",
)  # fmt: skip
"""The walk is worth something only where somebody else does see her."""


async def test_nothing_shows_a_resident_to_whom_they_are_none_of_their_business(house: Walked) -> None:
    async with house.signed_in("nora") as nora:
        for template in A_COLLEAGUE_SEES:
            assert SHOWS_HER.search((await nora.get(house.filled(template))).text), template
    async with house.signed_in("wes") as wes, house.signed_in("eve") as eve, house.signed_in("mia") as mia:
        for template, address in house.routes("GET"):
            if bare(template) in ON_PURPOSE:
                continue
            for who, client in (("mia", mia), ("wes", wes), ("eve", eve)):
                answer = await client.get(address)
                if who == "wes" and answer.status_code == 403:
                    break  # of managers: no more of a relative's
                assert not SHOWS_HER.search(answer.text), f"{who} sees {template}: {answer.text[:600]}"
                if "{resident}" in template:
                    assert answer.status_code in {403, 404}, f"{who}: {template}"


async def test_nobody_changes_what_is_none_of_their_business(house: Walked) -> None:
    tables = "SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM shelves WHERE ended_at IS NULL)"
    before = house.ask(tables.format("searches WHERE ended_at IS NULL"))
    async with house.with_token("wes") as wes, house.with_token("eve") as eve, house.with_token("mia") as mia:
        for template, address in house.routes("POST"):
            named = "{resident}" in template
            if bare(template) in ON_PURPOSE or not (named or bare(template) in BODIES):
                continue
            assert bare(template) in BODIES, f"{template}: say in BODIES what is sent to it"
            body = BODIES.get(template) or BODIES[bare(template)]
            for who, client in (("wes", wes), ("eve", eve), ("mia", mia)):
                sent = {"json": body} if template.startswith("/api") else {"data": {k: str(v) for k, v in body.items()}}
                answer = await client.post(address, **sent)
                expected = {403, 404} if who == "eve" or of_managers(template) else {404}
                if template in SAID_ON_THE_PAGE and who != "eve":
                    expected = {200, 400}
                assert answer.status_code in expected, f"{who}: {template}: {answer.status_code} {answer.text[:300]}"
                assert not SHOWS_HER.search(answer.text), f"{who}: {template}"
    assert house.ask(tables.format("searches WHERE ended_at IS NULL")) == before
    assert house.ask("SELECT count(*) FROM care_notes") == [(0,)]
    assert house.ask("SELECT state FROM alerts") == [("open",)]


def of_managers(template: str) -> bool:
    """Routes of managers and administrators: whoever is less is refused before anything is looked at."""
    last = template.rsplit("/", maxsplit=1)[-1]
    return template.startswith("/admin") or last in {"consent", "erase", "export", "fhir", "go-on"}


async def test_every_look_at_a_person_is_written_down(house: Walked) -> None:
    async with house.signed_in("ada") as ada:
        for template, address in house.routes("GET"):
            house.forget_looks()
            [(before,)] = house.ask("SELECT coalesce(max(seq), 0) FROM looks WHERE resident IN ('r01', '*')")
            answer = await ada.get(address)
            if answer.status_code != 200 or not SHOWS_HER.search(answer.text) or template in NO_LOOK:
                continue
            [(after,)] = house.ask("SELECT coalesce(max(seq), 0) FROM looks WHERE resident IN ('r01', '*')")
            assert after > before, f"{template} shows her, and no look is written"


NO_LOOK = {"/audit", "/api/audit", "/residents/{resident}/break-glass"}
"""The audit is about who looked; the page of break-glass shows a name, and what follows is written."""


async def test_one_entry_is_a_look_at_one_person(house: Walked) -> None:
    async with house.signed_in("ada") as ada:
        for address in (
            "/admin/entry/residents/r01", "/admin/plan/r01", "/admin/remove/residents/r01", "/admin/hand-on/gps-1",
            "/residents/r01/export", "/zones/garden", "/api/zones/garden", "/api/centre/tables/residents/r01",
            "/api/centre/tables/care_plans/r01",
        ):  # fmt: skip
            [(before,)] = house.ask("SELECT count(*) FROM looks WHERE resident = 'r01'")
            assert (await ada.get(address)).status_code == 200, address
            assert house.ask("SELECT count(*) FROM looks WHERE resident = 'r01'") == [(before + 1,)], address
        erase, said = [await ada.get(f"{one}/residents/r01/erase") for one in ("", "/api")]
        assert (erase.status_code, said.status_code) == (200, 200)
        assert "Zone: Garden" in erase.text
        assert {"entry": "zones/garden", "name": "Garden"} in said.json()["goes"]
    async with house.signed_in("rita") as rita:
        page = (await rita.get("/residents/r01/looks")).text
        assert "Ada Grech looked at what is kept about you in the administration." in page


async def test_an_open_page_is_a_look_once_in_a_while(house: Walked) -> None:
    async with house.signed_in("nora") as nora:
        for address in ("/board", "/wall/board", "/map/part"):
            house.forget_looks()
            counted = []
            for later_s in (0, 60, 601):
                house.clock.move(later_s)
                await nora.get(address)
                counted.append(house.ask("SELECT count(*) FROM looks WHERE resident = '*'")[0][0])
            assert [counted[1] - counted[0], counted[2] - counted[1]] == [0, 1], address


NUMBERS = ("-1", "-99999999999999999999", "9223372036854775808", "99999999999999999999")
DAYS = ("0001-01-01T00:00:00+14:00", "9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01", "-99999999999999999999")


async def test_no_number_in_an_address_is_too_large_or_too_small(house: Walked) -> None:
    numbered = [one for one in house.app.routes if ":int" in one.path]
    assert len(numbered) > 20
    async with house.with_token("ada") as ada:
        for route in numbered:
            for number in NUMBERS:
                address = re.sub(r"{\w+:int}", number, route.path)
                address = re.sub(r"{(\w+):\w+}", lambda part: PLACES[part[1]], address)
                for method in set(getattr(route, "methods", ())) - {"OPTIONS"}:
                    body: dict[str, str] | None = {} if address.startswith("/api") and method != "GET" else None
                    answer = await ada.request(method, address, json=body)
                    assert answer.status_code == 404, f"{method} {address}: {answer.status_code} {answer.text[:200]}"


async def test_no_day_in_an_address_is_too_far_away(house: Walked) -> None:
    asked = 0
    async with house.with_token("ada") as ada:
        paths = (await ada.get("/api/schema/openapi.json")).json()["paths"]
        for path, methods in paths.items():
            for one in methods.get("get", {}).get("parameters", ()):
                if one["in"] != "query":
                    continue
                dated = "date" in str(one["schema"])  # of others, one is enough: they never hold a time
                for day in DAYS if dated else DAYS[:1]:
                    answer = await ada.get(house.filled(path), params={one["name"]: day})
                    assert answer.status_code < 500, f"{path}?{one['name']}={day}: {answer.text[:200]}"
                    asked += 1
        for page in ("/figures?since={0}&until={0}", "/figures?until={0}", "/residents/r01/sleep?date={0}",
                     "/residents/r01/timeline?day={0}", "/map?at={0}", "/shifts?week={0}"):  # fmt: skip
            for day in DAYS:
                assert (await ada.get(page.format(day.replace("+", "%2B")))).status_code < 500, page
        answer = await ada.get("/api/kpis", params={"until": DAYS[0]})
        assert (answer.status_code, "expected" in answer.json()["detail"]) == (422, True)
    assert asked > 60
