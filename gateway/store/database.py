"""Opening the database: pragmas, schema, the lock that keeps a second daemon out, and reading connections."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from gateway.errors import StoreError
from gateway.store.migrations import check_schema, migrate

FILE = "gateway.db"

CACHE_KIB = 32 * 1024
"""Page cache of the writer: a batch of 1,000 messages must fit, or SQLite spills to disk in mid-transaction."""

CHECKPOINT_PAGES = 4000
"""16 MiB of WAL between checkpoints: at 20,000 readings a second a checkpoint a second, not ten."""

OPENING_S = 5.0
"""How long another process may hold the database (it opens or closes it) before opening it fails."""

_START_ONCE = "Start the gateway once, or name its data folder."


def connect(path: Path, *, synchronous: str = "FULL") -> sqlite3.Connection:
    """The writing connection of one process; creates the file. Transactions are begun by hand.

    Args:
        path: the database file.
        synchronous: FULL for everything that must survive a power cut; OFF only for replays in a scratch folder.

    Raises:
        StoreError: the file is no database, or can't be opened.
    """
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=OPENING_S)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute("PRAGMA foreign_keys=ON")
        # what is erased, or past its retention, is overwritten, and not only taken out of the tables
        db.execute("PRAGMA secure_delete=ON")
        db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        db.execute("PRAGMA busy_timeout=0")  # from here on whoever uses it says how long to wait
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}. Is it the gateway's database, and may this user write there?") from error
    return db


def prepare(path: Path) -> list[str]:
    """Make or upgrade the database at ``path``; returns the migrations that ran.

    Raises:
        StoreError: it can't be opened, is damaged, or comes from a newer version.
    """
    _make_folder(path.parent)
    db = connect(path)
    try:
        db.execute(f"PRAGMA busy_timeout={OPENING_S * 1000:.0f}")
        return migrate(Database(db))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    finally:
        db.close()


def reader(path: Path) -> sqlite3.Connection:
    """A read-only connection; sees what is committed. Rows can be read by name.

    Raises:
        StoreError: there is no database there, or not one of this version's schema.
    """
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"  # a folder's name may hold ? and #
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=OPENING_S)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA query_only=ON")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}. {_START_ONCE}") from error
    try:
        check_schema(db)
    except StoreError as error:
        db.close()
        raise StoreError(f"{path}: {error}") from error
    except sqlite3.Error as error:
        db.close()
        raise StoreError(f"{path}: {error}. {_START_ONCE}") from error
    return db


class DataLock:
    """One daemon a data folder: a second one would judge and tell everything twice."""

    def __init__(self, folder: Path) -> None:
        _make_folder(folder)
        self._path = folder / "gateway.lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock; the kernel frees it when the process ends, however it ends.

        Raises:
            StoreError: another daemon has it, or the folder can't be written.
        """
        try:
            file = self._path.open("a+")
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}: name a data folder that this user may write.") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise StoreError(
                f"Another gateway (process {owner}) uses {self._path.parent}: stop it, or name another data folder."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give it back."""
        if self._file:
            self._file.close()
            self._file = None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}: name a data folder that this user may write.") from error
