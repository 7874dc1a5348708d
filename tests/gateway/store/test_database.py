import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.errors import StoreError
from gateway.store.database import FILE, DataLock, connect, prepare, reader
from gateway.store.writer import write_now
from tests.gateway.store.desk import START, made, names, session


def test_every_commit_is_on_disk_before_it_is_called_done(tmp_path: Path) -> None:
    with closing(connect(tmp_path / FILE)) as db:
        pragmas = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
        assert pragmas == {"journal_mode": "wal", "synchronous": 2}  # 2: FULL
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert db.execute("PRAGMA busy_timeout").fetchone()[0] == 0  # BEGIN must never block the event loop


def test_a_new_database_gets_the_schema_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / FILE
    assert prepare(path)[0] == "v001_first"
    assert prepare(path) == []


@pytest.mark.parametrize("folder", ["plain", "what? a #1 folder 100%", "ħobż biż-żejt"])
def test_any_folder_name_will_do(tmp_path: Path, folder: str) -> None:
    path = made(tmp_path / folder)
    write_now(path, session("a"), clock=ManualClock(START))
    assert names(path) == ["a"]
    assert {child.name for child in tmp_path.iterdir()} == {folder}


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"a letter to my daughter, much longer than a header" * 100)
    before = path.read_bytes()
    for opening in (lambda: prepare(path), lambda: reader(path), lambda: connect(path)):
        with pytest.raises(StoreError, match=r"gateway\.db"):
            opening()
    assert path.read_bytes() == before


def test_a_reader_needs_a_database_and_never_makes_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Start the gateway once"):
        reader(tmp_path / FILE)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    with closing(reader(made(tmp_path))) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM sessions")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for making in (lambda: prepare(tmp_path / "file" / "data" / FILE), lambda: DataLock(tmp_path / "file" / "data")):
        with pytest.raises(StoreError, match="name a data folder that this user may write"):
            making()


def test_one_daemon_a_folder(tmp_path: Path) -> None:
    first, second = DataLock(tmp_path), DataLock(tmp_path)
    first.acquire()
    with pytest.raises(StoreError, match=r"Another gateway \(process \d+\)"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_lock_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from gateway.store.database import DataLock\n"
        "lock = DataLock(pathlib.Path(sys.argv[1]))\n"
        "lock.acquire()\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        lock = DataLock(tmp_path)
        with pytest.raises(StoreError, match=f"process {process.pid}"):
            lock.acquire()
        process.kill()
        process.wait(10)
        lock.acquire()
        lock.release()


def test_a_reader_wants_this_versions_schema(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.touch()  # a first start that was interrupted
    with pytest.raises(StoreError, match="this version's schema"):
        reader(path)
    prepare(path)
    reader(path).close()
    with closing(connect(path)) as db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('gateway', 'v999', '')")
    with pytest.raises(StoreError, match="newer gateway"):
        reader(path)
    with closing(connect(path)) as db:
        db.execute("DELETE FROM _sqlite_migrations")
    with pytest.raises(StoreError, match="start the gateway once"):
        reader(path)
