"""One piece of each kind of data: which rows are too old, and what belongs to them. Each is one short transaction."""

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from gateway.store import audit, kept_sheets
from gateway.store.history import first_frame, first_received
from gateway.store.migrations import READINGS_PER_FRAME
from gateway.store.writer import Tx

ROWS: Final = 500
"""Rows taken out in one transaction: some milliseconds in which nobody else writes."""

LOOKED_AT: Final = 2_000
"""Rows looked through in one transaction where only some of them go."""

VERSIONS_KEPT: Final = 20
"""Newest versions of the centre that are kept whatever their age: an alert's rules and an undo need them."""

# Conditions on rows that are too old, by kind; ? is the time.
_PLAIN: Final = {
    "notifications": (
        "notifications",
        "created_at < ? AND (SELECT state FROM alerts WHERE alerts.id = notifications.alert) = 'closed'",
    ),
    "searches": ("searches", "made_at < ?"),
    "states": ("alerts", "state = 'closed' AND raised_at < ? AND (before IS NOT NULL OR after IS NOT NULL)"),
    "alerts": ("alerts", "closed_at < ?"),
    "notes": (
        "care_notes",
        (
            "at < ?1 AND id NOT IN (WITH RECURSIVE kept (id) AS (SELECT corrects FROM care_notes WHERE at >= ?1 AND"
            " corrects IS NOT NULL UNION SELECT n.corrects FROM care_notes n JOIN kept ON n.id = kept.id WHERE"
            " n.corrects IS NOT NULL) SELECT id FROM kept)"
        ),
    ),
    "rounds": ("round_checks", "at < ?"),
    "commands": ("commands", "settled_at < ?"),
    "shelves": ("shelves", "ended_at < ?"),
    "contact_tests": ("contact_tests", "at < ?"),
    "break_glass": ("break_glass", "until < ?"),
    "exports": ("exports", "at < ?"),
    # the first half of a swap goes after the second, which names it
    "shift_changes": (
        "shift_changes",
        "coalesce(ended_at, until) < ? AND id NOT IN (SELECT swap FROM shift_changes WHERE swap IS NOT NULL)",
    ),
    # of who lives in the house it is kept: it says what counts today, and what was agreed when
    "consents": ("consent_log", "resident IN (SELECT resident FROM former_residents WHERE left_at < ?)"),
    "left": ("rule_states", "resident IN (SELECT resident FROM former_residents WHERE left_at < ?)"),
    "audit": ("audit", "at < ?"),
    # ? is the first message that is kept: messages are numbered as they came, and no index has their times
    "journal": ("journal", "seq < ? AND seq < (SELECT max(seq) FROM journal)"),
    "quarantine": ("quarantine", "frame < ? AND frame < (SELECT max(seq) FROM journal)"),
    "centre_versions": (
        "centre_versions",
        f"applied_at < ? AND version <= (SELECT max(version) FROM centre_versions) - {VERSIONS_KEPT}",  # noqa: S608
    ),
}


class Piece(NamedTuple):
    """How many rows went, and whether there may be more to look at."""

    removed: int
    more: bool


def count(db: sqlite3.Connection, kind: str, cut: int, most: int) -> int:
    """How many rows of a kind are too old, counted up to ``most``."""
    if kind in {"positions", "readings"}:
        mark = _mark(db, kind) if kind == "positions" else 0
        only = " AND kind = 'position'" if kind == "positions" else ""
        query = f"SELECT count(*) FROM (SELECT 1 FROM readings WHERE seq >= ? AND seq < ?{only} LIMIT ?)"  # noqa: S608
        return int(db.execute(query, (mark, first_received(db, cut), most)).fetchone()[0])
    if kind == "event_ids":
        return 0  # they go along with their readings
    table, condition = _PLAIN[kind]
    query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {condition} LIMIT {most:d})"  # noqa: S608 - our words
    before = first_frame(db, cut) if kind in {"journal", "quarantine"} else cut
    return int(db.execute(query, (before,)).fetchone()[0])


def positions(tx: Tx, cut: int) -> Piece:
    """Only positions go; other readings of the same time have their own days."""
    begin, end = _mark(tx.db, "positions"), first_received(tx.db, cut)
    found = tx.db.execute(
        "SELECT seq, resident, kind FROM readings WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
        (begin, end, ROWS),
    ).fetchall()
    gone = [row for row in found if row["kind"] == "position"]
    take_readings(tx, gone)
    if found:
        _set_mark(tx, "positions", found[-1]["seq"] + 1)
    return Piece(len(gone), len(found) == ROWS)


