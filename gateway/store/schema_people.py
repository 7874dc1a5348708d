"""Part of version 7 of the schema: answers are known by hashes; who left the centre, so that no id is given twice."""

import hashlib

import msgspec
from sqlite_utils import Database

from gateway.centre.sheets import entries_in
from gateway.store.migrating import statements

_TABLES = """
-- Key is carer/alert/SHA-256 of the sender's key, digest is SHA-256 of the answer: nothing that was written is in them.
ALTER TABLE answers ADD COLUMN alert INTEGER;
CREATE INDEX answers_by_alert ON answers (alert);
CREATE INDEX answers_by_time ON answers (at);
-- Residents who are not in the centre any more while something is stored of them. Their ids are not given to others.
CREATE TABLE former_residents (
    resident TEXT PRIMARY KEY,
    name TEXT NOT NULL,                      -- as it was last: with the same name it is the same person
    version INTEGER NOT NULL,                -- of the centre, the last with them in it
    left_at INTEGER NOT NULL
) WITHOUT ROWID;
"""


def people(db: Database) -> None:
    """Hashes for answers, and who is not in the newest version of the centre any more; after the sheets."""
    for statement in statements(_TABLES):
        db.execute(statement)
    for key, digest in db.execute("SELECT key, digest FROM answers").fetchall():
        who, _, rest = key.partition("/")
        alert, _, own = rest.partition("/")
        db.execute(
            "UPDATE answers SET key = ?, digest = ?, alert = ? WHERE key = ?",
            (f"{who}/{alert}/{_hash(own)}", _hash(digest), int(alert), key),
        )
    _former(db)


def _former(db: Database) -> None:
    rows = db.execute("SELECT version, applied_at, sheets FROM centre_versions ORDER BY version DESC").fetchall()
    seen: set[str] = set()
    there = {row[0] for row in db.execute("SELECT resident FROM erasures")}
    left_at = 0
    for version, applied_at, order in rows:
        for digest in msgspec.json.decode(order).get("residents", ()):
            if digest in seen:
                continue
            seen.add(digest)
            [text] = db.execute("SELECT text FROM centre_sheets WHERE digest = ?", (digest,)).fetchone()
            for one in entries_in(text):
                if one["id"] in there:
                    continue
                there.add(one["id"])
                if version != rows[0][0]:
                    db.execute(
                        "INSERT INTO former_residents (resident, name, version, left_at) VALUES (?, ?, ?, ?)",
                        (one["id"], one["name"], version, left_at),
                    )
        left_at = applied_at


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
