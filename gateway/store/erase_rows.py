"""One piece of each kind of what is known of a person: which rows go, and which only lose what tells of them."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

import msgspec

from gateway.centre.naming import Names
from gateway.centre.sheets import Sheets, sheets_of
from gateway.centre.without import without
from gateway.clock import to_ms
from gateway.store import centres, erase_texts, kept_sheets
from gateway.store.erase_spans import Span, SpanEventIds, SpanFrames, SpanReadings, take_frames
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.places import note_places
from gateway.store.retention_rows import ROWS, Piece, take_readings
from gateway.store.writer import Tx
from gateway.words import N_

NOBODY: Final = "@erased"
"""Whose alerts those are whose person was erased; no resident's id begins with an @."""

_REASON: Final = msgspec.json.encode({"text": N_("What this alert was about was erased."), "values": {}}).decode()

Work: TypeAlias = Callable[[Tx], Piece]


class Person(NamedTuple):
    """What belongs to a person who is to be erased."""

    resident: str
    names: tuple[str, ...]
    theirs: frozenset[str]
    """Entries of the centre that were the person's alone: ``carers/rita``, ``zones/flat``."""
    spans: tuple[Span, ...]
    words: tuple[str, ...]
    others: frozenset[str] = frozenset()
    """The names of everybody else who is in the centre now."""
    stay: frozenset[str] = frozenset()
    """Places and calendars that something else needed in any version: they are the house's."""


_OWN: Final = (
    "round_checks", "searches", "consent_log", "exports", "commands", "looks", "rule_states", "protection",
    "break_glass", "former_residents",
)  # fmt: skip
"""Tables of which every row of the person goes. break_glass after the alerts that tell of it."""

_KEYS: Final = {
    "looks": "seq", "rule_states": "resident", "protection": "resident", "commands": "seq",
    "former_residents": "resident",
}  # fmt: skip

_CARERS: Final = {
    "accounts": "carer", "sessions": "id", "push_subscriptions": "id", "contact_tests": "id",
    "password_links": "token_hash", "api_tokens": "id", "passkeys": "id", "requests_once": "id",
    "identities": "id", "unlinked": "id",
}  # fmt: skip
"""What relatives have who go with the person, and its key."""

SHEETS: Final = 50
"""Of a centre's versions that are looked through in one piece: some 3 MB."""


def works(person: Person) -> Iterator[tuple[str, Work]]:
    """Every kind, in order."""
    yield "places", lambda tx: Piece(0, note_places(tx) > 0)
    for span in person.spans:  # first: it is by their readings and messages that their time is found
        yield "event_ids", SpanEventIds(person.resident, span)
    yield "readings", lambda tx: _readings(tx, person)
    for span in person.spans:
        yield "readings", SpanReadings(person.resident, span)
        yield "messages", SpanFrames(person.resident, span)
    yield "alerts", lambda tx: _alerts(tx, person)
    yield "shelves", lambda tx: _shelves(tx, person)
    yield "notes", lambda tx: _notes(tx, person)
    for table in _OWN:
        yield table, lambda tx, table=table: _own(tx, person, table)  # type: ignore[misc]
    for table, key in _CARERS.items():
        yield "relatives", lambda tx, table=table, key=key: _of_carers(tx, person, table, key)  # type: ignore[misc]
    for texts in erase_texts.works(Names(person.names, person.others)):
        yield "texts", texts
    yield "centre_versions", Versions(person)


