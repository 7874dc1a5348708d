"""How changes of shifts end: taken back by a person, or because whoever comes is no carer any more.

Who was on duty stays as it was: what is over is not touched, what is running ends now, what is ahead is void.
"""

import sqlite3
from collections.abc import Collection
from typing import Final

import msgspec

from gateway.centre.rota import Change
from gateway.clock import to_ms
from gateway.errors import BadAnswerError
from gateway.store import audit
from gateway.store.rotas import change_of
from gateway.store.writer import Tx

_LARGEST: Final = 2**63 - 1


def take_back(tx: Tx, number: int, *, who: str) -> list[Change]:
    """End a change; of a swap whatever is not over, in both halves.

    A change that is running ends now: its ``until`` is the present time, and it stays in force for the time before.

    Raises:
        BadAnswerError: there is no such change in force, or it is over.
    """
    row = None
    if 0 < number <= _LARGEST:
        row = tx.db.execute(
            "SELECT coalesce(swap, id) AS first, until FROM shift_changes WHERE id = ? AND ended_at IS NULL", (number,)
        ).fetchone()
    if row is None:
        raise BadAnswerError(f"change: {number}: expected the number of a change of shifts that is in force.")
    rows = tx.db.execute(
        "SELECT * FROM shift_changes WHERE (id = ?1 OR swap = ?1) AND ended_at IS NULL AND until > ?2 ORDER BY id",
        (row["first"], to_ms(tx.now)),
    ).fetchall()
    if not rows:
        raise BadAnswerError(f"change: {number}: expected a change that is not over: who was on duty stays as it was.")
    return [_end(tx, change_of(one), by=who, action="shift.take_back") for one in rows]


def standing_in(db: sqlite3.Connection, carers: Collection[str], since_ms: int) -> list[Change]:
    """The changes by which these carers come, and that are not over at ``since_ms`` (epoch), the soonest first."""
    wanted = msgspec.json.encode(sorted(carers)).decode()
    query = (
        "SELECT * FROM shift_changes WHERE ended_at IS NULL AND until > ?"
        " AND comes IN (SELECT value FROM json_each(?)) ORDER BY since, id"
    )
    return [change_of(row) for row in db.execute(query, (since_ms, wanted))]


def keep_only(tx: Tx, carers: Collection[str], *, by: str | None) -> None:
    """Nobody comes who is not one of these carers: such a change ends, and who was planned is on duty again.

    An undo that brings the carer back does not bring the change back: by then somebody else may have been found.
    """
    known = msgspec.json.encode(sorted(carers)).decode()
    rows = tx.db.execute(
        "SELECT * FROM shift_changes WHERE ended_at IS NULL AND until > ?"
        " AND comes NOT IN (SELECT value FROM json_each(?)) ORDER BY id",
        (to_ms(tx.now), known),
    ).fetchall()
    for row in rows:
        _end(tx, change_of(row), by=by, action="shift.comer_gone")


def _end(tx: Tx, change: Change, *, by: str | None, action: str) -> Change:
    now = to_ms(tx.now)
    field = "until" if to_ms(change.since) < now else "ended_at"
    row = tx.db.execute(
        f"UPDATE shift_changes SET {field} = ?, ended_by = ? WHERE id = ? RETURNING *",  # noqa: S608 - our own words
        (now, by, change.id),
    ).fetchone()
    detail: dict[str, object] = {"comes": change.comes}
    if field == "until":
        detail["until"] = tx.now.isoformat()
    if change.swap is not None:
        detail["swap"] = change.swap
    audit.record(tx, who=by, action=action, target=f"shift_change/{change.id}", detail=detail)
    return change_of(row)
