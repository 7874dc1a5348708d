"""Part of version 7 of the schema: requests that are not done twice."""

from sqlite_utils import Database

from gateway.store.migrating import statements

_TABLES = """
-- Requests that came with an Idempotency-Key, for a day. Nothing of what was sent or answered can be read here.
CREATE TABLE requests_once (
    id INTEGER PRIMARY KEY,
    carer TEXT NOT NULL,                     -- who asked
    route TEXT NOT NULL,                     -- method and route, such as POST /api/shelves
    key_hash TEXT NOT NULL,                  -- HMAC of the key
    digest TEXT NOT NULL,                    -- HMAC of address and body: another one is another request
    begun_at INTEGER NOT NULL,
    answer BLOB,                             -- encrypted with the key; NULL: not done yet, or cut off
    UNIQUE (carer, route, key_hash)
);
CREATE INDEX requests_once_by_time ON requests_once (begun_at);
"""


def idempotency(db: Database) -> None:
    """Requests that are not done twice."""
    for statement in statements(_TABLES):
        db.execute(statement)
