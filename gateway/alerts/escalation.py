"""Escalation: step by step until a person answers. Deadlines are columns, so they survive everything.

Steps of the policy, then its failsafe, then the next round from step 0. See docs/alerts.md.
"""

import sqlite3
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from gateway.alerts import rows
from gateway.alerts.model import Alert, Purpose, Times
from gateway.alerts.outbox import owe, told_carers, told_in_round, told_in_step
from gateway.alerts.policies import Plan, chosen, people
from gateway.alerts.table import WHEN_DUE, AlertEvent, AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.store import audit
from gateway.store.writer import Tx
from rules.model import Priority

_LOG = structlog.get_logger(__name__)

DEFAULT_TIMES = Times()

WHILE_UNDER = timedelta(seconds=60)
"""How often an alert that waits under another one looks whether that one is still open."""

SHORTEST_WAIT_S = 1.0
"""No policy may spin: a deadline always lies ahead."""


def begin(tx: Tx, index: CentreIndex, alert: Alert, *, times: Times, purpose: Purpose | None = None) -> Alert:
    """Tell step 0 now and set the deadline for the next. ``purpose`` None: ALERT to whoever hears of
    it for the first time, REMINDER to the others."""
    return _tell(tx, index, replace(alert, round=0), first=0, times=times, purpose=purpose)


def begin_anew(tx: Tx, index: CentreIndex, alert: Alert, *, times: Times, purpose: Purpose | None = None) -> Alert:
    """Start a new run from step 0: a promise ran out, or the alert was re-opened."""
    return begin(tx, index, replace(alert, run=alert.run + 1), times=times, purpose=purpose)


def go_on(tx: Tx, index: CentreIndex, alert: Alert, *, times: Times, called: bool = False) -> Alert:
    """Tell the step after the present one now; after the failsafe, the next round's first.

    ``called``: a person asks for people; quiet hours hold none of these messages."""
    return _tell(tx, index, alert, first=alert.step + 1, times=times, purpose=None, called=called)


def wait_of(plan: Plan, alert: Alert, times: Times) -> timedelta:
    """How long the alert waits for an answer after its present step was told."""
    last = len(plan.steps) - 1
    # The failsafe, and every step after a whole round, wait as long as the policy's last step.
    number = alert.step if alert.round == 0 and alert.step <= last else last
    seconds = max(plan.steps[number].wait_s, SHORTEST_WAIT_S)
    if alert.round > 0:
        seconds = max(seconds, times.round_s(alert.priority))
    if alert.state is AlertState.CLEARED:
        seconds = max(seconds, times.cleared_s(alert.priority))
    return timedelta(seconds=seconds)


def is_failsafe(plan: Plan, step: int) -> bool:
    """Whether a step number stands for the policy's failsafe."""
    return step >= len(plan.steps)


def escalate_due(tx: Tx, index: CentreIndex, *, times: Times = DEFAULT_TIMES, limit: int | None = None) -> list[int]:
    """Take the due step of every alert whose deadline has passed, each once.

    After a downtime of any length a due alert takes one step, now, and waits anew. An alert whose step fails is
    logged, left as it was and tried again after ``times.failed_step_s``; the others go on.

    Args:
        tx: the transaction.
        index: the centre.
        times: how long to wait for what.
        limit: at most so many alerts, the longest due first; None: all.

    Returns:
        Ids of the alerts that took a step, the longest due first.
    """
    due = tx.db.execute(
        "SELECT id FROM alerts WHERE escalate_at <= ? ORDER BY escalate_at, id LIMIT ?",
        (to_ms(tx.now), -1 if limit is None else limit),
    ).fetchall()
    return [row["id"] for row in due if _take_due_step(tx, index, int(row["id"]), times)]


def set_back(tx: Tx, by: timedelta) -> None:
    """The wall clock was set back: every deadline moves back with it, so that no wait gets longer."""
    tx.db.execute(
        "UPDATE alerts SET escalate_at = escalate_at - :by, eta_at = eta_at - :by, told_at = told_at - :by"
        " WHERE escalate_at IS NOT NULL",
        {"by": to_ms(tx.now + by) - to_ms(tx.now)},
    )
    tx.db.execute(
        "UPDATE notifications SET due_at = due_at - :by, lease_until = lease_until - :by,"
        " created_at = created_at - :by, late_at = late_at - :by WHERE settled_at IS NULL",
        {"by": to_ms(tx.now + by) - to_ms(tx.now)},
    )
    audit.record(tx, who=None, action="clock.set_back", target="alerts", detail={"seconds": by.total_seconds()})


def latest_time(db: sqlite3.Connection) -> datetime | None:
    """The time of the newest message or alert event in the database (UTC-aware); None: there is none yet.

    When it lies in the future, the clock was set back since.
    """
    row = db.execute(
        "SELECT max(coalesce((SELECT at FROM alert_events ORDER BY seq DESC LIMIT 1), 0),"
        " coalesce((SELECT received_at FROM journal ORDER BY seq DESC LIMIT 1), 0))"
    ).fetchone()
    return from_ms(row[0]) if row[0] else None


def next_due(db: sqlite3.Connection) -> datetime | None:
    """When the next alert's deadline passes (UTC-aware; may lie in the past); None: no alert is open."""
    row = db.execute("SELECT min(escalate_at) FROM alerts WHERE escalate_at IS NOT NULL").fetchone()
    return None if row[0] is None else from_ms(row[0])


