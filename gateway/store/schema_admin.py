"""Part of version 7 of the schema: why the centre was changed, one-time links for passwords."""

from sqlite_utils import Database

from gateway.store.migrating import statements

_TABLES = """
ALTER TABLE centre_versions ADD COLUMN why TEXT;             -- in the words of who changed it; NULL: nobody said
ALTER TABLE centre_versions ADD COLUMN undoes INTEGER;       -- the version whose change this one takes back
-- Links with which somebody sets their own password, once. The link itself is nowhere: only its hash.
CREATE TABLE password_links (
    token_hash TEXT PRIMARY KEY,             -- SHA-256
    carer TEXT NOT NULL,
    made_by TEXT NOT NULL,                   -- carer id or cli:<user>
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER                          -- NULL: not used; a newer link, or a new password, ends it too
) WITHOUT ROWID;
"""


def admin(db: Database) -> None:
    """Why the centre was changed, and by undoing what; one-time links for passwords."""
    for statement in statements(_TABLES):
        db.execute(statement)
