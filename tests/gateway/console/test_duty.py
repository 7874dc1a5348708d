"""The pages of shifts and coverage: who is on, changes by managers, gaps in words."""

from copy import deepcopy

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from tests.gateway.console.house import DOCUMENT, House, field

ROTA = [
    {
        "id": "night",
        "role": "nurse",
        "weekly": [{"days": "mon-sun", "from": "22:00", "until": "07:00", "carers": ["nora"]}],
    }
]


def with_shifts(house: House) -> None:
    document = deepcopy(DOCUMENT)
    document["shifts"] = ROTA
    document["policies"][0]["steps"] = [{"roles": ["nurse"], "wait_s": 120}]
    house.index = CentreIndex(centre_from_document(document))


async def test_the_week_says_who_is_on_now_and_when(house: House) -> None:
    with_shifts(house)
    async with house.signed_in() as nora:
        shown = await nora.get("/shifts")
    assert shown.status_code == 200
    assert "22:00–07:00" in shown.text
    assert "Sunday 1 March" in shown.text
    assert shown.text.count("Nora Borg") >= 8
    assert 'action="/shifts/override"' not in shown.text
    assert house.ask("SELECT count(*) FROM audit WHERE object = 'shifts'") == [(1,)]


async def test_a_manager_changes_a_shift_and_takes_it_back(house: House) -> None:
    with_shifts(house)
    async with house.signed_in("sam") as sam:
        form = {"_csrf_token": field((await sam.get("/shifts")).text, "_csrf_token"), "role": "nurse", "why": "Ill."}
        wrong = await sam.post("/shifts/override", data={**form, "since": "soon", "until": "2026-03-03T07:00"})
        assert wrong.status_code == 409
        assert "Please give a day and a time for the beginning." in wrong.text
        assert "2026-03-03T07:00" in wrong.text
        times = {"since": "2026-03-02T22:00", "until": "2026-03-03T07:00"}
        for more, words in (
            ({"role": "x"}, "choose a shift"),
            ({"comes": "nora", "leaves": "nora"}, "not the same"),
            ({"why": ""}, "write the reason"),
            ({"until": times["since"]}, "later than the beginning"),
            ({"leaves": "bo", "comes": ""}, "not on duty then"),
            ({"comes": "rita"}, "of that shift"),
        ):
            refused = await sam.post("/shifts/override", data={**form, **times, "comes": "bo", **more})
            assert words in refused.text, more
        done = await sam.post("/shifts/override", data={**form, **times, "leaves": "nora", "comes": "bo"})
        assert done.status_code == 303
        shown = (await sam.get("/shifts")).text
        assert "Bo Jensen instead of Nora Borg" in shown
        assert "Ill." in shown
        # 22:00 in Malta is 21:00 UTC
        assert house.ask("SELECT since, leaves, comes FROM shift_changes") == [(1772485200000, "nora", "bo")]
        number = house.ask("SELECT id FROM shift_changes")[0][0]
        assert (await sam.post(f"/shifts/changes/{number}/end", data=form)).status_code == 303
        assert "instead of" not in (await sam.get("/shifts")).text


async def test_a_carer_changes_no_shift(house: House) -> None:
    with_shifts(house)
    async with house.signed_in() as nora:
        form = {"_csrf_token": field((await nora.get("/shifts")).text, "_csrf_token"), "role": "nurse", "why": "Me."}
        times = {"since": "2026-03-02T22:00", "until": "2026-03-03T07:00"}
        assert (await nora.post("/shifts/override", data={**form, **times, "leaves": "nora"})).status_code == 403
    assert house.ask("SELECT count(*) FROM shift_changes") == [(0,)]


async def test_coverage_names_the_gap(house: House) -> None:
    with_shifts(house)
    async with house.signed_in() as nora:
        shown = await nora.get("/coverage")
    assert shown.status_code == 200
    assert "Gaps: nobody would come" in shown.text
    async with house.signed_in("rita") as rita:
        assert (await rita.get("/coverage")).status_code == 403


async def test_every_change_that_is_not_over_is_on_the_page_and_in_the_api(house: House) -> None:
    with_shifts(house)
    async with house.signed_in("sam") as sam:
        token = field((await sam.get("/shifts")).text, "_csrf_token")
        form = {"_csrf_token": token, "role": "nurse", "leaves": "", "comes": "bo"}
        for number in range(51):
            times = {"since": f"2026-04-20T07:{number:02}", "until": "2026-04-27T07:00", "why": f"Away {number:02}."}
            assert (await sam.post("/shifts/override", data={**form, **times})).status_code == 303
        first = (await sam.get("/shifts")).text
        second = (await sam.get("/shifts?changes=1")).text
        assert [f"Away {n:02}." for n in range(51) if f"Away {n:02}." in first] == [f"Away {n:02}." for n in range(50)]
        assert 'href="/shifts?changes=1#changes"' in first
        assert "Away 49." not in second
        assert "Away 50." in second
        assert 'action="/shifts/changes/51/end"' in second
        assert len((await sam.get("/api/shifts?days=1")).json()["changes"]) == 51


async def test_a_turn_stands_on_each_day_that_it_touches(house: House) -> None:
    with_shifts(house)
    async with house.signed_in("sam") as sam:
        token = field((await sam.get("/shifts")).text, "_csrf_token")
        form = {"_csrf_token": token, "role": "nurse", "leaves": "", "comes": "bo", "why": "Flu."}
        times = {"since": "2026-03-02T07:00", "until": "2026-03-05T00:00"}
        assert (await sam.post("/shifts/override", data={**form, **times})).status_code == 303
        days = (await sam.get("/shifts")).text.split('<section aria-labelledby="d')[1:]
        page = {day[:10]: [part.split("</li>")[0] for part in day.split("<li>")[1:]] for day in days}
    bo = {day: [one.split("</time>")[0] for one in lines if "Bo Jensen" in one] for day, lines in page.items()}
    assert {day: hours for day, hours in bo.items() if hours} == {
        "2026-03-02": ["<time>07:00–Thu 5 Mar 00:00"],
        "2026-03-03": ["<time>Mon 2 Mar 07:00–Thu 5 Mar 00:00"],
        "2026-03-04": ["<time>Mon 2 Mar 07:00–24:00"],
    }
    assert [one.split("</time>")[0] for one in page["2026-03-03"] if "Nora Borg" in one] == [
        "<time>Mon 2 Mar 22:00–07:00", "<time>22:00–Wed 4 Mar 07:00",
    ]  # fmt: skip
