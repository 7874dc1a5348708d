"""The outbox's transactions: take in hand, record a result, and decide who is owed next when a carer was not reached.

Sync functions of a Tx; who decides when is gateway.notify.dispatcher.
"""

import sqlite3
from collections.abc import Iterable
from datetime import timedelta

import msgspec
import structlog

from gateway.alerts.model import ASKING, Purpose
from gateway.alerts.outbox import LEASE
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.notify.states import TOLD, WAITING, Event, State, after
from gateway.store.writer import Tx

_LOG = structlog.get_logger(__name__)

LATE = timedelta(seconds=10)
"""After that long without success the carer's next contact is tried too, while the first goes on."""

LONGEST_RETRY = timedelta(seconds=300)
"""No attempt is further away than that, whatever a provider asks for (429 with Retry-After)."""

CLOCK_WENT_BACK = timedelta(seconds=10)
"""What was written, or is to be tried again, further in the future than can be, tells that the clock was set back
(a small machine that starts without battery and network does not know the year): it is due now."""

NOBODY_TOLD = "nobody_told"
"""Event of an alert: not even the failsafe carers could be told."""

TOLD_WITH = "told together with {number}"
"""Detail of a notification that went out in the message of another one."""

_SOMEBODY_IS_ON_IT = frozenset({AlertState.ACKNOWLEDGED, AlertState.ATTENDED, AlertState.CLOSED})
"""States of an alert in which being told late does no harm: a carer answered it."""

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
    """Ids of what was not sent in time, where nobody else was owed for it yet."""
    found = db.execute(
        f"SELECT id FROM notifications WHERE state IN {_WAITING} AND late_at IS NULL "  # noqa: S608 - our own words
        "AND (CASE attempts WHEN 0 THEN due_at ELSE created_at END <= :now - :late OR created_at > :now + :ahead) "
        "ORDER BY id",
        {"now": now_ms, "late": _ms(LATE), "ahead": _ms(CLOCK_WENT_BACK)},
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


def owe_next(tx: Tx, index: CentreIndex, number: int) -> None:
    """A notification was not sent, or not in time: owe the carer's next contact, or in the end a supervisor.

    Is done once for each notification: a second call changes nothing.
    """
    marked = tx.db.execute(
        "UPDATE notifications SET late_at = ? WHERE id = ? AND late_at IS NULL", (to_ms(tx.now), number)
    )
    if marked.rowcount == 0:
        # It was late before and has now failed for good; its successor exists. Nobody may be left, though.
        _owe_supervisor_if_nobody(tx, index, number)
        return
    row = tx.db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    if not _somebody_is_needed(tx, row["alert"]):
        return
    carer = index.carers.get(row["carer"])
    following = row["contact"] + 1
    if carer is not None and following < len(carer.contacts):
        contact = carer.contacts[following]
        base = row["key"].removesuffix(f"/{row['contact']}") if row["contact"] else row["key"]
        _owe(tx, row, f"{base}/{following}", row["purpose"], row["carer"], following, contact.channel, contact.address)
        return
    _owe_supervisor_if_nobody(tx, index, number)


def _owe_supervisor_if_nobody(tx: Tx, index: CentreIndex, number: int) -> None:
    """When nobody of this step was told, and nobody has time left: the failsafe carers; after them, an outcry."""
    row = tx.db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    last_resort = row["purpose"] == Purpose.UNDELIVERABLE
    if not last_resort and row["purpose"] not in ASKING:
        return
    if not _somebody_is_needed(tx, row["alert"]) or _is_told_or_has_time(tx, row, last_resort=last_resort):
        return
    owed = 0
    if not last_resort:
        alert = tx.db.execute("SELECT resident FROM alerts WHERE id = ?", (row["alert"],)).fetchone()
        for name in index.policy_of(alert["resident"]).failsafe:
            carer = index.carers.get(name)
            if carer is not None and carer.contacts:
                key = f"{_stage(row)}{name}/{Purpose.UNDELIVERABLE}"
                contact = carer.contacts[0]
                _owe(tx, row, key, Purpose.UNDELIVERABLE, name, 0, contact.channel, contact.address)
                owed += 1
    if owed == 0:
        _cry_out(tx, row)


def _is_told_or_has_time(tx: Tx, row: sqlite3.Row, *, last_resort: bool) -> bool:
    purposes = [Purpose.UNDELIVERABLE] if last_resort else sorted(ASKING)
    others = tx.db.execute(
        "SELECT state, late_at FROM notifications WHERE alert = ? AND substr(key, 1, length(?)) = ? "
        "AND purpose IN (SELECT value FROM json_each(?))",
        (row["alert"], _stage(row), _stage(row), msgspec.json.encode(purposes).decode()),
    )
    return any(State(state) in TOLD or (State(state) in WAITING and late_at is None) for state, late_at in others)


def _stage(row: sqlite3.Row) -> str:
    """The part of the key that says which step of which round it is: ``alert/run.round.step/``."""
    alert, step, _ = str(row["key"]).split("/", 2)
    return f"{alert}/{step}/"


def _cry_out(tx: Tx, row: sqlite3.Row) -> None:
    """Nobody at all: it stands on the alert, once a step, and in the log at the highest level."""
    alert = row["alert"]
    detail = msgspec.json.encode({"stage": _stage(row)}).decode()
    known = tx.db.execute(
        "SELECT 1 FROM alert_events WHERE alert = ? AND event = ? AND detail = ?", (alert, NOBODY_TOLD, detail)
    ).fetchone()
    if known:
        return
    tx.db.execute(
        "INSERT INTO alert_events (alert, at, event, detail) VALUES (?, ?, ?, ?)",
        (alert, to_ms(tx.now), NOBODY_TOLD, detail),
    )
    tx.alerts.append(alert)
    tx.after_commit(lambda: _LOG.critical("notify.nobody_told", alert=alert))


def _somebody_is_needed(tx: Tx, alert: int) -> bool:
    found = tx.db.execute("SELECT state FROM alerts WHERE id = ?", (alert,)).fetchone()
    return found is not None and found["state"] not in _SOMEBODY_IS_ON_IT


def _owe(
    tx: Tx, like: sqlite3.Row, key: str, purpose: str, carer: str, contact: int, channel: str, address: str
) -> None:
    """One more row, like that one; nothing when it is owed already."""
    now = to_ms(tx.now)
    added = tx.db.execute(
        "INSERT INTO notifications (key, alert, purpose, step, carer, contact, channel, address, state, "
        "about_at, due_at, lease_owner, lease_until, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (key) DO NOTHING",
        (
            key, like["alert"], purpose, like["step"], carer, contact, channel, address, State.PENDING,
            like["about_at"], now, tx.owner, None if tx.owner is None else to_ms(tx.now + LEASE), now,
        ),
    )  # fmt: skip
    if added.rowcount and added.lastrowid is not None:
        tx.owed.append(added.lastrowid)
        tx.alerts.append(like["alert"])
