"""Browsers that carers allow to show messages."""

from typing import Any

from tests.gateway.console.house import House

BROWSER: dict[str, Any] = {
    "endpoint": "https://push.example.org/abc",
    "keys": {"p256dh": "B" * 87, "auth": "A" * 22},
    "expirationTime": None,
}


async def open_push(house: House) -> None:
    await house.stop_serving()
    house.settings["push_key"] = "BPublic"
    await house.serve()


async def test_a_browser_is_kept_for_who_signed_in_last_and_taken_back(house: House) -> None:
    await open_push(house)
    async with house.signed_in("nora") as nora, house.signed_in("sam") as sam:
        assert (await nora.get("/api/push/key")).json() == {"key": "BPublic"}
        for _ in range(2):
            assert (await nora.post("/api/push/subscribe", json=BROWSER)).status_code == 201
        assert house.ask("SELECT carer, endpoint FROM push_subscriptions") == [("nora", BROWSER["endpoint"])]
        await sam.post("/api/push/subscribe", json=BROWSER)
        assert house.ask("SELECT carer FROM push_subscriptions") == [("sam",)]
        here = {"endpoint": BROWSER["endpoint"]}
        assert (await sam.post("/api/push/check", json=here)).json() == {"mine": True, "text": "", "link": ""}
        told = (await nora.post("/api/push/check", json=here)).json()
        assert (told["mine"], told["text"]) == (False, "Messages on this phone go to somebody else.")
        await nora.post("/api/push/unsubscribe", json={"endpoint": BROWSER["endpoint"]})
        assert house.ask("SELECT count(*) FROM push_subscriptions") == [(1,)], "it is sam's"
        assert (await sam.post("/api/push/unsubscribe", json={"endpoint": BROWSER["endpoint"]})).status_code == 204
        assert house.ask("SELECT count(*) FROM push_subscriptions") == [(0,)]


async def test_who_may_not_and_what_is_no_browser(house: House) -> None:
    async with house.signed_in("nora") as nora:
        assert (await nora.post("/api/push/subscribe", json=BROWSER)).status_code == 409
    await open_push(house)
    async with house.client() as stranger:
        assert (await stranger.post("/api/push/subscribe", json=BROWSER)).status_code == 401
    async with house.signed_in("nora") as nora:
        other = await nora.post("/api/push/subscribe", json=BROWSER, headers={"Origin": "https://evil.example.org"})
        assert other.status_code == 403
        for wrong in ({"endpoint": "file:///x"}, {"endpoint": "https://a@b/x"}, {"keys": {"p256dh": "B", "auth": "A"}}):
            assert (await nora.post("/api/push/subscribe", json=BROWSER | wrong)).status_code == 400
        for number in range(12):
            more = BROWSER | {"endpoint": f"https://push.example.org/{number}"}
            assert (await nora.post("/api/push/subscribe", json=more)).status_code == 201
    assert house.ask("SELECT count(*) FROM push_subscriptions") == [(10,)]
