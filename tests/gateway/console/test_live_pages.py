"""Pages that keep themselves fresh: their parts with an ETag, and one look, however long they stay open."""

import html
import re

import pytest

from gateway.console.looks import AGAIN
from tests.gateway.console import lives
from tests.gateway.console.house import House, field

PAGES = ("/residents/r01", "/residents/r01/timeline?day=2026-03-01", "/rounds?by=room&when=next", "/alerts/1")


@pytest.mark.parametrize("path", PAGES)
async def test_the_parts_are_those_of_the_page_and_not_sent_twice(house: House, path: str) -> None:
    lives.move_in(house)
    await lives.hear(house, "r01", lives.a_day())
    await house.raise_alert()
    async with house.signed_in() as nora:
        whole = await nora.get(path)
        asked = field(whole.text.replace('data-url="', 'name="url" value="'), "url").replace("&amp;", "&")
        assert asked.startswith(path)
        part = await nora.get(asked)
        assert part.status_code == 200
        assert "<html" not in part.text
        assert part.text.count("data-part") == whole.text.count("data-part") > 0
        for line in part.text.splitlines():
            assert line in whole.text
        again = await nora.get(asked, headers={"If-None-Match": part.headers["etag"]})
        assert (again.status_code, again.text) == (304, "")
        await house.raise_alert("r01", subject="other")
        changed = await nora.get(asked, headers={"If-None-Match": part.headers["etag"]})
        assert changed.status_code == (200 if "residents" in path else 304)


@pytest.mark.parametrize("path", [*PAGES, "/map", "/wall", "/"])
async def test_when_nobody_is_signed_in_any_more_the_script_is_told_so(house: House, path: str) -> None:
    lives.move_in(house)
    await house.raise_alert()
    async with house.signed_in() as nora:
        page = await nora.get(path)
        found = re.search(r'data-(?:url|from)="([^"]+)"', page.text)
        assert found, path
        await house.writer.write(lambda tx: tx.db.execute("DELETE FROM sessions"))
        answer = await nora.get(html.unescape(found[1]))
        assert (answer.status_code, "Carmen" in answer.text) == (401, False)
        assert (await nora.get(path)).status_code == 303  # the page itself leads to the sign-in


async def test_a_page_that_stays_open_is_one_look_each_ten_minutes(house: House) -> None:
    lives.move_in(house)
    looks = "SELECT count(*) FROM audit WHERE action = 'look' AND object = 'resident/r01/vitals'"
    async with house.signed_in() as nora:
        path = "/residents/r01/vitals?part=1"
        for seconds, written in ((0, 1), (8, 1), (AGAIN.total_seconds() - 9, 1), (1, 2), (8, 2)):
            house.clock.move(seconds)
            assert (await nora.get(path)).status_code == 200
            assert house.ask(looks) == [(written,)], seconds
        assert (await nora.get("/residents/r01/vitals")).status_code == 200
        assert house.ask(looks) == [(3,)]
    async with house.signed_in("sam") as sam:
        assert (await sam.get(path)).status_code == 200
    assert house.ask(looks) == [(4,)]
    async with house.signed_in("rita") as rita:
        assert (await rita.get("/residents/r02/vitals?part=1")).status_code == 404
