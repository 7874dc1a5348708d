"""Searches for a missing person: a link that can be handed to everybody who helps, for some hours.

The link shows where the person was last. It ends when the alert behind it is closed (the person was found), when
somebody ends it, or by itself. Only its hash is stored: the token is known to whoever made it and to whom they gave it.
"""

import hashlib
import secrets
import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError, NotAllowedError
from gateway.store import audit
from gateway.store.fixes import may_locate
from gateway.store.writer import Tx
from gateway.words import N_

PATH: Final = "/s/"
USUAL: Final = timedelta(hours=6)
SHORTEST: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=24)
"""A link for helpers from outside ends by itself after a day at the latest; a new one is made by one tap."""

MISSING: Final = frozenset({"zone_exit", "return_by", "out_of_sight", "not_where_expected"})
"""Rules whose alerts say that somebody may be missing."""

SPEED_MPS: Final = 1.2
"""How fast an older person walks: between 0.94 and 1.34 m/s on average from 60 to 99 years (Bohannon and Williams
Andrews, Physiotherapy 97, 2011)."""
FARTHEST_M: Final = 12_700.0
"""Nearly all missing people with dementia are found within that distance on foot: 95 % of them within 7.9 miles
(Koester, Lost Person Behavior, 2008: dementia, temperate, flat)."""


BACK: Final = timedelta(hours=24)
"""How old a fix may be to be shown, of somebody who agreed to be located always."""

LEAD: Final = timedelta(hours=1)
"""Of somebody who agreed to be located in an alarm only, fixes of that long before the alert are shown: the way on
which they left is where a search begins. An alert comes some time after what it tells of."""


class Standing(StrEnum):
    """Whether a link shows anything."""

    OPEN = "open"
    FOUND = "found"
    """The alert behind it is closed."""
    ENDED = "ended"
    """Somebody ended it."""
    EXPIRED = "expired"
    REFUSED = "refused"
    """The resident's consent was taken back, or holds in an alarm only and none is open, or the resident has left."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it is stored; times are UTC-aware."""

    id: int
    resident: str
    alert: int | None
    made_at: datetime
    made_by: str
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    opened: int


class Begun(msgspec.Struct, frozen=True):
    """A new search and the path of its link, which is told only now."""

    search: Search
    path: str


def refusal(db: sqlite3.Connection, index: CentreIndex, resident: str) -> str | None:
    """Why a search can't be made for a resident (a msgid); None: it can."""
    if not may_locate(index, resident):
        return N_("This person did not agree to be located. Please search without it, and call the police early.")
    if index.plan_of(resident).consents.location == "alarm" and not _open_alerts(db, resident):
        return N_("This person agreed to be located in an alarm only, and no alert of theirs is open.")
    return None


def begin(
    tx: Tx, index: CentreIndex, resident: str, *, who: str, lasting: timedelta = USUAL, alert: int | None = None
) -> Begun:
    """Make a link.

    Args:
        tx: the transaction.
        index: the centre.
        resident: the resident's id.
        who: carer id or ``cli:<user>``.
        lasting: from SHORTEST to LONGEST.
        alert: closing it ends the search; None: the newest open one that says that the person may be missing.

    Raises:
        BadAnswerError: no such resident, a time out of bounds, or an alert that is not an open one of this resident.
        NotAllowedError: the resident did not agree.
    """
    if resident not in index.residents:
        raise BadAnswerError(f"resident: {resident!r}: expected the id of a resident of the centre")
    if not SHORTEST <= lasting <= LONGEST:
        raise BadAnswerError(f"for: {lasting}: expected 15 minutes to 24 hours")
    why_not = refusal(tx.db, index, resident)
    if why_not is not None:
        raise NotAllowedError(why_not)
    mine = _open_alerts(tx.db, resident)
    if alert is not None and alert not in {number for number, _ in mine}:
        raise BadAnswerError(f"alert: {alert}: expected the number of an open alert of this resident")
    if alert is None:
        alert = next((number for number, rule in mine if rule in MISSING), None)
    token = secrets.token_urlsafe(24)
    number = tx.db.execute(
        "INSERT INTO searches (resident, alert, token_hash, made_at, made_by, expires_at) VALUES (?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (resident, alert, _hash(token), to_ms(tx.now), who, to_ms(tx.now + lasting)),
    ).fetchone()[0]
    detail = {"resident": resident, "alert": alert, "until": tx.now + lasting}
    audit.record(tx, who=who, action="search.begin", target=f"search/{number}", detail=detail)
    return Begun(find(tx.db, number), PATH + token)


