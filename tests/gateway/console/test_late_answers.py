"""Answers that come late, or from a page of somebody else: what counts, and what changes nothing."""

from collections.abc import Awaitable, Callable

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge, Answer, Close, Outcome, Reopen
from rules.model import Priority
from tests.gateway.console.house import House, field

HOUR = 3600
LATE_S = 25 * 60
ARRIVE = {"answer": "arrive"}
CLOSE = {"answer": "close", "outcome": "false", "note": "Nothing was found."}
HELP = {"answer": "more_help"}
GOING = {"answer": "going:240"}

Then = Callable[[House, int, str], Awaitable[None]]


async def _answer(house: House, number: int, answer: Answer) -> None:
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, answer, "sam", "page"))


async def _nothing(house: House, number: int, subject: str) -> None:
    pass


async def _again(house: House, number: int, subject: str) -> None:
    assert await house.raise_alert("r01", subject=subject) == number


async def _more_urgent(house: House, number: int, subject: str) -> None:
    assert await house.raise_alert("r01", Priority.HIGH, subject=subject) == number


async def _reopened(house: House, number: int, subject: str) -> None:
    await _answer(house, number, Close(Outcome.FALSE))
    await _answer(house, number, Reopen("She is on the floor."))


async def _taken(house: House, number: int, subject: str) -> None:
    await _answer(house, number, Acknowledge(240))


# what the carer said, its age in seconds, what happened in between, how long before it came; the status
CASES: tuple[tuple[dict[str, str], int, Then, int, int], ...] = (
    (ARRIVE, 0, _nothing, 0, 200),
    (ARRIVE, 14 * 60, _nothing, 0, 200),
    (ARRIVE, 16 * 60, _nothing, 0, 409),
    (ARRIVE, LATE_S, _again, 10, 409),
    (ARRIVE, 0, _again, 10, 409),  # a page that stood open
    (ARRIVE, LATE_S, _reopened, 60, 409),
    (CLOSE, 0, _nothing, 0, 200),
    (CLOSE, LATE_S, _nothing, 0, 200),  # it tells what was found, and stays true
    (CLOSE, LATE_S, _again, 10, 409),
    (CLOSE, 0, _again, 10, 409),
    (CLOSE, LATE_S, _reopened, 60, 409),
    (CLOSE, LATE_S, _taken, 10, 409),  # Sam is on the way now
    (CLOSE, 60, _taken, 10, 200),
    (CLOSE, 0, _more_urgent, 10, 409),
    (HELP, LATE_S, _nothing, 0, 200),  # too many people do no harm
    (HELP, LATE_S, _reopened, 60, 409),
    (GOING, LATE_S, _again, 10, 200),  # whoever is on the way is on the way
    ({"answer": "going:20"}, LATE_S, _nothing, 0, 409),
)


async def test_an_old_answer_is_none_to_what_has_happened_since(house: House) -> None:
    async with house.signed_in() as nora:
        for at, (said, age_s, then, before_s, status) in enumerate(CASES):
            subject = f"s{at}"
            number = await house.raise_alert(
                "r01", Priority.LOW if then is _more_urgent else Priority.HIGH, subject=subject
            )
            [(version,)] = house.ask("SELECT version FROM alerts WHERE id = ?", number)
            house.clock.move(max(age_s, 60) - before_s)
            await then(house, number, subject)
            house.clock.move(before_s)
            [before] = house.ask("SELECT state, version FROM alerts WHERE id = ?", number)
            form = {**said, "key": f"{number}-{version}", "age_s": str(age_s), "carer": "nora"}
            answer = await nora.post(f"/alerts/{number}/answer", data=form, headers={"Accept": "application/json"})
            what = (at, said, age_s, then.__name__, answer.text)
            assert answer.status_code == status, what
            after = house.ask("SELECT state, version FROM alerts WHERE id = ?", number)
            assert (after == [before]) == (status == 409), what
            if then in {_again, _reopened, _more_urgent} and status == 409:
                assert answer.json()["detail"] == "It happened again since; please look. Your answer was not taken."
            if after[0][0] != "closed":
                await _answer(house, number, Close(Outcome.TEST))


async def test_every_way_knows_what_a_page_saw(house: House) -> None:
    number = await house.raise_alert()
    link = house.links.make(number, "nora", "alert").removeprefix("http://house.test")
    async with house.client() as stranger, house.signed_in() as nora:
        key = field((await stranger.get(link)).text, "key")
        version = (await nora.get("/api/alerts")).json()["alerts"][0]["version"]
        house.clock.move(1200)
        await house.raise_alert()
        by_link = await stranger.post(link, data={**CLOSE, "key": key})
        assert by_link.status_code == 409
        assert "It happened again since; please look." in by_link.text
        close = {"type": "close", "outcome": "false"}
        to = f"/api/alerts/{number}/answer"
        assert (await nora.post(to, json=close, headers={"Alert-Version": str(version)})).status_code == 409
        assert house.ask("SELECT state FROM alerts") == [("open",)]
        version = (await nora.get("/api/alerts")).json()["alerts"][0]["version"]
        assert (await nora.post(to, json=close, headers={"Alert-Version": str(version)})).status_code == 200


async def test_the_answer_of_one_never_counts_as_anothers(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in("sam") as sam:
        page = await sam.get("/")
        assert field(page.text, "carer") == "sam"
        assert field((await sam.get(f"/alerts/{number}")).text, "carer") == "sam"
        form = {"answer": "going:5", "key": f"{number}-1", "carer": "nora"}
        to = f"/alerts/{number}/answer"
        answer = await sam.post(to, data=form, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/other-carer")
        plain = await sam.post(to, data=form)
        assert plain.status_code == 409
        assert "you are signed in as Sam Pace now. Nothing was changed." in plain.text
        assert house.ask("SELECT state, taken_by FROM alerts") == [("open", None)]
        for answer in (await sam.get("/board"), await sam.post(to, data={**form, "carer": "sam"})):
            assert answer.headers["Telecare-Carer"] == "sam"
            assert answer.headers["Telecare-Version"].startswith("/static/")
        assert (await sam.get("/map/part")).headers["Telecare-Carer"] == "sam"
        assert house.ask("SELECT taken_by FROM alerts") == [("sam",)]


async def test_without_scripts_nothing_is_written_where_it_is_wiped(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        html = (await nora.get("/")).text
        assert (
            f'<noscript><p class="back"><a href="/alerts/{number}">Close it on its own page</a></p></noscript>' in html
        )
        page = (await nora.get(f"/alerts/{number}")).text
        assert 'name="note"' in page
        assert "http-equiv" not in page
        house.clock.move(13 * HOUR)
        late = await nora.post(f"/alerts/{number}/answer", data={"answer": "going:5", "key": f"{number}-1"})
        assert late.status_code == 401
        assert f'href="/sign-in?next=%2Falerts%2F{number}"' in late.text
