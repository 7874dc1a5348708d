import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.alerts import contact_tests
from gateway.clock import to_ms
from gateway.console.trial_view import Tally, TrialView, TriedAlert
from tests.gateway.console.house import field, sign_in
from tests.gateway.console.living import LivingHouse


@pytest.fixture
def house(home: LivingHouse) -> LivingHouse:
    return home


async def submit(client: httpx.AsyncClient, path: str, /, **data: Any) -> httpx.Response:
    """Fill in the form of a page, as a browser would: hidden fields and tokens as they are there."""
    form = await client.get(path)
    assert form.status_code == 200, form.text
    hidden = {name: field(form.text, name) for name in ("_csrf_token", "_base") if f'name="{name}"' in form.text}
    return await client.post(path.split("?", maxsplit=1)[0], data={**hidden, **data})


async def test_every_page_opens_for_a_manager(house: LivingHouse) -> None:
    paths = [
        "/admin", "/admin/entry/centre/centre", "/admin/pair", "/admin/pair/device?format=native&address=x",
        "/admin/press/b1", "/admin/hand-on/b1", "/admin/plan/r01", "/admin/plan/r01/rule/0",
        "/admin/plan/r01/rule/new?rule=bed_exit", "/admin/versions", "/admin/versions/1", "/admin/versions/2",
        "/admin/exchange", "/admin/channels", "/admin/contacts/nora", "/admin/entry/carers/nora",
        "/admin/entry/devices/b1", "/admin/remove/residents/r01",
        "/admin/entry/assignments/b1/r01/2026-01-01T00:00:00Z",
        *(f"/admin/list/{table}" for table in ("residents", "devices", "carers", "shifts", "policies", "calendars")),
        *(f"/admin/new/{table}" for table in ("residents", "devices", "carers", "shifts", "policies", "calendars",
                                              "assignments", "house_plans", "zones")),
    ]  # fmt: skip
    async with house.signed_in("sam") as client:
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            assert "style=" not in answer.text
        assert (await client.get("/admin/users")).status_code == 403
        for path in ("/admin/list/nothing", "/admin/entry/residents/r99", "/admin/plan/r01/rule/9", "/admin/press/b9"):
            assert (await client.get(path)).status_code == 404, path
    async with house.signed_in("nora") as client:
        assert (await client.get("/admin")).status_code == 403


