"""What every response carries, and what is refused."""

import json

import pytest

from tests.gateway.console.house import House, field

PATHS = ("/", "/sign-in", "/board", "/nowhere", "/alerts/1", "/a/forged", "/healthz", "/metrics", "/api/alerts",
         "/api/nowhere", "/api/schema/openapi.json")  # fmt: skip


async def test_every_response_carries_the_security_headers(house: House) -> None:
    async with house.client() as client:
        static = field((await client.get("/sign-in")).text.replace('rel="stylesheet" href', 'name="css" value'), "css")
        for path in (*PATHS, static, "/static/none.css"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert ("default-src 'none'" if path == static else "default-src 'self'") in policy, path
            assert "frame-ancestors 'none'" in policy, path
            assert "unsafe" not in policy, path
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert path == static or answer.headers["referrer-policy"] in {"same-origin", "no-referrer"}, path
            assert path == static or "noindex" in answer.headers["x-robots-tag"], path
            assert "server" not in answer.headers, path
        assert "immutable" in (await client.get(static)).headers["cache-control"]
        assert (await client.get("/sign-in")).headers["cache-control"] == "no-store"


async def test_pages_name_no_other_host(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        for path in ("/", f"/alerts/{number}", "/a/forged", "/nowhere"):
            html = (await nora.get(path)).text
            assert "http:" not in html, path
            assert "https:" not in html, path
            assert "<style" not in html, path
            assert " style=" not in html, path
            assert " on" + "click" not in html, path


CROSS = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://sub.house.test"},
    {"Sec-Fetch-Site": "none"},
    {},
]


@pytest.mark.parametrize("headers", CROSS)
async def test_an_answer_of_another_site_is_refused(house: House, headers: dict[str, str]) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        page = await nora.get("/")
        del nora.headers["Origin"]
        form = {"key": field(page.text, "key"), "answer": "going:5", "_csrf_token": field(page.text, "_csrf_token")}
        assert (await nora.post(f"/alerts/{number}/answer", data=form, headers=headers)).status_code == 403
        body = {"type": "acknowledge", "eta_minutes": 5}
        assert (await nora.post(f"/api/alerts/{number}/answer", json=body, headers=headers)).status_code == 403
    assert house.ask("SELECT state FROM alerts") == [("open",)]


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {}, {"Origin": "https://care.example"}]
)
async def test_a_stale_csrf_token_never_eats_an_answer(house: House, headers: dict[str, str]) -> None:
    await house.stop_serving()
    house.settings["base_url"] = "https://care.example/"
    await house.serve()
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        nora.cookies.delete("csrf")
        form = {"key": "old", "answer": "going:5", "_csrf_token": "stale"}
        answer = await nora.post(f"/alerts/{number}/answer", data=form, headers={"Origin": house.url, **headers})
        assert answer.status_code == 303
    assert house.ask("SELECT state FROM alerts") == [("acknowledged",)]


async def test_an_answer_without_a_session_changes_nothing_and_says_so(house: House) -> None:
    number = await house.raise_alert()
    async with house.client() as client:
        page = await client.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        assert page.status_code == 401
        assert "Nothing was changed" in page.text
        json_answer = await client.post(
            f"/alerts/{number}/answer", data={"answer": "going:5"}, headers={"Accept": "application/json"}
        )
        assert json_answer.status_code == 401
        assert json_answer.headers["content-type"] == "application/problem+json"
    assert house.ask("SELECT state FROM alerts") == [("open",)]


async def test_a_get_never_answers(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            for path in (f"/alerts/{number}/answer", f"/api/alerts/{number}/answer"):
                await nora.request(method, f"{path}?answer=going:5&type=acknowledge")
        await nora.get(f"/?did={number}&answer=going:5")
    assert house.ask("SELECT state, version FROM alerts") == [("open", 1)] or house.ask("SELECT state FROM alerts") == [
        ("open",)
    ]
    assert house.ask("SELECT count(*) FROM alert_events WHERE who IS NOT NULL") == [(0,)]


async def test_big_bodies_are_refused(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        form = {"answer": "close", "outcome": "real", "note": "x" * 20_000}
        assert (await nora.post(f"/alerts/{number}/answer", data=form)).status_code == 413
    assert house.ask("SELECT state FROM alerts") == [("open",)]


async def test_errors_show_no_trace(house: House) -> None:
    async with house.signed_in() as nora:

        def broken() -> None:
            raise RuntimeError("a secret of the machine")

        house.links.read = broken  # type: ignore[assignment, method-assign]
        answer = await nora.get("/a/anything")
        assert answer.status_code == 500
        assert "secret of the machine" not in answer.text
        assert "Traceback" not in answer.text
        assert "It is our fault" in answer.text


async def test_every_look_at_an_alert_is_written_down(house: House) -> None:
    number = await house.raise_alert()
    link = house.links.make(number, "sam", "alert").removeprefix("http://house.test")
    async with house.signed_in() as nora:
        await nora.get("/")
        await nora.get(f"/alerts/{number}")
        await nora.get(link)
        await nora.get("/alerts/999")
    looks = [(who, what, json.loads(how)["via"]) for who, what, how in house.ask(
        "SELECT who, object, detail FROM audit WHERE action = 'look' ORDER BY seq"
    )]  # fmt: skip
    assert looks == [("nora", "board", "page"), ("nora", f"alert/{number}", "page"), ("sam", f"alert/{number}", "link")]


async def test_health_and_metrics(house: House) -> None:
    async with house.client() as client:
        good = await client.get("/healthz")
        assert (good.status_code, good.json()) == (200, {"ok": True, "queue": {"waiting": 3}})
        house.report = {"ok": False, "queue": {"waiting": 9}}
        assert (await client.get("/healthz")).status_code == 503
        proxied = await client.get("/healthz", headers={"X-Forwarded-For": "203.0.113.9"})
        assert proxied.json() == {"ok": False}
        text = (await client.get("/metrics")).text
        assert "telecare_queue_waiting 9.0" in text
        assert "telecare_ok 0.0" in text
        assert (await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})).status_code == 404
        assert (await client.get("/metrics", headers={"Forwarded": "for=203.0.113.9"})).status_code == 404
    async with house.signed_in() as nora:
        number = await house.raise_alert()
        await nora.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        text = (await nora.get("/metrics")).text
        assert 'telecare_console_sign_ins_total{outcome="accepted"} 1.0' in text
        assert 'telecare_console_answers_total{outcome="accepted",via="page"} 1.0' in text


async def test_a_failed_store_is_told_and_pages_still_show(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        house.writer._db.close()
        answer = await nora.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        assert answer.status_code == 503
        assert "use the phone" in answer.text
        assert "101" in (await nora.get(f"/alerts/{number}")).text
