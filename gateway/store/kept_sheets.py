"""The sheets of the centre's versions as they are stored: versions share those that are the same."""

import sqlite3

import msgspec

from gateway.centre.sheets import Order, Sheets
from gateway.store.writer import Tx


def rewrite(tx: Tx, version: int, sheets: Sheets) -> None:
    """Replace what a version holds, because a person in it is erased; its number, time and reason stay."""
    row = tx.db.execute("SELECT sheets FROM centre_versions WHERE version = ?", (version,)).fetchone()
    before = order_of(row["sheets"])
    keep(tx, sheets, before)
    tx.db.execute(
        "UPDATE centre_versions SET sheets = ?, digest = ? WHERE version = ?",
        (json_of(sheets.order), sheets.digest, version),
    )
    _let_go(tx, before)


def sheets_after(db: sqlite3.Connection, version: int) -> tuple[int, list[str]] | None:
    """The next version after that number, and the digests of its sheets; None: there is none."""
    row = db.execute(
        "SELECT version, sheets FROM centre_versions WHERE version > ? ORDER BY version LIMIT 1", (version,)
    ).fetchone()
    return None if row is None else (row["version"], [one for ones in order_of(row["sheets"]).values() for one in ones])


def sheet(db: sqlite3.Connection, digest: str) -> str:
    """The text of a sheet."""
    return str(db.execute("SELECT text FROM centre_sheets WHERE digest = ?", (digest,)).fetchone()["text"])


def remove(tx: Tx, version: int) -> None:
    """Remove a version, and what only it held."""
    row = tx.db.execute("SELECT sheets FROM centre_versions WHERE version = ?", (version,)).fetchone()
    tx.db.execute("DELETE FROM centre_versions WHERE version = ?", (version,))
    if row is not None:
        _let_go(tx, order_of(row["sheets"]))


def keep(tx: Tx, sheets: Sheets, before: Order) -> None:
    """Store the sheets that a version has and the one before has not."""
    there = {digest for digests in before.values() for digest in digests}
    tx.db.executemany(
        "INSERT OR IGNORE INTO centre_sheets (digest, text) VALUES (?, ?)",
        [(digest, text.decode()) for digest, text in sheets.texts.items() if digest not in there],
    )


def _let_go(tx: Tx, before: Order) -> None:
    """Remove those sheets that no version has any more."""
    left = {digest for digests in before.values() for digest in digests}
    for row in tx.db.execute("SELECT sheets FROM centre_versions ORDER BY version DESC"):
        if not left:
            return
        left = {digest for digest in left if digest not in row["sheets"]}
    tx.db.executemany("DELETE FROM centre_sheets WHERE digest = ?", [(digest,) for digest in left])


def order_of(text: str) -> Order:
    """Which sheets a version has, as its row holds it."""
    return msgspec.json.decode(text, type=Order)


def json_of(value: object) -> str:
    """As JSON that is the same for the same value."""
    return msgspec.json.encode(value, order="sorted").decode()
