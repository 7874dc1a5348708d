"""Versions of the centre: each applied as a whole, in one transaction, and kept."""

import hashlib
import sqlite3
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.centre.load import centre_from_document, to_document
from gateway.centre.model import Centre
from gateway.clock import from_ms, to_ms
from gateway.errors import CentreError
from gateway.store import audit
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


def apply(tx: Tx, centre: Centre, *, who: str) -> Applied:
    """Make this the centre from now on, in the caller's transaction; the running gateway takes it up by itself.

    Args:
        tx: the open transaction.
        centre: a centre that was loaded, and so checked, as a whole.
        who: carer id or ``cli:<user>``, for the audit.
    """
    document = msgspec.json.encode(to_document(centre), order="sorted")
    digest = hashlib.sha256(document).hexdigest()
    last = tx.db.execute("SELECT version, digest FROM centre_versions ORDER BY version DESC LIMIT 1").fetchone()
    if last is not None and last["digest"] == digest:
        return Applied(last["version"], changed=False)
    version = 1 if last is None else last["version"] + 1
    tx.db.execute(
        "INSERT INTO centre_versions (version, applied_at, applied_by, digest, document) VALUES (?, ?, ?, ?, ?)",
        (version, to_ms(tx.now), who, digest, document.decode()),
    )
    audit.record(tx, who=who, action="centre.apply", target=f"centre/{version}", detail={"digest": digest})
    return Applied(version, changed=True)


def latest_number(db: sqlite3.Connection) -> int:
    """Number of the newest version; 0: none was applied yet."""
    return int(db.execute("SELECT coalesce(max(version), 0) FROM centre_versions").fetchone()[0])


def latest(db: sqlite3.Connection) -> CentreVersion | None:
    """The newest version; None: none was applied yet.

    Raises:
        CentreError: a stored version does not hold against this program's checks (it came from a newer one).
    """
    row = db.execute("SELECT * FROM centre_versions ORDER BY version DESC LIMIT 1").fetchone()
    if row is None:
        return None
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
