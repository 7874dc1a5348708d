"""Alerts as rows: reading, adding, changing, and the history that goes with each change. For the desk's own use."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.alerts.model import Alert, FallFindings, HistoryLine, Incident, Outcome, incident_key
from gateway.alerts.table import NEWS, PERSON_EVENTS, RAISED, START, AlertEvent, AlertState, follow
from gateway.clock import from_ms, to_ms
from gateway.errors import NotAllowedError, UnknownAlertError
from gateway.store import audit
from gateway.store.writer import Tx
from rules.model import Evidence, Priority, Reason

_REASONS = msgspec.json.Decoder(tuple[Reason, ...])
_REASON = msgspec.json.Decoder(Reason)
_FINDINGS = msgspec.json.Decoder(FallFindings)
_EVIDENCE = msgspec.json.Decoder(tuple[Evidence, ...])

_CHANGING = (
    "priority", "state", "reason", "marks", "evidence", "before", "after", "happened_at",
    "repeats", "last_repeat_at", "policy", "run", "round", "step", "told_at", "escalate_at",
    "taken_by", "taken_at", "eta_at", "attended_at", "cleared_at", "closed_at", "closed_by", "outcome", "note",
    "under", "findings",
)  # fmt: skip
_UPDATE = f"UPDATE alerts SET {', '.join(f'{c} = ?' for c in _CHANGING)}, version = ? WHERE id = ?"  # noqa: S608 - our own column names


LARGEST = 2**63 - 1
"""The largest number that SQLite can compare with; asked for a larger one, it would raise OverflowError."""


def alert_of(row: sqlite3.Row) -> Alert:
    """A row of ``alerts`` as a struct."""
    return Alert(
        id=row["id"],
        incident=row["incident"],
        resident=row["resident"],
        device=row["device"],
        rule=row["rule"],
        rule_key=row["rule_key"],
        subject=row["subject"],
        priority=Priority(row["priority"]),
        state=AlertState(row["state"]),
        reason=_REASON.decode(row["reason"]),
        marks=_REASONS.decode(row["marks"]),
        evidence=_EVIDENCE.decode(row["evidence"]),
        before=plain(row["before"]),
        after=plain(row["after"]),
        raised_at=from_ms(row["raised_at"]),
        happened_at=from_ms(row["happened_at"]),
        repeats=row["repeats"],
        last_repeat_at=_time(row["last_repeat_at"]),
        policy=row["policy"],
        run=row["run"],
        round=row["round"],
        step=row["step"],
        told_at=_time(row["told_at"]),
        escalate_at=_time(row["escalate_at"]),
        taken_by=row["taken_by"],
        taken_at=_time(row["taken_at"]),
        eta_at=_time(row["eta_at"]),
        attended_at=_time(row["attended_at"]),
        cleared_at=_time(row["cleared_at"]),
        closed_at=_time(row["closed_at"]),
        closed_by=row["closed_by"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        note=row["note"],
        version=row["version"],
        findings=_FINDINGS.decode(row["findings"]) if row["findings"] else None,
        under=row["under"],
    )


def plain(state: str | None) -> dict[str, Any] | None:
    """A rule's state from its JSON text."""
    return msgspec.json.decode(state, type=dict[str, Any]) if state else None


def line_of(row: sqlite3.Row) -> HistoryLine:
    """A row of ``alert_events`` as a struct."""
    return HistoryLine(
        seq=row["seq"],
        alert=row["alert"],
        at=from_ms(row["at"]),
        event=row["event"],
        who=row["who"],
        via=row["via"],
        state_before=AlertState(row["state_before"]) if row["state_before"] else None,
        state_after=AlertState(row["state_after"]) if row["state_after"] else None,
        detail=msgspec.json.decode(row["detail"]),
    )


def find(db: sqlite3.Connection, alert: int) -> Alert:
    """The alert of that number.

    Raises:
        UnknownAlertError: there is none.
    """
    row = None
    if 0 < alert <= LARGEST:
        row = db.execute("SELECT * FROM alerts WHERE id = ?", (alert,)).fetchone()
    if row is None:
        raise UnknownAlertError(f"There is no alert number {alert}.")
    return alert_of(row)


def find_open(db: sqlite3.Connection, incident: str) -> Alert | None:
    """The alert of an incident that is not closed."""
    row = db.execute("SELECT * FROM alerts WHERE incident = ? AND state != 'closed'", (incident,)).fetchone()
    return None if row is None else alert_of(row)


def newest(db: sqlite3.Connection, incident: str) -> Alert | None:
    """The last alert of an incident, closed or not."""
    row = db.execute("SELECT * FROM alerts WHERE incident = ? ORDER BY id DESC LIMIT 1", (incident,)).fetchone()
    return None if row is None else alert_of(row)


def under(db: sqlite3.Connection, number: int) -> list[Alert]:
    """The alerts that wait under one, oldest first."""
    found = db.execute("SELECT * FROM alerts WHERE under = ? AND state != 'closed' ORDER BY id", (number,))
    return [alert_of(row) for row in found]


