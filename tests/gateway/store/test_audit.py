import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.store import audit
from gateway.store.database import connect, reader
from gateway.store.writer import Tx, write_now
from tests.gateway.store.desk import START, made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = made(tmp_path)
    clock = ManualClock(START)
    for number, who in enumerate(("nora", None, "cli:root", "nora"), 1):
        clock.move(1)
        write_now(path, acting(who, number), clock=clock)
    return path


def acting(who: str | None, number: int) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        audit.record(tx, who=who, action="alert.close", target=f"alert/{number}", detail={"b": 1, "a": "Ġorġa"})

    return work


def broken(path: Path) -> int | None:
    with closing(reader(path)) as db:
        return audit.broken_at(db)


def tampered(path: Path, statement: str) -> int | None:
    """What somebody with the file and an editor could do."""
    with closing(connect(path)) as db:
        db.execute("DROP TRIGGER audit_is_never_changed")
        db.execute("DROP TRIGGER audit_is_never_deleted")
        db.execute(statement)
    return broken(path)


def test_the_chain_holds(path: Path) -> None:
    assert broken(path) is None
    with closing(reader(path)) as db:
        rows = db.execute("SELECT who, detail FROM audit ORDER BY seq").fetchall()
        assert [row["who"] for row in rows] == ["nora", None, "cli:root", "nora"]
        assert rows[0]["detail"] == '{"a":"Ġorġa","b":1}'


def test_an_empty_chain_holds(tmp_path: Path) -> None:
    assert broken(made(tmp_path)) is None


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE audit SET who = 'ben' WHERE seq = 3", 3),
        ("UPDATE audit SET who = '' WHERE seq = 2", 2),  # the gateway itself is not an empty name
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE audit SET action = 'alert.look' WHERE seq = 4", 4),
        ("UPDATE audit SET object = 'alert/9' WHERE seq = 2", 2),
        ("UPDATE audit SET detail = '{}' WHERE seq = 2", 2),
        ("UPDATE audit SET hash = 'f' || substr(hash, 2) || 'x' WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 2", 3),
        ("DELETE FROM audit WHERE seq = 1", 2),
        ("UPDATE audit SET seq = 10 - seq", 6),
    ],
)
def test_tampering_is_found_at_its_row(path: Path, statement: str, row: int) -> None:
    assert tampered(path, statement) == row


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'ben'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_it(path: Path, statement: str) -> None:
    with closing(connect(path)) as db, pytest.raises(sqlite3.Error):
        db.execute(statement)
    assert broken(path) is None


def test_a_row_is_undone_with_its_transaction(path: Path) -> None:
    def work(tx: Tx) -> None:
        acting("nora", 5)(tx)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        write_now(path, work, clock=ManualClock(START))
    write_now(path, acting("sam", 6), clock=ManualClock(START))
    assert broken(path) is None
    with closing(reader(path)) as db:
        assert db.execute("SELECT count(*) FROM audit").fetchone()[0] == 5
