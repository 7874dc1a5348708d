"""Version 8 of the schema: which links to accounts of a provider were taken away."""

from sqlite_utils import Database

from gateway.store.migrating import MIGRATIONS, statements

_TABLES = """
-- Links that were taken away: a claim does not make them again, for that carer or for that account. A link that the
-- carer or an operator makes by hand ends this; so does leaving the centre.
CREATE TABLE unlinked (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    carer TEXT NOT NULL,
    unlinked_by TEXT NOT NULL,               -- carer id, or cli:<user>
    unlinked_at INTEGER NOT NULL,
    UNIQUE (carer, issuer, subject)
);
CREATE INDEX unlinked_by_account ON unlinked (issuer, subject);
"""


@MIGRATIONS()
def v008_unlinked(db: Database) -> None:
    """Links that were taken away are remembered."""
    for statement in statements(_TABLES):
        db.execute(statement)