def _take_due_step(tx: Tx, index: CentreIndex, number: int, times: Times) -> bool:
    marks = (len(tx.alerts), len(tx.owed))
    tx.db.execute("SAVEPOINT due_step")
    try:
        alert = rows.find(tx.db, number)
        if _waits_under(tx, alert):
            rows.save(tx, replace(alert, escalate_at=tx.now + WHILE_UNDER))
        elif WHEN_DUE[alert.state] is AlertEvent.ESCALATE:
            _escalate(tx, index, alert, times)
        else:
            _expire(tx, index, alert, times)
    except sqlite3.Error as error:
        # A broken database is the writer's business; a refused row is this alert's.
        if not isinstance(error, sqlite3.IntegrityError):
            raise
        failed: Exception | None = error
    except Exception as error:  # noqa: BLE001 - one alert's trouble must not silence the others
        failed = error
    else:
        failed = None
    if failed is None:
        tx.db.execute("RELEASE due_step")
        return True
    tx.db.execute("ROLLBACK TO due_step")
    tx.db.execute("RELEASE due_step")
    del tx.alerts[marks[0] :], tx.owed[marks[1] :]
    _LOG.error("alert.step_failed", alert=number, error=type(failed).__name__, exc_info=failed)
    again = tx.now + timedelta(seconds=times.failed_step_s)
    tx.db.execute("UPDATE alerts SET escalate_at = ? WHERE id = ?", (to_ms(again), number))
    return False


def _waits_under(tx: Tx, alert: Alert) -> bool:
    """Whether an open alert stands for it: that one is escalated, and both are closed together."""
    return alert.under is not None and rows.find(tx.db, alert.under).state is not AlertState.CLOSED


def _escalate(tx: Tx, index: CentreIndex, alert: Alert, times: Times) -> None:
    alert = rows.move(tx, alert, AlertEvent.ESCALATE, detail={"after_step": alert.step, "round": alert.round})
    rows.save(tx, go_on(tx, index, alert, times=times))


def _expire(tx: Tx, index: CentreIndex, alert: Alert, times: Times) -> None:
    late, was = alert.taken_by, alert.state
    alert = rows.move(
        tx,
        alert,
        AlertEvent.EXPIRE,
        detail={"taken_by": late, "eta_at": alert.eta_at, "was": was, "due": alert.escalate_at},
    )
    alert = replace(alert, taken_by=None, taken_at=None, eta_at=None, attended_at=None)
    alert = begin_anew(tx, index, alert, times=times)
    if late is not None:
        # Whoever promised hears it too; where they are in step 0 the key is the same, so it is one message.
        owe(tx, index, alert, late, alert.step, Purpose.REMINDER)
    rows.save(tx, alert)


def _tell(
    tx: Tx,
    index: CentreIndex,
    alert: Alert,
    *,
    first: int,
    times: Times,
    purpose: Purpose | None,
    called: bool = False,
) -> Alert:
    plan = chosen(index, alert, tx.now)
    alert, first = _where(tx, plan, alert, first)
    can_not = rows.declined(tx.db, alert)
    asked = set(told_carers(tx.db, alert.id))
    reached = False
    for step in range(first, len(plan.steps) + 1):
        if is_failsafe(plan, step):
            to = plan.failsafe
        else:
            to = people(tx.db, index, plan.steps[step], alert.resident, tx.now)
            to = tuple(carer for carer in to if carer not in can_not)
        # The last resort is told at any hour: where everybody is quiet, nobody would hear until the morning.
        any_hour = called or (is_failsafe(plan, step) and alert.priority is not Priority.LOW)
        for carer in to:
            why = purpose or (Purpose.REMINDER if carer in asked else Purpose.ALERT)
            reached |= owe(tx, index, alert, carer, step, why, any_hour=any_hour) is not None
        alert = replace(alert, step=step)
        if reached:
            break
        # Nobody there who could be told (nobody on shift, all declined, gone from the centre): no reason to wait.
        _LOG.warning("alert.step_reaches_nobody", alert=alert.id, policy=plan.name, step=step)
    alert = replace(alert, policy=plan.name, told_at=tx.now)
    return replace(alert, escalate_at=tx.now + wait_of(plan, alert, times))


def _where(tx: Tx, plan: Plan, alert: Alert, first: int) -> tuple[Alert, int]:
    """Where to begin in the steps that count now: round and step."""
    before, _, variant = alert.policy.partition("/")
    if first > 0 and before == plan.policy and variant != (plan.variant or ""):
        # The night has begun, or it is more urgent now: other people, from their first step.
        return replace(alert, run=alert.run + 1, round=0), 0
    last = len(plan.steps)
    if alert.step > last and not told_in_step(tx.db, alert).intersection(plan.failsafe):
        return alert, last  # the centre file has fewer steps now: nobody is left out of the last resort
    if first == last and not told_in_round(tx.db, alert) - rows.declined(tx.db, alert):
        return alert, last  # all who were asked can't: to ask the same people once more would only take time
    if first > last or (first == last and (alert.round + 1) % plan.rounds):
        return replace(alert, round=alert.round + 1), 0
    return alert, first
