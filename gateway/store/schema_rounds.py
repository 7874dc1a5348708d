"""Part of version 7 of the schema: what was done on a round."""

from sqlite_utils import Database

from gateway.store.migrating import statements

_TABLES = """
-- Lines of the round list that somebody dealt with. The sensor's own word stays as it is.
CREATE TABLE round_checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    what TEXT NOT NULL,                      -- the line, as gateway.store.care.DueChange says it
    since INTEGER NOT NULL,                  -- of the line: another time is another line
    result TEXT NOT NULL,                    -- gateway.store.rounds.Result
    at INTEGER NOT NULL,
    who TEXT NOT NULL                        -- carer id or cli:<user>
);
CREATE INDEX round_checks_by_resident ON round_checks (resident, at);
CREATE INDEX round_checks_by_time ON round_checks (at);
"""


def rounds(db: Database) -> None:
    """What was done on a round."""
    for statement in statements(_TABLES):
        db.execute(statement)