def states(tx: Tx, cut: int) -> Piece:
    """What rules knew around closed alerts, and around what was shelved; the alerts and their reasons stay."""
    gone = [(number,) for number in _numbers(tx.db, "states", cut)]
    tx.db.executemany("UPDATE alerts SET before = NULL, after = NULL WHERE id = ?", gone)
    shelved = tx.db.execute(
        "SELECT d.id FROM shelved d JOIN shelves s ON s.id = d.shelf WHERE s.ended_at IS NOT NULL AND d.last_at < ?"
        " AND coalesce(d.story ->> '$.before', d.story ->> '$.after') IS NOT NULL LIMIT ?",
        (cut, ROWS),
    ).fetchall()
    tx.db.executemany(
        "UPDATE shelved SET story = json_remove(story, '$.before', '$.after') WHERE id = ?",
        [tuple(row) for row in shelved],
    )
    return Piece(len(gone), len(gone) == ROWS or len(shelved) == ROWS)


def readings(tx: Tx, cut: int) -> Piece:
    """Every reading from before that time."""
    found = tx.db.execute(
        "SELECT seq, resident, kind FROM readings WHERE seq < ? ORDER BY seq LIMIT ?",
        (first_received(tx.db, cut), ROWS),
    ).fetchall()
    take_readings(tx, found)
    return Piece(len(found), len(found) == ROWS)


def take_readings(tx: Tx, found: Iterable[sqlite3.Row]) -> None:
    """Take out readings (seq, resident, kind), and where they were noted."""
    gone = [(row["resident"], row["kind"], row["seq"]) for row in found]
    tx.db.executemany("DELETE FROM reading_places WHERE resident = ? AND kind = ? AND seq = ?", gone)
    tx.db.executemany("DELETE FROM readings WHERE seq = ?", [(seq,) for _, _, seq in gone])


def event_ids(tx: Tx, cut: int) -> Piece:
    """Ids of events whose readings are past their time: the same one again would be told as old, not as new."""
    kept = tx.db.execute(
        "SELECT seq FROM readings WHERE seq >= ? ORDER BY seq LIMIT 1", (first_received(tx.db, cut),)
    ).fetchone()
    frame = 0 if kept is None else kept["seq"] // READINGS_PER_FRAME
    device, event = _event_mark(tx.db)
    found = tx.db.execute(
        "SELECT device, event_id, frame FROM event_ids WHERE (device, event_id) > (?, ?)"
        " ORDER BY device, event_id LIMIT ?",
        (device, event, LOOKED_AT),
    ).fetchall()
    gone = [(row["device"], row["event_id"]) for row in found if row["frame"] < frame]
    tx.db.executemany("DELETE FROM event_ids WHERE device = ? AND event_id = ?", gone)
    more = len(found) == LOOKED_AT
    mark = [found[-1]["device"], found[-1]["event_id"]] if more else ["", ""]  # at the end: from the beginning again
    _set_mark(tx, "event_ids", msgspec.json.encode(mark).decode())
    return Piece(len(gone), more)


def journal(tx: Tx, cut: int) -> Piece:
    """Raw messages; the newest stays, because numbers go on from it."""
    found = tx.db.execute(
        "SELECT seq, received_at FROM journal WHERE seq < (SELECT max(seq) FROM journal) ORDER BY seq LIMIT ?", (ROWS,)
    ).fetchall()
    gone = [(row["seq"],) for row in found if row["received_at"] < cut]
    tx.db.executemany("DELETE FROM quarantine WHERE frame = ?", gone)
    tx.db.executemany("DELETE FROM journal WHERE seq = ?", gone)
    return Piece(len(gone), len(gone) == ROWS)


def quarantine(tx: Tx, cut: int) -> Piece:
    """Messages that could not be read, with the message itself."""
    gone = [(frame,) for frame in _numbers(tx.db, "quarantine", first_frame(tx.db, cut), "frame")]
    tx.db.executemany("DELETE FROM quarantine WHERE frame = ?", gone)
    tx.db.executemany("DELETE FROM journal WHERE seq = ?", gone)
    return Piece(len(gone), len(gone) == ROWS)


def notifications(tx: Tx, cut: int) -> Piece:
    """Messages about closed alerts."""
    return _plain(tx, "notifications", cut)


def searches(tx: Tx, cut: int) -> Piece:
    """Links of searches that are over."""
    return _plain(tx, "searches", cut)


def alerts(tx: Tx, cut: int) -> Piece:
    """Closed alerts, with their messages, history and searches."""
    gone = _numbers(tx.db, "alerts", cut)
    for statement in (
        "DELETE FROM notifications WHERE alert = ?",
        "DELETE FROM alert_events WHERE alert = ?",
        "DELETE FROM searches WHERE alert = ?",
        "UPDATE alerts SET under = NULL WHERE under = ?",
        "DELETE FROM alerts WHERE id = ?",
    ):
        tx.db.executemany(statement, [(number,) for number in gone])
    return Piece(len(gone), len(gone) == ROWS)


