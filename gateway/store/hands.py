"""In whose hands the open alerts are: nobody waits for a carer who is gone."""

import sqlite3
from collections.abc import Collection

import msgspec

from gateway.clock import to_ms
from gateway.store import audit
from gateway.store.writer import Tx


def in_hands(db: sqlite3.Connection, carers: Collection[str]) -> list[int]:
    """Numbers of the open alerts to which these carers are going, or at which they are."""
    wanted = msgspec.json.encode(sorted(carers)).decode()
    query = "SELECT id FROM alerts WHERE state != 'closed' AND taken_by IN (SELECT value FROM json_each(?)) ORDER BY id"
    return [row[0] for row in db.execute(query, (wanted,))]


def open_of(db: sqlite3.Connection, residents: Collection[str]) -> list[int]:
    """Numbers of the open alerts about these residents."""
    wanted = msgspec.json.encode(sorted(residents)).decode()
    query = "SELECT id FROM alerts WHERE state != 'closed' AND resident IN (SELECT value FROM json_each(?)) ORDER BY id"
    return [row[0] for row in db.execute(query, (wanted,))]


def ask_anew(tx: Tx, carers: Collection[str], *, by: str | None) -> None:
    """Every open alert that a carer has in hand who is not one of these becomes due now: the promise is worth nothing.

    Whoever answered at the command line is nobody of the centre, and stays.
    """
    known = msgspec.json.encode(sorted(carers)).decode()
    rows = tx.db.execute(
        "UPDATE alerts SET escalate_at = ?1 WHERE state IN ('acknowledged', 'attended') AND escalate_at > ?1"
        " AND taken_by NOT GLOB 'cli:*' AND taken_by NOT IN (SELECT value FROM json_each(?2)) RETURNING id, taken_by",
        (to_ms(tx.now), known),
    ).fetchall()
    for row in rows:
        tx.alerts.append(row["id"])
        detail = {"carer": row["taken_by"]}
        audit.record(tx, who=by, action="alert.taker_gone", target=f"alert/{row['id']}", detail=detail)
