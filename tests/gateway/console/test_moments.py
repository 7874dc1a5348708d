"""Times in forms: what nobody touched stays what it was, to the second and in the right one of two hours."""

import html
import re
from copy import deepcopy
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import pytest

from tests.gateway.console.living import HOME, LivingHouse

AUTUMN = "2026-10-25T01:30:00Z"
"""02:30 in Malta for the second time that night."""


def sent(page: httpx.Response, *names: str) -> dict[str, str]:
    """Fields of the page as a browser would send them back."""
    return {name: value_of(page, name) for name in ("_csrf_token", "_base", *names)}


def value_of(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}"[^>]*value="([^"]*)"', page.text)
    assert found is not None, f"no field {name} in {page.text}"
    return html.unescape(found[1])


@pytest.mark.parametrize("begun", [AUTUMN, "2026-01-01T10:00:37Z"])
async def test_an_end_is_written_and_the_beginning_stays(home: LivingHouse, begun: str) -> None:
    document = deepcopy(HOME)
    document["assignments"][0]["from"] = begun
    await home.apply(document)
    async with home.signed_in("ada") as ada:
        page = await ada.get(path := f"/admin/entry/assignments/b1/r01/{quote(begun, safe='')}")
        typed = {"device": "b1", "resident": "r01", "to": "2027-06-01T12:00", **sent(page, "from", "from.was")}
        saved = await ada.post(path, data=typed)
        assert saved.status_code == 303, saved.text
        [kept] = home.newest()["assignments"]
        assert (kept["from"], kept["to"]) == (begun, "2027-06-01T10:00:00Z")
        # one that is typed anew is taken as it is typed
        page = await ada.get(path)
        again = await ada.post(path, data={**typed, **sent(page, "from.was"), "from": "2026-01-01T11:05"})
        assert again.status_code == 303, again.text
        assert home.newest()["assignments"][0]["from"] == "2026-01-01T10:05:00Z"


async def test_a_device_handed_on_in_the_second_of_two_hours(home: LivingHouse) -> None:
    home.clock.move_to(datetime.fromisoformat(AUTUMN).astimezone(UTC))
    async with home.signed_in("ada") as ada:
        page = await ada.get("/admin/hand-on/b1")
        assert value_of(page, "at") == "2026-10-25T02:30"
        done = await ada.post("/admin/hand-on/b1", data={"resident": "r02", **sent(page, "at", "at.was")})
        assert done.status_code == 303, done.text
        first, second = home.newest()["assignments"]
        assert (first["to"], second["from"]) == (AUTUMN, AUTUMN)


async def test_a_time_out_of_bounds_is_said_at_its_field(home: LivingHouse) -> None:
    async with home.signed_in("ada") as ada:
        page = await ada.get("/admin/pair/device?format=native&address=sos-9&type=sos_button")
        typed = {**sent(page), "type": "sos_button", "format": "native", "address": "sos-9", "resident": "r02"}
        refused = await ada.post("/admin/pair/device", data={**typed, "since": "1970-01-01T00:00"})
        assert refused.status_code == 422
        assert 'id="since-wrong"' in refused.text
        assert "assignments" not in refused.text
