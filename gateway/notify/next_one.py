"""Who is owed a message next when a carer was not reached: their next contact, then the failsafe, then an outcry.

Sync functions of a Tx; who decides when is gateway.notify.dispatcher.
"""

import sqlite3
from collections.abc import Iterable

import msgspec
import structlog

from gateway.alerts import asking
from gateway.alerts.model import ASKING, Purpose
from gateway.alerts.outbox import AT_ANY_HOUR, LEASE
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.notify.outbox import first_key
from gateway.notify.states import TOLD, WAITING, State
from gateway.store.writer import Tx

_LOG = structlog.get_logger(__name__)

NOBODY_TOLD = "nobody_told"
"""Event of an alert: not even the failsafe carers could be told."""

TOLD_MEANWHILE = "the others were told meanwhile"
"""Detail of a word to a supervisor that was not needed any more."""

_TAKEN = frozenset({AlertState.ACKNOWLEDGED, AlertState.ATTENDED})
"""States of an alert in which what was owed before may come late without harm: a carer answered it."""


def owe_next(tx: Tx, index: CentreIndex, number: int) -> None:
    """A notification was not sent, or not in time: owe the carer's next contact, or in the end a supervisor.

    The next contact is owed once for each notification: a second call looks only whether nobody is left.
    """
    marked = tx.db.execute(
        "UPDATE notifications SET late_at = ? WHERE id = ? AND late_at IS NULL", (to_ms(tx.now), number)
    )
    if marked.rowcount == 0:
        # It was late before and has failed now, or has stood in our own queue since. Nobody may be left.
        stuck = tx.db.execute(
            "UPDATE notifications SET late_at = due_at WHERE id = ? AND state = ? AND attempts = 0",
            (number, State.PENDING),
        )
        _owe_supervisor_if_nobody(tx, index, number, patient=stuck.rowcount == 0)
        return
    row = tx.db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    if not _somebody_is_needed(tx, row):
        return
    carer = index.carers.get(row["carer"])
    following = row["contact"] + 1
    if carer is not None and following < len(carer.contacts):
        contact = carer.contacts[following]
        base = first_key(row["key"], row["contact"])
        _owe(tx, row, f"{base}/{following}", row["purpose"], row["carer"], following, contact.channel, contact.address)
        return
    _owe_supervisor_if_nobody(tx, index, number)


def is_needless(db: sqlite3.Connection, number: int) -> bool:
    """Whether this tells a supervisor that others could not be told, and one of them was told after all."""
    row = db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    return row is not None and row["purpose"] == Purpose.UNDELIVERABLE and _is_told(db, row)


def stands_in(db: sqlite3.Connection, number: int) -> bool:
    """Whether this tells a supervisor of messages that have not been tried yet: these go first."""
    row = db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    if row is None or row["purpose"] != Purpose.UNDELIVERABLE:
        return False
    return any(State(one["state"]) is State.PENDING and not one["attempts"] for one in _asked_with(db, row, ASKING))


def was_late(db: sqlite3.Connection, number: int) -> bool:
    """Whether a notification was found late while it stood in the queue, and has now been tried for the first time."""
    row = db.execute("SELECT late_at, attempts FROM notifications WHERE id = ?", (number,)).fetchone()
    return row is not None and row["late_at"] is not None and row["attempts"] == 1


def _owe_supervisor_if_nobody(tx: Tx, index: CentreIndex, number: int, *, patient: bool = True) -> None:
    """When nobody of this step was told, and nobody has time left: the failsafe carers; after them, an outcry.

    A failsafe carer for whom the message itself stands in the queue gets no second one that says the same.
    ``patient``: as long as it stands there that is no reason to cry out.
    """
    row = tx.db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    last_resort = row["purpose"] == Purpose.UNDELIVERABLE
    if not last_resort and row["purpose"] not in ASKING:
        return
    if not _somebody_is_needed(tx, row) or _is_told_or_has_time(tx, row, last_resort=last_resort):
        return
    if (
        not last_resort
        and _asked_by_name(row)
        and asking.not_reached(tx, index, row["alert"], row["carer"], str(row["key"]).split("/")[1])
    ):
        return
    owed = queued = 0
    if not last_resort:
        alert = tx.db.execute("SELECT resident FROM alerts WHERE id = ?", (row["alert"],)).fetchone()
        for name in index.policy_of(alert["resident"]).failsafe:
            carer = index.carers.get(name)
            if carer is None or not carer.contacts:
                continue
            contact = carer.contacts[0]
            if _stands_in_queue(tx, row["alert"], name, contact.channel, contact.address):
                queued += 1
                continue
            key = f"{_stage(row)}{name}/{Purpose.UNDELIVERABLE}{_mark(row)}"
            _owe(tx, row, key, Purpose.UNDELIVERABLE, name, 0, contact.channel, contact.address)
            owed += 1
    if owed == 0 and not (queued and patient):
        _cry_out(tx, row)


