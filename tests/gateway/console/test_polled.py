"""What programs ask for again and again: an ETag, 304 to whoever has it, and the description of the API says so."""

from typing import Any

from tests.gateway.console.living import LivingHouse

VALUES = {
    "resident": "r01", "carer": "nora", "number": "1", "name": "garden", "table": "residents", "key": "r01",
    "trial": "1", "device": "gps-r01", "session": "x", "passkey": "x",
}  # fmt: skip


async def test_each_route_that_gives_an_etag_says_that_it_answers_304(home: LivingHouse) -> None:
    await home.raise_alert()
    async with home.signed_in("ada") as ada:
        paths = (await ada.get("/api/schema/openapi.json")).json()["paths"]
        given, named = set[str](), set[str]()
        for path, items in paths.items():
            if "get" not in items:
                continue
            if "304" in items["get"]["responses"]:
                named.add(path)
                _described(items["get"])
            answer = await ada.get(path.format(**VALUES))
            if "etag" not in answer.headers:
                continue
            given.add(path)
            for known in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
                again = await ada.get(path.format(**VALUES), headers={"If-None-Match": known})
                assert (again.status_code, again.content) == (304, b""), path
                assert again.headers["etag"] == answer.headers["etag"]
            other = await ada.get(path.format(**VALUES), headers={"If-None-Match": '"other"'})
            assert (other.status_code, other.content) == (200, answer.content), path
    assert given == named
    assert {"/api/alerts", "/api/centre", "/api/centre/tables/{table}/{key}", "/api/residents/{resident}"} <= given


def _described(operation: dict[str, Any]) -> None:
    assert "If-None-Match" in [one["name"] for one in operation["parameters"] if one["in"] == "header"]
    for status in ("200", "304"):
        assert "ETag" in operation["responses"][status]["headers"]
    assert "content" not in operation["responses"]["304"]
