"""The alert's page, the signed link, and the JSON API."""

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Acknowledge, Answer, Close, Incident, Outcome
from gateway.links import Links
from rules.model import Priority, Reason
from tests.gateway.console.house import SECRET, House, field


async def _answer(house: House, number: int, answer: Answer, who: str) -> None:
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, answer, who, "cli"))


async def test_alert_page_says_why_who_was_told_and_what_happened(house: House) -> None:
    number = await house.raise_alert()
    house.clock.move(60)
    await house.raise_alert()
    await _answer(house, number, Acknowledge(10), "sam")
    async with house.signed_in() as nora:
        html = (await nora.get(f"/alerts/{number}")).text
    for text in (
        "The help button was pressed.",
        "Happened once more.",
        "Uses a walker.",
        "Nora Borg, by screen: waiting to be sent",
        "Sam Pace is going, there in 10 min.",
        "Sam Pace is going. There by 03:23.",
        "It happened again.",
    ):
        assert text in html, text
    assert "Close the alert" in html
    assert "I am going" not in html, "somebody is going already"


async def test_old_events_say_when_they_happened(house: House) -> None:
    at = house.clock.now()
    house.clock.move(22 * 60)
    incident = Incident(
        rule="help",
        rule_key="help",
        priority=Priority.HIGH,
        reason=Reason("The help button was pressed."),
        marks=(Reason("It was pressed {ago_s} ago.", {"ago_s": 22 * 60}),),
        happened_at=at,
        resident="r01",
    )
    told = await house.writer.write(lambda tx: desk.raise_incident(tx, house.index, incident))
    async with house.signed_in() as nora:
        html = (await nora.get(f"/alerts/{told.alert}")).text
    assert "It was pressed 22 minutes ago." in html
    assert "It happened at 03:12." in html


async def test_a_technical_matter_has_no_person(house: House) -> None:
    incident = Incident(
        rule="silent",
        rule_key="silent:hub-1",
        priority=Priority.LOW,
        reason=Reason("Nothing heard."),
        happened_at=house.clock.now(),
        device="hub-1",
    )
    told = await house.writer.write(lambda tx: desk.raise_incident(tx, house.index, incident))
    async with house.signed_in() as nora:
        for path in ("/", f"/alerts/{told.alert}"):
            assert "hub-1" in (await nora.get(path)).text


def _path(house: House, number: int, carer: str = "nora") -> str:
    return house.links.make(number, carer, "alert").removeprefix("http://house.test")


async def test_a_link_answers_without_sign_in_and_without_a_script(house: House) -> None:
    number = await house.raise_alert()
    path = _path(house, number)
    async with house.client(headers={}) as client:
        page = await client.get(path)
        assert page.status_code == 200
        assert "101" in page.text
        assert "Help pressed" in page.text
        assert "Carmen" not in page.text, "details only after sign-in"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "set-cookie" not in page.headers
        assert page.text.count("<script") == 1, "it only tells that somebody looked"
        answer = await client.post(path, data={"key": field(page.text, "key"), "answer": "going:20"})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = await client.get(path)
        assert "You are going. There by 03:32." in page.text
        await client.post(path, data={"key": field(page.text, "key"), "answer": "arrive"})
        page = await client.get(path)
        await client.post(path, data={"key": field(page.text, "key"), "answer": "close", "outcome": "false"})
        page = await client.get(path)
        assert "Closed by Nora Borg at 03:12: False alarm." in page.text
        assert "<button" not in page.text
    assert house.ask("SELECT DISTINCT who, via FROM alert_events WHERE who IS NOT NULL") == [("nora", "link")]


async def test_looking_at_a_link_changes_nothing(house: House) -> None:
    number = await house.raise_alert()
    before = house.ask("SELECT * FROM alerts"), house.ask("SELECT * FROM alert_events")
    path = _path(house, number)
    async with house.client(headers={}) as scanner:
        await scanner.get(path)
        await scanner.get(path, headers={"Sec-Purpose": "prefetch"})
        head = await scanner.head(path)
        assert head.content == b""
        await scanner.get(path + "?answer=going:5")
        await scanner.options(path)
    assert (house.ask("SELECT * FROM alerts"), house.ask("SELECT * FROM alert_events")) == before


async def test_a_link_used_twice_shows_how_it_is_now(house: House) -> None:
    number = await house.raise_alert()
    path = _path(house, number)
    await _answer(house, number, Acknowledge(10), "sam")
    async with house.client(headers={}) as client:
        late = await client.post(path, data={"key": f"{number}-1", "answer": "going:5"})
        assert late.status_code == 409
        assert "Sam Pace was first, at 03:12." in late.text
        assert "Sam Pace is going. There by 03:22." in late.text
        await _answer(house, number, Close(Outcome.REAL), "sam")
        closed = await client.post(path, data={"key": f"{number}-1", "answer": "arrive"})
        assert closed.status_code == 409
        assert "Closed by Sam Pace" in closed.text


