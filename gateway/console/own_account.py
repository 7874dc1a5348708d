"""One's own password and language: what the page and the API both do."""

import asyncio
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from litestar import Request
from litestar.exceptions import NotAuthorizedException, NotFoundException

from gateway.console import editing, passkeys
from gateway.console.accounts import MAX_LENGTH, MIN_LENGTH, Check, check, hash_password, password_hash_of, store_hash
from gateway.console.deps import Console, console_of
from gateway.console.guards import required_visitor
from gateway.console.oidc_identities import LINKED_BY_CLAIM
from gateway.console.sessions import digest
from gateway.console.throttle import Throttle
from gateway.store.access import Ended
from gateway.store.writer import Tx
from gateway.words import N_

WRONG_OLD: Final = N_("Your old password is wrong. Nothing was changed.")
WRONG_LENGTH: Final = N_("At least {n} characters are asked for, and 200 at most.")
WAIT: Final = N_("Too many wrong tries. Please wait {seconds} seconds, and try again.")

ONLY_PASSKEY: Final = N_(
    "This is your only way to sign in, so the passkey stays. Ask for a link to set a password first."
)

_PLACE: Final = "account"
_throttles: WeakKeyDictionary[Console, Throttle] = WeakKeyDictionary()


class Refused(NamedTuple):
    """Why a password was not changed: a status, a msgid and what goes into its blanks."""

    status: int
    text: str
    values: dict[str, Any]


def this_session(request: Request[Any, Any, Any]) -> str:
    """The id, as listed, of the session that the request comes with; empty: a token's."""
    cookie = request.scope["state"].get("console_session", (None, False, {}))[0]
    return digest(cookie) if cookie else ""


async def change_password(request: Request[Any, Any, Any], old: str, new: str, *, tokens: bool) -> Ended | Refused:
    """Change the visitor's own password. All their other sessions end; this one stays.

    Args:
        request: who asks.
        old: the old password; wrong ones wait, as at signing in.
        new: the new one.
        tokens: whether their tokens for programs are revoked too.

    Raises:
        NotAuthorizedException: the session was ended meanwhile; nothing was changed.
    """
    visitor, console = required_visitor(request), console_of(request)
    if not MIN_LENGTH <= len(new) <= MAX_LENGTH:
        return Refused(422, WRONG_LENGTH, {"n": MIN_LENGTH})
    throttle = _throttles.setdefault(console, Throttle(console.deps.clock))
    if (wait_s := throttle.wait_s(visitor.id, _PLACE)) > 0:
        return Refused(429, WAIT, {"seconds": int(wait_s) + 1})
    throttle.begin(visitor.id, _PLACE)
    stored = password_hash_of(console.db(), visitor.id)
    if await asyncio.to_thread(check, stored, old[: MAX_LENGTH + 1]) is not Check.RIGHT:
        return Refused(422, WRONG_OLD, {})
    throttle.right(visitor.id, _PLACE)
    hashed = await asyncio.to_thread(hash_password, new)
    here = this_session(request)

    def work(tx: Tx) -> Ended | Refused:
        mine = tx.db.execute("SELECT * FROM sessions WHERE id = ?", (here,)).fetchone()
        if mine is None:
            # ended while the passwords were looked at: by whoever set another password, or ended the sessions
            raise NotAuthorizedException("Your session was ended meanwhile. Nothing was changed.")
        if password_hash_of(tx.db, visitor.id) != stored:
            return Refused(422, WRONG_OLD, {})
        ended = store_hash(tx, visitor.id, hashed, by=visitor.id, tokens=tokens, browsers=False)
        # whoever knows the old password stays signed in here
        tx.db.execute("INSERT INTO sessions (id, carer, data, expires_at) VALUES (?, ?, ?, ?)", tuple(mine))
        return msgspec.structs.replace(ended, sessions=ended.sessions - 1)

    return await console.deps.writer.write(work, urgent=True)


async def give_up_passkey(request: Request[Any, Any, Any], passkey: str) -> bool:
    """Take a passkey of the visitor's own away.

    Returns:
        False: it is the only way in which they can sign in, so it stays.

    Raises:
        NotFoundException: they have no such one.
    """
    visitor, deps = required_visitor(request), console_of(request).deps
    issuer, claims = deps.oidc.issuer if deps.oidc else None, visitor.carer.role in LINKED_BY_CLAIM

    def work(tx: Tx) -> bool | None:
        if passkeys.is_only_way(tx.db, visitor.id, passkey, issuer, claims=claims):
            # an unknown one, by somebody without any way to sign in, is answered alike: nothing is taken away
            return False
        return passkeys.remove(tx, visitor.id, passkey) or None

    done = await deps.writer.write(work, urgent=True)
    if done is None:
        raise NotFoundException
    return done


async def choose_language(request: Request[Any, Any, Any], language: str) -> None:
    """Change the visitor's own language: a new version of the centre, which can be undone as every other.

    Raises:
        VersionConflictError: somebody changed the centre in the same moment.
        CentreError: the centre does not hold with it.
    """
    visitor, console = required_visitor(request), console_of(request)

    def edit(document: dict[str, Any]) -> None:
        for one in document.get("carers", ()):
            if one["id"] == visitor.id:
                one["language"] = language

    await editing.change(console, visitor, editing.in_force(console).version, edit, "")
