"""The outbox's transactions: take in hand, find what is late, record a result.

Sync functions of a Tx; who decides when is gateway.notify.dispatcher, who is owed next gateway.notify.next_one.
"""

import sqlite3
from collections.abc import Iterable
from datetime import timedelta

import msgspec
import structlog

from gateway.alerts.model import Purpose
from gateway.alerts.outbox import LEASE
from gateway.clock import to_ms
from gateway.notify.states import WAITING, Event, State, after
from gateway.store.waiting import LATE
from gateway.store.writer import Tx

_LOG = structlog.get_logger(__name__)

STUCK = timedelta(seconds=20)
"""What was found late, and so long after that has not even been tried, will not be waited for any more."""

LONGEST_RETRY = timedelta(seconds=300)
"""No attempt is further away than that, whatever a provider asks for (429 with Retry-After)."""

CLOCK_WENT_BACK = timedelta(seconds=10)
"""What was written, or is to be tried again, further in the future than can be, tells that the clock was set back
(a small machine that starts without battery and network does not know the year): it is due now."""

TOLD_WITH = "told together with {number}"
"""Detail of a notification that went out in the message of another one."""

_WAITING = "(" + ", ".join(f"'{state}'" for state in sorted(WAITING)) + ")"


class Row(msgspec.Struct, frozen=True):
    """A notification as it stands in the outbox; times are epoch milliseconds."""

    id: int
    key: str
    alert: int
    purpose: Purpose
    step: int
    carer: str
    contact: int
    channel: str
    address: str
    state: State
    attempts: int
    about_at: int | None
    created_at: int


class Result(msgspec.Struct, frozen=True):
    """What became of an attempt: the event, the provider's number, a technician's words, and when to try again."""

    event: Event
    provider_id: str | None = None
    detail: str | None = None
    retry_at: int | None = None
    in_time: bool = True
    """False: the provider itself puts it off for longer than a carer's next contact waits (LATE)."""
    with_it: tuple[int, ...] = ()
    """Other notifications that this one told of as well."""


def rows(db: sqlite3.Connection, ids: Iterable[int]) -> list[Row]:
    """Those of the notifications that are still to be sent."""
    wanted = msgspec.json.encode(list(ids)).decode()
    found = db.execute(
        f"SELECT {', '.join(Row.__struct_fields__)} FROM notifications "  # noqa: S608 - our own column names
        f"WHERE id IN (SELECT value FROM json_each(?)) AND state IN {_WAITING} ORDER BY id",
        (wanted,),
    )
    return [msgspec.convert(dict(row), Row) for row in found]


def row_of(db: sqlite3.Connection, number: int) -> Row | None:
    """A notification, whatever its state; None: there is none of that number."""
    found = db.execute(
        f"SELECT {', '.join(Row.__struct_fields__)} FROM notifications WHERE id = ?",  # noqa: S608 - our own names
        (number,),
    ).fetchone()
    return None if found is None else msgspec.convert(dict(found), Row)


def is_waiting(db: sqlite3.Connection, number: int) -> bool:
    """Whether a notification is still to be sent."""
    found = db.execute(f"SELECT 1 FROM notifications WHERE id = ? AND state IN {_WAITING}", (number,))  # noqa: S608
    return found.fetchone() is not None


def has_failed(db: sqlite3.Connection, number: int) -> bool:
    """Whether a notification has failed for good."""
    found = db.execute("SELECT state FROM notifications WHERE id = ?", (number,)).fetchone()
    return found is not None and State(found[0]) is State.FAILED_FOR_GOOD


def told_with(db: sqlite3.Connection, number: int) -> list[int]:
    """Ids of those that went out in the message of this one, and whose carer and address are the same."""
    found = db.execute(
        "SELECT other.id FROM notifications lead JOIN notifications other ON other.carer = lead.carer "
        "AND other.channel = lead.channel AND other.address = lead.address AND other.detail = ? WHERE lead.id = ?",
        (TOLD_WITH.format(number=number), number),
    )
    return [int(row[0]) for row in found]


