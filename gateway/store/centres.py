"""Versions of the centre: each applied as a whole, in one transaction, and kept."""

import hashlib
import sqlite3
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.centre.diff import Document, revert
from gateway.centre.load import centre_from_document, to_document
from gateway.centre.model import Centre
from gateway.clock import from_ms, to_ms
from gateway.errors import CentreError, UndoError, VersionConflictError
from gateway.store import audit
from gateway.store.writer import Tx


class CentreVersion(msgspec.Struct, frozen=True):
    """One applied version; ``applied_at`` is UTC-aware."""

    version: int
    applied_at: datetime
    applied_by: str | None
    centre: Centre


class VersionLine(msgspec.Struct, frozen=True, kw_only=True):
    """Who applied a version, when (UTC-aware) and why; ``undoes``: the version whose change it takes back."""

    version: int
    applied_at: datetime
    applied_by: str | None
    why: str | None
    undoes: int | None


class Applied(msgspec.Struct, frozen=True):
    """What an apply did: ``changed`` is False when the newest version already says the same."""

    version: int
    changed: bool


class Ready(msgspec.Struct, frozen=True):
    """A checked centre as it is stored: made outside of the transaction, because a large house takes its time."""

    document: bytes
    digest: str


def ready(centre: Centre) -> Ready:
    """A centre that was loaded, and so checked, as it is stored."""
    document = msgspec.json.encode(to_document(centre), order="sorted")
    return Ready(document, hashlib.sha256(document).hexdigest())


def apply(tx: Tx, centre: Centre, *, who: str, why: str | None = None) -> Applied:
    """Make this the centre from now on, in the caller's transaction; the running gateway takes it up by itself.

    Args:
        tx: the open transaction.
        centre: a centre that was loaded, and so checked, as a whole.
        who: carer id or ``cli:<user>``, for the audit.
        why: the reason in that person's words.
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
    """
    last = tx.db.execute("SELECT version, digest FROM centre_versions ORDER BY version DESC LIMIT 1").fetchone()
    newest = 0 if last is None else int(last["version"])
    if base is not None and base != newest:
        raise VersionConflictError(base, newest)
    if last is not None and last["digest"] == wanted.digest:
        return Applied(newest, changed=False)
    version = newest + 1
    tx.db.execute(
        "INSERT INTO centre_versions (version, applied_at, applied_by, digest, document, why, undoes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (version, to_ms(tx.now), who, wanted.digest, wanted.document.decode(), why, undoes),
    )
    detail = {"digest": wanted.digest}  # not why: what people write can be erased, and stands in the version itself
    if undoes is not None:
        detail["undoes"] = str(undoes)
    audit.record(tx, who=who, action="centre.apply", target=f"centre/{version}", detail=detail)
    return Applied(version, changed=True)


def document_of(db: sqlite3.Connection, version: int) -> dict[str, Any] | None:
    """What a version holds, as it was stored; None: there is no such version."""
    row = db.execute("SELECT document FROM centre_versions WHERE version = ?", (version,)).fetchone()
    return None if row is None else msgspec.json.decode(row["document"], type=dict[str, Any])


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


def lines(db: sqlite3.Connection, *, before: int | None = None, limit: int = 50) -> list[VersionLine]:
    """The versions, the newest first: at most ``limit``, and those before that number only."""
    rows = db.execute(
        "SELECT version, applied_at, applied_by, why, undoes FROM centre_versions"
        " WHERE version < ? ORDER BY version DESC LIMIT ?",
        (2**62 if before is None else before, limit),
    )
    return [
        VersionLine(
            version=row["version"],
            applied_at=from_ms(row["applied_at"]),
            applied_by=row["applied_by"],
            why=row["why"],
            undoes=row["undoes"],
        )
        for row in rows
    ]


def latest_number(db: sqlite3.Connection) -> int:
    """Number of the newest version; 0: none was applied yet."""
    return int(db.execute("SELECT coalesce(max(version), 0) FROM centre_versions").fetchone()[0])


def latest(db: sqlite3.Connection) -> CentreVersion | None:
    """The newest version; None: none was applied yet.

    Raises:
        CentreError: a stored version does not hold against this program's checks (it came from a newer one).
    """
    row = newest_row(db)
    return None if row is None else read(row)


def newest_row(db: sqlite3.Connection) -> sqlite3.Row | None:
    """The newest version as it is stored, for :func:`read`; None: none was applied yet."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM centre_versions ORDER BY version DESC LIMIT 1").fetchone()
    return row


def read(row: sqlite3.Row) -> CentreVersion:
    """A version from its row; of a house of thousands it takes seconds, so a thread may do it.

    Raises:
        CentreError: it does not hold against this program's checks (it came from a newer one).
    """
    document: dict[str, Any] = msgspec.json.decode(row["document"])
    centre = centre_from_document(document, file=f"centre version {row['version']}")
    return CentreVersion(row["version"], from_ms(row["applied_at"]), row["applied_by"], centre)


EARLIER: Final = 20
"""So many versions back at the most: what they are asked for is minutes old, and nobody applies more in that time."""


def earlier(db: sqlite3.Connection) -> list[Centre]:
    """The versions before the newest one, the newest first, at most EARLIER; without those that don't hold any more."""
    rows = db.execute(
        "SELECT version, document FROM centre_versions ORDER BY version DESC LIMIT ? OFFSET 1", (EARLIER,)
    ).fetchall()
    found = []
    for row in rows:
        with suppress(CentreError):
            document = msgspec.json.decode(row["document"])
            found.append(centre_from_document(document, file=f"centre version {row['version']}"))
    return found


def rewrite(tx: Tx, version: int, document: dict[str, Any]) -> None:
    """Replace what a version holds, because a person in it is erased; its number, time and reason stay."""
    text = msgspec.json.encode(document, order="sorted")
    tx.db.execute(
        "UPDATE centre_versions SET document = ?, digest = ? WHERE version = ?",
        (text.decode(), hashlib.sha256(text).hexdigest(), version),
    )
