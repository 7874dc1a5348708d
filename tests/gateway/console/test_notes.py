"""Notes: written on the page and through the API, never changed, corrected by a further one; for staff only."""

import sqlite3

import pytest

from gateway.store.database import connect
from tests.gateway.console import lives
from tests.gateway.console.house import House, field


async def test_a_note_is_written_on_the_page_and_stands_in_the_timeline(house: House) -> None:
    lives.move_in(house)
    async with house.signed_in() as client:
        html = (await client.get("/residents/r01")).text
        data = {"_csrf_token": field(html, "_csrf_token"), "key": field(html, "key"), "text": "  Tea at four.\r\n"}
        for _ in range(2):  # tapped twice
            answer = await client.post("/residents/r01/notes", data=data)
            assert (answer.status_code, answer.headers["location"]) == (303, "/residents/r01#notes")
        assert "Tea at four." in (await client.get("/residents/r01")).text
        timeline = (await client.get("/residents/r01/timeline")).text
    assert "Note by Nora Borg" in timeline
    assert house.ask("SELECT resident, who, text, corrects FROM care_notes") == [("r01", "nora", "Tea at four.", None)]
    assert house.ask("SELECT who, object, detail FROM audit WHERE action = 'note.add'") == [
        ("nora", "resident/r01", '{"note":1}')
    ]


async def test_a_form_without_its_token_writes_nothing(house: House) -> None:
    async with house.signed_in() as client:
        answer = await client.post("/residents/r01/notes", data={"text": "From elsewhere"})
    assert answer.status_code == 403
    assert house.ask("SELECT 1 FROM care_notes") == []


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 1001, "bell \x07"])
async def test_what_can_not_be_kept_comes_back_to_be_mended(house: House, text: str) -> None:
    async with house.signed_in() as client:
        html = (await client.get("/residents/r01")).text
        data = {"_csrf_token": field(html, "_csrf_token"), "key": "k", "text": text}
        answer = await client.post("/residents/r01/notes", data=data)
    assert answer.status_code == 422
    assert "It was not kept." in answer.text
    assert text.strip() in answer.text
    assert house.ask("SELECT 1 FROM care_notes") == []


async def test_a_note_is_corrected_by_another_and_both_stay(house: House) -> None:
    async with house.signed_in() as client:
        first = (await client.post("/api/residents/r01/notes", json={"text": "On Tuesdays."})).json()
        answer = await client.post("/api/residents/r01/notes", json={"text": "On Wednesdays.", "corrects": first["id"]})
        assert answer.status_code == 201
        found = (await client.get("/api/residents/r01/notes")).json()["notes"]
        page = (await client.get("/residents/r01")).text
    assert [(one["text"], one["corrects"], one["corrected_by"]) for one in found] == [
        ("On Wednesdays.", 1, None),
        ("On Tuesdays.", None, 2),
    ]
    assert "corrected by a later note" in page
    db = connect(house.path)
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        db.execute("UPDATE care_notes SET text = 'Never.'")
    db.close()


async def test_only_notes_of_the_same_resident_are_corrected(house: House) -> None:
    async with house.signed_in() as client:
        await client.post("/api/residents/r01/notes", json={"text": "Of Carmen."})
        for wrong in (1, 99, -1, 1 << 70):
            answer = await client.post("/api/residents/r02/notes", json={"text": "Of Joseph.", "corrects": wrong})
            assert answer.status_code in {400, 422}, wrong
    assert len(house.ask("SELECT 1 FROM care_notes")) == 1


async def test_the_same_key_again_is_the_same_note(house: House) -> None:
    key = {"Idempotency-Key": "7f3c"}
    async with house.signed_in() as client:
        first = await client.post("/api/residents/r01/notes", json={"text": "Once."}, headers=key)
        again = await client.post("/api/residents/r01/notes", json={"text": "Once."}, headers=key)
        other = await client.post("/api/residents/r01/notes", json={"text": "Other."}, headers=key)
    assert first.json() == again.json()
    assert other.status_code == 422
    async with house.signed_in("sam") as client:  # another's key is another key
        assert (await client.post("/api/residents/r01/notes", json={"text": "Mine."}, headers=key)).status_code == 201


async def test_pieces_make_the_whole(house: House) -> None:
    async with house.signed_in() as client:
        for number in range(5):
            await client.post("/api/residents/r01/notes", json={"text": f"Note {number}"})
        first = (await client.get("/api/residents/r01/notes?limit=3")).json()
        rest = (await client.get(f"/api/residents/r01/notes?limit=3&cursor={first['next']}")).json()
        assert (await client.get("/api/residents/r01/notes?cursor=x")).status_code == 422
    assert [one["text"] for one in first["notes"] + rest["notes"]] == [f"Note {n}" for n in range(4, -1, -1)]
    assert rest["next"] is None


async def test_notes_are_for_the_staff_of_the_ward(house: House) -> None:
    lives.move_in(house)
    for who, status in (("rita", 403), ("bo", 404)):
        async with house.signed_in(who) as client:
            assert (await client.get("/api/residents/r01/notes")).status_code == status
            assert (await client.post("/api/residents/r01/notes", json={"text": "Hello"})).status_code == status
    assert house.ask("SELECT 1 FROM care_notes") == []


async def test_another_site_writes_nothing(house: House) -> None:
    async with house.signed_in() as client:
        answer = await client.post(
            "/api/residents/r01/notes", json={"text": "Hello"}, headers={"Origin": "https://evil.example"}
        )
    assert answer.status_code == 403
    assert house.ask("SELECT 1 FROM care_notes") == []