def all_under(db: sqlite3.Connection, number: int) -> list[Alert]:
    """The alerts that wait under one, and those under these, and so on; each once."""
    found: dict[int, Alert] = {}
    look = [number]
    while look:
        below = [alert for alert in under(db, look.pop()) if alert.id not in found and alert.id != number]
        found |= {alert.id: alert for alert in below}
        look += [alert.id for alert in below]
    return [found[key] for key in sorted(found)]


def add(tx: Tx, incident: Incident, policy: str) -> Alert:
    """A new alert, without a deadline yet: the caller starts its escalation."""
    now = to_ms(tx.now)
    number = tx.db.execute(
        "INSERT INTO alerts (incident, resident, device, rule, rule_key, subject, priority, state, reason, marks,"
        " evidence, before, after, raised_at, happened_at, policy)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            incident_key(incident.resident, incident.rule_key, incident.subject),
            incident.resident, incident.device, incident.rule, incident.rule_key, incident.subject,
            incident.priority.value, START.value, _json(incident.reason), _json(incident.marks),
            _json(incident.evidence), incident.before, incident.after,
            now, to_ms(incident.happened_at), policy,
        ),
    ).fetchone()[0]  # fmt: skip
    _log(tx, number, RAISED, None, None, None, START, story_of(incident))
    return find(tx.db, number)


def story_of(incident: Incident) -> dict[str, object]:
    """What the history keeps of an incident each time it is handed in."""
    return {
        "priority": incident.priority,
        "reason": incident.reason,
        "marks": incident.marks,
        "evidence": incident.evidence,
        "happened_at": incident.happened_at,
    }


def move(
    tx: Tx,
    alert: Alert,
    event: AlertEvent,
    *,
    who: str | None = None,
    via: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> Alert:
    """Take the step in the table and write it to the history and the audit; the caller saves what else changes.

    Raises:
        IllegalStepError: the table has no such step; nothing was written.
        NotAllowedError: the event is a person's, and nobody is named.
    """
    if event in PERSON_EVENTS and not who:
        raise NotAllowedError(f"Only a person can {event} an alert: sign in, or name who it is.")
    after = follow(alert.state, event)
    shown_by = {"version": alert.version + 1} if event in NEWS else {}
    _log(tx, alert.id, event, who, via, alert.state, after, {**(detail or {}), **shown_by})
    return msgspec.structs.replace(alert, state=after)


def save(tx: Tx, alert: Alert) -> Alert:
    """Write a changed alert; its version grows by one."""
    alert = msgspec.structs.replace(alert, version=alert.version + 1)
    tx.db.execute(_UPDATE, (*(_column(getattr(alert, c)) for c in _CHANGING), alert.version, alert.id))
    tx.alerts.append(alert.id)
    return alert


def has_done(db: sqlite3.Connection, alert: Alert, event: AlertEvent, who: str) -> bool:
    """Whether a carer caused this event already in the alert's present run and round."""
    rows = db.execute(
        "SELECT 1 FROM alert_events WHERE alert = ? AND event = ? AND who = ?"
        " AND detail ->> 'run' = ? AND detail ->> 'round' = ?",
        (alert.id, event.value, who, alert.run, alert.round),
    )
    return rows.fetchone() is not None


def last_done(db: sqlite3.Connection, alert: Alert, event: AlertEvent, who: str) -> datetime | None:
    """When a carer last caused this event (UTC); None: never."""
    row = db.execute(
        "SELECT max(at) FROM alert_events WHERE alert = ? AND event = ? AND who = ?", (alert.id, event.value, who)
    ).fetchone()
    return None if row[0] is None else from_ms(row[0])


def last_of(db: sqlite3.Connection, alert: Alert, event: AlertEvent) -> HistoryLine | None:
    """The last event of that kind; None: there was none."""
    row = db.execute(
        "SELECT * FROM alert_events WHERE alert = ? AND event = ? ORDER BY seq DESC LIMIT 1", (alert.id, event.value)
    ).fetchone()
    return None if row is None else line_of(row)


def declined(db: sqlite3.Connection, alert: Alert) -> set[str]:
    """Who said in the present run and round that they can't, or asked another one to go."""
    rows = db.execute(
        "SELECT DISTINCT who FROM alert_events WHERE alert = ? AND event IN (?, ?)"
        " AND detail ->> 'run' = ? AND detail ->> 'round' = ?",
        (alert.id, AlertEvent.DECLINE.value, AlertEvent.HAND_OVER.value, alert.run, alert.round),
    )
    return {str(row[0]) for row in rows}


def _log(
    tx: Tx,
    alert: int,
    event: str,
    who: str | None,
    via: str | None,
    before: AlertState | None,
    after: AlertState,
    detail: Mapping[str, object],
) -> None:
    tx.db.execute(
        "INSERT INTO alert_events (alert, at, event, who, via, state_before, state_after, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (alert, to_ms(tx.now), str(event), who, via, before.value if before else None, after.value, _json(detail)),
    )
    # The audit says who did what; why is in the alert's own history, which falls under its retention.
    audit.record(tx, who=who, action=f"alert.{event}", target=f"alert/{alert}", detail={"via": via} if via else None)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _time(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def _column(value: Any) -> str | int | None:
    if isinstance(value, datetime):
        return to_ms(value)
    if value is None or isinstance(value, int):
        return value
    return str(value) if isinstance(value, str) else _json(value)
