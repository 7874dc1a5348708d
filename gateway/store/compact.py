"""What was taken out of the tables is gone from the files too: the log is emptied, the database written anew."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from gateway.errors import StoreError
from gateway.store.database import connect

PATIENCE_MS: Final = 5_000
"""How long the emptying of the log waits for somebody who reads or writes; then it is tried again later."""

_PIECE: Final = 1 << 20

_JSON: Final[tuple[Callable[[str], str], ...]] = (json.dumps, partial(json.dumps, ensure_ascii=False))

_COPY: Final = re.compile(r"export-[0-9a-f]{32}\.zip")


class Emptied(NamedTuple):
    """What became of the log: ``left`` bytes are in it still (somebody reads, or wrote meanwhile)."""

    left: int


def empty_log(path: Path) -> Emptied:
    """Write the log back into the database, and empty it. Blocks; keep it out of the event loop.

    First without holding up anybody (PASSIVE), so that the moment in which writers wait (TRUNCATE) is short.

    Raises:
        StoreError: the database can't be opened.
    """
    with closing(connect(path)) as db:
        db.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    log = _log_of(path)
    return Emptied(log.stat().st_size if log.exists() else 0)


def rewrite(path: Path) -> None:
    """Write the whole database anew (VACUUM): nothing of what was taken out can be left in it.

    It holds up every writer until it is done, so only while no gateway runs. Needs as much free disk again.

    Raises:
        StoreError: it is in use, or the disk is full.
    """
    try:
        with closing(connect(path)) as db:
            db.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def holds(path: Path, words: Sequence[str]) -> list[str]:
    """Which of these words stand anywhere in the bytes of the database or its log; read in pieces."""
    left = {needle.encode(): word for word in words for needle in spellings([word])}
    longest = max(map(len, left), default=0)
    found: dict[str, None] = {}
    for file in (path, _log_of(path)):
        if not file.exists():
            continue
        with file.open("rb") as source:
            before = b""
            while left and (data := source.read(_PIECE)):
                window = before + data
                for needle in [needle for needle in left if needle in window]:
                    found[left.pop(needle)] = None
                before = window[-longest:]
    return list(found)


def spellings(words: Iterable[str]) -> tuple[str, ...]:
    """The words as they may stand in the database, the longest first: as they are, and as JSON writes them."""
    forms = {form for word in words if word for form in (word, *(dump(word)[1:-1] for dump in _JSON))}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def clear_copies(folder: Path) -> int:
    """Remove copies of persons' data that earlier versions of the gateway left beside the database when whoever asked
    for one went away; returns how many there were."""
    left = [file for file in folder.glob("export-*.zip") if _COPY.fullmatch(file.name)]
    for file in left:
        file.unlink(missing_ok=True)
    return len(left)


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
