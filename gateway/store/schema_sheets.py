"""Part of version 7 of the schema: versions of the centre in sheets, so that each costs what it changed."""

import msgspec
from sqlite_utils import Database

from gateway.centre.sheets import sheets_of
from gateway.store.migrating import statements

_TABLES = """
-- Some entries of a table of the centre, as JSON. Versions share them.
CREATE TABLE centre_sheets (
    digest TEXT PRIMARY KEY,                 -- of the text
    text TEXT NOT NULL
);
CREATE TABLE versions_in_sheets (
    version INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL,
    applied_by TEXT,
    digest TEXT NOT NULL,                    -- as the audit has it
    sheets TEXT NOT NULL,                    -- JSON: the digests of its sheets in order, by table; zones included
    why TEXT,                                -- in the words of who changed it; NULL: nobody said
    undoes INTEGER                           -- the version whose change this one takes back
);
"""


def sheets(db: Database) -> None:
    """Put every version's document into sheets."""
    for statement in statements(_TABLES):
        db.execute(statement)
    for version, text in db.execute("SELECT version, document FROM centre_versions ORDER BY version").fetchall():
        found = sheets_of(msgspec.json.decode(text))
        for digest, sheet in found.texts.items():
            db.execute("INSERT OR IGNORE INTO centre_sheets (digest, text) VALUES (?, ?)", (digest, sheet.decode()))
        db.execute(
            "INSERT INTO versions_in_sheets (version, applied_at, applied_by, digest, sheets, why, undoes)"
            " SELECT version, applied_at, applied_by, digest, ?, why, undoes FROM centre_versions WHERE version = ?",
            (msgspec.json.encode(found.order, order="sorted").decode(), version),
        )
    db.execute("DROP TABLE centre_versions")
    db.execute("ALTER TABLE versions_in_sheets RENAME TO centre_versions")