def _stands_in_queue(tx: Tx, alert: int, carer: str, channel: str, address: str) -> bool:
    """Whether a message that asks this carer about the alert at this address is due and was not tried yet."""
    found = tx.db.execute(
        "SELECT 1 FROM notifications WHERE alert = ? AND carer = ? AND channel = ? AND address = ? AND state = ? "
        "AND attempts = 0 AND due_at <= ? AND purpose IN (SELECT value FROM json_each(?))",
        (alert, carer, channel, address, State.PENDING, to_ms(tx.now), _words(ASKING)),
    )
    return found.fetchone() is not None


def _asked_by_name(row: sqlite3.Row) -> bool:
    """Whether a person handed the alert over to this carer: such a message alone is an ALERT with a mark."""
    return row["purpose"] == Purpose.ALERT and bool(_mark(row))


def _is_told_or_has_time(tx: Tx, row: sqlite3.Row, *, last_resort: bool) -> bool:
    if last_resort and _is_told(tx.db, row):
        return True
    others = _asked_with(tx.db, row, {Purpose.UNDELIVERABLE} if last_resort else ASKING)
    return any(
        State(one["state"]) in TOLD or (State(one["state"]) in WAITING and one["late_at"] is None) for one in others
    )


def _is_told(db: sqlite3.Connection, row: sqlite3.Row) -> bool:
    """Whether one of those was told whom a message, or the one that it stands in for, was to ask."""
    return any(State(one["state"]) in TOLD for one in _asked_with(db, row, ASKING))


def _asked_with(db: sqlite3.Connection, row: sqlite3.Row, purposes: Iterable[Purpose]) -> list[sqlite3.Row]:
    """What was owed about the same change of the alert, in the same step, or in that step since.

    What was sent in the step before, to others and about something else, does not count: whoever was asked at ten by
    name is not told because somebody else was told at nine.
    """
    stage, mark = _stage(row), _mark(row)
    base = db.execute(
        "SELECT id FROM notifications WHERE key = ?", (first_key(str(row["key"]), row["contact"]),)
    ).fetchone()
    since = int(base["id"] if base is not None else row["id"])
    found = db.execute(
        "SELECT id, key, contact, purpose, state, attempts, late_at FROM notifications WHERE alert = ? "
        "AND substr(key, 1, length(?)) = ? AND purpose IN (SELECT value FROM json_each(?))",
        (row["alert"], stage, stage, _words(purposes)),
    )
    return [one for one in found if one["id"] > since or _mark(one) == mark]


def _words(purposes: Iterable[Purpose]) -> str:
    return msgspec.json.encode(sorted(purposes)).decode()


def _stage(row: sqlite3.Row) -> str:
    """The part of the key that says which step of which round it is: ``alert/run.round.step/``."""
    alert, step, _ = str(row["key"]).split("/", 2)
    return f"{alert}/{step}/"


def _mark(row: sqlite3.Row) -> str:
    """The part of the key that tells messages of one step apart: ``#7``, or nothing."""
    _, found, mark = first_key(str(row["key"]), row["contact"]).removesuffix(AT_ANY_HOUR).rpartition("#")
    return f"#{mark}" if found else ""


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


def _somebody_is_needed(tx: Tx, row: sqlite3.Row) -> bool:
    """Whether it matters that a message was not sent.

    What was owed before a carer took the alert may come late. What was owed after that is for that carer (it happened
    again, it is more urgent now) or for people who are needed besides.
    """
    alert = tx.db.execute("SELECT state, taken_at FROM alerts WHERE id = ?", (row["alert"],)).fetchone()
    if alert is None or alert["state"] == AlertState.CLOSED:
        return False
    if alert["state"] not in _TAKEN:
        return True
    asks = row["purpose"] in ASKING or row["purpose"] == Purpose.UNDELIVERABLE
    return asks and alert["taken_at"] is not None and bool(row["created_at"] > alert["taken_at"])


def _owe(
    tx: Tx, like: sqlite3.Row, key: str, purpose: str, carer: str, contact: int, channel: str, address: str
) -> None:
    """One more row, like that one; nothing when it is owed already. One that was withdrawn is owed again."""
    now = to_ms(tx.now)
    added = tx.db.execute(
        "INSERT INTO notifications (key, alert, purpose, step, carer, contact, channel, address, state, "
        "about_at, due_at, lease_owner, lease_until, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET state = excluded.state, due_at = excluded.due_at, late_at = NULL, "
        "settled_at = NULL, detail = NULL, lease_owner = excluded.lease_owner, lease_until = excluded.lease_until, "
        "created_at = excluded.created_at WHERE state = ? RETURNING id",
        (
            key, like["alert"], purpose, like["step"], carer, contact, channel, address, State.PENDING,
            like["about_at"], now, tx.owner, None if tx.owner is None else to_ms(tx.now + LEASE), now,
            State.WITHDRAWN,
        ),
    ).fetchone()  # fmt: skip
    if added is not None:
        tx.owed.append(int(added["id"]))
        tx.alerts.append(like["alert"])
