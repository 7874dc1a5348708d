"""The chain behind an alert by the API: whole for staff, as far as the resident agreed; little for a relative."""

import json
from typing import Any

from gateway.alerts import desk
from gateway.alerts.glass import LASTING, open_glass
from gateway.alerts.model import Close, Incident, Outcome
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.clock import to_ms
from gateway.store import centres
from rules.model import Evidence, Priority, Reason
from tests.gateway.console.house import House

READ = {"kind": "position", "device": "gps", "lon": 14.5, "lat": 35.9}


async def with_reading(house: House, *, location: str) -> int:
    """An alert with a position behind it, of a resident who agreed to so much."""
    document: dict[str, Any] = to_document(house.index.centre)
    document["devices"] = [{"id": "gps", "type": "tracker", "format": "native"}]
    document["assignments"] = [{"device": "gps", "resident": "r01", "from": "2025-01-01T00:00:00Z"}]
    document["care_plans"][0]["rules"] = [{"rule": "silent", "after_s": 900}]
    document["care_plans"][0]["consents"] = {"location": location}
    document["residents"][0]["relatives"] = ["rita"]
    centre = centre_from_document(document)
    house.index = CentreIndex(centre)
    now = house.clock.now()

    def store(tx: Any) -> None:
        centres.apply(tx, centre, who="cli:test")
        tx.db.execute(
            "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (7, 'native', 't', ?, ?)",
            (json.dumps(READ).encode(), to_ms(now)),
        )
        tx.db.execute(
            "INSERT INTO readings (seq, frame, device, resident, kind, received_at, fields)"
            " VALUES (28672, 7, 'gps', 'r01', 'position', ?, ?)",
            (to_ms(now), json.dumps(READ)),
        )

    await house.writer.write(store)
    incident = Incident(
        rule="silent", rule_key="silent:gps", priority=Priority.HIGH, reason=Reason("Silent."), happened_at=now,
        resident="r01", evidence=(Evidence(7, "position", "gps", now),), before='{"of":"silent"}',
    )  # fmt: skip
    told = await house.writer.write(lambda tx: desk.raise_incident(tx, house.index, incident))
    return int(told.alert)


async def test_staff_see_the_whole_chain_and_the_look_is_written_down(house: House) -> None:
    number = await with_reading(house, location="alarm")
    async with house.signed_in() as nora:
        answer = await nora.get(f"/api/alerts/{number}/explain")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["readings"][0]["fields"]["lon"] == 14.5
    assert found["frames"][0]["payload"] == json.dumps(READ)
    assert found["condition"]["after_s"] == 900
    assert found["state_before"] == {"of": "silent"}
    assert found["history"]
    assert found["told"]
    assert found["hidden"] == []
    assert house.ask("SELECT count(*) FROM audit WHERE action = 'look' AND object = ?", f"alert/{number}") == [(1,)]


async def test_the_lists_come_in_pieces_and_nothing_twice(house: House) -> None:
    number = await with_reading(house, location="alarm")
    lists = ("history", "told", "readings", "frames", "commands", "shelves", "below")
    async with house.signed_in() as nora:
        for answer in ({"type": "acknowledge"}, {"type": "arrive"}):
            await nora.post(f"/api/alerts/{number}/answer", json=answer)
        whole = (await nora.get(f"/api/alerts/{number}/explain")).json()
        assert whole["next"] is None
        cursor = None
        read: dict[str, list[Any]] = {name: [] for name in lists}
        for _ in range(20):
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            part = (await nora.get(f"/api/alerts/{number}/explain", params=params)).json()
            assert sum(len(part[name]) for name in lists) <= 2
            assert (part["alert"], part["why"]) == (whole["alert"], whole["why"])
            for name in lists:
                read[name] += part[name]
            if (cursor := part["next"]) is None:
                break
        assert read == {name: whole[name] for name in lists}
        assert len(whole["history"]) == 3
        for wrong in ({"limit": 0}, {"limit": 501}, {"cursor": "2"}):
            assert (await nora.get(f"/api/alerts/{number}/explain", params=wrong)).status_code == 400
        old = {"cursor": f"{'0' * 24}-1"}
        assert (await nora.get(f"/api/alerts/{number}/explain", params=old)).status_code == 409


async def test_what_the_resident_did_not_agree_to_is_left_out(house: House) -> None:
    number = await with_reading(house, location="never")
    async with house.signed_in() as nora:
        answer = await nora.get(f"/api/alerts/{number}/explain")
    found = answer.json()
    assert found["hidden"] == ["readings", "states"]
    assert found["readings"][0]["fields"] == {}
    assert (found["frames"], found["state_before"]) == ([], None)
    assert "14.5" not in answer.text


async def test_only_while_an_alert_is_open_means_not_after_it(house: House) -> None:
    number = await with_reading(house, location="alarm")
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, Close(Outcome.REAL, ""), "nora", "page"))
    async with house.signed_in() as nora:
        answer = await nora.get(f"/api/alerts/{number}/explain")
        assert answer.json()["hidden"] == ["readings", "states"]
        assert "14.5" not in answer.text
        await house.raise_alert("r01")
        assert (await nora.get(f"/api/alerts/{number}/explain")).json()["readings"][0]["fields"]["lon"] == 14.5


async def test_who_broke_the_glass_sees_it_for_a_while(house: House) -> None:
    number = await with_reading(house, location="never")
    await house.writer.write(
        lambda tx: open_glass(tx, house.index, resident="r01", carer="nora", why="She is missing, police asked.")
    )
    async with house.signed_in() as nora, house.signed_in("bo") as bo:
        assert (await nora.get(f"/api/alerts/{number}/explain")).json()["readings"][0]["fields"]["lon"] == 14.5
        assert (await bo.get(f"/api/alerts/{number}/explain")).json()["readings"][0]["fields"] == {}
        house.clock.move(LASTING.total_seconds() + 1)
        assert (await nora.get(f"/api/alerts/{number}/explain")).json()["readings"][0]["fields"] == {}


async def test_a_relative_sees_no_place_and_nobody_else_anything(house: House) -> None:
    number = await with_reading(house, location="always")
    async with house.signed_in("rita") as rita:
        assert (await rita.get(f"/api/alerts/{number}/explain")).status_code == 404, "she was not told of it"
        await house.writer.write(
            lambda tx: tx.db.execute("UPDATE notifications SET carer = 'rita' WHERE alert = ?", (number,))
        )
        answer = await rita.get(f"/api/alerts/{number}/explain")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["why"] == ["Silent."]
    assert found["hidden"] == ["readings", "states"]
    assert (found["frames"], found["condition"], found["commands"]) == ([], None, [])
    assert "14.5" not in answer.text
    async with house.client() as nobody:
        assert (await nobody.get(f"/api/alerts/{number}/explain")).status_code == 401
