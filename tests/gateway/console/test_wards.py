"""The board by wards, handing over, the time that is left; and how a picture is shared and sent."""

import re
from functools import partial

import httpx

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.console.pages import STATIC_URL
from gateway.store.protection import Kept, store
from gateway.store.writer import Tx
from rules.model import Priority, Reason
from rules.protection import Level
from tests.gateway.console.house import House, field
from tests.gateway.console.wards import with_wards


def _keep(tx: Tx, *, resident: str, kept: Kept) -> None:
    store(tx.db, resident, kept)


def rooms(html: str) -> list[str]:
    return re.findall(r'class="room">.*?</span>(.*?)</span>', html)


async def test_a_chosen_ward_shows_its_alerts_and_counts_the_others(house: House) -> None:
    with_wards(house)
    for resident in ("r01", "r02", "r03"):
        await house.raise_alert(resident)
    async with house.signed_in("sam") as sam:
        assert sorted(rooms((await sam.get("/")).text)) == ["101", "102", "Garden Wing 2, 14B"]
        for path in ("/?ward=south", "/board?ward=south"):
            html = (await sam.get(path)).text
            assert rooms(html) == ["102", "Garden Wing 2, 14B"], "what is no ward's is everybody's"
            assert "1 more alert in other wards." in html
        assert 'data-from="/board?ward=south"' in (await sam.get("/?ward=south")).text
        both = (await sam.get("/board?ward=south&ward=north")).text
        assert (len(rooms(both)), "in other wards" in both) == (3, False)
        assert len(rooms((await sam.get("/board?ward=nowhere")).text)) == 3, "a ward that there is not hides nothing"
        for query, expected in (("", 3), ("?ward=south", 2), ("?ward=south&ward=north", 3), ("?ward=nowhere", 3)):
            assert len((await sam.get(f"/api/alerts{query}")).json()["alerts"]) == expected, query


async def test_what_somebody_was_told_about_is_always_there(house: House) -> None:
    with_wards(house)
    await house.raise_alert("r01")  # nora is told
    async with house.signed_in("nora") as nora, house.signed_in("sam") as sam:
        assert rooms((await nora.get("/board?ward=south")).text) == ["101"]
        assert rooms((await sam.get("/board?ward=south")).text) == []


async def test_wards_that_are_not_ones_own_are_only_counted(house: House) -> None:
    with_wards(house)
    north, south = await house.raise_alert("r01"), await house.raise_alert("r02")
    async with house.signed_in("bo") as bo, house.signed_in("rita") as rita:
        html = (await bo.get("/")).text
        assert rooms(html) == ["101"]
        assert "1 alert in a ward that is not yours." in html
        assert 'id="wards"' not in html, "one ward is nothing to choose from"
        assert [one["id"] for one in (await bo.get("/api/alerts")).json()["alerts"]] == [north]
        assert (await bo.get(f"/alerts/{south}")).status_code == 404
        relatives = (await rita.get("/")).text
        assert "wards" not in relatives
        assert "not yours" not in relatives


async def test_a_picture_is_never_that_of_another_choice(house: House) -> None:
    with_wards(house)
    for resident in ("r01", "r02"):
        await house.raise_alert(resident)
    async with house.signed_in("sam") as sam, house.signed_in("bo") as bo:
        for _ in range(2):
            assert rooms((await sam.get("/board?ward=north")).text) == ["101"]
            assert rooms((await sam.get("/board?ward=south")).text) == ["102"]
            assert len(rooms((await sam.get("/board")).text)) == 2
            assert rooms((await bo.get("/board")).text) == ["101"]


async def test_protection_is_told_ward_by_ward(house: House) -> None:
    with_wards(house)
    for resident in ("r01", "r02", "r03"):
        kept = Kept(Level.UNPROTECTED, (Reason("No device can call for help."),), house.clock.now())
        await house.writer.write(partial(_keep, resident=resident, kept=kept))
    async with house.signed_in("sam") as sam:
        html = (await sam.get("/board")).text
        assert "3 residents are not protected" in html
        for ward in ("North", "South", "Without a ward"):
            assert f"<h3>{ward}: 1 resident is not protected</h3>" in html
        assert len(re.findall(r"<i>▲ 1<", html)) == 2, "beside each ward"
        assert "<h3>South" not in (await sam.get("/board?ward=north")).text


