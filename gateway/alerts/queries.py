"""Reading alerts: for the board, the command line, the messages. Takes any connection with named rows."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from gateway.alerts import rows
from gateway.alerts.model import Alert, HistoryLine, Purpose, most_urgent_first
from gateway.alerts.table import AlertState
from gateway.clock import from_ms, to_ms
from gateway.store.migrations import READINGS_PER_FRAME
from rules.model import Priority


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts; None: any. ``since`` and ``until`` are about raised_at (UTC-aware; until is exclusive)."""

    states: frozenset[AlertState] | None = None
    resident: str | None = None
    rule: str | None = None
    priority: Priority | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 200
    before_id: int | None = None
    """Only alerts with a smaller number: for paging."""


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was owed to a carer about an alert, and what became of it."""

    id: int
    alert: int
    purpose: Purpose
    step: int
    carer: str
    contact: int
    channel: str
    state: str
    attempts: int
    due_at: datetime
    created_at: datetime
    settled_at: datetime | None
    detail: str | None


class FrameSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A raw message behind an alert. ``payload`` is its text; None when it is no UTF-8 (then ``payload_hex``)."""

    seq: int
    format: str
    topic: str
    received_at: datetime
    redelivered: int
    payload: str | None
    payload_hex: str | None = None


class ReadingSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A reading behind an alert, as it was decoded."""

    seq: int
    frame: int
    device: str
    kind: str
    observed_at: datetime | None
    received_at: datetime
    fields: dict[str, Any]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is an alert and what was done: message, reading, rule's states, alert, who was told, who answered.

    A frame or reading that is past its retention is missing from its list; the alert's evidence still names it.
    """

    alert: Alert
    frames: tuple[FrameSeen, ...]
    readings: tuple[ReadingSeen, ...]
    told: tuple[Notified, ...]
    history: tuple[HistoryLine, ...]


_UNTOLD: Final = """
SELECT a.id FROM alerts a WHERE a.state != 'closed' AND a.taken_by IS NULL AND EXISTS (
    SELECT 1 FROM alert_events e WHERE e.alert = a.id AND e.event = 'nobody_told' AND NOT EXISTS (
        SELECT 1 FROM notifications n
        WHERE n.alert = a.id AND n.state IN ('sent', 'delivered', 'read') AND n.settled_at >= e.at))
"""
"""Alerts of which the newest message reached nobody (gateway.notify.next_one writes the event), and that nobody has."""


def _with_untold(db: sqlite3.Connection, found: Alert) -> Alert:
    one = db.execute(f"{_UNTOLD} AND a.id = ?", (found.id,)).fetchone()
    return found if one is None else replace(found, untold=True)


def open_alerts(db: sqlite3.Connection) -> list[Alert]:
    """Everything that is not closed, the most urgent first, then the oldest."""
    untold = {row[0] for row in db.execute(_UNTOLD)}
    found = (rows.alert_of(r) for r in db.execute("SELECT * FROM alerts WHERE state != 'closed'"))
    return most_urgent_first(replace(one, untold=True) if one.id in untold else one for one in found)


def alert(db: sqlite3.Connection, number: int) -> Alert:
    """One alert.

    Raises:
        UnknownAlertError: there is none of that number.
    """
    return _with_untold(db, rows.find(db, number))


def alerts(db: sqlite3.Connection, wanted: Filter | None = None) -> list[Alert]:
    """Alerts that pass the filter, the newest first."""
    wanted = wanted or Filter()
    where, values = _where(wanted)
    found = db.execute(
        f"SELECT * FROM alerts WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - our own conditions
        (*values, wanted.limit),
    )
    return [rows.alert_of(row) for row in found]


def history(db: sqlite3.Connection, number: int) -> list[HistoryLine]:
    """What happened to an alert, in order.

    Raises:
        UnknownAlertError: there is none of that number.
    """
    rows.find(db, number)
    found = db.execute("SELECT * FROM alert_events WHERE alert = ? ORDER BY seq", (number,))
    return [rows.line_of(row) for row in found]


