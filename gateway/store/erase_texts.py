"""Texts about others, and of the house, in which a person who is erased may be named: the name goes, the rest stays."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.centre.naming import Names
from gateway.store.retention_rows import LOOKED_AT, Piece
from gateway.store.writer import Tx

_TEXTS: Final = (
    ("alerts", "id", "note"), ("alerts", "id", "reason"), ("alerts", "id", "marks"), ("alert_events", "seq", "detail"),
    ("shelves", "id", "why"), ("shelved", "id", "story"), ("commands", "seq", "why"), ("commands", "seq", "detail"),
    ("shift_changes", "id", "why"), ("centre_versions", "version", "why"), ("break_glass", "id", "why"),
    ("exports", "id", "why"), ("notifications", "id", "detail"), ("contact_tests", "id", "detail"),
    ("api_tokens", "id", "name"), ("passkeys", "id", "name"), ("kiosk_codes", "code_hash", "name"),
    ("sessions", "id", "data"), ("care_notes", "id", "text"), ("consent_log", "id", "agreed_name"),
    ("consent_log", "id", "how"), ("consent_log", "id", "stopped"), ("alerts", "id", "findings"),
    ("identities", "id", "shown"), ("rota_copies", "shift", "text"), ("rota_copies", "shift", "problem"),
    ("quarantine", "frame", "detail"),
)  # fmt: skip
"""What people write, by table, key and column; JSON or as it is. Each column of texts is here, in HARMLESS or in
ELSEWHERE: a test asks for those of new tables."""

HARMLESS: Final = {
    "accounts": "carer password_hash",
    "alert_events": "event who via state_before state_after",
    "alerts": "incident resident device rule rule_key subject priority state evidence before after policy taken_by "
    "closed_by outcome",
    "answers": "key digest",
    "api_tokens": "token_hash carer scopes made_by",
    "audit": "who action object detail hash",
    "audit_head": "hash",
    "break_glass": "resident carer",
    "care_notes": "resident who key",
    "centre_versions": "applied_by digest sheets",
    "commands": "id device resident command state who",
    "consent_log": "resident who agreed_by agreed_on before after",
    "contact_tests": "carer channel address_hash by",
    "erasures": "resident asked_by counts",
    "event_ids": "device event_id",
    "exports": "resident who",
    "identities": "issuer subject carer linked_by",
    "kiosk_codes": "code_hash made_by",
    "looks": "resident",
    "notifications": "key purpose carer channel address state lease_owner provider_id",
    "passkeys": "id carer",
    "password_links": "token_hash carer made_by",
    "protection": "resident level missing",
    "push_subscriptions": "carer endpoint p256dh auth",
    "quarantine": "why field",
    "reading_places": "resident kind",
    "requests_once": "carer route key_hash digest",
    "retention_marks": "kind mark",
    "retention_runs": "kind",
    "rota_copies": "shift source",
    "round_checks": "resident what result who",
    "rule_states": "resident states",
    "searches": "resident token_hash made_by ended_by",
    "sessions": "id carer",
    "shelved": "incident",
    "shelves": "resident rule_key rule priority who ended_by",
    "shift_changes": "role leaves comes who ended_by",
    "unlinked": "issuer subject carer unlinked_by",
}
"""Columns of texts in which nobody writes: ids, words of ours, hashes, numbers as JSON, addresses."""

ELSEWHERE: Final = {
    "centre_sheets": "digest text",
    "former_residents": "resident name",
    "journal": "format topic payload",
    "readings": "device resident kind fields",
}
"""Columns that are seen to in gateway.store.erase_rows: versions of the centre, and what is the person's own."""

_FOLD: Final = re.compile(r"\r?\n[ \t]")

_NEVER_CHANGED: Final = frozenset({"care_notes", "consent_log"})
"""Tables whose rows can't be changed: a row is replaced by one of the same number."""


def works(names: Names) -> Iterator["Texts"]:
    """For each column of texts: to be called in a new transaction while it says that there is more."""
    for table, key, column in _TEXTS:
        yield Texts(names, table, key, column)


class Texts:
    """A column of texts; the names go out of some thousand rows at each call."""

    def __init__(self, names: Names, table: str, key: str, column: str) -> None:
        self._names = names
        self._table, self._key, self._column = table, key, column
        self._last: Any = None

    def __call__(self, tx: Tx) -> Piece:
        """The next rows."""
        table, key, column = self._table, self._key, self._column
        after, values = ("", ()) if self._last is None else (f" WHERE {key} > ?", (self._last,))
        found = tx.db.execute(
            f"SELECT {key} AS number, {column} AS text FROM {table}{after} ORDER BY {key} LIMIT ?",  # noqa: S608
            (*values, LOOKED_AT),
        ).fetchall()
        texts = ((row["number"], self._whole(row["text"])) for row in found if row["text"])
        left = ((one, text, self._names.out_of(text)) for one, text in texts)
        changed = [(without, one) for one, text, without in left if without != text]
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

    def _whole(self, text: str) -> str:
        """The text as names stand in it: calendars break a line after 75 bytes, within a name too (RFC 5545, 3.1)."""
        return _FOLD.sub("", text) if self._table == "rota_copies" else text