async def test_an_answer_goes_back_to_the_chosen_ward(house: House) -> None:
    with_wards(house)
    number = await house.raise_alert("r01")
    async with house.signed_in("sam") as sam:
        html = (await sam.get("/?ward=north")).text
        assert f'action="/alerts/{number}/answer?ward=north"' in html
        form = {"key": field(html, "key"), "answer": "going:5"}
        answer = await sam.post(f"/alerts/{number}/answer?ward=north", data=form)
        assert answer.headers["location"] == f"/?did={number}&ward=north"


async def test_handing_over_offers_who_is_on_duty_first(house: House) -> None:
    with_wards(house)
    number = await house.raise_alert("r02")
    to = f"/alerts/{number}/answer"
    async with house.signed_in("nora") as nora:
        assert "hand_over:" not in (await nora.get("/")).text
        await nora.post(to, data={"answer": "going:10"})
        for path in ("/", f"/alerts/{number}"):
            html = (await nora.get(path)).text
            # nobody's relative, nobody of another ward, and not the reader
            assert re.findall(r'value="hand_over:(\w+)"', html) == ["sam"], path
            assert '<optgroup label="On duty now"><option value="hand_over:sam">Sam Pace</option>' in html
        form = {"key": field(html, "key"), "answer": "hand_over:sam", "note": "My car does not start."}
        assert (await nora.post(to, data=form)).status_code == 303
    assert house.ask("SELECT state, taken_by FROM alerts") == [("open", None)]
    assert house.ask("SELECT who, json_extract(detail, '$.to') FROM alert_events WHERE event = 'hand_over'") == [
        ("nora", "sam")
    ]


async def test_the_time_that_is_left_counts_down_and_then_up(house: House) -> None:
    number = await house.raise_alert("r01", Priority.LOW)
    async with house.signed_in("nora") as nora:
        await nora.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        for seconds, said in ((0, "5 minutes left"), (90, "4 minutes left"), (180, "due now"), (160, "2 minutes late")):
            house.clock.move(seconds)
            assert f'<span class="eta">{said}</span>' in (await nora.get("/board")).text, seconds


async def test_a_big_board_is_sent_small(house: House) -> None:
    for number in range(40):
        await house.raise_alert("r01", subject=f"s{number}")
    async with house.signed_in() as nora:
        plain = await nora.get("/board", headers={"Accept-Encoding": "identity"})
        small = await nora.get("/board", headers={"Accept-Encoding": "gzip"})
        assert plain.text == small.text
        assert plain.text.count('name="outcome"') == 30, "the others are closed on their own page"
        assert len(re.findall(r'class="back"><a href="/alerts/\d+">Close the alert', plain.text)) == 10
        assert plain.text.count('value="going:10"') == 40, "but everybody can say that they are going"
        assert "content-encoding" not in plain.headers
        assert int(small.headers["content-length"]) * 10 < int(plain.headers["content-length"])
        whole = await nora.get("/")
        assert (whole.headers["content-encoding"], whole.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert whole.headers["cache-control"] == "no-store"
        assert "content-encoding" not in (await nora.get("/phone")).headers


async def test_every_picture_says_which_version_it_belongs_to(house: House) -> None:
    async with house.signed_in() as nora:
        first = await nora.get("/board")
        assert first.headers["telecare-version"] == STATIC_URL
        again: httpx.Response = await nora.get("/board", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.headers["telecare-version"]) == (304, STATIC_URL)
        assert f'data-version="{STATIC_URL}"' in (await nora.get("/")).text


async def test_a_ward_in_which_nobody_lives_is_said_on_the_board(house: House) -> None:
    with_wards(house)
    async with house.signed_in("bo") as bo:
        assert "Nobody lives in" not in (await bo.get("/")).text
        document = to_document(house.index.centre)
        for carer in document["carers"]:
            if carer["id"] == "bo":
                carer["wards"] = ["nort"]
        house.index = CentreIndex(centre_from_document(document))
        for page in ("/", "/board"):
            assert "Nobody lives in Nort. Alerts of other wards are not shown to you." in (await bo.get(page)).text
