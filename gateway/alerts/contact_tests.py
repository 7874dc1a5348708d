"""Tests of the ways to reach carers: real messages, marked as tests, and a record of what became of each.

Whoever asks whether a contact works (the coverage of the coming week) reads :func:`latest`.
"""

import hashlib
import sqlite3
from datetime import datetime

import msgspec

from gateway.clock import from_ms, to_ms
from gateway.store import audit
from gateway.store.writer import Tx

TEST_PURPOSE = "test"
"""Purpose of a test's message, and the first part of the purpose in its link: ``test:7`` is test number 7."""

BY_GATEWAY = "gateway"
"""Who ran the monthly tests."""


class ContactTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test. ``ok``: the provider took it over; ``confirmed_at``: the carer said that it came. Times UTC-aware."""

    id: int
    carer: str
    contact: int
    channel: str
    address_hash: str
    at: datetime
    by: str
    ok: bool
    detail: str | None
    confirmed_at: datetime | None


def address_hash(channel: str, address: str) -> str:
    """What a way to reach somebody is known by in the record: a change of the address makes it another one."""
    return hashlib.sha256(f"{channel}\n{address}".encode()).hexdigest()[:16]


def begin(tx: Tx, *, carer: str, contact: int, channel: str, address: str, by: str) -> int:
    """Note that a test begins; returns its number. Until :func:`end` it counts as failed."""
    number = tx.db.execute(
        "INSERT INTO contact_tests (carer, contact, channel, address_hash, at, by, ok, detail) "
        "VALUES (?, ?, ?, ?, ?, ?, 0, 'not finished') RETURNING id",
        (carer, contact, channel, address_hash(channel, address), to_ms(tx.now), by),
    ).fetchone()[0]
    audit.record(
        tx, who=by, action="test-contact", target=f"carer/{carer}", detail={"contact": contact, "channel": channel}
    )
    return int(number)


def end(tx: Tx, number: int, *, ok: bool, detail: str | None) -> None:
    """Note what became of it."""
    tx.db.execute("UPDATE contact_tests SET ok = ?, detail = ? WHERE id = ?", (ok, detail, number))


def confirm(tx: Tx, number: int, carer: str) -> bool:
    """The carer says that it came. A second time changes nothing. False: there is no such test of this carer."""
    done = tx.db.execute(
        "UPDATE contact_tests SET ok = 1, confirmed_at = ? WHERE id = ? AND carer = ? AND confirmed_at IS NULL",
        (to_ms(tx.now), number, carer),
    ).rowcount
    if done:
        audit.record(tx, who=carer, action="contact.confirmed", target=f"carer/{carer}", detail={"test": number})
    found = tx.db.execute("SELECT 1 FROM contact_tests WHERE id = ? AND carer = ?", (number, carer)).fetchone()
    return found is not None


def of_purpose(purpose: str) -> int | None:
    """The test's number in a link's purpose; None: it is about no test."""
    word, _, number = purpose.partition(":")
    return int(number) if word == TEST_PURPOSE and number.isdecimal() else None


def latest(db: sqlite3.Connection) -> dict[tuple[str, str], ContactTest]:
    """The newest test of each way, by carer and :func:`address_hash`."""
    rows = db.execute(
        "SELECT * FROM contact_tests WHERE id IN (SELECT max(id) FROM contact_tests GROUP BY carer, address_hash)"
    )
    return {(row["carer"], row["address_hash"]): _test(row) for row in rows}


def newest(db: sqlite3.Connection, *, limit: int, carer: str | None = None) -> list[ContactTest]:
    """The record, the newest first; of everybody or of one carer."""
    rows = db.execute(
        "SELECT * FROM contact_tests WHERE carer = ? OR ? IS NULL ORDER BY id DESC LIMIT ?", (carer, carer, limit)
    )
    return [_test(row) for row in rows]


def _test(row: sqlite3.Row) -> ContactTest:
    return ContactTest(
        id=row["id"],
        carer=row["carer"],
        contact=row["contact"],
        channel=row["channel"],
        address_hash=row["address_hash"],
        at=from_ms(row["at"]),
        by=row["by"],
        ok=bool(row["ok"]),
        detail=row["detail"],
        confirmed_at=None if row["confirmed_at"] is None else from_ms(row["confirmed_at"]),
    )
