"""The wall screen: rooms and no names, no forms, and nothing lost without a word."""

import re

from gateway.alerts import desk
from gateway.alerts.model import Arrive
from gateway.clock import to_ms
from rules.model import Priority
from tests.gateway.console.house import House
from tests.gateway.console.test_wards import rooms
from tests.gateway.console.wards import with_wards


async def test_it_names_nobody_and_takes_no_answer(house: House) -> None:
    number = await house.raise_alert("r02")
    async with house.signed_in("sam") as sam:
        await sam.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        for path in ("/wall", "/wall/board"):
            html = (await sam.get(path)).text
            assert "102" in html
            assert "Somebody is going." in html
            assert "5 minutes left" in html
            for secret in ("Borg", "Joseph", "Sam", "Pace", "<form", "<input", "<select"):
                assert secret not in html, (path, secret)
    assert house.ask("SELECT count(*) FROM audit WHERE action = 'look' AND detail LIKE '%wall%'") == [(1,)]


async def test_it_is_for_staff(house: House) -> None:
    async with house.client() as client, house.signed_in("rita") as rita:
        assert (await client.get("/wall")).headers["location"] == "/sign-in?next=%2Fwall"
        for path in ("/wall", "/wall/board"):
            assert (await rita.get(path)).status_code == 403


async def test_what_has_no_place_is_counted_and_is_the_least_urgent(house: House) -> None:
    for number in range(30):
        await house.raise_alert("r01", Priority.LOW, subject=f"s{number}")
    await house.raise_alert("r02", Priority.HIGH)
    async with house.signed_in("sam") as sam:
        html = (await sam.get("/wall/board")).text
        assert len(re.findall('class="panel ', html)) == 24
        assert "7 more alerts have no place here. Nobody is going to 7 of them." in html
        assert html.index("102") < html.index("101")
        etag = (await sam.get("/wall/board")).headers["etag"]
        assert (await sam.get("/wall/board", headers={"If-None-Match": etag})).status_code == 304


async def test_what_nobody_goes_for_comes_first_and_is_heard_also_without_a_place(house: House) -> None:
    async with house.signed_in("sam") as sam:
        for at in range(24):
            number = await house.raise_alert("r01", Priority.HIGH, subject=f"s{at}")
            await house.writer.write(
                lambda tx, number=number: desk.answer(tx, house.index, number, Arrive(), "nora", "page")
            )
        low = await house.raise_alert("r02", Priority.LOW)
        html = (await sam.get("/wall/board")).text
        assert f'data-id="{low}"' not in html
        assert 'data-rings="low"' in html
        assert "1 more alert has no place here. Nobody is going to 1 of them." in html
        house.clock.move(60)
        high = await house.raise_alert("r03", Priority.HIGH)
        answer = await sam.get("/wall/board")
        assert answer.text.index(f'data-id="{high}"') < answer.text.index('data-id="1"')
        assert 'data-rings="high"' in answer.text
        assert answer.headers["Telecare-Time"] == str(to_ms(house.clock.now()))


async def test_it_shows_the_chosen_wards(house: House) -> None:
    with_wards(house)
    for resident in ("r01", "r02"):
        await house.raise_alert(resident)
    async with house.signed_in("sam") as sam:
        html = (await sam.get("/wall?ward=north")).text
        assert rooms(html) == ["101"]
        assert "1 more alert in other wards." in html
        assert "Haven House · North" in html
