"""The outbox's way in: a message that is owed to a carer becomes a row in the transaction of its alert."""

import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import structlog

from gateway.alerts.model import ASKING, Alert, Purpose
from gateway.alerts.policies import still_theirs
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import to_ms
from gateway.store.writer import Tx

_LOG = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
"""How long a process has a new row in hand. Longer than any channel's time-out; a dead process's lease is void."""

PENDING = "pending"
"""The state a row begins in; the others are the dispatcher's."""


AT_ANY_HOUR = "!"
"""At the end of the key of a message that quiet hours do not hold: a person asked for a person, or nobody is left."""


def key_of(
    alert: Alert, carer: str, step: int, purpose: Purpose, mark: int | None = None, *, any_hour: bool = False
) -> str:
    """The idempotency key: ``alert/run.round.step/carer/purpose``, with ``#mark`` for what can come twice in a step,
    and AT_ANY_HOUR."""
    key = f"{alert.id}/{alert.run}.{alert.round}.{step}/{carer}/{purpose}"
    marked = key if mark is None else f"{key}#{mark}"
    return f"{marked}{AT_ANY_HOUR}" if any_hour else marked


def owe(
    tx: Tx,
    index: CentreIndex,
    alert: Alert,
    carer: str,
    step: int,
    purpose: Purpose,
    *,
    due_at: datetime | None = None,
    mark: int | None = None,
    any_hour: bool = False,
) -> int | None:
    """Owe a carer a message by their first contact; the dispatcher goes on to the next ones.

    The row is leased to ``tx.owner`` and its id appended to ``tx.owed``, so that the dispatcher of this process sends
    it right after the commit. A second call with the same key changes nothing.

    Args:
        tx: the transaction of the alert.
        index: the centre.
        alert: its ``run`` and ``round`` are part of the key.
        carer: the carer's id.
        step: the escalation step.
        purpose: why.
        due_at: not to be sent before (UTC-aware); None: now.
        mark: tells messages of one step and purpose apart, e.g. the alert's version; None: one a step.
        any_hour: the carer's quiet hours do not hold it.

    Returns:
        The row's id, new or already there; None when the centre knows no such carer, or no way to reach them.
    """
    person = index.carers.get(carer)
    if person is None or not person.contacts:
        _LOG.warning("alert.carer_unreachable", alert=alert.id, carer=carer, known=person is not None)
        return None
    key = key_of(alert, carer, step, purpose, mark, any_hour=any_hour)
    contact = person.contacts[0]
    now = to_ms(tx.now)
    # A row for later is left to the dispatcher's own claim: its lease would be over by then.
    ours = tx.owner is not None and (due_at is None or due_at <= tx.now)
    row = tx.db.execute(
        "INSERT INTO notifications (key, alert, purpose, step, carer, contact, channel, address, state,"
        " about_at, due_at, lease_owner, lease_until, created_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO NOTHING RETURNING id",
        (
            key, alert.id, purpose.value, step, carer, contact.channel, contact.address, PENDING,
            to_ms(max((seen.at for seen in alert.evidence), default=alert.happened_at)),
            to_ms(due_at) if due_at else now,
            tx.owner if ours else None, to_ms(tx.now + LEASE) if ours else None, now,
        ),
    ).fetchone()  # fmt: skip
    if row is None:
        return int(tx.db.execute("SELECT id FROM notifications WHERE key = ?", (key,)).fetchone()[0])
    number = int(row[0])
    if ours:
        tx.owed.append(number)
    return number


def told_carers(db: sqlite3.Connection, alert: int, purposes: Collection[Purpose] = ASKING) -> list[str]:
    """Ids of the carers who were owed a message of these purposes about an alert, in the order of the first one."""
    marks = ", ".join("?" * len(purposes))
    rows = db.execute(
        f"SELECT carer FROM notifications WHERE alert = ? AND purpose IN ({marks}) GROUP BY carer ORDER BY min(id)",  # noqa: S608 - question marks only
        (alert, *sorted(purposes)),
    )
    return [str(row[0]) for row in rows]


def told_in_step(db: sqlite3.Connection, alert: Alert) -> set[str]:
    """Ids of the carers who were asked in the step that the alert stands at, as it is recorded."""
    return _asked(db, alert, f"{alert.id}/{alert.run}.{alert.round}.{alert.step}/")


def _asked(db: sqlite3.Connection, alert: Alert, stage: str) -> set[str]:
    marks = ", ".join("?" * len(ASKING))
    rows = db.execute(
        f"SELECT DISTINCT carer FROM notifications WHERE alert = ? AND substr(key, 1, ?) = ? AND purpose IN ({marks})",  # noqa: S608 - question marks only
        (alert.id, len(stage), stage, *sorted(ASKING)),
    )
    return {str(row[0]) for row in rows}


def told_in_round(db: sqlite3.Connection, alert: Alert) -> set[str]:
    """Ids of the carers who were asked in the present round."""
    return _asked(db, alert, f"{alert.id}/{alert.run}.{alert.round}.")


def inform(
    tx: Tx,
    index: CentreIndex,
    alert: Alert,
    to: Iterable[str],
    purpose: Purpose,
    *,
    but: str | None = None,
    any_hour: bool = False,
) -> None:
    """Owe each of these carers one message about this change of the alert; nobody twice, and not to ``but``, nor to a
    relative whose business it is not any more."""
    still_open = alert.state is not AlertState.CLOSED
    for carer in dict.fromkeys(to):
        person = index.carers.get(carer)
        gone = person is not None and not still_theirs(index, person, alert.resident, still_open=still_open)
        if carer != but and not (gone and carer != alert.taken_by):
            owe(tx, index, alert, carer, max(alert.step, 0), purpose, mark=alert.version, any_hour=any_hour)
