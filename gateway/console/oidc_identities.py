"""Whose account at the provider is whose: the table identities, and who is linked at the first sign-in.

An account is linked once, and stays that carer's until somebody takes the link away. A carer has one at each provider.
Nothing that a provider says makes a carer, or changes a role, or brings back a link that was taken away.
"""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.centre.model import Carer
from gateway.clock import from_ms, to_ms
from gateway.errors import IdentityError
from gateway.store.audit import record
from gateway.store.writer import Tx

MOST_SUBJECT: Final = 255
"""OpenID Connect Core 1.0, section 2."""

LINKED_BY_CLAIM: Final = frozenset({"relative", "carer"})
"""Roles that a claim may link at the first sign-in. Managers edit everybody's e-mail address; if that were enough to
become a manager or an administrator, it would be more than they may. Those link their account themselves."""

_CLAIM: Final = "claim:"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A linked account as it is listed. Times are in UTC."""

    id: int
    carer: str
    issuer: str
    subject: str
    shown: str
    """How the provider names the account; empty: it was linked on the command line."""
    linked_by: str
    """A carer's id, ``cli:<user>``, or ``claim:<its name>`` at a first sign-in."""
    linked_at: datetime
    used_at: datetime | None


def is_subject(text: str) -> bool:
    """Whether it can be a provider's id of an account."""
    return 0 < len(text) <= MOST_SUBJECT and text.isprintable() and text == text.strip()


def carer_of(db: sqlite3.Connection, issuer: str, subject: str) -> str | None:
    """Whose account it is; None: nobody's."""
    row = db.execute("SELECT carer FROM identities WHERE issuer = ? AND subject = ?", (issuer, subject)).fetchone()
    return None if row is None else str(row["carer"])


def opens(linked_by: str, role: str) -> bool:
    """Whether a link that was made like this lets in somebody of that role: those of managers are made by hand."""
    return not by_claim(linked_by) or role in LINKED_BY_CLAIM


def by_claim(linked_by: str) -> bool:
    """Whether a link was made by itself, at a first sign-in."""
    return linked_by.startswith(_CLAIM)


def how_linked(db: sqlite3.Connection, issuer: str, subject: str) -> str:
    """By whom the account was linked; empty: it is nobody's."""
    row = db.execute("SELECT linked_by FROM identities WHERE issuer = ? AND subject = ?", (issuer, subject)).fetchone()
    return "" if row is None else str(row["linked_by"])


def link(tx: Tx, carer: str, issuer: str, subject: str, *, shown: str, by: str) -> None:
    """Link an account to a carer; the caller checks that there is such a carer.

    By hand, a carer's link that a claim made is confirmed, and what was taken away from them may be linked again. By a
    claim, nothing is linked to a carer from whom a link was taken away, nor an account that was taken from anybody.

    Args:
        tx: the open transaction.
        carer: the carer's id.
        issuer: the provider, as in gateway.toml.
        subject: the provider's id of the account (claim ``sub``).
        shown: how the provider names it; may be empty.
        by: carer id, ``cli:<user>``, or ``claim:<name>``.

    Raises:
        IdentityError: it is linked already, or the carer has another one there, or the id is none, or a claim would
            bring back what was taken away.
    """
    if not is_subject(subject):
        raise IdentityError(f"subject: expected the provider's id of the account, 1 to {MOST_SUBJECT} characters.")
    if by_claim(by) and _was_taken(tx.db, carer, issuer, subject):
        raise IdentityError(f"carer: a link of {carer} or of this account was taken away: link it by hand.")
    owner = carer_of(tx.db, issuer, subject)
    if owner == carer and by_claim(how_linked(tx.db, issuer, subject)) and not by_claim(by):
        tx.db.execute("DELETE FROM identities WHERE issuer = ? AND subject = ?", (issuer, subject))
    elif owner is not None:
        raise IdentityError(f"subject: this account is linked to {owner} already: take that link away first.")
    done = tx.db.execute(
        "INSERT OR IGNORE INTO identities (issuer, subject, carer, shown, linked_by, linked_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (issuer, subject, carer, shown, by, to_ms(tx.now)),
    )
    if not done.rowcount:
        raise IdentityError(f"carer: {carer} has another account at this provider: take that link away first.")
    if not by_claim(by):
        tx.db.execute("DELETE FROM unlinked WHERE carer = ?", (carer,))
    who = carer if by_claim(by) else by
    record(tx, who=who, action="identity.link", target=f"carer/{carer}", detail={"issuer": issuer, "by": by})


