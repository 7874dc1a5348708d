"""A gap ahead is an alert: to the managers, once a day in the day, and at once when it is near."""

import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from gateway.alerts import desk, rows
from gateway.alerts.model import Alert, Incident, incident_key
from gateway.centre.index import CentreIndex
from gateway.clock import from_ms, to_ms
from gateway.coverage.model import Finding, Report
from gateway.store import audit
from gateway.store.writer import Tx
from gateway.words import N_
from rules.model import Priority, Reason

RULE: Final = "coverage_gap"
CHECKED: Final = "coverage.check"
"""What the audit calls the daily look."""

SOON: Final = timedelta(hours=24)
"""What begins within a day is told at once, whatever the hour; the rest waits for the daily look."""

AGAIN: Final = timedelta(hours=20)
"""What a manager has closed is told again by the next day's look, not before."""

MOST_MARKS: Final = 5
"""Findings that stand on the alert itself; the page of coverage has all."""

_GAPS = N_(
    "Gaps in the plan of the coming days: {n}. In the first, from {since_at} on, nobody may be told of an alarm."
)
_FIXED = Reason(N_("The plan of the coming days has no gaps any more."))


class Said(StrEnum):
    """What became of a report."""

    NOTHING = "nothing"
    """No gaps, or known ones."""
    TOLD = "told"
    CLEARED = "cleared"


def tell(tx: Tx, index: CentreIndex, report: Report, *, daily: bool) -> Said:
    """Raise, repeat or clear the alert about gaps.

    Args:
        tx: the transaction.
        index: the centre.
        report: what was found.
        daily: this is the day's look: everything is told that is not known from within the last day. Otherwise only
            what begins SOON, and was not told as such.
    """
    if daily:
        audit.record(tx, who=None, action=CHECKED, target="coverage", detail={"gaps": len(report.serious)})
    key = incident_key(None, RULE, "")
    alert = rows.newest(tx.db, key)
    if not report.serious:
        return _clear(tx, index, alert)
    told = _told(alert, tx.now)
    soon = {f"{finding.key}!" for finding in report.serious if finding.spans[0].since < report.begin + SOON}
    everything = {finding.key for finding in report.serious} | soon
    new = (everything if daily else soon) - told
    still_open = alert is not None and alert.closed_at is None
    if not new and not (daily and still_open and alert is not None and tx.now - _last(alert) >= AGAIN):
        return Said.NOTHING
    desk.raise_incident(tx, index, _incident(report, tx.now, sorted(everything | told if still_open else everything)))
    return Said.TOLD


def last_daily(db: sqlite3.Connection) -> datetime | None:
    """When the last daily look was (UTC); None: never."""
    row = db.execute("SELECT max(at) FROM audit WHERE action = ?", (CHECKED,)).fetchone()
    return None if row[0] is None else from_ms(row[0])


def _clear(tx: Tx, index: CentreIndex, alert: Alert | None) -> Said:
    if alert is None or alert.closed_at is not None or alert.cleared_at is not None:
        return Said.NOTHING
    desk.clear_incident(tx, index, resident=None, rule_key=RULE, subject="", reason=_FIXED)
    return Said.CLEARED


def _told(alert: Alert | None, now: datetime) -> set[str]:
    """Keys of what the managers know: from an alert that is open, or was closed within the last day."""
    if alert is None or alert.cleared_at is not None:
        return set()
    if alert.closed_at is not None and not timedelta(0) <= now - alert.closed_at < AGAIN:
        return set()
    state: dict[str, Any] = alert.after or {}
    return set(state.get("gaps", ()))


def _last(alert: Alert) -> datetime:
    return alert.last_repeat_at or alert.raised_at


def _incident(report: Report, now: datetime, known: list[str]) -> Incident:
    first = min(report.serious, key=_begins)
    return Incident(
        rule=RULE,
        rule_key=RULE,
        priority=Priority.MEDIUM,
        reason=Reason(_GAPS, {"n": len(report.serious), "since_at": to_ms(_begins(first))}),
        marks=tuple(finding.what for finding in sorted(report.serious, key=_begins)[:MOST_MARKS]),
        happened_at=now,
        after=msgspec.json.encode({"gaps": known}).decode(),
    )


def _begins(finding: Finding) -> datetime:
    return finding.spans[0].since