def _readings(tx: Tx, person: Person) -> Piece:
    found = tx.db.execute(
        "SELECT seq, resident, kind FROM reading_places WHERE resident = ? LIMIT ?", (person.resident, ROWS)
    ).fetchall()
    take_readings(tx, found)
    take_frames(tx, {row["seq"] // READINGS_PER_FRAME for row in found})
    return Piece(len(found), len(found) == ROWS)


def _alerts(tx: Tx, person: Person) -> Piece:
    """The bare line stays: rule, priority, times, outcome, which carer. Person, reason and evidence go."""
    found = [
        row[0]
        for row in tx.db.execute(
            "SELECT id FROM alerts WHERE resident = ? UNION"
            " SELECT a.id FROM alerts a JOIN break_glass b ON a.subject = CAST(b.id AS TEXT)"
            " WHERE a.rule = 'break_glass' AND b.resident = ? AND a.incident NOT LIKE '@erased/%' LIMIT ?",
            (person.resident, person.resident, ROWS),
        )
    ]
    for span in person.spans:
        found += [
            row[0]
            for row in tx.db.execute(
                "SELECT id FROM alerts WHERE resident IS NULL AND device = ? AND state = 'closed' AND happened_at >= ?"
                " AND happened_at < ? LIMIT ?",
                (span.device, span.since, span.until or to_ms(tx.now) + 1, ROWS),
            )
        ]
    numbers = [(number,) for number in dict.fromkeys(found)]
    for statement in (
        "DELETE FROM answers WHERE alert = ?",
        "UPDATE alert_events SET detail = '{}' WHERE alert = ?",
        "UPDATE notifications SET address = '', detail = NULL, provider_id = NULL WHERE alert = ?",
    ):
        tx.db.executemany(statement, numbers)
    tx.db.executemany(
        "UPDATE alerts SET resident = ?, device = NULL, incident = ? || '/' || id, subject = '', rule_key = rule,"
        " reason = ?, marks = '[]', evidence = '[]', before = NULL, after = NULL, note = NULL, findings = NULL"
        " WHERE id = ?",
        [(NOBODY, NOBODY, _REASON, number) for (number,) in numbers],
    )
    return Piece(len(numbers), len(found) >= ROWS)


def _shelves(tx: Tx, person: Person) -> Piece:
    found = [
        (row[0],) for row in tx.db.execute("SELECT id FROM shelves WHERE resident = ? LIMIT ?", (person.resident, ROWS))
    ]
    tx.db.executemany("DELETE FROM shelved WHERE shelf = ?", found)
    tx.db.executemany("DELETE FROM shelves WHERE id = ?", found)
    return Piece(len(found), len(found) == ROWS)


def _notes(tx: Tx, person: Person) -> Piece:
    # newest first: a note that corrects another one goes before it
    query = "SELECT id FROM care_notes WHERE resident = ? ORDER BY id DESC LIMIT ?"
    found = [(row[0],) for row in tx.db.execute(query, (person.resident, ROWS))]
    tx.db.executemany("DELETE FROM care_notes WHERE id = ?", found)
    return Piece(len(found), len(found) == ROWS)


def _own(tx: Tx, person: Person, table: str) -> Piece:
    key = _KEYS.get(table, "id")
    query = f"SELECT {key} FROM {table} WHERE resident = ? LIMIT ?"  # noqa: S608 - our words
    found = [(row[0],) for row in tx.db.execute(query, (person.resident, ROWS))]
    also = " AND resident = ?" if table == "looks" else ""
    values = [(*row, person.resident) for row in found] if also else found
    tx.db.executemany(f"DELETE FROM {table} WHERE {key} = ?{also}", values)  # noqa: S608 - our words
    return Piece(len(found), len(found) == ROWS)


def _of_carers(tx: Tx, person: Person, table: str, key: str) -> Piece:
    carers = [entry.removeprefix("carers/") for entry in person.theirs if entry.startswith("carers/")]
    query = f"SELECT {key} FROM {table} WHERE carer = ? LIMIT ?"  # noqa: S608 - our words
    found = [(row[0],) for carer in carers for row in tx.db.execute(query, (carer, ROWS))]
    tx.db.executemany(f"DELETE FROM {table} WHERE {key} = ?", found)  # noqa: S608 - our words
    return Piece(len(found), len(found) >= ROWS)


class Versions:
    """One version of the centre at a time: each may hold every photo of the house. Sheets that tell nothing of the
    person are in many versions, and looked at once."""

    def __init__(self, person: Person) -> None:
        self._person = person
        named = (f'"{name}"' for name in (person.resident, *(one.partition("/")[2] for one in person.theirs)))
        self._needles = tuple(named)
        self._names = Names(person.names)
        self._clean: set[str] = set()
        self._done = 0
        self._next: tuple[list[str], Sheets | None] | None = None

    def prepare(self, db: sqlite3.Connection) -> None:
        """Make the next version without the person, before the transaction that puts it in: that of a large house
        takes seconds, in which nobody else could write. A thread may do it."""
        self._next = None
        found = kept_sheets.sheets_after(db, self._done)
        if found is None:
            return
        version, digests = found
        for digest in digests:
            if digest not in self._clean:
                if self._names_them(kept_sheets.sheet(db, digest)):
                    self._next = digests, self._without(db, version)
                    return
                self._clean.add(digest)

    def __call__(self, tx: Tx) -> Piece:
        """The next version, or the next sheets."""
        found = kept_sheets.sheets_after(tx.db, self._done)
        if found is None:
            return Piece(0, more=False)
        version, digests = found
        unseen = [digest for digest in digests if digest not in self._clean]
        for digest in unseen[:SHEETS]:
            if self._names_them(kept_sheets.sheet(tx.db, digest)):
                self._done = version
                return Piece(self._rewritten(tx, version, digests), more=True)
            self._clean.add(digest)
        if len(unseen) <= SHEETS:
            self._done = version
        return Piece(0, more=True)

    def _names_them(self, text: str) -> bool:
        return any(needle in text for needle in self._needles) or self._names.out_of(text) != text

    def _rewritten(self, tx: Tx, version: int, digests: list[str]) -> int:
        # made here only if nobody prepared it, or another process changed it meanwhile
        known = self._next is not None and self._next[0] == digests
        left = self._next[1] if known and self._next else self._without(tx.db, version)
        if left is None:
            return 0
        kept_sheets.rewrite(tx, version, left)
        return 1

    def _without(self, db: sqlite3.Connection, version: int) -> Sheets | None:
        """What is left of a version; None: nothing of it changes."""
        document = centres.document_of(db, version) or {}
        one = self._person
        left = without(document, one.resident, one.names, one.theirs, stay=one.stay).document
        return None if left == document else sheets_of(left)
