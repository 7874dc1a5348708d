import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.app.keeper import CentreKeeper
from gateway.centre.index import CentreIndex
from gateway.clock import ManualClock
from gateway.errors import StoreError
from gateway.store.database import FILE, connect, prepare, reader
from gateway.store.writer import write_now
from rules.model import Priority, Reason
from tests.gateway.pipeline.chain import DEMO, START, applied


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / FILE
    prepare(path)
    return path


@pytest.fixture
def keeper(path: Path) -> Iterator[CentreKeeper]:
    applied(path, DEMO, ManualClock(START))
    with closing(reader(path)) as db:
        yield CentreKeeper(db)


def renamed(path: Path, name: str) -> None:
    site = DEMO.centre.model_copy(update={"name": name})
    applied(path, DEMO.model_copy(update={"centre": site}), ManualClock(START))


def test_without_a_centre_the_words_say_what_to_do(path: Path) -> None:
    with closing(reader(path)) as db, pytest.raises(StoreError, match="telecare centre apply"):
        CentreKeeper(db)


async def test_a_new_version_is_taken_up_once(keeper: CentreKeeper, path: Path) -> None:
    changes: list[str] = []

    async def changed(old: CentreIndex) -> None:
        assert old is before
        changes.append(keeper.index().site.name)

    keeper.on_change = changed
    before = keeper.index()
    await keeper.look()
    assert (keeper.version, keeper.index() is before, changes) == (1, True, [])
    renamed(path, "Haven Home")
    await keeper.look()
    await keeper.look()
    assert (keeper.version, keeper.index().site.name, changes) == (2, "Haven Home", ["Haven Home"])


async def test_who_left_while_their_alert_is_open_keeps_room_and_policy(keeper: CentreKeeper, path: Path) -> None:
    clock, one = ManualClock(START), DEMO.residents[-1]
    old = keeper.index()
    incident = Incident(
        rule="help", rule_key="help", priority=Priority.HIGH, reason=Reason("Help."), happened_at=START, resident=one.id
    )
    write_now(path, lambda tx: desk.raise_incident(tx, old, incident), clock=clock)
    tables = {
        name: tuple(entry for entry in getattr(DEMO, name) if entry.resident != one.id)
        for name in ("assignments", "care_plans")
    }
    left = DEMO.model_copy(update={"residents": DEMO.residents[:-1], **tables})
    applied(path, left, clock)
    await keeper.look()
    with closing(reader(path)) as db:
        for index in (keeper.index(), CentreKeeper(db).index()):
            assert one.id not in index.residents
            assert index.public_name(one.id) == one.room
            assert index.policy_of(one.id).id == old.policy_of(one.id).id
            assert index.carer_name("sam") == old.carers["sam"].name


async def test_a_version_that_cannot_be_used_leaves_the_old_one_in_force(keeper: CentreKeeper, path: Path) -> None:
    renamed(path, "Broken House")
    with closing(connect(path)) as db:
        order = json.loads(db.execute("SELECT sheets FROM centre_versions WHERE version = 2").fetchone()[0])
        order["carers"] = []
        db.execute("UPDATE centre_versions SET sheets = ? WHERE version = 2", (json.dumps(order),))
    before = keeper.index()
    await keeper.look()
    assert keeper.version == 1
    assert keeper.index() is before
    renamed(path, "Mended House")
    await keeper.look()
    assert (keeper.version, keeper.index().site.name) == (3, "Mended House")
