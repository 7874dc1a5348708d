"""What docs/operations.md says of copies of the database."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.store.database import FILE, connect, prepare
from tests.docs.pages import ROOT

STATEMENT = "VACUUM INTO"


def insert(db: sqlite3.Connection, seq: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.execute(
        "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (?, 'native', 't', x'00', 0)", (seq,)
    )
    db.execute("COMMIT")


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM journal").fetchone()[0])


def test_the_file_alone_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / FILE
    prepare(path)
    with closing(connect(path)) as db:
        insert(db, 1)
        shutil.copy(path, tmp_path / "alone.db")
    assert count(path) == 1
    assert count(tmp_path / "alone.db") == 0


def test_the_copy_is_whole_and_holds_nobody_up(tmp_path: Path) -> None:
    assert STATEMENT in (ROOT / "docs" / "operations.md").read_text("utf-8")
    path, copy = tmp_path / FILE, tmp_path / "copy.db"
    prepare(path)
    written_meanwhile = 1
    with closing(connect(path)) as db, closing(sqlite3.connect(path, isolation_level=None)) as tool:
        insert(db, 1)

        def write_one_more() -> int:
            # the writer never waits: connect() has set its patience to none, so a lock would raise here
            nonlocal written_meanwhile
            if written_meanwhile < 400:
                written_meanwhile += 1
                insert(db, written_meanwhile)
            return 0

        tool.set_progress_handler(write_one_more, 10)
        tool.execute(f"{STATEMENT} '{copy}'")
    assert written_meanwhile > 10
    assert count(path) == written_meanwhile
    assert 1 <= count(copy) < written_meanwhile
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert prepare(copy) == []
