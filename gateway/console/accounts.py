"""Passwords of the people who sign in: Argon2id hashes in the table accounts, nothing else."""

import sqlite3
from enum import Enum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from gateway.clock import to_ms
from gateway.errors import PasswordError
from gateway.store import access
from gateway.store.access import Ended
from gateway.store.audit import record
from gateway.store.writer import Tx

MIN_LENGTH = 10
"""NIST SP 800-63B asks for 8 at least; two more, because there is no second factor yet."""

MAX_LENGTH = 200
"""Long enough for any sentence; a bound, so that nobody makes us hash a book."""

_HASHER = PasswordHasher()


class Check(Enum):
    """What came of a try to sign in."""

    RIGHT = "right"
    WRONG = "wrong"
    NO_ACCOUNT = "no account"


def hash_password(password: str) -> str:
    """The Argon2id hash of a new password; takes some 50 ms and 64 MiB, so keep it out of the event loop.

    Raises:
        PasswordError: too short or too long.
    """
    if len(password) < MIN_LENGTH:
        raise PasswordError(f"password: {len(password)} characters: at least {MIN_LENGTH} are asked for.")
    if len(password) > MAX_LENGTH:
        raise PasswordError(f"password: {len(password)} characters: at most {MAX_LENGTH} can be used.")
    return _HASHER.hash(password)


def set_password(tx: Tx, carer: str, password: str, *, by: str | None) -> Ended:
    """Give a carer a new password; whoever is signed in as that carer is signed out, and tokens are revoked.

    Args:
        tx: the open transaction.
        carer: the carer's id in the centre file; the caller checks that it exists.
        password: the new one, in plain text; hashed here.
        by: who does it, for the audit: carer id or ``cli:<user>``.

    Returns:
        How many sessions and tokens ended.

    Raises:
        PasswordError: too short or too long.
    """
    return store_hash(tx, carer, hash_password(password), by=by)


def store_hash(
    tx: Tx, carer: str, password_hash: str, *, by: str | None, tokens: bool = True, browsers: bool = True
) -> Ended:
    """As :func:`set_password`, for a hash that was made before the transaction.

    ``tokens`` False keeps the tokens for programs: only for whoever knew the old password and says so. A password is
    set anew because somebody may have got in, and who got in may have made a token. Passkeys stay: they are what a
    person who forgot the password still has, and each is shown with its age where it can be removed. ``browsers`` False
    keeps the browsers that are told of their alarms, for the same person only. Links to set a password always end.
    """
    tx.db.execute(
        "INSERT INTO accounts (carer, password_hash, changed_at) VALUES (?, ?, ?) "
        "ON CONFLICT (carer) DO UPDATE SET password_hash = excluded.password_hash, changed_at = excluded.changed_at",
        (carer, password_hash, to_ms(tx.now)),
    )
    ended = access.take(tx, carer, tokens=tokens, browsers=browsers)
    detail = {"sessions": ended.sessions, "tokens": ended.tokens, "browsers": ended.browsers}
    record(tx, who=by, action="account.password_set", target=f"carer/{carer}", detail=detail)
    return ended


def password_hash_of(db: sqlite3.Connection, carer: str) -> str | None:
    """The stored hash; None: that carer has no account."""
    row = db.execute("SELECT password_hash FROM accounts WHERE carer = ?", (carer,)).fetchone()
    return None if row is None else str(row["password_hash"])


def check(password_hash: str | None, password: str) -> Check:
    """Whether the password fits; takes as long for an account that does not exist. Keep it out of the event loop."""
    try:
        _HASHER.verify(password_hash or _nobody(), password[:MAX_LENGTH])
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return Check.WRONG if password_hash else Check.NO_ACCOUNT
    return Check.RIGHT if password_hash else Check.NO_ACCOUNT


def verify(db: sqlite3.Connection, carer: str, password: str) -> Check:
    """Whether that is the carer's password. Keep it out of the event loop: some 50 ms."""
    return check(password_hash_of(db, carer), password)


@cache
def _nobody() -> str:
    # A hash nobody can have: so that the time of an answer does not tell whether the account exists.
    return _HASHER.hash("\0" * 32)