@pytest.mark.parametrize("kind", ["expired", "forged", "cut", "other secret", "carer gone", "no alert"])
async def test_a_link_that_does_not_work_says_so_kindly_and_never_acts(house: House, kind: str) -> None:
    number = await house.raise_alert()
    path = _path(house, number)
    match kind:
        case "expired":
            house.clock.move(25 * 3600)
        case "forged":
            path = "/a/WzEsIm5vcmEiXQ.xxxxxxxxxxxxxxxxxxxxxxxxxxx"
        case "cut":
            path = path[:-4]
        case "other secret":
            other = Links("http://house.test", SECRET + "?", house.clock)
            path = other.make(number, "nora", "alert").removeprefix("http://house.test")
        case "carer gone":
            house.dismiss("nora")
        case "no alert":
            path = _path(house, 4711)
    async with house.client(headers={}) as client:
        for answer in (await client.get(path), await client.post(path, data={"answer": "going:5"})):
            assert answer.status_code in {404, 410}
            assert "This link" in answer.text
            assert answer.headers["referrer-policy"] == "no-referrer"
    assert house.ask("SELECT state FROM alerts") == [("open",)]


async def test_api_lists_and_answers(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        answer = await nora.get("/api/alerts")
        [alert] = answer.json()["alerts"]
        assert alert["id"] == number
        assert (alert["room"], alert["priority"], alert["state"]) == ("101", "high", "open")
        assert alert["raised_at"] == "2026-03-01T02:12:00Z"
        again = await nora.get("/api/alerts", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        to, headers = f"/api/alerts/{number}/answer", {"Idempotency-Key": "k1"}
        body = {"type": "acknowledge", "eta_minutes": 5}
        first = (await nora.post(to, json=body, headers=headers)).json()
        assert (first["alert"]["state"], first["alert"]["taken_by"], first["repeated"]) == (
            "acknowledged",
            "nora",
            False,
        )
        assert (await nora.post(to, json=body, headers=headers)).json()["repeated"] is True
        other = await nora.post(to, json={"type": "decline"}, headers=headers)
        assert other.status_code == 422
    assert house.ask("SELECT count(*) FROM alert_events WHERE who = 'nora'") == [(1,)]


async def test_api_errors_are_problems(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora, house.client() as nobody:
        to = f"/api/alerts/{number}/answer"
        await _answer(house, number, Acknowledge(10), "sam")
        answers = [
            (await nobody.get("/api/alerts"), 401),
            (await nora.get("/api/nowhere"), 404),
            (await nora.post("/api/alerts/99/answer", json={"type": "arrive"}), 404),
            (await nora.post(to, json={"type": "acknowledge"}), 409),
            (await nora.post(to, json={"type": "acknowledge", "eta_minutes": "soon"}), 400),
            (await nora.post(to, json={"type": "dance"}), 400),
            (await nora.post(to, content=b"{", headers={"Content-Type": "application/json"}), 400),
            (await nora.post(to, json={"type": "close", "outcome": "other"}), 422),
        ]
    for answer, status in answers:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["detail"]
    assert "Sam Pace was first" in answers[3][0].json()["detail"]


async def test_api_is_described(house: House) -> None:
    async with house.signed_in("rita") as client:
        schema = (await client.get("/api/schema/openapi.json")).json()
        assert set(schema["paths"]) == {
            "/api/account", "/api/account/language", "/api/account/password",
            "/api/account/passkeys", "/api/account/passkeys/{passkey}",
            "/api/account/sessions", "/api/account/sessions/end-others", "/api/account/sessions/{session}",
            "/api/account/tokens", "/api/account/tokens/{number}",
            "/api/account/browsers", "/api/account/browsers/{number}", "/api/users/{carer}/browsers/{number}",
            "/api/account/identities", "/api/account/identities/{number}",
            "/api/identities", "/api/identities/{number}",
            "/api/users", "/api/users/{carer}", "/api/users/{carer}/end", "/api/users/{carer}/password-link",
            "/api/users/{carer}/identities/{number}",
            "/api/users/{carer}/passkeys/{passkey}", "/api/users/{carer}/sessions/{session}",
            "/api/users/{carer}/tokens/{number}", "/api/sessions", "/api/sessions/{session}", "/api/kiosk/codes",
            "/api/alerts", "/api/alerts/{number}/answer", "/api/alerts/{number}/explain",
            "/api/audit", "/api/audit/chain", "/api/system", "/api/channels", "/api/retention", "/api/map",
            "/api/carers/{carer}/contacts", "/api/carers/{carer}/contacts/{number}/test",
            "/api/centre", "/api/centre/check", "/api/centre/devices", "/api/centre/devices/{device}/hand-on",
            "/api/centre/devices/{device}/heard", "/api/centre/pairing",
            "/api/centre/tables/{table}", "/api/centre/tables/{table}/{key}",
            "/api/centre/trials", "/api/centre/trials/{trial}", "/api/centre/versions",
            "/api/centre/versions/{number}", "/api/centre/versions/{number}/undo", "/api/centre/waiting-room",
            "/api/shelves", "/api/shelves/{number}/end",
            "/api/shifts", "/api/shifts/overrides", "/api/shifts/swaps", "/api/shifts/changes/{number}/end",
            "/api/coverage", "/api/rounds", "/api/rounds/check", "/api/protection", "/api/kpis",
            "/api/push/key", "/api/push/subscribe", "/api/push/unsubscribe", "/api/push/check",
            "/api/residents", "/api/residents/{resident}", "/api/erasures", "/api/erasures/{resident}/go-on",
            *(
                f"/api/residents/{{resident}}/{part}"
                for part in (
                    "activity", "alerts", "break-glass", "break-glass/end", "consent", "continence", "erase", "export",
                    "export/fhir", "looks", "nights", "notes", "search", "sleep", "timeline", "track", "vitals",
                )
            ),
            "/api/searches", "/api/searches/{number}/end",
            "/api/zones", "/api/zones/check", "/api/zones/trials/{number}", "/api/zones/{name}",
            "/api/zones/{name}/trial",
        }  # fmt: skip
        for path, methods in schema["paths"].items():
            for method, told in methods.items():
                assert told.get("summary"), (method, path)
                assert told.get("operationId"), (method, path)
        assert (await client.get("/api/schema/openapi.yaml")).status_code == 200
        for viewer in ("swagger", "redoc", "elements", "rapidoc", ""):
            text = (await client.get(f"/api/schema/{viewer}")).text
            assert "<script" not in text, viewer


@pytest.mark.parametrize("carer", ["nora", "rita"])
async def test_a_number_that_no_alert_can_have_is_not_found(house: House, carer: str) -> None:
    number = 2**63
    async with house.signed_in(carer) as client:
        assert (await client.get(f"/alerts/{number}")).status_code == 404
        posted = await client.post(f"/alerts/{number}/answer", data={"answer": "going:5"})
        assert posted.status_code == 404
        answered = await client.post(f"/api/alerts/{number}/answer", json={"type": "arrive"})
        assert answered.status_code == 404


async def test_what_was_closed_by_mistake_is_re_opened_without_a_script(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        assert "Re-open" not in (await nora.get(f"/alerts/{number}")).text
        await _answer(house, number, Close(Outcome.FALSE), "sam")
        page = (await nora.get(f"/alerts/{number}")).text
        assert '<button type="submit" name="answer" value="reopen">Re-open</button>' in page
        form = {"key": field(page, "key"), "answer": "reopen", "note": "She is on the floor."}
        for _ in range(2):  # a second tap changes nothing
            answer = await nora.post(f"/alerts/{number}/answer", data=form)
            assert answer.status_code == 303, answer.text
        page = (await nora.get(f"/alerts/{number}")).text
    assert "Nora Borg opened it again. She is on the floor." in page
    assert house.ask("SELECT state FROM alerts") == [("open",)]
    assert house.ask("SELECT count(*) FROM alert_events WHERE event = 'reopen'") == [(1,)]


async def test_api_re_opens(house: House) -> None:
    number = await house.raise_alert()
    async with house.signed_in() as nora:
        to = f"/api/alerts/{number}/answer"
        assert (await nora.post(to, json={"type": "reopen"})).status_code == 409
        await _answer(house, number, Close(Outcome.FALSE), "sam")
        answer = await nora.post(to, json={"type": "reopen", "note": "By mistake."})
        assert (answer.status_code, answer.json()["alert"]["state"]) == (200, "open")


async def test_what_is_open_again_already_is_not_re_opened_and_the_page_says_where(house: House) -> None:
    first = await house.raise_alert()
    await _answer(house, first, Close(Outcome.FALSE), "sam")
    second = await house.raise_alert()
    async with house.signed_in() as nora:
        answer = await nora.post(f"/alerts/{first}/answer", data={"answer": "reopen"})
    assert answer.status_code == 409
    assert f"please answer alert {second}." in answer.text
    assert house.ask("SELECT state FROM alerts ORDER BY id") == [("closed",), ("open",)]