def notifications_of(db: sqlite3.Connection, number: int) -> list[Notified]:
    """Who was, or is to be, told of an alert, in the order in which it was owed. Addresses stay in the store."""
    found = db.execute("SELECT * FROM notifications WHERE alert = ? ORDER BY id", (number,))
    return [_notified(row) for row in found]


def explain(db: sqlite3.Connection, number: int) -> Explanation:
    """The whole chain from the message to the answer, ready to be written as JSON (``msgspec.json.encode``).

    Raises:
        UnknownAlertError: there is none of that number.
    """
    found = _with_untold(db, rows.find(db, number))
    lines = history(db, number)
    frames = _frames_behind(found, lines)
    return Explanation(
        alert=found,
        frames=tuple(_frame(row) for seq in frames for row in _one(db, "journal WHERE seq = ?", seq)),
        readings=tuple(_reading(row) for seq in frames for row in _readings(db, seq)),
        told=tuple(notifications_of(db, number)),
        history=tuple(lines),
    )


def _frames_behind(found: Alert, lines: list[HistoryLine]) -> list[int]:
    """Journal numbers of every reading that led to the alert or repeated it, in the order of the journal."""
    frames = {e.frame for e in found.evidence}
    for line in lines:
        frames |= {e.get("frame") for e in line.detail.get("evidence", ()) if isinstance(e, Mapping)}
    return sorted(f for f in frames if f is not None)


def _readings(db: sqlite3.Connection, frame: int) -> list[sqlite3.Row]:
    """The readings of a frame; their numbers follow from its own."""
    bounds = (frame * READINGS_PER_FRAME, (frame + 1) * READINGS_PER_FRAME)
    return db.execute("SELECT * FROM readings WHERE seq >= ? AND seq < ? ORDER BY seq", bounds).fetchall()


def _one(db: sqlite3.Connection, table: str, seq: int) -> list[sqlite3.Row]:
    return db.execute(f"SELECT * FROM {table} ORDER BY seq", (seq,)).fetchall()  # noqa: S608 - our own words


def _where(wanted: Filter) -> tuple[str, list[str | int]]:
    conditions: list[str] = ["1"]
    values: list[str | int] = []
    if wanted.states is not None:
        conditions.append(f"state IN ({', '.join('?' * len(wanted.states))})")
        values += sorted(wanted.states)
    for column, value in (("resident", wanted.resident), ("rule", wanted.rule), ("priority", wanted.priority)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(str(value))
    for condition, at in (("raised_at >= ?", wanted.since), ("raised_at < ?", wanted.until)):
        if at is not None:
            conditions.append(condition)
            values.append(to_ms(at))
    if wanted.before_id is not None:
        conditions.append("id < ?")
        values.append(wanted.before_id)
    return " AND ".join(conditions), values


def _notified(row: sqlite3.Row) -> Notified:
    return Notified(
        id=row["id"],
        alert=row["alert"],
        purpose=Purpose(row["purpose"]),
        step=row["step"],
        carer=row["carer"],
        contact=row["contact"],
        channel=row["channel"],
        state=row["state"],
        attempts=row["attempts"],
        due_at=from_ms(row["due_at"]),
        created_at=from_ms(row["created_at"]),
        settled_at=None if row["settled_at"] is None else from_ms(row["settled_at"]),
        detail=row["detail"],
    )


def _frame(row: sqlite3.Row) -> FrameSeen:
    raw = bytes(row["payload"])
    try:
        text: str | None = raw.decode()
    except UnicodeDecodeError:
        text = None
    return FrameSeen(
        seq=row["seq"],
        format=row["format"],
        topic=row["topic"],
        received_at=from_ms(row["received_at"]),
        redelivered=row["redelivered"],
        payload=text,
        payload_hex=raw.hex() if text is None else None,
    )


def _reading(row: sqlite3.Row) -> ReadingSeen:
    return ReadingSeen(
        seq=row["seq"],
        frame=row["frame"],
        device=row["device"],
        kind=row["kind"],
        observed_at=None if row["observed_at"] is None else from_ms(row["observed_at"]),
        received_at=from_ms(row["received_at"]),
        fields=msgspec.json.decode(row["fields"]),
    )