def notes(tx: Tx, cut: int) -> Piece:
    """Carers' notes; one that a newer note corrects goes with that."""
    return _plain(tx, "notes", cut)


def rounds(tx: Tx, cut: int) -> Piece:
    """What was done on rounds."""
    return _plain(tx, "rounds", cut)


def commands(tx: Tx, cut: int) -> Piece:
    """Commands that are settled."""
    return _plain(tx, "commands", cut, "seq")


def shelves(tx: Tx, cut: int) -> Piece:
    """Shelves that ended, with what they held."""
    gone = _numbers(tx.db, "shelves", cut)
    tx.db.executemany("DELETE FROM shelved WHERE shelf = ?", [(number,) for number in gone])
    tx.db.executemany("DELETE FROM shelves WHERE id = ?", [(number,) for number in gone])
    return Piece(len(gone), len(gone) == ROWS)


def contact_tests(tx: Tx, cut: int) -> Piece:
    """Tests of contacts."""
    return _plain(tx, "contact_tests", cut)


def centre_versions(tx: Tx, cut: int) -> Piece:
    """Earlier versions of the centre, one at a time: each may hold every photo of the house."""
    gone = _numbers(tx.db, "centre_versions", cut, "version", 1)
    for number in gone:
        kept_sheets.remove(tx, number)
    return Piece(len(gone), bool(gone))


def break_glass(tx: Tx, cut: int) -> Piece:
    """The reasons of break-glass."""
    return _plain(tx, "break_glass", cut)


def exports(tx: Tx, cut: int) -> Piece:
    """The reasons of copies that were made of everything about a person."""
    return _plain(tx, "exports", cut)


def shift_changes(tx: Tx, cut: int) -> Piece:
    """Changes of shifts that are over, with their reasons: what carers told of themselves."""
    return _plain(tx, "shift_changes", cut)


def consents(tx: Tx, cut: int) -> Piece:
    """What people agreed to who left, and who agreed for them."""
    return _plain(tx, "consents", cut)


def left(tx: Tx, cut: int) -> Piece:
    """What rules know of people who left: their last place, their usual nights; and how far they were protected."""
    tx.db.execute(
        "DELETE FROM protection WHERE resident IN (SELECT resident FROM former_residents WHERE left_at < ?)", (cut,)
    )
    return _plain(tx, "left", cut, "resident")


def audit_rows(tx: Tx, cut: int) -> Piece:
    """The audit's oldest rows, and what is noted of them as looks."""
    found = tx.db.execute("SELECT seq, at FROM audit ORDER BY seq LIMIT ?", (ROWS,)).fetchall()
    through = 0
    for row in found:
        if row["at"] >= cut:
            break
        through = row["seq"]
    gone = audit.cut(tx, through, ROWS) if through else 0
    if gone:
        tx.db.execute("DELETE FROM looks WHERE seq <= (SELECT seq FROM audit_head)")
    return Piece(gone, gone == ROWS)


def _plain(tx: Tx, kind: str, cut: int, key: str = "id") -> Piece:
    gone = _numbers(tx.db, kind, cut, key)
    table = _PLAIN[kind][0]
    tx.db.executemany(f"DELETE FROM {table} WHERE {key} = ?", [(number,) for number in gone])  # noqa: S608 - our words
    return Piece(len(gone), len(gone) == ROWS)


def _numbers(db: sqlite3.Connection, kind: str, cut: int, key: str = "id", most: int = ROWS) -> list[int]:
    table, condition = _PLAIN[kind]
    order = "DESC" if kind == "notes" else "ASC"
    query = f"SELECT {key} FROM {table} WHERE {condition} ORDER BY {key} {order} LIMIT {most:d}"  # noqa: S608
    return [row[0] for row in db.execute(query, (cut,))]


def _mark(db: sqlite3.Connection, kind: str) -> int:
    row = db.execute("SELECT mark FROM retention_marks WHERE kind = ?", (kind,)).fetchone()
    return 0 if row is None else int(row[0])


def _event_mark(db: sqlite3.Connection) -> tuple[str, str]:
    row = db.execute("SELECT mark FROM retention_marks WHERE kind = 'event_ids'").fetchone()
    return ("", "") if row is None else msgspec.json.decode(row[0], type=tuple[str, str])


def _set_mark(tx: Tx, kind: str, mark: object) -> None:
    tx.db.execute(
        "INSERT INTO retention_marks (kind, mark) VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET mark = excluded.mark",
        (kind, str(mark)),
    )