def unlink(tx: Tx, number: int, *, by: str, carer: str | None = None) -> bool:
    """Take a link away; with ``carer`` only one of theirs. False: there is none. Sessions go on.

    It is remembered: no claim makes it again, only a hand.
    """
    row = tx.db.execute("SELECT carer, issuer, subject FROM identities WHERE id = ?", (number,)).fetchone()
    if row is None or (carer is not None and row["carer"] != carer):
        return False
    tx.db.execute("DELETE FROM identities WHERE id = ?", (number,))
    tx.db.execute(
        "INSERT OR REPLACE INTO unlinked (issuer, subject, carer, unlinked_by, unlinked_at) VALUES (?, ?, ?, ?, ?)",
        (row["issuer"], row["subject"], row["carer"], by, to_ms(tx.now)),
    )
    record(tx, who=by, action="identity.unlink", target=f"carer/{row['carer']}", detail={"issuer": row["issuer"]})
    return True


def used(tx: Tx, issuer: str, subject: str) -> None:
    """Note that the account signs in now."""
    tx.db.execute(
        "UPDATE identities SET used_at = ? WHERE issuer = ? AND subject = ?", (to_ms(tx.now), issuer, subject)
    )


def identities_of(db: sqlite3.Connection, carer: str | None) -> list[Identity]:
    """The linked accounts of a carer, or (None) of all; by carer, the oldest link first."""
    rows = db.execute(
        "SELECT * FROM identities WHERE ? IS NULL OR carer = ? ORDER BY carer, linked_at, id", (carer, carer)
    )
    return [
        Identity(
            id=row["id"], carer=row["carer"], issuer=row["issuer"], subject=row["subject"], shown=row["shown"],
            linked_by=row["linked_by"], linked_at=from_ms(row["linked_at"]),
            used_at=None if row["used_at"] is None else from_ms(row["used_at"]),
        )
        for row in rows
    ]  # fmt: skip


def is_only_way(db: sqlite3.Connection, carer: str) -> bool:
    """Whether the carer has neither password nor passkey: without the link they could not come in any more."""
    return not db.execute(
        "SELECT EXISTS (SELECT 1 FROM accounts WHERE carer = ?) OR EXISTS (SELECT 1 FROM passkeys WHERE carer = ?)",
        (carer, carer),
    ).fetchone()[0]


def meant_by(claims: dict[str, Any], claim: str | None, carers: Iterable[Carer]) -> Carer | None:
    """Who an account that is linked to nobody belongs to, by the claim of the settings; None: nobody, or not surely.

    ``email`` counts only when the provider has verified it, and means who alone has that address as an e-mail contact.
    Any other claim means the carer of that id.
    """
    value = claims.get(claim) if claim else None
    if not isinstance(value, str) or not value:
        return None
    if claim == "email":
        if claims.get("email_verified") is not True:
            return None
        found = [
            one for one in carers if any(way.channel == "smtp" and _alike(way.address, value) for way in one.contacts)
        ]
    else:
        found = [one for one in carers if one.id == value]
    if len(found) != 1 or found[0].kind != "person" or found[0].role not in LINKED_BY_CLAIM:
        return None
    return found[0]


def _was_taken(db: sqlite3.Connection, carer: str, issuer: str, subject: str) -> bool:
    # an account that was taken from one carer is not another's either, whatever its address is now
    query = "SELECT 1 FROM unlinked WHERE carer = ? OR (issuer = ? AND subject = ?)"
    return db.execute(query, (carer, issuer, subject)).fetchone() is not None


def _alike(one: str, other: str) -> bool:
    # Large and small letters of ASCII are the same in practice; those of other alphabets have look-alikes.
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())
