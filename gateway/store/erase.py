"""Erase a person: everything that tells of them goes, in pieces so small that no alarm waits.

What stays, and why: the audit (it holds ids only, is hash-chained and can't be changed), the bare lines of closed
alerts without person, reason or evidence (for the house's key figures), and a line that the person of this id was
erased. Everything is overwritten on disk (secure_delete), the log is emptied, and the files' bytes are looked through.

The work can be stopped at any point, by a power cut too, and gone on with: each piece is a transaction, and the
versions of the centre, from which it is known what belonged to the person, are rewritten last.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from gateway.centre.without import Without, names_of_others, without
from gateway.clock import from_ms, to_ms
from gateway.errors import BadAnswerError, NotAllowedError
from gateway.store import audit, centres, former, version_lines
from gateway.store import erase_rows as rows
from gateway.store.centres import Ready
from gateway.store.erase_rows import Person
from gateway.store.erase_spans import Worn
from gateway.store.writer import Tx
from gateway.words import N_

ALERT_OPEN = N_("An alert about this person is open. Close it first.")
DEVICES_WORN = N_("The person still has devices. End their assignments first: else new data would come at once.")
BEGUN_ALREADY = N_("Somebody erased this person already.")


class Plan(NamedTuple):
    """What erasing a person will do. ``centre``: the next version of the centre; None: they are not in the newest."""

    person: Person
    base: int
    centre: Ready | None


class Erasure(msgspec.Struct, frozen=True):
    """A person who was erased, or is being erased (``done_at`` None). Times are UTC-aware."""

    resident: str
    asked_at: datetime
    asked_by: str
    done_at: datetime | None
    counts: dict[str, int]


def plan(db: sqlite3.Connection, resident: str, now: datetime) -> Plan:
    """Look at everything that is known of a person; changes nothing. Takes a moment in a large house.

    Raises:
        BadAnswerError: nobody of that id is, or was, in the centre.
        NotAllowedError: an alert is open, or devices are worn now (a msgid).
        CentreError: the rest of the centre would not hold without the person.
    """
    newest = centres.latest_number(db)
    known: list[Without] = []
    shared: set[str] = set()
    known_as = former.name_of(db, resident)
    names: set[str] = set() if known_as is None else {known_as}
    newest_document: dict[str, Any] = {}
    worn = Worn(resident)
    for version, applied_at in version_lines.numbers(db):
        document = centres.shared_document_of(db, version) or {}
        names.update(one["name"] for one in document.get("residents", ()) if one["id"] == resident)
        found = without(document, resident, only_look=True)
        shared.update(found.shared)
        if found.known:
            known.append(found)
        worn.add(applied_at, document)
        newest_document = document
    if not (known or names) and find(db, resident) is None:
        raise BadAnswerError(f"resident: {resident!r}: expected the id of somebody who is, or was, in the centre")
    why = refusal(db, newest_document, resident, now)
    if why is not None:
        raise NotAllowedError(why)
    person = Person(
        resident=resident,
        names=tuple(sorted(names, key=len, reverse=True)),
        theirs=frozenset(entry for one in known for entry in one.theirs),
        spans=tuple(worn.spans()),
        words=tuple(dict.fromkeys([*names, *(word for one in known for word in one.words)])),
        others=names_of_others(newest_document, resident),
        stay=frozenset(shared),
    )
    last = without(newest_document, resident, person.names, person.theirs, stay=person.stay)
    if not last.known:
        return Plan(person, newest, None)
    return Plan(person, newest, centres.checked(last.document))


def refusal(db: sqlite3.Connection, newest: dict[str, Any], resident: str, now: datetime) -> str | None:
    """Why a person can't be erased now (a msgid); None: they can."""
    query = "SELECT 1 FROM alerts WHERE resident = ? AND state != 'closed' LIMIT 1"
    if db.execute(query, (resident,)).fetchone() is not None:
        return ALERT_OPEN
    for one in newest.get("assignments", ()):
        if one["resident"] == resident and (one.get("to") is None or _time(one["to"]) > now):
            return DEVICES_WORN
    return None


def begin(tx: Tx, wanted: Plan, *, who: str) -> None:
    """Take the person out of the centre in force, and note that they are being erased.

    Raises:
        VersionConflictError: the centre was changed since the plan was made.
        NotAllowedError: an alert was raised since.
    """
    resident = wanted.person.resident
    query = "SELECT 1 FROM alerts WHERE resident = ? AND state != 'closed' LIMIT 1"
    if tx.db.execute(query, (resident,)).fetchone() is not None:
        raise NotAllowedError(ALERT_OPEN)
    if wanted.centre is not None:
        centres.apply_ready(tx, wanted.centre, who=who, base=wanted.base)
    tx.db.execute(
        "INSERT INTO erasures (resident, asked_at, asked_by) VALUES (?, ?, ?)"
        " ON CONFLICT (resident) DO UPDATE SET done_at = NULL",
        (resident, to_ms(tx.now), who),
    )
    audit.record(tx, who=who, action="person.erase", target=f"resident/{resident}")


def works(person: Person) -> Iterator[tuple[str, rows.Work]]:
    """What is to be done after :func:`begin`, in order: each is called again in a new transaction while it says that
    there is more; before each piece of ``erase_rows.Versions`` its ``prepare``, outside of the transaction."""
    yield from rows.works(person)


def end(tx: Tx, person: Person, counts: dict[str, int], *, who: str) -> None:
    """Note that it is done."""
    before = tx.db.execute("SELECT counts FROM erasures WHERE resident = ?", (person.resident,)).fetchone()
    added: dict[str, int] = msgspec.json.decode(before["counts"]) if before else {}
    for what, number in counts.items():
        added[what] = added.get(what, 0) + number
    tx.db.execute(
        "UPDATE erasures SET done_at = ?, counts = ? WHERE resident = ?",
        (to_ms(tx.now), msgspec.json.encode(added).decode(), person.resident),
    )
    audit.record(tx, who=who, action="person.erased", target=f"resident/{person.resident}", detail=added)


def find(db: sqlite3.Connection, resident: str) -> Erasure | None:
    """Whether somebody of that id was erased, or is being erased."""
    row = db.execute("SELECT * FROM erasures WHERE resident = ?", (resident,)).fetchone()
    return None if row is None else _erasure(row)


def erasures(db: sqlite3.Connection, limit: int = 100) -> list[Erasure]:
    """Who was erased, the last first."""
    found = db.execute("SELECT * FROM erasures ORDER BY asked_at DESC LIMIT ?", (limit,))
    return [_erasure(row) for row in found]


def _erasure(row: sqlite3.Row) -> Erasure:
    return Erasure(
        resident=row["resident"],
        asked_at=from_ms(row["asked_at"]),
        asked_by=row["asked_by"],
        done_at=None if row["done_at"] is None else from_ms(row["done_at"]),
        counts=msgspec.json.decode(row["counts"]),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
