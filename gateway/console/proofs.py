"""By what somebody signed in, looked at again in the transaction in which the session begins.

Checking a password takes a moment. An administrator may set a new one in that moment, because somebody else knows the
old one: then the sign-in that is under way with the old one must not become a session. The same holds for a passkey or
an account of a provider that is taken away meanwhile.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import Final

PROOF: Final = "proof"
"""The key of new session data that says by what somebody signed in; it is not stored."""


def by_password(password_hash: str) -> list[str]:
    """Signed in with the password of that hash; the proof tells nothing of either."""
    return ["password", hashlib.sha256(password_hash.encode()).hexdigest()]


def by_passkey(passkey: str) -> list[str]:
    """Signed in with the passkey of that id."""
    return ["passkey", passkey]


def by_identity(issuer: str, subject: str) -> list[str]:
    """Signed in with a linked account of a provider."""
    return ["identity", issuer, subject]


def holds(db: sqlite3.Connection, carer: str, proof: Sequence[str]) -> bool:
    """Whether the carer could still sign in by that.

    Args:
        db: the connection of the open transaction.
        carer: who signs in.
        proof: of one of the functions above; anything else holds never.
    """
    match list(proof):
        case ["password", digest]:
            row = db.execute("SELECT password_hash FROM accounts WHERE carer = ?", (carer,)).fetchone()
            return row is not None and by_password(str(row[0]))[1] == digest
        case ["passkey", passkey]:
            found = db.execute("SELECT 1 FROM passkeys WHERE id = ? AND carer = ?", (passkey, carer))
        case ["identity", issuer, subject]:
            found = db.execute(
                "SELECT 1 FROM identities WHERE issuer = ? AND subject = ? AND carer = ?", (issuer, subject, carer)
            )
        case _:
            return False
    return found.fetchone() is not None