def first_key(key: str, contact: int) -> str:
    """The key of the message to the carer's first contact, from that to the one of number ``contact``."""
    return key.removesuffix(f"/{contact}") if contact else key


def claimable(db: sqlite3.Connection, now_ms: int, *, first: bool) -> list[int]:
    """Ids of what is due, the oldest first. What is leased, only when the lease is over: it is in somebody's hand.

    ``first``: this process has just started, so every other process is gone and its leases are void.
    """
    found = db.execute(
        f"SELECT id FROM notifications WHERE state IN {_WAITING} "  # noqa: S608 - our own words
        "AND (due_at <= :now OR created_at > :now + :ahead OR (attempts > 0 AND due_at > :now + :longest)) "
        "AND (:first OR lease_owner IS NULL OR lease_until <= :now "
        "OR lease_until > :now + :lease) ORDER BY due_at, id",
        {
            "now": now_ms, "first": first,
            "ahead": _ms(CLOCK_WENT_BACK), "longest": _ms(LONGEST_RETRY), "lease": _ms(LEASE + CLOCK_WENT_BACK),
        },
    )  # fmt: skip
    return [int(row[0]) for row in found]


def late(db: sqlite3.Connection, now_ms: int) -> list[int]:
    """Ids of what was not sent in time, where nobody else was owed for it yet; and once more, what was not even tried
    STUCK after that."""
    found = db.execute(
        f"SELECT id FROM notifications WHERE state IN {_WAITING} AND ((late_at IS NULL "  # noqa: S608 - our own words
        "AND (CASE attempts WHEN 0 THEN due_at ELSE created_at END <= :now - :late OR created_at > :now + :ahead)) "
        "OR (attempts = 0 AND late_at > due_at AND late_at <= :now - :stuck)) ORDER BY id",
        {"now": now_ms, "late": _ms(LATE), "ahead": _ms(CLOCK_WENT_BACK), "stuck": _ms(STUCK)},
    )
    return [int(row[0]) for row in found]


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def claim(tx: Tx, ids: Iterable[int], owner: str) -> None:
    """Take these in hand."""
    until = to_ms(tx.now + LEASE)
    tx.db.executemany(
        f"UPDATE notifications SET lease_owner = ?, lease_until = ? WHERE id = ? AND state IN {_WAITING}",  # noqa: S608
        [(owner, until, number) for number in ids],
    )


def record(tx: Tx, number: int, result: Result) -> State | None:
    """Keep what became of an attempt.

    Returns the state afterwards; None: it was settled in another way meanwhile, and nothing was changed.
    """
    found = tx.db.execute("SELECT state FROM notifications WHERE id = ?", (number,)).fetchone()
    if found is None:
        return None
    if State(found[0]) not in WAITING:
        # A receipt or the carer was quicker than the provider's own answer: its number is kept all the same.
        if result.event is Event.ACCEPTED:
            tx.db.execute(
                "UPDATE notifications SET provider_id = coalesce(provider_id, ?), attempts = attempts + 1 WHERE id = ?",
                (result.provider_id, number),
            )
        return None
    state = after(State(found[0]), result.event)
    now = to_ms(tx.now)
    tx.db.execute(
        "UPDATE notifications SET state = ?, attempts = attempts + ?, due_at = coalesce(?, due_at), "
        "settled_at = ?, delivered_at = ?, provider_id = ?, detail = ?, lease_owner = NULL, lease_until = NULL "
        "WHERE id = ?",
        (
            state,
            result.event not in {Event.OVERTAKEN, Event.HELD},
            result.retry_at,
            None if state in WAITING else now,
            now if state is State.DELIVERED else None,
            result.provider_id,
            result.detail,
            number,
        ),
    )
    [alert] = tx.db.execute("SELECT alert FROM notifications WHERE id = ?", (number,)).fetchone()
    tx.alerts.append(alert)
    return state
