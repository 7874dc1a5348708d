"""Carers' notes about residents: who, when, text. A note is never changed; a further note corrects it."""

import sqlite3
from datetime import datetime
from typing import Final

import msgspec

from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError
from gateway.store.audit import record
from gateway.store.writer import Tx

LONGEST: Final = 1_000
"""Characters of a note: some ten lines on a phone. What is longer belongs into the care record."""

_COLUMNS: Final = (
    "id, resident, at, who, text, corrects, (SELECT max(later.id) FROM care_notes AS later"
    " WHERE later.corrects = care_notes.id) AS corrected_by"
)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note; ``at`` is UTC. ``corrects`` and ``corrected_by`` are numbers of other notes of the same resident."""

    id: int
    resident: str
    at: datetime
    who: str
    text: str
    corrects: int | None
    corrected_by: int | None


def add(
    tx: Tx,
    index: CentreIndex,
    *,
    resident: str,
    text: str,
    who: str,
    corrects: int | None = None,
    key: str | None = None,
) -> Note:
    """Write a note down, in the caller's transaction, and say so in the audit (without its text).

    Args:
        tx: the open transaction.
        index: the centre.
        resident: about whom.
        text: at most LONGEST characters; blank ends are cut off.
        who: carer id or ``cli:<user>``.
        corrects: number of the note of the same resident that this one puts right.
        key: the sender's own key; the same again gives the note that is there, and writes nothing.

    Raises:
        BadAnswerError: no such resident, no such note to correct, no text, a text that is too long, or the same key
            with other content.
    """
    text = text.replace("\r\n", "\n").strip()
    if resident not in index.residents:
        raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident of the centre")
    if not text or len(text) > LONGEST:
        raise BadAnswerError(f"text: {len(text)} characters: expected 1 to {LONGEST}")
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        raise BadAnswerError("text: expected no control characters")
    before = None if key is None else _by_key(tx.db, who, key)
    if before is not None:
        if (before.resident, before.text, before.corrects) != (resident, text, corrects):
            raise BadAnswerError("key: it was used for another note: expected a new one")
        return before
    if corrects is not None:
        wrong = note(tx.db, corrects)
        if wrong is None or wrong.resident != resident:
            raise BadAnswerError(f"corrects: {corrects}: expected the number of a note about the same resident")
    number = tx.db.execute(
        "INSERT INTO care_notes (resident, at, who, text, corrects, key) VALUES (?, ?, ?, ?, ?, ?)",
        (resident, to_ms(tx.now), who, text, corrects, key),
    ).lastrowid
    assert number is not None
    detail = {"note": number, **({"corrects": corrects} if corrects is not None else {})}
    record(tx, who=who, action="note.add", target=f"resident/{resident}", detail=detail)
    found = note(tx.db, number)
    assert found is not None
    return found


def note(db: sqlite3.Connection, number: int) -> Note | None:
    """One note; None: there is none of that number."""
    if not 0 < number < 1 << 63:
        return None
    row = db.execute(f"SELECT {_COLUMNS} FROM care_notes WHERE id = ?", (number,)).fetchone()  # noqa: S608 - ours
    return None if row is None else _note(row)


def notes(
    db: sqlite3.Connection,
    resident: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Note]:
    """A resident's notes, the newest first.

    Args:
        db: reads the database.
        resident: about whom.
        since: written then or later (UTC); None: any time.
        until: written before then (UTC); None: any time.
        before: only notes with a smaller number: for paging.
        limit: at most so many.
    """
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM care_notes WHERE resident = ? AND at >= ? AND at < ? AND id < ?"  # noqa: S608 - ours
        " ORDER BY at DESC, id DESC LIMIT ?",
        (
            resident,
            0 if since is None else to_ms(since),
            1 << 62 if until is None else to_ms(until),
            1 << 62 if before is None else before,
            limit,
        ),
    )
    return [_note(row) for row in rows]


def _by_key(db: sqlite3.Connection, who: str, key: str) -> Note | None:
    row = db.execute("SELECT id FROM care_notes WHERE who = ? AND key = ?", (who, key)).fetchone()
    return None if row is None else note(db, row["id"])


def _note(row: sqlite3.Row) -> Note:
    return Note(
        id=row["id"],
        resident=row["resident"],
        at=from_ms(row["at"]),
        who=row["who"],
        text=row["text"],
        corrects=row["corrects"],
        corrected_by=row["corrected_by"],
    )
