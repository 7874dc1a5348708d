"""What rings on the board is said on every other page of whoever is signed in, and on no page of anybody else."""

from rules.model import Priority
from tests.gateway.console.house import House
from tests.gateway.console.wards import with_wards

SCRIPT = "/elsewhere.js"


async def test_other_pages_are_told_what_rings_on_the_readers_own_board(house: House) -> None:
    with_wards(house)
    low = await house.raise_alert("r01", Priority.LOW)
    high = await house.raise_alert("r02", Priority.HIGH)
    async with house.signed_in("sam") as sam, house.signed_in("bo") as bo, house.signed_in("rita") as rita:
        said = (await sam.get("/waiting")).json()
        assert [(one["id"], one["priority"], one["mark"]) for one in said["waiting"]] == [
            (high, "high", "!!!"), (low, "low", "!"),
        ]  # fmt: skip
        assert said["address"] == "/"
        assert not any(word in str(said) for word in ("101", "102", "Carmen", "Joseph")), "nothing about whose it is"
        north = (await sam.get("/waiting?ward=north")).json()
        assert ([one["id"] for one in north["waiting"]], north["address"]) == ([low], "/?ward=north")
        assert [one["id"] for one in (await bo.get("/waiting")).json()["waiting"]] == [low], "their ward alone"
        assert [one["id"] for one in (await rita.get("/waiting")).json()["waiting"]] == [high], "her own person"

        form = {"answer": "going:5", "key": f"{high}-1"}
        assert (await sam.post(f"/alerts/{high}/answer", data=form)).status_code == 303
        assert [one["id"] for one in (await sam.get("/waiting")).json()["waiting"]] == [low]
        assert (await sam.get("/waiting")).headers["telecare-carer"] == "sam"

        for page in ("/residents", "/residents/r01", f"/alerts/{low}", "/rounds", "/map", "/shifts", "/account"):
            assert SCRIPT in (await sam.get(page)).text, page
        for page in ("/", "/wall", "/shell?lang=en", "/sign-in"):
            assert SCRIPT not in (await sam.get(page)).text, page


async def test_strangers_are_told_nothing(house: House) -> None:
    await house.raise_alert()
    async with house.client() as stranger:
        assert (await stranger.get("/waiting")).status_code == 401


async def test_a_page_that_is_only_open_keeps_no_session_alive(house: House) -> None:
    async with house.signed_in() as nora:
        (end,) = house.ask("SELECT expires_at FROM sessions")
        house.clock.move(3600)
        assert (await nora.get("/waiting")).status_code == 200
        assert house.ask("SELECT expires_at FROM sessions") == [end]
