"""What is too old goes: every day, in pieces so small that no alarm waits for one, and never under an open alert.

Each kind of data has its own days ([retention] in gateway.toml). Pages are overwritten as rows go (secure_delete),
and the write-ahead log is emptied afterwards (gateway.store.compact), so that what went is gone from the disk's files.
"""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from gateway.clock import from_ms, to_ms
from gateway.settings.retention import Retention
from gateway.store import former, requests
from gateway.store import retention_rows as rows
from gateway.store.alarms import DEVICES, ROUTINE
from gateway.store.writer import Tx

BEFORE_AN_ALERT: Final = timedelta(days=1)
"""What led to an open alert, and the day before it, is kept until a person has closed it."""

COUNTED: Final = 100_000
"""Rows that a preview counts at the most: a page must not take seconds."""

KEEP_RUNS: Final = timedelta(days=400)

KEEP_ANSWERS: Final = timedelta(days=7)
"""How long it is known which answers came. A phone that was off for longer holds answers that nobody waits for."""


class Kind(StrEnum):
    """Kinds of data, in the order in which they are looked through."""

    POSITIONS = "positions"
    STATES = "states"
    """What a rule knew when it raised an alert that is closed: places too."""
    READINGS = "readings"
    EVENT_IDS = "event_ids"
    """The senders' ids of events that are past their time as readings."""
    JOURNAL = "journal"
    QUARANTINE = "quarantine"
    NOTIFICATIONS = "notifications"
    SEARCHES = "searches"
    ALERTS = "alerts"
    NOTES = "notes"
    ROUNDS = "rounds"
    COMMANDS = "commands"
    SHELVES = "shelves"
    CONTACT_TESTS = "contact_tests"
    CENTRE_VERSIONS = "centre_versions"
    BREAK_GLASS = "break_glass"
    EXPORTS = "exports"
    SHIFT_CHANGES = "shift_changes"
    CONSENTS = "consents"
    """Of people who left; that of who lives in the house is kept."""
    LEFT = "left"
    """What rules know of people who left."""
    AUDIT = "audit"


EVIDENCE: Final = frozenset({Kind.POSITIONS, Kind.READINGS, Kind.EVENT_IDS, Kind.JOURNAL, Kind.QUARANTINE})
"""What an open alert holds back."""

_NOT_HELD: Final = msgspec.json.encode(
    sorted(ROUTINE | DEVICES | {"coverage_gap", "rota_unreachable", "space_short"})
).decode()
"""Notices to managers rest on no readings. A battery or a device in a drawer may be open for months: everybody's
positions are not kept for that."""

_DAYS: Final[Mapping[Kind, str]] = {
    Kind.STATES: "positions_days",
    Kind.EVENT_IDS: "readings_days",
    Kind.BREAK_GLASS: "audit_days",
    Kind.EXPORTS: "audit_days",
    Kind.SHIFT_CHANGES: "audit_days",
    Kind.CONSENTS: "audit_days",
    Kind.LEFT: "positions_days",
}

_HOLD_POSITIONS: Final = frozenset({Kind.JOURNAL, Kind.QUARANTINE})
"""Messages as they came say where people were, so they are never kept for longer than that."""

_PIECES: Final[Mapping[Kind, Callable[[Tx, int], rows.Piece]]] = {
    Kind.POSITIONS: rows.positions,
    Kind.STATES: rows.states,
    Kind.READINGS: rows.readings,
    Kind.EVENT_IDS: rows.event_ids,
    Kind.JOURNAL: rows.journal,
    Kind.QUARANTINE: rows.quarantine,
    Kind.NOTIFICATIONS: rows.notifications,
    Kind.SEARCHES: rows.searches,
    Kind.ALERTS: rows.alerts,
    Kind.NOTES: rows.notes,
    Kind.ROUNDS: rows.rounds,
    Kind.COMMANDS: rows.commands,
    Kind.SHELVES: rows.shelves,
    Kind.CONTACT_TESTS: rows.contact_tests,
    Kind.CENTRE_VERSIONS: rows.centre_versions,
    Kind.BREAK_GLASS: rows.break_glass,
    Kind.EXPORTS: rows.exports,
    Kind.SHIFT_CHANGES: rows.shift_changes,
    Kind.CONSENTS: rows.consents,
    Kind.LEFT: rows.left,
    Kind.AUDIT: rows.audit_rows,
}