def end(tx: Tx, number: int, *, who: str) -> Search:
    """End a search by hand; one that is ended already stays as it is.

    Raises:
        BadAnswerError: there is none of that number.
    """
    search = find(tx.db, number)
    if search.ended_at is not None:
        return search
    tx.db.execute("UPDATE searches SET ended_at = ?, ended_by = ? WHERE id = ?", (to_ms(tx.now), who, number))
    audit.record(tx, who=who, action="search.end", target=f"search/{number}")
    return find(tx.db, number)


def opened(tx: Tx, number: int, standing: Standing) -> None:
    """Somebody opened the link; who, nobody knows: it is handed around."""
    tx.db.execute("UPDATE searches SET opened = opened + 1, opened_at = ? WHERE id = ?", (to_ms(tx.now), number))
    audit.record(tx, who=None, action="search.open", target=f"search/{number}", detail={"standing": standing})


def find(db: sqlite3.Connection, number: int) -> Search:
    """The search of that number.

    Raises:
        BadAnswerError: there is none.
    """
    row = db.execute("SELECT * FROM searches WHERE id = ?", (number,)).fetchone() if 0 < number < 2**63 else None
    if row is None:
        raise BadAnswerError(f"search: {number}: expected the number of a search")
    return _search(row)


def by_token(db: sqlite3.Connection, token: str) -> Search | None:
    """The search of a link; None: it is none of ours."""
    row = db.execute("SELECT * FROM searches WHERE token_hash = ?", (_hash(token),)).fetchone()
    return None if row is None else _search(row)


def searches(db: sqlite3.Connection, *, now: datetime, everything: bool = False) -> list[Search]:
    """The searches, the newest first; without ``everything`` only those that are not over by time or by hand."""
    condition = "1" if everything else "ended_at IS NULL AND expires_at > ?"
    rows = db.execute(
        f"SELECT * FROM searches WHERE {condition} ORDER BY id DESC",  # noqa: S608 - one of two texts of ours
        () if everything else (to_ms(now),),
    )
    return [_search(row) for row in rows]


def standing(db: sqlite3.Connection, index: CentreIndex, search: Search, now: datetime) -> Standing:
    """Whether a search's link shows anything now."""
    if search.ended_at is not None:
        return Standing.ENDED
    if search.alert is not None:
        row = db.execute("SELECT state FROM alerts WHERE id = ?", (search.alert,)).fetchone()
        if row is None or row["state"] == AlertState.CLOSED:
            return Standing.FOUND
    if now >= search.expires_at:
        return Standing.EXPIRED
    # Asked again each time: a link that was made in an alarm must not outlive it.
    if search.resident not in index.residents or refusal(db, index, search.resident) is not None:
        return Standing.REFUSED
    return Standing.OPEN


def shown_since(db: sqlite3.Connection, index: CentreIndex, resident: str, now: datetime) -> datetime:
    """From when on fixes of a resident may be shown (UTC): of the last day, or of the open alerts, as they agreed.

    With ``location = "alarm"`` from :data:`LEAD` before the first of the resident's open alerts happened on; one that
    was re-opened counts from its own beginning. Without an open alert: ``now``, which shows nothing.

    Raises:
        KeyError: no such resident.
    """
    if index.plan_of(resident).consents.location == "always":
        return now - BACK
    first = db.execute(
        "SELECT min(happened_at, raised_at) FROM alerts WHERE state != ? AND resident = ? ORDER BY 1 LIMIT 1",
        (AlertState.CLOSED.value, resident),
    ).fetchone()
    return now if first is None else min(now, max(now - BACK, from_ms(first[0]) - LEAD))


def likely_radius_m(accuracy_m: float | None, age_s: float) -> float:
    """How far from a fix the person may be on foot by now: accuracy and SPEED_MPS, at most FARTHEST_M."""
    return min((accuracy_m or 0.0) + SPEED_MPS * max(0.0, age_s), FARTHEST_M)


def _open_alerts(db: sqlite3.Connection, resident: str) -> list[tuple[int, str]]:
    found = db.execute(
        "SELECT id, rule FROM alerts WHERE state != 'closed' AND resident = ? ORDER BY id DESC", (resident,)
    )
    return [(row["id"], row["rule"]) for row in found]


def _search(row: sqlite3.Row) -> Search:
    return Search(
        id=row["id"],
        resident=row["resident"],
        alert=row["alert"],
        made_at=from_ms(row["made_at"]),
        made_by=row["made_by"],
        expires_at=from_ms(row["expires_at"]),
        ended_at=None if row["ended_at"] is None else from_ms(row["ended_at"]),
        ended_by=row["ended_by"],
        opened=row["opened"],
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
