"""Who is protected how far: the sign on the board for staff, and the API."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from gateway.store.protection import Kept, store
from rules.model import Reason
from rules.protection import Level
from tests.gateway.console.house import NOW, House

NO_HELP = Reason("No device can call for help.")
LOW = Reason("The battery of {device} is low.", {"device": "gps-<b>"})


async def keep(house: House, resident: str, level: Level, missing: Sequence[Reason] = (), minutes: int = 5) -> None:
    kept = Kept(level, tuple(missing), NOW - timedelta(minutes=minutes))
    await house.writer.write(lambda tx: store(tx.db, resident, kept))


@pytest.fixture
async def guarded(house: House) -> House:
    await keep(house, "r01", Level.DEGRADED, [LOW])
    await keep(house, "r02", Level.UNPROTECTED, [NO_HELP, LOW])
    await keep(house, "r03", Level.PROTECTED)
    await keep(house, "gone", Level.UNPROTECTED, [NO_HELP])
    return house


async def test_the_board_tells_staff_what_is_missing(guarded: House) -> None:
    async with guarded.signed_in() as nora:
        html = (await nora.get("/board")).text
    assert "<summary>1 resident is not protected, 1 resident is only partly protected</summary>" in html
    worst, part = html.split("<li>")[1:]
    assert worst.startswith(
        "102, not protected since 03:07: No device can call for help. The battery of gps-&lt;b&gt; is low.</li>"
    )
    assert part.startswith("101, only partly protected since 03:07: The battery of")


async def test_in_the_language_of_the_reader_and_not_for_relatives(guarded: House) -> None:
    async with guarded.signed_in("bo") as bo, guarded.signed_in("rita") as rita:
        assert 'id="protection"' in (await bo.get("/board")).text
        assert 'id="protection"' not in (await rita.get("/board")).text


async def test_nothing_is_said_when_nothing_is_missing(house: House) -> None:
    await keep(house, "r01", Level.PROTECTED)
    async with house.signed_in() as nora:
        assert 'id="protection"' not in (await nora.get("/board")).text


async def test_what_is_missing_changes_the_board_at_once(guarded: House) -> None:
    async with guarded.signed_in() as nora:
        etag = (await nora.get("/board")).headers["etag"]
        assert (await nora.get("/board", headers={"If-None-Match": etag})).status_code == 304
        await keep(guarded, "r01", Level.DEGRADED, [LOW, Reason("The clock of {device} is wrong.", {"device": "gps"})])
        changed = await nora.get("/board", headers={"If-None-Match": etag})
        assert changed.status_code == 200
        assert "The clock of gps is wrong." in changed.text
        await keep(guarded, "r01", Level.PROTECTED)
        await keep(guarded, "r02", Level.PROTECTED)
        assert 'id="protection"' not in (await nora.get("/board")).text


async def test_the_api_gives_everybody_the_least_protected_first(house: House) -> None:
    await keep(house, "r01", Level.PROTECTED)
    await keep(house, "r02", Level.UNPROTECTED, [NO_HELP])
    async with house.signed_in() as nora:
        found = (await nora.get("/api/protection")).json()["residents"]
    assert [(one["resident"], one["level"]) for one in found] == [
        ("r03", None),
        ("r02", "unprotected"),
        ("r01", "protected"),
    ]
    assert found[1] == {
        "resident": "r02", "room": "102", "level": "unprotected", "since": "2026-03-01T02:07:00Z",
        "missing": ["No device can call for help."],
    }  # fmt: skip
    assert house.ask("SELECT who, object FROM audit WHERE action = 'look' ORDER BY seq DESC LIMIT 1") == [
        ("nora", "protection")
    ]


async def test_the_api_is_for_staff(guarded: House) -> None:
    async with guarded.client() as nobody, guarded.signed_in("rita") as rita:
        assert (await nobody.get("/api/protection")).status_code == 401
        assert (await rita.get("/api/protection")).status_code == 403
    assert guarded.ask("SELECT count(*) FROM audit WHERE object = 'protection'") == [(0,)]
