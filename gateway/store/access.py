"""What lets somebody in: password, sessions, tokens, passkeys; counted, and ended."""

import sqlite3
from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from gateway.clock import to_ms
from gateway.store import audit
from gateway.store.writer import Tx

SCREEN: Final = "@wall"
"""Whose sessions those of wall screens are: nobody of the centre, and no id that anybody can have."""


_OF_CARERS: Final = (
    "sessions", "api_tokens", "password_links", "accounts", "passkeys", "identities", "push_subscriptions",
    "kiosk_codes", "requests_once", "unlinked",
)  # fmt: skip
"""Tables with what opens something to a carer, and with what is remembered of that."""

# Words for the tables as they are counted.
_WORDS: Final = {"api_tokens": "tokens", "push_subscriptions": "browsers", "password_links": "links"}


class Held(msgspec.Struct, kw_only=True):
    """What lets a carer in now: whether there is a password, and how many sessions, tokens and passkeys live."""

    password: bool = False
    sessions: int = 0
    tokens: int = 0
    passkeys: int = 0
    identities: int = 0
    """Linked accounts of a provider."""
    browsers: int = 0
    """Browsers that are told of their alarms (Web Push): they let nobody in, but show what happens."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each were ended."""

    sessions: int = 0
    tokens: int = 0
    passkeys: int = 0
    browsers: int = 0
    """Browsers to which no alarms come any more, until they are allowed again there."""
    links: int = 0
    """Links to set a password that were out."""


def held(db: sqlite3.Connection, now: datetime) -> dict[str, Held]:
    """What everybody has; those who have nothing are left out, and so are wall screens."""
    found: dict[str, Held] = {}
    for (carer,) in db.execute("SELECT carer FROM accounts"):
        found.setdefault(carer, Held()).password = True
    wheres = {"sessions": " WHERE expires_at > ? AND carer != ?", "push_subscriptions": " WHERE gone_at IS NULL"}
    wheres["api_tokens"] = wheres["sessions"]
    for table in ("sessions", "api_tokens", "passkeys", "identities", "push_subscriptions"):
        where = wheres.get(table, "")
        rows = db.execute(
            f"SELECT carer, count(*) FROM {table}{where} GROUP BY carer",  # noqa: S608 - our own words
            (to_ms(now), SCREEN) if "?" in where else (),
        )
        for carer, number in rows:
            setattr(found.setdefault(carer, Held()), _WORDS.get(table, table), number)
    return found


def end(tx: Tx, carer: str, *, by: str | None, tokens: bool = False, passkeys: bool = False) -> Ended:
    """Sign a carer out everywhere; with ``tokens`` and ``passkeys`` these go too. Says so in the audit.

    Browsers that are told of their alarms end too: one of them may be the phone that was lost. So do links to set a
    password, which may have gone to the wrong address.

    Args:
        tx: the open transaction.
        carer: whose.
        by: carer id or ``cli:<user>``.
        tokens: whether tokens for programs are revoked too.
        passkeys: whether passkeys are removed too.
    """
    ended = take(tx, carer, tokens=tokens, passkeys=passkeys, browsers=True)
    audit.record(tx, who=by, action="session.end_all", target=f"carer/{carer}", detail=msgspec.to_builtins(ended))
    return ended


def take(tx: Tx, carer: str, *, tokens: bool, passkeys: bool = False, browsers: bool) -> Ended:
    """As :func:`end`, for a caller who says in the audit what happened."""
    return Ended(
        sessions=_gone(tx, "sessions", carer),
        tokens=_gone(tx, "api_tokens", carer) if tokens else 0,
        passkeys=_gone(tx, "passkeys", carer) if passkeys else 0,
        browsers=_gone(tx, "push_subscriptions", carer, " AND gone_at IS NULL") if browsers else 0,
        links=_gone(tx, "password_links", carer, f" AND used_at IS NULL AND expires_at > {to_ms(tx.now)}"),
    )


def remove(tx: Tx, carer: str, *, by: str | None) -> Ended:
    """Take away everything that lets somebody in, the password too: of a carer who is gone.

    An id that is given to somebody else later must not open to the password of the one before.
    """
    ended = end(tx, carer, by=by, tokens=True, passkeys=True)
    for table in ("accounts", "password_links", "identities", "unlinked", "push_subscriptions"):
        _gone(tx, table, carer)
    audit.record(tx, who=by, action="account.remove", target=f"carer/{carer}")
    return ended


def keep_only(tx: Tx, carers: Collection[str], *, by: str | None) -> None:
    """Whoever is not of the centre any more has nothing left that lets them in, and no browser that is told: their id
    may be given to somebody else. Who comes back, by an undo too, gets a new password. Wall screens are the house's."""
    known = msgspec.json.encode(sorted(carers)).decode()
    gone: dict[str, dict[str, int]] = {}
    for table in _OF_CARERS:
        whose = "made_by" if table == "kiosk_codes" else "carer"
        rows = tx.db.execute(
            f"DELETE FROM {table} WHERE {whose} != ? AND {whose} NOT IN (SELECT value FROM json_each(?))"  # noqa: S608
            f" RETURNING {whose}",
            (SCREEN, known),
        ).fetchall()
        for (carer,) in rows:
            counts = gone.setdefault(carer, {})
            counts[table] = counts.get(table, 0) + 1
    for carer, counts in sorted(gone.items()):
        audit.record(tx, who=by, action="access.end", target=f"carer/{carer}", detail=counts)
    _end_searches(tx, known, by)


def _end_searches(tx: Tx, known: str, by: str | None) -> None:
    # links for a search that rests on no alert; with one, others go on looking, and it ends when the alert is closed
    rows = tx.db.execute(
        "UPDATE searches SET ended_at = ?, ended_by = ? WHERE alert IS NULL AND ended_at IS NULL AND expires_at > ?"
        " AND made_by NOT LIKE 'cli:%' AND made_by NOT IN (SELECT value FROM json_each(?)) RETURNING id",
        (to_ms(tx.now), by, to_ms(tx.now), known),
    ).fetchall()
    for (number,) in rows:
        audit.record(tx, who=by, action="search.end", target=f"search/{number}")


def _gone(tx: Tx, table: str, carer: str, more: str = "") -> int:
    done = tx.db.execute(f"DELETE FROM {table} WHERE carer = ?{more}", (carer,)).rowcount  # noqa: S608 - our own words
    return int(done)
