"""Versions of the centre: each applied as a whole, in one transaction, and kept.

A version is stored as the sheets of its document (gateway.centre.sheets); versions share those that are the same. What
was read and checked last is remembered by its digests: so the next version costs what differs, in every part of the
program, and a version that this process has checked itself is not checked again.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.centre import load
from gateway.centre.diff import SITE, Document, key_of, revert
from gateway.centre.known import NOTHING, Known
from gateway.centre.load import Checked, to_document
from gateway.centre.model import Centre
from gateway.centre.sheets import Order, Sheets, document_from, entries_in, sheets_of
from gateway.clock import from_ms, to_ms
from gateway.errors import CentreError, Problem, UndoError, VersionConflictError
from gateway.store import access, audit, former, hands, shift_ends
from gateway.store.kept_sheets import json_of, keep, order_of
from gateway.store.writer import Tx


class CentreVersion(msgspec.Struct, frozen=True):
    """One applied version; ``applied_at`` is UTC-aware."""

    version: int
    applied_at: datetime
    applied_by: str | None
    centre: Centre


class Applied(msgspec.Struct, frozen=True):
    """What an apply did: ``changed`` is False when the newest version already says the same."""

    version: int
    changed: bool


class Ready(msgspec.Struct, frozen=True):
    """A checked centre as it is stored: made outside of the transaction, because a large house takes its time."""

    sheets: Sheets
    digest: str
    carers: frozenset[str]
    """Ids of everybody who can sign in."""


class _Memory:
    """What was read and checked last. Everything in it is true for ever: it is known by what stands in it."""

    def __init__(self) -> None:
        self.entries: Mapping[str, list[dict[str, Any]]] = {}
        """Of the sheets of the document that was read last, by digest; nobody changes them."""
        self.known: Known = NOTHING
        self.centre: tuple[Order, Centre] | None = None


_memory = _Memory()


def ready(centre: Centre) -> Ready:
    """A centre that was loaded, and so checked, as it is stored."""
    return _ready(sheets_of(to_document(centre)), centre)


def checked(document: Document, *, file: str = "centre") -> Ready:
    """Check a whole document and make it ready to be stored; a thread may do it.

    Args:
        document: what JSON holds; it is not changed.
        file: names the document in problems.

    Raises:
        CentreError: it does not hold; with every problem.
    """
    found = _checked(document, file)
    return _ready(found.sheets, found.centre)


def _ready(sheets: Sheets, centre: Centre) -> Ready:
    return Ready(sheets, sheets.digest, frozenset(one.id for one in centre.carers))


def _checked(document: Document, file: str) -> Checked:
    found = load.checked(document, file=file, known=_memory.known)
    _memory.known, _memory.centre = found.known, (found.sheets.order, found.centre)
    return found


def apply(tx: Tx, centre: Centre, *, who: str, why: str | None = None) -> Applied:
    """Make this the centre from now on, in the caller's transaction; the running gateway takes it up by itself.

    Args:
        tx: the open transaction.
        centre: a centre that was loaded, and so checked, as a whole.
        who: carer id or ``cli:<user>``, for the audit.
        why: the reason in that person's words.

    Raises:
        CentreError: a new resident has an id that was somebody else's (gateway.store.former).
    """
    return apply_ready(tx, ready(centre), who=who, why=why)


def apply_ready(
    tx: Tx, wanted: Ready, *, who: str, why: str | None = None, undoes: int | None = None, base: int | None = None
) -> Applied:
    """The same for a centre that was made ready before.

    Args:
        tx: the open transaction.
        wanted: what :func:`ready` made.
        who: carer id or ``cli:<user>``, for the audit.
        why: the reason in that person's words.
        undoes: the version whose change this one takes back.
        base: the version that this one was made from; None: it replaces whatever there is.

    Raises:
        VersionConflictError: ``base`` is not the newest version; nothing was changed.
        CentreError: a new resident has an id that was somebody else's (gateway.store.former).
    """
    last = tx.db.execute("SELECT version, sheets FROM centre_versions ORDER BY version DESC LIMIT 1").fetchone()
    newest = 0 if last is None else int(last["version"])
    if base is not None and base != newest:
        raise VersionConflictError(base, newest)
    before = {} if last is None else order_of(last["sheets"])
    if before == wanted.sheets.order:
        return Applied(newest, changed=False)
    if wrong := former.follow(tx, before, wanted.sheets, newest):
        raise CentreError(_reused(wanted.sheets, wrong))
    version = newest + 1
    keep(tx, wanted.sheets, before)
    tx.db.execute(
        "INSERT INTO centre_versions (version, applied_at, applied_by, digest, sheets, why, undoes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (version, to_ms(tx.now), who, wanted.digest, json_of(wanted.sheets.order), why, undoes),
    )
    detail = {"digest": wanted.digest}  # not why: what people write can be erased, and stands in the version itself
    if undoes is not None:
        detail["undoes"] = str(undoes)
    audit.record(tx, who=who, action="centre.apply", target=f"centre/{version}", detail=detail)
    access.keep_only(tx, wanted.carers, by=who)
    hands.ask_anew(tx, wanted.carers, by=who)
    shift_ends.keep_only(tx, wanted.carers, by=who)
    return Applied(version, changed=True)


def document_of(db: sqlite3.Connection, version: int) -> Document | None:
    """What a version holds, as it was stored, to be changed as one likes; None: there is no such version."""
    stored = stored_at(db, version)
    return None if stored is None else stored.document()


def shared_document_of(db: sqlite3.Connection, version: int) -> Document | None:
    """The same, read only: what did not change since the last call is the same object. None: no such version."""
    stored = stored_at(db, version)
    return None if stored is None else stored.shared_document()


def entry_of(db: sqlite3.Connection, version: int, table: str, key: str) -> dict[str, Any] | None:
    """One entry of a version, without reading the others; None: it has none of that key."""
    # The key's first word stands in the sheet as text; that of the only entry of its table does not.
    word = "" if table in {SITE, "house_plans"} else json_of(key.split("/", maxsplit=1)[0])
    rows = db.execute(
        "SELECT s.text FROM centre_versions v, json_each(v.sheets, '$.' || ?) d JOIN centre_sheets s"
        " ON s.digest = d.value WHERE v.version = ? AND instr(s.text, ?) ORDER BY d.key",
        (table, version, word),
    )
    entries = (entry for row in rows for entry in entries_in(row["text"]))
    return next((entry for entry in entries if table == SITE or key_of(table, entry) == key), None)


def undone(db: sqlite3.Connection, present: Document, version: int) -> Document:
    """``present`` without what ``version`` changed.

    Raises:
        UndoError: there is no such version, or none before it, or a later one changed the same entries again.
    """
    before, after = document_of(db, version - 1), document_of(db, version)
    if after is None:
        raise UndoError("There is no such version.")
    if before is None:
        raise UndoError("This is the first version: there is nothing before it.")
    found = revert(present, before, after)
    if found.in_the_way:
        entries = ", ".join(f"{one.table} {one.name}" for one in found.in_the_way[:5])
        raise UndoError(f"A later version changed the same entries: {entries}. Take that one back first.")
    if not found.undone:
        raise UndoError("This version changed nothing that could be taken back.")
    return found.document


def latest_number(db: sqlite3.Connection) -> int:
    """Number of the newest version; 0: none was applied yet."""
    return int(db.execute("SELECT coalesce(max(version), 0) FROM centre_versions").fetchone()[0])


class Stored(msgspec.Struct, frozen=True):
    """A version as it is stored; ``texts`` of the sheets that are not remembered."""

    version: int
    applied_at: datetime
    applied_by: str | None
    order: Order
    texts: dict[str, str]
    remembered: Mapping[str, list[dict[str, Any]]]

    def document(self) -> Document:
        """What it holds, to be changed as one likes."""
        own = {digest: entries_in(msgspec.json.encode(entries)) for digest, entries in self.remembered.items()}
        return document_from(self.order, own | {digest: entries_in(text) for digest, text in self.texts.items()})

    def shared_document(self) -> Document:
        """What it holds, read only; remembered for the next one."""
        entries = {**self.remembered, **{digest: entries_in(text) for digest, text in self.texts.items()}}
        _memory.entries = entries
        return document_from(self.order, entries)


def stored_at(db: sqlite3.Connection, version: int) -> Stored | None:
    """A version, with the texts of those of its sheets that are not remembered; None: there is none."""
    known = _memory.entries
    with _at_once(db):
        row = db.execute("SELECT * FROM centre_versions WHERE version = ?", (version,)).fetchone()
        if row is None:
            return None
        order = order_of(row["sheets"])
        wanted = {digest for digests in order.values() for digest in digests}
        new = json_of([digest for digest in wanted if digest not in known])
        found = db.execute(
            "SELECT digest, text FROM centre_sheets WHERE digest IN (SELECT value FROM json_each(?))", (new,)
        ).fetchall()
    return Stored(
        version=row["version"],
        applied_at=from_ms(row["applied_at"]),
        applied_by=row["applied_by"],
        order=order,
        texts={one["digest"]: one["text"] for one in found},
        remembered={digest: known[digest] for digest in wanted if digest in known},
    )


@contextmanager
def _at_once(db: sqlite3.Connection) -> Iterator[None]:
    """What is read within is of one moment: another process may erase a person meanwhile."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def latest(db: sqlite3.Connection) -> CentreVersion | None:
    """The newest version; None: none was applied yet.

    Raises:
        CentreError: a stored version does not hold against this program's checks (it came from a newer one).
    """
    stored = stored_at(db, latest_number(db))
    return None if stored is None else read(stored)


