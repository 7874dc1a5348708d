import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.centre.diff import diff
from gateway.console.deps import Console, ConsoleDeps
from gateway.console.editing import change, in_force, undo
from gateway.console.guards import Visitor
from gateway.errors import CentreError, UndoError, VersionConflictError
from gateway.store import centres
from gateway.store.centres import Applied
from gateway.store.database import reader
from tests.gateway.console.house import SECRET
from tests.gateway.console.living import LivingHouse


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    house = LivingHouse(tmp_path)
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


@pytest.fixture
def console(house: LivingHouse) -> Console:
    return Console(
        ConsoleDeps(
            database=house.path,
            writer=house.writer,
            index=lambda: house.index,
            links=house.links,
            clock=house.clock,
            health=lambda: {"ok": True},
            secret=SECRET,
        )
    )


@pytest.fixture
def sam(house: LivingHouse) -> Visitor:
    return Visitor(house.index.carers["sam"])


def room(number: int, text: str) -> Any:
    def edit(document: dict[str, Any]) -> None:
        document["residents"][number]["room"] = text

    return edit


async def test_a_change_is_a_version_with_who_and_why(house: LivingHouse, console: Console, sam: Visitor) -> None:
    assert await change(console, sam, 1, room(0, "201"), " She moved upstairs. ") == Applied(2, changed=True)
    assert in_force(console).document["residents"][0]["room"] == "201"
    assert house.index.residents["r01"].room == "201"
    assert house.ask("SELECT version, applied_by, why, undoes FROM centre_versions WHERE version = 2") == [
        (2, "sam", "She moved upstairs.", None)
    ]
    assert house.ask("SELECT who, action, object FROM audit WHERE object = 'centre/2'") == [
        ("sam", "centre.apply", "centre/2")
    ]
    assert await change(console, sam, 2, lambda _: None, "") == Applied(2, changed=False)


async def test_who_saw_an_older_version_changes_nothing(house: LivingHouse, console: Console, sam: Visitor) -> None:
    await change(console, sam, 1, room(0, "201"), "")
    with pytest.raises(VersionConflictError) as caught:
        await change(console, sam, 1, room(1, "202"), "")
    assert (caught.value.base, caught.value.newest) == (1, 2)
    assert house.version() == 2
    assert house.newest()["residents"][1]["room"] == "102"


async def test_of_two_at_once_one_is_refused(house: LivingHouse, console: Console, sam: Visitor) -> None:
    done = await asyncio.gather(
        change(console, sam, 1, room(0, "201"), ""),
        change(console, sam, 1, room(1, "202"), ""),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["Applied", "VersionConflictError"]
    assert len(diff(_document(house, 1), house.newest())) == 1


async def test_what_does_not_hold_changes_nothing_and_says_all(
    house: LivingHouse, console: Console, sam: Visitor
) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["residents"][0]["room"] = ""
        document["care_plans"][1]["policy"] = "familly"

    with pytest.raises(CentreError) as caught:
        await change(console, sam, 1, edit, "")
    assert {one.key for one in caught.value.problems} == {"residents[0].room", "care_plans[1].policy"}
    assert any('did you mean "family"?' in one.expected for one in caught.value.problems)
    assert house.version() == 1
    assert in_force(console).document["residents"][0]["room"] == "101"


async def test_undo_takes_back_one_change_and_leaves_the_later_ones(
    house: LivingHouse, console: Console, sam: Visitor
) -> None:
    await change(console, sam, 1, room(0, "201"), "")
    await change(console, sam, 2, room(1, "202"), "")
    assert await undo(console, sam, 2) == Applied(4, changed=True)
    assert [one["room"] for one in house.newest()["residents"][:2]] == ["101", "202"]
    assert house.ask("SELECT undoes FROM centre_versions ORDER BY version") == [(None,), (None,), (None,), (2,)]
    assert await undo(console, sam, 4) == Applied(5, changed=True)  # an undo can be undone
    assert house.newest()["residents"][0]["room"] == "201"


async def test_undo_never_overwrites_a_later_change(house: LivingHouse, console: Console, sam: Visitor) -> None:
    await change(console, sam, 1, room(0, "201"), "")
    await change(console, sam, 2, room(0, "301"), "")
    with pytest.raises(UndoError, match="residents Carmen Vella"):
        await undo(console, sam, 2)
    with pytest.raises(UndoError, match="first version"):
        await undo(console, sam, 1)
    with pytest.raises(UndoError, match="no such version"):
        await undo(console, sam, 9)
    assert house.version() == 3


async def test_undo_that_would_break_the_rest_is_refused(house: LivingHouse, console: Console, sam: Visitor) -> None:
    def added(document: dict[str, Any]) -> None:
        document["devices"].append({"id": "b1", "type": "sos_button", "format": "native"})

    def worn(document: dict[str, Any]) -> None:
        document["assignments"].append({"device": "b1", "resident": "r01", "from": "2026-01-01T00:00:00Z"})

    await change(console, sam, 1, added, "")
    await change(console, sam, 2, worn, "")
    with pytest.raises(CentreError):
        await undo(console, sam, 2)
    await undo(console, sam, 3)
    await undo(console, sam, 2)
    assert house.newest()["devices"] == []


async def test_what_was_removed_comes_back_in_its_place(house: LivingHouse, console: Console, sam: Visitor) -> None:
    def removed(document: dict[str, Any]) -> None:
        del document["carers"][2]

    await change(console, sam, 1, removed, "")
    await undo(console, sam, 2)
    assert [one["id"] for one in house.newest()["carers"]] == ["nora", "sam", "bo", "rita"]
    assert diff(_document(house, 1), house.newest()) == []


def _document(house: LivingHouse, version: int) -> dict[str, Any]:
    with closing(reader(house.path)) as db:
        return centres.document_of(db, version) or {}