class Cut(msgspec.Struct, frozen=True):
    """Before which time (UTC-aware) a kind goes; ``held_by``: the open alert that keeps more than the days would."""

    kind: Kind
    days: int
    older_than: datetime
    held_by: int | None


class Line(msgspec.Struct, frozen=True):
    """What would go of a kind now; ``rows`` is counted up to COUNTED."""

    cut: Cut
    rows: int


class Run(msgspec.Struct, frozen=True):
    """What went of a kind; times are UTC-aware."""

    at: datetime
    kind: str
    older_than: datetime
    removed: int


def cuts(db: sqlite3.Connection, settings: Retention, now: datetime) -> list[Cut]:
    """What is too old now, by kind."""
    first = _oldest_open(db)
    floor = None if first is None else from_ms(first["at"]) - BEFORE_AN_ALERT
    holder = None if first is None else int(first["id"])
    found = []
    for kind in Kind:
        days: int = getattr(settings, _DAYS.get(kind, f"{kind}_days"))
        if kind in _HOLD_POSITIONS:
            days = min(days, settings.positions_days)
        at = now - timedelta(days=days)
        held = floor is not None and kind in EVIDENCE and floor < at
        found.append(Cut(kind, days, floor if held and floor else at, holder if held else None))
    return found


def piece(tx: Tx, cut: Cut) -> rows.Piece:
    """Take out the next rows of a kind that are too old, in the caller's transaction.

    An alert that was raised since ``cut`` was made is looked at again: nothing of it goes.
    """
    if cut.kind in EVIDENCE:
        row = _oldest_open(tx.db)
        if row is not None and from_ms(row["at"]) - BEFORE_AN_ALERT < cut.older_than:
            return _PIECES[cut.kind](tx, to_ms(from_ms(row["at"]) - BEFORE_AN_ALERT))
    return _PIECES[cut.kind](tx, to_ms(cut.older_than))


def note_run(tx: Tx, cut: Cut, removed: int) -> None:
    """Write down what went; an old note goes too."""
    tx.db.execute(
        "INSERT INTO retention_runs (at, kind, older_than, removed) VALUES (?, ?, ?, ?)",
        (to_ms(tx.now), cut.kind.value, to_ms(cut.older_than), removed),
    )
    tx.db.execute("DELETE FROM retention_runs WHERE at < ?", (to_ms(tx.now - KEEP_RUNS),))
    if cut.kind is Kind.AUDIT:  # the last one
        requests.clear(tx)
        tx.db.execute("DELETE FROM answers WHERE at < ?", (to_ms(tx.now - KEEP_ANSWERS),))
        former.let_go(tx)


def preview(db: sqlite3.Connection, settings: Retention, now: datetime) -> list[Line]:
    """What would go now, by kind; nothing is changed."""
    return [
        Line(cut, rows.count(db, cut.kind.value, to_ms(cut.older_than), COUNTED)) for cut in cuts(db, settings, now)
    ]


def last_runs(db: sqlite3.Connection, limit: int = 64) -> list[Run]:
    """What went, the newest first."""
    found = db.execute("SELECT at, kind, older_than, removed FROM retention_runs ORDER BY id DESC LIMIT ?", (limit,))
    return [Run(from_ms(at), kind, from_ms(older), removed) for at, kind, older, removed in found]


def last_at(db: sqlite3.Connection) -> datetime | None:
    """When a whole run last ended (UTC); None: never."""
    row = db.execute("SELECT max(at) FROM retention_runs WHERE kind = ?", (Kind.AUDIT.value,)).fetchone()
    return None if row[0] is None else from_ms(row[0])


def _oldest_open(db: sqlite3.Connection) -> sqlite3.Row | None:
    """The open alert that began first, and holds back what led to it."""
    row: sqlite3.Row | None = db.execute(
        "SELECT id, min(happened_at, raised_at) AS at FROM alerts WHERE state != 'closed'"
        " AND rule NOT IN (SELECT value FROM json_each(?)) ORDER BY 2 LIMIT 1",
        (_NOT_HELD,),
    ).fetchone()
    return row
