"""A session ends after a day at the latest; pages that stay open say so from an hour before."""

from tests.gateway.console.house import PASSWORD, House, field

HOUR = 3600
PART = {"If-None-Match": '""'}


async def test_an_open_page_is_told_from_an_hour_before_the_end(house: House) -> None:
    async with house.signed_in("bo") as bo:  # Danish, at 03:12
        for _ in range(2):
            house.clock.move(11 * HOUR)
            assert (await bo.get("/account")).status_code == 200  # in use
        house.clock.move(HOUR - 1)
        for path in ("/board", "/rounds?part=1"):
            assert "telecare-ends" not in (await bo.get(path, headers=PART)).headers, path
        assert (await bo.get("/session")).json() == {"ends": None, "text": "", "link": ""}
        assert 'id="until"' not in (await bo.get("/")).text
        house.clock.move(1)
        part = await bo.get("/board", headers=PART)
        assert part.headers["telecare-ends"] == "1772417520000"  # 2026-03-02T02:12Z
        again = await bo.get("/board", headers={"If-None-Match": part.headers["etag"]})
        assert (again.status_code, again.headers["telecare-ends"]) == (304, "1772417520000")
        assert "telecare-ends" in (await bo.get("/rounds?part=1", headers=PART)).headers
        told = (await bo.get("/session")).json()
        assert told["ends"] == "2026-03-02T02:12:00Z"
        assert "03" in told["text"]
        assert told["link"]
        for path in ("/", "/rounds?by=room&when=next", "/account"):
            assert 'id="until"' in (await bo.get(path)).text, path
        assert "next=%2Frounds%3Fby%3Droom%26when%3Dnext" in (await bo.get("/rounds?by=room&when=next")).text
        house.clock.move(HOUR)
        assert (await bo.get("/board", headers=PART)).status_code == 401


async def test_the_line_says_when_and_leads_to_a_new_session(house: House) -> None:
    async with house.signed_in() as nora:
        for _ in range(2):
            house.clock.move(11 * HOUR + 45 * 60)
            shown = (await nora.get("/")).text
        assert "You will be signed out at 03:12." in " ".join(shown.split())
        assert "sign out and in again before" not in shown  # said once
        form = await nora.get("/sign-in?again=1&next=%2Frounds")
        assert 'name="password"' in form.text
        sent = {name: field(form.text, name) for name in ("next", "_csrf_token")}
        answer = await nora.post("/sign-in", data={**sent, "carer": "nora", "password": PASSWORD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/rounds")
        assert "telecare-ends" not in (await nora.get("/board", headers=PART)).headers
        assert 'id="until"' not in (await nora.get("/rounds")).text
        house.clock.move(11 * HOUR)
        assert (await nora.get("/board")).status_code == 200


async def test_a_page_that_nobody_uses_is_told_too_and_use_keeps_it(house: House) -> None:
    async with house.signed_in() as nora:
        house.clock.move(11 * HOUR)
        assert "telecare-ends" in (await nora.get("/board", headers=PART)).headers
        assert (await nora.get("/session")).json()["ends"] == "2026-03-01T14:12:00Z"
        assert (await nora.get("/account")).status_code == 200
        assert "telecare-ends" not in (await nora.get("/board", headers=PART)).headers
        assert (await nora.get("/session")).json()["ends"] is None


async def test_nobody_is_told_nothing(house: House) -> None:
    async with house.client() as client:
        assert (await client.get("/session", headers={"Accept": "application/json"})).status_code == 401