def read(stored: Stored) -> CentreVersion:
    """A version as it is used; of a house of thousands it takes a while, so a thread may do it.

    Raises:
        CentreError: it does not hold against this program's checks (it came from a newer one).
    """
    known = _memory.centre
    if known is not None and known[0] == stored.order:
        centre = known[1]  # checked a moment ago, by whoever applied it in this process
    else:
        centre = _checked(stored.shared_document(), f"centre version {stored.version}").centre
    return CentreVersion(stored.version, stored.applied_at, stored.applied_by, centre)


EARLIER: Final = 20
"""So many versions back at the most: what they are asked for is minutes old, and nobody applies more in that time."""


def earlier(db: sqlite3.Connection) -> list[Centre]:
    """The versions before the newest one, the newest first, at most EARLIER; without those that don't hold any more."""
    rows = db.execute(
        "SELECT version FROM centre_versions ORDER BY version DESC LIMIT ? OFFSET 1", (EARLIER,)
    ).fetchall()
    found, known = [], _memory.known
    for row in rows:
        with suppress(CentreError):
            document = document_of(db, row["version"]) or {}
            held = load.checked(document, file=f"centre version {row['version']}", known=known)
            known = held.known
            found.append(held.centre)
    return found


def _reused(sheets: Sheets, wrong: Mapping[str, str]) -> list[Problem]:
    residents = (one["id"] for digest in sheets.order["residents"] for one in entries_in(sheets.texts[digest]))
    return [
        Problem("centre", f"residents[{number}].id", json_of(one), wrong[one])
        for number, one in enumerate(residents)
        if one in wrong
    ]
