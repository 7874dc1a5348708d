"""The board: who sees what, answers without a script, live updates."""

import asyncio

import httpx

from gateway.clock import monotonic
from rules.model import Priority
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import House, field
from tests.pace import pace


async def test_board_needs_sign_in(house: House) -> None:
    async with house.client() as client:
        answer = await client.get("/")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?next=%2F"
        for path in ("/board", "/beats", "/api/alerts"):
            assert (await client.get(path)).status_code == 401, path


async def test_the_most_urgent_and_oldest_come_first(house: House) -> None:
    await house.raise_alert("r01", Priority.LOW)
    house.clock.move(120)
    await house.raise_alert("r03", Priority.HIGH)
    house.clock.move(120)
    await house.raise_alert("r02", Priority.HIGH)
    async with house.signed_in() as nora:
        html = (await nora.get("/")).text
    places = [html.index(word) for word in ("Garden Wing 2, 14B", "102</span>", "101</span>")]
    assert places == sorted(places)
    assert "!!!" in html
    assert "2 minutes" in html
    assert "&lt;1 min" in html
    assert "Joseph &lt;b&gt;Borg&lt;/b&gt;" in html
    assert "Nobody is going yet." in html


async def test_going_arrived_closed_without_a_script(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        page = await nora.get("/")
        to = f"/alerts/{number}/answer"
        answer = await nora.post(to, data={"key": field(page.text, "key"), "answer": "going:10"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/?did={number}")
        page = await nora.get(answer.headers["location"])
        assert "Room 101, Help pressed: You are going. There by 03:22." in page.text
        assert house.ask("SELECT state, taken_by FROM alerts") == [("acknowledged", "nora")]
        await nora.post(to, data={"key": field(page.text, "key"), "answer": "arrive"})
        page = await nora.get("/")
        assert "You are there since 03:12." in page.text
        await nora.post(
            to, data={"key": field(page.text, "key"), "answer": "close", "outcome": "real", "note": "Helped her up."}
        )
        assert "No open alerts." in (await nora.get("/")).text
    assert house.ask("SELECT state, closed_by, outcome, note FROM alerts") == [
        ("closed", "nora", "real", "Helped her up.")
    ]
    assert house.ask("SELECT event, who, via FROM alert_events WHERE who IS NOT NULL") == [
        ("acknowledge", "nora", "page"),
        ("arrive", "nora", "page"),
        ("close", "nora", "page"),
    ]


async def test_of_two_at_once_one_is_told_who_was_first(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in("nora") as nora, house.signed_in("sam") as sam:
        to, form = f"/alerts/{number}/answer", {"key": f"{number}-1", "answer": "going:5"}
        answers = await asyncio.gather(nora.post(to, data=form), sam.post(to, data=form))
        assert sorted(answer.status_code for answer in answers) == [303, 409]
        late = next(answer for answer in answers if answer.status_code == 409)
        [(first,)] = house.ask("SELECT taken_by FROM alerts")
        name = {"nora": "Nora Borg", "sam": "Sam Pace"}[first]
        assert f"{name} was first, at 03:12." in late.text


async def test_the_same_answer_twice_is_one(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        form = {"key": f"{number}-1", "answer": "going:5"}
        headers = {"Accept": "application/json", "Origin": house.url}
        first = await nora.post(f"/alerts/{number}/answer", data=form, headers=headers)
        house.clock.move(60)
        second = await nora.post(f"/alerts/{number}/answer", data={**form, "age_s": "60"}, headers=headers)
    assert (first.json()["repeated"], second.json()["repeated"]) == (False, True)
    assert first.json()["state"] == "acknowledged"
    assert house.ask("SELECT count(*) FROM alert_events WHERE event = 'acknowledge'") == [(1,)]


async def test_a_promise_counts_from_the_tap(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        headers = {"Accept": "application/json", "Origin": house.url}
        to = f"/alerts/{number}/answer"
        late = await nora.post(to, data={"answer": "going:5", "age_s": "301"}, headers=headers)
        assert late.status_code == 409
        assert late.headers["content-type"] == "application/problem+json"
        assert "the time you named is over" in late.json()["detail"]
        good = await nora.post(to, data={"answer": "going:5", "age_s": "200"}, headers=headers)
        assert good.status_code == 200
    [(taken, eta)] = house.ask("SELECT taken_at, eta_at FROM alerts")
    assert eta - taken == 2 * 60_000


async def test_a_closing_that_lacks_something_is_explained(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        for form in ({"outcome": ""}, {"outcome": "nonsense"}, {"outcome": "other", "note": " "}):
            answer = await nora.post(f"/alerts/{number}/answer", data={"answer": "close", **form})
            assert answer.status_code == 422
            assert "Please say what it was" in answer.text
        assert (await nora.post(f"/alerts/{number}/answer", data={"answer": "dance"})).status_code == 422
        assert (await nora.post("/alerts/999/answer", data={"answer": "arrive"})).status_code == 404
    assert house.ask("SELECT state FROM alerts") == [("open",)]


async def test_relatives_see_only_what_they_were_told_of(house: House) -> None:
    stranger, own = await house.raise_alert("r01"), await house.raise_alert("r02")
    async with house.signed_in("rita") as rita:
        html = (await rita.get("/")).text
        assert "102</span>" in html
        assert "101</span>" not in html
        assert [alert["id"] for alert in (await rita.get("/api/alerts")).json()["alerts"]] == [own]
        assert (await rita.get(f"/alerts/{own}")).status_code == 200
        assert (await rita.get(f"/alerts/{stranger}")).status_code == 404
        assert (await rita.post(f"/alerts/{stranger}/answer", data={"answer": "arrive"})).status_code == 404
        assert f"/?did={stranger}" not in html
        assert "101</span>" not in (await rita.get(f"/?did={stranger}")).text
    assert house.ask("SELECT state FROM alerts WHERE id = ?", stranger) == [("open",)]


async def test_unchanged_board_is_not_sent_again(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora, house.signed_in("sam") as sam:
        first = await nora.get("/board")
        etag = first.headers["etag"]
        assert (await nora.get("/board", headers={"If-None-Match": etag})).status_code == 304
        assert (await sam.get("/board")).headers["etag"] == etag
        await sam.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        changed = await nora.get("/board", headers={"If-None-Match": etag})
        assert changed.status_code == 200
        assert "Sam Pace is going. There by 03:17." in changed.text
        assert "You are going." in (await sam.get("/board")).text


async def test_no_board_is_shared_with_another_reader(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in("bo") as bo, house.signed_in("nora") as nora:
        await nora.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        assert "You are going." in (await nora.get("/board")).text
        assert "You are going." not in (await bo.get("/board")).text
        assert '<html lang="da">' in (await bo.get("/")).text


async def test_a_beat_comes_within_a_second_of_a_change(house: House) -> None:
    async with house.signed_in() as nora, nora.stream("GET", "/beats") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert await _next_event(lines) == "beat"
        async with pace() as machine:
            began = monotonic()
            await house.raise_alert()
            assert await asyncio.wait_for(_next_event(lines), PATIENCE_S) == "beat"
            assert monotonic() - began <= machine.allows(1)


async def _next_event(lines: object) -> str:
    async for line in lines:  # type: ignore[attr-defined]
        assert not line.startswith(":"), "page scripts can't see comments"
        if line.startswith("event: "):
            return str(line.removeprefix("event: "))
    raise AssertionError("the stream ended")


async def test_streams_end_when_the_gateway_stops(house: House) -> None:
    async with house.signed_in() as nora, nora.stream("GET", "/beats") as stream:
        lines = stream.aiter_lines()
        await _next_event(lines)
        stopping = asyncio.create_task(house.stop_serving())
        async with asyncio.timeout(PATIENCE_S):
            try:
                async for _ in lines:
                    pass
            except httpx.RemoteProtocolError as error:
                raise AssertionError("the stream was cut, not ended") from error
            await stopping
