"""Texts about others, and of the house, in which a person who is erased may be named: the name goes, the rest stays."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.centre.without import ERASED
from gateway.store.compact import spellings
from gateway.store.retention_rows import LOOKED_AT, Piece
from gateway.store.writer import Tx

_TEXTS: Final = (
    ("alerts", "id", "note"), ("alerts", "id", "reason"), ("alerts", "id", "marks"), ("alert_events", "seq", "detail"),
    ("shelves", "id", "why"), ("shelved", "id", "story"), ("commands", "seq", "why"), ("commands", "seq", "detail"),
    ("shift_changes", "id", "why"), ("centre_versions", "version", "why"), ("break_glass", "id", "why"),
    ("exports", "id", "why"), ("notifications", "id", "detail"), ("contact_tests", "id", "detail"),
    ("api_tokens", "id", "name"), ("passkeys", "id", "name"), ("kiosk_codes", "code_hash", "name"),
    ("sessions", "id", "data"), ("care_notes", "id", "text"), ("consent_log", "id", "agreed_name"),
    ("consent_log", "id", "how"),
)  # fmt: skip
"""What people write, by table, key and column; JSON or as it is."""

_NEVER_CHANGED: Final = frozenset({"care_notes", "consent_log"})
"""Tables whose rows can't be changed: a row is replaced by one of the same number."""


def works(names: Sequence[str]) -> Iterator["Texts"]:
    """For each column of texts: to be called in a new transaction while it says that there is more."""
    for table, key, column in _TEXTS:
        yield Texts(names, table, key, column)


class Texts:
    """A column of texts; the names go out of some thousand rows at each call."""

    def __init__(self, names: Sequence[str], table: str, key: str, column: str) -> None:
        self._names = spellings(names)
        self._table, self._key, self._column = table, key, column
        self._last: Any = -1  # before every number, and so before every text too

    def __call__(self, tx: Tx) -> Piece:
        """The next rows."""
        table, key, column = self._table, self._key, self._column
        found = tx.db.execute(
            f"SELECT {key} AS number, {column} AS text FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?",  # noqa: S608
            (self._last, LOOKED_AT),
        ).fetchall()
        changed = [
            (self._without(row["text"]), row["number"])
            for row in found
            if row["text"] and any(name in row["text"] for name in self._names)
        ]
        if table in _NEVER_CHANGED:
            self._replace(tx, changed)
        else:
            tx.db.executemany(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", changed)  # noqa: S608 - our words
        if found:
            self._last = found[-1]["number"]
        return Piece(len(changed), len(found) == LOOKED_AT)

    def _replace(self, tx: Tx, changed: Sequence[tuple[str, int]]) -> None:
        table, key, column = self._table, self._key, self._column
        tx.db.execute("PRAGMA defer_foreign_keys = ON")
        for text, number in changed:
            old = tx.db.execute(f"SELECT * FROM {table} WHERE {key} = ?", (number,)).fetchone()  # noqa: S608
            new = dict(old) | {column: text}
            tx.db.execute(f"DELETE FROM {table} WHERE {key} = ?", (number,))  # noqa: S608
            columns, marks = ", ".join(f'"{name}"' for name in new), ", ".join("?" * len(new))
            tx.db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(new.values()))  # noqa: S608

    def _without(self, text: str) -> str:
        for name in self._names:
            text = text.replace(name, ERASED)
        return text