async def test_a_room_is_changed_and_the_change_undone(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        saved = await submit(client, "/admin/entry/residents/r01", name="Carmen Vella", room="201", _why="Moved.")
        assert saved.status_code == 303, saved.text
        assert house.index.residents["r01"].room == "201"
        shown = await client.get(saved.headers["location"])
        assert "Version 3 is in force." in shown.text
        versions = await client.get("/admin/versions/3")
        assert re.search(r"Room: <del>.*101</del> → <ins>.*201</ins>", versions.text)
        assert "Moved." in versions.text
        token = field(shown.text, "_csrf_token")
        undone = await client.post("/admin/versions/3/undo", data={"_csrf_token": token})
        assert undone.status_code == 303
        assert house.index.residents["r01"].room == "101"
        assert house.ask("SELECT undoes FROM centre_versions WHERE version = 4") == [(3,)]


async def test_everything_wrong_is_said_at_once_and_what_was_typed_is_kept(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        answer = await submit(
            client, "/admin/new/devices", id="a b", type="tracker", format="natve", silent_after_s="soon", room="Hall"
        )
        assert answer.status_code == 422
        wrong = re.findall(r'class="wrong" id="([^"]+)-wrong1">.*?</span> ([^<]+)</p>', answer.text)
        assert {path for path, _ in wrong} == {"id", "format", "silent_after_s"}
        assert dict(wrong)["silent_after_s"] == "Please write a number."
        assert 'value="soon"' in answer.text
        assert 'value="Hall"' in answer.text
        assert house.version() == 2


async def test_wards_are_chosen_from_those_that_there_are(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        moved = await submit(client, "/admin/entry/residents/r01", name="Carmen Vella", room="101", ward="north")
        assert moved.status_code == 303
        resident = (await client.get("/admin/entry/residents/r02")).text
        assert '<datalist id="ward-known"><option value="north"></datalist>' in resident
        carer = (await client.get("/admin/entry/carers/bo")).text
        assert re.search(r'<input type="checkbox" name="wards" value="north"', carer)


async def test_a_new_resident_gets_a_care_plan(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        answer = await submit(client, "/admin/new/residents", name="Ġorġ Zammit", room="104")
        assert answer.status_code == 422
        assert "This is needed." in answer.text
        answer = await submit(client, "/admin/new/residents", name="Ġorġ Zammit", room="104", _policy="standard")
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith("/admin/entry/residents/r04?")
    plan = house.index.plan_of("r04")
    assert [rule.name for rule in plan.rules] == ["help", "fall", "silent", "low_battery"]


async def test_taking_a_resident_out_takes_plan_and_assignments_and_comes_back(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        asked = (await client.get("/admin/remove/residents/r01")).text
        assert "Assignment: Help button b1 → Carmen Vella (1 Jan 2026)" in asked
        assert "Care plan: Carmen Vella" in asked
        answer = await submit(client, "/admin/remove/residents/r01")
        assert answer.status_code == 303, answer.text
        assert "r01" not in house.index.residents
        assert house.newest()["assignments"] == []
        token = field((await client.get("/admin/versions")).text, "_csrf_token")
        await client.post("/admin/versions/3/undo", data={"_csrf_token": token})
        assert house.index.residents["r01"].name == "Carmen Vella"
        assert len(house.newest()["assignments"]) == 1


async def test_what_a_whole_entry_lacks_is_said_in_the_words_of_the_form(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        carer = await submit(client, "/admin/new/carers", name="Anna")
        assert carer.status_code == 422
        assert "Please give one way at least to reach them" in carer.text
        shift = await submit(client, "/admin/new/shifts", id="s", role="nurse")
        assert shift.status_code == 422
        assert "Please say when somebody is on duty" in shift.text
        for answer in (carer, shift):
            assert "(the whole file)" not in answer.text
            assert "[[" not in answer.text


async def test_who_is_still_needed_stays_and_the_page_says_by_whom(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        answer = await submit(client, "/admin/remove/carers/nora")
        assert answer.status_code == 422
        assert "policies[0]" in answer.text
        assert "nora" in house.index.carers


async def test_a_change_of_another_entry_meanwhile_is_no_conflict_one_of_the_same_is(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        old = await client.get("/admin/entry/residents/r01")
        hidden = {name: field(old.text, name) for name in ("_csrf_token", "_base")}
        await submit(client, "/admin/entry/residents/r02", name="Joseph Borg", room="202")
        saved = await client.post(
            "/admin/entry/residents/r01", data={**hidden, "id": "r01", "name": "Carmen Vella", "room": "201"}
        )
        assert saved.status_code == 303, saved.text
        again = await client.post(
            "/admin/entry/residents/r01", data={**hidden, "id": "r01", "name": "Carmen Vella", "room": "301"}
        )
        assert again.status_code == 409
        assert 'value="301"' in again.text
        assert house.index.residents["r01"].room == "201"
        assert house.index.residents["r02"].room == "202"


async def test_rows_are_added_moved_and_taken_out(house: LivingHouse) -> None:
    steps = {"steps.0.to": "nora", "steps.0.wait_s": "120", "steps.1.to": "sam", "steps.1.wait_s": "60"}
    async with house.signed_in("sam") as client:
        more = await submit(
            client, "/admin/entry/policies/standard", id="standard", failsafe="sam", _more="steps", **steps
        )
        assert more.status_code == 200
        assert 'name="steps.2.wait_s"' in more.text
        moved = await submit(
            client, "/admin/entry/policies/standard", id="standard", failsafe="sam", _up="steps.1", **steps
        )
        assert re.search(r'name="steps.0.to" value="sam" checked', moved.text)
        assert house.version() == 2
        gone = await submit(
            client, "/admin/entry/policies/standard", id="standard", failsafe="sam", **steps, **{"steps.0._gone": "1"}
        )
        assert gone.status_code == 303, gone.text
        assert [step.to for step in house.index.policies["standard"].steps] == [("sam",)]


async def test_a_rule_is_set_and_only_what_differs_is_written(house: LivingHouse) -> None:
    path = "/admin/plan/r01/rule/new?rule=fall"
    async with house.signed_in("sam") as client:
        page = await client.get(path)
        assert "Normal: 600 seconds." in page.text
        answer = await submit(client, path, _rule="fall", suspected_after_s="45", long_lie_after_s="600")
        assert answer.status_code == 303, answer.text
        rule = house.newest()["care_plans"][0]["rules"][1]
        assert rule["rule"] == "fall"
        assert rule["suspected_after_s"] == 45
        wrong = await submit(client, "/admin/plan/r01/rule/1", _rule="fall", suspected_after_s="-1", still_after_s="x")
        assert wrong.status_code == 422
        assert "At least 0 is asked for." in wrong.text
        assert "Please write a number." in wrong.text
        gone = await submit(client, "/admin/plan/r01/rule/1", _rule="fall", _remove="1")
        assert gone.status_code == 303
        assert [one.name for one in house.index.plan_of("r01").rules] == ["help"]


async def test_a_rule_without_consent_is_refused_with_the_reason(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        answer = await submit(client, "/admin/plan/r01/rule/new?rule=bed_exit", _rule="bed_exit")
        assert answer.status_code == 422
        assert "the resident did not agree" in answer.text


async def test_only_an_admin_changes_admins(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        answer = await submit(client, "/admin/entry/carers/sam", id="sam", name="Sam Pace", role="admin")
        assert answer.status_code in {403, 422}
        answer = await submit(
            client, "/admin/entry/carers/nora", id="nora", name="Nora Borg", role="admin", language="en",
            **{"contacts.0.channel": "log"},
        )  # fmt: skip
        assert answer.status_code == 403
        assert house.index.carers["nora"].role == "carer"
    async with house.signed_in("ada") as client:
        answer = await submit(
            client, "/admin/entry/carers/nora", id="nora", name="Nora Borg", role="manager", language="en",
            **{"contacts.0.channel": "log"},
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        assert house.index.carers["nora"].role == "manager"


async def test_an_address_that_is_a_key_is_not_shown_and_not_lost(house: LivingHouse) -> None:
    document = house.newest()
    document["carers"][0]["contacts"] = [{"channel": "webhook", "address": "https://hook.example.org/secret-1"}]
    await house.apply(document)
    async with house.signed_in("sam") as client:
        page = await client.get("/admin/entry/carers/nora")
        assert "secret-1" not in page.text
        shown = field(page.text, "contacts.0.address")
        answer = await submit(
            client, "/admin/entry/carers/nora", id="nora", name="Nora B.", role="carer", language="en",
            **{"contacts.0.channel": "webhook", "contacts.0.address": shown},
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
    assert house.index.carers["nora"].name == "Nora B."
    assert house.index.carers["nora"].contacts[0].address == "https://hook.example.org/secret-1"


async def test_handing_on_ends_and_begins_in_one_change(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        answer = await submit(client, "/admin/hand-on/b1", resident="r02", at="2026-03-01T03:00")
        assert answer.status_code == 303, answer.text
    assert house.version() == 3
    assert [(one["resident"], one["from"], one.get("to")) for one in house.newest()["assignments"]] == [
        ("r01", "2026-01-01T00:00:00Z", "2026-03-01T02:00:00Z"),
        ("r02", "2026-03-01T02:00:00Z", None),
    ]


def heard(tx: Any, device: str, at_ms: int, frame: int, kind: str = "help") -> None:
    tx.db.execute(
        "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', 't', x'', ?)",
        (frame, at_ms),
    )
    tx.db.execute(
        "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
        " VALUES (?, ?, ?, NULL, ?, ?, ?, '{}')",
        (frame * 4096, frame, device, kind, at_ms, at_ms),
    )


async def test_a_device_that_is_heard_is_brought_in_and_its_press_is_seen(house: LivingHouse) -> None:
    now = house.clock.now()
    await house.writer.write(lambda tx: heard(tx, "native:new-7", to_ms(now), 1))
    async with house.signed_in("sam") as client:
        page = await client.get("/admin/pair")
        link = re.search(r'href="(/admin/pair/device\?[^"]*new-7[^"]*)"', page.text)
        assert link
        form = await client.get(link[1].replace("&amp;", "&"))
        assert re.search(r'value="sos_button" selected', form.text)
        hidden = {name: field(form.text, name) for name in ("_csrf_token", "_base")}
        saved = await client.post(
            "/admin/pair/device",
            data={**hidden, "type": "sos_button", "format": "native", "address": "new-7", "resident": "r02",
                  "since": "2026-03-01T03:00"},
        )  # fmt: skip
        assert saved.status_code == 303, saved.text
        device = house.index.device("native", "new-7")
        assert device is not None
        assert house.newest()["assignments"][-1]["resident"] == "r02"
        house.clock.move(30)
        waits = await client.get(saved.headers["location"])
        assert "Press the button of" in waits.text
        assert "Now it is with Joseph" in waits.text
        assert "It came." not in waits.text
        assert ("broker-config FOLDER --add" in waits.text) is (device.format == "native")
        broker = (await client.get("/admin/press/b1")).text  # one of the broker's own users
        assert "broker-config FOLDER --add" in broker
        again = re.search(r"url=([^\"]+)", waits.text)
        assert again
        house.clock.move(5)
        await house.writer.write(lambda tx: heard(tx, device.id, to_ms(house.clock.now()), 2, "status"))
        alive = (await client.get(again[1])).text
        assert "It came." not in alive  # a sign of life proves no button
        assert "its press has not come" in alive
        await house.writer.write(lambda tx: heard(tx, device.id, to_ms(house.clock.now()), 3))
        assert "It came." in (await client.get(again[1])).text
        assert "No unknown device" in (nothing := (await client.get("/admin/pair")).text)
        assert "broker-config FOLDER --add" in nothing


async def test_a_device_that_somebody_gets_only_later_is_asked_about(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        form = await client.get("/admin/pair/device?format=native&address=sos-9&type=sos_button")
        hidden = {name: field(form.text, name) for name in ("_csrf_token", "_base")}
        typed = {**hidden, "type": "sos_button", "format": "native", "address": "sos-9", "resident": "r02"}
        asked = await client.post("/admin/pair/device", data={**typed, "since": "2027-03-01T03:00"})
        assert asked.status_code == 422
        assert "its calls for help are told without a name" in asked.text
        assert house.index.device("native", "sos-9") is None
        said = await client.post("/admin/pair/device", data={**typed, "since": "2027-03-01T03:00", "later": "1"})
        assert said.status_code == 303, said.text
        assert "Now nobody has it." in (await client.get(said.headers["location"])).text


async def test_a_code_leads_to_the_device_that_was_heard(house: LivingHouse) -> None:
    await house.writer.write(lambda tx: heard(tx, "tts:eui-aabbccddeeff0011", to_ms(house.clock.now()), 1, "bed"))
    async with house.signed_in("sam") as client:
        answer = await client.get("/admin/pair", params={"code": "LW:D0:1122334455667788:AABBCCDDEEFF0011:AABB1122"})
        assert answer.status_code == 303
        assert "format=tts" in answer.headers["location"]
        assert "address=eui-aabbccddeeff0011" in answer.headers["location"]
        other = await client.get("/admin/pair", params={"code": "LW:D0:1122334455667788:AABBCCDDEEFF0022:AABB1122"})
        assert "format=chirpstack&address=aabbccddeeff0022" in other.headers["location"]
        known = await client.get("/admin/pair", params={"code": "button-1"})
        assert known.status_code == 422
        assert "/admin/entry/devices/b1" in known.text


async def test_the_file_goes_out_and_comes_in_with_a_look_before(house: LivingHouse) -> None:
    async with house.signed_in("sam") as client:
        packed = await client.get("/admin/exchange/centre.zip")
        assert packed.status_code == 200
        page = await client.get("/admin/exchange")
        token = field(page.text, "_csrf_token")
        same = await client.post(
            "/admin/exchange", data={"_csrf_token": token}, files={"file": ("c.zip", packed.content)}
        )
        assert "says the same" in same.text
        toml = (await client.get("/admin/exchange/centre.toml")).text.replace("Carmen Vella", "Carmen Borg")
        look = await client.post(
            "/admin/exchange", data={"_csrf_token": token}, files={"file": ("c.toml", toml.encode())}
        )
        assert "0 added, 1 changed, 0 removed." in look.text
        assert house.version() == 2
        action = re.search(r'action="(/admin/exchange/[^"]+)"', look.text)
        assert action
        used = await client.post(action[1], data={"_csrf_token": token, "_why": "From the office."})
        assert used.status_code == 303, used.text
        assert house.index.residents["r01"].name == "Carmen Borg"
        bad = await client.post(
            "/admin/exchange", data={"_csrf_token": token}, files={"file": ("c.toml", b"[centre]\nid = 3")}
        )
        assert bad.status_code == 422
        assert "centre.name" in bad.text


async def test_a_link_sets_a_password_once(house: LivingHouse) -> None:
    async with house.signed_in("ada") as client:
        users = await client.get("/admin/users")
        made = await client.post("/admin/users/nora/link", data={"_csrf_token": field(users.text, "_csrf_token")})
        link = re.search(r"<code>(http[^<]+)</code>", made.text)
        assert link
    path = "/set-password/" + link[1].rsplit("/", 1)[1]
    async with house.client() as client:
        short = await submit(client, path, password="short", again="short")
        assert short.status_code == 422
        done = await submit(client, path, password="a whole new sentence", again="a whole new sentence")
        assert done.status_code == 200, done.text
        assert (await client.get(path)).status_code == 410
        assert (await sign_in(client, "nora", "a whole new sentence")).status_code == 303
    rows = house.ask("SELECT who, action FROM audit WHERE object = 'carer/nora' AND action LIKE 'account.%'")
    assert rows[-2:] == [("ada", "account.link_made"), ("nora", "account.password_set")]
    assert link[1].rsplit("/", 1)[1] not in str(house.ask("SELECT * FROM password_links"))


async def test_a_change_is_tried_on_the_past_before_it_is_saved(house: LivingHouse) -> None:
    asked: list[tuple[dict[str, Any], dict[str, Any]]] = []
    gate = asyncio.Event()

    async def trier(
        before: dict[str, Any], after: dict[str, Any], *, since: datetime, until: datetime, progress: Any
    ) -> TrialView:
        asked.append((before, after))
        assert until - since == timedelta(days=7)
        progress(0.4)
        await gate.wait()
        tally = Tally(before=3, after=2, kept=2, gone=1, new=0)
        gone = TriedAlert(
            rule="fall",
            resident="r01",
            priority="high",
            raised_at=since,
            text="The help button was pressed.",
            values={},
        )
        return TrialView(
            since=since, until=until, readings=9, total=tally, rules={"fall": tally}, residents={"r01": tally},
            nights={since.date(): tally}, gone=[gone], new=[],
        )  # fmt: skip

    await house.stop_serving()
    house.settings["trier"] = trier
    await house.serve()
    async with house.signed_in("sam") as client:
        path = "/admin/plan/r01/rule/new?rule=fall"
        begun = await submit(client, path, _rule="fall", suspected_after_s="45", _try="1", _days="7")
        assert begun.status_code == 303, begun.text
        trial = begun.headers["location"]
        running = await client.get(trial)
        assert "40 %" in running.text
        token = field(running.text, "_csrf_token")
        gate.set()
        done = await client.get(trial)
        assert "Alerts before: 3. With this: 2." in done.text
        assert "2 stay, 1 would not have come, 0 would be new." in done.text
        assert house.version() == 2
        [(before, after)] = asked
        assert [one["id"] for one in after["residents"]] == ["r01"]
        assert [one["rule"] for one in before["care_plans"][0]["rules"]] == ["help"]
        assert after["care_plans"][0]["rules"][1] == {"rule": "fall", "suspected_after_s": 45, "ended_clears": False}
        back = re.search(r'class="second" href="([^"]+)"', done.text)
        assert back
        assert 'value="45"' in (await client.get(back[1])).text
        another = back[1].replace("&amp;", "&").replace("r01", "r02") + "&rule=fall"
        assert 'value="45"' not in (await client.get(another)).text  # what was typed was about r01
        saved = await client.post(f"{trial}/save", data={"_csrf_token": token})
        assert saved.status_code == 303, saved.text
        assert [one.name for one in house.index.plan_of("r01").rules] == ["help", "fall"]
        gate.clear()
        again = await submit(
            client, "/admin/plan/r01/rule/1", _rule="fall", suspected_after_s="50", _try="1", _days="7"
        )
        stopped = await client.post(f"{again.headers['location']}/cancel", data={"_csrf_token": token})
        assert stopped.status_code == 303
        assert "was stopped" in (await client.get(again.headers["location"])).text
    async with house.signed_in("ada") as client:
        assert (await client.get(trial)).status_code == 404


async def test_contacts_are_tested_from_their_page(house: LivingHouse) -> None:
    asked: list[tuple[str, int, str]] = []

    async def test_contact(carer: str, contact: int, by: str) -> None:
        asked.append((carer, contact, by))
        number = await house.writer.write(
            lambda tx: contact_tests.begin(tx, carer=carer, contact=contact, channel="log", address="", by=by)
        )
        await house.writer.write(lambda tx: contact_tests.end(tx, number, ok=False, detail="no answer"))

    await house.stop_serving()
    house.settings["test_contact"] = test_contact
    await house.serve()
    async with house.signed_in("sam") as client:
        token = field((await client.get("/admin/contacts/nora")).text, "_csrf_token")
        sent = await client.post("/admin/contacts/nora/test", data={"_csrf_token": token, "contact": "0"})
        assert sent.status_code == 303
        assert asked == [("nora", 0, "sam")]
        assert "no answer" in (await client.get("/admin/contacts/nora")).text
